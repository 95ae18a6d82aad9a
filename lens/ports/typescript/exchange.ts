// What is asked, and how is it answered? Rows in, confidences and bins out, as fixtures/parity/exchange.py says.

import { readFileSync } from "node:fs";

import { type Bins, binsOf } from "./binning.ts";
import { at, type Calibrator, type Curve } from "./calibrator.ts";

const FIRST_LINE = "hero-gate/parity/v1";
const EVERYTHING = "all";
const NUMBER = /^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/;

export interface Row {
  readonly group: string;
  readonly curve: Curve;
  readonly correct: number;
  readonly features: Float64Array;
}

export interface Sheet {
  readonly rows: readonly Row[];
}

export interface Group {
  readonly name: string;
  readonly rows: readonly number[];
}

/** The rows of a file. The error names the line, and says what it should hold. */
export function readSheet(path: string, calibrator: Calibrator): Sheet {
  const lines = textOf(path).split("\n");
  if (lines.at(-1) === "") {
    lines.pop();
  }
  if (lines[0] !== FIRST_LINE) {
    throw new Error(`${path}:1: should be ${FIRST_LINE}`);
  }
  const rows = lines.slice(1).map((line, i) => {
    try {
      return rowOf(line, calibrator);
    } catch (error) {
      throw new Error(`${path}:${i + 2}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return { rows };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path}: cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
}

function rowOf(line: string, calibrator: Calibrator): Row {
  const [group, stage, intent, correct, ...features] = line.split("\t");
  if (group === undefined || stage === undefined || intent === undefined || correct === undefined) {
    throw new Error("should be group, stage, intent, outcome and features, by tabs");
  }
  if (group === "" || group === EVERYTHING) {
    throw new Error(`group "${group}", but should be a name other than "${EVERYTHING}"`);
  }
  const curve = calibrator.get(`${stage} ${intent}`);
  if (curve === undefined) {
    throw new Error(`${stage} ${intent}: the calibrator has no such curve`);
  }
  if (features.length !== curve.weights.length) {
    throw new Error(`${features.length} features, but ${stage} should have ${curve.weights.length}`);
  }
  if (correct !== "0" && correct !== "1") {
    throw new Error(`outcome "${correct}", but should be 0 or 1`);
  }
  return { group, curve, correct: Number(correct), features: Float64Array.from(features, numberOf) };
}

/** As Python writes it. */
function numberOf(text: string): number {
  switch (text) {
    case "nan":
      return NaN;
    case "inf":
      return Infinity;
    case "-inf":
      return -Infinity;
    default:
      if (!NUMBER.test(text)) {
        throw new Error(`feature "${text}" is no number`);
      }
      return Number(text);
  }
}

/** Everything, then each group in the order of their first rows. */
function groupsOf(sheet: Sheet): Group[] {
  const groups = new Map<string, number[]>([[EVERYTHING, [...sheet.rows.keys()]]]);
  sheet.rows.forEach(({ group }, i) => {
    const rows = groups.get(group);
    if (rows === undefined) {
      groups.set(group, [i]);
    } else {
      rows.push(i);
    }
  });
  return Array.from(groups, ([name, rows]) => ({ name, rows }));
}

/** The bins of those rows of a group that have a confidence. */
function binned(sheet: Sheet, group: Group, confidence: Float64Array, bins: number): Bins {
  const told = group.rows.filter((i) => !Number.isNaN(at(confidence, i)));
  const stated = Float64Array.from(told, (i) => at(confidence, i));
  const came = Float64Array.from(told, (i) => sheet.rows[i]?.correct ?? NaN);
  return binsOf(stated, came, bins);
}

/** What is asked of a sheet. */
export function answer(sheet: Sheet, confidence: Float64Array, bins: number): string {
  const lines = [`${FIRST_LINE}\t${confidence.length}`, ...Array.from(confidence, String)];
  for (const group of groupsOf(sheet)) {
    const { ece, edges, counts } = binned(sheet, group, confidence, bins);
    lines.push(`bins\t${group.name}\t${ece}\t${edges.join(" ")}\t${counts.join(" ")}`);
  }
  return `${[...lines, "end"].join("\n")}\n`;
}
