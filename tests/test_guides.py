"""Do the pages for whoever brings their own search name commands, options and links that exist? Do examples work?"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hero_gate.__main__ import COMMANDS
from tests.forked import run
from tests.hero_gate.laid_out import CORE_LACKS, call, lay_out, take_away
from tests.test_readme import ROOT, dead, unknown

GUIDES = (
    "docs/tutorial.md", "docs/compare.md", "docs/ci.md", "docs/comparison.md", "docs/recorded-runs.md",
    "docs/red-run.md", "docs/adr/0024-one-look-is-a-canary.md",
)  # fmt: skip
CI = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
GITHUB, GITLAB = (yaml.safe_load(block) for language, block in BLOCK.findall(CI) if language == "yaml")
STEPS = [step for job in GITHUB["jobs"].values() for step in job["steps"]]
OURS = re.compile(r"^\s*(?:\S+\) |- )?hero-gate +([a-z]\S*)(.*)$", re.MULTILINE)


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each `hero-gate COMMAND ...` of a page's code with its words; lines that go on are one."""
    code = "\n".join([*(block for _, block in BLOCK.findall(text)), *re.findall(r"`(hero-gate [^`\n]+)`", text)])
    for name, rest in OURS.findall(re.sub(r"(hero-gate .*[^\\\n])\n +(--)|\\\n", r"\1 \2", code)):
        yield name, shlex.split(re.sub(r"\|\|.*", "", rest), comments=True)


@cache
def told_by(name: str) -> str:
    """What a command says of itself."""
    told = run([*COMMANDS[name][0].split(), "--help"], ROOT).stdout
    return told.replace("--junit-xml", "--junitxml")  # pytest knows both and tells one


def not_there(text: str) -> Iterator[str]:
    """Commands and options that a page names in code and the tool does not have."""
    for name, rest in commands(text):
        if name not in COMMANDS:
            yield f"hero-gate {name}"
            continue
        options = [word.partition("=")[0] for word in rest if word.startswith("--")]
        yield from (f"{name} {option}" for option in options if not re.search(rf"{option}\b", told_by(name)))


@pytest.mark.parametrize("page", GUIDES)
def test_what_it_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = [*not_there(text), *unknown(text)]
    assert [name for name in named if name != "make packs"] == []  # words of a line that is printed
    assert [*dead(text, (ROOT / page).parent)] == []


def test_what_is_not_there_is_found() -> None:
    bent = "```\nhero-gate compare a b --qrels q --margins=3\nhero-gate lok\n```\n`hero-gate promote --hero=a --force`"
    assert [*not_there(bent)] == ["compare --margins", "hero-gate lok", "promote --force"]
    assert [*commands("```\n  hero-gate compare a \\\n    --margin=3 || s=$?\n```")] == [
        ("compare", ["a", "--margin=3"])
    ]


def test_the_examples_ask_a_comparison_and_a_canary_with_a_margin_and_junit() -> None:
    asked = [(name, words) for name, words in commands(CI) if name in ("compare", "canary") and words]
    assert [name for name, _ in asked] == ["compare", "canary"] * 2
    for name, words in asked:
        said = {word.partition("=")[0] for word in words}
        assert said >= ({"--qrels", "--margin", "--junit"} if name == "compare" else {"--hero", "--junitxml"})


