"""Is the corpus the one that the lock names, and is what is wrong said in one line?"""

import hashlib
from pathlib import Path

import pytest

from lens.wheels import CorpusError, fetch, read_lock

GOOD = "jar==1.0 --hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jar==1.0", "lock:1: 'jar==1.0', but should be name==version --hash=sha256:<64 hex digits>"),
        (f"# a comment\n{GOOD}\njar>=2", "lock:3: 'jar>=2', but should be"),
        ("# nothing\n", "names no wheel; add lines such as"),
        ("jar==1.0\udcff", "lock:1: 'jar==1.0"),
        (None, "cannot be read (No such file or directory); name a lock file"),
    ],
)
def test_a_bad_lock_gets_one_line(tmp_path: Path, text: str | None, said: str):
    lock = tmp_path / "lock"
    if text is not None:
        lock.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CorpusError) as error:
        read_lock(lock)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_wheels_that_are_there_are_not_downloaded(tmp_path: Path):
    wheel = tmp_path / "jar-1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    lock = tmp_path / "lock"
    lock.write_text(f"jar==1.0 --hash=sha256:{hashlib.sha256(b'a wheel').hexdigest()} # MIT\n")
    assert fetch(lock, tmp_path) == [wheel]


def test_a_wheel_that_was_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "jar-1.0-py3-none-any.whl").write_bytes(b"another wheel")
    lock = tmp_path / "lock"
    lock.write_text(GOOD + "\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # the answer of a machine without network
    with pytest.raises(CorpusError, match=r"pip could not download its wheels.*put the wheels into"):
        fetch(lock, tmp_path)
