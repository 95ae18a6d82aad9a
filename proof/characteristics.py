"""Command: how often is the gate wrong? Simulates whole releases and writes configs/characteristics.json and its page.

    python -m proof.characteristics [--quick] [--configs=configs] [--out=FILE] [--docs=FOLDER] [--page-only]

Two processes share the work. What is done is kept in the cache under a digest of all that it depends on, so a run that
was stopped goes on where it was. `--quick` simulates few heroes and no real pairs: it shows that everything runs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evidence.digests import file_digest
from evidence.files import write_whole
from gates.checks.machine import SlowedBaseline
from gates.documents import read_yaml
from gates.pairs import join
from gates.planning.characteristics import SCHEMA, deciding_digest, deciding_files
from gates.planning.equal_hero import streams_of
from gates.policy import Policy, load_policy
from proof.pages.claims import LAST_STEP, claims
from proof.pages.page import write_page
from proof.simulate import changes
from proof.simulate.busy import GOOD, LOADS, SLOW, busy_recording
from proof.simulate.cells import MODEL, Experiment, all_cells
from proof.simulate.drive import run_letter, run_seeds
from proof.simulate.model import draw_model
from proof.simulate.pairs_needed import PAIRS, compare_variants, loss_streams, needed
from proof.simulate.population import blocks_of
from proof.simulate.recording import ROOT, Recording, kept_folder, open_recording
from proof.simulate.releases import equal_hero, run_share, shares_of
from proof.simulate.streams import streams_document
from proof.simulate.summary import add_counts, cell_row, count_ends

SEEDS, SEEDS_AT_ONCE = 100, 10
LETTER = 200
QUICK = 0.02

Task = tuple[str, ...]
_SHARED: dict[str, Any] = {}  # what forked workers find: the policy, the recording, the cells by key


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m proof.characteristics", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few heroes and no real pairs")
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    parser.add_argument("--out", type=Path, help="default: characteristics.json in --configs")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--page-only", action="store_true", help="write the page anew from the JSON")
    asked = parser.parse_args(arguments)
    out = asked.out or asked.configs / "characteristics.json"
    if not asked.page_only:
        found = simulate(asked.configs, quick=asked.quick, tell=lambda text: print(text, flush=True))
        write_whole(out, json.dumps(found, indent=1) + "\n")
        print(f"wrote {out}")
    write_page(json.loads(out.read_text(encoding="utf-8")), asked.docs)
    print(f"wrote {asked.docs / 'operating-characteristics.md'}")


def simulate(configs: Path, *, quick: bool, tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything, as the JSON document."""
    begun = time.monotonic()
    policy = load_policy(configs / "policy.yaml")
    digest = policy.model_copy(update={"mode": "evidence"}).digest()
    # a recording cannot say whether a hero slows the baseline beside it
    policy = policy.model_copy(update={"left_out": {**policy.left_out, SlowedBaseline.key: "answers are recorded"}})
    recording = None if quick else open_recording(configs, policy, tell)
    cells = {c.key: c for c in all_cells(QUICK if quick else 1.0) if recording is not None or c.world == MODEL}
    _SHARED.update(policy=policy, recording=recording, cells=cells, quick=quick)
    done = _run_all(_tasks(cells, recording, quick), _kept(policy, recording, quick), tell)
    rows = {
        key: cell_row(cell, add_counts([done["cell", key, str(i)] for i in range(shares_of(cell))]))
        for key, cell in cells.items()
    }
    seeds = _seeds(configs, policy, done) if recording is not None else {}
    busy = _busy(done) if recording is not None else {}
    letter = {world: done["letter", world] for world in ("model", "real") if ("letter", world) in done}
    proven = claims(rows, seeds, busy)
    return {
        "schema": SCHEMA,
        "sources_digest": deciding_digest(),
        "source_files": [path.relative_to(ROOT).as_posix() for path in deciding_files()],
        "policy_digest": digest,
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - begun),
        "quick": quick,
        "recording": recording.key if recording is not None else "",
        "rates": _rates(rows, letter),
        "claims": proven,
        "cells": list(rows.values()),
        "pairs_needed": done["needed", "model"],
        "variants": done.get(("needed", "variants"), {}),
        "letter": letter,
        "seeds": seeds,
        "busy": busy,
        "streams": done.get(("streams",), {}),
    }