def test_the_examples_are_whole() -> None:
    assert {*GITHUB["jobs"]} == {"compare", "canary"}
    for step in STEPS:
        assert ("run" in step) != ("uses" in step)
    kept = [step for step in STEPS if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert [step["if"] for step in kept] == ["always()", "always()"]
    assert sum("GITHUB_STEP_SUMMARY" in step.get("run", "") for step in STEPS) == 2
    assert GITHUB["permissions"] == {"contents": "read"}
    wider = {name: job["permissions"] for name, job in GITHUB["jobs"].items() if "permissions" in job}
    assert wider == {"compare": {"contents": "read", "pull-requests": "write"}}
    jobs = [job for job in GITLAB.values() if isinstance(job, dict) and "extends" in job]
    assert len(jobs) == 2
    assert all(job["artifacts"]["when"] == "always" and job["artifacts"]["reports"]["junit"] for job in jobs)
    assert GITLAB[".gate"]["allow_failure"]["exit_codes"] == [10]
    for document in (GITHUB, GITLAB):
        assert str(document).count("pip install --require-hashes -r requirements.txt") in (1, 2)


def scripts() -> Iterator[str]:
    """Everything that a shell of either service runs."""
    yield from (step["run"] for step in STEPS if "run" in step)
    for job in GITLAB.values():
        if isinstance(job, dict):
            yield from (line for key in ("before_script", "script", "after_script") for line in job.get(key, ()))


def test_a_secret_comes_from_the_environment_alone() -> None:
    for script in scripts():
        assert "secrets." not in script
        subprocess.run(["bash", "-n", "-c", script], check=True)


@pytest.mark.parametrize(("there", "refused"), [(True, False), (True, True), (False, False)])
def test_the_summary_is_one_comment_and_never_in_the_way(there: bool, refused: bool, tmp_path: Path) -> None:
    (step,) = (step for step in STEPS if step.get("name") == "comment")
    assert "head.repo.full_name == github.repository" in step["if"]
    if there:
        (tmp_path / "hero-gate-compare").mkdir()
        (tmp_path / "hero-gate-compare" / "summary.md").write_text("# HOLD\n")
    (tmp_path / "gh").write_text(f'#!/bin/sh\necho "$@" >>asked\nexit {int(refused)}\n')
    (tmp_path / "gh").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NUMBER": "7", "GH_TOKEN": "none"}
    done = subprocess.run(["bash", "-e", "-c", step["run"]], env=env, cwd=tmp_path, capture_output=True, text=True)
    asked = (tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else ""
    assert done.returncode == 0
    assert ("--body-file hero-gate-compare/summary.md --edit-last --create-if-none" in asked) is there
    assert ("::warning title=no comment" in done.stdout) is refused


@pytest.mark.parametrize("step", [step for step in STEPS if step.get("name") == "decide"], ids=["compare", "canary"])
@pytest.mark.parametrize(
    ("status", "hold_fails", "passes"),
    [("0", "no", True), ("10", "no", True), ("10", "yes", False), ("20", "no", False), ("3", "no", False),
     ("4", "no", False), ("", "no", False)],
)  # fmt: skip
def test_no_decision_is_never_a_pass(
    step: dict[str, Any], status: str, hold_fails: str, passes: bool, tmp_path: Path
) -> None:
    (tmp_path / "hero-gate").write_text("#!/bin/sh\nexit 0\n")  # `verify` of the folder
    (tmp_path / "hero-gate").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STATUS": status, "HOLD_FAILS": hold_fails}
    assert (subprocess.run(["bash", "-e", "-c", step["run"]], env=env).returncode == 0) is passes


@pytest.mark.parametrize("status", [0, 10, 20, 4])
def test_a_status_is_handed_on_and_stops_no_step(status: int, tmp_path: Path) -> None:
    (tmp_path / "hero-gate").write_text(f"#!/bin/sh\nexit {status}\n")
    (tmp_path / "hero-gate").chmod(0o755)
    out = tmp_path / "output"
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(out), "RELEASE_KEY": ""}
    gates = [step["run"] for step in STEPS if step.get("id") == "gate"]
    for script in gates:
        subprocess.run(["bash", "-e", "-c", script], env=env, check=True)
    assert out.read_text() == f"status={status}\n" * len(gates)


def test_the_tutorial_runs_by_the_letter(tmp_path: Path) -> None:
    """Its files, and each of its commands in its order, in an empty folder, with an installed core and no extra."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    site, home = tmp_path / "site", tmp_path / "home"
    lay_out(ROOT, site, "c0ffee1 clean")
    take_away(site.with_name("core"), *CORE_LACKS)
    home.mkdir()
    (code,) = (block for language, block in BLOCK.findall(text) if language == "python")
    subprocess.run([sys.executable, "-c", code], cwd=home, check=True)

    def ask(name: str, words: list[str]) -> str:
        done = call(site, home, name, *words)
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr}"
        return done.stdout

    asked = [one for language, block in BLOCK.findall(text) if not language for one in commands(f"```\n{block}```")]
    order = ["compare", "compare", "init", "lock", "canary", "verify", "replay", "promote", "serving", "rollback"]
    assert [name for name, _ in asked] == order
    until = order.index("promote")
    said = [ask(name, words) for name, words in asked[:until]]
    assert "check: hero-gate verify hero-gate-compare" in said[0]
    compared = json.loads((home / "hero-gate-compare" / "candidate" / "attestation.json").read_bytes())
    assert (compared["commit"], compared["configs_commit"]) == ("c0ffee1 clean", "")
    printed = "next: hero-gate lock --hero=candidate && hero-gate canary --hero=candidate"
    assert said[order.index("init")].splitlines()[-1] == printed
    assert "lock ok" in said[order.index("canary")]
    ask("documents", [])
    assert ask("documents", ["--help"]).startswith("usage: hero-gate documents")
    refused = call(site, home, "promote", *asked[until][1])
    assert (refused.returncode != 0, "opens the first step of a canary" in refused.stderr) == (True, True)
    policy = home / "configs" / "policy.yaml"
    policy.write_text(policy.read_text().replace("final: false", "final: true"))
    for name, words in [asked[order.index("lock")], asked[order.index("canary")], asked[until]]:
        ask(name, words)
    assert "candidate.run" in (home / "configs" / "baseline.yaml").read_text()
    for name, words in asked[until + 1 :]:
        ask(name, words)
    assert "candidate.run" not in (home / "configs" / "baseline.yaml").read_text()
    assert (home / "hero-gate-compare" / "index.html").exists()
    assert (home / "hero-gate-compare" / "candidate" / "judge-first.csv").exists()
