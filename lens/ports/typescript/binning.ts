// How far is stated confidence from what came true? AECE on equal-mass bins as gates/statistics/calibration.py has it.

import { at } from "./calibrator.ts";

export interface Bins {
  readonly ece: number; // NaN where nothing is binned
  readonly edges: readonly number[];
  readonly counts: readonly number[]; // of edges.length + 1 bins; empty where nothing is binned
}

/** Equal-mass bins of these pairs of confidence and outcome (0 or 1), and their calibration error. */
export function binsOf(confidence: Float64Array, correct: Float64Array, bins: number): Bins {
  if (confidence.length === 0) {
    return { ece: NaN, edges: [], counts: [] };
  }
  const edges = equalMassEdges(confidence, bins);
  const counts = new Array<number>(edges.length + 1).fill(0);
  const gaps = new Float64Array(edges.length + 1);
  confidence.forEach((stated, i) => {
    const bin = edgesAtMost(edges, stated);
    counts[bin] = (counts[bin] ?? 0) + 1;
    gaps[bin] = at(gaps, bin) + (stated - at(correct, i));
  });
  let ece = 0;
  counts.forEach((count, bin) => {
    if (count > 0) {
      ece += (count / confidence.length) * Math.abs(at(gaps, bin) / count);
    }
  });
  return { ece, edges: [...edges], counts };
}

/** The bin of a confidence: an edge belongs to the bin above it. */
function edgesAtMost(edges: Float64Array, stated: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (at(edges, middle) <= stated) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The inner edges, strictly rising: ties merge bins. */
function equalMassEdges(confidence: Float64Array, bins: number): Float64Array {
  const sorted = confidence.toSorted();
  // Not i / bins: the third of ten shares is 0.30000000000000004, and its edge falls beyond the value at 0.3.
  const step = 1 / bins;
  const edges = Float64Array.from({ length: bins - 1 }, (_, i) => quantile(sorted, (i + 1) * step)).sort();
  return edges.filter((edge, i) => i === 0 || edge !== edges[i - 1]);
}

/** Linear between the two nearest of the sorted values (method 7 of Hyndman and Fan), from the nearer one. */
function quantile(sorted: Float64Array, share: number): number {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  if (below + 1 >= sorted.length) {
    return at(sorted, sorted.length - 1);
  }
  const [a, b, t] = [at(sorted, below), at(sorted, below + 1), place - below];
  return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}
