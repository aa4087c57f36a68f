"""Connections to one account, a new one after each drop or throttling, within limits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from classifier.edges.imap_connection import (
    CommandRefusedError,
    Connection,
    DroppedError,
    ImapSettings,
    SignIn,
    ThrottledError,
    place,
)
from classifier.edges.mailbox import Folder, FolderRenumbered
from classifier.errors import ServerUnreachable

# Back-off; tests shorten it.
ATTEMPTS = 4
WAIT_FIRST = 0.5  # seconds
WAIT_MOST = 20.0
WAIT_HINTED_MOST = 330.0  # "back off 299961 ms" is what Microsoft asks for

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class AbandonedError(Exception):
    """The session was abandoned: nothing is to be tried again."""


class Session:
    """An account being read. After `interrupt` it is of no use any more; make another."""

    def __init__(self, settings: ImapSettings, sign_in: SignIn) -> None:
        self._settings = settings
        self._sign_in = sign_in
        self._connection: Connection | None = None
        self._opened_on: Connection | None = None
        self._interrupted = threading.Event()
        self.uidnext: int | None = None  # of the opened folder, where the server says it
        # Where structlog is installed, stamina would print each retry on standard output.
        set_on_retry_hooks([_log_retry])

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""
        return self._interrupted.is_set()

    def connected(self) -> Connection:
        """A signed-in connection: the present one, or a new one if that broke."""
        if self._connection is None or not self._connection.usable:
            self._connection = None
            self._connection = Connection(self._settings, self._sign_in)
        return self._connection

    def open(self, name: str) -> Folder:
        """Open a folder read-only; raises `FolderGone`."""
        connection = self.connected()
        self._opened_on = None
        folder, self.uidnext = connection.examine(name)
        self._opened_on = connection
        return folder

    def reading(self, folder: Folder) -> Connection:
        """A connection on which `folder` is open; raises `FolderRenumbered`."""
        connection = self.connected()
        if self._opened_on is not connection:
            again = self.open(folder.name)
            if again.uidvalidity != folder.uidvalidity:
                raise FolderRenumbered(
                    f"{place(self._settings)}: the server renumbered the folder {folder.name!r} "
                    "while it was being read. What was read so far is kept.",
                    hint="Run `ghostresume sync` again: it goes through the folder anew.",
                )
        return connection

    def retrying(self, work: Callable[[], Result]) -> Result:
        """`work`, again after a drop or throttling; the last failure as `ServerUnreachable`."""
        try:
            return self.attempts(work)
        except (DroppedError, ThrottledError, CommandRefusedError) as failure:
            raise self.unreachable(failure) from None

    def attempts(self, work: Callable[[], Result], most: int | None = None) -> Result:
        """`work`, again after a drop or throttling; the last failure as it is."""
        for attempt in stamina.retry_context(
            on=self._whether_and_when,
            attempts=most or ATTEMPTS,
            timeout=None,
            wait_initial=WAIT_FIRST,
            wait_max=WAIT_MOST,
            wait_jitter=WAIT_FIRST,
        ):
            with attempt:
                if self.interrupted:
                    raise AbandonedError
                return work()
        raise AssertionError("stamina raises the last failure itself")

    def unreachable(
        self, failure: DroppedError | ThrottledError | CommandRefusedError
    ) -> ServerUnreachable:
        """The failure as it is told to the person."""
        why = str(failure).rstrip(". ")
        if isinstance(failure, ThrottledError):
            why = f"the server asks for fewer requests ({why})"
        elif isinstance(failure, CommandRefusedError):
            why = f"the server refused a request ({why})"
        return ServerUnreachable(
            f"{place(self._settings)}: {why}. What was read so far is kept.",
            hint="Run `ghostresume sync` again later: it goes on where it stopped.",
        )

    def interrupt(self) -> None:
        """From any thread: end a wait for the server, and try nothing again."""
        self._interrupted.set()
        if self._connection is not None:
            self._connection.cut()

    def log_out(self) -> None:
        """Say goodbye; never raises."""
        if self._connection is not None:
            self._connection.log_out()
            self._connection = None

    def _whether_and_when(self, failure: Exception) -> bool | float:
        if self.interrupted:
            return False
        if isinstance(failure, ThrottledError) and failure.wait is not None:
            return failure.wait if failure.wait <= WAIT_HINTED_MOST else False
        return isinstance(failure, DroppedError | ThrottledError)


def _log_retry(details: RetryDetails) -> None:
    log.info("trying again in %.1f s: %s", details.wait_for, details.caused_by)
