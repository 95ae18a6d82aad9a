"""What did the gate decide? Stands in for reports/plugin.py: it records the decision and draws nothing.

The gate's own tests run a hundred gates; what reports make of a decision is tested, whole, in tests/reports.
"""

import json
from pathlib import Path
from typing import Any

from gates.release import Outcome, Release


def pytest_gate_started(release: Release) -> None:
    """Record HOLD."""
    record(release)


def pytest_gate_rolled_back(release: Release) -> None:
    """Record a rollback at once."""
    record(release)


def pytest_gate_decided(release: Release) -> None:
    """Record the decision."""
    record(release)


def record(release: Release) -> None:
    """Write what the tests read of an attestation, under the names that reports/attestation/document.py gives it."""
    heroes = [{"hero": outcome.subject.name, "decision": outcome.decision} for outcome in release.outcomes]
    common = {"run_id": release.run_id}
    _write(release.artifacts, {**common, "decision": release.decision, "heroes": heroes})
    for outcome in release.outcomes:
        _write(release.artifacts / outcome.subject.name, {**common, **_told(outcome)})


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "decision": outcome.decision,
        "reasons": outcome.reasons,
        "release_fingerprint": outcome.climbed.fingerprint,
        "constants": outcome.climbed.constants.model_dump(mode="json") if outcome.climbed.constants else {},
        "steps": [cell.to_json() for cell in outcome.cells if cell.step],
        "tests": {"planned": outcome.planned, "missing": outcome.missing, "passed": outcome.passed},
    }


def _write(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attestation.json").write_text(json.dumps(content), encoding="utf-8")
