"""The whole main job without an account: a sample mailbox is served, and synced for three nights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from classifier.config import FILE_NAME, Config
from classifier.edges.files import make_folder, replace_whole
from classifier.edges.imap import open_imap
from classifier.edges.workspace import Workspace, prepare
from classifier.errors import UsageProblem
from classifier.sample.mailbox import by_night, sample_applications, sample_letters
from classifier.sample.server import SampleMail, serve_imap
from classifier.workflow.progress import Progress
from classifier.workflow.summarising import Overview, overview
from classifier.workflow.syncing import Report, SyncOptions, sync

_USER, _PASSWORD = "sam", "the sample has no secrets"
_MARK = ".ghostresume-demo"


@dataclass(frozen=True, slots=True)
class Night:
    """One sync of the demo."""

    number: int
    at: datetime
    delivered: int
    report: Report


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the demo did: its nights, the summary at the end, and where the files are."""

    nights: tuple[Night, ...]
    overview: Overview
    workspace: Workspace


def demonstrate(
    home: Path,
    progress: Progress,
    show_night: Callable[[Night], None],
    now: datetime | None = None,
) -> Demonstration:
    """Run the demo in `home`, which is made anew but for the model of an earlier demo.

    Raises `UsageProblem` when `home` exists and was not made by an earlier demo.
    """
    now = now or datetime.now(tz=UTC)
    workspace = _fresh(home, now)
    letters = sample_letters(now)
    nights: list[Night] = []
    with serve_imap(user=_USER, password=_PASSWORD) as server:
        config = _config(workspace, server.port)
        for number, delivered in by_night(letters):
            server.add([SampleMail("INBOX", item.raw, item.sent_at) for item in delivered])
            at = _end_of_day(now - timedelta(days=3 - number), now)
            report = sync(
                workspace,
                config,
                SyncOptions(),
                progress,
                open_mailbox=lambda account: open_imap(account, lambda: _PASSWORD),
                now=at,
            )
            nights.append(Night(number, at, len(delivered), report))
            show_night(nights[-1])
    return Demonstration(tuple(nights), overview(workspace, config, now=now), workspace)


def _fresh(home: Path, now: datetime) -> Workspace:
    if home.exists():
        if not (home / _MARK).exists():
            raise UsageProblem(
                f"{home} exists and was not made by the demo; it was left as it is.",
                hint="Name another folder: ghostresume --home DIR demo",
            )
        # The model is kept: it takes seconds to build and is the same one again.
        for entry in (home / "data", home / FILE_NAME):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
    make_folder(home / "data")
    (home / _MARK).touch()
    replace_whole(home / "data" / "applications.csv", sample_applications(now))
    return Workspace(home)


def _config(workspace: Workspace, port: int) -> Config:
    settings = (
        "# The demo's settings. Its server lived only while the demo ran.\n"
        '[tracker]\nfile = "data/applications.csv"\n\n'
        f'[[accounts]]\nname = "sample"\nhost = "127.0.0.1"\nport = {port}\n'
        f'security = "plain"\nuser = "{_USER}"\nauth = "env"\n'
        'password_env = "GHOSTRESUME_PASSWORD"\n'
    )
    replace_whole(workspace.config_file, settings.encode())
    return prepare(workspace)


def _end_of_day(day: datetime, now: datetime) -> datetime:
    return min(day.replace(hour=23, minute=0, second=0, microsecond=0), now)
