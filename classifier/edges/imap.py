"""An IMAP account as a mailbox: it resumes where a connection broke and never changes mail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from classifier.edges.bodystructure import (
    TEXT_LIMIT,
    BrokenStructureError,
    Part,
    bytes_to_fetch,
    disagrees,
    misnumbered,
    read_structure,
    reduced_message,
    sections_to_fetch,
)
from classifier.edges.fetchdata import Answer
from classifier.edges.imap_connection import (
    CommandRefusedError,
    Connection,
    DroppedError,
    ImapSettings,
    SignIn,
    ThrottledError,
    password_sign_in,
)
from classifier.edges.imap_folders import choose_folders
from classifier.edges.imap_session import Session
from classifier.edges.mailbox import Fetched, Folder, Unfetched
from classifier.edges.readahead import read_ahead

__all__ = ["ImapMailbox", "ImapSettings", "SignIn", "open_imap", "open_imap_with"]

BATCH = 128  # mails asked for at once
BATCH_BYTES = 8 * 2**20  # of text in one batch: bounds the memory
READ_AHEAD = 2  # batches that wait for whoever judges them
WHOLE_LIMIT = 2_097_152  # bytes of a mail that has to be read whole
HEADER_LIMIT = 131_072
SEARCH_SPAN = 50_000  # UIDs a SEARCH may cover: imaplib refuses answers above 1 MB
GIVEN_UP_MOST = 3  # mails in a row that the connection breaks at, before we stop

_HEADS = f"UID BODYSTRUCTURE BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>"
_WHOLE = f"UID BODY.PEEK[]<0.{WHOLE_LIMIT}>"

Batch = list[Fetched | Unfetched]


@dataclass(frozen=True, slots=True)
class _Head:
    """A mail of which the header and the structure are known, but not the text."""

    uid: int
    header: bytes
    size: int
    root: Part | None = None  # None: the server's structure is broken, the mail is read whole
    sections: tuple[str, ...] = ()
    expected: int = WHOLE_LIMIT // 8  # bytes, roughly


def open_imap(settings: ImapSettings, password: Callable[[], str]) -> ImapMailbox:
    """Sign in with a password; raises `SignInRefused` or `ServerUnreachable`."""
    return open_imap_with(settings, password_sign_in(settings, password))


def open_imap_with(settings: ImapSettings, sign_in: SignIn) -> ImapMailbox:
    """Sign in by any method (OAuth2's XOAUTH2 is to come in here); raises as `open_imap`."""
    mailbox = ImapMailbox(settings, sign_in)
    mailbox.connect()
    return mailbox


class ImapMailbox:
    """`Mailbox` over IMAP. Not for several threads at once, except for its own."""

    def __init__(self, settings: ImapSettings, sign_in: SignIn) -> None:
        self._settings = settings
        self._sign_in = sign_in
        self._session = Session(settings, sign_in)
        self._folder: Folder | None = None
        self._stream: Generator[Batch, None, None] | None = None

    def connect(self) -> None:
        """Reach the server and sign in, if that isn't done yet."""
        self._session.retrying(self._session.connected)

    def folders(self) -> list[str]:
        """As configured; `["*"]` becomes all folders but Trash, Drafts, Sent and All Mail."""
        wanted = list(self._settings.folders)
        if "*" not in wanted:
            return wanted
        session = self._free_session()
        return choose_folders(session.retrying(lambda: session.connected().list_folders()))

    def open(self, folder: str) -> Folder:
        """EXAMINE a folder; raises `FolderGone`."""
        session = self._free_session()
        self._folder = None
        self._folder = session.retrying(lambda: session.open(folder))
        return self._folder

    def newer_than(self, last_uid: int, since: date | None) -> Iterator[Batch]:
        """See `Mailbox`; a thread fetches up to two batches ahead of the reader."""
        session = self._free_session()
        if self._folder is None:
            raise RuntimeError("open() a folder first")
        batches = _batches(session, self._folder, last_uid, since)
        self._stream = read_ahead(batches, READ_AHEAD, session.interrupt)
        return self._stream

    def close(self) -> None:
        """Sign out; never raises."""
        self._free_session().log_out()
        self._folder = None

    def _free_session(self) -> Session:
        """The session, with no thread reading in it; another one if a reader was cut short."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._session.interrupted:
            self._session = Session(self._settings, self._sign_in)
        return self._session


def _batches(
    session: Session, folder: Folder, last_uid: int, since: date | None
) -> Iterator[Batch]:
    uids = session.retrying(lambda: _search(session, folder, last_uid, since))
    given_up: Batch = []  # held back until another mail shows that the fault is theirs
    good: int | None = None
    done = 0
    while done < len(uids):
        some = uids[done : done + (1 if given_up else BATCH)]
        step = _next_batch(session, folder, some)
        done += step.count
        if step.failure is not None:
            given_up += step.batch
            if len(given_up) > GIVEN_UP_MOST:
                raise session.unreachable(step.failure)
        elif step.batch:
            good = uids[done - 1]
            yield given_up + step.batch
            given_up = []
    if given_up:
        if good is None or not _still_reads(session, folder, good):
            raise session.unreachable(
                DroppedError("the connection broke each time mail was asked for")
            )
        yield given_up


def _still_reads(session: Session, folder: Folder, uid: int) -> bool:
    return bool(session.retrying(lambda: session.reading(folder).fetch([uid], _HEADS)))


def _search(session: Session, folder: Folder, last_uid: int, since: date | None) -> list[int]:
    connection = session.reading(folder)
    found: set[int] = set()
    for window in _windows(last_uid + 1, session.uidnext):
        found.update(connection.search(window, since))
    # `n:*` always holds the newest mail, even one below n (RFC 3501, section 6.4.8).
    return sorted(uid for uid in found if uid > last_uid)


@dataclass(frozen=True, slots=True)
class _Step:
    """What became of the next `count` mails; `failure` is why the one was given up."""

    count: int
    batch: Batch
    failure: DroppedError | None = None


def _next_batch(session: Session, folder: Folder, uids: list[int]) -> _Step:
    """Read the first of `uids`, as many as one batch holds.

    After each drop fewer are asked for, so that a line which never carries a whole
    batch still gets on, and a mail that kills the connection is found: it breaks twice alone.
    """
    sizes = [BATCH, max(1, BATCH // 8)] if len(uids) > 1 else []
    broke_at_first = 0

    def attempt() -> _Step:
        nonlocal broke_at_first
        some = uids[: sizes.pop(0) if sizes else 1]
        connection = session.reading(folder)
        try:
            return _fetch(connection, some)
        except DroppedError:
            broke_at_first += len(some) == 1
            raise

    try:
        return session.attempts(attempt, len(sizes) + 2)
    except DroppedError as drop:
        if broke_at_first >= 2:
            return _Step(1, [Unfetched(uids[0], f"the connection breaks at it: {drop}")], drop)
        raise session.unreachable(drop) from None
    except (ThrottledError, CommandRefusedError) as failure:
        raise session.unreachable(failure) from None


def _fetch(connection: Connection, uids: Sequence[int]) -> _Step:
    """As many of `uids`, in order, as are within `BATCH_BYTES`."""
    try:
        heads = {head.uid: head for head in map(_head, connection.fetch(uids, _HEADS))}
    except CommandRefusedError as refused:
        if len(uids) > 1:  # one of them upsets the server: find out which
            return _fetch(connection, uids[: len(uids) // 2])
        return _Step(1, _whole(connection, uids[0], 0, str(refused)))
    taken = _within_budget(uids, heads)
    texts = _texts(connection, [heads[uid] for uid in taken if uid in heads])
    batch: Batch = []
    for uid in taken:
        mail = _put_together(heads.get(uid), texts.get(uid))
        batch += [mail] if mail else _whole(connection, uid, _size(heads.get(uid)))
    return _Step(len(taken), batch)


def _whole(connection: Connection, uid: int, size: int, reason: str = "") -> Batch:
    """One mail without the help of its structure; nothing if it was deleted meanwhile."""
    try:
        for answer in connection.fetch([uid], _WHOLE):
            raw = answer.values.get(b"BODY[]")
            if answer.uid == uid and isinstance(raw, bytes) and raw:
                return [Fetched(uid, raw, size + answer.size)]
    except CommandRefusedError as refused:
        reason = str(refused)
    if uid not in connection.search(str(uid), None):
        return []
    return [Unfetched(uid, reason or "the server's answer for it makes no sense")]


def _head(answer: Answer) -> _Head:
    header = answer.values.get(b"BODY[HEADER]")
    header = header if isinstance(header, bytes) else b""
    try:
        root = read_structure(answer.values.get(b"BODYSTRUCTURE"))
    except BrokenStructureError:
        return _Head(answer.uid, header, answer.size)
    if not header or disagrees(header, root):
        return _Head(answer.uid, header, answer.size)
    sections, expected = sections_to_fetch(root), bytes_to_fetch(root)
    return _Head(answer.uid, header, answer.size, root, sections, expected)


def _size(head: _Head | None) -> int:
    return head.size if head else 0


def _within_budget(uids: Sequence[int], heads: dict[int, _Head]) -> Sequence[int]:
    total = 0
    for count, uid in enumerate(uids):
        head = heads.get(uid)
        total += head.expected if head else WHOLE_LIMIT // 8
        if total > BATCH_BYTES and count:
            return uids[:count]
    return uids


@dataclass(frozen=True, slots=True)
class _Texts:
    contents: dict[str, bytes]
    size: int


def _texts(connection: Connection, heads: list[_Head]) -> dict[int, _Texts]:
    """The readable parts by UID; mails that want the same sections share one command.

    A mail is missing where the server refused its sections.
    """
    groups: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for head in heads:
        if head.root is not None:
            groups[head.sections].append(head.uid)
    texts: dict[int, _Texts] = {}
    for sections, uids in groups.items():
        if sections:
            texts.update(_sections(connection, uids, sections))
        else:
            texts.update((uid, _Texts({}, 0)) for uid in uids)
    return texts


def _sections(
    connection: Connection, uids: list[int], sections: tuple[str, ...]
) -> dict[int, _Texts]:
    items = " ".join(f"BODY.PEEK[{section}]<0.{TEXT_LIMIT}>" for section in sections)
    try:
        answers = connection.fetch(uids, f"UID {items}")
    except CommandRefusedError:
        if len(uids) == 1:
            return {}
        half = len(uids) // 2
        first = _sections(connection, uids[:half], sections)
        return first | _sections(connection, uids[half:], sections)
    return {answer.uid: _Texts(_contents(answer, sections), answer.size) for answer in answers}


def _contents(answer: Answer, sections: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for section in sections:
        content = answer.values.get(f"BODY[{section}]".encode())
        found[section] = content if isinstance(content, bytes) else b""
    return found


def _put_together(head: _Head | None, texts: _Texts | None) -> Fetched | None:
    """None: this mail has to be read whole."""
    if head is None or head.root is None or texts is None:
        return None
    if texts.contents and not any(texts.contents.values()) and head.expected:
        return None  # the structure promised text where the server has none
    if misnumbered(head.root, texts.contents):
        return None
    raw = reduced_message(head.header, head.root, texts.contents)
    return Fetched(head.uid, raw, head.size + texts.size)


def _windows(first: int, uidnext: int | None) -> Iterator[str]:
    """Sequence sets that together hold every UID from `first` on."""
    span = SEARCH_SPAN
    if uidnext is not None and uidnext - first > span:
        span = max(span, (uidnext - first) // 40)  # sparse UIDs: not thousands of searches
        while first + span < uidnext:
            yield f"{first}:{first + span - 1}"
            first += span
    yield f"{first}:*"
