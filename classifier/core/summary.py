"""The search in numbers: what needs an answer, where every application stands, how it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from classifier.core.application import Application, Status, read_day
from classifier.core.evaluation import Share
from classifier.core.record import MailRecord
from classifier.core.verdict import Detail

_OPEN_INVITATION_DAYS = 30  # an undated invitation is held for open this long
_FEW = 5  # below, a median says nothing


@dataclass(frozen=True, slots=True)
class Appointment:
    """A conversation that lies ahead, or an invitation that has no time yet."""

    message: MailRecord
    row: int | None
    starts_at: datetime | None
    place: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all applications with a known status, how many came how far."""

    applications: int
    answered: Share  # anything but silence
    interviewed: Share  # now at interview or beyond
    rejected: Share
    median_reply_days: float | None  # None: too little data
    replies: int  # that the median rests on


@dataclass(frozen=True, slots=True)
class Summary:
    """What `summary` shows, in the terminal and as JSON."""

    generated_at: datetime
    applications: tuple[Application, ...]
    by_status: Mapping[Status, int]
    unclear: int  # rows whose status is empty or no word of ours
    messages: tuple[MailRecord, ...]  # newest first
    row_of: Mapping[int, int]  # application key → row in the file
    interviews: tuple[Appointment, ...]  # dated ones first, in order
    offers: tuple[MailRecord, ...]
    assessments: tuple[MailRecord, ...]
    to_review: tuple[MailRecord, ...]  # good news first
    figures: Figures

    def row(self, message: MailRecord) -> int | None:
        """The row in the file that a message lies on, if any."""
        return None if message.application_key is None else self.row_of.get(message.application_key)


def summarise(
    applications: Sequence[Application], messages: Sequence[MailRecord], now: datetime
) -> Summary:
    """Gather the summary from the table as it stands and the stored mail (newest first)."""
    rows = [row for row in applications if not row.is_blank]
    row_of = {row.key: row.row for row in rows}
    by_key = {row.key: row for row in rows}
    by_status = {status: sum(row.status is status for row in rows) for status in Status}
    return Summary(
        generated_at=now,
        applications=tuple(rows),
        by_status=by_status,
        unclear=sum(row.status is None for row in rows),
        messages=tuple(messages),
        row_of=row_of,
        interviews=_appointments(messages, by_key, now),
        offers=_open(messages, by_key, Detail.OFFER, Status.OFFER),
        assessments=_open(messages, by_key, Detail.ASSESSMENT, Status.ASSESSMENT),
        to_review=tuple(sorted((m for m in messages if m.needs_review), key=_urgency)),
        figures=_figures(rows, messages),
    )


def _appointments(
    messages: Sequence[MailRecord], by_key: Mapping[int, Application], now: datetime
) -> tuple[Appointment, ...]:
    """The newest invitation of each application; past ones and closed rows are left out."""
    found: dict[object, Appointment] = {}
    for message in messages:
        if message.verdict.detail is not Detail.INTERVIEW_REQUEST:
            continue
        row = by_key.get(message.application_key or 0)
        if row is not None and row.status not in (Status.INTERVIEW, None):
            continue
        ahead = message.starts_at is not None and message.starts_at >= now
        undated = message.starts_at is None and _recent(message, now)
        owner: object = row.key if row else (message.company or message.sender_address)
        # Newest first: a later mail without a time doesn't hide an earlier one's date.
        if ahead or (undated and owner not in found):
            known = found.get(owner)
            if known is None or known.starts_at is None:
                place = message.place
                found[owner] = Appointment(
                    message, row.row if row else None, message.starts_at, place
                )
    return tuple(
        sorted(
            found.values(),
            key=lambda a: (a.starts_at is None, a.starts_at.timestamp() if a.starts_at else 0.0),
        )
    )


def _recent(message: MailRecord, now: datetime) -> bool:
    return message.sent_at is None or now - message.sent_at <= timedelta(days=_OPEN_INVITATION_DAYS)


def _open(
    messages: Sequence[MailRecord],
    by_key: Mapping[int, Application],
    detail: Detail,
    status: Status,
) -> tuple[MailRecord, ...]:
    """The newest mail of a kind for each row that still stands there."""
    found: dict[int, MailRecord] = {}
    for message in messages:
        row = by_key.get(message.application_key or 0)
        if message.verdict.detail is detail and row is not None and row.status is status:
            found.setdefault(row.key, message)
    return tuple(found.values())


def _urgency(message: MailRecord) -> tuple[float, float]:
    shares = message.verdict.probabilities
    good_news = shares[Detail.INTERVIEW_REQUEST] + shares[Detail.OFFER]
    return (-round(good_news, 1), -(message.sent_at.timestamp() if message.sent_at else 0.0))


_ANSWERED = (Status.ASSESSMENT, Status.INTERVIEW, Status.OFFER, Status.ACCEPTED, Status.REJECTED)
_INTERVIEWED = (Status.INTERVIEW, Status.OFFER, Status.ACCEPTED)


def _figures(rows: Sequence[Application], messages: Sequence[MailRecord]) -> Figures:
    known = [row for row in rows if row.status is not None]
    n = len(known)
    days = _reply_days(known, messages)
    return Figures(
        applications=len(rows),
        answered=Share(sum(row.status in _ANSWERED for row in known), n),
        interviewed=Share(sum(row.status in _INTERVIEWED for row in known), n),
        rejected=Share(sum(row.status is Status.REJECTED for row in known), n),
        median_reply_days=_median(days) if len(days) >= _FEW else None,
        replies=len(days),
    )


def _reply_days(rows: Sequence[Application], messages: Sequence[MailRecord]) -> list[int]:
    """Days from each application to its first real answer (an acknowledgement is none)."""
    decisive = (Detail.REJECTION, Detail.INTERVIEW_REQUEST, Detail.ASSESSMENT, Detail.OFFER)
    first: dict[int, datetime] = {}
    for message in messages:
        if message.verdict.detail in decisive and message.application_key and message.sent_at:
            known = first.get(message.application_key)
            first[message.application_key] = min(known or message.sent_at, message.sent_at)
    days = []
    for row in rows:
        applied = read_day(row.applied_on)
        if applied and row.key in first:
            days.append(max(0, (first[row.key].date() - applied).days))
    return days


def _median(values: Sequence[int]) -> float:
    import pandas as pd  # slow to import, and most commands never come here

    return float(pd.Series(values).median())
