"""Which questions have one answer that nobody can miss? Thirty of them, asked before every climb.

An oracle is a calibration question (no canary ever asks it, nor another one about its function) with exactly one
judged function, which exhaustive scoring puts first by words and by meaning alike, and by a margin:

- BM25 over every document: at least 1.5 times the score of the second. No proximity boost exceeds 1.4, so no grid of
  boosts can turn that round.
- The exact inner product with every vector: at least 0.05 above the second, so neither compressed codes nor a graph's
  short cuts put another function ahead in a fusion with those words.

No pack's answers are looked at. Hence the rule of the check: the exact file and lines, at rank 1. Names are asked as a
reader would write them (Class.method), error messages as they are raised, and docstring questions only where their
words hold all words of the function's name. Of each intent the ten with the smallest hashes are taken; the three sets
lean towards what the pack of that name changes.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from lens.index import Index
from lens.lexical import LexicalSearch
from lens.text import terms

SCHEMA = "hero-gate/oracles/v1"
WORDS_MARGIN = 1.5  # times the second score
MEANING_MARGIN = 0.05  # beyond the second inner product
#: Set -> how many of each intent: ten a set, ten an intent.
SETS = {
    "lexical": {"error": 5, "identifier": 3, "docstring": 2},
    "router": {"error": 3, "identifier": 4, "docstring": 3},
    "ann": {"error": 2, "identifier": 3, "docstring": 5},
}
_NAME = re.compile(r"def\s+(\w+)")


def make_oracles(index: Index, lexical: LexicalSearch) -> str:
    """The JSON document of an index's oracles. Raises ValueError where too few questions are sure."""
    wanted = {intent: sum(share[intent] for share in SETS.values()) for intent in SETS["lexical"]}
    sure: dict[str, list[int]] = {intent: [] for intent in wanted}
    for query in _in_order(index):
        found = sure[index.intent[query]]
        if len(found) < wanted[index.intent[query]] and _is_sure(query, index, lexical):
            found.append(query)
    short = {intent: len(found) for intent, found in sure.items() if len(found) < wanted[intent]}
    if short:
        told = ", ".join(f"{n} of intent {intent}" for intent, n in short.items())
        raise ValueError(f"{told} are sure, but each intent should give {max(wanted.values())}; give a larger corpus")
    rows = [
        _row(name, query, index)
        for name, share in SETS.items()
        for intent, n in share.items()
        for query in (sure[intent].pop(0) for _ in range(n))
    ]
    document = {"schema": SCHEMA, "corpus": index.digests["corpus"], "oracles": rows}
    return json.dumps(document, indent=1) + "\n"


def _in_order(index: Index) -> Iterator[int]:
    """Calibration questions with one judged function, by the hash of their ids."""
    one = np.diff(index.judged_start) == 1
    queries = [query for query in index.part["calibration"].tolist() if one[query]]
    yield from sorted(queries, key=lambda q: hashlib.sha256(f"oracle:{index.query_id[q]}".encode()).digest())


def _is_sure(query: int, index: Index, lexical: LexicalSearch) -> bool:
    text, answer = index.text[query], int(index.judged_doc[index.judged_start[query]])
    words = list(dict.fromkeys(terms(text)))
    if index.intent[query] == "docstring" and not _name_words(index.signature[answer]) <= set(words):
        return False
    documents, scores = lexical.best(words)
    if len(documents) < 2 or documents[0] != answer or scores[0] < WORDS_MARGIN * scores[1]:
        return False
    vector = index.words.embed(text)
    if vector is None:
        return False
    products = index.vectors.astype(np.float32) @ vector
    second, first = np.argpartition(products, -2)[-2:]
    return bool(first == answer and products[first] - products[second] >= MEANING_MARGIN)


def _name_words(signature: str) -> set[str]:
    name = _NAME.search(signature)
    return set(terms(name[1])) if name else {""}


def _row(name: str, query: int, index: Index) -> dict[str, Any]:
    answer = int(index.judged_doc[index.judged_start[query]])
    return {
        "id": index.query_id[query],
        "set": name,
        "query": index.text[query],
        "intent": index.intent[query],
        "file": index.file[answer],
        "line_start": int(index.line_start[answer]),
        "line_end": int(index.line_end[answer]),
    }
