"""Is a YAML file read strictly, and is every mistake of it told in one line?"""

import os
import re
from pathlib import Path

import pytest
import yaml

from fixtures.suites import load_suites
from gates.documents import MOST_BYTES, Document, read_model, read_yaml
from gates.errors import ConfigError
from gates.policy import load_policy
from rollout.jobs.drift import DriftLimits
from rollout.jobs.emergency import EmergencyLimits
from rollout.jobs.gate_monitor import MonitorLimits
from rollout.jobs.health import HealthLimits
from rollout.jobs.performance import PerformanceLimits
from rollout.jobs.pool import PoolAuditLimits
from rollout.jobs.settings import read_family
from rollout.jobs.tripwires import TripwireLimits
from rollout.jobs.whiskers import WhiskerLimits

CONFIGS = Path(__file__).parents[2] / "configs"
#: Every file of the jobs' limits, with the models that read its blocks.
BLOCKS = {
    "nightly": {"performance": PerformanceLimits, "whiskers": WhiskerLimits},
    "weekly": {"drift": DriftLimits, "pool": PoolAuditLimits, "tripwires": TripwireLimits},
    "continuous": {"emergency": EmergencyLimits, "health": HealthLimits, "gate_monitor": MonitorLimits},
}
READ = {"policy": load_policy, "suites": load_suites}
#: Blocks that are read elsewhere: tests/fixtures/parity, tests/rollout.
ELSEWHERE = ("parity", "suites")


class Part(Document):
    """A nested block."""

    share: float


