//! What is asked, and how is it answered? Rows in, confidences and bins out, as fixtures/parity/exchange.py says.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};

use crate::binning::{bin, Bins};
use crate::calibrator::Calibrator;

const FIRST_LINE: &str = "hero-gate/parity/v1";
const EVERYTHING: &str = "all";

pub struct Row {
    pub curve: usize,
    pub features: Vec<f64>,
    correct: f64,
    group: usize,
}

pub struct Sheet {
    pub rows: Vec<Row>,
    names: Vec<String>, // of the groups, in the order of their first rows
}

pub struct Group<'a> {
    name: &'a str,
    rows: Vec<usize>,
    sheet: &'a Sheet,
}

impl Sheet {
    /// The rows of a file. The error names the line, and says what it should hold.
    pub fn read(path: &str, calibrator: &Calibrator) -> Result<Sheet, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: cannot be read ({error})"))?;
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(format!("{path}:1: should be {FIRST_LINE}"));
        }
        let mut sheet = Sheet { rows: Vec::new(), names: Vec::new() };
        let mut known: HashMap<String, usize> = HashMap::new();
        for (i, line) in lines.enumerate() {
            let row = sheet.row(line, calibrator, &mut known).map_err(|what| format!("{path}:{}: {what}", i + 2))?;
            sheet.rows.push(row);
        }
        Ok(sheet)
    }

    fn row(&mut self, line: &str, calibrator: &Calibrator, known: &mut HashMap<String, usize>) -> Result<Row, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, stage, intent, correct, features @ ..] = columns.as_slice() else {
            return Err("should be group, stage, intent, outcome and features, by tabs".to_owned());
        };
        if name.is_empty() || *name == EVERYTHING {
            return Err(format!("group {name:?}, but should be a name other than {EVERYTHING:?}"));
        }
        let curve = calibrator
            .position(stage, intent)
            .ok_or_else(|| format!("{stage} {intent}: the calibrator has no such curve"))?;
        if features.len() != calibrator.features_of(curve) {
            let should = calibrator.features_of(curve);
            return Err(format!("{} features, but {stage} should have {should}", features.len()));
        }
        let correct = match *correct {
            "0" => 0.0,
            "1" => 1.0,
            other => return Err(format!("outcome {other:?}, but should be 0 or 1")),
        };
        let features = features
            .iter()
            .map(|text| text.parse().map_err(|_| format!("feature {text:?} is no number")))
            .collect::<Result<Vec<f64>, String>>()?;
        let group = *known.entry((*name).to_owned()).or_insert_with(|| {
            self.names.push((*name).to_owned());
            self.names.len() - 1
        });
        Ok(Row { curve, features, correct, group })
    }

    /// Everything, then each group.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups = vec![Group { name: EVERYTHING, rows: (0..self.rows.len()).collect(), sheet: self }];
        groups.extend(self.names.iter().map(|name| Group { name, rows: Vec::new(), sheet: self }));
        for (i, row) in self.rows.iter().enumerate() {
            groups[row.group + 1].rows.push(i);
        }
        groups
    }
}

impl Group<'_> {
    /// The bins of those of its rows that have a confidence.
    pub fn bin(&self, confidence: &[f64], bins: usize) -> Bins {
        let told: Vec<usize> = self.rows.iter().copied().filter(|&i| !confidence[i].is_nan()).collect();
        let stated: Vec<f64> = told.iter().map(|&i| confidence[i]).collect();
        let came: Vec<f64> = told.iter().map(|&i| self.sheet.rows[i].correct).collect();
        bin(&stated, &came, bins)
    }
}

/// Write what is asked of a sheet.
pub fn answer(sheet: &Sheet, confidence: &[f64], bins: usize, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{FIRST_LINE}\t{}", confidence.len())?;
    for value in confidence {
        writeln!(out, "{value:?}")?;
    }
    for group in sheet.groups() {
        let Bins { ece, edges, counts } = group.bin(confidence, bins);
        let edges: Vec<String> = edges.iter().map(|edge| format!("{edge:?}")).collect();
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        writeln!(out, "bins\t{}\t{ece:?}\t{}\t{}", group.name, edges.join(" "), counts.join(" "))?;
    }
    writeln!(out, "end")
}
