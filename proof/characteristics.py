"""Command: how often is the gate wrong? Simulates whole releases and writes configs/characteristics.json and its page.

    python -m proof.characteristics [--quick] [--configs=configs] [--out=FILE] [--docs=FOLDER] [--page-only]

Two processes share the work. What is done is kept in the cache under a digest of all that it depends on, so a run that
was stopped goes on where it was. `--quick` simulates few heroes and no real pairs: it shows that everything runs.
"""

import argparse
import datetime
import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from evidence.digests import file_digest
from evidence.files import write_whole
from fixtures.cache import cache_folder, content_key
from gates.checks.machine import SlowedBaseline
from gates.documents import read_yaml
from gates.pairs import join
from gates.planning.characteristics import SCHEMA, deciding_digest, deciding_files
from gates.planning.equal_hero import streams_of
from gates.policy import Policy, load_policy
from gates.run import commit
from proof.pages.claims import LAST_STEP, claims
from proof.pages.page import write_page
from proof.simulate import changes
from proof.simulate.busy import GOOD, LOADS, SLOW, busy_recording
from proof.simulate.cells import MODEL, Experiment, all_cells
from proof.simulate.drive import run_letter, run_seeds
from proof.simulate.population import blocks_of
from proof.simulate.recording import ROOT, Recording, open_recording
from proof.simulate.releases import BLOCKS, equal_hero, run_share, shares_of
from proof.simulate.streams import streams_document
from proof.simulate.summary import add_counts, cell_row, count_ends, quantiles

SEEDS, SEEDS_AT_ONCE = 100, 10
CALM = "calm"  # the machine on which the recording was made
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
    content = {
        "deciding": deciding_digest(), "policy": policy.digest(), "quick": quick,
        "proof": {p.name: file_digest(p) for p in (Path(__file__), *(ROOT / "proof" / "simulate").glob("*.py"))},
        "recording": recording.key if recording is not None else "",
    }  # fmt: skip
    kept = cache_folder() / f"characteristics-{content_key(content)}"
    done = _run_all(_tasks(cells, recording), kept, tell)
    rows = {
        key: cell_row(cell, add_counts([done["cell", key, str(i)] for i in range(shares_of(cell))]))
        for key, cell in cells.items()
    }
    letter = {world: done["letter", world] for world in ("model", "real") if ("letter", world) in done}
    seeds: dict[str, Any] = {}
    busy: dict[str, Any] = {}
    if recording is not None:
        busy = {load: _over_seeds(done, load) for load in LOADS}
        calm = _over_seeds(done, CALM)
        for kind in ("good", "bad"):
            packs = [read_yaml(path) for path in sorted((configs / kind).glob("*.yaml"))]
            seeds[kind] = {p["name"]: {**calm[p["name"]], "check": p["expect"].get("check", "")} for p in packs}
    return {
        "schema": SCHEMA,
        "sources_digest": deciding_digest(),
        "source_files": [path.relative_to(ROOT).as_posix() for path in deciding_files()],
        "policy_digest": digest,
        "commit": commit(ROOT),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - begun),
        "quick": quick,
        "recording": recording.key if recording is not None else "",
        "rates": _rates(rows, letter),
        "claims": claims(rows, seeds, busy),
        "cells": list(rows.values()),
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
            return count_ends(run_share(cell, int(share), policy, recording, 512 if quick else BLOCKS), cell)
        case ("letter", world):
            return run_letter(world, policy, recording if world == "real" else None, 10 if quick else LETTER)
        case ("seeds", load, first):
            numbers = range(int(first), int(first) + SEEDS_AT_ONCE)
            if load != CALM:
                return run_seeds(busy_recording(recording, policy, load, int(first)), (*GOOD, *SLOW), policy, numbers)
            seeded = set(recording.arms) - {"baseline", "repeat", *policy.heroes}
            return run_seeds(recording, sorted(seeded), policy, numbers)
        case ("streams",):
            return _streams(recording, policy)
    raise ValueError(f"task {task}")


def _tasks(cells: dict[str, Experiment], recording: Recording | None) -> list[Task]:
    tasks: list[Task] = [("cell", key, str(i)) for key, cell in cells.items() for i in range(shares_of(cell))]
    tasks.append(("letter", "model"))
    if recording is not None:
        parts = range(0, SEEDS, SEEDS_AT_ONCE)
        tasks = [("seeds", load, str(part)) for load in (CALM, *LOADS) for part in parts] + tasks
        tasks += [("letter", "real"), ("streams",)]
    return tasks


def _run_all(tasks: list[Task], folder: Path, tell: Callable[[str], None]) -> dict[Task, Any]:
    """Results by task, from the folder or computed now."""
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    files = {task: folder / f"{'_'.join(task)}.json" for task in tasks}
    left = [task for task, path in files.items() if not path.exists()]
    if len(left) < len(tasks):
        tell(f"{len(tasks) - len(left)} of {len(tasks)} parts were done before")
    # forked: the workers find policy and recording where this process read them
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for i, (task, result, seconds) in enumerate(pool.imap_unordered(_timed, left), 1):
            write_whole(files[task], json.dumps(result))
            tell(f"{i:4} of {len(left)}  {time.monotonic() - begun:5.0f} s  {' '.join(task)} ({seconds:.1f} s)")
    return {task: json.loads(path.read_text(encoding="utf-8")) for task, path in files.items()}


def _timed(task: Task) -> tuple[Task, Any, float]:
    begun = time.process_time()
    return task, run_task(task), time.process_time() - begun


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
