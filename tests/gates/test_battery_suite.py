"""Does pytest run the battery first, hold without it, and end with the status of what it found? Whole runs."""

from tests.edits import append, replace
from tests.recorded_release import Checkout

FIRST = "suites/sanity/test_sanity.py"


def spoil(checkout: Checkout, fault: str = "{kind: empty}") -> None:
    """Seed a fault in the hero's pack, and lock it so."""
    append(checkout.folder / "configs" / "equal.yaml", f"fault: {fault}\n")
    checkout.lock()


class TestAlone:
    def test_a_sound_hero_passes_and_nothing_is_left(self, checkout: Checkout) -> None:
        result = checkout.pytest("-m", "sanity", "--hero=equal")
        assert result.ret == 0
        result.assert_outcomes(passed=5)
        assert not (checkout.folder / "reports" / "out").exists()

    def test_a_broken_one_fails(self, checkout: Checkout) -> None:
        spoil(checkout)
        result = checkout.pytest("-m", "sanity", "--hero=equal")
        assert result.ret == 20
        result.stdout.fnmatch_lines(["*RED: observed 3, limit 0, n 100, nDCG of equal is flat *"])

    def test_what_cannot_be_asked_is_no_success(self, checkout: Checkout, workers: tuple[str, ...]) -> None:
        replace(checkout.folder / "configs" / "policy.yaml", "  index_integrity: a recorded run has no index\n", "")
        result = checkout.pytest("-m", "sanity", "--hero=equal", *workers)
        assert result.ret == 10
        result.assert_outcomes(passed=5, skipped=1)
        result.stdout.fnmatch_lines(["*index is missing: equal.run is a recorded run, it has no index*"])

    def test_it_is_run_by_its_folder_as_well(self, checkout: Checkout) -> None:
        assert checkout.pytest("suites/sanity", "--hero=equal,worse").ret == 0


class TestCanary:
    def test_it_comes_first(self, checkout: Checkout) -> None:
        result = checkout.pytest("-m", "canary", "--hero=equal", "--collect-only", "-q")
        items = [line for line in result.outlines if "::" in line]
        assert all(line.startswith(FIRST) for line in items[:5])
        assert not any(line.startswith(FIRST) for line in items[5:])

    def test_a_hero_that_finds_nothing_is_held_before_the_climb(self, checkout: Checkout) -> None:
        spoil(checkout)
        assert checkout.gate().ret == 10
        assert checkout.decision("equal") == "HOLD"
        reasons = checkout.attestation("equal")["reasons"]
        assert any(reason.startswith("stop_rule: RED: observed 3") for reason in reasons)
        assert any("not reached: held before 50 %" in reason for reason in reasons)

    def test_a_red_that_may_hold_holds_what_would_be_promoted(self, checkout: Checkout) -> None:
        replace(
            checkout.folder / "configs" / "policy.yaml",
            "pool: {on_red: hold, share: 0.3,",
            "pool: {on_red: hold, share: 0.999,",
        )
        spoil(checkout, "{kind: truncated, keep: 2, share: 0.1}")
        assert checkout.gate().ret == 10
        (reason,) = checkout.attestation("equal")["reasons"]
        assert reason.startswith("pool: RED: ")
