"""The sample mailbox as real mail: six weeks that end today, whenever the demo is run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from importlib import resources
from typing import Any

OWNER = "Sam Rivera <sam@rivera.example>"

_DATE = re.compile(r"\{([+-]\d+)(?:\|([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class Truth:
    """What its author meant a sample mail to be; company and role are "" where none."""

    label: str
    detail: str
    company: str
    role: str


@dataclass(frozen=True, slots=True)
class SampleLetter:
    """One mail of the sample: `night` (1 to 3) is the sync that should see it first."""

    id: str
    night: int
    sent_at: datetime
    raw: bytes
    truth: Truth


def sample_letters(today: datetime) -> list[SampleLetter]:
    """All mails of the sample, oldest first, dated so that the last day is `today` (UTC)."""
    text = _file("mailbox.toml").decode("utf-8")
    return [_letter(entry, today) for entry in tomllib.loads(text)["mail"]]


def sample_applications(today: datetime) -> bytes:
    """The applications CSV as Sam keeps it on the morning before the first night."""
    text = _file("applications.csv").decode("utf-8")
    return _dated(text, today, "%Y-%m-%d").encode()


def _file(name: str) -> bytes:
    return resources.files("classifier.sample").joinpath(name).read_bytes()


def _dated(text: str, day: datetime, default: str) -> str:
    """Replace each {+3|%A %d %B} by the day so many days after `day`, in strftime words."""

    def written(hit: re.Match[str]) -> str:
        then = day + timedelta(days=int(hit[1]))
        pattern = hit[2] or default
        # %-d (no leading zero) is not known to every system's strftime.
        return then.strftime(pattern.replace("%-d", str(then.day)).replace("%-m", str(then.month)))

    return _DATE.sub(written, text)


def _letter(entry: Mapping[str, Any], today: datetime) -> SampleLetter:
    hour, minute = map(int, entry["time"].split(":"))
    day = today.astimezone(UTC) + timedelta(days=entry["day"])
    sent_at = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
    truth = entry["truth"]
    return SampleLetter(
        id=entry["id"],
        night=max(1, 3 + entry["day"]),
        sent_at=sent_at,
        raw=_message(entry, sent_at).as_bytes(policy=SMTP),
        truth=Truth(truth["label"], truth["detail"], truth["company"], truth["role"]),
    )


def _message(entry: Mapping[str, Any], sent_at: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"] = entry["from"]
    message["To"] = OWNER
    message["Date"] = format_datetime(sent_at)
    message["Subject"] = _dated(entry["subject"], sent_at, "%d %B %Y")
    message["Message-ID"] = _message_id(entry["id"])
    if "reply_to" in entry:
        message["In-Reply-To"] = _message_id(entry["reply_to"])
        message["References"] = _message_id(entry["reply_to"])
    if "list_id" in entry:
        message["List-Id"] = f"<{entry['list_id']}>"
        message["List-Unsubscribe"] = f"<https://{entry['list_id']}/unsubscribe>"
    charset = entry.get("charset", "utf-8")
    if "text" in entry:
        message.set_content(_body(entry["text"], sent_at), charset=charset)
    if "html" in entry:
        html = _body(entry["html"], sent_at)
        if "text" in entry:
            message.add_alternative(html, subtype="html", charset=charset)
        else:
            message.set_content(html, subtype="html", charset=charset)
    if "invite" in entry:
        _add_invite(message, entry, sent_at)
    for attachment in entry.get("attachments", ()):
        _attach(message, attachment["name"], attachment["kib"])
    return message


def _message_id(name: str) -> str:
    return f"<{name}@sample.example>"


def _body(text: str, sent_at: datetime) -> str:
    return _dated(text, sent_at, "%d %B %Y").strip("\n") + "\n"


def _attach(message: EmailMessage, name: str, kib: int) -> None:
    filler = b"%PDF-1.4\n% invented\n" if name.endswith(".pdf") else b"invented\n"
    content = (filler * (kib * 1024 // len(filler) + 1))[: kib * 1024]
    subtype = "pdf" if name.endswith(".pdf") else "octet-stream"
    message.add_attachment(content, maintype="application", subtype=subtype, filename=name)


def _add_invite(message: EmailMessage, entry: Mapping[str, Any], sent_at: datetime) -> None:
    invite = entry["invite"]
    hour, minute = map(int, invite["time"].split(":"))
    day = sent_at + timedelta(days=invite["day"])
    start = day.replace(hour=hour, minute=minute)
    end = start + timedelta(minutes=invite["minutes"])
    zone = invite["zone"]
    lines = (
        "BEGIN:VCALENDAR",
        "PRODID:-//sample//EN",
        "VERSION:2.0",
        f"METHOD:{invite['method']}",
        "BEGIN:VEVENT",
        f"UID:{entry['id']}@sample.example",
        f"DTSTAMP:{sent_at:%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID={zone}:{end:%Y%m%dT%H%M%S}",
        f"SUMMARY:{_escaped(invite['summary'])}",
        f"LOCATION:{_escaped(invite['location'])}",
        f"ORGANIZER:mailto:{message['From'].addresses[0].addr_spec}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    if not message.is_multipart():
        message.make_alternative()
    part = EmailMessage()
    part.set_content("\r\n".join(lines) + "\r\n", subtype="calendar", charset="utf-8")
    part.set_param("method", invite["method"])
    del part["MIME-Version"]
    message.attach(part)


def _escaped(text: str) -> str:
    """TEXT of RFC 5545, section 3.3.11."""
    return re.sub(r"([\\;,])", r"\\\1", text)


def by_night(letters: list[SampleLetter]) -> Iterator[tuple[int, list[SampleLetter]]]:
    """The letters of each night, in order."""
    for night in (1, 2, 3):
        yield night, [letter for letter in letters if letter.night == night]
