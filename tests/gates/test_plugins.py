"""Is it all the same in which order plugins are loaded, and does the plugin know what pytest.ini says?"""

import json
from configparser import ConfigParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from gates.archive import take
from gates.markers import MARKERS
from gates.run import names_canary
from tests.edits import replace
from tests.recorded_release import Checkout

OURS = ("fixtures.plugin", "gates.plugin", "rollout.plugin", "reports.plugin")
ALLURE = "allure_pytest"
#: Beside what conftest.py loads, which comes last: the plugins that are named on the command line, and its options.
ORDERS = {
    "as conftest.py does": (("gates.plugin", ALLURE), ()),
    "turned round, Allure first": ((ALLURE, *reversed(OURS)), ()),
    "turned round, Allure last": ((*reversed(OURS), ALLURE), ("-n2",)),
}
#: Its evidence is of this machine, which may be busier in one run than in another.
OF_THE_MACHINE = "baseline slower than alone"


def filed(results: Path) -> list[tuple[str, ...]]:
    """What Allure would show of each item: its name, status, labels and attachments."""
    found = []
    for path in results.glob("*-result.json"):
        item = json.loads(path.read_text(encoding="utf-8"))
        labels = [f"{label['name']}={label['value']}" for label in item["labels"] if label["name"] != "thread"]
        attached = [attachment["name"] for attachment in item.get("attachments", ())]
        status = "" if item["name"].startswith(OF_THE_MACHINE) else item["status"]
        found.append((item["name"], status, *sorted(labels), *attached))
    return sorted(found)


def test_the_order_of_plugins_changes_nothing(whole_checkout: Checkout) -> None:
    whole_checkout.plugins = []  # each order names its own
    replace(whole_checkout.folder / "pytest.ini", " -p gates.plugin", "")
    whole_checkout.lock()
    results = take(whole_checkout.folder / "reports" / "out") / "allure-results"
    results.mkdir()
    opened = results.stat().st_ino  # allure-pytest may have opened it before the gate empties it
    found = {}
    for name, (plugins, workers) in ORDERS.items():
        (results / "old-result.json").write_text("{}", encoding="utf-8")
        order = [word for plugin in ("xdist", *plugins) for word in ("-p", plugin)]
        asked = ("-m", "canary", "--hero=equal,worse", "--alluredir=elsewhere", *workers)
        ended = whole_checkout.pytest(*order, *asked)
        decisions = tuple(whole_checkout.decision(hero) for hero in ("", "equal", "worse"))
        found[name] = (ended.ret, decisions, filed(results))
    assert not (whole_checkout.folder / "elsewhere").exists()
    assert results.stat().st_ino == opened
    first, *others = found.values()
    assert first[:2] == (20, ("ROLLBACK", "PROMOTE", "ROLLBACK"))
    assert len(first[2]) > 50
    assert others == [first, first]


def test_the_plugin_names_the_markers_that_pytest_ini_lists(root: Path) -> None:
    ini = ConfigParser(interpolation=None)
    ini.read(root / "pytest.ini", encoding="utf-8")
    listed = [line.partition(": ") for line in ini["pytest"]["markers"].strip().splitlines()]
    assert {name: what for name, _, what in listed} == MARKERS


@pytest.mark.parametrize("strict", ["", "strict = false"])
def test_a_canary_without_strictness_is_refused(checkout: Checkout, strict: str) -> None:
    replace(checkout.folder / "pytest.ini", "strict = true", strict)
    ended = checkout.gate()
    assert ended.ret == 4
    ended.stderr.fnmatch_lines(["*strict is off: a mistyped marker would leave checks out; run with this pytest.ini"])


def test_markers_are_known_where_no_file_lists_them(checkout: Checkout) -> None:
    ini = checkout.folder / "pytest.ini"
    ini.write_text(ini.read_text(encoding="utf-8").partition("markers =")[0], encoding="utf-8")
    checkout.lock()
    assert (checkout.gate().ret, checkout.decision()) == (0, "PROMOTE")
    told = checkout.pytest("--markers").stdout.str()
    assert [told.count(f"@pytest.mark.{name}: {what}\n") for name, what in MARKERS.items()] == [1] * len(MARKERS)


def config_with(marked: str) -> pytest.Config:
    """As much of a configuration as the question needs."""
    return SimpleNamespace(option=SimpleNamespace(help=False, markexpr=marked))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("marked", "named"),
    {
        "": False,
        "canary": True,
        " canary\n": True,
        "not canary": False,
        "not select": False,  # that is everything, the canary not by name
        "canary and not sanity": True,
        "sanity and canary": False,  # no item bears the canary's marker alone
        "sanity or (canary and not (select or lock))": True,
        "not (not canary)": True,
        "canary(slow=True) or select": True,
        "canary_": False,
    }.items(),
)
def test_a_marker_expression_names_the_canary_or_not(marked: str, named: bool) -> None:
    assert names_canary(config_with(marked)) is named


@pytest.mark.parametrize(
    "marked", ["canary and", "canary select", "(canary", "canary & select", "'canary'", "a.b", "1"]
)
def test_what_is_no_marker_expression_is_told_in_a_line(marked: str) -> None:
    with pytest.raises(pytest.UsageError, match=r"^-m .*, column \d+$"):
        names_canary(config_with(marked))
