"""Where am I: whose code runs, for whose folder, at which commits, and through which door did one come?

In a checkout the code lies where configs and results do. The installed tool is a checkout as well, of one commit: its
rooms lie in hero_gate/house/, with the commit in a file beside them, and it works for the folder one stands in.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

STAMP = "COMMIT"  # in the house of an installed tool: what `commit` says, as it was when the wheel was built
#: What is typed in a checkout -> how the installed tool is asked for the same. The first that fits counts.
DOORS = {
    "python -m reports.attestation": "hero-gate",
    "python -m reports.promotion": "hero-gate",
    "python -m reports.documents": "hero-gate documents",
    "python -m automation.outbox": "hero-gate alerts",
    "python -m automation": "hero-gate jobs",
    "python -m hero_gate": "hero-gate",
    "python -m pytest": "hero-gate pytest",
    "python -m lens": "hero-gate lens",
    "./hero-gate": "hero-gate",
}
#: Targets of the Makefile that are commands of the tool as well.
TARGETS = (
    "canary", "continuous", "demo", "lock", "nightly", "pipeline", "promote", "report", "rollback", "select", "weekly",
)  # fmt: skip
SUITES, SESSION = "suites", "pytest.ini"
PLUGINS = ("xdist", "allure_pytest")  # of others, that a run of the gate makes use of where they are installed
_COMMAND = re.compile("|".join([*map(re.escape, DOORS), rf"\bmake(?= (?:{'|'.join(TARGETS)})\b)"]))
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Whose code runs, and for whose folder."""

    house: Path  # of the code: rooms, suites/, conftest.py, pytest.ini, requirements/
    home: Path  # of who asks: configs/, reports/out
    stamp: str = ""  # the commit of an installed tool, "" in a checkout

    @property
    def installed(self) -> bool:
        """Is it a wheel's, and no checkout?"""
        return bool(self.stamp)

    @property
    def commit(self) -> str:
        """Of the code: "4f2c9e1 clean", "4f2c9e1 with uncommitted changes", "no commit"."""
        return self.stamp or commit_at(self.house) or "no commit"

    def commits(self, configs: Path) -> tuple[str, str]:
        """Of the code, and of the repository in which a folder of configs lies: whether that folder differs from it, ""
        where none does. Configs of a checkout are of its commit, whatever differs from it."""
        own = self.commit
        inside = not self.installed and configs.resolve().is_relative_to(self.house)
        return own, own if inside else commit_at(configs, ".")

    def typed(self, text: str) -> str:
        """A text whose commands are those of a checkout, with each as one types it here."""
        return _COMMAND.sub(lambda found: DOORS.get(found[0], "hero-gate"), text) if self.installed else text

    def made(self, target: str, *options: str, hero: str, configs: str) -> str:
        """A target of the Makefile for a hero, with what is not its default, as one types it here."""
        if self.installed:
            return shlex.join(("hero-gate", target, f"--hero={hero}", *_unless(configs, "--configs"), *options))
        words = [f"make {target}", f"HERO={_quoted(hero)}"]
        words += [f"CONFIGS={_quoted(configs)}"] if _unless(configs, "") else []
        return " ".join([*words, f"ARGS={_quoted(*options)}"] if options else words)

    def argv(self, *words: str) -> tuple[str, ...]:
        """Words of a command line of the checkout ("python", "-m", ...), for a process that knows nothing of us."""
        if self.installed:
            for typed, asked in DOORS.items():
                if list(words[: len(typed.split())]) == typed.split():
                    words = (*asked.split(), *words[len(typed.split()) :])
        first, *others = words
        starts = {"python": (sys.executable,), "hero-gate": (sys.executable, "-m", "hero_gate")}
        return (*starts.get(first, (first,)), *others)

    def environment(self, now: Mapping[str, str]) -> dict[str, str]:
        """What a command of the installed tool needs set beside what is: its rooms before all that may be called alike,
        nothing of the folder one stands in among them, and no plugin of pytest that an environment happens to have."""
        if not self.installed:
            return {}
        path = dict.fromkeys((str(self.house), *filter(None, now.get("PYTHONPATH", "").split(os.pathsep))))
        return {"PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def session(self, words: Sequence[str]) -> list[str]:
        """Options and arguments of pytest: those of a checkout, so that it finds what the house has."""
        if not self.installed:
            return list(words)
        suites = f"{SUITES}/"
        found = [str(self.house / word) if word.startswith(suites) else word for word in words]
        if "-c" not in found:
            plugins = [word for name in PLUGINS if find_spec(name) for word in ("-p", name)]
            found = ["-c", str(self.house / SESSION), *plugins, *found]
        if not any(word.startswith(suites) for word in words):
            found.append(str(self.house / SUITES))
        return found


def place_of(house: Path) -> Whereabouts:
    """Where one is who runs the code of this folder: in it, or where one stands if it is an installed tool's."""
    stamp = house / STAMP
    if not stamp.is_file():
        return Whereabouts(house=house, home=house)
    return Whereabouts(house=house, home=Path.cwd(), stamp=stamp.read_text(encoding="utf-8").strip() or "no commit")


def commits_told(tool: str, configs: str) -> str:
    """Both commits in words: one where they are the same."""
    return tool if configs == tool else f"{tool}, configs {configs or 'of no repository'}"


def commit_at(folder: Path, *below: str) -> str:
    """The commit that a folder's repository is at, and whether anything (below a path) differs; "" without one."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
        )
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--", *below], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{head.stdout.strip()} {'with uncommitted changes' if changes.stdout.strip() else 'clean'}"


def _unless(configs: str, option: str) -> list[str]:
    return [] if configs == "configs" else [f"{option}={configs}"]


def _quoted(*texts: str) -> str:
    """Texts as the value of one of make's variables, which a shell reads once when typed and once in the recipe."""
    value = " ".join(text if _PLAIN.fullmatch(text) else shlex.quote(text) for text in texts).replace("$", "$$")
    return value if _PLAIN.fullmatch(value) else shlex.quote(value)


HERE = place_of(Path(__file__).resolve().parents[1])
