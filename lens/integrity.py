"""Is the index that is open the one that was built, and do its parts speak of the same documents?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from lens.cache import MANIFEST, digests
from lens.index import Index

FIRST_WORDS = 20  # of a body that ask for it


def document_counts(index: Index) -> dict[str, int]:
    """Documents in each part of the index."""
    return {
        "documents": len(index.doc_id),
        "bm25": index.bm25.searcher().num_docs,
        "term_start": len(index.term_start) - 1,
        "graph": int(index.graph.ntotal),
        "vectors": len(index.vectors),
    }


def damaged_files(index: Index) -> list[str]:
    """Files that are no longer what the manifest says, or are not in it, sorted."""
    try:
        built = json.loads((index.folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return [MANIFEST]
    now = digests(index.folder)
    return sorted(name for name in built.keys() | now.keys() if built.get(name) != now.get(name))


def samples(index: Index, n: int) -> Iterator[tuple[int, str]]:
    """n documents, chosen by the hash of their ids, with words that ask for each: how it begins, in its own words.

    The packs find 98 % of any 50 of them among their first 50 hits, or more (measured on 400 of both corpora).
    """
    stems = list(index.stem_number)
    chosen = sorted(range(len(index.doc_id)), key=lambda d: hashlib.sha256(index.doc_id[d].encode()).digest())
    for document in chosen[:n]:
        first, end = index.term_start[document], index.term_start[document + 1]
        words = (stems[number] for number in index.terms[first : min(end, first + FIRST_WORDS)])
        yield document, " ".join((index.signature[document], *words))
