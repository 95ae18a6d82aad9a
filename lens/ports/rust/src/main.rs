//! What do CALIB_V22 and AECE binning give for a sheet of rows? The Rust port; the protocol is that of
//! fixtures/parity/exchange.py.
//!
//!     calib-port CALIBRATOR ROWS BINS

mod binning;
mod calibrator;
mod digest;
mod exchange;
mod json;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use calibrator::Calibrator;
use exchange::Sheet;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // One line whatever a file's name or content holds.
            eprintln!("calib-port: {}", message.replace(['\n', '\r'], " "));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [calibrator, rows, bins] = arguments else {
        return Err("usage: calib-port CALIBRATOR ROWS BINS".to_owned());
    };
    let bins: usize = bins
        .parse()
        .ok()
        .filter(|&bins| bins > 0)
        .ok_or_else(|| format!("BINS is {bins}, but should be a whole number above 0"))?;
    let calibrator = Calibrator::read(calibrator)?;
    let sheet = Sheet::read(rows, &calibrator)?;
    let confidences: Vec<f64> =
        sheet.rows.iter().map(|row| calibrator.curves[row.curve].confidence(&row.features)).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    exchange::answer(&sheet, &confidences, bins, &mut out)
        .and_then(|()| out.flush())
        .map_err(|error| format!("the answer could not be written: {error}"))
}
