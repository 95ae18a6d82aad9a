"""How is a file written so that a killed process leaves no half of it? Under a temporary name, or by whole lines."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: Bytes that one file of evidence may have, and one that is read as a whole.
MOST_BYTES, MOST_LINES = 1 << 34, 1 << 28


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` when the block ends well. Makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)  # of a killed writer, or a link that somebody laid to a file elsewhere
    yield temporary
    os.replace(temporary, path)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file: a killed run leaves the old one."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def write_synced(path: Path, content: str | bytes) -> None:
    """Write a file and have it on the disk, under its name, before anything that follows from it is written."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    for folder in (path.parent, path.parent.parent):  # the folder may be new as well
        _sync_names(folder)


def remove_synced(path: Path) -> None:
    """Remove a file, if it is there, and what a killed writer left of it; the same."""
    for one in (path, path.with_name(path.name + ".tmp")):
        one.unlink(missing_ok=True)
    if path.parent.is_dir():
        _sync_names(path.parent)


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Append whole lines and have them on the disk. Half a line that a killed writer left is ended first.

    Where the disk is full the file is cut back to what it was, and OSError raised. The caller keeps other writers away.
    """
    if not lines:
        return
    new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        data = ("\n" if torn else "").encode() + "".join(f"{line}\n" for line in lines).encode()
        if os.write(file, data) < len(data):
            os.ftruncate(file, size)
            raise OSError(f"{path.name}: the disk is full; make room")
        os.fsync(file)
    finally:
        os.close(file)
    if new:
        _sync_names(path.parent)  # a file whose name is not on the disk is lost with the power


def regular(path: Path, most: int = MOST_BYTES) -> Path:
    """The path of a file that ends. Raises OSError for a pipe or a device, which may not, and for too large a file."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if found.st_size > most:
        raise OSError(errno.EFBIG, f"{found.st_size:,} bytes, but should have at most {most:,}", str(path))
    return path


def read_lines(path: Path) -> list[bytes]:
    """The lines of a file that is appended to, a last one without its end as well; none where there is no file."""
    try:
        return [line for line in regular(path, MOST_LINES).read_bytes().split(b"\n") if line]
    except FileNotFoundError:
        return []


def _sync_names(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
