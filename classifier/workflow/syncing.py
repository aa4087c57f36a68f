"""The nightly job: read every account, judge what is new, bring the table up to date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from classifier.config import Account, Config
from classifier.core.application import Change
from classifier.core.record import MailRecord
from classifier.core.verdict import Label
from classifier.edges.credentials import password_for
from classifier.edges.files import workspace_lock
from classifier.edges.imap import open_imap
from classifier.edges.mailbox import Mailbox
from classifier.edges.state import AccountRun, State
from classifier.edges.workspace import Workspace
from classifier.errors import GhostResumeError, TrackerNotWritable, UsageProblem
from classifier.workflow.applying import Applied, apply_news, finish_interrupted
from classifier.workflow.gathering import AccountResult, Errand, OpenMailbox, read_account
from classifier.workflow.judging import Judge
from classifier.workflow.progress import Progress


@dataclass(frozen=True, slots=True)
class Report:
    """What one run did (or would do): the contract's `sync --json`."""

    accounts: tuple[AccountRun, ...]
    messages: tuple[MailRecord, ...]  # judged in this run
    changes: tuple[Change, ...]
    created: tuple[int, ...]  # rows
    names: Mapping[int, str]  # of the changed rows
    to_review: int  # mails of the whole workspace that wait for the person
    dry_run: bool
    problems: tuple[GhostResumeError, ...]

    @property
    def classified(self) -> dict[Label, int]:
        """How many of this run's mails got each label."""
        counts = Counter(message.verdict.label for message in self.messages)
        return {label: counts[label] for label in Label}

    @property
    def exit_code(self) -> int:
        """The contract's code: the table first, then what kept whole accounts from being read."""
        codes = [problem.exit_code for problem in self.problems]
        if TrackerNotWritable.exit_code in codes:
            return TrackerNotWritable.exit_code
        if codes and len(codes) == len(self.accounts) and len(set(codes)) == 1:
            return codes[0]
        return 1 if codes or any(run.failed or run.error for run in self.accounts) else 0


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What the command line asks of a sync."""

    accounts: tuple[str, ...] = ()  # names; empty: all
    since: date | None = None
    dry_run: bool = False


def imap_mailbox(account: Account) -> Mailbox:
    """Open an account over IMAP with the password that its owner keeps."""
    return open_imap(account, lambda: password_for(account))


def sync(
    workspace: Workspace,
    config: Config,
    options: SyncOptions,
    progress: Progress,
    *,
    open_mailbox: OpenMailbox = imap_mailbox,
    now: datetime | None = None,
) -> Report:
    """Read, judge, decide, apply; see `Report`.

    One account's failure stops neither the others nor the table. Raises `AlreadyRunning`
    and `UsageProblem` before anything is done.
    """
    now = now or datetime.now(tz=UTC)
    accounts = _chosen(config, options.accounts)
    with workspace_lock(workspace.lock):
        state = State.open(workspace.database, in_memory_copy=options.dry_run)
        try:
            return _run(workspace, config, options, progress, state, accounts, open_mailbox, now)
        finally:
            state.close()


def _chosen(config: Config, names: Sequence[str]) -> list[Account]:
    if not config.accounts:
        raise UsageProblem(
            "No account is configured, so there is no mail to read.",
            hint="Add an [[accounts]] section to ghostresume.toml, or try: ghostresume demo",
        )
    known = {account.name: account for account in config.accounts}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageProblem(
            f"No account is named {', '.join(map(repr, unknown))}.",
            hint=f"The configured ones: {', '.join(known)}.",
        )
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def _run(
    workspace: Workspace,
    config: Config,
    options: SyncOptions,
    progress: Progress,
    state: State,
    accounts: Sequence[Account],
    open_mailbox: OpenMailbox,
    now: datetime,
) -> Report:
    run_id = state.begin_run("sync", now)
    errand = Errand(
        state, Judge(workspace.models, progress), progress, config, run_id, now, options.since
    )
    results = [read_account(errand, account, open_mailbox) for account in accounts]
    return conclude(errand, workspace, results, dry_run=options.dry_run)


def conclude(
    errand: Errand, workspace: Workspace, results: Sequence[AccountResult], *, dry_run: bool
) -> Report:
    """Bring the table up to date with all that is stored, and end the run."""
    state, config = errand.state, errand.config
    problems = [result.error for result in results if result.error]
    applied = Applied((), (), {})
    try:
        finish_interrupted(state, workspace, config, errand.now)
        applied = apply_news(state, workspace, config, errand.run_id, errand.now, dry_run=dry_run)
    except TrackerNotWritable as problem:
        problems.append(problem)
    if not dry_run:
        state.forget_text(errand.now - timedelta(days=config.privacy.keep_text_days))
    state.end_run(errand.run_id, datetime.now(tz=UTC), [result.run for result in results])
    return Report(
        accounts=tuple(result.run for result in results),
        messages=tuple(message for result in results for message in result.judged),
        changes=applied.changes,
        created=applied.created,
        names=applied.names,
        to_review=state.count_to_review(),
        dry_run=dry_run,
        problems=tuple(problems),
    )
