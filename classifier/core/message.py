"""Raw bytes become a `Message`: what one mail says, decoded and ready to be judged."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256

import mailparser

from classifier.core.calendar import Invite, read_invites
from classifier.core.charsets import decode_bytes, decode_header
from classifier.core.mime import Body, Fields, read_body, read_header

__all__ = ["Address", "Invite", "Message", "Unreadable", "parse_message"]

# mail-parser warns on stderr about every odd mail; what matters of that is in the Message.
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)

_ID_LIMIT = 500
_REFERENCES_LIMIT = 100
_ADDRESSES_LIMIT = 100
_VALUE_LIMIT = 4096  # bytes of one header value: mail-parser takes quadratic time on hostile ones
_SUBJECT_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox of RFC 5322: `name` decoded, `address` lower-cased; either may be empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Message:
    """One readable mail; texts are decoded, with LF line ends."""

    id: str  # Message-ID without <>; where it is missing "digest:" and 32 hex digits
    fingerprint: str  # 32 hex digits: tells two different mails under one Message-ID apart
    sent_at: datetime | None  # UTC; None: no readable Date header
    sender: Address
    reply_to: Address
    to: tuple[Address, ...]
    subject: str
    in_reply_to: str  # without <>; "" when this answers nothing
    references: tuple[str, ...]
    list_id: str
    automatic: bool  # sent by a system or to a list (Auto-Submitted, Precedence, List-*)
    body: str  # the readable text of the whole mail, HTML already turned into text
    is_html: bool  # the body was made from HTML
    attachments: tuple[str, ...]  # file names
    invites: tuple[Invite, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that no mail could be read from; `id` is a digest of them."""

    id: str
    reason: str


def parse_message(raw: bytes) -> Message | Unreadable:
    """Read one mail (RFC 5322, MIME), as tolerantly as mail programs do.

    Never raises; a mail is read up to 2 MiB, its text up to 256 KiB. Bytes without a
    single header field that mail has are `Unreadable`.
    """
    try:
        return _read(bytes(raw))
    except Exception as error:  # noqa: BLE001 - any bytes may come, and one mail must not stop a sync
        return _unreadable(raw, f"broken in a way not foreseen ({type(error).__name__})")


# One of these makes bytes a mail; a table or a program has none of them at a line's start.
_MAIL_FIELDS = frozenset(
    ["from", "to", "subject", "date", "message-id", "received", "sender", "return-path",
     "reply-to", "delivered-to", "mime-version", "content-type"]
)  # fmt: skip


def _unreadable(raw: bytes, reason: str) -> Unreadable:
    return Unreadable(id="digest:" + sha256(raw).hexdigest()[:32], reason=reason)


def _read(raw: bytes) -> Message | Unreadable:
    if not raw.strip():
        return _unreadable(raw, "empty")
    fields, content = read_header(raw)
    if not any(name in _MAIL_FIELDS for name, _ in fields):
        return _unreadable(raw, "no header field of an e-mail found")
    header = _Header(fields)
    return _message(header, read_body(fields, content))


def _message(header: _Header, body: Body) -> Message:
    sender = _person(header.first("from") or header.first("sender"))
    date = header.first("date")
    subject = decode_header(header.first("subject"))[:_SUBJECT_LIMIT]
    start = "".join(body.own_text[:20_000].split())
    seen = "\n".join((sender.address, "".join(subject.split()), _squeezed(date)))
    return Message(
        id=_message_id(header.first("message-id")) or "digest:" + _digest(seen, start[:4096]),
        fingerprint=_digest(seen, start[:500]),
        sent_at=_moment(date),
        sender=sender,
        reply_to=_person(header.first("reply-to")),
        to=_mailboxes(header.first("to")),
        subject=subject,
        in_reply_to=next(iter(_ids(header.first("in-reply-to"))), ""),
        references=_references(header.all("references")),
        list_id=_list_id(header.first("list-id")),
        automatic=_is_automatic(header),
        body=body.text,
        is_html=body.is_html,
        attachments=body.attachments,
        invites=read_invites(body.calendars) if body.calendars else (),
    )


def _person(value: bytes) -> Address:
    return next(iter(_mailboxes(value)), _NOBODY)


def _digest(*texts: str) -> str:
    return sha256("\n".join(texts).encode("utf-8", "replace")).hexdigest()[:32]


def _squeezed(value: bytes) -> str:
    return "".join(decode_bytes(value).split())


class _Header:
    """The fields by name; a value is cut at `_VALUE_LIMIT` bytes."""

    def __init__(self, fields: Fields) -> None:
        self._values: dict[str, list[bytes]] = {}
        for name, value in fields:
            self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[bytes]:
        return self._values.get(name, [])

    def first(self, name: str) -> bytes:
        """The first value that isn't empty: some senders write a field twice."""
        return next((value for value in self.all(name) if value), b"")[:_VALUE_LIMIT]


