"""One row of the person's table: an application, its status, and single-cell changes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

# The default header, in its order. Their own columns are never touched.
FIELDS = (
    "company",
    "role",
    "status",
    "applied_on",
    "updated_on",
    "next_step",
    "next_step_on",
    "source",
    "link",
    "contact",
    "notes",
)


class Status(StrEnum):
    """Where one application stands."""

    APPLIED = "applied"
    ASSESSMENT = "assessment"
    INTERVIEW = "interview"
    OFFER = "offer"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_REPLY = "no_reply"
    WITHDRAWN = "withdrawn"

    @property
    def is_open(self) -> bool:
        """True while an answer may still change something."""
        return self in (Status.APPLIED, Status.ASSESSMENT, Status.INTERVIEW, Status.OFFER)


@dataclass(frozen=True, slots=True)
class Application:
    """One row as the person keeps it; every cell is the text that stands in the file.

    `row` counts as a spreadsheet does (the header is row 1); 0 marks a row that is planned
    but not in the file yet. `status` is what the status cell means, None when it is empty
    or says something that is no word for a status (then it is never written by itself).
    """

    row: int
    company: str = ""
    role: str = ""
    status_text: str = ""
    status: Status | None = None
    applied_on: str = ""
    updated_on: str = ""
    next_step: str = ""
    next_step_on: str = ""
    source: str = ""
    link: str = ""
    contact: str = ""
    notes: str = ""
    key: int = 0  # what the workspace knows this row by, however the file is sorted
    edited_at: datetime | None = None  # the person changed the status, at this time at the latest

    @classmethod
    def from_cells(
        cls,
        row: int,
        cells: Mapping[str, str],
        status: Status | None,
        key: int = 0,
        edited_at: datetime | None = None,
    ) -> Application:
        """A row from the texts of its cells, by field; a field that is missing is empty."""
        texts: dict[str, Any] = {name: cells.get(name, "") for name in FIELDS if name != "status"}
        return cls(
            row,
            status_text=cells.get("status", ""),
            status=status,
            key=key,
            edited_at=edited_at,
            **texts,
        )

    @property
    def is_blank(self) -> bool:
        """True for a spacer line: it names no application."""
        return not (self.company.strip() or self.role.strip())

    def cell(self, field: str) -> str:
        """The text of one of `FIELDS`."""
        return self.status_text if field == "status" else str(getattr(self, field))

    def with_cell(self, field: str, text: str) -> Application:
        """The row after one cell other than the status is set."""
        cells: dict[str, Any] = {field: text}
        return replace(self, **cells)

    def with_status(self, status: Status, text: str) -> Application:
        """The row after its status is set; `text` is the table's own word for it."""
        return replace(self, status=status, status_text=text)

    @property
    def last_known_day(self) -> date | None:
        """The day of the newest thing this row records, where its dates can be read."""
        days = [day for day in map(read_day, (self.updated_on, self.applied_on)) if day]
        return max(days, default=None)


@dataclass(frozen=True, slots=True)
class Change:
    """One cell to set, and the mail that is the reason."""

    key: int  # the application's
    row: int  # as in the file when the change was planned; 0 for a row that is new with it
    field: str
    old: str
    new: str
    message_id: str
    sentence: str | None = None
    model: str = ""


def read_day(text: str) -> date | None:
    """A date cell's day: ISO (YYYY-MM-DD, possibly with a time), else None."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None


# What spreadsheet programs take for the start of a formula (OWASP, "CSV Injection"), with
# the full-width forms that some of them fold to these.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "|", "%")


def safe_cell(text: str) -> str:
    """Text from a mail as it may stand in a cell: one line, and never a formula."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "'" + line if line.startswith(_FORMULA_STARTS) else line
