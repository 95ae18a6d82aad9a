// How likely is it that the first hit is right? CALIB_V22 as lens/calibrator.py has it, read from the committed JSON.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { canonical, isObject, type Json, parse, plainNumber } from "./json.ts";

const VERSION = "CALIB_V22";
/** The stages of a search, and how many features each has. */
const STAGES: ReadonlyMap<string, number> = new Map([
  ["lexical", 5],
  ["fused", 10],
]);
const INTENTS = ["docstring", "identifier", "error"] as const;
const LOWEST = 0.001;
const HIGHEST = 0.999;
const WAY_OUT = "restore it from version control, or fit a new one: python -m lens fit-calibrator";

export interface Curve {
  readonly intercept: number;
  readonly weights: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly alpha: number;
}

/** The curve of each stage and intent, by "stage intent". */
export type Calibrator = ReadonlyMap<string, Curve>;

/** The probability for a feature vector; NaN (refused) where the model has no number for it. */
export function confidenceOf(curve: Curve, features: Float64Array): number {
  // From left to right, the intercept last: floating point sums depend on the order.
  let sum = 0;
  for (let i = 0; i < features.length; i++) {
    sum += at(curve.weights, i) * at(features, i);
  }
  const p = sigmoid(curve.intercept + sum);
  if (Number.isNaN(p)) {
    return NaN;
  }
  const mixed = curve.alpha * corrected(curve, p) + (1 - curve.alpha) * p;
  return Math.min(Math.max(mixed, LOWEST), HIGHEST);
}

/** The piecewise linear map through the knots; beyond them it goes on with slope one. */
function corrected({ x, y }: Curve, p: number): number {
  const last = x.length - 1;
  if (p <= at(x, 0)) {
    return at(y, 0) + (p - at(x, 0));
  }
  if (p >= at(x, last)) {
    return at(y, last) + (p - at(x, last));
  }
  let i = 1;
  while (at(x, i) <= p) {
    i++;
  }
  return at(y, i - 1) + ((at(y, i) - at(y, i - 1)) * (p - at(x, i - 1))) / (at(x, i) - at(x, i - 1));
}

function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

/** An element that is there: reading beyond an array is a mistake, not NaN. */
export function at(values: Float64Array, i: number): number {
  const value = values[i];
  if (value === undefined) {
    throw new Error(`element ${i} of ${values.length}`);
  }
  return value;
}

/** The calibrator of a file. The error says in one line what is wrong with it. */
export function readCalibrator(path: string): Calibrator {
  try {
    return calibratorOf(orNoCalibrator(() => readFileSync(path, "utf8")));
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}; ${WAY_OUT}`);
  }
}

function calibratorOf(text: string): Calibrator {
  const document = orNoCalibrator(() => {
    const read = parse(text);
    if (!isObject(read)) {
      throw new Error("no object");
    }
    return read;
  });
  const { digest, ...body } = document;
  const stated = orNoCalibrator(() => textOf(digest, "digest"));
  if (stated !== createHash("sha256").update(canonical(body)).digest("hex")) {
    throw new Error(`digest ${stated.slice(0, 16)} is not that of its content`);
  }
  const version = orNoCalibrator(() => textOf(document["version"], "version"));
  if (version !== VERSION) {
    throw new Error(`version ${version}, but should be ${VERSION}`);
  }
  const curves = orNoCalibrator(() => new Map(listOf(document["curves"], "curves").map(namedCurve)));
  for (const [stage, features] of STAGES) {
    for (const intent of INTENTS) {
      if (curves.get(`${stage} ${intent}`)?.weights.length !== features) {
        throw new Error(`has no curve for ${stage} ${intent} with ${features} weights`);
      }
    }
  }
  return curves;
}

function orNoCalibrator<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`no calibrator (${error instanceof Error ? error.message : String(error)})`);
  }
}

function namedCurve(value: Json): [string, Curve] {
  if (!isObject(value)) {
    throw new Error("a curve is no object");
  }
  const name = `${textOf(value["stage"], "stage")} ${textOf(value["intent"], "intent")}`;
  const curve: Curve = {
    intercept: numberOf(value["intercept"], "intercept"),
    weights: numbersOf(value["weights"], "weights"),
    x: numbersOf(value["x"], "x"),
    y: numbersOf(value["y"], "y"),
    alpha: numberOf(value["alpha"], "alpha"),
  };
  const rises = curve.x.every((knot, i) => i === 0 || at(curve.x, i - 1) < knot);
  if (curve.x.length < 2 || curve.x.length !== curve.y.length || !rises) {
    throw new Error(`${name}: knots that do not rise`);
  }
  return [name, curve];
}

function textOf(value: Json | undefined, key: string): string {
  if (typeof value !== "string") {
    throw new Error(value === undefined ? `no "${key}"` : `"${key}" is no text`);
  }
  return value;
}

function listOf(value: Json | undefined, key: string): readonly Json[] {
  if (!Array.isArray(value)) {
    throw new Error(value === undefined ? `no "${key}"` : `"${key}" is no list`);
  }
  return value;
}

function numberOf(value: Json | undefined, key: string): number {
  const number = plainNumber(value);
  if (number === undefined) {
    throw new Error(value === undefined ? `no "${key}"` : `"${key}" is no finite number`);
  }
  return number;
}

function numbersOf(value: Json | undefined, key: string): Float64Array {
  return Float64Array.from(listOf(value, key), (item) => numberOf(item, key));
}
