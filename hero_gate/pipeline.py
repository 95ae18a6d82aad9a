"""Did the heroes earn their promotion? The five phases in one command, from sanity to reports, and one record of them.

    ./hero-gate pipeline --hero=all        exit status as a canary's: 0 only if every hero asked was promoted

Killed at any moment, it goes on where it was when it is said again (`<configs>/state/pipeline.json`).
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from evidence.digests import file_digest
from evidence.files import write_synced
from fixtures.packs import load_hero, named_heroes, read_incumbent
from gates.archive import mark, state_of
from gates.attestation import ATTESTATION, Attestation
from gates.errors import GateError
from gates.place import HERE, commits_told
from gates.policy import load_policy
from gates.status import BROKEN, EXIT, INTERRUPTED, MISTAKE, NOT_EVIDENCED
from gates.verdicts import NOT_ENFORCED, WARN, Kind, Verdict
from hero_gate.record import HeroResult, Record, Step
from reports.attestation.documents import FOLDER
from reports.documents.writing import DOCUMENTS
from reports.promotion.serving import serving

FILE, LOCK = "pipeline.json", "pipeline.lock"
DECIDED = (*EXIT.values(),)  # what a run of checks ends with; anything else is no answer
#: What a canary leaves of each hero.
ARTEFACTS = ("hero_span_v22.csv", "agg.parquet", "hits.parquet", "pool_counts_by_system.csv", "plots", ATTESTATION)
PAGES = ("index.html", "summary.md", ATTESTATION)
PHASES = {1: "sanity", 2: "lock", 3: "canary and promotion", 4: "schedule and jobs", 5: "reports"}


class Stopped(GateError):
    """A phase that gives no answer ends the pipeline with its status."""

    def __init__(self, said: str, status: int) -> None:
        self.status = status
        super().__init__(said)


class Pipeline:
    """The five phases over one folder of configs; every step that ends is on disk before the next begins."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.configs, self.out = asked.configs, asked.artifacts
        self.accept = ["--accept-untrusted"] if asked.accept_untrusted else []
        self.where = [f"--configs={self.configs}", f"--artifacts={self.out}"]
        self.path = state_of(self.configs) / FILE
        self.record = self._begun(asked.hero, asked.anew)

    def _begun(self, asked: str, anew: bool) -> Record:
        """The record of before where it is of the same heroes and commit and has not ended, else a new one."""
        policy = load_policy(self.configs / "policy.yaml")
        names = named_heroes(asked, policy.heroes)
        if not names or len(set(names)) < len(names):
            there = f"{', '.join(policy.heroes)}, all, or packs' paths"
            raise GateError(f"--hero={asked}: should be names out of {there}, each once; nothing is run")
        permits = (policy.promotion.automatic, policy.mode == WARN)
        at = commits(self.configs)
        if self.path.exists() and not anew:
            try:
                old = Record.model_validate_json(self.path.read_bytes(), strict=True)
            except ValueError:
                raise GateError(f"{self.path}: no record of a pipeline; --anew begins another") from None
            # what the policy no longer permits is not done because it did when another pipeline began
            same = (old.commit, tuple(old.heroes), (old.automatic, old.warns)) == (at, names, permits)
            if not old.ended and same:
                print(f"going on with the pipeline of {old.started}: {len(old.steps)} steps have ended")
                return old
        return Record(
            commit=at,
            heroes={asked: self._name(asked) for asked in names},
            automatic=permits[0],
            warns=permits[1],
            started=_now(),
        )

    def _name(self, asked: str) -> str:
        hero = load_hero(asked, self.configs, foreseen=False)
        return "" if hero.serves else hero.subject.name

    def run(self) -> int:
        """All phases that have not ended yet. Raises Stopped."""
        asked = [hero for hero, name in self.record.heroes.items() if name]
        if asked:
            self._checks(1, "sanity", "sanity", asked)
            self._checks(2, "lock", "lock", asked, "--write")
            if self.record.automatic:
                self._one_after_the_other(asked)
            else:
                self._canary(asked)
        self._jobs()
        self._still_serves()
        written = [self.out / FOLDER / f"{name}.md" for name in DOCUMENTS]
        self._step(5, "documents", ["reports.documents", *self.where], written)
        verify = ["reports.attestation", "verify", str(self.out)]
        self._step(5, "verify", verify, [self.out / name for name in PAGES])
        self._keep(ended=_now())
        print("\n".join(["", *self.table()]))
        return self.status

    def _one_after_the_other(self, asked: Sequence[str]) -> None:
        """Each hero on top of those that were promoted before it."""
        for i, name in enumerate(asked):
            if not self.record.heroes[name]:
                continue
            self._canary([name])
            if not self._promote(name):
                continue
            left = [other for other in asked[i + 1 :] if other not in self.record.judged]
            # whose change was brought just now serves with it: nothing of it is to be locked or judged
            self._keep(heroes={**self.record.heroes, **{other: self._name(other) for other in left}})
            if left := [other for other in left if self.record.heroes[other]]:
                self._checks(3, f"lock on top of {name}", "lock", left, "--write")

    def _still_serves(self) -> None:
        """What was rolled back while this was interrupted does not serve, whatever the record says."""
        stack = read_incumbent(self.configs, load_policy(self.configs / "policy.yaml"))[0].stack
        there = {brought.hero for brought in stack}
        gone = {
            hero: one.model_copy(update={"promoted": False, "decision": f"{one.decision}, rolled back since"})
            for hero, one in self.record.judged.items()
            if one.promoted and self.record.heroes.get(hero) not in there
        }
        self._keep(judged={**self.record.judged, **gone})

    @property
    def status(self) -> int:
        """0 where every hero asked serves, 20 where one was shown broken, else 10."""
        left = [one.decision for one in self.record.judged.values() if not one.promoted and not self.record.warns]
        if "ROLLBACK" in left:
            return BROKEN
        return NOT_EVIDENCED if left else 0

    def _checks(self, phase: int, name: str, marker: str, heroes: Sequence[str], *more: str) -> None:
        command = [*_pytest(marker), f"--hero={','.join(heroes)}", *self.where, *more]
        locks = [self.configs / "locks" / f"{self.record.heroes[hero]}.lock.json" for hero in heroes]
        status = self._step(phase, name, command, locks if marker == "lock" else ())
        if status not in (DECIDED if marker != "lock" else (0,)):
            self._stop(phase, status)

    def _canary(self, heroes: Sequence[str]) -> None:
        """One run over them, each against what serves; nothing is asked again of who was judged before."""
        if all(name in self.record.judged for name in heroes):
            return
        command = [*_pytest("canary"), f"--hero={','.join(heroes)}", *self.where]
        made = [self.out / self.record.heroes[name] / ATTESTATION for name in heroes]
        status = self._step(3, f"canary of {', '.join(heroes)}", command, made)
        if status not in DECIDED:
            self._stop(3, status)
        found = {name: self._judged(path) for name, path in zip(heroes, made, strict=True)}
        self._keep(judged={**self.record.judged, **found})

    def _promote(self, name: str) -> bool:
        """Does it serve, having earned that? A refusal is told, and the hero waits."""
        judged = self.record.judged[name]
        if judged.decision != "PROMOTE" or judged.promoted:
            return judged.promoted
        served = serving(self.configs)  # killed between a promotion and its record, it serves already
        if not served or served.predicate.get("releaseFingerprint") != judged.fingerprint:
            command = ["reports.promotion", "promote", f"--hero={name}", *self.where, *self.accept]
            status = self._step(3, f"promotion of {name}", command, [self.configs / "baseline.yaml"])
            if status not in (0, 1):  # neither done nor refused: it may have been done
                self._stop(3, status)
            if status:
                return False
        self._keep(judged={**self.record.judged, name: judged.model_copy(update={"promoted": True})})
        return True

    def _jobs(self) -> None:
        """The schedule is looked at, and every job of it is run once."""
        schedule = self.configs / "schedule.yaml"
        if schedule.is_file():
            self._step(4, "schedule", ["automation", f"--schedule={schedule}", "list"])
        for family in ("nightly", "weekly", "continuous"):
            if (self.configs / f"{family}.yaml").is_file():
                self._step(4, family, [*_pytest(family), *self.where])

    def _step(self, phase: int, name: str, command: Sequence[str], evidence: Sequence[Path] = ()) -> int:
        """Run a command that has not ended yet; its exit status, now or then."""
        for step in self.record.steps:
            if (step.phase, step.name) == (phase, name):
                return step.status
        print(f"\n=== phase {phase}, {PHASES[phase]}: {name} ===", flush=True)
        started = _now()
        status = subprocess.run(HERE.argv("python", "-m", *command)).returncode
        if phase > 3 or status in (*DECIDED, 1):
            step = Step(
                phase=phase,
                name=name,
                command=tuple(command),
                started=started,
                ended=_now(),
                status=status,
                evidence={str(path): file_digest(path) for path in evidence if path.is_file()},
            )
            self._keep(steps=(*self.record.steps, step))
        return status

    def _stop(self, phase: int, status: int) -> None:
        said = f"phase {phase}, {PHASES[phase]}: ended with {status}, as told above; mend that and say it again"
        raise Stopped(f"{said}: the pipeline goes on there", status if status > 0 else INTERRUPTED)

    def _keep(self, **changed: object) -> None:
        self.record = self.record.model_copy(update=changed)
        write_synced(self.path, self.record.model_dump_json(indent=1, by_alias=True) + "\n")

    def _judged(self, path: Path) -> HeroResult:
        said = Attestation.read_file(path)

        def held(kind: Kind) -> tuple[int, int]:
            verdicts = [cell.verdict for cell in said.cells if cell.kind is kind]
            return verdicts.count(Verdict.GREEN), len(verdicts)

        return HeroResult(
            decision=str(said.decision),
            reason=said.card.reason,
            fingerprint=said.release_fingerprint,
            gates=held(Kind.GATE),
            sanity=held(Kind.SANITY),
            locked=any(c.check == "lock" and c.verdict is Verdict.GREEN for c in said.cells),
            artefacts=sum((path.parent / name).exists() for name in ARTEFACTS),
            promoted=False,
        )

    def table(self) -> Iterator[str]:
        """What was to be reached, and what was: true whatever the outcome."""
        record, judged = self.record, self.record.judged
        seconds = {
            phase: sum(_seconds(step) for step in record.steps if step.phase == phase) for phase in sorted(PHASES)
        }
        yield f"pipeline of {record.started}, commit {record.commit}: " + ", ".join(
            f"{PHASES[phase]} {took:.0f} s" for phase, took in seconds.items()
        )
        if record.warns:
            yield f"  {NOT_ENFORCED}"
        for hero in (hero for hero, name in record.heroes.items() if not name):
            yield f"  {hero:10} serves already"
        for name, one in judged.items():
            waits = f", waits for a person: {HERE.typed('make promote')}" if one.decision == "PROMOTE" else ""
            yield f"  {name:10} {one.decision}{', serves' if one.promoted else waits}: {one.reason}"
        yield ""
        yield f"  {'criterion':38} {'target':>8} {'achieved':>9}   met"
        for what, target, achieved in self._criteria():
            yield f"  {what:38} {target:>8} {achieved:>9}   {'yes' if target == achieved else 'NO'}"
        yield f"  record: {self.path}"

    def _criteria(self) -> Iterator[tuple[str, int, int]]:
        judged = self.record.judged.values()
        ran = {step.name: step.status for step in self.record.steps}
        for what, pairs in (
            ("sanity checks that pass", [one.sanity for one in judged]),
            ("gates shown to hold, by hero and step", [one.gates for one in judged]),
        ):
            yield what, sum(of for _, of in pairs), sum(held for held, _ in pairs)
        yield "releases that are what was locked", len(judged), sum(one.locked for one in judged)
        yield (
            "heroes that serve",
            len(self.record.heroes),
            sum([not name for name in self.record.heroes.values()] + [one.promoted for one in judged]),
        )
        yield "broken heroes that serve", 0, sum(one.promoted and one.decision != "PROMOTE" for one in judged)
        yield "artefacts, six a hero", len(ARTEFACTS) * len(judged), sum(one.artefacts for one in judged)
        yield "runs of jobs that end with 0", 3, sum(ran.get(f) == 0 for f in ("nightly", "weekly", "continuous"))
        yield "pages of the last canary", len(PAGES), sum((self.out / name).is_file() for name in PAGES)
        yield "documents of it", len(DOCUMENTS), len(DOCUMENTS) * (ran.get("documents") == 0)
        yield "its evidence verifies", 1, int(ran.get("verify") == 0)