def run_task(task: Task) -> Any:
    """One task in a worker; JSON."""
    policy, recording, quick = _SHARED["policy"], _SHARED["recording"], _SHARED["quick"]
    match task:
        case ("cell", key, share):
            cell: Experiment = _SHARED["cells"][key]
            ends = run_share(cell, int(share), policy, recording, **({"blocks": 512} if quick else {}))
            return count_ends(ends, cell)
        case ("letter", world):
            return run_letter(world, policy, recording if world == "real" else None, 10 if quick else LETTER)
        case ("seeds", first):
            numbers = range(int(first), int(first) + SEEDS_AT_ONCE)
            ends_by_hero = run_seeds(recording, sorted(_seeded(recording)), policy, numbers)
            return {hero: [dict(e.decisions), dict(e.red), e.pairs] for hero, e in ends_by_hero.items()}
        case ("busy", load, first):
            numbers = range(int(first), int(first) + SEEDS_AT_ONCE)
            waits = busy_recording(recording, policy, load, int(first))
            ends_by_hero = run_seeds(waits, (*GOOD, *SLOW), policy, numbers)
            return {hero: [dict(e.decisions), dict(e.red), e.pairs] for hero, e in ends_by_hero.items()}
        case ("needed", "model"):
            return _needed_on_models(quick)
        case ("needed", "variants"):
            return _variants(recording, policy)
        case ("streams",):
            return _streams(recording, policy)
    raise ValueError(f"task {task}")


def _tasks(cells: dict[str, Experiment], recording: Recording | None, quick: bool) -> list[Task]:
    tasks: list[Task] = [("cell", key, str(i)) for key, cell in cells.items() for i in range(shares_of(cell))]
    tasks += [("letter", "model"), ("needed", "model")]
    if recording is not None:
        parts = [str(i) for i in range(0, SEEDS, SEEDS_AT_ONCE)]
        tasks = [("seeds", part) for part in parts] + [("busy", load, part) for load in LOADS for part in parts] + tasks
        tasks += [("letter", "real"), ("needed", "variants"), ("streams",)]
    return tasks


def _run_all(tasks: list[Task], folder: Path, tell: Callable[[str], None]) -> dict[Task, Any]:
    """Results by task, from the folder or computed now."""
    folder.mkdir(parents=True, exist_ok=True)
    begun, done = time.monotonic(), {}
    left = []
    for task in tasks:
        path = folder / f"{'_'.join(task)}.json"
        if path.exists():
            done[task] = json.loads(path.read_text(encoding="utf-8"))
        else:
            left.append(task)
    if done:
        tell(f"{len(done)} of {len(tasks)} parts were done before")
    for i, (task, result, seconds) in enumerate(_computed(left), 1):
        write_whole(folder / f"{'_'.join(task)}.json", json.dumps(result))
        done[task] = json.loads(json.dumps(result))
        tell(f"{i:4} of {len(left)}  {time.monotonic() - begun:5.0f} s  {' '.join(task)} ({seconds:.1f} s)")
    return done


def _computed(tasks: list[Task]) -> Iterator[tuple[Task, Any, float]]:
    # forked: the workers find policy and recording where this process read them
    with multiprocessing.get_context("fork").Pool(2) as pool:
        yield from pool.imap_unordered(_timed, tasks)


def _timed(task: Task) -> tuple[Task, Any, float]:
    begun = time.process_time()
    return task, run_task(task), time.process_time() - begun


def _kept(policy: Policy, recording: Recording | None, quick: bool) -> Path:
    simulated = [Path(__file__), *sorted((ROOT / "proof" / "simulate").glob("*.py"))]
    sources = {path.name: file_digest(path) for path in simulated}
    content = {
        "deciding": deciding_digest(), "proof": sources, "policy": policy.digest(), "quick": quick,
        "recording": recording.key if recording is not None else "",
    }  # fmt: skip
    return kept_folder("characteristics", content)


def _rates(rows: dict[str, dict[str, Any]], letter: dict[str, dict[str, int]]) -> dict[str, str]:
    """The rates that are printed beside every decision, as decimal strings: of the worse of the two worlds."""

    def found(*cells: str) -> list[dict[str, Any]]:
        keys = [f"{world}-{cell}" for world in ("model", "real") for cell in cells]
        return [rows[key] for key in keys if key in rows]

    equal, promoted = found("aa"), found("ce-0.0175")
    lost = found("loss-1", "loss-2", "loss-5", *LAST_STEP)
    rates = {
        "false_rollback": max(row["releases_rolled_back"] / row["releases"] for row in equal),
        "false_rollback_upper": max(row["releases_rolled_back_upper"] for row in equal),
        "missed_loss": max(row["promoted"] / row["n"] for row in lost),
        "missed_loss_upper": max(row["promoted_bounds"][1] for row in lost),
        "promoted_equal": min(row["promoted"] / row["n"] for row in promoted),
        "letter_false_rollback": min(counts.get("ROLLBACK", 0) / sum(counts.values()) for counts in letter.values()),
    }
    return {name: f"{rate:.4g}" for name, rate in rates.items()} | {"releases": str(sum(r["releases"] for r in equal))}


