"""Workspaces, a mail server and a small disk for the tests of whole runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "edges"))  # servers.py lies there

import servers
from desk import PASSWORD, PASSWORD_ENV, USER, Desk, lay_out

from classifier.core.model import Model
from classifier.edges import imap_connection, imap_session
from classifier.edges import model_store as model_store_module
from classifier.edges.model_store import load_model
from classifier.sample.server import ImapServer, serve_imap


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with serve_imap(user=USER, password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="session")
def model(model_store: Path) -> Model:
    return load_model(model_store, lambda _step, _share: None, lambda _line: None)


@pytest.fixture(autouse=True)
def warm(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real model, but read from the disk once for all tests: that is half of a short sync."""
    monkeypatch.setattr(model_store_module, "load_model", lambda *_: model)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)


@pytest.fixture
def desk(tmp_path: Path, model_store: Path) -> Desk:
    """A workspace with a table of four applications and the base model."""
    return lay_out(tmp_path / "desk", model_store)


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off of a fraction of a second."""
    monkeypatch.setattr(imap_connection, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(imap_session, "WAIT_FIRST", 0.01)
    monkeypatch.setattr(imap_session, "WAIT_MOST", 0.05)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[servers.Dovecot]:
    """A Dovecot for all tests; skipped by name where it isn't installed."""
    if servers.DOVECOT is None:
        pytest.skip(servers.NO_DOVECOT)
    server = servers.start_dovecot()
    yield server
    server.stop()


class SmallDisk:
    """A file system of its own, in memory, that can be full or read-only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, but: int = 0) -> None:
        """Leave no more than `but` free bytes."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while self.free() > but:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def free(self) -> int:
        about = os.statvfs(self.folder)
        return about.f_bavail * about.f_frsize

    def clear(self) -> None:
        self._filler.unlink()

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 512 KiB; skipped by name where none may be mounted."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk of its own can't be mounted here: that takes root on Linux")
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)
