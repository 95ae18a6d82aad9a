"""What is an index built with? Values that a release locks, since the bytes of a graph may differ between CPUs."""

from __future__ import annotations

from lens.build import MAX_WORDS, NAME_SHARE
from lens.dense import CODE_BYTES, CONSTRUCTION, LINKS, POINTS_PER_CENTROID, TRAINING_ROUNDS
from lens.words import DIMENSIONS

PARAMETERS = {
    "hnsw": {"links": LINKS, "construction": CONSTRUCTION},
    "pq": {"code_bytes": CODE_BYTES, "points_per_centroid": POINTS_PER_CENTROID, "training_rounds": TRAINING_ROUNDS},
    "vectors": {"dimensions": DIMENSIONS, "name_share": NAME_SHARE, "max_words": MAX_WORDS},
}
