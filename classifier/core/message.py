"""Raw bytes become a `Message`: what one mail says, decoded and ready to be judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox of RFC 5322: `name` decoded, `address` lower-cased; either may be empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Invite:
    """One VEVENT of a text/calendar part (RFC 5545, RFC 5546)."""

    method: str  # REQUEST, CANCEL, REPLY, PUBLISH …; "" when absent
    summary: str
    starts_at: datetime | None  # aware, in the zone that the organiser named
    ends_at: datetime | None
    organizer: str
    location: str
    link: str
    uid: str
    all_day: bool


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
