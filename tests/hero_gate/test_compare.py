"""Does `compare` decide about two run files in one command, and refuse in a line what it cannot read or show?"""

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gates.archive import take
from hero_gate import compare
from hero_gate.compare import main
from reports.attestation.__main__ import main as attestation

Ranks = Sequence[tuple[int, int]]  # of the one relevant document of each query: in the baseline's answer, in the hero's
N = 173
WORSE = [(1, 3)] * 60 + [(3, 1)] * 5
BETTER = [(hero, baseline) for baseline, hero in WORSE]
UNSURE = [(3, 1)] * 9 + [(1, 3)] * 5 + [(2, 1)] * 16 + [(1, 2)] * 14  # +1.6 [-1.5, +4.7] points
INTENTS = ("names", "questions")


def write(folder: Path, ranks: Ranks, n: int = N, *, judged: bool = True) -> list[str]:
    """Files of n queries with three hits each, all of them judged or the right one alone; the command's arguments."""
    runs: dict[str, list[str]] = {"a.run": [], "b.run": []}
    qrels, queries = list[str](), list[str]()
    for i in range(n):
        queries.append(f"q{i}\tquery {i}\t{INTENTS[i % 2]}")
        qrels += [f"q{i} 0 right{i} 1", *([f"q{i} 0 {name} 0" for name in ("x", "y")] if judged else [])]
        for lines, rank in zip(runs.values(), [*ranks, *[(1, 1)] * n][i], strict=True):
            hits = ["x", "y"]
            hits.insert(rank - 1, f"right{i}")
            lines += [f"q{i} Q0 {hit} {place} {9 - place} made" for place, hit in enumerate(hits, start=1)]
    for name, lines in {**runs, "q.qrels": qrels, "q.tsv": queries}.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [str(folder / "a.run"), str(folder / "b.run"), f"--qrels={folder / 'q.qrels'}"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def record(out: Path) -> dict[str, object]:
    return dict(json.loads((out / "comparison.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("ranks", "margin", "status", "told"),
    [
        (WORSE, [], 20, "-15.9"),
        (BETTER, [], 0, "+15.9"),
        (UNSURE, [], 0, "+1.6"),
        (UNSURE, ["--margin=3"], 0, "+1.6"),
        (UNSURE, ["--margin=2.2"], 10, "such queries would meet the margin"),
    ],
)
def test_the_decision_and_its_numbers_are_told(
    ranks: Ranks, margin: list[str], status: int, told: str, tmp_path: Path, out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main([*write(tmp_path, ranks), *margin, f"--artifacts={out}"]) == status
    said = " ".join(capsys.readouterr().out.split())  # lines are wrapped
    decision = {0: "PROMOTE", 10: "HOLD", 20: "ROLLBACK"}[status]
    assert said.startswith(decision)
    assert told in said
    assert "points, L " in said
    assert ("or about" in said) is (margin != [])
    looked = "margin: chosen after looking"
    assert (looked in said) is (not margin)
    assert record(out)["decision"] == decision
    assert record(out)["final"] is (bool(margin) if status == 0 else status == 20)
    assert decision in (out / "index.html").read_text(encoding="utf-8")


def test_the_margin_that_is_told_promotes_when_it_is_asked(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, UNSURE)
    main([*files, f"--artifacts={out}"])
    carried = capsys.readouterr().out.partition("nDCG@10: ")[2].partition(" points is what")[0]
    assert 3 < float(carried) < 7
    assert main([*files, f"--margin={carried}", f"--artifacts={out}"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--margin=2.1"], "mu is 0.021, but must be above 0.0211 with 173 queries"),
        (["--margin=a lot"], "'a lot' should be points between 0 and 100"),
        (["--margin=-1"], "'-1' should be points between 0 and 100"),
        (["--measures=MAP"], "'MAP' is no measure here; known: nDCG@10,R@50"),
        (["--measures=R@50,R@50"], "a measure is named twice"),
        (["--queries=no.tsv"], "no.tsv: cannot be read (No such file or directory)"),
        (["--unjudged=maybe"], "invalid choice: 'maybe'"),
        (["c.run"], "unrecognized arguments: c.run"),
        (["--artifacts="], "--artifacts"),
    ],
)
def test_a_mistake_is_told_in_a_line_and_nothing_is_decided(
    arguments: list[str], told: str, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, UNSURE)
    try:
        status = main([*files, f"--artifacts={out}", *arguments])
    except SystemExit as error:
        status = int(str(error.code))
    said = capsys.readouterr()
    assert status == 4
    assert told in said.err
    assert said.err.count("\n") == 1
    assert (said.out, out.exists()) == ("", False)


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("a.run", "q1 Q0 d 1", "a.run:1: 4 columns"),
        ("b.run", "q1 Q0 d 1 high made", "b.run:1: score 'high', but should be a number"),
        ("q.qrels", "q1 0 d 1.5", "q.qrels:1: grade '1.5', but should be a whole number"),
        ("q.tsv", "q1", "q.tsv:1: 1 columns set apart by tabs"),
        ("b.run", "other Q0 d 1 1 made", "no query of b.run is judged"),
    ],
)
def test_a_line_that_does_not_fit_is_named(
    name: str, line: str, told: str, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, UNSURE)
    (tmp_path / name).write_text(f"{line}\n", encoding="utf-8")
    assert main([*files, f"--queries={tmp_path / 'q.tsv'}", f"--artifacts={out}"]) == 4
    said = capsys.readouterr()
    assert told in said.err
    assert (said.err.count("\n"), said.out) == (1, "")


def test_hits_that_nobody_judged_hold_it_and_are_listed(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [*write(tmp_path, UNSURE, judged=False), "--margin=3", f"--artifacts={out}"]
    assert main(files) == 10
    said = " ".join(capsys.readouterr().out.split())
    assert "it hangs on hits that nobody judged" in said
    assert "as not relevant PROMOTE, with the best PROMOTE" in said
    assert "judged@10" in said
    with (out / "judge-first.csv").open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file)
    assert heads[:4] == ["query", "document", "baseline_rank", "hero_rank"]
    needed = int(said.partition("judge ")[2].partition(" of them first")[0])
    assert 0 < needed <= len(rows)
    # ... and these, judged not relevant, decide it
    with (tmp_path / "q.qrels").open("a", encoding="utf-8") as file:
        file.writelines(f"{query} 0 {document} 0\n" for query, document, *_ in rows[:needed])
    assert main(files) == 0
    # as does the user's word that there is nothing relevant among them
    write(tmp_path, UNSURE, judged=False)
    assert main([*files, "--unjudged=not-relevant"]) == 0


def test_what_is_signed_verifies_and_replays_until_it_is_changed(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, UNSURE)
    arguments = [*files, f"--queries={tmp_path / 'q.tsv'}", "--measures=nDCG@10,R@50", f"--artifacts={out}"]
    assert main(arguments) == 0
    assert main(arguments) == 0  # again, into the same folder
    said = capsys.readouterr().out
    assert "nDCG@10 questions" in said
    assert "R@50 names" in said
    assert attestation(["verify", str(out)]) == 0
    assert attestation(["verify", "--require-trusted", str(out)]) == 1
    assert attestation(["replay", str(out)]) == 0
    assert attestation(["show", str(out)]) == 0
    assert "replayed as attested" in capsys.readouterr().out
    (out / "queries.csv").write_text((out / "queries.csv").read_text().replace("q1,", "q1 ,", 1))
    assert attestation(["verify", str(out)]) == 1
    assert attestation(["replay", str(out)]) == 1
    assert "queries.csv: sha256" in capsys.readouterr().out


def test_a_record_of_another_decision_does_not_verify(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*write(tmp_path, WORSE), f"--artifacts={out}"]) == 20
    changed = (out / "comparison.json").read_text().replace('"decision":"ROLLBACK"', '"decision":"PROMOTE"')
    (out / "comparison.json").write_text(changed)
    (out / "new.txt").touch()
    assert attestation(["verify", str(out)]) == 1
    said = capsys.readouterr().out
    assert "says another thing than comparison.json" in said
    assert "new.txt: not attested" in said
    assert attestation(["replay", str(out)]) == 1


@pytest.mark.parametrize("evidence", ["", "query\n", "query,nDCG@10 judged\nq0,much\n"])
def test_evidence_that_was_signed_bent_is_refused_in_a_line(
    evidence: str, tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "evidence_text", lambda *_: evidence)
    assert main([*write(tmp_path, BETTER), f"--artifacts={out}"]) == 0
    assert attestation(["verify", str(out)]) == 0
    assert attestation(["replay", str(out)]) == 1
    said = capsys.readouterr().err
    assert "queries.csv: not those of comparison.json" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_queries_is_told_what_it_can_carry(n: int, tmp_path: Path, out: Path) -> None:
    assert main([*write(tmp_path, [], n), f"--artifacts={out}"]) == 0
    assert record(out)["final"] is False


def test_texts_of_the_files_are_no_markup_on_the_page(tmp_path: Path, out: Path) -> None:
    files = write(tmp_path, BETTER)
    (tmp_path / "q.tsv").write_text("".join(f"q{i}\t<script>{i}\n" for i in range(N)))
    assert main([*files, f"--queries={tmp_path / 'q.tsv'}", f"--artifacts={out}"]) == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_it_starts_without_what_draws_searches_or_files(tmp_path: Path, root: Path) -> None:
    arguments = [*write(tmp_path, BETTER), f"--artifacts={tmp_path / 'out'}"]
    code = (
        "import sys; from hero_gate.compare import main; status = main(sys.argv[1:]); "
        "print([m for m in sys.modules if m.split('.')[0] in ('matplotlib', 'lens', 'allure', 'allure_pytest')]); "
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "[]"), done.stderr


def test_what_cannot_be_told_is_no_decision_but_says_what_stands(tmp_path: Path, root: Path) -> None:
    files = write(tmp_path, BETTER)
    command = [sys.executable, "-m", "hero_gate", "compare", *files, f"--artifacts={tmp_path / 'out'}"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=root, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "PROMOTE is signed and stands" in done.stderr


def test_results_of_a_canary_are_left_alone(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take(out)
    for name in ("attestation.json", "index.html"):
        (out / name).write_text("a canary's")
    assert main([*write(tmp_path, BETTER), f"--artifacts={out}"]) == 4
    assert "holds what a canary decided" in capsys.readouterr().err
    assert (out / "index.html").read_text() == "a canary's"


def test_the_tutorial_shows_what_is_printed(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, UNSURE)
    monkeypatch.chdir(tmp_path)
    main(["a.run", "b.run", "--qrels=q.qrels", "--queries=q.tsv"])
    sample = (root / "docs" / "compare.md").read_text(encoding="utf-8").split("```")[3].strip()
    assert sample.splitlines() == [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_folder_of_a_stranger_is_left_alone(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert main([*write(tmp_path, BETTER), f"--artifacts={out}"]) == 4
    assert "holds files that no run of ours wrote" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
