"""Is only what was locked promoted, and what differs held by name, through whole canaries of a process each?"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edits import append, replace
from tests.recorded_release import Checkout


def a_threshold(checkout: Checkout) -> None:
    replace(checkout.folder / "configs" / "policy.yaml", "final_margin: 0.1", "final_margin: 0.11")


def a_gate_source_line(checkout: Checkout) -> None:
    """The gate's own code, from a copy that is imported in its place."""
    checkout.afresh, rooms = True, checkout.folder / "rooms"
    source = Path(__file__).parents[2] / "gates"
    shutil.copytree(source, rooms / "gates", ignore=lambda *_: {"__pycache__"})
    append(rooms / "gates" / "rule" / "decide.py", "# one more line\n")
    replace(checkout.folder / "pytest.ini", "pythonpath = ", "pythonpath = rooms ")


def lock_of(checkout: Checkout, hero: str = "equal") -> Path:
    return checkout.folder / "configs" / "locks" / f"{hero}.lock.json"


#: What else may be touched: tests/fixtures/test_material.py.
TOUCHED: dict[str, tuple[Callable[[Checkout], object], str]] = {
    "a threshold": (a_threshold, "policy.gates.sla_recall_at_50_delta.final_margin;"),
    "a line of the gate": (a_gate_source_line, "sources.gates, sources.pytest.ini;"),
}


def reasons(checkout: Checkout) -> list[str]:
    """What the hero was held for."""
    assert (checkout.gate().ret, checkout.decision()) == (10, "HOLD")
    return [str(reason) for reason in checkout.attestation("equal")["reasons"]]


def reason(checkout: Checkout) -> str:
    """What the lock held a hero for, while another was shown broken and rolled back."""
    assert checkout.gate(hero="equal,worse").ret == 20
    assert {name: checkout.decision(name) for name in ("equal", "worse")} == {"equal": "HOLD", "worse": "ROLLBACK"}
    assert checkout.attestation("worse")["reasons"][0].startswith("sla_recall_at_50_delta at 50 %: RED")
    found = checkout.attestation("equal")["reasons"]
    (told,) = [str(reason) for reason in found if reason.startswith("lock: ")]
    return told


@pytest.mark.parametrize("what", TOUCHED)
def test_what_was_touched_is_held_by_name(checkout: Checkout, what: str) -> None:
    touch, names = TOUCHED[what]
    locked = lock_of(checkout).read_bytes()
    touch(checkout)
    (told,) = reasons(checkout)  # the climb went on, and shows the rest
    assert f"not what was locked: {names}" in told
    assert "make lock HERO=equal" in told
    assert lock_of(checkout).read_bytes() == locked


def test_what_is_no_image_is_held_by_name(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERO_GATE_IMAGE", "latest")
    assert "HERO_GATE_IMAGE=latest: should be sha256: and 64 hex digits" in "\n".join(reasons(checkout))


def test_without_a_lock_nothing_is_promoted_but_what_is_shown_broken_rolls_back(checkout: Checkout) -> None:
    for hero in ("equal", "worse"):
        lock_of(checkout, hero).unlink()
    assert "no lock: what was never locked cannot be promoted" in reason(checkout)
    assert not lock_of(checkout).exists()


def test_a_lock_that_is_none_is_held_and_left_as_it_is_and_one_that_differs_saves_nobody(checkout: Checkout) -> None:
    lock_of(checkout).write_text("{")
    append(checkout.folder / "configs" / "worse.run", "# a\n")
    assert "the lock cannot be trusted: it is no lock file; make lock HERO=equal" in reason(checkout)
    assert lock_of(checkout).read_text() == "{"
    alone = checkout.pytest("-m", "lock", "--hero=equal")
    assert alone.ret == 1
    alone.stdout.fnmatch_lines(["the lock cannot be trusted: it is no lock file; make lock HERO=equal"])


def test_a_lock_is_asked_for_renewed_and_promotes_again(checkout: Checkout) -> None:
    fits = checkout.pytest("-m", "lock", "--hero=equal")
    assert fits.ret == 0
    fits.stdout.fnmatch_lines(["equal: locked * as *, configs/locks/equal.lock.json"])
    a_threshold(checkout)
    differs = checkout.pytest("-m", "lock", "--hero=equal")
    assert differs.ret == 1
    moved = "policy.gates.sla_recall_at_50_delta.final_margin: locked 0.1, now 0.11"
    differs.stdout.fnmatch_lines([moved, "mend it, or make lock HERO=equal"])
    before = lock_of(checkout).read_bytes()
    assert checkout.pytest("-m", "lock", "--hero=equal", "--write").ret == 0
    renewed = lock_of(checkout).read_bytes()
    assert renewed != before
    assert checkout.pytest("-m", "lock", "--hero=equal", "--write").ret == 0
    assert lock_of(checkout).read_bytes() == renewed
    assert (checkout.gate().ret, checkout.decision()) == (0, "PROMOTE")
    assert not list(checkout.folder.glob("configs/locks/*.tmp"))


def test_what_has_no_lock_is_not_evidenced(checkout: Checkout) -> None:
    lock_of(checkout).unlink()
    for workers in ((), ("-n2",)):
        result = checkout.pytest("-m", "lock", "--hero=all", *workers)
        assert result.ret == 10
        result.stdout.fnmatch_lines(["SKIPPED*not evidenced: there is no lock; make lock HERO=equal"])
        outcomes = result.parseoutcomes()
        assert (outcomes["passed"], outcomes["skipped"], outcomes.get("failed")) == (5, 1, None)
    assert not (checkout.folder / "reports" / "out").exists()
