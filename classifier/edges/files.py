"""Files replaced whole or not at all, dated backups, and the workspace's lock."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from classifier.errors import AlreadyRunning, UsageProblem

OWNER_ONLY = 0o600
OWNER_ONLY_FOLDER = 0o700
KEPT_BACKUPS = 30


def make_folder(folder: Path) -> None:
    """Make a folder, and its parents, that only its owner can enter."""
    folder.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)


def replace_whole(path: Path, content: bytes, *, mode: int = OWNER_ONLY) -> None:
    """Write `content` so that a reader sees the old file or the new one, never a part.

    A temporary neighbour is written and flushed to disk, then renamed over the target and
    the folder flushed too. A symbolic link stays one and its target is replaced; an
    existing file keeps its permission bits, a new one gets `mode`. Raises OSError; the old
    file is then untouched.
    """
    target = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(target.stat().st_mode)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can do that."""
    with suppress(OSError, AttributeError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def back_up(path: Path, folder: Path, at: datetime) -> Path | None:
    """Copy a file into `folder` under a dated name before it is changed; None: no such file.

    The newest `KEPT_BACKUPS` copies of it are kept.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    make_folder(folder)
    for leftover in folder.glob(f".{path.stem}-*{path.suffix}.*.new"):  # of a killed run
        with suppress(OSError):
            leftover.unlink()
    copy = folder / f"{path.stem}-{at:%Y%m%dT%H%M%S%f}{path.suffix}"
    replace_whole(copy, content)
    for old in sorted(folder.glob(f"{path.stem}-*{path.suffix}"))[:-KEPT_BACKUPS]:
        with suppress(OSError):
            old.unlink()
    return copy


def sweep_leftovers(path: Path) -> None:
    """Remove temporary neighbours that a killed write left behind."""
    target = Path(os.path.realpath(path))
    for leftover in target.parent.glob(f".{target.name}.*.new"):
        with suppress(OSError):
            leftover.unlink()


@contextmanager
def workspace_lock(path: Path) -> Iterator[None]:
    """Hold the lock file while the block runs; `AlreadyRunning` when another process does.

    The operating system drops the lock with the process, so a killed sync leaves none.
    """
    lock = FileLock(path, timeout=0, mode=OWNER_ONLY)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyRunning(
            "Another sync is running in this workspace; nothing was done.",
            hint="Wait until it has ended, then run the command again.",
        ) from None
    except OSError as error:
        raise UsageProblem(
            f"The workspace can't be written ({path}: {reason_of(error)}); nothing was done.",
            hint="Mend that, or name another folder with --home DIR.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def reason_of(error: OSError) -> str:
    """A file error in words for the person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "it may not be written (read-only, or open in another program)"
    return error.strerror or str(error)
