"""Command: how often is the gate wrong? Simulates whole releases and writes configs/characteristics.json and its page.

    python -m proof.characteristics [--configs=configs] [--docs=FOLDER] [--page-only]

Two processes share the work.
"""

import argparse
import datetime
import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evidence.files import write_whole
from gates.checks.machine import SlowedBaseline
from gates.documents import read_yaml
from gates.pairs import join
from gates.place import HERE
from gates.planning.characteristics import SCHEMA, deciding_digest, deciding_files
from gates.planning.power import streams_of
from gates.policy import Policy, load_policy
from proof.pages.claims import LOSSES, claims
from proof.pages.page import write_page
from proof.simulate import changes
from proof.simulate.busy import GOOD, LOADS, SLOW, busy_recording
from proof.simulate.cells import Experiment, all_cells
from proof.simulate.drive import run_letter, run_seeds
from proof.simulate.population import blocks_of
from proof.simulate.recording import ROOT, Recording, open_recording
from proof.simulate.releases import equal_hero, run_share, shares_of
from proof.simulate.streams import streams_document
from proof.simulate.summary import add_counts, cell_row, count_ends, quantiles

SEEDS, SEEDS_AT_ONCE = 100, 10
CALM = "calm"  # the machine on which the recording was made
LETTER = 200

Task = tuple[str, ...]
_TASKS: dict[Task, Callable[[], Any]] = {}  # what forked workers find


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m proof.characteristics", description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--page-only", action="store_true", help="write the page anew from the JSON")
    asked = parser.parse_args(arguments)
    out = asked.configs / "characteristics.json"
    if not asked.page_only:
        found = simulate(asked.configs, tell=lambda text: print(text, flush=True))
        write_whole(out, json.dumps(found, indent=1) + "\n")
        print(f"wrote {out}")
    write_page(json.loads(out.read_text(encoding="utf-8")), asked.docs)
    print(f"wrote {asked.docs / 'operating-characteristics.md'}")


