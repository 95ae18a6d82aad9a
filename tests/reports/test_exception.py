"""Does an exception let a change serve without ever being called a promotion, and is it told until it is over?"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from automation.outbox import tick_alerts
from fixtures.packs import load_served
from gates.errors import GateError
from reports.alerts.log import read_log
from reports.attestation import chain
from reports.promotion.change import promote, roll_back, serve_by_exception
from reports.promotion.conditions import Refused, Wanted
from reports.promotion.serving import serving, what_serves
from tests.reports.finished_run import baseline, changes, frozen_now, policy_with

Ask = Callable[..., Wanted]
OUT, CONFIGS = Path("reports/out"), Path("configs")


def soon(hours: float = 2) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def firing(now: datetime) -> list[tuple[str, str, str]]:
    """Check, severity and hero of the alerts of exceptions that fire after a tick."""
    tick_alerts(OUT, CONFIGS, now, {})
    return [(alert.check, alert.severity, alert.hero) for alert in read_log(OUT).open if alert.kind == "exception"]


def test_it_lets_a_held_hero_serve_and_the_record_says_so(copied: Path, asked: Ask) -> None:
    before = baseline(copied)
    policy_with(approvals=2, **frozen_now())  # what it breaks
    told = serve_by_exception(asked(), "unsure", "INC-1", soon())
    assert told[0].startswith("EXCEPTION unsure serves until ")
    assert "canary" in told[-1]
    (said,) = changes(copied)
    assert (said.kind, said.hero, said.predicate["ticket"]) == ("exception", "unsure", "INC-1")
    assert "PROMOTED" not in json.dumps(said.content)
    assert load_served(CONFIGS).system_kind.block["run"] == "unsure.run"
    assert "by EXCEPTION until" in yaml.safe_load(baseline(copied))["claim"]["text"]
    (line,) = what_serves(asked())
    assert line.startswith("EXCEPTION    unsure serves without a PROMOTE until ")
    with pytest.raises(Refused, match="HOLD, but only PROMOTE is promoted"):
        promote(asked(), "unsure")
    with pytest.raises(Refused, match="stale; run the canary again"):  # it was judged against what served before
        promote(asked(), "rival")
    roll_back(asked())
    assert baseline(copied) == before
    assert serving(CONFIGS) is None
    assert [s.kind for s in changes(copied)] == ["exception", "rollback"]


def test_it_is_told_as_p1_until_something_else_serves(copied: Path, asked: Ask) -> None:
    now = datetime.now(UTC)
    assert firing(now) == []
    serve_by_exception(asked(), "rival", "INC-1", soon())
    assert firing(now) == [("serves", "P1", "rival")]
    assert firing(now + timedelta(hours=3)) == [("canary_due", "P1", "rival")]
    (line,) = what_serves(asked(now=now + timedelta(hours=3)))
    assert "(EXPIRED)" in line
    roll_back(asked())
    assert firing(now + timedelta(hours=4)) == []
    promote(asked(), "rival")  # judged where the baseline before the exception stood
    assert [s.kind for s in changes(copied)] == ["exception", "rollback", "promotion"]


@pytest.mark.parametrize(
    ("hero", "hours", "why", "told"),
    [
        ("equal", 2, "outage", "its configuration is the baseline's already"),
        ("rival", 24 * 8, "outage", "more than 7 days ahead"),
        ("rival", -1, "outage", "not in the future"),
        ("rival", 2, "", "say it in 1 to 300"),
        ("nobody", 2, "outage", "no such hero"),
    ],
)
def test_what_cannot_be_excepted_changes_nothing(
    copied: Path, asked: Ask, hero: str, hours: int, why: str, told: str
) -> None:
    before = baseline(copied)
    with pytest.raises(GateError, match=told):
        serve_by_exception(asked(why=why), hero, "INC-1", soon(hours))
    assert (baseline(copied), changes(copied)) == (before, ())


def test_it_is_signed_by_who_may_promote(copied: Path, asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, accepting = asked(), asked(accept_untrusted=True)
    monkeypatch.delenv("HERO_GATE_SIGNER")
    with pytest.raises(Refused, match="would be signed with a key made for this run"):
        serve_by_exception(wanted, "rival", "INC-1", soon())
    serve_by_exception(accepting, "rival", "INC-1", soon())
    assert chain.read(CONFIGS / "state").statements[0].predicate["untrustedAccepted"] == ["promoter"]
