"""Is every old result put away before a new run, under its own run, and nothing else touched?"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gates.archive import MARK, put_away, take
from gates.errors import GateError
from tests.recorded_release import Checkout

RUN, OLDER = "20261125T100000Z-abcdef", "20261124T100000Z-000000"
OF_A_RUN = {"attestation.json", "index.html", "documents"}


def result(folder: Path, run_id: object, *heroes: str) -> None:
    """Leave what a run leaves."""
    folder.mkdir(exist_ok=True)
    for place in (folder, *(folder / hero for hero in heroes)):
        place.mkdir(exist_ok=True)
        (place / "attestation.json").write_text(json.dumps({"run_id": run_id}))
    (folder / "index.html").write_text(str(run_id))
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / "hero_promotion_summary.md").write_text(str(run_id))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        ([], {}),
        ([(RUN, "lexical", "ann")], {RUN: {*OF_A_RUN, "lexical", "ann"}}),  # whoever is judged now
        ([(OLDER, "ann"), (RUN, "lexical")], {OLDER: {"ann"}, RUN: {*OF_A_RUN, "lexical"}}),
    ],
    ids=["nothing", "one run", "a hero of an older run"],
)
def test_results_move_under_the_run_that_wrote_them(
    tmp_path: Path, left: list[tuple[str, ...]], kept: dict[str, set[str]]
) -> None:
    for run in left:
        result(tmp_path, *run)
    put_away(tmp_path, keep=5)
    assert names(tmp_path) == ({"history"} if left else set())
    assert {run: names(tmp_path / "history" / run) for run in kept} == kept


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_the_newest_runs_are_kept(tmp_path: Path, keep: int) -> None:
    runs = [f"2026112{day}T100000Z-abcdef" for day in (1, 2, 3)]
    for run in runs:
        result(tmp_path, run)
        put_away(tmp_path, keep=keep)
    assert names(tmp_path / "history") == set(runs[len(runs) - keep :])


@pytest.mark.parametrize("run_id", ["../../outside", "a/b", "", None, 5])
def test_nothing_but_a_run_id_becomes_a_folder(tmp_path: Path, run_id: object) -> None:
    result(tmp_path / "out", run_id)
    put_away(tmp_path / "out", keep=5)
    assert names(tmp_path) == {"out"}
    assert names(tmp_path / "out" / "history") == {"unreadable-1"}


def test_what_cannot_be_read_is_kept_aside_whatever_is_pruned(tmp_path: Path) -> None:
    for run in (None, "20261121T100000Z-abcdef", None, "20261122T100000Z-abcdef", "20261123T100000Z-abcdef"):
        result(tmp_path, run, "lexical")
        put_away(tmp_path, keep=1)
    aside = tmp_path / "history" / "unreadable-2"
    assert names(tmp_path / "history") == {"unreadable-1", aside.name, "20261123T100000Z-abcdef"}
    assert names(aside) == {*OF_A_RUN, "lexical"}


def test_a_folder_is_taken_only_where_it_is_empty_or_our_own(tmp_path: Path) -> None:
    for ours in (tmp_path / "new", tmp_path / "empty"):
        if ours.name == "empty":
            ours.mkdir()
        take(ours)
        (ours / "index.html").write_text("of a run")
        take(ours)
    result(tmp_path / "before", RUN)  # of a run that left no mark yet
    (tmp_path / "before" / ".lock").touch()
    take(tmp_path / "before")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("of a stranger")
    (tmp_path / "site" / MARK).write_text("*.tmp\n")  # of a repository
    with pytest.raises(GateError, match="holds files that no run of ours wrote"):
        take(tmp_path / "site")
    assert names(tmp_path / "site") == {"index.html", MARK}


def test_what_was_put_away_halfway_is_put_away_again(tmp_path: Path) -> None:
    for _ in range(2):
        result(tmp_path, RUN, "lexical")
        put_away(tmp_path, keep=5)
    assert names(tmp_path / "history" / RUN) == {*OF_A_RUN, "lexical"}


def test_test_results_move_with_their_run_and_their_folder_stays(tmp_path: Path) -> None:
    result(tmp_path, RUN, "lexical")
    (tmp_path / "allure-results").mkdir()
    (tmp_path / "allure-results" / "1-result.json").write_text("{}")
    put_away(tmp_path, keep=5)
    assert names(tmp_path / "allure-results") == set()
    assert names(tmp_path / "history" / RUN / "allure-results") == {"1-result.json"}


@pytest.mark.parametrize("named", ["site", ""])
def test_results_go_to_no_strangers_folder_and_not_nowhere(checkout: Checkout, named: str) -> None:
    site = checkout.folder / "site"
    site.mkdir()
    (site / "index.html").write_text("theirs")
    run = checkout.gate(f"--artifacts={named}")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    (told,) = [line for line in run.errlines if line.strip()]
    assert told.startswith(f"ERROR: --artifacts={checkout.folder / named if named else ': empty'}")
    assert names(site) == {"index.html"}
    assert not (checkout.folder / ".lock").exists()


def test_any_folder_of_results_below_the_checkout_leaves_the_commit_clean(whole_checkout: Checkout) -> None:
    folder = whole_checkout.folder
    (folder / ".gitignore").write_text("__pycache__/\n")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "all")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    for _ in range(2):
        whole_checkout.gate("--artifacts=reports/out-x", hero="worse")
        attested = json.loads((folder / "reports" / "out-x" / "attestation.json").read_text())
        assert attested["commit"].endswith(" clean")


@pytest.mark.parametrize("name", ["index.html", "lexical", "allure-results", "x/attestation.json", ".runs", ".lock"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_run_goes_through_no_link_and_waits_at_no_pipe(tmp_path: Path, name: str, kind: str) -> None:
    """`allure-results` linked to configs: the run before moved them into its history."""
    out, dear = take(tmp_path / "out"), tmp_path / "configs"
    dear.mkdir()
    (dear / "baseline.yaml").write_text("dear")
    path = out / name
    path.parent.mkdir(exist_ok=True)
    if kind == "link":
        path.symlink_to(dear)
    else:
        os.mkfifo(path)
    with pytest.raises(GateError, match=f"{path}: a link, a pipe or a device, but results are files; take it away"):
        take(out)
    assert names(dear) == {"baseline.yaml"}


def test_what_would_fill_the_memory_is_kept_aside_unread(tmp_path: Path) -> None:
    result(tmp_path, RUN)
    for name in ("attestation.json", MARK):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)  # a hole: it takes no room
    put_away(tmp_path, keep=5)
    assert names(tmp_path / "history") == {"unreadable-1"}
    with pytest.raises(GateError, match="no run of ours wrote"):
        take(tmp_path)
