"""Is data that does not fit told before the climb, by its cause, and never absorbed? Whole runs of small releases."""

import json
from collections.abc import Callable

import pytest

from tests.edits import append, replace
from tests.recorded_release import QUERIES, Checkout, declare, pack

Change = Callable[[list[str]], list[str]]
LATENCY, CONFIDENCE = 6, 7
columns = pytest.mark.parametrize(
    ("number", "name", "checks"),
    [
        (LATENCY, "latency_ms", ("p95_latency", "p99_latency", "within_sla")),
        (CONFIDENCE, "confidence", ("aece_tau", "calibration_all", "confidence_shift", "ece")),
    ],
    ids=["latency", "confidence"],
)


def rewrite(checkout: Checkout, name: str, change: Change) -> None:
    """Change the columns of each line of a file of the release."""
    path = checkout.folder / "configs" / name
    lines = (change(line.split()) for line in path.read_text(encoding="utf-8").splitlines())
    path.write_text("".join(f"{' '.join(fields)}\n" for fields in lines), encoding="utf-8")


def column(number: int, value: str, query: str = "") -> Change:
    """Another value in one column, of one query or of all."""
    return lambda f: [*f[:number], value, *f[number + 1 :]] if query in ("", f[0]) else f


def with_intents(checkout: Checkout, intent_of: Callable[[int], str], asked: str) -> None:
    """Give every query an intent, and ask about these."""
    configs = checkout.folder / "configs"
    rows = (f"q{q}\ttext of {q}\t{intent_of(q)}\n" for q in range(QUERIES))
    (configs / "queries.tsv").write_text("".join(rows), encoding="utf-8")
    for name in ("baseline.yaml", "equal.yaml"):
        replace(configs / name, "qrels.txt}", "qrels.txt, queries: queries.tsv}")
    declare(configs, ["equal"])
    replace(configs / "policy.yaml", "intents: [all]", f"intents: [{asked}]")


def leave_out(checkout: Checkout, *checks: str) -> None:
    """Let the hero's pack leave checks out."""
    left_out = ", ".join(f"{check}: it was not recorded" for check in checks)
    add(checkout, f"policy: {{left_out: {{{left_out}}}}}")


def add(checkout: Checkout, text: str) -> None:
    """One line more in the hero's pack."""
    append(checkout.folder / "configs" / "equal.yaml", f"{text}\n")


def candidate(checkout: Checkout, name: str = "changed.run") -> None:
    """Let the hero answer from a run file of its own, the same one so far."""
    configs = checkout.folder / "configs"
    (configs / name).write_bytes((configs / "equal.run").read_bytes())
    (configs / "equal.yaml").write_text(pack("equal", name.removesuffix(".run")), encoding="utf-8")
    rewrite(checkout, name, lambda f: [*f[:CONFIDENCE], f"{float(f[CONFIDENCE]):.3f}"])


def held(checkout: Checkout, *, locked: bool = True) -> str:
    """The one cause that a hero is held for, before anything was measured."""
    if locked:
        checkout.lock()
    result = checkout.gate()
    assert result.ret not in (0, 2, 3, 4)
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    attested = checkout.attestation("equal")
    assert (attested["decision"], attested["constants"]) == ("HOLD", {})
    (cause,) = {reason.partition("error, no evidence: ")[2] for reason in attested["reasons"]}
    return cause


class TestHeldBeforeTheClimb:
    @pytest.mark.parametrize(
        ("intent_of", "asked", "told"),
        [
            (lambda q: ("eror" if q % 8 == 0 else "error", "docstring")[q % 2], "error, docstring", "eror (100"),
            (lambda q: "" if q == 7 else "error", "error", "all (1"),
        ],
        ids=["mistyped", "of one query none"],
    )
    def test_an_intent_that_nobody_asks(
        self, checkout: Checkout, intent_of: Callable[[int], str], asked: str, told: str
    ) -> None:
        with_intents(checkout, intent_of, asked)
        assert held(checkout) == (
            f"nobody asks about intent {told} of 800 queries); the policy asks about {asked}; "
            "name it under slices.intents, or mend the queries file"
        )

    @columns
    def test_a_column_missing_for_one_answer_cannot_be_left_out(
        self, checkout: Checkout, number: int, name: str, checks: tuple[str, ...]
    ) -> None:
        candidate(checkout)
        rewrite(checkout, "changed.run", column(number, "-", "q17"))
        leave_out(checkout, *checks)
        cause = held(checkout)
        assert cause.startswith(f"changed.run has no {name} for 1 of 800 queries (q17); policy.left_out of ")
        assert f"names {', '.join(checks)}, but a pack may only where there is none; give it for all, or" in cause

    def test_places_missing_for_one_document_cannot_be_left_out(self, checkout: Checkout) -> None:
        candidate(checkout)
        elsewhere = column(2, "somewhere", "q17")
        rewrite(checkout, "changed.run", lambda f: elsewhere(f) if f[4] == "8" else f)
        leave_out(checkout, "file_credit", "file_only")
        told = "1 of 2,400 document ids of changed.run and the qrels are not of the form file:first-last (somewhere); "
        assert held(checkout).startswith(told)

    def test_a_system_that_never_answers(self, checkout: Checkout) -> None:
        add(checkout, "fault: {kind: failing}")
        told = "equal: timeout error for 100 of 100 queries; see that what it asks answers, and run again"
        assert held(checkout) == told

    @pytest.mark.parametrize(
        ("file", "line", "says"),
        [
            ("qrels.txt", "q9 0 a.py:99999999999-99999999999 1", "line 99999999999 of a file, but should be at most"),
            ("equal.run", "q9\u00a0Q0 a.py:1-2 9 1 tag 7.5 0.5", "U+00A0 (no-break space), but columns are set apart"),
            ("queries.tsv", "q9  blanks for tabs  error", "1 columns set apart by tabs, but should be 2 or 3"),
        ],
        ids=["line beyond int32", "no-break space", "blanks for tabs"],
    )
    def test_a_line_that_cannot_be_read(self, checkout: Checkout, file: str, line: str, says: str) -> None:
        with_intents(checkout, lambda q: "error", "error")
        path = checkout.folder / "configs" / file
        append(path, line)
        assert held(checkout, locked=False).startswith(f"{path}:{len(path.read_text().splitlines())}: {says}")


