"""Is a decision made again from its evidence alone, byte for byte, and is anything that does not follow found?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gates.errors import EvidenceError
from reports.attestation.__main__ import main
from reports.attestation.replay import replay

DECISIONS = {"equal": "PROMOTE", "rival": "PROMOTE", "worse": "ROLLBACK", "unsure": "HOLD"}


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a parquet file anew."""
    pq.write_table(change(pq.read_table(path)), path)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))


def attest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Say another thing in an attestation."""
    path = folder / "attestation.json"
    attested = json.loads(path.read_text())
    change(attested)
    path.write_text(json.dumps(attested))


def _cell(attested: dict[str, Any], check: str) -> dict[str, Any]:
    """The first cell of a check."""
    return next(cell for cell in attested["cells"] if cell["check"] == check)


@pytest.mark.parametrize("hero", DECISIONS)
def test_a_decision_follows_from_its_evidence(finished: Path, hero: str) -> None:
    folder = finished / "reports" / "out" / hero
    first, second = replay(folder), replay(folder)
    assert (first.decision, first.differences, first.other_sources) == (DECISIONS[hero], (), ())
    assert first == second
    assert first.pairs > 0


def test_the_command_replays_every_hero(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(finished / "reports" / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == sorted(DECISIONS)
    assert all(line.endswith(": as attested") for line in lines)


def test_a_measure_that_does_not_follow_from_its_hits_is_found(copied: Path) -> None:
    folder = copied / "reports" / "out" / "worse"

    def better(agg: pa.Table) -> pa.Table:
        hero = np.array(pc.equal(agg["system"], "worse"))
        return with_column(agg, "sla_recall_at_50", np.where(hero, 1.0, agg["sla_recall_at_50"].to_numpy()))

    rewrite(folder / "agg.parquet", better)
    wrong = replay(folder).differences
    assert wrong[0] == "agg.parquet: its content is not what is attested"
    assert wrong[1].startswith("agg.parquet: sla_recall_at_50 of worse for query q")
    assert "but 0.0 follows from hits.parquet" in wrong[1]


def test_another_heros_evidence_is_found(copied: Path) -> None:
    out = copied / "reports" / "out"
    for name in ("agg.parquet", "hits.parquet"):
        rewrite(out / "equal" / name, lambda table: _renamed(table, "equal", "worse"))
        shutil.copy(out / "equal" / name, out / "worse" / name)
    replayed = replay(out / "worse")
    assert replayed.decision != "ROLLBACK"
    assert any(" is attested, " in line or "fingerprint" in line for line in replayed.differences)


def _renamed(table: pa.Table, old: str, new: str) -> pa.Table:
    for name in ("system", "hero"):
        values = [new if value == old else value for value in table[name].to_pylist()]
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values).dictionary_encode())
    return table


def swapped(agg: pa.Table) -> pa.Table:
    at = agg["pair_ord"].to_numpy().copy()
    swap = np.array(pc.is_in(agg["stream"], pa.array(["pair", "aa"])))
    at[swap & (at < 2)] = 1 - at[swap & (at < 2)]
    return with_column(agg, "pair_ord", at)


@pytest.mark.parametrize(
    ("name", "bend", "said"),
    [
        ("agg", lambda agg: agg.filter(pc.less(agg["pair_ord"], 390)), "of queries that agg.parquet does not have"),
        ("agg", lambda agg: agg.filter(pc.less(agg["pair_ord"], 390)), "should follow after pair 350, but 40 do"),
        ("agg", swapped, "agg.parquet: pair 0 is not where the fingerprint puts it; 2 are out of place"),
        ("hits", lambda hits: hits.slice(0, hits.num_rows - 1), "total_hits of"),
    ],
    ids=["dropped pairs", "the pairs after them", "pairs in another order", "a lost hit"],
)
def test_evidence_that_was_bent_is_found(copied: Path, name: str, bend: Callable[..., Any], said: str) -> None:
    folder = copied / "reports" / "out" / "equal"
    rewrite(folder / f"{name}.parquet", bend)
    assert said in " ".join(replay(folder).differences)


def test_evidence_in_another_encoding_is_the_same_evidence(copied: Path) -> None:
    folder = copied / "reports" / "out" / "equal"
    table = pq.read_table(folder / "agg.parquet")
    pq.write_table(table, folder / "agg.parquet", compression="none", row_group_size=100)
    assert replay(folder).differences == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: a.update(decision="PROMOTE"), "decision: PROMOTE is attested, ROLLBACK follows"),
        (lambda a: a["reasons"].clear(), "reasons: [] is attested, ["),
        (
            lambda a: _cell(a, "sla_recall_at_50_delta").update(verdict="GREEN"),
            "cells.sla_recall_at_50_delta at 50 %.verdict: GREEN is",
        ),
        (lambda a: _cell(a, "ndcg_at_10").update(observed="0.1"), "cells.ndcg_at_10.observed: 0.1 is attested, "),
        (lambda a: a["constants"].update(q="0.5"), "constants.q: 0.5 is attested, "),
        (lambda a: a["constants"]["lock"].update(status="none"), "cells.lock."),
    ],
)
def test_what_does_not_follow_is_the_first_difference(copied: Path, change: Callable[..., object], told: str) -> None:
    folder = copied / "reports" / "out" / "worse"
    attest(folder, change)
    (difference,) = replay(folder).differences
    assert told in difference


def test_a_threshold_that_was_changed_afterwards_decides_otherwise(copied: Path) -> None:
    folder = copied / "reports" / "out" / "equal"
    attest(folder, lambda a: a["policy"]["gates"]["sla_recall_at_50_delta"].update(margin=0.0001, final_margin=0.0001))
    replayed = replay(folder)
    assert replayed.decision == "HOLD"
    assert replayed.differences


def test_without_evidence_nothing_is_replayed(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copied / "reports" / "out" / "equal"
    (folder / "hits.parquet").write_bytes(b"PAR1")
    assert "evidence cannot be read" in replay(folder).differences[0]
    (folder / "attestation.json").write_text("{}")
    with pytest.raises(EvidenceError, match="schema 'None', but hero-gate/attestation/v2 is expected"):
        replay(folder)
    assert main(["replay", str(copied / "configs")]) == 1
    assert "no attested hero in it" in capsys.readouterr().err
