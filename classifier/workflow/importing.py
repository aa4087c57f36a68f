"""The nightly job's pipeline over mail in files: an mbox, a Maildir, .eml files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import BinaryIO, TypeVar

from classifier.config import Config
from classifier.core.message import Message, Unreadable
from classifier.core.record import MailRecord
from classifier.edges.files import workspace_lock
from classifier.edges.mailfiles import MailFile, read_mail
from classifier.edges.state import AccountRun, State
from classifier.edges.workspace import Workspace
from classifier.workflow.gathering import AccountResult, Errand, judge_new
from classifier.workflow.judging import Judge, parse_all
from classifier.workflow.progress import Progress
from classifier.workflow.syncing import Report, conclude

BATCH = 128  # mails judged, and stored, at once

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the command line asks of an import."""

    paths: tuple[str, ...]
    since: date | None = None
    dry_run: bool = False


def import_mail(
    workspace: Workspace,
    config: Config,
    options: ImportOptions,
    progress: Progress,
    *,
    stdin: BinaryIO | None = None,
    now: datetime | None = None,
) -> Report:
    """Judge the mail of files and bring the table up to date; see `syncing.Report`.

    Every path counts as an account in the report. Mail that was judged before, from
    whatever place, is passed over.
    """
    now = now or datetime.now(tz=UTC)
    with workspace_lock(workspace.lock):
        state = State.open(workspace.database, in_memory_copy=options.dry_run)
        try:
            run_id = state.begin_run("import", now)
            judge = Judge(workspace.models, progress)
            errand = Errand(state, judge, progress, config, run_id, now, options.since)
            results = [_read_path(errand, path, stdin) for path in dict.fromkeys(options.paths)]
            return conclude(errand, workspace, results, dry_run=options.dry_run)
        finally:
            state.close()


def _read_path(errand: Errand, path: str, stdin: BinaryIO | None) -> AccountResult:
    started = time.monotonic()
    fetched = size = failed = 0
    judged: list[MailRecord] = []
    errand.progress.step(f"reading {path}", 0, None)
    for batch in batches(read_mail([path], stdin), BATCH):
        messages, lost = _parse(errand, batch)
        failed += lost
        fetched += len(batch)
        size += sum(len(item.raw) for item in batch if item.raw)
        new = judge_new(errand, messages, path)
        with errand.state.transaction():
            errand.state.add_messages(new, errand.run_id)
        judged += new
        errand.progress.step(f"reading {path}", fetched, None)
    errand.progress.step(f"reading {path}", fetched, fetched)
    seconds = round(time.monotonic() - started, 2)
    return AccountResult(
        AccountRun(path, fetched, size, failed, seconds, None), None, tuple(judged)
    )


def _parse(errand: Errand, batch: Sequence[MailFile]) -> tuple[list[Message], int]:
    readable = [item for item in batch if item.raw is not None]
    parsed = parse_all([item.raw for item in readable if item.raw is not None])
    bad = [(item, item.error or "unreadable") for item in batch if item.raw is None]
    messages: list[Message] = []
    for item, message in zip(readable, parsed, strict=True):
        if isinstance(message, Unreadable):
            bad.append((item, message.reason))
        elif _wanted(message, errand.since):
            messages.append(message)
    with errand.state.transaction():
        for item, reason in bad:
            errand.progress.say(f"{item.path}, mail {item.index}: {reason}")
            errand.state.add_failure(item.path, str(item.index), reason, errand.run_id)
    return messages, len(bad)


def _wanted(message: Message, since: date | None) -> bool:
    return since is None or message.sent_at is None or message.sent_at.date() >= since


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of up to `size` items, as they come."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
