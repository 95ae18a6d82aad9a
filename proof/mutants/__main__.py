"""The gate mutation score: of all seeded faults, how many does the check catch that must? `make mutants`.

First the unchanged hero is judged: a gate that holds everything would catch everything. With --hero, the faults that
apply to any system are seeded in a hero of the user's, under the policy of --configs.
Exit status: 0 when every fault was caught, 1 when one escaped, 2 when nothing could be scored.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from fixtures.packs import Hero, load_hero
from gates.errors import ConfigError
from gates.policy import load_policy
from gates.verdicts import Kind
from proof.mutants import run as runs
from proof.mutants.mutant import EQUAL, REFUSALS, Mutant
from proof.mutants.run import Scene, Score, first_reason, promoted, score
from proof.mutants.table import all_mutants

ROOT = Path(__file__).parents[2]
AT_ONCE = 2  # a canary keeps one core busy
OURS, SMOKE = ROOT / "configs", "configs/smoke"
CONTROL = Mutant(name="control", area="", what="nothing is wrong", check="")


def applies_to(mutant: Mutant, hero: Hero) -> str:
    """Why a fault of any hero cannot be seeded in a user's; nothing where it can."""
    if mutant.heroes == "timed" and hero.system_kind.block["system"] == "recorded":
        return "its answers are recorded"
    policy = hero.subject.policy
    if mutant.check not in (*REFUSALS, *policy.asked(*Kind)):
        return f"the policy does not ask {mutant.check}: {policy.left_out.get(mutant.check, 'unknown check')}"
    return ""


def results(mutants: Sequence[Mutant], scene: Scene, hero: str) -> Iterator[tuple[Mutant, Score, float]]:
    """Each mutant with its score and seconds, as they finish; `hero` is the user's, "" for the table's own."""
    pool = ThreadPoolExecutor(AT_ONCE)
    started = {pool.submit(runs.run_mutant, mutant, scene, hero or mutant.hero): mutant for mutant in mutants}
    try:
        for done in as_completed(started):
            mutant = started[done]
            try:
                run = done.result()
            except ConfigError as error:
                yield mutant, Score(False, f"not seeded: {error}"), 0.0
            else:
                yield mutant, score(mutant, run), run.seconds
    finally:
        pool.shutdown(cancel_futures=True)  # whoever interrupts does not want to wait for the rest


def line(mutant: Mutant, result: Score, seconds: float) -> str:
    """One mutant, for people."""
    said = "caught " if result.caught else "ESCAPED"
    return f"{said} {seconds:4.0f} s  {mutant.area:15} {mutant.name:28} {mutant.check:24} {result.because[:110]}"


def score_table(mutants: Sequence[Mutant], scene: Scene, hero: str) -> int:
    """Judge the unchanged hero, then run the mutants, telling each; the exit status."""
    control = hero or EQUAL
    begun = time.monotonic()
    run = runs.run_mutant(CONTROL, scene, control)
    if not promoted(run):
        print(f"nothing can be scored: {control} is stopped without any fault: {first_reason(run)}")
        return 2
    print(f"control {run.seconds:4.0f} s  {control} passes unchanged", flush=True)
    escaped: list[Mutant] = []
    for mutant, result, seconds in results(mutants, scene, hero):
        print(line(mutant, result, seconds), flush=True)
        escaped += [] if result.caught else [mutant]
    for mutant in escaped:
        print(f"escaped: {mutant.name}: {mutant.what}; {mutant.check} must catch it")
    print(f"mutants: {len(mutants) - len(escaped)} of {len(mutants)} caught in {time.monotonic() - begun:.0f} s")
    return 1 if escaped else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m proof.mutants", description=__doc__, allow_abbrev=False)
    parser.add_argument("--hero", default="", help="a hero of yours: a name of the policy, or a pack's path")
    parser.add_argument("--configs", default="", help=f"its policy's folder (configs; without --hero {SMOKE})")
    parser.add_argument("--only", default="", help="names of mutants, separated by commas")
    options = parser.parse_args(arguments)
    try:
        configs = Path(options.configs or (OURS if options.hero else ROOT / SMOKE)).resolve()
        is_pack = options.hero.endswith((".yaml", ".yml"))  # from where the user stands; a name stays one
        hero = str(Path(options.hero).resolve()) if is_pack else options.hero
        given = load_hero(hero, configs) if hero else None
        policy = given.subject.policy if given else load_policy(configs / "policy.yaml")
        able = [mutant for mutant in all_mutants(policy) if not given or mutant.heroes != "own"]
        mutants = _chosen(options.only, able)
        if given:
            mutants = list(_applicable(mutants, given))
        for mutant in mutants:  # an unknown name must not cost a run
            if mutant.patch:
                mutant.patch.found()
        with tempfile.TemporaryDirectory(prefix="hero-gate-mutants-") as folder:
            scene = Scene(checkout=ROOT, configs=str(configs))
            if configs.is_relative_to(OURS):  # what a user has locked elsewhere is the user's
                copy = shutil.copytree(OURS, Path(folder) / "configs", ignore=shutil.ignore_patterns("state"))
                scene = Scene(checkout=ROOT, configs=str(copy / configs.relative_to(OURS)))
                runs.lock_hero(scene, hero or EQUAL)
            return score_table(mutants, scene, hero)
    except ConfigError as error:
        print("\n".join(error.mistakes), file=sys.stderr)
    return 2


def _chosen(only: str, mutants: Sequence[Mutant]) -> list[Mutant]:
    """The mutants that --only names, all without it. Raises ConfigError."""
    by_name = {mutant.name: mutant for mutant in mutants}
    names = [name for name in only.split(",") if name] or list(by_name)
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ConfigError([f"--only={only}: no mutant {', '.join(unknown)}; there are {', '.join(by_name)}"])
    return [by_name[name] for name in dict.fromkeys(names)]


def _applicable(mutants: Sequence[Mutant], hero: Hero) -> Iterator[Mutant]:
    """The mutants that can be seeded in a hero, telling of the others why not."""
    for mutant in mutants:
        why = applies_to(mutant, hero)
        if not why:
            yield mutant
        else:
            print(f"not seeded      {mutant.area:15} {mutant.name:28} {why}")


if __name__ == "__main__":
    sys.exit(main())
