//! How far is stated confidence from what came true? AECE on equal-mass bins as gates/statistics/calibration.py has it.

pub struct Bins {
    pub ece: f64, // NaN where nothing is binned
    pub edges: Vec<f64>,
    pub counts: Vec<u64>, // of edges.len() + 1 bins; empty where nothing is binned
}

/// Equal-mass bins of these pairs of confidence and outcome (0 or 1), and their calibration error.
pub fn bin(confidence: &[f64], correct: &[f64], bins: usize) -> Bins {
    if confidence.is_empty() {
        return Bins { ece: f64::NAN, edges: Vec::new(), counts: Vec::new() };
    }
    let edges = equal_mass_edges(confidence, bins);
    let mut counts = vec![0_u64; edges.len() + 1];
    let mut gaps = vec![0.0_f64; edges.len() + 1];
    for (&stated, &came) in confidence.iter().zip(correct) {
        // An edge belongs to the bin above it.
        let bin = edges.partition_point(|&edge| edge <= stated);
        counts[bin] += 1;
        gaps[bin] += stated - came;
    }
    let ece = counts
        .iter()
        .zip(&gaps)
        .filter(|(&count, _)| count > 0)
        .map(|(&count, gap)| count as f64 / confidence.len() as f64 * (gap / count as f64).abs())
        .sum();
    Bins { ece, edges, counts }
}

/// The inner edges, strictly rising: ties merge bins.
fn equal_mass_edges(confidence: &[f64], bins: usize) -> Vec<f64> {
    let mut sorted = confidence.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Not i / bins: the third of ten shares is 0.30000000000000004, and its edge falls beyond the value at 0.3.
    let step = 1.0 / bins as f64;
    let mut edges: Vec<f64> = (1..bins).map(|i| quantile(&sorted, i as f64 * step)).collect();
    edges.sort_unstable_by(f64::total_cmp);
    edges.dedup();
    edges
}

/// Linear between the two nearest of the sorted values (method 7 of Hyndman and Fan), from the nearer one.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * share;
    let below = at.floor() as usize;
    if below + 1 >= sorted.len() {
        return sorted[sorted.len() - 1];
    }
    let (a, b, t) = (sorted[below], sorted[below + 1], at - at.floor());
    if t >= 0.5 {
        b - (b - a) * (1.0 - t)
    } else {
        a + (b - a) * t
    }
}
