// What do CALIB_V22 and AECE binning give for a sheet of rows? The TypeScript port; the protocol is that of
// fixtures/parity/exchange.py.
//
//     node main.ts CALIBRATOR ROWS BINS             answers once
//     node main.ts CALIBRATOR ROWS BINS on-demand   does one piece of work for each line of its input, to be timed

import { createInterface } from "node:readline";

import { confidenceOf, readCalibrator } from "./calibrator.ts";
import { answer, binned, groupsOf, readSheet, type Sheet } from "./exchange.ts";

async function main(given: readonly string[]): Promise<void> {
  const [calibratorPath, rowsPath, binsText, mode] = given;
  const known = mode === undefined || mode === "on-demand";
  if (calibratorPath === undefined || rowsPath === undefined || binsText === undefined || !known || given.length > 4) {
    throw new Error("usage: node main.ts CALIBRATOR ROWS BINS [on-demand]");
  }
  if (!/^[1-9][0-9]{0,6}$/.test(binsText)) {
    throw new Error(`BINS is ${binsText}, but should be a whole number above 0`);
  }
  const bins = Number(binsText);
  const sheet = readSheet(rowsPath, readCalibrator(calibratorPath));
  if (mode === "on-demand") {
    await workOnDemand(sheet, bins);
  } else {
    process.stdout.write(answer(sheet, confidences(sheet), bins));
  }
}

function confidences(sheet: Sheet): Float64Array {
  const found = new Float64Array(sheet.rows.length);
  sheet.rows.forEach((row, i) => {
    found[i] = confidenceOf(row.curve, row.features);
  });
  return found;
}

/** Each piece of work is acknowledged with a number that depends on all of it, so that none of it can be left out. */
async function workOnDemand(sheet: Sheet, bins: number): Promise<void> {
  const known = confidences(sheet);
  for await (const line of createInterface({ input: process.stdin })) {
    let sum = 0;
    if (line === "confidences") {
      for (const value of confidences(sheet)) {
        sum += Number.isNaN(value) ? 0 : value;
      }
    } else if (line === "bins") {
      for (const group of groupsOf(sheet)) {
        sum += binned(sheet, group, known, bins).ece;
      }
    } else {
      throw new Error(`asked for ${line}, but should be confidences or bins`);
    }
    process.stdout.write(`${sum}\n`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // One line whatever a file's name or content holds.
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`calib-port: ${message.replace(/[\r\n]+/g, " ")}\n`);
  process.exitCode = 1;
}