def simulate(configs: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything, as the JSON document."""
    begun = time.monotonic()
    policy = load_policy(configs / "policy.yaml")
    digest = policy.model_copy(update={"mode": "evidence"}).digest()
    # a recording cannot say whether a hero slows the baseline beside it
    policy = policy.model_copy(update={"left_out": {**policy.left_out, SlowedBaseline.key: "answers are recorded"}})
    recording = open_recording(configs, policy, tell)
    cells = all_cells()
    done = _run_all(_tasks(cells, policy, recording), tell)
    rows = {
        cell.key: cell_row(cell, add_counts([done["cell", cell.key, str(i)] for i in range(shares_of(cell))]))
        for cell in cells
    }
    letter = {world: done["letter", world] for world in ("model", "real")}
    busy = {load: _over_seeds(done, load) for load in LOADS}
    calm, seeds = _over_seeds(done, CALM), {}
    for kind in ("good", "bad"):
        packs = [read_yaml(path) for path in sorted((configs / kind).glob("*.yaml"))]
        seeds[kind] = {p["name"]: {**calm[p["name"]], "check": p["expect"].get("check", "")} for p in packs}
    return {
        "schema": SCHEMA,
        "sources_digest": deciding_digest(),
        "source_files": [path.relative_to(ROOT).as_posix() for path in deciding_files()],
        "policy_digest": digest,
        "commit": HERE.commit,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - begun),
        "recording": recording.key,
        "rates": _rates(rows, letter),
        "claims": claims(rows, seeds, busy),
        "cells": list(rows.values()),
        "letter": letter,
        "seeds": seeds,
        "busy": busy,
        "streams": done["streams",],
    }


def _tasks(cells: Sequence[Experiment], policy: Policy, recording: Recording) -> dict[Task, Callable[[], Any]]:
    """All that is to be done, each by itself; what takes longest first."""
    seeded = sorted(set(recording.arms) - {"baseline", "repeat", *policy.heroes})

    def over_seeds(load: str, first: int) -> Any:
        numbers = range(first, first + SEEDS_AT_ONCE)
        if load == CALM:
            return run_seeds(recording, seeded, policy, numbers)
        return run_seeds(busy_recording(recording, policy, load, first), (*GOOD, *SLOW), policy, numbers)

    def share(cell: Experiment, i: int) -> Any:
        return count_ends(run_share(cell, i, policy, recording), cell)

    parts = range(0, SEEDS, SEEDS_AT_ONCE)
    tasks: dict[Task, Callable[[], Any]] = {
        ("seeds", load, str(part)): partial(over_seeds, load, part) for load in (CALM, *LOADS) for part in parts
    }
    tasks |= {("cell", c.key, str(i)): partial(share, c, i) for c in cells for i in range(shares_of(c))}
    tasks["letter", "model"] = partial(run_letter, "model", policy, None, LETTER)
    tasks["letter", "real"] = partial(run_letter, "real", policy, recording, LETTER)
    tasks["streams",] = partial(_streams, recording, policy)
    return tasks


def _run_all(tasks: dict[Task, Callable[[], Any]], tell: Callable[[str], None]) -> dict[Task, Any]:
    """Results by task."""
    begun = time.monotonic()
    done = {}
    _TASKS.update(tasks)
    # forked: the workers find policy and recording where this process read them
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for i, (task, result, seconds) in enumerate(pool.imap_unordered(_timed, tasks), 1):
            done[task] = result
            tell(f"{i:4} of {len(tasks)}  {time.monotonic() - begun:5.0f} s  {' '.join(task)} ({seconds:.1f} s)")
    return done


def _timed(task: Task) -> tuple[Task, Any, float]:
    begun = time.process_time()
    return task, _TASKS[task](), time.process_time() - begun


def _rates(rows: dict[str, dict[str, Any]], letter: dict[str, dict[str, int]]) -> dict[str, str]:
    """The rates that are printed beside every decision, as decimal strings: of the worse of the two worlds."""

    def found(*cells: str) -> list[dict[str, Any]]:
        return [rows[f"{world}-{cell}"] for world in ("model", "real") for cell in cells]

    equal, promoted, lost = found("aa"), found("ce-0.0175"), found(*LOSSES)
    rates = {
        "false_rollback": max(row["releases_rolled_back"] / row["releases"] for row in equal),
        "false_rollback_upper": max(row["releases_rolled_back_upper"] for row in equal),
        "missed_loss": max(row["promoted"] / row["n"] for row in lost),
        "missed_loss_upper": max(row["promoted_bounds"][1] for row in lost),
        "promoted_equal": min(row["promoted"] / row["n"] for row in promoted),
        "letter_false_rollback": min(counts.get("ROLLBACK", 0) / sum(counts.values()) for counts in letter.values()),
    }
    return {name: f"{rate:.4g}" for name, rate in rates.items()} | {"releases": str(sum(r["releases"] for r in equal))}


def _over_seeds(done: dict[Task, Any], load: str) -> dict[str, Any]:
    """What became of each hero over all seeds."""
    parts = [done["seeds", load, str(i)] for i in range(0, SEEDS, SEEDS_AT_ONCE)]
    found = {hero: add_counts([part[hero] for part in parts]) for hero in parts[0]}
    return {hero: {"n": len(e["pairs"]), **e, "pairs": quantiles(e["pairs"])} for hero, e in found.items()}


def _streams(recording: Recording, policy: Policy) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    constants = recording.preflight.sample(policy.ladder.preflight, rng).constants(policy, 7)
    blocks = [
        block
        for hero in policy.heroes
        for block in blocks_of(changes.fair_swap(equal_hero(recording, hero), rng), policy)
    ]
    source = f"recorded answers of {', '.join(policy.heroes)}, arms swapped by a fair coin a query"
    return streams_document(streams_of(join(blocks), policy, constants, source))


if __name__ == "__main__":
    # imported under its own name, so that forked and spawned workers find the same module
    from proof.characteristics import main as run

    run()
