"""Is a hero looked at before it climbs, once a run, and is what was seen written down as it was judged?"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fixtures import oracles
from fixtures.packs import Hero, load_hero
from fixtures.systems.faults import Fault
from fixtures.systems.lens import LensKind
from fixtures.systems.protocol import Query
from gates.errors import EvidenceError
from gates.rule.preflight import judge_battery
from gates.verdicts import Verdict
from rollout.battery import Battery
from rollout.columns import read_snapshot
from rollout.comparison import Block, Contest, ask_block
from tests.edits import put
from tests.leap import leaping
from tests.rollout.conftest import Climb, late

Open = Callable[..., Battery]
SMOKE = Path("configs") / "smoke"


@pytest.fixture
def battery(tmp_path: Path, root: Path) -> Open:
    """Looks at a hero; evidence goes to `folder`."""

    def opened(hero: Hero, folder: str = "run", tell: Callable[[str], None] = lambda line: None) -> Battery:
        return Battery(hero, tmp_path / folder, "run", root, tell)

    return opened


def changed(configs: Path, name: str, **changes: Any) -> Hero:
    """A hero of the miniature release whose pack says something else."""
    put(configs / f"{name}.yaml", **changes)
    return load_hero(name, configs)


def not_green(found: Battery) -> dict[str, Verdict]:
    return {check: cell.verdict for check, cell in found.cells.items() if cell.verdict is not Verdict.GREEN}


@pytest.mark.parametrize("name", ["equal", "worse", "unsure"])
def test_sound_runs_pass_whatever_they_find(battery: Open, configs: Path, name: str) -> None:
    found = battery(load_hero(name, configs))
    assert not_green(found) == {}
    assert found.facts.places == "judged"


def test_what_was_judged_is_what_was_written(battery: Open, configs: Path, tmp_path: Path) -> None:
    found = battery(load_hero("worse", configs))
    hits, agg = (pq.read_table(tmp_path / "run" / f"sanity-{kind}.parquet") for kind in ("hits", "agg"))
    assert set(agg["stream"].to_pylist()) == {"sanity"}
    assert set(hits["window"].to_pylist()) == set(agg["step"].to_pylist()) == {0}
    again = read_snapshot(hits, agg, "worse", "incumbent")
    contest = found.contest
    assert judge_battery("worse", contest.policy, again, found.facts, contest.missing) == found.cells


def test_only_calibration_queries_are_asked(battery: Open, configs: Path, tmp_path: Path) -> None:
    found = battery(load_hero("equal", configs))
    asked = set(pq.read_table(tmp_path / "run" / "sanity-agg.parquet")["query_ord"].to_pylist())
    part = found.contest.collection.part
    assert len(asked) == found.facts.asked == 100
    assert asked <= set(part["calibration"].tolist())
    assert asked.isdisjoint(part["canary"].tolist())


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        (Fault(kind="empty"), {"file_only", "pool", "stop_rule"}),
        (Fault(kind="stale", lines=30), {"file_only", "stop_rule"}),
        (Fault(kind="slow", milliseconds=200), set()),  # a recorded latency is what it is
        (Fault(kind="shuffled"), set()),
    ],
)
def test_a_fault_is_named(
    battery: Open, configs: Path, fault: Fault, checks: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaping(monkeypatch)
    hero = changed(configs, "equal", fault=fault.model_dump(mode="json"))
    assert set(not_green(battery(hero))) == checks


def test_a_run_under_another_name_is_suspicious(battery: Open, configs: Path) -> None:
    run = (configs / "equal.run").read_text(encoding="utf-8")
    (configs / "worse.run").write_text(f"# another file\n{run}", encoding="utf-8")
    found = battery(load_hero("worse", configs))
    assert set(not_green(found)) == {"stop_rule"}
    assert "differ, but not one of their numbers does" in found.cells["stop_rule"].note


@pytest.mark.parametrize(("alike", "asked", "verdict"), [(200, 300, Verdict.GREEN), (10_000, 800, Verdict.RED)])
def test_who_is_not_told_apart_is_asked_more(
    battery: Open, root: Path, monkeypatch: pytest.MonkeyPatch, alike: int, asked: int, verdict: Verdict
) -> None:
    def asking(contest: Contest, queries: Sequence[Query], begun: int, *more: Any, **named: Any) -> Block:
        block = ask_block(contest, queries, begun, *more, **named)
        block.answers["hero"] = block.answers["baseline"] if begun < alike else block.answers["hero"]
        return block

    monkeypatch.setattr("rollout.battery.ask_block", asking)
    hero = load_hero("ann", root / SMOKE)  # which gives most answers another confidence
    found = battery(hero)
    assert (found.facts.asked, found.cells["stop_rule"].verdict) == (asked, verdict)


def test_a_hero_that_is_mostly_late_is_asked_one_block(battery: Open, configs: Path) -> None:
    late(configs / "worse.run")
    found = battery(load_hero("worse", configs))
    assert (found.facts.asked, found.facts.of) == (50, 100)
    assert found.cells["sla_off"].note == "asked 50 of 100 queries: most answers came late"
    assert found.cells["sla_off"].n == 50


def test_a_battery_is_begun_once_a_run(battery: Open, configs: Path) -> None:
    battery(load_hero("equal", configs))
    with pytest.raises(
        EvidenceError, match="equal: this run's battery was begun by a process that died; not evidenced"
    ):
        battery(load_hero("equal", configs))


def test_what_is_amiss_is_told(battery: Open, configs: Path) -> None:
    told: list[str] = []
    battery(load_hero("equal", configs), "one", told.append)
    battery(changed(configs, "equal", fault={"kind": "empty"}), "two", told.append)
    said = [line for line in told if line.startswith("sanity: ")]
    assert said[0] == "sanity: 5 of 5 checks hold on 100 queries"
    assert said[1].startswith("sanity: 2 of 5 checks hold on 100 queries: file_only INCONCLUSIVE, pool RED")


class TestLadder:
    def test_other_checks_hold_and_let_the_climb_show_more(self, ladder: Climb) -> None:
        share: Mapping[str, Any] = {"pool": {"on_red": "hold", "share": 0.99, "unknown": 0.05}}
        climbed = ladder("worse", policy={"sanity": share})
        assert climbed.whole("pool").verdict is Verdict.RED
        climbed.reach(100)
        assert climbed.ended.startswith("rolled back at 50 %")

    def test_the_facts_stand_among_the_constants(self, ladder: Climb) -> None:
        climbed = ladder("equal")
        assert climbed.whole("stop_rule").verdict is Verdict.GREEN
        assert '"sanity": {' in (climbed.folder / "ladder.json").read_text(encoding="utf-8")


@pytest.mark.smoke
class TestIndex:
    def test_a_stale_index_is_seen_by_what_looks_at_lines(self, battery: Open, root: Path) -> None:
        found = battery(load_hero(str(root / "configs" / "bad" / "stale_index.yaml"), root / SMOKE))
        assert set(not_green(found)) == {"index_integrity", "oracle_queries", "file_only", "pool"}

    def test_a_damaged_file_is_named(self, battery: Open, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        inspect = LensKind.inspect_index
        damaged = ["dense.faiss"]
        monkeypatch.setattr(LensKind, "inspect_index", lambda *asked: inspect(*asked)._replace(damaged=damaged))
        found = battery(load_hero("lexical", root / SMOKE))
        assert not_green(found) == {"index_integrity": Verdict.RED}
        assert found.cells["index_integrity"].note.startswith("dense.faiss changed since the index was built")

    def test_oracles_of_another_corpus_are_not_evidence(
        self, battery: Open, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(oracles, "FILE", "../oracles.json")
        found = battery(load_hero("lexical", root / SMOKE))
        assert not_green(found) == {"oracle_queries": Verdict.INCONCLUSIVE}
        assert "run python -m lens make-oracles" in found.cells["oracle_queries"].note
