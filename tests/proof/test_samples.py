"""Do the samples of README and docs come out of what canaries printed and attested, and of one clean commit alone?"""

import re
from pathlib import Path

import pytest

from gates.attestation import ATTESTATION
from gates.errors import GateError
from gates.policy import Policy
from gates.verdicts import Decision
from proof.pages import samples
from reports.attestation.document import attest
from tests.edits import replace
from tests.reports import handmade

GOLDEN = Path(__file__).parents[1] / "reports" / "golden"
PAGE = "Before.\n<!-- sample: {} -->\nold\n<!-- end -->\nBetween.\n<!-- sample: {} -->\n<!-- end -->\nAfter.\n"
FILLED = {
    "README.md": ("rollback", "heroes"),
    "docs/reading.md": ("promote_whole", "promote"),
    "docs/heroes.md": ("heroes_more", "heroes"),
    "docs/red-run.md": ("rollback_rows", "demo_hold"),
}
FAILURES = (
    "=================================== FAILURES ===================================\n"
    "______ test_guard[bad-ndcg_at_10] ______\n"
    "RED: observed 0.67 pt, limit 1.00 pt, headroom 0.068, n 2,400, interval [0.41 pt, 0.93 pt], e-red 9810 of 6300 "
    "needed, trigger: e-process\nUsers must look further down.\n"
    "=========================== short test summary info ============================\n"
)
DEMO = (
    "Three made-up heroes.\n\n1. Judged.\n   ROLLBACK  lexical    lens serves\n     why  a\n           reason\n\n"
    "2. Also.\n   HOLD  router    lens serves\n     why  b\n\nAll.\n"
)