# People and time

_NOBODY = Address("", "")
_BARE_ADDRESS = re.compile(r"[^\s<>\"(),;:\[\]]{1,200}@[^\s<>\"(),;:\[\]]{1,200}")


@lru_cache(maxsize=4096)  # 0.2 ms a value, and most mail of an inbox has the same few
def _mailboxes(value: bytes) -> tuple[Address, ...]:
    """The addresses of one From, To or Reply-To (RFC 5322 section 3.4), read by mail-parser.

    It gets this one field. With the whole mail it took three times as long, and a body of
    combining accents (40 kB: 1.5 s, quadratic) or one labelled "punycode" hung it.
    """
    if not value:
        return ()
    line = b"To: " + decode_bytes(value).encode("utf-8", "replace") + b"\n\n"
    try:
        pairs = mailparser.parse_from_bytes(line).to
    except Exception:  # noqa: BLE001 - it raises of many kinds; read by hand then
        pairs = []
    found = [_address(name, address) for name, address in pairs[:_ADDRESSES_LIMIT]]
    return tuple(one for one in found if "@" in one.address) or _by_hand(value)


def _address(name: str, address: str) -> Address:
    name = decode_header(name).strip("\"' ")
    address = "".join(decode_header(address).split()).lower().strip("<>\"',;")
    return Address("" if name.lower() == address else name[:300], address[:320])


def _by_hand(value: bytes) -> tuple[Address, ...]:
    """Addresses of a value that mail-parser made nothing of; else the value as a mere name."""
    text = decode_header(value)
    found = _BARE_ADDRESS.findall(text)[:_ADDRESSES_LIMIT]
    if not found:
        name = text.strip("\"'<> ")[:300]
        return (Address(name, ""),) if name else ()
    first = _address(text.split(found[0], 1)[0].rstrip("<( "), found[0])
    return (first, *(_address("", address) for address in found[1:]))


def _plausible(moment: datetime | None) -> datetime | None:
    """`moment` in UTC; None before 1980 and after 2100, which only broken clocks write."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        utc = aware.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return utc if 1980 <= utc.year <= 2100 else None


_TIME_ZONE_NAME = re.compile(r"\s*\([^()]*\)?\s*$")


def _moment(value: bytes) -> datetime | None:
    """A Date of RFC 5322 section 3.3, or ISO 8601, as UTC; a missing zone is read as UTC."""
    text = _TIME_ZONE_NAME.sub("", decode_header(value[:200]))
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            if moment := _plausible(read(text)):
                return moment
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


# Identity and kind

_BRACKETED = re.compile(r"<([^<>]{1,1000})>")


def _message_id(value: bytes) -> str:
    """RFC 5322 section 3.6.4, without the angle brackets; "" for what can't identify."""
    text = decode_bytes(value)
    found = _BRACKETED.search(text)
    name = "".join((found[1] if found else text.strip("<> ")).split())[:_ID_LIMIT]
    return name if len(name) >= 3 and any(sign.isalnum() for sign in name) else ""


def _ids(value: bytes) -> list[str]:
    text = decode_bytes(value)
    if "<" in text:
        return ["".join(name.split())[:_ID_LIMIT] for name in _BRACKETED.findall(text)]
    return [word[:_ID_LIMIT] for word in text.split() if "@" in word]


def _references(values: list[bytes]) -> tuple[str, ...]:
    """The thread's first mail and the nearest ones, each once, in the order given."""
    names = dict.fromkeys(name for value in values for name in _ids(value[:65_536]))
    listed = list(names)
    if len(listed) > _REFERENCES_LIMIT:
        listed = listed[:1] + listed[1 - _REFERENCES_LIMIT :]
    return tuple(listed)


def _list_id(value: bytes) -> str:
    """RFC 2919: the part in angle brackets, else all of it."""
    text = decode_header(value)
    found = _BRACKETED.search(text)
    return (found[1].strip() if found else text)[:200]


def _is_automatic(header: _Header) -> bool:
    """RFC 3834 (Auto-Submitted), RFC 2369 (List-*), and the customs older than both."""
    submitted = header.first("auto-submitted").split(b";")[0].strip().lower()
    if submitted not in (b"", b"no"):
        return True
    if header.first("precedence").strip().lower() in (b"bulk", b"list", b"junk", b"auto_reply"):
        return True
    if header.first("return-path").strip() == b"<>":
        return True
    return any(
        name in header
        for name in ("list-id", "list-unsubscribe", "list-post", "x-autoreply", "x-autorespond",
                     "x-auto-response-suppress")
    )  # fmt: skip
