"""What verdicts do to the table: changes to single cells, new rows, and questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from classifier.core.application import FIELDS, Application, Change, Status, read_day, safe_cell
from classifier.core.facts import Facts
from classifier.core.matching import Certainty, Letter, Match, find_row
from classifier.core.verdict import Detail, Verdict

# From a row's status (None: empty) and a mail's detail to what happens: a new status,
# ASK (a person must look), or no entry (nothing changes). Read it as: an open row moves
# forward; a closed row never moves by itself; good news on a closed row is always asked.
ASK = "ask"
_NEW_STATUS: Mapping[Detail, Status] = {
    Detail.APPLICATION_RECEIVED: Status.APPLIED,
    Detail.ASSESSMENT: Status.ASSESSMENT,
    Detail.INTERVIEW_REQUEST: Status.INTERVIEW,
    Detail.OFFER: Status.OFFER,
    Detail.REJECTION: Status.REJECTED,
}
TRANSITIONS: Mapping[tuple[Status | None, Detail], Status | str] = {
    (None, Detail.APPLICATION_RECEIVED): Status.APPLIED,
    (None, Detail.ASSESSMENT): Status.ASSESSMENT,
    (None, Detail.INTERVIEW_REQUEST): Status.INTERVIEW,
    (None, Detail.OFFER): Status.OFFER,
    (None, Detail.REJECTION): Status.REJECTED,
    (Status.APPLIED, Detail.ASSESSMENT): Status.ASSESSMENT,
    (Status.APPLIED, Detail.INTERVIEW_REQUEST): Status.INTERVIEW,
    (Status.APPLIED, Detail.OFFER): Status.OFFER,
    (Status.APPLIED, Detail.REJECTION): Status.REJECTED,
    (Status.ASSESSMENT, Detail.INTERVIEW_REQUEST): Status.INTERVIEW,
    (Status.ASSESSMENT, Detail.OFFER): Status.OFFER,
    (Status.ASSESSMENT, Detail.REJECTION): Status.REJECTED,
    (Status.INTERVIEW, Detail.OFFER): Status.OFFER,
    (Status.INTERVIEW, Detail.REJECTION): Status.REJECTED,
    # Silence that ends: the row is alive again, whatever the mail brings.
    (Status.NO_REPLY, Detail.APPLICATION_RECEIVED): Status.APPLIED,
    (Status.NO_REPLY, Detail.STATUS_UPDATE): Status.APPLIED,
    (Status.NO_REPLY, Detail.ASSESSMENT): Status.ASSESSMENT,
    (Status.NO_REPLY, Detail.INTERVIEW_REQUEST): Status.INTERVIEW,
    (Status.NO_REPLY, Detail.OFFER): Status.OFFER,
    (Status.NO_REPLY, Detail.REJECTION): Status.REJECTED,
    # An offer taken back, or good news where the book was closed: a person must look.
    (Status.OFFER, Detail.REJECTION): ASK,
    (Status.ACCEPTED, Detail.REJECTION): ASK,
    (Status.REJECTED, Detail.INTERVIEW_REQUEST): ASK,
    (Status.REJECTED, Detail.OFFER): ASK,
    (Status.REJECTED, Detail.ASSESSMENT): ASK,
    (Status.WITHDRAWN, Detail.INTERVIEW_REQUEST): ASK,
    (Status.WITHDRAWN, Detail.OFFER): ASK,
}


@dataclass(frozen=True, slots=True)
class News:
    """One judged mail, with all that a decision about the table needs."""

    message_id: str
    sent_at: datetime | None  # UTC
    sender_address: str
    thread: tuple[str, ...]
    verdict: Verdict
    facts: Facts
    heading: str = ""  # the sender's name and the subject
    text: str = ""  # what its sender newly wrote

    @property
    def day(self) -> date | None:
        """The mail's own day."""
        return self.sent_at.date() if self.sent_at else None


