"""Which functions does a Python source file define, where, and what do they say? Read by ast, never imported."""

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

MIN_COPY = 60  # characters; shorter bodies, and those that only say "not implemented", are alike without being copies
MIN_BODY_LINES = 3  # without docstring; shorter ones are stubs and one-line delegations: 8,270 of 58,105 measured

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One documented function or method: where it lies and what it says."""

    package: str  # name-version of the wheel
    file: str  # path inside the wheel
    line_start: int  # first decorator line; lines count from 1
    line_end: int  # last line, inclusive
    qualname: str  # Class.method, outer.inner
    text: str  # the source without the docstring: what is indexed
    docstring: str
    messages: tuple[str, ...]  # what it raises, placeholders kept as in the source
    body_sha: str  # of the body without docstring, white space and comments collapsed: equal for copies
    asks: bool  # whether it may be asked for: no dunder, no property, no overload

    @property
    def doc_id(self) -> str:
        """The span's identity, unique in a corpus: ``django-5.2/django/http/cookie.py:7-26``."""
        return f"{self.package}/{self.file}:{self.line_start}-{self.line_end}"


def read_spans(package: str, file: str, raw: bytes) -> list[Span]:
    """All documented functions of one source file, in line order. Raises SyntaxError or ValueError as ast does."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    source = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline=None).read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes of other people's strings are no news here
        tree = ast.parse(source)
    lines = source.split("\n")  # not splitlines(): a form feed ends no line for ast
    spans = [
        span
        for node, qualname in walk_functions(tree.body, "")
        if (span := describe(package, file, node, qualname, lines)) is not None
    ]
    unique = {(span.line_start, span.line_end): span for span in reversed(spans)}  # outermost of equal extents
    return [unique[extent] for extent in sorted(unique)]


def walk_functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[FunctionNode, str]]:
    """Each function under a list of statements with its qualified name, outer ones first.

    Only statement lists are entered, since nothing else can hold a definition: 5x faster than ast.walk.
    """
    for node in body:
        if isinstance(node, FunctionNode):
            yield node, prefix + node.name
            yield from walk_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from walk_functions(node.body, f"{prefix}{node.name}.")
        else:
            for inner in inner_lists(node):
                yield from walk_functions(inner, prefix)


def inner_lists(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statement lists inside a compound statement that opens no scope of its own."""
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(node, name, None)
        if isinstance(inner, list):
            yield inner
    for clause in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield clause.body


def describe(package: str, file: str, node: FunctionNode, qualname: str, lines: list[str]) -> Span | None:
    """The span of a function; None when it is undocumented, an overload, or too short to be worth finding."""
    first = node.body[0]
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return None
    decorators = [decorator_name(d) for d in node.decorator_list]
    if "overload" in decorators or len(node.body) < 2:
        return None
    start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    end = node.end_lineno or node.lineno
    doc_end = first.end_lineno or first.lineno
    head, tail = lines[start - 1 : first.lineno - 1], lines[doc_end:end]
    if sum(1 for line in (*head, *tail) if line.strip()) < MIN_BODY_LINES:
        return None
    body = " ".join(word for line in tail for word in line.split("#")[0].split())
    if len(body) < MIN_COPY or body.startswith("raise NotImplementedError"):
        body = f"{package}/{file}:{start} {body}"
    dunder = node.name.startswith("__") and node.name.endswith("__")
    return Span(
        package=package,
        file=file,
        line_start=start,
        line_end=end,
        qualname=qualname,
        text="\n".join((*head, *tail)),
        docstring=first.value.value,
        messages=tuple(raised_messages(node.body)),
        body_sha=hashlib.sha256(body.encode()).hexdigest()[:24],
        asks=not dunder and not any("property" in d or d in ("setter", "getter", "deleter") for d in decorators),
    )


def decorator_name(node: ast.expr) -> str:
    """The last name of a decorator: ``@functools.cache`` and ``@cache()`` are both ``cache``."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def raised_messages(body: list[ast.stmt]) -> Iterator[str]:
    """The literal messages of the `raise` statements of a function itself, not of functions and classes inside it."""
    for node in body:
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            if message := literal(node.exc.args[0]):
                yield message
        elif not isinstance(node, FunctionNode | ast.ClassDef):
            for inner in inner_lists(node):
                yield from raised_messages(inner)


def literal(node: ast.expr) -> str:
    """The text of a string expression with ``{}`` for what is filled in; empty when it is no literal."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "{}"
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        left = literal(node.left)
        return left + literal(node.right) if left and isinstance(node.op, ast.Add) else left
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return literal(node.func.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "__", "gettext"):
        return literal(node.args[0]) if node.args else ""  # what is only translated
    return ""
