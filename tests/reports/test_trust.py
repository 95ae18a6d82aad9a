"""Whose signature counts, when and for what; and is every mistake of the trust root told in one line?"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gates.errors import ConfigError
from reports.attestation.trust import NO_KEYS, TRUSTED_KEYS, read_trust, weigh
from tests.reports.signed import KEYS, SIGNER, trusting

AT = datetime(2026, 12, 1, tzinfo=UTC)


def entry(**changed: Any) -> dict[str, Any]:
    key = trusting(SIGNER, "decide").keys[0].model_dump(mode="json")
    return {name: value for name, value in {**key, **changed}.items() if value is not None}


def write(path: Path, *keys: dict[str, Any], **changed: Any) -> Path:
    path.write_text(json.dumps({"schema": "hero-gate/trusted-keys/v1", "keys": list(keys), **changed}))
    return path


def test_the_shipped_trust_root_names_nobody() -> None:
    assert read_trust() == read_trust(TRUSTED_KEYS) == NO_KEYS


def test_a_key_that_is_named_counts(tmp_path: Path) -> None:
    root = read_trust(write(tmp_path / "keys.json", entry()))
    vouched = weigh(root, SIGNER.keyid, "decide", AT, ephemeral=False)
    assert vouched.trusted
    assert vouched.words == f"by release-ci (key {SIGNER.keyid[:16]}), trusted"


@pytest.mark.parametrize("ephemeral", [True, False])
def test_a_key_that_is_not_named_does_not(ephemeral: bool) -> None:
    vouched = weigh(trusting(SIGNER, "decide"), KEYS["ecdsa"].keyid, "decide", AT, ephemeral=ephemeral)
    assert not vouched.trusted
    assert vouched.words.endswith(": UNTRUSTED, nobody vouches for it")
    assert ("made for this run" in vouched.words) == ephemeral


@pytest.mark.parametrize(
    ("role", "at", "why"),
    [
        ("approve", AT, "may decide, not approve"),
        ("decide", None, "the statement does not say when it was made"),
        ("decide", datetime(2025, 12, 31, tzinfo=UTC), "valid 2026-01-01 to 2027-01-01, signed 2025-12-31"),
        ("decide", datetime(2027, 1, 2, tzinfo=UTC), "valid 2026-01-01 to 2027-01-01, signed 2027-01-02"),
    ],
)
def test_nor_does_one_out_of_its_role_or_time(role: Any, at: datetime | None, why: str) -> None:
    vouched = weigh(trusting(SIGNER, "decide"), SIGNER.keyid, role, at, ephemeral=False)
    assert not vouched.trusted
    assert vouched.words == f"by release-ci (key {SIGNER.keyid[:16]}): UNTRUSTED, {why}"


@pytest.mark.parametrize(
    ("keys", "changed", "said"),
    [
        ([], {"schema": "v9"}, "schema"),
        ([], {"key": []}, "key: unknown key; known here: keys, schema"),
        ([entry(may=["release"])], {}, "may"),
        ([entry(may=[])], {}, "may"),
        ([entry(may=None)], {}, "keys.0.may: missing; add it"),
        ([entry(note="x")], {}, "note: unknown key"),
        ([entry(keyid=KEYS["ecdsa"].keyid)], {}, "but that of `public` is "),
        ([entry(public="-----BEGIN")], {}, "not a public key in PEM"),
        ([entry(valid_until="2027-01-01")], {}, "valid_until"),
        ([entry(valid_until="2025-01-01T00:00:00Z")], {}, "valid_until is not after valid_from"),
        ([entry(), entry(name="other")], {}, "stands twice"),
        ([entry(), entry(keyid=KEYS["ecdsa"].keyid, public=KEYS["ecdsa"].public)], {}, "name release-ci stands twice"),
        ([entry(name="a\nb")], {}, "name"),
    ],
)
def test_each_mistake_is_a_line(keys: list[Any], changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "keys.json", *keys, **changed)
    with pytest.raises(ConfigError) as raised:
        read_trust(path)
    assert said in str(raised.value)
    assert all(mistake.startswith(str(path)) and "\n" not in mistake for mistake in raised.value.mistakes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file, but should be a mapping"),
        ("[" * 99999, "not YAML that can be read safely|nested too deeply"),
        ('{"schema": "hero-gate/trusted-keys/v1", "keys": [], "keys": []}', "key 'keys' is given twice"),
    ],
)
def test_what_is_no_json_is_no_trust_root(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_trust(tmp_path / "keys.json")


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_trust(tmp_path / "keys.json")
    with pytest.raises(ConfigError, match="not a regular file"):
        read_trust(tmp_path)