class TestJudged:
    def promoted(self, checkout: Checkout, *arguments: str) -> str:
        checkout.lock()
        result = checkout.gate(*arguments)
        assert (result.ret, checkout.decision("equal")) == (0, "PROMOTE")
        return result.stdout.str()

    @pytest.mark.parametrize("intents", ["error, docstring", ""])
    def test_a_slice_is_asked_for_each_intent(self, checkout: Checkout, workers: tuple[str, ...], intents: str) -> None:
        with_intents(checkout, lambda q: "error" if q % 3 else "docstring", intents)
        self.promoted(checkout, *workers)
        planned = checkout.attestation("equal")["tests"]["planned"]
        assert any("slice" in test for test in planned) == bool(intents)

    def test_a_column_that_nobody_recorded_may_be_left_out(self, checkout: Checkout) -> None:
        candidate(checkout)
        rewrite(checkout, "changed.run", column(LATENCY, "-"))
        leave_out(checkout, "p95_latency", "p99_latency", "within_sla")
        self.promoted(checkout)

    @columns
    def test_a_column_missing_for_one_answer_holds_what_needs_it(
        self, checkout: Checkout, number: int, name: str, checks: tuple[str, ...]
    ) -> None:
        candidate(checkout)
        rewrite(checkout, "changed.run", column(number, "-", "q17"))
        checkout.lock()
        assert checkout.gate().ret not in (0, 2, 3, 4)
        told = f"{name} is missing: changed.run has no {name} for 1 of 800 queries (q17); give {name} for all"
        reasons = checkout.attestation("equal")["reasons"]
        assert set(checks) <= {reason.partition(":")[0].partition(" ")[0] for reason in reasons if told in reason}

    def test_a_loss_beyond_the_grades_of_a_byte_is_seen(self, checkout: Checkout) -> None:
        rewrite(checkout, "qrels.txt", lambda f: [*f[:3], "1000"])
        third = (f"q{q} 0 pkg/m{q}.py:21-29 128\n" for q in range(QUERIES))
        append(checkout.folder / "configs" / "qrels.txt", "".join(third))
        candidate(checkout)
        other = {"1-9": "21-29", "21-29": "1-9", "11-19": "11-19"}  # in four queries of five the two change places

        def swapped(fields: list[str]) -> list[str]:
            file, _, lines = fields[2].partition(":")
            return column(2, f"{file}:{other[lines]}")(fields) if int(fields[0][1:]) % 5 else fields

        rewrite(checkout, "changed.run", swapped)
        checkout.lock()
        checkout.gate()
        attested = checkout.attestation("equal")
        assert attested["decision"] == "ROLLBACK"
        assert any(reason.startswith("ndcg_at_10: RED") for reason in attested["reasons"])

    def test_answers_that_fail_are_told_by_their_kind(self, checkout: Checkout) -> None:
        add(checkout, "fault: {kind: failing, share: 0.3}")
        checkout.lock()
        checkout.gate()
        notes = checkout.attestation("equal")["constants"]["notes"]
        assert any(note.startswith("equal: timeout error for ") and "of 100 queries before" in note for note in notes)


class TestTold:
    def test_a_cause_is_headline_and_next_step(self, whole_checkout: Checkout) -> None:
        rewrite(whole_checkout, "qrels.txt", lambda f: [f[0].upper(), *f[1:]])
        whole_checkout.lock()
        said = whole_checkout.gate().stdout.str()
        assert "HOLD  equal    no query of equal.run is judged: ids differ (q0 / Q0)    incumbent serves" in said
        assert "  next      give equal.run and qrels.txt the same ids, then:\n" in said
        assert "judge in gates" not in said

    def test_an_unusual_gain_is_judged_and_told_and_a_look_ups_cpu_time_is_not(self, whole_checkout: Checkout) -> None:
        candidate(whole_checkout, "better.run")
        lower = column(4, "7")  # what the hero finds second, the baseline finds third
        rewrite(whole_checkout, "equal.run", lambda f: lower(f) if f[2].endswith(":1-9") and f[4] == "9" else f)
        replace(whole_checkout.folder / "configs" / "policy.yaml", "gain: 0.5", "gain: 0.05")
        whole_checkout.lock()
        result = whole_checkout.gate()
        said, out = result.stdout.str(), whole_checkout.folder / "reports" / "out"
        attested = whole_checkout.attestation("equal")
        told = "unusual: equal gains "
        assert attested["decision"] == "PROMOTE", said
        page, summary = (out / name for name in ("index.html", "summary.md"))
        for text in (said, page.read_text(encoding="utf-8"), summary.read_text(encoding="utf-8")):
            assert told in text
            assert "documents of better.run are not judged" in text
            assert "CPU time" not in text
        assert "cpu_ms" not in json.dumps(attested["gains"])
