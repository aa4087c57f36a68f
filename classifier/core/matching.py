"""Which application a message is about, or none, or ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from rapidfuzz import fuzz

from classifier.core.application import Application, read_day
from classifier.core.facts import Facts
from classifier.core.names import (
    company_similarity,
    normalised_company,
    organisation_label,
    spelled_alike,
    squeeze,
)

_SAME_COMPANY = 0.86  # similarity from which two names are taken for one employer
_LIKE_COMPANY = 0.6  # from here a person should look before a row is added
_SAME_ROLE = 0.80
_OTHER_ROLE = 0.45  # below, two roles at one employer are taken for different ones


class Certainty(Enum):
    """What a search for the row ended with."""

    FOUND = "found"
    ASK = "ask"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Match:
    """The outcome of looking for a row: `key` when found, `candidates` (best first) when not."""

    certainty: Certainty
    key: int | None
    candidates: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What matching looks at in one mail."""

    sent_on: date | None
    sender_domain: str
    thread: tuple[str, ...]  # ids of the mails that this one answers
    facts: Facts
    heading: str = ""  # the sender's name and the subject
    text: str = ""


class _Reading:
    """A letter with its words made comparable, once for all rows."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.facts = letter.facts
        self.domain = squeeze(organisation_label(letter.sender_domain))
        self.heading = f" {spelled_alike(letter.heading)} "
        self.text = f"{self.heading}{spelled_alike(letter.text)} "

    def company(self, row: Application) -> tuple[float, bool]:
        """How much speaks for the row's employer, 0 to 1, and whether that is a certain sign.

        Certain: the name that was found, the sender's own domain, the row's employer by
        name in sender or subject. A hint: its name somewhere in the text, a name like it.
        """
        name = normalised_company(row.company)
        if not name:
            return 0.0, False
        found = company_similarity(self.facts.company or "", row.company)
        if found >= _SAME_COMPANY:
            return found, True
        own = len(self.domain) >= 4 and self.domain == squeeze(name)
        if own and (self.facts.company is None or found >= _LIKE_COMPANY):
            return 0.95, True
        distinct = len(name) >= 5
        if distinct and f" {name} " in self.heading:
            return 0.9, True
        begins = len(self.domain) >= 5 and squeeze(name).startswith(self.domain)
        if own or begins or (distinct and f" {name} " in self.text):
            return max(found, 0.8), False
        return found, False

    def role(self, row: Application) -> float | None:
        """How well the row's role fits, 0 to 1; None where mail or row name no role."""
        if not row.role.strip():
            return None
        if self.facts.role is not None:
            return role_similarity(self.facts.role, row.role)
        words = normalised_company(row.role)
        return 0.95 if " " in words and f" {words} " in self.text else None


def find_row(
    letter: Letter, applications: Sequence[Application], threads: Mapping[str, int]
) -> Match:
    """Find the application a mail is about.

    `threads` maps the id of an earlier mail to the key of the row it was put on. Certain
    ways come first: an answered mail, then the employer. With several rows of one employer
    the role must tell them apart, and a mere hint of an employer needs the role beside it:
    else the person is asked.
    """
    rows = [row for row in applications if not row.is_blank]
    reading = _Reading(letter)
    by_key = {row.key: row for row in rows}
    linked = {threads[mail] for mail in letter.thread if threads.get(mail) in by_key}
    if len(linked) == 1:
        key = linked.pop()
        if not _contradicts(reading, by_key[key]):
            return Match(Certainty.FOUND, key, (key,), "answers an earlier mail of this row")
    scored = [
        (score, certain, row)
        for row in rows
        for score, certain in (reading.company(row),)
        if score >= _LIKE_COMPANY and not _too_early(letter, row)
    ]
    best = max((score for score, certain, _ in scored if certain), default=0.0)
    same = [row for score, certain, row in scored if certain and score >= best - 0.05]
    if same:
        return _among(same, reading, f"same employer ({same[0].company})")
    if scored:
        return _by_hint(scored, reading)
    if letter.facts.company is None:
        return _by_role_alone(reading, rows)
    return Match(Certainty.NONE, None, (), f"no row of {letter.facts.company}")


def _contradicts(reading: _Reading, row: Application) -> bool:
    """A thread can drift to another role; then its row is no longer certain."""
    fit = reading.role(row)
    return fit is not None and fit < _OTHER_ROLE


