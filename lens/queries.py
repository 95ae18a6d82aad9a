"""What do people ask a code search, and which functions answer it? Questions and judgements made from the corpus.

Each documented function gives up to three questions: the first sentence of its docstring (which is not indexed), its
name, and the first message it raises. Relevance is known from where a question comes from:

- grade 3: the functions that gave the question (all of them when several give the same text), and their copies
  (equal normalised body);
- grade 2: the override family of a grade 3 function: same method name and same docstring in another class.

**Parts.** Functions, not questions, are split, and functions that share anything a judgement can see (a question's
text, a body, a family) fall in one part together: the parts share no question, no judged function and no copy of one.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens.spans import Span
from lens.text import terms

PARTS = {"calibration": 30, "selection": 20, "canary": 50}  # percent of the groups of functions
MIN_WORDS, MAX_WORDS = 4, 40
MAX_SHARED = 12  # functions giving one text; beyond, it asks for nothing in particular ("Meta.model")

ROLE = re.compile(r":[\w:+-]+:`~?([^`<]*?)(?:\s*<[^>]*>)?`")  # Sphinx, :class:`~a.B` or :ref:`words <target>`
EPYTEXT = re.compile(r"\b[A-Z]\{([^{}]*)\}")  # twisted, L{Deferred}
QUOTED_CODE = re.compile(r"`{1,2}([^`]*)`{1,2}|\*{1,2}([^*\s][^*]*)\*{1,2}")
SENTENCE_END = re.compile(r"[.:!?](?:\s|$)")
PLACEHOLDER = re.compile(r"\{[^{}]*\}|%\(\w+\)[#0-9.+ -]*[a-zA-Z]|%[#0-9.+-]*[a-zA-Z]")
RESIDUE = re.compile(r"[`{}<>|\\@$^~=*\[\]]|::|\.\.\.|__|>>>|https?:")
BOILERPLATE = re.compile(
    r"(?i)(see |deprecated|helper\b|alias|todo|fixme|same as|overrid|like |internal|private|constructor|init|"
    r"equivalent to|wrapper|shortcut|not implemented|this (method|function) (is|should|must|was)|test |note|warning)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySet:
    """Questions in the order of their ids, their judgements (CSR) and their parts."""

    query_id: list[str]
    text: list[str]
    intent: list[str]
    suite: list[str]
    start: NDArray[np.int64]  # (queries + 1,)
    doc_ord: NDArray[np.int32]  # ascending within a query
    grade: NDArray[np.int8]  # 2 or 3
    part: dict[str, NDArray[np.int32]]  # part -> query ordinals, ascending, disjoint


def make_queries(spans: Sequence[Span]) -> QuerySet:
    """All questions that `spans` (sorted by doc_id: a span's place is its ordinal) give, judged and split."""
    families = group_by(spans, family)
    copies = group_by(spans, lambda span: span.body_sha)
    askers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for ordinal, span in enumerate(spans):
        for intent, text in questions(span):
            askers[intent, text].append(ordinal)
    asked = sorted(
        (query_id(intent, text), intent, text, ordinals)
        for (intent, text), ordinals in askers.items()
        if len(ordinals) <= MAX_SHARED
    )
    judged = [judge(ordinals, spans, families, copies) for *_, ordinals in asked]
    lengths = np.array([len(judgement) for judgement in judged], dtype=np.int64)
    return QuerySet(
        query_id=[identity for identity, *_ in asked],
        text=[text for *_, text, _ in asked],
        intent=[intent for _, intent, *_ in asked],
        suite=[suite_of(intent, text, [spans[o] for o in ordinals]) for _, intent, text, ordinals in asked],
        start=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)]),
        doc_ord=np.array([o for judgement in judged for o in judgement], dtype=np.int32),
        grade=np.array([g for judgement in judged for g in judgement.values()], dtype=np.int8),
        part=split(spans, judged, [text for *_, text, _ in asked]),
    )


def questions(span: Span) -> Iterable[tuple[str, str]]:
    """The (intent, text) pairs that one function gives, at most one per intent."""
    if span.asks:
        if sentence := docstring_question(span.docstring):
            yield "docstring", sentence
        yield "identifier", identifier_question(span)
    if message := next(filter(None, map(error_question, span.messages)), ""):
        yield "error", message


