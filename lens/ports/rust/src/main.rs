//! What do CALIB_V22 and AECE binning give for a sheet of rows? The Rust port; the protocol is that of
//! fixtures/parity/exchange.py.
//!
//!     calib-port CALIBRATOR ROWS BINS             answers once
//!     calib-port CALIBRATOR ROWS BINS on-demand   does one piece of work for each line of its input, to be timed

mod binning;
mod calibrator;
mod digest;
mod exchange;
mod json;

use std::env;
use std::io::{self, BufRead, Write};
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
    let (calibrator, rows, bins, on_demand) = match arguments {
        [calibrator, rows, bins] => (calibrator, rows, bins, false),
        [calibrator, rows, bins, mode] if mode == "on-demand" => (calibrator, rows, bins, true),
        _ => return Err("usage: calib-port CALIBRATOR ROWS BINS [on-demand]".to_owned()),
    };
    let bins: usize = bins
        .parse()
        .ok()
        .filter(|&bins| bins > 0)
        .ok_or_else(|| format!("BINS is {bins}, but should be a whole number above 0"))?;
    let calibrator = Calibrator::read(calibrator)?;
    let sheet = Sheet::read(rows, &calibrator)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if on_demand {
        work_on_demand(&calibrator, &sheet, bins, &mut out)
    } else {
        exchange::answer(&sheet, &confidences(&calibrator, &sheet), bins, &mut out)
            .and_then(|()| out.flush())
            .map_err(|error| format!("the answer could not be written: {error}"))
    }
}

fn confidences(calibrator: &Calibrator, sheet: &Sheet) -> Vec<f64> {
    sheet.rows.iter().map(|row| calibrator.curves[row.curve].confidence(&row.features)).collect()
}

/// Each piece of work is acknowledged with a number that depends on all of it, so that none of it can be left out.
fn work_on_demand(calibrator: &Calibrator, sheet: &Sheet, bins: usize, out: &mut impl Write) -> Result<(), String> {
    let known = confidences(calibrator, sheet);
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| format!("its input cannot be read: {error}"))?;
        let sum = match line.as_str() {
            "confidences" => confidences(calibrator, sheet).iter().filter(|c| !c.is_nan()).sum::<f64>(),
            "bins" => sheet.groups().iter().map(|group| group.bin(&known, bins).ece).sum(),
            other => return Err(format!("asked for {other}, but should be confidences or bins")),
        };
        writeln!(out, "{sum:?}")
            .and_then(|()| out.flush())
            .map_err(|error| format!("the answer could not be written: {error}"))?;
    }
    Ok(())
}
