"""Decide and apply: what the stored verdicts do to the person's file, in an order no kill can break.

1. The plan is made from the file as it stands and stored as `pending`, with the digest that
   the file will have.
2. The file is replaced, whole, after a dated backup.
3. The journal gets the changes, the messages are settled, `pending` is dropped: one transaction.

Killed before 2, the digest does not match and the plan is made again. Killed between 2 and
3, it does match and only step 3 is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from classifier.config import Config, CreateRows
from classifier.core.alignment import align
from classifier.core.application import Application, Change
from classifier.core.facts import Facts
from classifier.core.record import MailRecord
from classifier.core.tracker import News, Plan, Policy, make_plan
from classifier.edges.state import PendingWrite, Settled, State
from classifier.edges.tables import ChangedMeanwhile, Table, digest_of, read_table, save_table
from classifier.edges.workspace import Workspace

_TRIES = 3  # when the person saves the file at the very moment that we do


@dataclass(frozen=True, slots=True)
class Applied:
    """What one run did to the table, or, in a dry run, would do."""

    changes: tuple[Change, ...]
    created: tuple[int, ...]  # rows
    names: Mapping[int, str]  # of the changed rows: "Employer, role"


@dataclass(frozen=True, slots=True)
class _Write:
    content: bytes
    changes: tuple[Change, ...]
    created: tuple[int, ...]
    after: tuple[Application, ...]
    plan: Plan

    @property
    def applied(self) -> Applied:
        touched = {change.key for change in self.changes}
        names = {
            row.row: ", ".join(part for part in (row.company, row.role) if part)
            for row in self.after
            if row.key in touched
        }
        return Applied(self.changes, self.created, names)


def read_tracker(workspace: Workspace, config: Config) -> Table:
    """The person's file as it stands."""
    return read_table(
        workspace.tracker_file(config), config.tracker.columns, config.tracker.statuses
    )


def known_rows(state: State, table: Table, path: Path) -> list[Application]:
    """The file's rows with the keys that they are known by."""
    return align(table.applications, state.applications(), state.next_key(), _saved_at(path))


def _saved_at(path: Path) -> datetime | None:
    if not path.exists():
        return None
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)


def finish_interrupted(state: State, workspace: Workspace, config: Config, at: datetime) -> None:
    """Bring an earlier run that was killed to its end, or forget its plan."""
    pending = state.pending()
    if pending is None:
        return
    path = workspace.tracker_file(config)
    done = digest_of(path) == pending.digest_after or _stands_in_file(
        pending, state, read_tracker(workspace, config), path
    )
    with state.transaction():
        if done:
            state.confirm(pending, at)
        else:
            state.discard_pending()


def _stands_in_file(pending: PendingWrite, state: State, table: Table, path: Path) -> bool:
    """True when the write happened and the person has edited the file since.

    It came in whole or not at all, so most of it still stands or hardly any.
    """
    next_key = max([state.next_key(), *(row.key + 1 for row in pending.rows)])
    aligned = align(table.applications, pending.rows, next_key, _saved_at(path))
    rows = {row.key: row for row in aligned}
    last = {(change.key, change.field): change.new for change in pending.changes}
    standing = [key in rows and rows[key].cell(field) == new for (key, field), new in last.items()]
    return 2 * sum(standing) > len(standing)


def apply_news(
    state: State,
    workspace: Workspace,
    config: Config,
    run_id: int,
    at: datetime,
    *,
    dry_run: bool,
) -> Applied:
    """Carry out what all unsettled messages mean for the table.

    Raises `TrackerNotWritable`; the messages then stay unsettled and wait.
    """
    for attempt in range(_TRIES):
        try:
            return _apply_once(state, workspace, config, run_id, at, dry_run=dry_run)
        except ChangedMeanwhile:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _apply_once(
    state: State,
    workspace: Workspace,
    config: Config,
    run_id: int,
    at: datetime,
    *,
    dry_run: bool,
) -> Applied:
    path = workspace.tracker_file(config)
    table = read_tracker(workspace, config)
    rows = known_rows(state, table, path)
    write = _decide(state, table, rows, config)
    pending = PendingWrite(
        run_id=run_id,
        digest_after=hashlib.sha256(write.content).hexdigest(),
        changes=write.changes,
        settled=tuple(
            Settled(item.message_id, item.key, item.question, item.candidates)
            for item in write.plan.outcomes
        ),
        rows=write.after,
    )
    needs_saving = bool(write.changes) or not path.exists()
    if needs_saving and not dry_run:  # a dry run's state is a copy in memory
        with state.transaction():
            state.remember_applications(rows)
            state.announce(pending)
        try:
            save_table(path, table, write.content, workspace.backups, at)
        except Exception:
            with state.transaction():
                state.discard_pending()
            raise
    with state.transaction():
        state.confirm(pending, at)
    return write.applied


def _decide(state: State, table: Table, rows: Sequence[Application], config: Config) -> _Write:
    plan = make_plan(
        rows,
        [_news(message) for message in state.unsettled()],
        state.threads(),
        Policy(
            rows_from_confirmation=config.tracker.create_rows is not CreateRows.NEVER,
            rows_always=config.tracker.create_rows is CreateRows.ALWAYS,
            fields=frozenset(table.columns),
            words=table.words,
        ),
        max([state.next_key(), *(row.key + 1 for row in rows)]),
    )
    row_of = {row.key: table.next_row + index for index, row in enumerate(plan.created)}
    changes = tuple(replace(c, row=row_of.get(c.key, c.row)) for c in plan.changes)
    cells = {(c.row, c.field): c.new for c in changes if c.key not in row_of}
    added = [{c.field: c.new for c in changes if c.key == key} for key in row_of]
    after = tuple(replace(row, row=row_of.get(row.key, row.row)) for row in plan.rows)
    return _Write(table.rendered(cells, added), changes, tuple(row_of.values()), after, plan)


def _news(message: MailRecord) -> News:
    return News(
        message_id=message.id,
        sent_at=message.sent_at,
        sender_address=message.sender_address,
        thread=message.thread,
        verdict=message.verdict,
        facts=Facts(message.company, message.role, message.starts_at, message.place),
        heading=f"{message.sender_name}\n{message.subject}",
        text=message.text or "",
    )
