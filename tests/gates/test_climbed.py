"""Is the record of a climb read back as it was written, and refused in one line where it is another?"""

import json
from pathlib import Path

import pytest

from gates.errors import EvidenceError
from gates.rule.climbed import FILE, NEVER, Climbed, read_climbed


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_climbed(tmp_path) is NEVER
    climbed = NEVER.model_copy(update={"fingerprint": "ab", "judged": {"lexical": {"pairs": "nan"}}})
    (tmp_path / FILE).write_text(climbed.to_json())
    assert read_climbed(tmp_path) == climbed


@pytest.mark.parametrize(
    ("key", "renamed", "says"),
    [
        ("ended", "end", "x.json: ended: missing"),
        ("ended", "", "x.json: ended: missing"),
        ("", "more", "more: unknown"),
    ],
)
def test_a_key_that_is_missing_renamed_or_unknown_is_an_error(key: str, renamed: str, says: str) -> None:
    record = json.loads(NEVER.to_json())
    value = record.pop(key, "")
    if renamed:
        record[renamed] = value
    with pytest.raises(EvidenceError, match=says):
        Climbed.from_json(json.dumps(record), "x.json")
