"""Is what is here what was locked, and CALIB_V22 what was fitted?"""

import pytest

from gates.checks.lock import LockState

pytestmark = pytest.mark.lock


def test_lock(locked: LockState) -> None:
    """What would be released is not what was agreed on: a threshold, a configuration, a corpus or code has moved."""
    if locked.status == "none":
        pytest.skip(f"not evidenced: there is no lock; {locked.renew}")
    if locked.status != "frozen":
        pytest.fail(f"the lock cannot be trusted: {locked.why}; {locked.renew}", pytrace=False)
    if locked.changes:
        pytest.fail("\n".join([*locked.changes, f"mend it, or {locked.renew}"]), pytrace=False)


def test_calibrator(broken_files: list[str]) -> None:
    """Confidences would come from a calibrator that nobody fitted, or from one that was retrained to please."""
    if broken_files:
        pytest.fail("\n".join(broken_files), pytrace=False)