@dataclass(frozen=True, slots=True)
class Policy:
    """The person's choices that bear on the table."""

    rows_from_confirmation: bool
    rows_always: bool
    fields: frozenset[str] = frozenset(FIELDS)  # those that have a column in the file
    words: Mapping[Status, str] = field(default_factory=dict)  # the file's own, where it has any

    def spelled(self, status: Status) -> str:
        """The word to write for a status."""
        return self.words.get(status, status.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mail."""

    message_id: str
    key: int | None  # the application's; None: no row
    question: str | None  # why a person must look; None: nothing to ask
    candidates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one run will do to the table, before anything is done."""

    changes: tuple[Change, ...]
    rows: tuple[Application, ...]  # as they stand afterwards; the new ones last, with row 0
    outcomes: tuple[Outcome, ...]

    @property
    def created(self) -> tuple[Application, ...]:
        """The new rows; their cells stand in `changes` too, with row 0."""
        return tuple(row for row in self.rows if row.row == 0)


def make_plan(
    applications: Sequence[Application],
    news: Sequence[News],
    threads: Mapping[str, int],
    policy: Policy,
    next_key: int,
) -> Plan:
    """Decide what each mail changes, oldest mail first.

    The result depends on the mails alone, not on the order they came in: they are sorted
    by date, then id. `next_key` is the first key free for a new row.
    """
    book = _Book(applications, threads, policy, next_key)
    for item in sorted(news, key=_by_date):
        book.take(item)
    return Plan(tuple(book.changes), tuple(book.rows.values()), tuple(book.outcomes))


def _by_date(item: News) -> tuple[float, str]:
    # Mails without a date come last: they may change nothing by themselves anyway.
    return (item.sent_at.timestamp() if item.sent_at else float("inf"), item.message_id)


class _Book:
    """The table while a plan is made: rows as they would stand after each mail."""

    def __init__(
        self,
        applications: Sequence[Application],
        threads: Mapping[str, int],
        policy: Policy,
        next_key: int,
    ) -> None:
        self.policy = policy
        self.rows = {row.key: row for row in applications}
        self.threads = dict(threads)
        self.next_key = next_key
        self.changes: list[Change] = []
        self.outcomes: list[Outcome] = []

    def take(self, item: News) -> None:
        if not item.verdict.detail.is_about_an_application:
            self._file(item, None, None)
            return
        match = find_row(_letter(item), list(self.rows.values()), self.threads)
        if item.verdict.needs_review:
            self._file(item, None, None, match.candidates)
        elif match.certainty is Certainty.FOUND and match.key is not None:
            self._update(item, self.rows[match.key])
        elif match.certainty is Certainty.NONE:
            self._no_row(item, match)
        else:
            self._file(item, None, _question(match, item), match.candidates)

    def _file(
        self, item: News, key: int | None, question: str | None, candidates: tuple[int, ...] = ()
    ) -> None:
        if key is not None:
            self.threads[item.message_id] = key
        self.outcomes.append(Outcome(item.message_id, key, question, candidates))

    def _update(self, item: News, row: Application) -> None:
        detail = item.verdict.detail
        target = TRANSITIONS.get((row.status, detail))
        if row.status is None and row.status_text.strip():
            question = f"row {row.row or 'new'} has the status {row.status_text!r}, which is no word of ours"
            self._file(item, row.key, question if detail in _NEW_STATUS else None, (row.key,))
        elif target is None:
            self._set(item, row, None)
            self._file(item, row.key, None)
        elif target == ASK:
            self._file(item, row.key, f"the row is already {row.status}", (row.key,))
        elif (late := _comes_late(item, row)) is not None:
            self._file(item, row.key, late, (row.key,))
        else:
            self._set(item, row, Status(target))
            self._file(item, row.key, None)

    def _set(self, item: News, row: Application, status: Status | None) -> None:
        """Write what the mail says into the row: its status, its day, the appointment."""
        if status is not None:
            row = self._set_status(row, status, item)
            if item.day and (row.last_known_day is None or item.day > row.last_known_day):
                row = self._set_cell(row, "updated_on", item.day.isoformat(), item)
        starts = item.facts.starts_at
        if (
            starts
            and item.verdict.detail is Detail.INTERVIEW_REQUEST
            and row.status is Status.INTERVIEW
        ):
            for name, text in _appointment(row, starts):
                row = self._set_cell(row, name, text, item)
        self.rows[row.key] = row

    def _set_status(self, row: Application, status: Status, item: News) -> Application:
        text = self.policy.spelled(status)
        self._change(row, "status", text, item)
        return row.with_status(status, text)

    def _set_cell(self, row: Application, name: str, text: str, item: News) -> Application:
        if name not in self.policy.fields or row.cell(name) == text:
            return row
        self._change(row, name, text, item)
        return row.with_cell(name, text)

    def _change(self, row: Application, name: str, new: str, item: News) -> None:
        self.changes.append(
            Change(
                row.key, row.row, name, row.cell(name), new,
                item.message_id, item.verdict.sentence, item.verdict.model,
            )
        )  # fmt: skip

    def _no_row(self, item: News, match: Match) -> None:
        detail = item.verdict.detail
        confirmed = detail is Detail.APPLICATION_RECEIVED and self.policy.rows_from_confirmation
        if item.facts.company and (confirmed or self.policy.rows_always):
            self._create(item)
        elif detail in _NEW_STATUS and detail is not Detail.APPLICATION_RECEIVED:
            self._file(item, None, _question(match, item), match.candidates)
        else:
            self._file(item, None, None, match.candidates)

    def _create(self, item: News) -> None:
        row = Application(row=0, key=self.next_key)
        self.next_key += 1
        day = item.day.isoformat() if item.day else ""
        for name, text in (
            ("company", safe_cell(item.facts.company or "")),
            ("role", safe_cell(item.facts.role or "")),
            ("applied_on", day),
            ("updated_on", day),
        ):
            row = self._set_cell(row, name, text, item)
        row = self._set_status(row, _NEW_STATUS.get(item.verdict.detail, Status.APPLIED), item)
        self.rows[row.key] = row
        self._file(item, row.key, None)


def _letter(item: News) -> Letter:
    domain = item.sender_address.rpartition("@")[2]
    return Letter(item.day, domain, item.thread, item.facts, item.heading, item.text)


def _question(match: Match, item: News) -> str:
    return f"which application? {match.why}" if item.verdict.detail in _NEW_STATUS else match.why


def _comes_late(item: News, row: Application) -> str | None:
    """Why this mail may not change the row: the row is newer than the mail; None if it may."""
    if item.sent_at is None:
        return "the mail has no readable date"
    if row.edited_at is not None and item.sent_at <= row.edited_at:
        return "you changed this row after the mail was sent"
    updated = read_day(row.updated_on)
    if updated is not None and item.sent_at.date() < updated:
        return f"the row was updated on {updated.isoformat()}, after the mail was sent"
    return None


def _appointment(row: Application, starts: datetime) -> list[tuple[str, str]]:
    """Cells for a dated conversation; the person's own words in them are left alone."""
    ours = row.next_step in ("", "Interview")
    dated = row.next_step == "Interview" or not row.next_step_on
    return (
        [("next_step", "Interview"), ("next_step_on", starts.date().isoformat())]
        if ours and dated
        else []
    )
