"""When is what written, in which order? The hooks by which reports take part in a gate run."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gates.archive import ALLURE
from gates.errors import EvidenceError, GateError
from gates.extras import lacking
from gates.handover import handed_over
from gates.release import Release, Subject
from gates.rule.second_look import contradictions, unheard
from gates.run import artifacts, configs, is_canary, place
from reports.alerts.decisions import tell_decisions
from reports.attestation.document import (
    attest_heroes,
    attested_decisions,
    describe_artefacts,
    publish,
    withdraw,
    write_attestations,
)
from reports.attestation.statements import PAGES, RELEASED
from reports.escaping import clean
from reports.model.story import tell, worst_first
from reports.render.terminal import ending
from reports.render.told import Told

if TYPE_CHECKING:  # a third of a second that workers need not wait
    from reports.attestation.signing import Signer
    from reports.attestation.trust import TrustRoot
    from rollout.jobs.whiskers import NightRow

#: The reports of this room, plugins as anybody's. The last is called first: tables before what shows them.
#: They are imported once a run is decided, since they bring matplotlib: a second that workers need not wait.
REPORTS = ("reports.render.allure", "reports.render.pages", "reports.render.tables")
#: Report -> what it writes with, if that is installed: the extra, and the module.
WITH = {"reports.render.allure": ("report", "allure_commons")}

#: Of headlines; the words say the same without it.
COLOUR = {"PROMOTE": {"green": True}, "HOLD": {"yellow": True}, "ROLLBACK": {"red": True}}
SIGNER: pytest.StashKey[tuple[Signer, TrustRoot]] = pytest.StashKey()


DECIDED, SIGNED = pytest.StashKey[Told](), pytest.StashKey[Told]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tell allure-pytest, before it reads its option, where the results of a canary go: in every process.

    Workers read the command line anew, so what the controller sets does not reach them.
    """
    if is_canary(config):
        config.option.allure_report_dir = str(artifacts(config) / ALLURE)
        config.option.clean_alluredir = False  # a worker would delete what the others wrote
        if config.pluginmanager.hasplugin("allure_pytest"):
            config.pluginmanager.register(AllureFiling(), "gate-allure")


@pytest.hookimpl
def pytest_gate_prepare(config: pytest.Config) -> None:
    """Whether the run can be signed is known before it climbs."""
    from reports.attestation.sealing import open_for_run

    try:
        config.stash[SIGNER] = open_for_run(artifacts(config), place(config).home)
    except GateError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl
def pytest_gate_started(release: Release) -> None:
    """Record HOLD and withdraw what is read, so that neither a killed nor a broken run leaves another decision."""
    _record(release)
    for name in PAGES:  # a page that is not there promotes nothing
        (release.artifacts / name).unlink(missing_ok=True)


@pytest.hookimpl
def pytest_gate_rolled_back(config: pytest.Config, release: Release) -> None:
    """Record a rollback as soon as it is known, and its alert; where that fails, the tick finds the attestation."""
    _record(release)
    _tell(config, tell_decisions(release.artifacts, configs(config), datetime.now(UTC)))


@pytest.hookimpl
def pytest_gate_decided(config: pytest.Config, release: Release) -> None:
    """Have every report written beside the run's parts, then the attestations: they say a decision, unsigned yet."""
    from reports.attestation.sealing import prepare

    wrong = contradictions(release)
    if wrong:
        raise EvidenceError("; ".join(wrong))
    heroes = [outcome.subject.name for outcome in worst_first(release)]
    seal = prepare(*config.stash[SIGNER], release.artifacts, heroes, release.finished_at)
    told = Told(release=release, stories=tell(release, "" if seal.trusted else seal.words), seal=seal)
    here = (name for name in REPORTS if name not in WITH or not lacking(*WITH[name]))
    for name in (name for name in here if not config.pluginmanager.is_blocked(name)):
        config.pluginmanager.register(import_module(name), name)
    config.hook.pytest_gate_told(told=told)
    there = [one for place in (told.staged, release.artifacts) for one in describe_artefacts(place, RELEASED)]
    write_attestations(told.unread, told.attested, there, seal.run)
    config.stash[DECIDED] = told


