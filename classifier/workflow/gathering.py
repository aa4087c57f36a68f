"""Gather: new mail of every account is fetched, judged and stored; the table is not touched yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from classifier.config import Account, Config
from classifier.core.message import Message, Unreadable
from classifier.core.record import MailRecord
from classifier.edges.mailbox import Fetched, Folder, FolderGone, Mailbox, Position, Unfetched
from classifier.edges.state import AccountRun, State
from classifier.errors import GhostResumeError
from classifier.workflow.judging import Judge, as_stored, parse_all, unseen
from classifier.workflow.progress import Progress

OpenMailbox = Callable[[Account], Mailbox]


@dataclass(frozen=True, slots=True)
class Errand:
    """One run's means and limits."""

    state: State
    judge: Judge
    progress: Progress
    config: Config
    run_id: int
    now: datetime
    since: date | None  # from the command line; None: as each account is configured


@dataclass(frozen=True, slots=True)
class AccountResult:
    """How one account went: the figures, and the error that ended it, if one did."""

    run: AccountRun
    error: GhostResumeError | None
    judged: tuple[MailRecord, ...]  # only those of this run


def read_account(errand: Errand, account: Account, open_mailbox: OpenMailbox) -> AccountResult:
    """Read all folders of an account; an error ends this account, not the others.

    What was stored before the error stays, with its position: the next run goes on there.
    """
    started = time.monotonic()
    tally = _Tally()
    error: GhostResumeError | None = None
    try:
        mailbox = open_mailbox(account)
        try:
            _read_folders(errand, account, mailbox, tally)
        finally:
            mailbox.close()
    except GhostResumeError as problem:
        error = problem
    run = AccountRun(
        account=account.name,
        fetched=tally.fetched,
        bytes=tally.bytes,
        failed=tally.failed,
        seconds=round(time.monotonic() - started, 2),
        error=str(error) if error else tally.lost_folders or None,
    )
    return AccountResult(run, error, tuple(tally.judged))


class _Tally:
    """Figures of one account while it is read."""

    def __init__(self) -> None:
        self.fetched = 0
        self.bytes = 0
        self.failed = 0
        self.lost_folders = ""
        self.judged: list[MailRecord] = []


def _read_folders(errand: Errand, account: Account, mailbox: Mailbox, tally: _Tally) -> None:
    names = mailbox.folders()
    if "*" in account.folders:
        for gone in errand.state.forget_folders(account.name, names):
            # Renamed, it is among the others under its new name; nothing is judged twice.
            errand.progress.say(f"{account.name}/{gone}: this folder is not there any more.")
    for name in names:
        try:
            folder = mailbox.open(name)
        except FolderGone as lost:
            # A renamed folder comes back under its new name; nothing in it is judged twice.
            errand.progress.say(f"{account.name}: {lost}")
            if len(names) == 1 and errand.state.position(account.name, name) is None:
                raise
            tally.lost_folders = f"{tally.lost_folders} {lost}".strip()
            continue
        _read_folder(errand, account, mailbox, folder, tally)


def _read_folder(
    errand: Errand, account: Account, mailbox: Mailbox, folder: Folder, tally: _Tally
) -> None:
    position = errand.state.position(account.name, folder.name)
    where = f"{account.name}/{folder.name}"
    if position is not None and position.uidvalidity != folder.uidvalidity:
        errand.progress.say(
            f"{where}: the server numbered this folder anew; it is read again from "
            f"{_first_day(errand, account):%Y-%m-%d}, and nothing is judged twice."
        )
        position = None
    last_uid = position.last_uid if position else 0
    # While nothing was found yet (UID 0), the whole old folder still lies ahead.
    since = None if last_uid and errand.since is None else _first_day(errand, account)
    if errand.since is not None:
        # An explicit --since looks back over what has been read, too. It never moves the
        # position: older mail that no night has read yet would be passed over for good.
        last_uid = 0
    errand.progress.step(f"reading {where}", 0, None)
    done = 0
    for batch in mailbox.newer_than(last_uid, since):
        judged = _judge_batch(errand, where, batch, tally)
        highest = max(item.uid for item in batch)
        with errand.state.transaction():
            errand.state.add_messages(judged, errand.run_id)
            for item in batch:
                if isinstance(item, Unfetched):
                    errand.progress.say(f"{where}, mail {item.uid}: {item.reason}")
                    errand.state.add_failure(where, str(item.uid), item.reason, errand.run_id)
            if errand.since is None and (position is None or highest > position.last_uid):
                # Moved with the mails, in one transaction: no kill can part them.
                position = Position(folder.uidvalidity, highest)
                errand.state.move_position(account.name, folder.name, position)
        tally.judged += judged
        done += len(batch)
        errand.progress.step(f"reading {where}", done, None)
    if position is None and errand.since is None:
        with errand.state.transaction():
            # Nothing to read yet: from here on everything is new.
            errand.state.move_position(
                account.name, folder.name, Position(folder.uidvalidity, last_uid)
            )
    if errand.state.count_mails(account.name, folder.name, folder.exists) and not folder.exists:
        errand.progress.say(f"{where}: the folder was emptied; what was read from it is kept.")
    errand.progress.step(f"reading {where}", done, done)


def _judge_batch(
    errand: Errand, where: str, batch: Sequence[Fetched | Unfetched], tally: _Tally
) -> list[MailRecord]:
    fetched = [item for item in batch if isinstance(item, Fetched)]
    parsed = parse_all([item.raw for item in fetched])
    messages: list[Message] = []
    for item, message in zip(fetched, parsed, strict=True):
        if isinstance(message, Unreadable):
            tally.failed += 1
            errand.progress.say(f"{where}, mail {item.uid}: {message.reason}")
            with errand.state.transaction():
                errand.state.add_failure(where, str(item.uid), message.reason, errand.run_id)
        else:
            messages.append(message)
    tally.fetched += len(fetched)
    tally.bytes += sum(item.size for item in fetched)
    tally.failed += len(batch) - len(fetched)
    return judge_new(errand, messages, where)


def judge_new(errand: Errand, messages: Sequence[Message], origin: str) -> list[MailRecord]:
    """Judge those of the messages that are not stored yet."""
    keep_since = errand.now - timedelta(days=errand.config.privacy.keep_text_days)
    new = unseen(messages, errand.state.fingerprint_of)
    return [as_stored(judged, origin, keep_since) for judged in errand.judge.judge(new)]


def _first_day(errand: Errand, account: Account) -> date:
    if errand.since is not None:
        return errand.since
    return errand.now.date() - timedelta(days=account.first_sync_days)
