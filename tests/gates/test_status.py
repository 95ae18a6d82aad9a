"""Can the exit status of a canary lie? Whatever ends a run, it says a decision where one is signed, and only there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gates.status import Ending
from tests.recorded_release import Checkout
from tests.reports.signed import check

Workers = tuple[str, ...]
PROMOTE, ROLLBACK, HOLD = 0, 20, 10
#: What people have beside the gate, in the versions of requirements/dev.lock; pytest.ini keeps randomly out.
BESIDE = ("randomly", "rerunfailures", "timeout", "metadata", "html", "pytest_cov")


def beside() -> tuple[str, ...]:
    """All those plugins at work at once."""
    loaded = tuple(word for plugin in BESIDE for word in ("-p", plugin))
    return (*loaded, "--reruns=1", "--timeout=60", "--html=beside.html", "--cov=suites", "--cov-report=xml")


def said(result: pytest.RunResult) -> str:
    """The one line about the status; what else stands on standard error is another plugin's."""
    (line,) = [line for line in result.errlines if line.startswith(("exit status", "ERROR"))]
    return line


class TestEnding:
    @pytest.mark.parametrize("signed", [None, PROMOTE, ROLLBACK, HOLD, 2, 3])
    @pytest.mark.parametrize("returned", [0, 1, 2, 3, 5, 7, 10, 20])
    def test_only_what_was_signed_is_told_and_pytests_own_trouble(
        self, signed: int | None, returned: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        ending = Ending("")
        with ending.watching():
            if signed is not None:
                ending.signed(signed, "it stands")
        assert ending.status(returned) == (returned if returned in (signed, 2, 3) else 3)
        assert len(capfd.readouterr().err.splitlines()) == (returned != signed or returned in (2, 3))

    @pytest.mark.parametrize(("returned", "told"), [(0, "warned\n"), (2, "exit status 2: interrupted; it stands\n")])
    def test_what_is_not_enforced_is_told_last(
        self, returned: int, told: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        ending = Ending("")
        ending.signed(0, "it stands", "warned")
        assert ending.status(returned) == returned
        assert capfd.readouterr().err == told

    def test_what_fails_later_is_told_beside_what_stands(self, capfd: pytest.CaptureFixture[str]) -> None:
        ending = Ending("")
        ending.signed(PROMOTE, "PROMOTE is signed and stands: reports/out")
        ending.failed(OSError("no space\nleft"))
        ending.failed(ValueError("of no interest: a consequence of the first"))
        assert ending.status(PROMOTE) == 3
        assert capfd.readouterr().err == "exit status 3: OSError: no space; PROMOTE is signed and stands: reports/out\n"

    def test_a_forked_child_ends_as_it_likes(self) -> None:
        ending = Ending("")
        with ending.watching():
            child = os.fork()
            if not child:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0


#: Hero, more options -> status, decision on record, and how the line on standard error ends.
FOUR = {
    "promote": ("equal", (), PROMOTE, "PROMOTE", ""),
    "rollback": ("worse", (), ROLLBACK, "ROLLBACK", ""),
    "hold": ("unsure", (), HOLD, "HOLD", ""),
    "no decision": (
        "equal", ("--junitxml=pytest.ini/junit.xml",), 3, "PROMOTE", "PROMOTE is signed and stands: reports/out"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "workers", "others"),
    [
        *((case, "-n2", ()) for case in FOUR),
        *((case, "-n0", beside()) for case in FOUR),  # alone and without -n is every other test
        ("promote", "-n2", beside()),
    ],
)
def test_the_four_statuses_alone_and_beside_what_people_have_installed(
    checkout: Checkout, workers: str, others: tuple[str, ...], case: str
) -> None:
    hero, options, status, decision, line = FOUR[case]
    result = checkout.gate(workers, *others, *options, hero=hero)
    assert (result.ret, checkout.decision(hero)) == (status, decision)
    assert said(result).endswith(line) if line else "exit status" not in result.stderr.str()


def test_what_was_signed_verifies_although_the_run_failed(whole_checkout: Checkout) -> None:
    result = whole_checkout.gate("--junitxml=pytest.ini/junit.xml")
    assert said(result).startswith("exit status 3: FileExistsError: ")
    out = whole_checkout.folder / "reports" / "out"
    assert (check(out).problems, list(check(out).heroes)) == ((), ["equal"])
    assert not list((out / ".runs").iterdir())


#: What another plugin does -> status and decision on record of a hero who would be promoted.
INTRUDERS = {
    "configure:asks_for_20": (3, ""),
    "start:exits": (3, "HOLD"),
    "item:asks_for_20": (10, "HOLD"),
    "item:leaves": (3, "HOLD"),
    "finish:raises": (3, "PROMOTE"),
    "finish:interrupts": (3, "PROMOTE"),
    "finish:leaves": (3, "PROMOTE"),
    "around_finish:raises": (3, "PROMOTE"),
    "unconfigure:exits": (3, "PROMOTE"),
    "unconfigure:leaks": (3, "PROMOTE"),
}


@pytest.mark.parametrize("deed", INTRUDERS)
def test_what_another_plugin_does_is_told_in_a_line(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.setenv("INTRUDER", deed)
    status, decision = INTRUDERS[deed]
    result = checkout.gate("-p", "tests.gates.intruder")
    assert result.ret == status
    assert status == HOLD or said(result).startswith(f"exit status {status}: ")
    assert not [line for line in result.errlines if line.startswith("Traceback")]
    on_record = (checkout.folder / "reports" / "out" / "attestation.json").exists()
    assert (checkout.decision() if on_record else "") == decision


def test_no_plugin_makes_a_rollback_a_success(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTRUDER", "finish:says_success")
    result = checkout.gate("-p", "tests.gates.intruder", hero="worse")
    assert (result.ret, checkout.decision()) == (3, "ROLLBACK")
    assert said(result) == "exit status 3: pytest ended with 0; ROLLBACK is signed and stands: reports/out"


def test_a_timeout_by_thread_holds(checkout: Checkout, workers: Workers) -> None:
    """It ends the process with os._exit(1): in a worker that is a crash like any other."""
    checkout.meddle("import time\ndef pytest_runtest_call(item): time.sleep(60 * ('ndcg_at_10' in item.name))")
    result = checkout.gate(*workers, "-p", "timeout", "--timeout=5", "--timeout-method=thread")
    assert (result.ret, checkout.decision()) == (HOLD if workers else 3, "HOLD")
    line = "exit status 3: os._exit(1) was called; nothing was decided: reports/out says HOLD"
    assert workers or line in result.errlines


def test_a_check_that_passes_at_its_second_run_is_held(checkout: Checkout, workers: Workers) -> None:
    checkout.meddle(
        """
        import pytest
        seen = []
        def pytest_runtest_call(item):
            if 'ndcg_at_10' in item.name and not seen:
                seen.append(item)
                pytest.fail('once')
        """
    )
    checkout.lock()
    result = checkout.gate(*workers, "-p", "rerunfailures", "--reruns=2")
    assert (result.ret, checkout.decision()) == (HOLD, "HOLD")
    assert checkout.attestation("equal")["reasons"] == ["ndcg_at_10: evidence says GREEN, pytest says reported twice"]


def test_what_ends_pytest_before_it_begins_is_told_in_a_line(checkout: Checkout, pytester: pytest.Pytester) -> None:
    optimized = pytester.run(sys.executable, "-O", "-m", "pytest", "-m", "canary", "--hero=equal")
    twice = checkout.gate("-p", "cacheprovider", "--lf")
    assert (optimized.ret, twice.ret) == (4, 3)
    assert said(optimized).startswith("ERROR: python -O, or PYTHONOPTIMIZE: asserts of what measures are off; ")
    assert said(twice).startswith("exit status 3: ValueError: option names ")
    assert not (checkout.folder / "reports" / "out").exists()


def test_a_conftest_that_leaves_is_refused(checkout: Checkout) -> None:
    checkout.meddle("import sys; sys.exit(0)")
    result = checkout.gate()
    assert result.ret == 4
    assert said(result) == "ERROR: a conftest.py called sys.exit(0) when it was imported"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("broken", ["full", "closed", "hung up"])
def test_a_decision_that_cannot_be_printed_is_no_success(checkout: Checkout, broken: str, unbuffered: str) -> None:
    """What stands on disk stays, and Python's own 1 and 120 do not come out."""
    if broken == "full" and not Path("/dev/full").exists():
        pytest.skip("no device here that is always full")
    to = {"full": ">/dev/full", "closed": ">&-", "hung up": ""}[broken]
    canary = [sys.executable, "-m", "pytest", "-m", "canary", "--hero=equal"]
    with subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$@" {to}', "sh", *canary],
        cwd=checkout.folder,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if broken == "hung up":
            process.stdout.readline()
        process.stdout.close()
        lines = process.stderr.read().splitlines()
        assert process.wait(timeout=60) == 3
    assert [line for line in lines if line.startswith("exit status")] == lines[-1:]
    assert "Traceback" not in "\n".join(lines[-1:])
