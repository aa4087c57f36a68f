"""Servers that several test modules share, and waits short enough for tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import servers

from classifier.edges import imap_connection, imap_session
from classifier.sample.server import ImapServer, serve_imap

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[servers.Dovecot]:
    """A Dovecot for all tests; skipped by name where it isn't installed."""
    if servers.DOVECOT is None:
        pytest.skip(servers.NO_DOVECOT)
    server = servers.start_dovecot()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pymap() -> Iterator[ImapServer]:
    with serve_imap(user=servers.USER, password=servers.PASSWORD) as server:
        yield server


@pytest.fixture
def folder() -> str:
    """The name of a folder that no other test uses."""
    return f"Test{next(_numbers)}"


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time limits and back-off of a fraction of a second."""
    monkeypatch.setattr(imap_connection, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(imap_connection, "READ_SECONDS", 0.5)
    monkeypatch.setattr(imap_connection, "GOODBYE_SECONDS", 0.1)
    monkeypatch.setattr(imap_session, "WAIT_FIRST", 0.01)
    monkeypatch.setattr(imap_session, "WAIT_MOST", 0.05)
