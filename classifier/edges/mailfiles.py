"""Mail that lies in files: mbox, Maildir, folders of .eml, or one mail on standard input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
MAIL_MAX = 50_000_000  # bytes; of a longer mail only the first CUT_TO are read
CUT_TO = 2_097_152

_MAIL_SUFFIXES = {".eml", ".mbox", ".mbx", ".email", ".mail"}
_MAILDIR = {"cur", "new", "tmp"}

# The line between two mails of an mbox (RFC 4155): an asctime date tells it from a sentence
# that starts with "From" and that a careless program left unquoted.
_DATE = (
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2})"
    rb"[^\r\n]* \d{1,2}:\d\d[^\r\n]*"
)
_FIRST = re.compile(rb"From (?:-|\S+[^\r\n]*\d|[ \t]*\r?\n)")
_SEPARATOR = re.compile(rb"(?m)^From (?:[^\r\n]*?" + _DATE + rb"|(?:- ?)?)\r?$\n?")
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")


@dataclass(frozen=True, slots=True)
class MailFile:
    """One mail of a file: `raw`, or the `error` that kept it from being read.

    `path` is as given or found; `index` counts the mails of an mbox from 0.
    """

    path: str
    index: int
    raw: bytes | None
    error: str | None = None


def read_mail(paths: Sequence[str | Path], stdin: BinaryIO | None = None) -> Iterator[MailFile]:
    """All mails, in the order of `paths`; folders in the order of their names.

    Streams: only one mail is in memory at a time. Nothing is raised for a path that can't
    be read: it comes as a `MailFile` with an error.
    """
    for path in paths:
        if str(path) == "-":
            yield _standard_input(stdin)
        else:
            yield from _any_path(Path(path))


def split_mbox(stream: BinaryIO) -> Iterator[bytes]:
    """The mails of an mbox, without their "From " lines, `>From` unquoted.

    A stream that doesn't start with such a line is one mail. Memory: one mail and one chunk.
    """
    head = stream.read(CHUNK)
    start = len(head) - len(head.lstrip(b"\r\n"))
    if not _FIRST.match(head, start):
        mail = _Gathered()
        mail.add(head)
        while len(head) and not mail.cut:
            head = stream.read(CHUNK)
            mail.add(head)
        yield mail.take()
        return
    yield from map(_unquoted, _split(head[start:], stream))


def _standard_input(stdin: BinaryIO | None) -> MailFile:
    if stdin is None:
        return MailFile("-", 0, None, "there is no standard input to read")
    try:
        raw = stdin.read(MAIL_MAX + 1)
    except OSError as error:
        return MailFile("-", 0, None, _why(error))
    if len(raw) > MAIL_MAX:
        raw = raw[:CUT_TO]
    if first := _SEPARATOR.match(raw):
        raw = raw[first.end() :]
    return MailFile("-", 0, raw) if raw else MailFile("-", 0, None, "standard input is empty")


def _any_path(path: Path) -> Iterator[MailFile]:
    if path.is_dir():
        yield from _folder(path)
    else:
        yield from _file(path)


def _folder(folder: Path) -> Iterator[MailFile]:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        yield MailFile(str(folder), 0, None, _why(error))
        return
    maildir = "cur" in names and "new" in names
    if maildir:
        yield from _maildir(folder)
        names = [name for name in names if name not in _MAILDIR]
    for name in names:
        path = folder / name
        if path.is_dir():
            # Links to folders are not followed: they may lead in a circle.
            if not path.is_symlink():
                yield from _folder(path)
        elif not maildir and _looks_like_mail(path):
            yield from _file(path)


def _maildir(folder: Path) -> Iterator[MailFile]:
    """Both halves together, by name, which begins with the time of delivery."""
    mails: list[tuple[str, Path]] = []
    for half in ("cur", "new"):
        try:
            names = [entry.name for entry in (folder / half).iterdir()]
        except OSError as error:
            yield MailFile(str(folder / half), 0, None, _why(error))
            continue
        mails += [(name, folder / half / name) for name in names if not name.startswith(".")]
    for _, path in sorted(mails):
        yield _whole(path)


def _looks_like_mail(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    suffix = path.suffix.lower()
    if suffix in _MAIL_SUFFIXES:
        return True
    if suffix:
        return False
    try:  # Thunderbird's mboxes have no suffix
        with path.open("rb") as stream:
            return _FIRST.match(stream.read(256).lstrip(b"\r\n")) is not None
    except OSError:
        return False


def _whole(path: Path) -> MailFile:
    """A file that is one mail, whatever it begins with."""
    try:
        with path.open("rb") as stream:
            large = os.fstat(stream.fileno()).st_size > MAIL_MAX
            raw = stream.read(CUT_TO if large else MAIL_MAX + 1)
    except OSError as error:
        return MailFile(str(path), 0, None, _why(error))
    return MailFile(str(path), 0, raw) if raw else MailFile(str(path), 0, None, "the file is empty")


def _file(path: Path) -> Iterator[MailFile]:
    index = 0
    try:
        with path.open("rb") as stream:
            for raw in split_mbox(stream):
                if raw:
                    yield MailFile(str(path), index, raw)
                elif index or path.suffix.lower() not in (".mbox", ".mbx"):
                    yield MailFile(str(path), index, None, "the mail is empty")
                index += 1
    except OSError as error:
        yield MailFile(str(path), index, None, _why(error))


def _split(buffer: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """The raw mails; `buffer` starts with a "From " line."""
    mail = _Gathered()
    first = True
    while buffer:
        more = stream.read(CHUNK)
        # Only whole lines can be judged; the rest waits for what follows.
        end = buffer.rfind(b"\n") + 1 if more else len(buffer)
        position = 0
        for separator in _SEPARATOR.finditer(buffer, 0, end):
            mail.add(buffer[position : separator.start()])
            if not first:
                yield _without_last_blank(mail.take())
            first = False
            position = separator.end()
        if first:  # "From " without a date: still the first line
            position = buffer.find(b"\n") + 1
            first = False
        if end == 0 and len(buffer) > CHUNK:  # a line that never ends
            end = len(buffer)
        mail.add(buffer[position:end])
        buffer = buffer[end:] + more
    yield _without_last_blank(mail.take())


class _Gathered:
    """A mail in the making: it stops growing once it is too long to be worth reading."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.cut = False

    def add(self, piece: bytes) -> None:
        if self.cut or not piece:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAIL_MAX:
            self._pieces = [b"".join(self._pieces)[:CUT_TO]]
            self.cut = True

    def take(self) -> bytes:
        mail = b"".join(self._pieces)
        self._pieces, self._size, self.cut = [], 0, False
        return mail


def _without_last_blank(mail: bytes) -> bytes:
    """Without the empty line that an mbox puts after each mail."""
    if mail.endswith(b"\r\n\r\n"):
        return mail[:-2]
    return mail[:-1] if mail.endswith(b"\n\n") else mail


def _unquoted(mail: bytes) -> bytes:
    return _QUOTED_FROM.sub(rb"\1", mail) if b">From " in mail else mail


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