def _seeded(recording: Recording) -> list[str]:
    usual = {"baseline", "repeat", *_SHARED["policy"].heroes}
    return [name for name in recording.arms if name not in usual]


def _seeds(configs: Path, policy: Policy, done: dict[Task, Any]) -> dict[str, Any]:
    """Decisions of good/ and bad/ over all seeds, with the check that each bad one names."""
    found: dict[str, Any] = {"good": {}, "bad": {}}
    parts = [done["seeds", str(i)] for i in range(0, SEEDS, SEEDS_AT_ONCE)]
    for kind in ("good", "bad"):
        for path in sorted((configs / kind).glob("*.yaml")):
            pack = read_yaml(path)
            name = pack["name"]
            decisions, red = (dict(sum((Counter(part[name][i]) for part in parts), Counter())) for i in range(2))
            pairs = [n for part in parts for n in part[name][2]]
            found[kind][name] = {
                "n": len(pairs),
                "decisions": decisions,
                "red": red,
                "check": pack["expect"].get("check", ""),
                "pairs": {
                    "median": int(np.median(pairs)),
                    "most": int(np.quantile(pairs, 0.99, method="inverted_cdf")),
                },
            }
    return found


def _busy(done: dict[Task, Any]) -> dict[str, Any]:
    """Decisions on a busy machine over all seeds."""
    found: dict[str, Any] = {}
    for load in LOADS:
        parts = [done["busy", load, str(i)] for i in range(0, SEEDS, SEEDS_AT_ONCE)]
        for hero in parts[0]:
            decisions, red = (dict(sum((Counter(part[hero][i]) for part in parts), Counter())) for i in range(2))
            seen = {"n": sum(decisions.values()), "decisions": decisions, "red": red}
            found.setdefault(load, {})[hero] = seen
    return found


def _needed_on_models(quick: bool) -> dict[str, Any]:
    """Beside docs/decision-rule.md: RED on losses at its thresholds, GREEN of an equal hero, on recall alone."""
    rng = np.random.default_rng(5)
    runs, pairs, found = 50 if quick else 500, 12_800, {}
    equal = draw_model(100_000, rng)
    for points in (1, 2, 5):
        lossy = changes.lose(equal, points / 100, rng, keep=0.75)
        streams = loss_streams(lossy, runs, pairs, rng)
        for threshold in (1_200, 6_300):
            found[f"RED -{points} at {threshold:,}"] = needed(streams, threshold)._asdict()
    for margin in (0.01, 0.02):
        found[f"GREEN margin {margin * 100:.0f}"] = needed(loss_streams(equal, runs, pairs, rng, margin), 100)._asdict()
    return found


def _variants(recording: Recording, policy: Policy) -> dict[str, Any]:
    rng = np.random.default_rng(6)
    found: dict[str, Any] = {"pairs": min(PAIRS, len(recording.query_id))}
    threshold = 6_300.0
    for hero in ("lexical", "ann"):
        equal = changes.fair_swap(equal_hero(recording, hero), rng)
        for name, population, margin, need in (
            ("RED -1 point", changes.lose(equal, 0.01, rng, keep=0.0), 0.0, threshold),
            ("RED -2 points", changes.lose(equal, 0.02, rng, keep=0.0), 0.0, threshold),
            ("GREEN margin 1", equal, 0.01, 100.0),
            ("GREEN margin 2", equal, 0.02, 100.0),
        ):
            variants = compare_variants(population, margin, need, rng)
            found[f"{hero}: {name}"] = {variant: v._asdict() for variant, v in variants.items()}
    return found


def _streams(recording: Recording, policy: Policy) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    alone = recording.preflight.rows(rng.permutation(len(recording.preflight))[: policy.ladder.preflight])
    constants = alone.constants(policy, 7)
    blocks = [
        block
        for hero in policy.heroes
        for block in blocks_of(changes.fair_swap(equal_hero(recording, hero), rng), policy)
    ]
    source = f"recorded answers of {', '.join(policy.heroes)}, arms swapped by a fair coin a query"
    return streams_document(streams_of(join(blocks), policy, constants, source))


def commit() -> str:
    """What is checked out, "-dirty" where it was changed."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    # imported under its own name, so that forked and spawned workers find the same module
    from proof.characteristics import main as run

    run()