def _by_hint(scored: Sequence[tuple[float, bool, Application]], reading: _Reading) -> Match:
    """A hint of the employer and the very role are two signs: enough, if on one row only."""
    ordered = sorted(scored, key=lambda item: (-item[0], item[2].row))
    rows = [row for _, _, row in ordered]
    both = [
        row
        for score, _, row in ordered
        if score >= 0.8 and (reading.role(row) or 0.0) >= 0.9 and _is_open(row)
    ]
    if len(both) == 1:
        return _found(both[0], f"its role, and a hint of {both[0].company}")
    name = reading.facts.company or "the sender"
    return _ask(rows, f"{name} may be {rows[0].company}")


def _too_early(letter: Letter, row: Application) -> bool:
    """A mail from before the application can't be its answer (a day of slack for time zones)."""
    applied = read_day(row.applied_on)
    return bool(applied and letter.sent_on and (applied - letter.sent_on).days > 1)


def _among(rows: Sequence[Application], reading: _Reading, why: str) -> Match:
    """Choose between rows of one employer."""
    fits = [(reading.role(row), row) for row in rows]
    if all(fit is None for fit, _ in fits):
        candidates = [row for row in rows if _is_open(row)] or list(rows)
        if len(candidates) == 1:
            return _found(candidates[0], why)
        return _ask(candidates, f"{why}, several rows, and the mail doesn't tell which")
    # Where the mail names the role, a row without one may be it; elsewhere it is not meant.
    unknown = 0.5 if reading.facts.role else 0.0
    scored = sorted(
        ((unknown if fit is None else fit, row) for fit, row in fits),
        key=lambda item: (-item[0], not _is_open(item[1]), -len(item[1].role), item[1].row),
    )
    best, best_row = scored[0]
    if best < _OTHER_ROLE:
        keys = tuple(row.key for _, row in scored[:3])
        why = f"{why}, but no row for the role {reading.facts.role}"
        return Match(Certainty.NONE, None, keys, why)
    close = [row for score, row in scored if best - score < 0.1]
    open_ones = [row for row in close if _is_open(row)]
    if best >= _SAME_ROLE and len(open_ones) == 1:
        return _found(open_ones[0], f"{why} and role ({open_ones[0].role})")
    if best >= _SAME_ROLE and _holds_the_others(close):
        return _found(best_row, f"{why} and role ({best_row.role})")
    if len(close) == 1 and (best >= _SAME_ROLE or len(rows) == 1):
        return _found(best_row, f"{why} and role ({best_row.role or 'none in the row'})")
    return _ask([row for _, row in scored], f"{why}, but its role fits no row well enough")


def _holds_the_others(rows: Sequence[Application]) -> bool:
    """The mail says "Senior Data Engineer"; the row "Data Engineer" is then not meant."""
    longest = f" {normalised_company(rows[0].role)} "
    others = [f" {normalised_company(row.role)} " for row in rows[1:]]
    return all(other in longest and other != longest for other in others)


def _by_role_alone(reading: _Reading, rows: Sequence[Application]) -> Match:
    """Without an employer's name a role can only suggest rows, never decide."""
    fitting = [row for row in rows if _is_open(row) and (reading.role(row) or 0.0) >= _SAME_ROLE]
    if fitting:
        return _ask(fitting, f"the mail names a role ({fitting[0].role}) but no employer")
    return Match(Certainty.NONE, None, (), "the mail names no employer")


def role_similarity(one: str, other: str) -> float:
    """How alike two job titles are, 0 to 1; seniority words weigh as much as any other."""
    left, right = _role_words(one), _role_words(other)
    if not left or not right:
        return 0.0
    if left == right:
        return 1.0
    return (fuzz.token_sort_ratio(left, right) + fuzz.token_set_ratio(left, right)) / 200


def _role_words(role: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in role.casefold()).split()
    return " ".join(_SHORT.get(word, word) for word in words if word not in _FILLER)


_FILLER = frozenset(
    {"m", "w", "d", "f", "x", "the", "a", "of", "for", "and", "in", "remote", "hybrid"}
)
_SHORT = {
    "sr": "senior",
    "jr": "junior",
    "dev": "developer",
    "eng": "engineer",
    "mgr": "manager",
    "swe": "software engineer",
    "pm": "product manager",
    "asst": "assistant",
    "coordinator": "coordinator",
}


def _is_open(row: Application) -> bool:
    return row.status is None or row.status.is_open


def _found(row: Application, why: str) -> Match:
    return Match(Certainty.FOUND, row.key, (row.key,), why)


def _ask(rows: Sequence[Application], why: str) -> Match:
    return Match(Certainty.ASK, None, tuple(row.key for row in rows[:3]), why)
