"""Are questions fair, judgements right and parts apart?"""

from collections.abc import Callable

import pytest

from lens.intent import intent_of
from lens.queries import docstring_question, error_question, make_queries
from lens.spans import Span, read_spans
from lens.text import surface_words, terms


@pytest.mark.parametrize(
    ("asked", "text", "found"),
    [
        (surface_words, "HTTPServer2.parse_cookie", ["http", "server", "parse", "cookie"]),
        (surface_words, "camelCase and the x", ["camel", "case"]),
        (surface_words, "", []),
        (docstring_question, "Parse a cookie header. And more.", "Parse a cookie header"),
        (
            docstring_question,
            "Return the :class:`~jar.Jar` of a\n    request.\n\nMore.",
            "Return the jar.Jar of a request",
        ),
        (docstring_question, "Deprecated: use the other one instead", ""),  # says nothing of the function
        (docstring_question, "Parse it", ""),  # too short to ask for one thing
        (docstring_question, "Übersetzt einen Text in Wörter", ""),  # the corpus is English
        (error_question, "cookie '{}' must not be empty", "cookie must not be empty"),  # without what was filled in
        (error_question, "%s is no valid index for %d axes", "is no valid index for axes"),
        (error_question, "bad {}", ""),
        (intent_of, "Jar.parse_cookie", "identifier"),
        (intent_of, "Parse a cookie header", "docstring"),
        (intent_of, "cookie must not be empty", "error"),
        (intent_of, "Return True if the cookie is not empty", "docstring"),
    ],
)
def test_a_text_gives_its_words_a_fair_question_or_none_and_an_intent(
    asked: Callable[[str], object], text: str, found: object
):
    assert asked(text) == found


def test_question_and_code_meet_in_their_stems():
    assert set(terms("parsing cookies")) & set(terms("def parse_cookie")) == set(terms("parse cookie"))


TEMPLATE = '''
class {name}:
    def {method}(self, text):
        """{docstring}"""
        value = text.{body}()
        for line in value.splitlines():
            yield line.partition("=")[0], line.partition("=")[2]
'''


def spans_of(*rows: tuple[str, str, str, str]) -> list[Span]:
    source = "\n".join(TEMPLATE.format(name=n, method=m, docstring=d, body=b) for n, m, d, b in rows)
    return sorted(read_spans("made-1", "made.py", source.encode()), key=lambda span: span.doc_id)


def judged(spans: list[Span], text: str) -> dict[str, int]:
    questions = make_queries(spans)
    row = questions.text.index(text)
    documents = questions.doc_ord[questions.start[row] : questions.start[row + 1]]
    grades = questions.grade[questions.start[row] : questions.start[row + 1]]
    return {spans[d].qualname: int(g) for d, g in zip(documents, grades, strict=True)}


def test_the_function_and_its_copies_are_grade_3_and_its_overrides_grade_2():
    spans = spans_of(
        ("Base", "read", "Read the whole text at once.", "strip"),
        ("Child", "read", "Read the whole text at once.", "lower"),
        ("Twin", "load", "Load something quite different from here.", "strip"),
        ("Other", "write", "Write the whole text at once.", "upper"),
    )
    assert judged(spans, "Base.read") == {"Base.read": 3, "Child.read": 2, "Twin.load": 3}
    assert judged(spans, "Other.write") == {"Other.write": 3}


def test_no_two_parts_share_a_question_or_a_judged_function():
    verbs = ("parse", "write", "split", "merge", "count", "close", "open", "send")
    nouns = ("cookie", "header", "matrix", "graph", "token", "socket", "column", "axis")
    spans = spans_of(
        *(
            (f"{v}{n}".title(), f"{v}_{n}", f"{v.title()} every {n} of a long list.", f"{v}{n}")
            for v in verbs
            for n in nouns
        )
    )
    questions = make_queries(spans)
    functions: dict[str, set[int]] = {}
    for part, rows in questions.part.items():
        assert len(rows), f"{part} is empty"
        functions[part] = {int(d) for r in rows for d in questions.doc_ord[questions.start[r] : questions.start[r + 1]]}
    assert sum(map(len, functions.values())) == len(set().union(*functions.values()))
    assert sum(len(rows) for rows in questions.part.values()) == len(questions.query_id)
