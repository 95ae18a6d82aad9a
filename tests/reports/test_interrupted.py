"""Is a change of the baseline one change, wherever it is killed and whoever makes another at the same moment?"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from evidence.files import remove_synced
from fixtures.packs import load_served
from gates.errors import GateError
from reports.attestation import chain
from reports.attestation.statements import digest_in
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Wanted
from reports.promotion.serving import what_serves
from rollout.jobs.numbers import numbers_file
from tests.forked import Act, ended, in_a_process
from tests.reports.finished_run import baseline, changes

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
_WRITES = os.O_WRONLY | os.O_RDWR

Ask = Callable[..., Wanted]


def killed_before(n: int) -> Act:
    """Lets a process kill itself before its n-th change of a file in configs/."""
    left = n

    def see(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        changes = event in _CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES)
        if changes and str(arguments[0]).startswith("configs"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(see)


def is_consistent(checkout: Path, before: bytes) -> list[str]:
    """The kinds of the statements in the chain, where baseline, numbers, previous and chain say the same."""
    configs, said, serves = checkout / "configs", changes(checkout), baseline(checkout)
    assert not [path for path in configs.rglob("*") if path.suffix == ".tmp" or path.name == "journal.json"]
    served = chain.digest(serves)
    assert digest_in(said[-1].predicate, "to") == served if said else serves == before
    numbers = numbers_file(configs, "baseline.numbers.json", load_served(configs).config_hash)
    kept = [path.read_bytes() for path in sorted((configs / "previous").glob("*"))]
    if serves == before:
        assert (kept, numbers) == ([], configs / "baseline.numbers.json")
    else:
        assert yaml.safe_load(serves)["selected"]["run"] == "rival.run"
        assert (kept, numbers.parent.name) == ([before], "numbers")
    return [statement.kind for statement in said]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "again", "chains"),
    [
        ("promote", "promote", (["promotion"],)),
        ("promote", "rollback", ([], ["rollback"], ["promotion", "rollback"])),
        ("rollback", "rollback", (["promotion", "rollback"],)),
        ("rollback", "promote", (["promotion"], ["promotion", "rollback"])),
    ],
)
def test_wherever_it_is_killed_it_is_completed_or_undone_when_it_is_said_again(
    request: pytest.FixtureRequest,
    copied: Path,
    asked: Ask,
    first: str,
    again: str,
    chains: tuple[list[str], ...],
    whole: bool,
) -> None:
    before = baseline(copied)
    act = {"promote": lambda: promote(asked(), "rival"), "rollback": lambda: roll_back(asked())}
    if first == "rollback":
        request.getfixturevalue("promoted")
    whole_state = shutil.copytree(copied / "configs", copied / "as_it_was")
    killed = points = 0
    while killed == points:  # until it ends before it is to be killed
        points += 1
        if not whole and points % 8 != 1:
            killed += 1
            continue
        shutil.rmtree(copied / "configs")
        shutil.copytree(whole_state, copied / "configs")
        killed += ended(in_a_process(act[first], killed_before(points))) == -signal.SIGKILL
        said_again = ended(in_a_process(act[again]))
        assert said_again in (0, 1), points
        kinds = is_consistent(copied, before)
        assert kinds in chains, points
        assert (baseline(copied) == before) == (kinds[-1:] != ["promotion"]), points
        if kinds[-1:] == ["rollback"]:  # what was rolled back does not serve again
            assert ended(in_a_process(act["promote"])) == 1, points
    print(f"{first} killed before each of {killed} changes of a file, then {again}: one consistent state each time")
    assert points > 12


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["two promotions", "two rollbacks", "mixed", "two folders"])
def test_of_two_at_once_one_acts_and_one_is_refused(
    request: pytest.FixtureRequest, copied: Path, asked: Ask, kind: str, whole: bool
) -> None:
    def promoting(folder: str = "out") -> Act:
        return lambda: promote(asked(artifacts=Path("reports", folder)), "rival")

    elsewhere = shutil.copytree(copied / "reports" / "out", copied / "reports" / "elsewhere").name
    if kind == "two rollbacks":
        request.getfixturevalue("promoted")
    if kind == "mixed":  # something is there to go back to
        (copied / "configs" / "previous").mkdir()
        older = baseline(copied).replace(b"what", b"as it was: what").replace(b"equal.run", b"unsure.run")
        (copied / "configs" / "previous" / "0001-0000000000000000.yaml").write_bytes(older)
    acts = {
        "two promotions": [promoting(), promoting()],
        "two rollbacks": [lambda: roll_back(asked())] * 2,
        "mixed": [promoting(), lambda: roll_back(asked())],
        "two folders": [promoting(), promoting(elsewhere)],
    }[kind]
    whole_state = shutil.copytree(copied / "configs", copied / "as_it_was")
    for _ in range(5 if whole else 1):
        shutil.rmtree(copied / "configs")
        shutil.copytree(whole_state, copied / "configs")
        line, gun = os.pipe()
        racing = [in_a_process(act, partial(os.read, line, 1)) for act in acts]
        os.write(gun, b"go")
        assert sorted(map(ended, racing)) == [0, 1]
        said = changes(copied)
        assert digest_in(said[-1].predicate, "to") == chain.digest(baseline(copied))
        assert len(said) == 1 + (kind == "two rollbacks")


def test_what_was_changed_by_hand_in_between_is_not_overwritten_by_a_promotion(copied: Path, asked: Ask) -> None:
    before = baseline(copied)
    assert ended(in_a_process(lambda: promote(asked(), "rival"), killed_before(20))) == -signal.SIGKILL
    assert baseline(copied) != before
    (copied / "configs" / "baseline.yaml").write_bytes(before + b"# by hand\n")
    with pytest.raises(GateError, match="changed by hand since a promotion was interrupted; make rollback ends it"):
        promote(asked(), "rival")
    assert baseline(copied) == before + b"# by hand\n"
    roll_back(asked())
    assert is_consistent(copied, before) == ["rollback"]


def test_a_journal_that_cannot_be_read_is_told(promoted: Wanted) -> None:
    journal = promoted.configs / "state" / "journal.json"
    journal.write_text("{}")
    with pytest.raises(GateError, match=r"journal.json: cannot be read \(ValidationError\); see that"):
        roll_back(promoted)
    remove_synced(journal)
    roll_back(promoted)


def test_a_look_at_what_serves_leaves_the_journal_that_another_is_writing(copied: Path, asked: Ask) -> None:
    half = copied / "configs" / "state" / "journal.json.tmp"
    half.write_text("{")
    assert what_serves(asked())[0].startswith("serves ")
    assert half.exists()
    promote(asked(), "rival")
    assert not half.exists()
