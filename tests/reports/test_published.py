"""Do the documents come to where the team reads, and to nowhere else?"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reports.documents.__main__ import main
from reports.documents.writing import DOCUMENTS
from reports.promotion.conditions import Wanted
from reports.render import figures
from tests.edits import append
from tests.reports.finished_run import canary, problems
from tests.reports.read_documents import read, wrong_links

OUT, CONFIGS = Path("reports/out"), Path("configs")
WRITE = ["--trust=trusted.json"]


@pytest.fixture(autouse=True)
def _pictures_are_drawn_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """In test_documents.py: half of what writing the documents takes."""
    monkeypatch.setattr(figures, "picture_png", lambda *_: b"a picture")


def policy_says(publish: dict[str, Any]) -> None:
    """Let the policy here name where the documents go."""
    path = CONFIGS / "policy.yaml"
    path.write_text(path.read_text() + f"publish: {json.dumps(publish)}\n")


def git(*command: str) -> str:
    """What git says here."""
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    return subprocess.run(["git", *who, *command], check=True, capture_output=True, text=True).stdout.strip()


def tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a repository of what lies here, of somebody whose own settings say nothing."""
    for key, value in (("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")):
        monkeypatch.setenv(key, value)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "T")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "t@example.com")
    git("init", "-q", "-b", "main")
    git("add", "configs")
    git("commit", "-q", "-m", "configs")


def test_a_policy_names_a_folder_that_they_are_published_in(here: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    policy_says({"folder": "team/releases"})
    assert main(WRITE) == 0
    run_id = json.loads((OUT / "attestation.json").read_text())["run_id"]
    place = Path("team/releases") / run_id
    assert f"published  {place}\n" in capsys.readouterr().out
    for name in DOCUMENTS:
        assert (place / "documents" / f"{name}.md").read_bytes() == (OUT / "documents" / f"{name}.md").read_bytes()
        assert [*wrong_links(read(place / "documents" / f"{name}.html"), place / "documents")] == []
    assert not [*place.rglob("*.parquet")]
    assert main(WRITE) == 0  # once more, over what lies there
    assert problems() == ()


def test_a_folder_outside_is_asked_for_explicitly(
    here: Wanted, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path_factory.mktemp("away")
    policy, said = CONFIGS / "policy.yaml", (CONFIGS / "policy.yaml").read_text()
    Path("door").symlink_to(away)
    for folder in (str(away), "../away", "door/x"):
        policy_says({"folder": folder})
        assert main(WRITE) == 1
        assert "outside: true" in capsys.readouterr().err
        policy.write_text(said)
    assert [*away.iterdir()] == []
    policy_says({"folder": str(away), "outside": True})
    assert main(WRITE) == 0
    assert len([*away.glob("*/documents/*.md")]) == 12


@pytest.mark.parametrize("link", ["team", "team/RUN", "team/RUN/documents", "team/RUN/documents/trade_off_analysis.md"])
def test_no_link_is_followed_where_they_are_published(
    here: Wanted, link: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = json.loads((OUT / "attestation.json").read_text())["run_id"]
    path, victim = Path(link.replace("RUN", run_id)), Path("configs")  # a folder in the checkout: no way out of it
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(victim.resolve())
    before = sorted(victim.rglob("*"))
    policy_says({"folder": "team"})
    assert main(WRITE) == 1
    assert f"{link.replace('RUN', run_id)}: a link" in capsys.readouterr().err
    assert sorted(victim.rglob("*")) == before


@pytest.mark.parametrize("folder", [".git/hooks", "reports/out/team", "reports/out"])
def test_they_are_not_published_among_what_is_not_theirs(
    here: Wanted, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    policy_says({"folder": folder})
    assert main(WRITE) == 1
    assert f"publish.folder {folder}: lies in git's own folder or among the results" in capsys.readouterr().err
    assert problems() == ()  # they are written and signed all the same


def test_a_branch_gets_a_commit_and_the_checkout_is_not_touched(
    here: Wanted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tracked(monkeypatch)
    policy_says({"branch": "hero/documents"})
    state = git("status", "--porcelain"), git("rev-parse", "HEAD")
    assert main(WRITE) == 0
    assert "published  branch hero/documents, commit " in capsys.readouterr().out
    assert (git("status", "--porcelain"), git("rev-parse", "HEAD")) == state
    run_id = json.loads((OUT / "attestation.json").read_text())["run_id"]
    listed = git("ls-tree", "-r", "--name-only", "hero/documents").splitlines()
    assert len([name for name in listed if name.startswith(f"{run_id}/documents/") and name.endswith(".md")]) == 12
    shown = git("show", f"hero/documents:{run_id}/documents/trade_off_analysis.md")
    assert shown == (OUT / "documents" / "trade_off_analysis.md").read_text().strip()
    assert main(WRITE) == 0
    assert "published  branch hero/documents, as they were" in capsys.readouterr().out
    assert canary(Path.cwd(), hero="rival").returncode == 0
    assert main(WRITE) == 0
    assert git("rev-list", "--count", "hero/documents") == "2"
    assert len({name.partition("/")[0] for name in git("ls-tree", "-r", "--name-only", "hero/documents").split()}) == 2


def test_each_mistake_of_a_branch_is_a_line(
    here: Wanted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = (CONFIGS / "policy.yaml").read_text()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    for branch, told in (
        ("main", "publish.branch: git for-each-ref: fatal: not a git repository"),
        ("main", "publish.branch main: is checked out in "),
        ("a..b", "publish.branch: git check-ref-format: refuses refs/heads/a..b"),
        ("-b", "publish.branch: '-b': String should match"),
    ):
        (CONFIGS / "policy.yaml").write_text(said)
        policy_says({"branch": branch})
        assert main(WRITE) == 1
        err = capsys.readouterr().err
        assert told in err
        assert err.count("\n") == 1
        if "not a git" in told:
            tracked(monkeypatch)
    monkeypatch.setenv("PATH", "")
    (CONFIGS / "policy.yaml").write_text(said)
    policy_says({"branch": "b"})
    assert main(WRITE) == 1
    assert "git is not installed" in capsys.readouterr().err


def test_they_go_to_the_history_with_their_run_and_verify_there(here: Wanted) -> None:
    run_id = json.loads((OUT / "attestation.json").read_text())["run_id"]
    assert main(WRITE) == 0
    assert canary(Path.cwd(), hero="rival").returncode == 0
    assert not (OUT / "documents").exists()
    assert problems() == ()
    old = OUT / "history" / run_id / "documents"
    append(old / "hero_promotion_summary.md", "It is better.")
    assert problems()[0].startswith(f"history/{run_id}/documents/hero_promotion_summary.md: sha256 ")
    assert [*wrong_links(read(old / "trade_off_analysis.md"), old)] == []