def docstring_question(docstring: str) -> str:
    """The first sentence of a docstring as a person would type it; empty when it would make no fair question."""
    paragraph = re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0]
    text = " ".join(paragraph.split())
    text = ROLE.sub(r"\1", text)
    text = EPYTEXT.sub(r"\1", text)
    text = QUOTED_CODE.sub(lambda match: match[1] or match[2] or "", text)
    if end := SENTENCE_END.search(text):
        text = text[: end.start()]
    return "" if BOILERPLATE.match(text) else fair(text)


def identifier_question(span: Span) -> str:
    """The name by which a reader would look a function up: qualified unless it says enough alone."""
    *outer, name = span.qualname.split(".")
    if outer:
        return f"{outer[-1]}.{name}"
    if len(terms(name)) > 1:
        return name
    module = span.file.removesuffix(".py").removesuffix("/__init__").rsplit("/", 1)[-1]
    return f"{module}.{name}"


def error_question(message: str) -> str:
    """A raised message as a person would paste it, without what was filled in; empty when too little is left."""
    text = " ".join(PLACEHOLDER.sub(" ", message).split())
    text = re.sub(r"(['\"(\[])\s*(['\")\]])", " ", text)  # the quotes around what was filled in
    return fair(" ".join(text.split()).strip(" .:,;-"))


def fair(text: str) -> str:
    """The text when it can be asked: ASCII, 4 to 40 words of which most are words, no markup left; else empty."""
    text = text.strip(" \t'\"")
    words = text.split()
    if not text.isascii() or not MIN_WORDS <= len(words) <= MAX_WORDS or RESIDUE.search(text):
        return ""
    return text if len(set(terms(text))) >= 2 else ""


def query_id(intent: str, text: str) -> str:
    """A name of the question that depends on nothing but the question."""
    return f"{intent}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def suite_of(intent: str, text: str, answers: Sequence[Span]) -> str:
    """The suite of a question: its intent, and apart those docstrings that share no word with any answer's name.

    Without that slice a name index would look like understanding: 71 % of docstring questions share a word with it.
    """
    if intent != "docstring":
        return intent
    names = {term for span in answers for term in terms(span.qualname)}
    return intent if names & set(terms(text)) else "docstring_no_name_overlap"


def family(span: Span) -> tuple[str, str] | None:
    """What overrides of one method share: its name and its docstring. None for what is no method."""
    outer, _, name = span.qualname.rpartition(".")
    return (name, " ".join(span.docstring.split())) if outer else None


def group_by(spans: Sequence[Span], key: Callable[[Span], Hashable]) -> dict[Hashable, list[int]]:
    """The ordinals of the spans of each key; a key of None groups nothing."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for ordinal, span in enumerate(spans):
        if (value := key(span)) is not None:
            groups[value].append(ordinal)
    return groups


def judge(
    ordinals: Sequence[int],
    spans: Sequence[Span],
    families: Mapping[Hashable, Sequence[int]],
    copies: Mapping[Hashable, Sequence[int]],
) -> dict[int, int]:
    """The grade of each relevant span of a question that the spans at `ordinals` gave, by ascending ordinal."""
    exact = {copy for ordinal in ordinals for copy in copies[spans[ordinal].body_sha]}
    related = {other for ordinal in exact for other in families.get(family(spans[ordinal]), ())}
    return {ordinal: 3 if ordinal in exact else 2 for ordinal in sorted(exact | related)}


def split(
    spans: Sequence[Span], judged: Sequence[Mapping[int, int]], texts: Sequence[str]
) -> dict[str, NDArray[np.int32]]:
    """The parts: spans judged for one question stand together, and so do equal texts asked with two intents."""
    leader = list(range(len(spans)))

    def lead(ordinal: int) -> int:
        while leader[ordinal] != ordinal:
            leader[ordinal] = ordinal = leader[leader[ordinal]]
        return ordinal

    first_asker: dict[str, int] = {}
    for text, judgement in zip(texts, judged, strict=True):
        first = first_asker.setdefault(text, next(iter(judgement)))
        for ordinal in judgement:
            a, b = sorted((lead(first), lead(ordinal)))
            leader[b] = a  # the smallest ordinal leads, so the order of joining does not matter
    bounds = np.cumsum(list(PARTS.values()))
    rows: dict[str, list[int]] = {part: [] for part in PARTS}
    names = list(PARTS)
    for row, judgement in enumerate(judged):
        digest = hashlib.sha256(spans[lead(next(iter(judgement)))].doc_id.encode()).digest()
        percent = int.from_bytes(digest[:8], "big") % 100
        rows[names[int(np.searchsorted(bounds, percent, side="right"))]].append(row)
    return {part: np.array(ordinals, dtype=np.int32) for part, ordinals in rows.items()}
