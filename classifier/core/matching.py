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
    squeeze,
)

_SAME_COMPANY = 0.86  # similarity from which two names are taken for one employer
_PERHAPS_COMPANY = 0.6  # from here a person should look before a row is added
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


def find_row(
    letter: Letter, applications: Sequence[Application], threads: Mapping[str, int]
) -> Match:
    """Find the application a mail is about.

    `threads` maps the id of an earlier mail to the key of the row it was put on. Certain
    ways come first: an answered mail, then employer and role. With one employer and
    several rows, the role must tell them apart or the person is asked.
    """
    applications = [row for row in applications if not row.is_blank]
    by_key = {row.key: row for row in applications}
    linked = {threads[mail] for mail in letter.thread if threads.get(mail) in by_key}
    if len(linked) == 1:
        key = linked.pop()
        if not _contradicts(letter.facts, by_key[key]):
            return Match(Certainty.FOUND, key, (key,), "answers an earlier mail of this row")

    scored = [(_company_score(letter, row), row) for row in applications]
    same = [row for score, row in scored if score >= _SAME_COMPANY and not _too_early(letter, row)]
    if same:
        return _among(same, letter.facts.role, f"same employer ({same[0].company})")
    company = letter.facts.company
    if company is None:
        return _by_role_alone(letter, applications)
    perhaps = sorted(
        ((score, row) for score, row in scored if score >= _PERHAPS_COMPANY),
        key=lambda item: (-item[0], item[1].row),
    )
    if perhaps:
        keys = tuple(row.key for _, row in perhaps[:3])
        return Match(
            Certainty.ASK, None, keys, f"{company} is like, but not the same as, a row's employer"
        )
    return Match(Certainty.NONE, None, (), f"no row of {company}")


def _contradicts(facts: Facts, row: Application) -> bool:
    """A thread can drift to another role; then its row is no longer certain."""
    return bool(facts.role and row.role and role_similarity(facts.role, row.role) < _OTHER_ROLE)


def _company_score(letter: Letter, row: Application) -> float:
    """Likeness of the employers; the sender's own domain speaks where the name says little."""
    company = letter.facts.company
    score = company_similarity(company or "", row.company)
    label = squeeze(organisation_label(letter.sender_domain))
    if len(label) >= 4 and label == squeeze(normalised_company(row.company)):
        # A mail that names another employer comes perhaps from a sister firm: ask.
        return max(score, 0.95 if company is None or score >= _PERHAPS_COMPANY else 0.8)
    return score


def _too_early(letter: Letter, row: Application) -> bool:
    """A mail from before the application can't be its answer (a day of slack for time zones)."""
    applied = read_day(row.applied_on)
    return bool(applied and letter.sent_on and (applied - letter.sent_on).days > 1)


def _among(rows: Sequence[Application], role: str | None, why: str) -> Match:
    """Choose between rows of one employer."""
    if role is None:
        candidates = [row for row in rows if row.status is None or row.status.is_open] or list(rows)
        if len(candidates) == 1:
            return _found(candidates[0], why)
        return _ask(candidates, f"{why}, several rows, and the mail names no role")
    scored = sorted(
        ((role_similarity(role, row.role) if row.role else 0.5, row) for row in rows),
        key=lambda item: (-item[0], not _is_open(item[1]), item[1].row),
    )
    best, best_row = scored[0]
    if best < _OTHER_ROLE:
        return Match(
            Certainty.NONE,
            None,
            tuple(row.key for _, row in scored[:3]),
            f"{why}, but no row for the role {role}",
        )
    close = [row for score, row in scored if best - score < 0.1]
    open_ones = [row for row in close if _is_open(row)]
    if len(open_ones) == 1 and best >= _SAME_ROLE:
        return _found(open_ones[0], f"{why} and role ({role})")
    if len(close) > 1:
        return _ask(close, f"{why}, and more than one row fits the role {role}")
    if best >= _SAME_ROLE or len(rows) == 1:
        return _found(best_row, f"{why} and role ({role})")
    return _ask([row for _, row in scored[:3]], f"{why}, but the role {role} fits no row well")


def _by_role_alone(letter: Letter, applications: Sequence[Application]) -> Match:
    """Without an employer's name a role can only suggest rows, never decide."""
    role = letter.facts.role
    if role is None:
        return Match(Certainty.NONE, None, (), "the mail names neither employer nor role")
    rows = [
        row
        for row in applications
        if _is_open(row) and row.role and role_similarity(role, row.role) >= _SAME_ROLE
    ]
    if not rows:
        return Match(Certainty.NONE, None, (), "the mail names no employer")
    return _ask(rows, f"the mail names a role ({role}) but no employer")


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
