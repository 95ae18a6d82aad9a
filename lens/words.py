"""Which vector has a text? The idf-weighted mean of static word vectors, which are read as data from a pinned wheel."""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from tokenizers import Tokenizer

from lens.text import surface_words
from lens.wheels import CorpusError

WEIGHTS = "wordllama/weights/l2_supercat_256.safetensors"
TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
DIMENSIONS = 256
TOGETHER = 1000  # lists of rows summed at once

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The vectors of the tokenizer's pieces of words."""

    tokenizer: Tokenizer
    vectors: Vectors  # (tokens, DIMENSIONS)

    def of(self, words: Sequence[str]) -> Vectors:
        """The vector of each word: the mean of its pieces', shape (words, DIMENSIONS)."""
        # one by one: a batch is spread over threads, and a query would wait for theirs
        pieces = [self.tokenizer.encode(word, add_special_tokens=False).ids for word in words]
        lengths = np.array([len(p) for p in pieces])
        means: Vectors = np.divide(summed(self.vectors, pieces), lengths[:, None], dtype=np.float32)
        return means


Tokens = Callable[[], TokenVectors]  # read when a word is asked for that no document has


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The words of a corpus, weighted by how rare they are. A query's other words count as the rarest."""

    row: Mapping[str, int]
    weighted: NDArray[np.float16]  # (words, DIMENSIONS): vector times idf
    rarest: float  # idf of a word that stands in no document
    tokens: Tokens

    def embed(self, text: str) -> Vectors | None:
        """The unit vector of a text, shape (DIMENSIONS,); None where it has no words."""
        known, unknown = [], []
        for word in surface_words(text):
            row = self.row.get(word)
            known.append(row) if row is not None else unknown.append(word)
        total = self.weighted[known].astype(np.float32).sum(axis=0)
        if unknown:
            total = total + self.rarest * self.tokens().of(unknown).sum(axis=0)
        norm = float(np.sqrt(total @ total))
        return np.divide(total, norm, dtype=np.float32) if norm > 0 else None


def read_tokens(wheel: Path) -> TokenVectors:
    """The tokenizer and the vectors in the weights' wheel. Raises CorpusError where it holds none."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            tokenizer = Tokenizer.from_str(archive.read(TOKENIZER).decode())
            (vectors,) = load(archive.read(WEIGHTS)).values()
    except (KeyError, ValueError) as error:
        raise CorpusError(f"{wheel}: holds no word vectors ({error}); name the wheel of configs/weights.lock") from None
    return TokenVectors(tokenizer, vectors.astype(np.float32))


def summed(vectors: NDArray[np.floating[Any]], rows: Sequence[Sequence[int]]) -> Vectors:
    """The sum of the named rows for each list of rows; zero for an empty one."""
    total = np.zeros((len(rows), DIMENSIONS), dtype=np.float32)
    for first in range(0, len(rows), TOGETHER):
        part = rows[first : first + TOGETHER]
        filled = [i for i, r in enumerate(part) if r]
        flat = np.array([j for i in filled for j in part[i]], dtype=np.int64)
        at = starts([len(part[i]) for i in filled])[:-1]
        if filled:
            total[[first + i for i in filled]] = np.add.reduceat(vectors[flat].astype(np.float32), at, axis=0)
    return total


def starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Offsets of consecutive lists and the end of the last, shape (lists + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