@pytest.hookimpl
def pytest_gate_sign(config: pytest.Config, release: Release, status: int) -> None:
    """Compare what CI will read with what was decided, then sign what lies there, and let it be read."""
    from reports.attestation.sealing import sign_run

    told = config.stash[DECIDED]
    wrong = unheard(release, status, attested_decisions(told.unread))
    if wrong:
        raise EvidenceError("; ".join(wrong))
    sign_run(config.stash[SIGNER][0], told.seal, release.artifacts, told.staged)
    publish(told.staged, release.artifacts)
    config.stash[SIGNED] = told
    # --junitxml writes after this; its own fixture, record_testsuite_property, records nothing in a controller of xdist
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "add_global_property"):
            for name, value in card_properties(told):
                plugin.add_global_property(name, value)


@pytest.hookimpl
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the history and those who are alerted of the signed decision; it stands if that fails."""
    config = session.config
    if SIGNED not in config.stash:
        return
    told, folder = config.stash[SIGNED], configs(config)
    for line in config.hook.pytest_gate_signed(told=told, configs=folder):
        _tell(config, line)
    _tell(config, tell_decisions(told.release.artifacts, folder, datetime.now(UTC)))
    if (folder / "policy.yaml").exists():  # a hero in no pack has no configs that a dashboard could be of
        from reports.dashboard.writing import looked_at, write_dashboard

        _tell(config, write_dashboard(looked_at(folder, told.release.artifacts), "canary"))


@pytest.hookimpl
def pytest_gate_intervals(rows: Sequence[NightRow], folder: Path, night: str) -> None:
    """Write what people read of a night beside what it was measured from."""
    from reports.render.night import write_night

    write_night(rows, folder, night)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """End the terminal with the decision, below pytest's own summary."""
    yield
    if SIGNED in config.stash:
        told = config.stash[SIGNED]
        terminalreporter.ensure_newline()
        for line in ending(told.release, told.stories, told.seal):
            terminalreporter.write_line(line, **COLOUR.get(line.partition(" ")[0], {}))


class AllureFiling:
    """Files the items of a canary in Allure, in every process in which they run."""

    def __init__(self) -> None:
        import allure  # only where it is installed

        from reports.render import allure as results

        self._allure, self._results = allure, results

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Label each item with its hero and step, whether or not it comes to run."""
        subjects: dict[str, Subject] = {s.name: s for s in config.hook.pytest_gate_subjects(config=config)}
        for item in items:
            asked = _asked(item)
            if asked and asked["hero"] in subjects:
                filed = self._results.labels(subjects[asked["hero"]], asked["check"], asked.get("step", 0))
                for name, value in filed.items():
                    item.add_marker(self._allure.label(name, value))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Name the item by its question, after allure-pytest has named it by its function."""
        __tracebackhide__ = True
        try:
            yield
        finally:
            asked = _asked(item)
            if asked:
                self._allure.dynamic.title(self._results.title(asked["check"], asked.get("step", 0)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Attach the verdict with all its numbers."""
        __tracebackhide__ = True
        for cell in handed_over(item):
            table = self._results.verdict_table(cell)
            self._allure.attach(table, name="verdict", attachment_type=self._allure.attachment_type.CSV)
            self._allure.dynamic.label("answer", self._results.answer(cell))
        yield


def card_properties(told: Told) -> Iterator[tuple[str, str]]:
    """The attested card of each hero as properties of a testsuite."""
    for story in told.stories:
        card = {"decision": story.outcome.told, **json.loads(told.attested[story.hero])["card"]}
        yield from ((f"{story.hero}.{name}", clean(value)) for name, value in card.items())


def _record(release: Release) -> None:
    """Write what is not signed; where the disk then says another thing than was meant, it says nothing."""
    write_attestations(release, attest_heroes(release))
    if attested_decisions(release) != {outcome.subject.name: str(outcome.decision) for outcome in release.outcomes}:
        withdraw(release)


def _tell(config: pytest.Config, line: str) -> None:
    """Print what went wrong beside a decision that stands."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if line and reporter:
        reporter.ensure_newline()
        reporter.write_line(line)


def _asked(item: pytest.Item) -> Mapping[str, Any] | None:
    """Hero, check and step of an item of the canary, None for any other."""
    callspec = getattr(item, "callspec", None)
    params: Mapping[str, Any] = callspec.params if callspec else {}
    return params if "hero" in params and "check" in params else None
