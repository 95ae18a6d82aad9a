"""Does `compare` decide about two run files in one command, and refuse in a line what it cannot read or show?"""

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from gates.attestation import Attestation
from hero_gate.compare import FOLDER
from hero_gate.compare import main as compare
from reports.attestation.__main__ import main as attestation
from tests.forked import run

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


def compared(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`compare`, as a process of its own."""
    done = run(["hero_gate.compare", *map(str, arguments)], cwd or Path.cwd())
    done.stdout = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    return done


def words(done: subprocess.CompletedProcess[str]) -> str:
    """What it said, whose lines are wrapped."""
    return " ".join(done.stdout.split())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def decided(done: subprocess.CompletedProcess[str], out: Path, status: int, told: str, *, margin: bool) -> str:
    """What it said, which is what it decided: on the screen, on the page and signed."""
    assert done.returncode == status, done.stderr
    decision, said = {0: "PROMOTE", 10: "HOLD", 20: "ROLLBACK"}[status], words(done)
    assert said.startswith(decision)
    assert told in said
    assert "hero minus baseline: L " in said
    assert ("or about" in said) is margin
    assert ("margin: chosen after looking" in said) is not margin
    assert ("(not final)" in said) is (status == 0 and not margin)
    signed = Attestation.read_file(out / "b" / "attestation.json")
    assert (signed.decision, signed.promotes) == (decision, False), "it promotes nothing, whatever it decides"
    assert (signed.traffic.from_percent, signed.traffic.to_percent) == (0, 0)
    assert "file_credit" not in {gain.metric for gain in signed.gains}, "rankings are no places in files"
    assert decision in (out / "index.html").read_text(encoding="utf-8")
    return said


def test_a_gain_promotes_and_texts_of_the_files_are_no_markup_on_the_page(tmp_path: Path, out: Path) -> None:
    files = write(tmp_path, BETTER)
    (tmp_path / "q.tsv").write_text("".join(f"q{i}\t<script>{i}\n" for i in range(N)))
    done = compared(*files, f"--queries={tmp_path / 'q.tsv'}", f"--artifacts={out}")
    decided(done, out, 0, "+15.9", margin=False)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>1" not in page
    assert "&lt;script&gt;" in page


def test_a_loss_rolls_back_and_its_items_can_be_had_as_junit_xml(tmp_path: Path, out: Path) -> None:
    done = compared(*write(tmp_path, WORSE), f"--artifacts={out}", f"--junit={tmp_path / 'j.xml'}")
    decided(done, out, 20, "-15.9", margin=False)
    found = (tmp_path / "j.xml").read_text(encoding="utf-8")
    assert 'name="test_guard[b-ndcg_at_10]"' in found
    assert "<failure" in found
    assert '<property name="b.decision" value="ROLLBACK"' in found
    card = Attestation.read_file(out / "b" / "attestation.json").card
    for name, said in card.model_dump().items():
        assert f'<property name="b.{name}" value={quoteattr(said)}' in found.replace("&#x27;", "'")


def test_the_tutorial_shows_what_is_printed_and_the_margin_told_there_promotes_when_it_is_asked(
    tmp_path: Path, root: Path
) -> None:
    write(tmp_path, UNSURE)
    files, out = ("a.run", "b.run", "--qrels=q.qrels", "--queries=q.tsv"), tmp_path / FOLDER
    done = compared(*files, cwd=tmp_path)
    said = decided(done, out, 0, "+1.6", margin=False)
    sample = (root / "docs" / "compare.md").read_text(encoding="utf-8").split("```")[3].strip()
    assert sample.splitlines() == done.stdout.strip().splitlines()
    carried = said.partition("margin nDCG@10: ")[2].partition(" points is what")[0]
    assert 3 < float(carried) < 7
    assert compared(*files, f"--margin={carried}", cwd=tmp_path).returncode == 0
    decided(compared(*files, "--margin=3", cwd=tmp_path), out, 0, "+1.6", margin=True)
    held = compared(*files, "--margin=2.2", cwd=tmp_path)
    decided(held, out, 10, "such queries would meet the margin", margin=True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--margin=2.1"], "mu is 0.021, but must be above 0.0211 with 173 queries"),
        (["--margin=a lot"], "'a lot' should be points above 0 and up to 50"),
        (["--margin=-1"], "'-1' should be points above 0 and up to 50"),
        (["--margin=3_0"], "'3_0' should be points above 0"),
        (["--margin=50.1"], "'50.1' should be points above 0"),
        (["--junit=q.qrels"], "is there, and is no JUnit XML"),
        (["--measures=Bogus"], "Bogus: none of nDCG@10, R@50"),
        (["--measures=R@50,R@50"], "a measure is named twice"),
        (["--queries=no.tsv"], "no.tsv: cannot be read (No such file or directory)"),
        (["--unjudged=maybe"], "invalid choice: 'maybe'"),
        (["c.run"], "unrecognized arguments: c.run"),
        (["--artifacts="], "--artifacts"),
    ],
)
def test_a_mistake_is_told_in_a_line_and_nothing_is_decided(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = write(tmp_path, UNSURE)
    refused([*files, "--artifacts=out", *arguments], told, capfd)


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
    name: str, line: str, told: str, tmp_path: Path, out: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, UNSURE)
    (tmp_path / name).write_text(f"{line}\n", encoding="utf-8")
    refused([*files, f"--queries={tmp_path / 'q.tsv'}", f"--artifacts={out}"], told, capfd)


def refused(arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It ends with 4 and one line, before pytest is asked, and writes nothing."""
    try:
        status = compare(arguments)
    except SystemExit as error:
        status = int(str(error.code))
    said = capfd.readouterr()
    assert (status, said.out, said.err.count("\n")) == (4, "", 1)
    assert told in said.err
    folder = next(word for word in arguments if word.startswith("--artifacts=")).partition("=")[2]
    assert not Path(folder).exists()


def test_hits_that_nobody_judged_hold_it_and_are_listed(tmp_path: Path, out: Path) -> None:
    files = [*write(tmp_path, UNSURE, judged=False), "--margin=3", f"--artifacts={out}"]
    done = compared(*files)
    said = words(done)
    assert done.returncode == 10
    assert "it hangs on hits that nobody judged" in said
    assert "as not relevant PROMOTE, with the best PROMOTE" in said
    assert "judged@10" in said
    with (out / "b" / "judge-first.csv").open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file)
    assert heads[:4] == ["query", "document", "baseline_rank", "hero_rank"]
    needed = int(said.partition(" judge ")[2].partition(" of them first")[0])
    assert 0 < needed <= len(rows)
    # ... and these, judged not relevant, decide it
    with (tmp_path / "q.qrels").open("a", encoding="utf-8") as file:
        file.writelines(f"{query} 0 {document} 0\n" for query, document, *_ in rows[:needed])
    assert compared(*files).returncode == 0
    # as does the user's word that there is nothing relevant among them
    write(tmp_path, UNSURE, judged=False)
    assert compared(*files, "--unjudged=not-relevant").returncode == 0


