"""Which documents mean the same? Nearest unit vectors by an HNSW graph over product-quantised codes.

The graph is built on the exact vectors and then given the codes to search with: ten times faster to build than on the
codes, and better. One thread throughout, for the same graph every time and latencies that are this query's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

LINKS = 32  # of a node of the graph
CONSTRUCTION = 80  # candidates looked at for each node's links
CODE_BYTES = 32  # of a vector: 1/16 of half precision
POINTS_PER_CENTROID = 24  # of 256 centroids of each code byte
TRAINING_ROUNDS = 8
GRAPH = {
    "hnsw": {"links": LINKS, "construction": CONSTRUCTION},
    "pq": {"code_bytes": CODE_BYTES, "points_per_centroid": POINTS_PER_CENTROID, "training_rounds": TRAINING_ROUNDS},
}

Floats = NDArray[np.float32]
Ordinals = NDArray[np.int32]


def build_graph(vectors: Floats) -> Any:
    """The graph over compressed unit vectors, shape (documents, dimensions)."""
    faiss.omp_set_num_threads(1)
    count, dimensions = vectors.shape
    exact = faiss.IndexHNSWFlat(dimensions, LINKS, faiss.METRIC_INNER_PRODUCT)
    exact.hnsw.efConstruction = CONSTRUCTION
    exact.add(vectors)
    compressed = faiss.IndexHNSWPQ(dimensions, CODE_BYTES, LINKS, 8, faiss.METRIC_INNER_PRODUCT)
    storage = faiss.downcast_index(compressed.storage)
    storage.pq.cp.max_points_per_centroid = POINTS_PER_CENTROID
    storage.pq.cp.min_points_per_centroid = 1  # the smoke corpus is small, and said so
    storage.pq.cp.niter = TRAINING_ROUNDS
    storage.train(vectors)
    storage.add(vectors)
    compressed.hnsw = exact.hnsw
    compressed.ntotal = count
    compressed.is_trained = True
    return compressed


def read_graph(path: Path) -> Any:
    """A graph that was kept."""
    faiss.omp_set_num_threads(1)
    return faiss.read_index(str(path))


@dataclass(frozen=True, slots=True)
class DenseSearch:
    """Searches one graph with its own breadth, and scores the best candidates exactly."""

    graph: Any
    exact: NDArray[np.float16]  # (documents, dimensions)
    refine: int  # so many best candidates are scored again
    depth: int  # candidates returned
    parameters: Any

    @staticmethod
    def open(graph: Any, exact: NDArray[np.float16], breadth: int, refine: int, depth: int) -> DenseSearch:
        """`breadth` is efSearch."""
        return DenseSearch(graph, exact, refine, depth, faiss.SearchParametersHNSW(efSearch=breadth))

    def nearest(self, query: Floats) -> tuple[Ordinals, Floats]:
        """The documents nearest to a unit vector and their inner products, best first.

        Candidates beyond `refine` keep their order behind the refined ones.
        """
        k = max(self.depth, self.refine)
        scores, found = self.graph.search(query[None, :], k, params=self.parameters)
        there = found[0] >= 0
        documents, score = found[0][there].astype(np.int32), scores[0][there]
        if self.refine:
            head = documents[: self.refine]
            better = self.exact[head].astype(np.float32) @ query
            order = np.lexsort((head, -better))
            documents = np.concatenate([head[order], documents[self.refine :]])
            score = np.concatenate([better[order], np.minimum(score[self.refine :], better.min(initial=np.inf))])
        return documents[: self.depth], score[: self.depth]
