"""Does what is written stay where it is written, and what is read come to an end?"""

import os
from pathlib import Path

import pytest

from evidence import files
from evidence.digests import file_digest
from evidence.files import append_lines, read_lines, write_synced, write_whole


@pytest.mark.parametrize("write", [write_whole, write_synced])
def test_a_link_that_somebody_laid_is_replaced_and_not_followed(tmp_path: Path, write: object) -> None:
    dear, target = tmp_path / "dear", tmp_path / "out" / "index.html"
    dear.write_text("dear")
    target.parent.mkdir()
    for name in ("index.html", "index.html.tmp"):
        (target.parent / name).symlink_to(dear)
    assert callable(write)
    write(target, "new")
    assert (dear.read_text(), target.read_text(), target.is_symlink()) == ("dear", "new", False)


def test_no_line_is_appended_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "dear").write_text("dear\n")
    (tmp_path / "log").symlink_to(tmp_path / "dear")
    with pytest.raises(OSError, match="symbolic links"):
        append_lines(tmp_path / "log", ["more"])
    assert (tmp_path / "dear").read_text() == "dear\n"


def test_what_never_ends_or_fills_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (read_lines, file_digest):
        with pytest.raises(OSError, match="not a regular file"):
            read(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(files.MOST_LINES + 1)  # a hole: it takes no room
    with pytest.raises(OSError, match="268,435,457 bytes, but should have at most 268,435,456"):
        read_lines(tmp_path / "large")
