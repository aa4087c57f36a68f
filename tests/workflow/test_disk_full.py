"""A disk without room: the old table stays whole, what was read is kept, a later night completes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from desk import (
    NIGHT,
    PASSWORD,
    PASSWORD_ENV,
    TRACKER,
    USER,
    Desk,
    account,
    days_after,
    lay_out,
    without_runs,
)
from letters import INTERVIEW, RECEIVED, REJECTION, SALE, in_folder, letter

from classifier.edges import files
from classifier.errors import GhostResumeError
from classifier.sample.server import ImapServer, SampleMail, serve_imap


def mails() -> list[SampleMail]:
    letters = [
        (REJECTION, "Brackenmoor", "Data Analyst"),
        (INTERVIEW, "Hallow & Pike", "Site Engineer"),
        (RECEIVED, "Quernstone", "Stock Assistant"),
        *((SALE, f"Shop {number}", "") for number in range(60)),
    ]
    made = []
    for number, (text, company, role) in enumerate(letters):
        at = days_after(-3) + timedelta(minutes=number)
        raw = letter(text, company, role, at=at, mail_id=f"d{number}@test.example")
        made.append(in_folder(raw, at))
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[ImapServer]:
    with serve_imap(mails(), user=USER, password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def wanted(tmp_path_factory, model_store: Path, server: ImapServer) -> Desk:
    """A desk where nothing went wrong."""
    calm = lay_out(tmp_path_factory.mktemp("calm") / "desk", model_store)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(PASSWORD_ENV, PASSWORD)
        assert calm.sync(calm.configure(account(server))).exit_code == 0
    return calm


def assert_as_if_nothing_had_happened(desk: Desk, tracker: Path, wanted: Desk) -> None:
    assert tracker.read_bytes() == wanted.csv.read_bytes()
    assert without_runs(desk.tables()) == without_runs(wanted.tables())
    hidden = [path.name for path in tracker.parent.glob(".*.new")]
    assert hidden == []


# A disk that is really full


def test_a_full_disk_leaves_the_old_table_whole_and_a_later_night_completes(
    desk, server, wanted, small_disk
):
    tracker = small_disk.folder / "applications.csv"
    tracker.write_bytes(TRACKER)
    config = desk.configure(account(server), tracker=f"file = '{tracker}'")
    small_disk.fill()
    report = desk.sync(config)
    assert report.exit_code == 6
    assert "the disk is full" in str(report.problems[0])
    assert tracker.read_bytes() == TRACKER
    assert sorted(path.name for path in small_disk.folder.iterdir()) == [
        "applications.csv",
        "filler",
    ]
    assert len(desk.judged()) == 63
    small_disk.clear()
    assert desk.sync(config).exit_code == 0
    assert_as_if_nothing_had_happened(desk, tracker, wanted)


@pytest.mark.parametrize("room", [0, 131_072, 163_840, 204_800, 237_568])
def test_a_workspace_on_a_full_disk_ends_in_a_clear_line_and_a_later_night_completes(
    model_store, server, wanted, small_disk, room
):
    """However much fits before the disk is full: the database, a part of it, the backup…"""
    desk = lay_out(small_disk.folder / "desk", model_store)
    config = desk.configure(account(server))
    small_disk.fill(but=room)
    try:
        report = desk.sync(config)
    except GhostResumeError as problem:
        problems = [problem]
    else:
        problems = list(report.problems)
    assert problems
    assert any("disk is full" in str(problem) for problem in problems)
    assert all("away" not in f"{problem} {problem.hint}" for problem in problems)
    assert desk.csv.read_bytes() in (TRACKER, wanted.csv.read_bytes())
    small_disk.clear()
    assert desk.sync(config).exit_code == 0
    assert_as_if_nothing_had_happened(desk, desk.csv, wanted)


def test_a_workspace_on_a_read_only_disk_ends_in_a_clear_line(
    model_store, server, wanted, small_disk
):
    desk = lay_out(small_disk.folder / "desk", model_store)
    config = desk.configure(account(server))
    small_disk.remount("ro")
    with pytest.raises(GhostResumeError, match="may not be written"):
        desk.sync(config)
    small_disk.remount("rw")
    assert desk.sync(config).exit_code == 0
    assert_as_if_nothing_had_happened(desk, desk.csv, wanted)


# A write that fails at a chosen point


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., bool]):
    real = getattr(owner, name)

    def replacement(*args: Any, **more: Any) -> Any:
        if fails(*args, **more):
            raise no_space()
        return real(*args, **more)

    monkeypatch.setattr(owner, name, replacement)


def at_table(*args: Any, **more: Any) -> bool:
    """True for the table and its temporary neighbour, not for its backup."""
    place = more.get("prefix", "") or Path(str(args[-1])).name
    return str(place).strip(".") == "applications.csv"


def at_backup(*args: Any, **more: Any) -> bool:
    place = more.get("prefix", "") or Path(str(args[-1])).name
    return str(place).lstrip(".").startswith("applications-")


def half_a_write(monkeypatch: pytest.MonkeyPatch, which: Callable[..., bool]) -> None:
    """The file takes half of what it is given, then the disk is full."""
    open_handle = os.fdopen
    names: dict[int, str] = {}
    make = files.tempfile.mkstemp

    def mkstemp(**more: Any) -> tuple[int, str]:
        handle, name = make(**more)
        names[handle] = more["prefix"]
        return handle, name

    def fdopen(handle: int, mode: str) -> Any:
        file = open_handle(handle, mode)
        if which(prefix=names.get(handle, "")):
            write = file.write

            def half(content: bytes) -> None:
                write(content[: len(content) // 2])
                file.flush()
                raise no_space()

            return _WithWrite(file, half)
        return file

    monkeypatch.setattr(files.tempfile, "mkstemp", mkstemp)
    monkeypatch.setattr(files.os, "fdopen", fdopen)


class _WithWrite:
    def __init__(self, file: Any, write: Callable[[bytes], None]) -> None:
        self._file, self.write = file, write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def cannot_be_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def fsync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name.startswith(".applications.csv."):
            raise no_space()
        sync(handle)

    monkeypatch.setattr(files.os, "fsync", fsync)


POINTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the backup can't be begun": lambda m: failing(files.tempfile, "mkstemp", m, at_backup),
    "half of the backup is written": lambda m: half_a_write(m, at_backup),
    "the backup can't be put in its place": lambda m: failing(files.os, "replace", m, at_backup),
    "the table can't be begun": lambda m: failing(files.tempfile, "mkstemp", m, at_table),
    "half of the table is written": lambda m: half_a_write(m, at_table),
    "the table can't be flushed": cannot_be_flushed,
    "the table can't be put in its place": lambda m: failing(files.os, "replace", m, at_table),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_write_that_fails_leaves_the_old_table_whole(desk, server, wanted, point):
    if point == "the table can't be flushed" and not Path("/proc/self/fd").exists():
        pytest.skip("which file is flushed can be told on Linux only")
    config = desk.configure(account(server))
    with pytest.MonkeyPatch.context() as broken:
        POINTS[point](broken)
        report = desk.sync(config)
    assert report.exit_code == 6
    assert "the disk is full" in str(report.problems[0])
    assert "kept" in str(report.problems[0])
    assert desk.csv.read_bytes() == TRACKER
    assert list(desk.csv.parent.glob(".applications*")) == []
    assert not desk.tables()["pending"]
    assert desk.sync(config, NIGHT).exit_code == 0
    assert_as_if_nothing_had_happened(desk, desk.csv, wanted)
