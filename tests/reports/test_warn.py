"""Does mode `warn` decide as `evidence` does, enforce nothing, and does everybody hear that?"""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from gates.verdicts import NOT_ENFORCED
from reports.attestation import chain
from tests.edits import replace
from tests.once import made_once
from tests.recorded_release import Checkout, lock
from tests.reports.finished_run import baseline, call, canary, changes, leave_told
from tests.reports.test_card import said_in
from tests.reports.test_next import as_made, typed

OUT = Path("reports", "out")
DECIDED = {"rival": "PROMOTE", "equal": "PROMOTE", "unsure": "HOLD", "worse": "ROLLBACK"}


class Canary(NamedTuple):
    """A checkout in one mode, and what its canary of all heroes said."""

    mode: str
    folder: Path
    stdout: str
    stderr: str

    @property
    def decided(self) -> dict[str, str]:
        """Each hero of that release, and what is to become of it."""
        return {hero: one for hero, one in DECIDED.items() if (self.folder / "configs" / f"{hero}.yaml").exists()}

    def attested(self, hero: str) -> dict[str, object]:
        return dict(json.loads((self.folder / OUT / hero / "attestation.json").read_bytes()))

    def say(self, command: str) -> str:
        return call(self.folder, "reports.attestation", command, str(OUT)).stdout


def in_mode(folder: Path, mode: str) -> None:
    """Let the policy of a checkout say so, and lock its heroes."""
    replace(folder / "configs" / "policy.yaml", "mode: evidence", f"mode: {mode}")
    lock(folder)


@pytest.fixture(scope="session", params=["warn", "evidence"])
def judged_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Canary:
    if request.param == "warn":
        home = made_once(tmp_path_factory, "warned", partial(_warned, request.getfixturevalue("finished")))
    else:  # as its policy says
        home = request.getfixturevalue("in_two_processes").parent
    told = ((home / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    return Canary(request.param, home / "checkout", *told)


def _warned(finished: Path, home: Path) -> None:
    folder = Path(shutil.copytree(finished, home / "checkout", symlinks=True))
    shutil.rmtree(folder / "reports")
    in_mode(folder, "warn")
    ended = canary(folder, complete=True, HERO_GATE_SIGNER=f"file2:{folder / 'key.pem'}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    leave_told(ended, home)


def allure(judged: Canary, of: str) -> str:
    """Of each decision's result in Allure."""
    results = [json.loads(path.read_bytes()) for path in (judged.folder / OUT / "allure-results").glob("*-result.json")]
    return "\n".join(result[of] for result in results if str(result.get("fullName", "")).startswith("decision#"))


#: What people and machines read -> how often they are told, at least.
SURFACES: dict[str, tuple[Callable[[Canary], str], int]] = {
    "terminal": (lambda c: c.stdout, 1),
    "last line": (lambda c: c.stderr.splitlines()[-1] if c.stderr else "", 1),
    "page": (lambda c: (c.folder / OUT / "index.html").read_text(), 2 + 2 * len(DECIDED)),
    "summary": (lambda c: (c.folder / OUT / "summary.md").read_text(), 1 + len(DECIDED)),
    "name in Allure": (lambda c: allure(c, "name"), len(DECIDED)),
    "description in Allure": (lambda c: allure(c, "descriptionHtml"), len(DECIDED)),
    "alerts": (lambda c: (c.folder / OUT / "alerts.jsonl").read_text(), len(DECIDED)),
    "show": (lambda c: c.say("show"), len(DECIDED)),
    "log": (lambda c: c.say("log"), 1 + len(DECIDED)),
    "verify": (lambda c: c.say("verify"), len(DECIDED)),
    "card on record": (lambda c: str(c.attested("equal")["card"]), 1),
}


def test_every_report_says_that_nothing_is_enforced_and_none_where_it_is(judged_in: Canary) -> None:
    told = {surface: (read(judged_in).count(NOT_ENFORCED), times) for surface, (read, times) in SURFACES.items()}
    warns = judged_in.mode == "warn"
    assert {surface: one for surface, one in told.items() if (one[0] < one[1] if warns else one[0])} == {}


def test_it_is_decided_alike(judged_in: Canary) -> None:
    """By another release: what is signed names its mode."""
    mode = judged_in.mode
    attested = {hero: judged_in.attested(hero) for hero in judged_in.decided}
    assert {hero: said["decision"] for hero, said in attested.items()} == judged_in.decided
    assert {(said["mode"], dict(said["policy"])["mode"]) for said in attested.values()} == {(mode, mode)}
    signed = chain.read(judged_in.folder / OUT).statements
    assert {s.predicate["mode"] for s in signed if s.kind in ("run", "decision")} == {mode}
    promoting = 0 if mode == "warn" else [*judged_in.decided.values()].count("PROMOTE")
    assert sum(s.kind == "svr" for s in signed) == promoting
    assert sum(said["traffic"]["to_percent"] == 100 for said in attested.values()) == promoting


@pytest.mark.parametrize("judged_in", ["warn"], indirect=True)
def test_it_is_not_promoted_until_it_is_enforced(judged_in: Canary, tmp_path: Path, root: Path) -> None:
    """The refusal is one line, and the next command as printed is the way out of it."""
    folder = tmp_path / "checkout"
    shutil.copytree(judged_in.folder, folder, symlinks=True)
    before, promote = baseline(folder), ("reports.promotion", "promote", "--hero=rival", "--accept-untrusted")
    refused = call(folder, *promote)
    assert (refused.returncode, refused.stderr) == (
        1,
        f"refused: rival: PROMOTE ({NOT_ENFORCED}), but only what is enforced is promoted; "
        "make lock and make canary once more, each with ARGS=--decision-mode=evidence\n",
    )
    assert (baseline(folder), changes(folder)) == (before, ())

    as_made(folder, root)
    card = judged_in.attested("rival")["card"]
    line = str(dict(card)["next"]).partition(" (")[0]
    assert line in said_in((folder / OUT / "index.html").read_text(), "<[^>]*>")
    done = typed(line, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert NOT_ENFORCED not in done.stdout + done.stderr
    promoted = call(folder, *promote)
    assert promoted.returncode == 0, promoted.stderr
    assert [s.kind for s in changes(folder)] == ["promotion"]


#: Hero, more options -> status, and the last line on standard error.
STATUSES = {
    "promote": ("equal", (), 0, f"{NOT_ENFORCED}: would have ended with 0"),
    "rollback": ("worse", (), 0, f"{NOT_ENFORCED}: would have ended with 20"),
    "hold": ("unsure", ("-n2",), 0, f"{NOT_ENFORCED}: would have ended with 10"),
    "of another lock": ("equal", ("--decision-mode=evidence",), 10, ""),
    "failed": ("worse", ("--junitxml=pytest.ini/x",), 3, "ROLLBACK is signed and stands: reports/out"),
    "mistake": ("nobody", (), 4, "ERROR: --hero=nobody: no such hero; "),
    "mistyped": ("equal", ("--decision-mode=wran",), 4, "invalid choice: 'wran' (choose from "),
    "no gate": ("equal", ("--plan",), 5, "exit status 5: --plan runs no gate; nothing was decided"),
}  # fmt: skip


@pytest.mark.parametrize("case", STATUSES)
def test_what_is_no_decision_ends_as_it_does(checkout: Checkout, case: str) -> None:
    in_mode(checkout.folder, "warn")
    hero, options, status, line = STATUSES[case]
    result = checkout.gate(*options, hero=hero)
    assert result.ret == status
    told = "\n".join(("", *result.errlines)).strip()
    assert line in told if status == 4 else told.endswith(line) if line else not told
