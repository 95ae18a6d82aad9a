"""Can a text of the data break a table, a page or a terminal?"""

import unicodedata

import pytest

from reports.escaping import clean, csv_cell, cut, cut_path, markdown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "＝1", "\u200b=1", "  ＠sum"])
def test_a_formula_is_guarded(text: str) -> None:
    assert csv_cell(text).startswith("'")


def test_other_text_stays_as_it_is_on_one_line_without_control_characters() -> None:
    assert csv_cell("a = b") == clean("a = b") == cut("a = b", 10) == cut_path("a = b", 10) == "a = b"
    assert clean("a\nb\x1b[31mc\u202ed\u2028e") == "a b [31mc d e"
    unseen = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    assert {clean(f"a{character}b") for character in unseen[::97]} == {"a b"}
    assert clean("a\u061c\u200b\u2060\U000e0041b") == "a b"


def test_long_texts_are_cut_where_it_hurts_least_and_markup_is_text() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut_path("a/b/c.py:12", 8) == "…c.py:12"
    assert markdown("<b>|x|</b> *y*\n`z`") == r"\<b\>\|x\|\</b\> \*y\* \`z\`"
    assert markdown("@here") == "@<!-- -->here"