class Whole(Document):
    """A document."""

    name: str
    part: Part
    count: int = 1


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "doc.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_model(path, Whole)
    return [mistake.removeprefix(str(path)) for mistake in caught.value.mistakes]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    found = read_model(written(tmp_path, "name: x\npart: {share: 0.5}\n"), Whole)
    assert (found.name, found.part.share, found.count) == ("x", 0.5, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: a\nname: b\n", ":2: not YAML that can be read safely: key 'name' is given twice"),
        ("part:\n  share: 1\n  share: 2\n", ":3: not YAML that can be read safely: key 'share' is given twice"),
        (
            "name: !!python/object/apply:os.getcwd []\n",
            ":1: not YAML that can be read safely: tag 'tag:yaml.org,2002:python",
        ),
        ("name: !env HOME\n", ":1: not YAML that can be read safely: tag '!env'; write the value without it"),
        ("a: !!binary ODAw", ":1: not YAML that can be read safely: tag 'tag:yaml.org,2002:binary'"),
        ("a: !!set {a, b}", ":1: not YAML that can be read safely: tag 'tag:yaml.org,2002:set'"),
        (
            "part: &shared {share: 1}\nother: *shared\n",
            ":1: not YAML that can be read safely: anchor or alias 'shared'",
        ),
        ("name: {a: b: c}\n", ":1: not YAML that can be read safely: "),
        ("name: 'open\n", ":2: not YAML that can be read safely: "),
        ("? [a, b]\n: c\n", ":1: not YAML that can be read safely: key ['a', 'b'] is not text"),
        ("5: a\n", ":1: not YAML that can be read safely: key 5 is not text"),
        ("name: a\n---\nname: b\n", ":2: not YAML that can be read safely: "),
        ("", ": an empty file, but should be a mapping of keys; start from configs/lexical_pack_a.yaml"),
        ("- a\n- b\n", ": list, but should be a mapping of keys; start from configs/lexical_pack_a.yaml"),
        ("name: " + "[" * 5000, ": is nested too deeply"),
        (b"#" * (MOST_BYTES + 1), ": 4,194,305 bytes, but should have at most 4,194,304"),
        (b"name: \xff\n", ": cannot be read ('utf-8' codec can't decode byte 0xff"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{path}{says}")
    assert "\n" not in mistake


def test_a_file_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    written(tmp_path, "name: x\n")
    with pytest.raises(ConfigError, match=r"other.yaml: no such file; .* holds doc.yaml$"):
        read_yaml(tmp_path / "other.yaml")


@pytest.mark.parametrize("name", ["pipe.yaml", "device.yaml", "."])
def test_what_is_no_file_is_refused_and_nobody_waits_for_it(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=r"not a regular file; name one that is$"):
        read_yaml(tmp_path / name)


@pytest.mark.parametrize("zone", ["EST", "abc", "US/Eastern", "America/Gotham", "../etc/passwd"])
def test_a_zone_that_nobody_lives_by_is_told_when_it_is_read(tmp_path: Path, zone: str) -> None:
    text = (CONFIGS / "nightly.yaml").read_text().replace("America/New_York", zone)
    (tmp_path / "nightly.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"nightly.yaml: timezone: '{zone}': "):
        read_family(tmp_path, "nightly")


def _numbers(block: object, *at: str | int) -> list[tuple[str | int, ...]]:
    """Where numbers stand in a document."""
    inside = block.items() if isinstance(block, dict) else enumerate(block) if isinstance(block, list) else ()
    here = [at] if isinstance(block, int | float) and not isinstance(block, bool) else []
    return here + [place for key, value in inside for place in _numbers(value, *at, key)]


@pytest.mark.parametrize("name", ["policy", "suites", *BLOCKS])
def test_no_number_of_ours_may_be_a_text_or_a_truth_value(tmp_path: Path, name: str) -> None:
    shipped = CONFIGS / f"{name}.yaml"
    places = _numbers(yaml.safe_load(shipped.read_text()))
    assert places
    for place in places:
        for wrong in ("5", True):
            document = block = yaml.safe_load(shipped.read_text())
            for key in place[:-1]:
                block = block[key]
            block[place[-1]] = wrong
            (path := tmp_path / shipped.name).write_text(yaml.safe_dump(document))
            if name in READ or place[0] not in ELSEWHERE:
                with pytest.raises(ConfigError):
                    READ[name](path) if name in READ else read_family(tmp_path, name, **BLOCKS[name])


def test_all_mistakes_of_a_file_are_told_together(tmp_path: Path) -> None:
    path = written(tmp_path, "part: {share: much, sahre: 1}\ncount: 1.5\nowner: me\n")
    assert mistakes_of(path) == [
        ": name: missing; add it",
        ": part.share: 'much': Input should be a valid number",
        ": part.sahre: unknown key; known here: share",
        ": count: 1.5: Input should be a valid integer",
        ": owner: unknown key; known here: count, name, part",
    ]


@pytest.mark.parametrize("value", ["010", "22:15", "1_000", "0x10", "yes", "1:30.5"])
def test_what_looks_like_text_is_text(tmp_path: Path, value: str) -> None:
    assert read_model(written(tmp_path, f"name: {value}\npart: {{share: 0.5}}\n"), Whole).name == value
    (mistake,) = mistakes_of(written(tmp_path, f"name: x\npart: {{share: 0.5}}\ncount: {value}\n"))
    assert mistake == f": count: {value!r}: Input should be a valid integer"


@pytest.mark.parametrize(
    ("name", "share", "says"),
    [
        *(("x", share, ": part.share: .*finite number") for share in (".nan", ".inf", "-.inf")),
        *((name, "0.5", ": name: .*valid string") for name in ("5", "true", "[x]", "1.50")),
    ],
)
def test_a_value_is_not_bent_into_what_it_is_not(tmp_path: Path, name: str, share: str, says: str) -> None:
    (mistake,) = mistakes_of(written(tmp_path, f"part: {{share: {share}}}\nname: {name}\n"))
    assert re.match(says, mistake)


def test_a_document_does_not_change_after_reading(tmp_path: Path) -> None:
    found = read_model(written(tmp_path, "name: x\npart: {share: 0.5}\n"), Whole)
    with pytest.raises(ValueError, match="frozen"):
        found.name = "y"
