"""Does each seeded hero end as its pack says, because of the check it names? Whole canaries on the smoke corpus."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests import forked

pytestmark = [pytest.mark.smoke, pytest.mark.usefixtures("short")]

CONFIGS = Path(__file__).parents[1] / "configs"
STATUS = {"PROMOTE": 0, "ROLLBACK": 20, "HOLD": 10}


@pytest.fixture(scope="module")
def smoke(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke configs, locked as the sources are now: the committed locks are renewed when a release is."""
    folder = shutil.copytree(CONFIGS, tmp_path_factory.mktemp("locked") / "configs") / "smoke"
    locked = forked.run(["pytest", "-m", "lock", "--write", f"--configs={folder}"], root)
    assert locked.returncode == 0, locked.stdout
    return folder


def canary(root: Path, smoke: Path, artifacts: Path, hero: str) -> tuple[int, dict]:
    """Exit status and attestation of one hero on the smoke corpus."""
    unread = ["-p", "no:reports.render.pages"]  # half of what a short canary takes
    command = ["pytest", "-p", "tests.leap", *unread, "-m", "canary", f"--configs={smoke}", f"--hero={hero}"]
    done = forked.run([*command, f"--artifacts={artifacts}"], root)
    (attestation,) = artifacts.glob("*/attestation.json")
    return done.returncode, json.loads(attestation.read_text())


def red(attestation: dict) -> set[str]:
    """The checks that were shown broken."""
    return {cell["check"] for cell in attestation["cells"] if cell["verdict"] == "RED"}


def held_by_the_machine(attestation: dict) -> bool:
    """Did a busy machine end the climb before its evidence could? No test may need a quiet one."""
    busy = any("machine busy" in reason or reason.startswith("machine: RED") for reason in attestation["reasons"])
    return busy and attestation["decision"] == "HOLD"


#: What the smoke corpus cannot show: it holds 130 error messages, and its latency limits are wide.
TOO_SMALL = ("error_answers_demoted", "slow_4ms", "slow_tail", "too_sure_on_errors", "unsure_on_errors")
#: What breaks several limits at once: which is shown first hangs on the queries' order, and on how busy the machine is.
SEVERAL = {
    "overconfident": {"calibration_docstring", "calibration_identifier", "aece_tau"},
    "slow_200ms": {"p95_latency", "sla_recall_at_50_delta", "within_sla"},
    "slow_one_in_fifteen": {"sla_recall_at_50_delta", "p99_latency", "p95_latency"},
}
BAD = sorted((CONFIGS / "bad").glob("*.yaml"))
assert len(BAD) >= 8


@pytest.mark.parametrize("pack", [p for p in BAD if p.stem not in TOO_SMALL], ids=lambda path: path.stem)
def test_a_bad_hero_is_stopped_by_the_check_it_names(root: Path, smoke: Path, tmp_path: Path, pack: Path):
    expected = yaml.safe_load(pack.read_text())["expect"]
    status, attestation = canary(root, smoke, tmp_path / "out", str(pack))
    if red(attestation) - {"lock"} == {"traffic_share"}:  # over one order in a hundred, as its rate says
        named, other = f"name: {pack.stem}", tmp_path / pack.name
        other.write_text(pack.read_text().replace(named, f"{named}_again"))  # another hero, so another order
        status, attestation = canary(root, smoke, tmp_path / "again", str(other))
    assert status == STATUS[attestation["decision"]]
    if expected["decision"] == "HOLD" or not held_by_the_machine(attestation):
        assert attestation["decision"] == expected["decision"], attestation["reasons"]
        assert red(attestation) & SEVERAL.get(pack.stem, {expected["check"]})
    assert attestation["traffic"]["to_percent"] == 0


@pytest.mark.parametrize("pack", [p for p in BAD if p.stem in TOO_SMALL], ids=lambda path: path.stem)
def test_what_the_smoke_corpus_cannot_show_is_shown_on_the_whole_one(pack: Path):
    """Over 100 orders of the recorded answers: make characteristics."""
    expected = yaml.safe_load(pack.read_text())["expect"]
    seen = json.loads((CONFIGS / "characteristics.json").read_text())["seeds"]["bad"][pack.stem]
    assert seen["check"] == expected["check"]
    assert "PROMOTE" not in seen["decisions"]
    # of +.20 on error messages a quarter is held first, since the median is not shown to stay: the page says so
    assert seen["red"].get(expected["check"], 0) >= (0.7 if pack.stem == "too_sure_on_errors" else 0.9) * seen["n"]


@pytest.mark.parametrize("hero", ["lexical", "router", "ann"])
def test_a_good_smoke_hero_is_held_by_the_policy_alone(root: Path, smoke: Path, tmp_path: Path, hero: str):
    status, attestation = canary(root, smoke, tmp_path, hero)
    assert (status, attestation["decision"]) == (10, "HOLD")
    assert held_by_the_machine(attestation) or attestation["reasons"] == [
        "policy: promotes is false, so the best decision is HOLD"
    ]
