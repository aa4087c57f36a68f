"""What a sync may ask of a mailbox: read it in order, and nothing that could change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from classifier.errors import GhostResumeError


class FolderGone(GhostResumeError):
    """The folder isn't there (any more): renamed, deleted or never there."""


class FolderRenumbered(GhostResumeError):
    """The server renumbered the folder (UIDVALIDITY changed) while it was being read."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder was read; `last_uid` means nothing under another `uidvalidity`.

    Source: RFC 3501, section 2.3.1.1.
    """

    uidvalidity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class Folder:
    """An opened folder: `exists` is the number of mails in it."""

    name: str
    uidvalidity: int
    exists: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail: `raw` is a well-formed message without its attachments, or the whole mail.

    `size` counts the bytes that went over the wire for it.
    """

    uid: int
    raw: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Unfetched:
    """One mail that the server could not hand over, and why; the others were read."""

    uid: int
    reason: str


class Mailbox(Protocol):
    """A mailbox to read. It has no method that changes mail, not even a flag."""

    def folders(self) -> list[str]:
        """The names of the folders to read, in order, as a person writes them."""
        ...

    def open(self, folder: str) -> Folder:
        """Open a folder read-only; raises `FolderGone`."""
        ...

    def newer_than(self, last_uid: int, since: date | None) -> Iterator[list[Fetched | Unfetched]]:
        """Batches of the opened folder's mails with a UID above `last_uid`, in ascending order.

        With `since`, only mails that arrived on that day or later (by the server's date of
        arrival, in its time zone).
        """
        ...

    def close(self) -> None:
        """Sign out. Never raises; the mailbox can't be used afterwards."""
        ...
