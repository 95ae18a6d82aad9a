"""What are the words of a piece of code or of a question? Split identifiers, stemmed."""

import re
from functools import cache

import snowballstemmer

# One identifier gives its parts: HTTPServer2 -> HTTP, Server, 2; parse_cookie -> parse, cookie.
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Words that stand in nearly every function or every question. They tell nothing apart and have the longest posting
# lists: without them a query costs half as much, at the same nDCG.
COMMON = frozenset(
    "a an and are as at be by can def else for from has have if in into is it its none not of on or return self "
    "that the this to true false was when which will with you cls".split()
)

_stem = snowballstemmer.stemmer("english").stemWord


@cache
def stem(word: str) -> str:
    """The Snowball (English) stem of a lower-case word."""
    return str(_stem(word))


def surface_words(text: str) -> list[str]:
    """The words of a text in their order: identifiers split, lower case, without common and one-letter words."""
    return [word for part in PARTS.findall(text) if len(word := part.lower()) > 1 and word not in COMMON]


def terms(text: str) -> list[str]:
    """The stems of a text's words, in their order: what is indexed and what is asked for."""
    return [stem(word) for word in surface_words(text)]
