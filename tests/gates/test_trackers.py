"""Do numbers that decide keep their digits as text, whatever their size?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.statistics.decimals import decimal, evidence_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.02, "0.02"),
        (1 / 3, "0.333333"),
        (1e-9, "0.000000001"),
        (1e7, "10000000"),
        *((nothing, "") for nothing in (math.nan, math.inf, -math.inf)),
    ],
)
def test_a_number_is_a_plain_decimal_and_what_is_none_no_text(value: float, text: str) -> None:
    assert decimal(value) == text


@given(st.floats(-1e9, 1e9))
def test_a_decimal_keeps_six_digits(value: float) -> None:
    assert float(decimal(value)) == pytest.approx(value, rel=1e-5, abs=1e-300)
    assert "e" not in decimal(value)


@pytest.mark.parametrize(
    ("log_e", "text"),
    [
        (-math.inf, "0"),
        (0.0, "1"),
        (math.log(3334), "3334"),
        (math.log(0.05), "0.05"),
        (100 * math.log(10), "1.00e100"),
        (10_000.0, "8.81e4342"),
    ],
)
def test_evidence_never_overflows(log_e: float, text: str) -> None:
    assert evidence_text(log_e) == text
