//! How likely is it that the first hit is right? CALIB_V22 as lens/calibrator.py has it, read from the committed JSON.

use std::fs;

use crate::digest::sha256_hex;
use crate::json::{self, Value};

const VERSION: &str = "CALIB_V22";
/// The stages of a search, and how many features each has.
const STAGES: [(&str, usize); 2] = [("lexical", 5), ("fused", 10)];
const INTENTS: [&str; 3] = ["docstring", "identifier", "error"];
const LOWEST: f64 = 0.001;
const HIGHEST: f64 = 0.999;
const WAY_OUT: &str = "restore it from version control, or fit a new one: python -m lens fit-calibrator";

pub struct Curve {
    stage: String,
    intent: String,
    intercept: f64,
    weights: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    alpha: f64,
}

pub struct Calibrator {
    pub curves: Vec<Curve>,
}

impl Curve {
    /// The probability for a feature vector; NaN (refused) where the model has no number for it.
    pub fn confidence(&self, features: &[f64]) -> f64 {
        // From left to right, the intercept last: floating point sums depend on the order.
        let mut sum = 0.0;
        for (weight, feature) in self.weights.iter().zip(features) {
            sum += weight * feature;
        }
        let p = sigmoid(self.intercept + sum);
        if p.is_nan() {
            return p;
        }
        let mixed = self.alpha * self.corrected(p) + (1.0 - self.alpha) * p;
        mixed.clamp(LOWEST, HIGHEST)
    }

    /// The piecewise linear map through the knots; beyond them it goes on with slope one.
    fn corrected(&self, p: f64) -> f64 {
        let (x, y) = (&self.x, &self.y);
        let last = x.len() - 1;
        if p <= x[0] {
            y[0] + (p - x[0])
        } else if p >= x[last] {
            y[last] + (p - x[last])
        } else {
            let i = x.partition_point(|&knot| knot <= p);
            y[i - 1] + (y[i] - y[i - 1]) * (p - x[i - 1]) / (x[i] - x[i - 1])
        }
    }
}

fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        z.exp() / (1.0 + z.exp())
    }
}

impl Calibrator {
    /// The calibrator of a file. The error says in one line what is wrong with it.
    pub fn read(path: &str) -> Result<Calibrator, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: no calibrator ({error}); {WAY_OUT}"))?;
        parse(&text).map_err(|what| format!("{path}: {what}; {WAY_OUT}"))
    }

    pub fn position(&self, stage: &str, intent: &str) -> Option<usize> {
        self.curves.iter().position(|c| c.stage == stage && c.intent == intent)
    }

    pub fn features_of(&self, curve: usize) -> usize {
        self.curves[curve].weights.len()
    }
}

fn parse(text: &str) -> Result<Calibrator, String> {
    let no_calibrator = |what: String| format!("no calibrator ({what})");
    let document = json::parse(text).map_err(no_calibrator)?;
    let stated = document.text("digest").map_err(no_calibrator)?;
    if stated != sha256_hex(document.canonical_without("digest").as_bytes()) {
        let shown: String = stated.chars().take(16).collect();
        return Err(format!("digest {shown} is not that of its content"));
    }
    let version = document.text("version").map_err(no_calibrator)?;
    if version != VERSION {
        return Err(format!("version {version}, but should be {VERSION}"));
    }
    let curves = document
        .list("curves")
        .and_then(|curves| curves.iter().map(curve).collect::<Result<Vec<_>, _>>())
        .map_err(no_calibrator)?;
    let calibrator = Calibrator { curves };
    for (stage, features) in STAGES {
        for intent in INTENTS {
            let found = calibrator.position(stage, intent);
            if found.map(|curve| calibrator.features_of(curve)) != Some(features) {
                return Err(format!("has no curve for {stage} {intent} with {features} weights"));
            }
        }
    }
    Ok(calibrator)
}

fn curve(value: &Value) -> Result<Curve, String> {
    let curve = Curve {
        stage: value.text("stage")?.to_owned(),
        intent: value.text("intent")?.to_owned(),
        intercept: value.number("intercept")?,
        weights: value.numbers("weights")?,
        x: value.numbers("x")?,
        y: value.numbers("y")?,
        alpha: value.number("alpha")?,
    };
    if curve.x.len() < 2 || curve.x.len() != curve.y.len() || curve.x.windows(2).any(|w| w[0] >= w[1]) {
        return Err(format!("{} {}: knots that do not rise", curve.stage, curve.intent));
    }
    Ok(curve)
}