def commits(configs: Path) -> str:
    """Of the tool and of the configs, whatever differs from them: a promotion changes baseline.yaml."""
    return commits_told(*(commit.partition(" ")[0] for commit in HERE.commits(configs)))


def _pytest(marker: str) -> list[str]:
    return ["pytest", "-m", marker]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _seconds(step: Step) -> float:
    return (datetime.fromisoformat(step.ended) - datetime.fromisoformat(step.started)).total_seconds()


def main(arguments: Sequence[str]) -> int:
    """Run it. 4 with a line for a mistake in what is asked or configured; nothing is run then."""
    parser = argparse.ArgumentParser(prog="hero-gate pipeline", description=__doc__.partition("\n")[0])
    parser.add_argument("--hero", default="all", help="names or paths of packs, set apart by commas, or all")
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    parser.add_argument("--artifacts", type=Path, default=Path("reports/out"))
    parser.add_argument("--anew", action="store_true", help="begin again where one was interrupted")
    parser.add_argument("--accept-untrusted", action="store_true", help="promote what nobody vouches for; recorded")
    given = parser.parse_args(arguments)
    try:
        if not given.configs.is_dir():
            raise GateError(f"--configs={given.configs}: no such folder; name one with a policy.yaml")
        with FileLock(mark(state_of(given.configs)) / LOCK, timeout=0):  # two at once would share record and results
            return Pipeline(given).run()
    except Timeout as error:
        print(f"{error.lock_file}: another pipeline is running there; wait for it", file=sys.stderr)
        return MISTAKE
    except Stopped as error:
        print(error, file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("interrupted; say it again, and it goes on there", file=sys.stderr)
        return INTERRUPTED
    except (GateError, OSError) as error:
        print(error, file=sys.stderr)
        return MISTAKE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
