// What does a JSON document say, and how does lens/calibrator.py write it to digest it? Numbers stay as written.

/** A number as it is written: 1e-07 and 1e-7 are one number, but not one digest. */
export class Written {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

export type Json = null | boolean | string | Written | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The document. Throws SyntaxError. */
export function parse(text: string): Json {
  // The third argument is that of "JSON.parse source text access", which Node has from 22 on.
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== "number") {
      return value;
    }
    if (context?.source === undefined) {
      throw new Error(`Node ${process.version} does not tell how a number is written; use Node 22.18 or later`);
    }
    return new Written(context.source);
  };
  return JSON.parse(text, keep as (this: unknown, key: string, value: unknown) => unknown) as Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Written);
}

/** A finite number; undefined where it is none. */
export function plainNumber(value: Json | undefined): number | undefined {
  const number = value instanceof Written ? Number(value.source) : NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** Keys sorted, no spaces, ASCII only. */
export function canonical(value: Json): string {
  if (value instanceof Written) {
    return value.source;
  }
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(",")}]`;
  }
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${quoted(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
  }
  return typeof value === "string" ? quoted(value) : String(value);
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