@pytest.fixture
def folder(tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with pages to fill, and what three canaries left."""
    monkeypatch.setattr(samples, "ROOT", tmp_path)
    for name in ("docs", "configs", "lexical", "router"):
        (tmp_path / name).mkdir()
    for name, marks in FILLED.items():
        (tmp_path / name).write_text(PAGE.format(*marks))
    (tmp_path / "configs" / "policy.yaml").write_text("heroes: {lexical: a.yaml, router: b.yaml}\n")
    for decision in (Decision.PROMOTE, Decision.HOLD):
        release, story = handmade.release(policy, decision)
        hero = attest(release, release.outcomes[0], story)
        (tmp_path / hero.hero / ATTESTATION).write_bytes(hero.content())
    for name in ("promote", "rollback"):
        screen = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
        (tmp_path / name).write_text(f"configfile: pytest.ini\n....x\n{FAILURES}{screen}\n=== 3 passed in 1.0s ===\n")
    (tmp_path / "demo").write_text(DEMO)
    return tmp_path


def fill(folder: Path) -> list[list[str]]:
    """The pages, split at their marks: before, first sample, between, second sample, after."""
    samples.main(folder / "promote", folder / "rollback", folder, folder / "demo", folder)
    texts = [(folder / name).read_text(encoding="utf-8") for name in FILLED]
    marks = r"<!-- (?:sample: \w+|end) -->\n"
    return [re.split(marks, text) for text in texts]


def test_pages_are_filled_between_their_marks_and_nowhere_else(folder: Path) -> None:
    readme, reading, heroes, red = fill(folder)
    assert all(page[::2] == ["Before.\n", "Between.\n", "After.\n"] for page in (readme, reading, heroes, red))
    assert reading[1] == f"```\n{(GOLDEN / 'promote.txt').read_text(encoding='utf-8').rstrip()}\n```\n"
    assert readme[3] == heroes[3]
    assert [*fill(folder)] == [readme, reading, heroes, red]  # filling them again changes nothing


def test_a_rollback_is_shown_by_what_decided(folder: Path) -> None:
    golden = (GOLDEN / "rollback.txt").read_text(encoding="utf-8").splitlines()
    shown = fill(folder)[0][1].splitlines()
    assert [line.strip()[:9] for line in shown if line not in ("", "```")] == [
        *("ROLLBACK ", "why      ", "61.2 pt, ", "e-red 6,4", "ladder   ", "replay: n", "gate     ", "SLA-Recal"),
        *("by intent", "~ no inte"),
    ]
    assert set(shown) - {"", "```"} < set(golden)


def test_heroes_stand_side_by_side(folder: Path) -> None:
    replace(folder / "lexical" / ATTESTATION, '"ci_lower":"-0.001"', '"ci_lower":"-0.00001"')
    readme, _, heroes, _ = fill(folder)
    assert "| SLA-Recall@50, pt | +0.20 [0.00, +0.50] | +0.20 [-0.10, +0.50] |" in readme[3]
    lines = [line.strip("| ").split(" | ") for line in heroes[1].splitlines()]
    told = {line[0]: line[1:] for line in lines}
    assert lines[0] == ["commit 4f2c9e1, difference [95 %]", "lexical", "router"]
    assert told["decision"] == ["**PROMOTE**", "**HOLD**"]
    assert told["nDCG@10, pt, identifier"] == ["-3.40 [-4.50, -2.30]"]  # nobody measured it of router
    assert told["calibration error (ECE): hero (baseline)"] == ["0.611 (0.612)"] * 2
    assert told["why"][1].startswith("nothing shown broken, not enough shown to hold: SLA-Recall@50 lost 1.0 pt")


def test_a_red_run_shows_rows_as_pytest_prints_them_and_cards_of_the_demo(folder: Path) -> None:
    rows, card = (part.strip("`\n").splitlines() for part in fill(folder)[3][1::2])
    assert rows[0] == "______ test_guard[bad-ndcg_at_10] ______"
    assert rows[1].endswith("interval [0.41 pt, 0.93 pt], e-red 9810 of 6300")
    assert rows[2:] == ["    needed, trigger: e-process", "Users must look further down."]
    assert card[:4] == ["2. Also.", "   HOLD  router    lens serves", "     why  b", ""]
    assert card[4].startswith("sla_recall_at_50_delta: INCONCLUSIVE: observed 1.00 pt")


def test_a_rollback_without_a_failed_test_is_refused(folder: Path) -> None:
    replace(folder / "rollback", FAILURES, "")
    with pytest.raises(GateError, match="rollback: no test failed, but the rows of a rollback are to be shown"):
        fill(folder)


def test_a_demo_that_ended_otherwise_is_refused(folder: Path) -> None:
    replace(folder / "demo", "ROLLBACK", "PROMOTE")
    with pytest.raises(GateError, match="demo: PROMOTE and HOLD, but ROLLBACK and HOLD are to be shown; make readme"):
        fill(folder)


def test_runs_of_two_commits_are_refused_and_nothing_is_written(folder: Path) -> None:
    replace(folder / "rollback", "commit 4f2c9e1 clean", "commit 0badcab clean")
    with pytest.raises(GateError, match=r"^runs of 0badcab clean and 4f2c9e1 clean: samples are of one clean commit"):
        fill(folder)
    assert (folder / "README.md").read_text() == PAGE.format(*FILLED["README.md"])


def test_a_commit_with_changes_is_refused(folder: Path) -> None:
    for name in ("promote", "rollback", *(f"{hero}/{ATTESTATION}" for hero in ("lexical", "router"))):
        replace(folder / name, "4f2c9e1 clean", "4f2c9e1 with uncommitted changes")
    with pytest.raises(GateError, match=r"^runs of 4f2c9e1 with uncommitted changes: samples are of one clean commit"):
        fill(folder)


@pytest.mark.parametrize(("told", "ended"), [("hold", "HOLD"), ("", "no decision")])
def test_another_decision_than_is_to_be_shown_is_refused(folder: Path, told: str, ended: str) -> None:
    (folder / "promote").write_text((GOLDEN / f"{told}.txt").read_text(encoding="utf-8") if told else "killed")
    with pytest.raises(GateError, match=f"promote: {ended}, but PROMOTE is to be shown; make readme again"):
        fill(folder)
