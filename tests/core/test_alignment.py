from __future__ import annotations

import random
from datetime import UTC, datetime

from classifier.core.alignment import align
from classifier.core.application import Application, Status

SAVED = datetime(2026, 3, 1, tzinfo=UTC)


def rows() -> list[Application]:
    return [
        Application(
            row=2,
            key=11,
            company="Acme",
            role="Analyst",
            status=Status.APPLIED,
            status_text="applied",
        ),
        Application(
            row=3,
            key=12,
            company="Acme",
            role="Designer",
            status=Status.APPLIED,
            status_text="applied",
        ),
        Application(
            row=4,
            key=13,
            company="Larkmoor",
            role="Analyst",
            status=Status.APPLIED,
            status_text="applied",
        ),
        Application(row=5, key=14, company="Larkmoor", role="Analyst", applied_on="2026-01-01"),
    ]


def unkeyed(listed: list[Application]) -> list[Application]:
    from dataclasses import replace

    return [replace(row, key=0, row=index) for index, row in enumerate(listed, start=2)]


def test_rows_keep_their_keys_however_the_person_sorts_them() -> None:
    for seed in range(10):
        shuffled = rows()
        random.Random(seed).shuffle(shuffled)
        aligned = align(unkeyed(shuffled), rows(), 100, SAVED)
        assert [row.key for row in aligned] == [row.key for row in shuffled]


def test_an_inserted_row_gets_a_new_key_and_the_others_keep_theirs() -> None:
    listed = [Application(row=0, company="Newco"), *rows()]
    assert [row.key for row in align(unkeyed(listed), rows(), 100, SAVED)] == [100, 11, 12, 13, 14]


def test_a_renamed_role_keeps_its_row() -> None:
    listed = rows()
    listed[0] = Application(
        row=2, company="Acme", role="Senior Analyst", status=Status.APPLIED, status_text="applied"
    )
    assert align(unkeyed(listed), rows(), 100, SAVED)[0].key == 11


def test_a_status_changed_by_the_person_is_noticed_with_its_time() -> None:
    listed = rows()
    listed[1] = Application(
        row=3, company="Acme", role="Designer", status=Status.WITHDRAWN, status_text="withdrawn"
    )
    aligned = align(unkeyed(listed), rows(), 100, SAVED)
    assert [row.edited_at for row in aligned] == [None, SAVED, None, None]
