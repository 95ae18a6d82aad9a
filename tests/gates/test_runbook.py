"""Does the runbook say of each check what its own file says?"""

from pathlib import Path

from gates.checks.registry import CHECKS
from gates.names import meaning
from gates.verdicts import Kind


def test_the_runbook_says_of_each_check_what_is_wrong_and_what_to_do(root: Path) -> None:
    runbook = (root / "docs" / "runbook.md").read_text(encoding="utf-8")
    rows = ["| check | wrong in production | first |", "|---|---|---|"]
    for check in CHECKS:
        name = f"`{check.key}_<intent>`" if check.kind is Kind.SLICE else f"`{check.key}`"
        said = " ".join((check.__doc__ or "").split()) if check.kind is Kind.SLICE else meaning(check.key)
        rows.append(f"| {name} | {said} | {check.mend} |")
    assert "\n".join(rows) in runbook, "the table should be:\n" + "\n".join(rows)
