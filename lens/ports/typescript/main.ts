// What do CALIB_V22 and AECE binning give for a sheet of rows? The TypeScript port; the protocol is that of
// fixtures/parity/exchange.py.
//
//     node main.ts CALIBRATOR ROWS BINS

import { confidenceOf, readCalibrator } from "./calibrator.ts";
import { answer, readSheet } from "./exchange.ts";

function main(given: readonly string[]): void {
  const [calibratorPath, rowsPath, binsText] = given;
  if (calibratorPath === undefined || rowsPath === undefined || binsText === undefined || given.length > 3) {
    throw new Error("usage: node main.ts CALIBRATOR ROWS BINS");
  }
  if (!/^[1-9][0-9]{0,6}$/.test(binsText)) {
    throw new Error(`BINS is ${binsText}, but should be a whole number above 0`);
  }
  const sheet = readSheet(rowsPath, readCalibrator(calibratorPath));
  const confidences = Float64Array.from(sheet.rows, (row) => confidenceOf(row.curve, row.features));
  process.stdout.write(answer(sheet, confidences, Number(binsText)));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  // One line whatever a file's name or content holds.
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`calib-port: ${message.replace(/[\r\n]+/g, " ")}\n`);
  process.exitCode = 1;
}
