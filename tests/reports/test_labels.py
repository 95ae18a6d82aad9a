"""Do people read the numbers that decide as they are, never rounded over a threshold?"""

import pytest

from reports.labels import evidence_words


@pytest.mark.parametrize(
    ("e", "words"),
    [("99.6", "99"), ("100", "100"), ("6480.9", "6,480"), ("9.96", "9.9"), ("4.2", "4.2"), ("1.20e25", "1.20e25")],
)
def test_evidence_is_never_rounded_up(e: str, words: str) -> None:
    assert evidence_words(e) == words
