"""Which functions are found in a source file, and what is said of them?"""

import pytest

from lens.spans import read_spans

SOURCE = '''
import functools


class Jar:
    @property
    def size(self):
        """How many cookies."""
        total = 0
        return total

    @functools.cache
    def parse(self, text):
        """Parse a cookie header.

        More words.
        """
        separator = ";" if ";" in text else ","
        if not text:
            raise ValueError(f"cookie {text} is empty, but a header must hold one")
        return text.split(";")


def undocumented(a):
    b = a
    return b


def short(a):
    """Too short to be worth finding."""
    return a
'''


def spans(source: str = SOURCE):
    return {span.qualname: span for span in read_spans("jar-1.0", "jar/jar.py", source.encode())}


def test_documented_functions_with_a_body_are_found_and_what_they_say():
    found = spans()
    assert set(found) == {"Jar.size", "Jar.parse"}
    assert (found["Jar.size"].asks, found["Jar.parse"].asks) == (False, True)  # a property is not asked for
    parse = found["Jar.parse"]
    assert parse.messages == ("cookie {} is empty, but a header must hold one",)
    assert parse.doc_id == "jar-1.0/jar/jar.py:12-21"  # from its decorator on
    assert "cookie header" in parse.docstring
    assert "Parse" not in parse.text
    assert "split" in parse.text


def test_stubs_are_no_copies_of_each_other():
    stub = """
class {}:
    def load(self, text):
        \"\"\"Load all of it.\"\"\"
        raise NotImplementedError("a subclass has to say how this is done, and it has not said so yet")
        return None
"""
    one, other = (read_spans("jar-1.0", f"{name}.py", stub.format(name).encode())[0] for name in ("a", "b"))
    assert one.body_sha != other.body_sha


def test_copies_are_recognised_whatever_their_layout():
    laid_out = SOURCE.replace("        return text.split", "        # a comment\n        return   text.split")
    assert spans()["Jar.parse"].body_sha == spans(laid_out)["Jar.parse"].body_sha
    changed = SOURCE.replace('split(";")', 'split(",")')
    assert spans()["Jar.parse"].body_sha != spans(changed)["Jar.parse"].body_sha


def test_what_is_no_python_is_refused():
    with pytest.raises(SyntaxError):
        spans("def broken(:\n")
