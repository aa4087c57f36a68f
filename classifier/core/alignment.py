"""Recognises the rows of the person's table from one night to the next, however they sorted it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import datetime

from classifier.core.application import Application
from classifier.core.names import normalised_company


def align(
    rows: Sequence[Application],
    known: Sequence[Application],
    next_key: int,
    saved_at: datetime | None,
) -> list[Application]:
    """Give each row of the file the key it had when it was last seen, or a new one.

    Rows are paired by ever weaker likeness, in file order; each known row serves once.
    A row whose status differs from what was last seen was changed by the person, at
    `saved_at` (when the file was last saved) at the latest.
    """
    pairs: dict[int, Application] = {}  # index in rows → known row
    left = {row.key: row for row in known}
    for likeness in _LIKENESSES:
        by_likeness: dict[Hashable, list[Application]] = defaultdict(list)
        for row in sorted(left.values(), key=lambda row: row.row):
            if (key := likeness(row)) is not None:
                by_likeness[key].append(row)
        for index, row in enumerate(rows):
            if index in pairs or row.is_blank:
                continue
            candidates = by_likeness.get(likeness(row))
            if candidates:
                pairs[index] = candidates.pop(0)
                del left[pairs[index].key]
    aligned: list[Application] = []
    for index, row in enumerate(rows):
        if index in pairs:
            aligned.append(_as_seen(row, pairs[index], saved_at))
        else:
            aligned.append(replace(row, key=next_key))
            next_key += 1
    return aligned


def _as_seen(row: Application, before: Application, saved_at: datetime | None) -> Application:
    edited = row.status_text != before.status_text
    return replace(row, key=before.key, edited_at=saved_at if edited else before.edited_at)


def _company(row: Application) -> str:
    return normalised_company(row.company)


# From certain to plausible. None: this likeness says nothing about that row.
_LIKENESSES: tuple[Callable[[Application], Hashable | None], ...] = (
    lambda row: (row.company, row.role, row.applied_on, row.link),
    lambda row: (row.link,) if row.link else None,
    lambda row: (_company(row), row.role.casefold(), row.applied_on),
    lambda row: (_company(row), row.role.casefold()),
    lambda row: (_company(row), row.applied_on) if row.applied_on else None,
    lambda row: (_company(row), row.row),
    lambda row: (row.row, row.role.casefold(), row.applied_on) if row.role else None,
)