def test_what_is_signed_verifies_and_replays_until_it_is_changed(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path, UNSURE)
    arguments = [*files, f"--queries={tmp_path / 'q.tsv'}", "--measures=nDCG@10,R@50", f"--artifacts={out}"]
    done = compared(*arguments)
    assert done.returncode == 0
    assert "nDCG@10 questions" in done.stdout
    assert "R@50 names" in done.stdout
    assert attestation(["verify", str(out)]) == 0
    assert attestation(["verify", "--require-trusted", str(out)]) == 1
    assert attestation(["replay", str(out)]) == 0
    assert attestation(["show", str(out)]) == 0
    assert "as attested" in capsys.readouterr().out
    with (out / "b" / "judge-first.csv").open("a") as file:
        file.write("more\n")
    assert attestation(["verify", str(out)]) == 1
    assert "judge-first.csv: sha256" in capsys.readouterr().out


@pytest.mark.parametrize("n", [1, 5])
def test_too_few_queries_carry_nothing(n: int, tmp_path: Path, out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told = f"hero-gate compare: {n} judged queries: no margin below half of nDCG@10; judge more\n"
    refused([*write(tmp_path, [], n), f"--artifacts={out}"], told, capfd)


def test_what_makes_an_answer_doubtful_is_told_of_a_handful_as_well(tmp_path: Path, out: Path) -> None:
    files = write(tmp_path, [], 9)
    tied = [line.split() for line in (tmp_path / "a.run").read_text().splitlines()]
    for name in ("a.run", "b.run"):
        (tmp_path / name).write_text("".join(f"{' '.join(line[:4])} 0 made\n" for line in tied))
    done = compared(*files, f"--artifacts={out}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing differs" in words(done)
    assert "all hits of 9 of 9 queries of a.run have one score" in words(done)


def test_neither_a_run_named_as_a_folder_of_results_nor_the_environment_of_other_tests_disturbs_it(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing --junitxml=x.xml")
    first, second, *others = write(tmp_path, BETTER)
    history = Path(second).rename(tmp_path / "history.run")
    for _ in range(2):
        done = compared(first, history, *others, f"--artifacts={out}")
        assert done.returncode == 0, done.stderr
    assert attestation(["verify", str(out)]) == 0


def test_what_cannot_be_told_is_no_decision_but_says_what_stands(tmp_path: Path, root: Path) -> None:
    """In a process of its own, which starts without what draws, searches or files."""
    files = write(tmp_path, BETTER)
    command = [sys.executable, "-m", "hero_gate", "compare", *files, f"--artifacts={tmp_path / 'out'}"]
    environ = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=root, env=environ, stdout=full, stderr=subprocess.PIPE, text=True)
    lines = done.stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "hero_gate.compare" in imported or "hero_gate.in_process" in imported
    assert not {name.partition(".")[0] for name in imported} & {"matplotlib", "lens", "allure", "allure_pytest"}
    (said,) = (line for line in lines if not line.startswith("import time:"))
    assert (done.returncode, "PROMOTE is signed and stands" in said) == (3, True)


def test_the_folder_of_a_stranger_is_left_alone(tmp_path: Path, out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert compare([*write(tmp_path, BETTER), f"--artifacts={out}"]) == 4
    assert "holds files that no run of ours wrote" in capfd.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
