"""Calendar parts become invitations: what, when, with whom and on which link."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from classifier.core.charsets import clean_text

CALENDAR_LIMIT = 64 * 1024  # characters of one calendar part that are read
_EVENTS_LIMIT = 5


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


class _Event(Protocol):
    """What is used of icalendar's components: a case-blind mapping to typed values."""

    def get(self, name: str, /) -> object: ...


_LINK = re.compile(r"https?://[^\s<>\"'\\]{4,500}")
_MEETING = re.compile(
    r"zoom|teams\.|meet\.google|webex|whereby|skype|gotomeet|jitsi|chime|bluejeans|around\.co",
    re.IGNORECASE,
)
_EVENT = re.compile(
    r"^BEGIN:VEVENT\s*$.*?(?:^END:VEVENT\s*$|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_ZONES = re.compile(
    r"^BEGIN:VTIMEZONE\s*$.*?(?:^END:VTIMEZONE\s*$|(?=^BEGIN:VEVENT)|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
# icalendar writes out every change of a zone's clock until 2038: daily ones took a minute.
_RULES = re.compile(r"^(?:RRULE|RDATE|BEGIN:(?:STANDARD|DAYLIGHT))", re.MULTILINE | re.IGNORECASE)
_RULES_LIMIT = 60
_ENDLESS = re.compile(
    r"FREQ=(?!YEARLY|WEEKLY)|BY(?:HOUR|MINUTE|SECOND|YEARDAY|WEEKNO)", re.IGNORECASE
)
_METHOD = re.compile(r"^METHOD:([A-Za-z-]{1,40})\s*$", re.MULTILINE | re.IGNORECASE)
_CONFERENCE = (
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    "CONFERENCE",
    "URL",
)


def read_invites(texts: Iterable[str]) -> tuple[Invite, ...]:
    """The first five events of all calendar parts; a part that can't be read gives none.

    A time without a zone is taken in the calendar's X-WR-TIMEZONE, else as UTC; one in a
    zone that nobody knows as UTC too. An event of whole days starts at midnight UTC.
    """
    invites: list[Invite] = []
    for text in texts:
        invites += _read(text[:CALENDAR_LIMIT])
    # many senders write the same event as a part and as a file
    return tuple(dict.fromkeys(invites))[:_EVENTS_LIMIT]


def _read(text: str) -> list[Invite]:
    method = found[1].upper() if (found := _METHOD.search(text)) else ""
    if _ENDLESS.search(text) or len(_RULES.findall(text)) > _RULES_LIMIT:
        text = _ZONES.sub("", text)  # its zones are looked up by their names then
    attempts = (text, _mended(text), _mended(_ZONES.sub("", text)))
    for attempt in attempts:
        try:
            return _events(attempt, method)
        except Exception:  # noqa: BLE001, S112 - icalendar raises of every kind on broken input
            continue
    return []


def _mended(text: str) -> str:
    """Only the zones and events, closed again where the part was cut off."""
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    text = "\n".join(lines) + "\n"
    blocks = []
    for kind, pattern in (("VTIMEZONE", _ZONES), ("VEVENT", _EVENT)):
        for block in pattern.findall(text)[:_EVENTS_LIMIT]:
            closed = f"END:{kind}" in block.upper()
            # of an event that was cut off the last line may be half a line
            whole = block if closed else f"{block.rstrip().rsplit(chr(10), 1)[0]}\nEND:{kind}\n"
            blocks.append(whole.strip() + "\n")
    body = "".join(blocks)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-\n{body}END:VCALENDAR\n"


def _events(text: str, method: str) -> list[Invite]:
    # Lazy: icalendar takes 0.2 s to import, and few mails have a calendar part.
    from icalendar import Calendar

    calendar = Calendar.from_ical(text)
    if isinstance(calendar, list):
        calendar = calendar[0]
    floating = _zone(str(calendar.get("X-WR-TIMEZONE") or ""))
    events = calendar.walk("VEVENT")[:_EVENTS_LIMIT]
    return [_invite(event, method, floating) for event in events]


def _invite(event: _Event, method: str, floating: tzinfo) -> Invite:
    start = _value(event, "DTSTART")
    end = _value(event, "DTEND")
    starts_at = _moment(start, floating)
    ends_at = _moment(end, floating)
    duration = _value(event, "DURATION")
    if ends_at is None and starts_at is not None and isinstance(duration, timedelta):
        ends_at = _later(starts_at, duration)
    return Invite(
        method=method or _text(event, "METHOD").upper()[:40],
        summary=_text(event, "SUMMARY")[:500],
        starts_at=starts_at,
        ends_at=ends_at,
        organizer=_organizer(event),
        location=_text(event, "LOCATION")[:500],
        link=_link(event),
        uid=_text(event, "UID")[:500],
        all_day=isinstance(start, date) and not isinstance(start, datetime),
    )


def _later(moment: datetime, duration: timedelta) -> datetime | None:
    try:
        return moment + duration
    except OverflowError:
        return None


def _first(event: _Event, name: str) -> object:
    value = event.get(name)
    return value[0] if isinstance(value, list) and value else value


def _value(event: _Event, name: str) -> object:
    """The Python value of a date, time or duration; None when absent or broken."""
    try:
        return getattr(_first(event, name), "dt", None)
    except Exception:  # noqa: BLE001 - broken properties raise on access
        return None


def _text(event: _Event, name: str) -> str:
    try:
        return " ".join(clean_text(str(_first(event, name) or "")[:20_000]).split())
    except Exception:  # noqa: BLE001 - broken properties raise on access
        return ""


def _moment(value: object, floating: tzinfo) -> datetime | None:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=floating)
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), UTC)
    else:
        return None
    try:
        year = moment.astimezone(UTC).year
    except (OverflowError, ValueError):
        return None
    return moment if 1980 <= year <= 2100 else None


def _zone(name: str) -> tzinfo:
    if not name:
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _organizer(event: _Event) -> str:
    """The organiser's name (CN), or their address."""
    organizer = _first(event, "ORGANIZER")
    parameters = getattr(organizer, "params", {})
    name = str(parameters.get("CN") or "").strip('" ')
    address = re.sub(r"(?i)^mailto:", "", str(organizer or ""))
    return " ".join(clean_text(name or address).split())[:200]


def _link(event: _Event) -> str:
    """Where the conversation takes place: the conference fields first, then any meeting link."""
    for name in (*_CONFERENCE[:4], "LOCATION"):
        if found := _LINK.search(_text(event, name)):
            return _trimmed(found[0])
    links = _LINK.findall(_text(event, "DESCRIPTION"))[:50]
    meetings = [link for link in links if _MEETING.search(link)]
    if meetings:
        return _trimmed(meetings[0])
    if found := _LINK.search(_text(event, "URL")):
        return _trimmed(found[0])
    return ""


def _trimmed(link: str) -> str:
    return link.rstrip(".,;:!?)>]'\"")
