"""A workspace for tests: what lies in it before and after a run, and how to run one."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from classifier.config import Config
from classifier.edges.workspace import Workspace, prepare
from classifier.sample.server import ImapServer
from classifier.workflow.importing import ImportOptions, import_mail
from classifier.workflow.progress import Silent
from classifier.workflow.summarising import overview
from classifier.workflow.syncing import Report, SyncOptions, sync

USER = "sam"
PASSWORD = "only-Sam-knows-7Q!x"
PASSWORD_ENV = "GHOSTRESUME_TEST_PASSWORD"
NIGHT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # the first one; the others are days after it

# The person's own column, a quoted cell and a cell with a line break are to stay as they are.
TRACKER = b"""\
company,role,status,applied_on,updated_on,notes,mood
Brackenmoor,Data Analyst,applied,2026-02-10,,"nice people, long commute",:)
Hallow & Pike,Site Engineer,applied,2026-02-11,2026-02-11,"ref. 88
ask for Dee",
Ostrava Lifts,Warehouse Lead,interview,2026-02-12,2026-02-20,,meh
Merrowby School,Tutor,withdrawn,2026-01-15,,too far,"so, so"
"""

Tables = dict[str, list[dict[str, Any]]]


def days_after(days: float, hour: int = 9) -> datetime:
    """A time on a day before (negative) or after the first night."""
    return NIGHT.replace(hour=0) + timedelta(days=days, hours=hour)


@dataclass
class Desk:
    """One workspace, synced by the library itself; `lines` is what the last run said."""

    workspace: Workspace
    lines: list[str] = field(default_factory=list)

    @property
    def csv(self) -> Path:
        return self.workspace.data / "applications.csv"

    @property
    def backups(self) -> list[Path]:
        return sorted(self.workspace.backups.glob("*")) if self.workspace.backups.exists() else []

    def configure(self, *accounts: str, tracker: str = "", rest: str = "") -> Config:
        """Write the settings; each account is a section's text, as `account` makes it."""
        sections = [f"[tracker]\n{tracker}", rest, *accounts]
        self.workspace.config_file.write_text("\n".join(sections), "utf-8")
        self.workspace.config_file.chmod(0o600)
        return prepare(self.workspace)

    def sync(self, config: Config, at: datetime = NIGHT, **options: Any) -> Report:
        progress = Silent()
        try:
            return sync(self.workspace, config, SyncOptions(**options), progress, now=at)
        finally:
            self.lines = progress.lines

    def take_in(self, config: Config, *paths: Path | str, **options: Any) -> Report:
        """Import files."""
        at = options.pop("at", NIGHT)
        stdin = options.pop("stdin", None)
        progress = Silent()
        try:
            wanted = ImportOptions(tuple(map(str, paths)), **options)
            return import_mail(self.workspace, config, wanted, progress, stdin=stdin, now=at)
        finally:
            self.lines = progress.lines

    def statuses(self, config: Config, at: datetime = NIGHT) -> dict[str, str]:
        rows = overview(self.workspace, config, now=at).summary.applications
        return {row.company: row.status_text for row in rows}

    def judged(self) -> list[str]:
        """The ids of all stored mails."""
        return [row["id"] for row in self.tables()["messages"]]

    def tables(self) -> Tables:
        """Every table of the database, whole."""
        return read_tables(self.workspace.database)

    def at_rest(self) -> Tables:
        """The tables that a run with nothing to do must leave alone."""
        tables = self.tables()
        return {name: rows for name, rows in tables.items() if name not in _ABOUT_RUNS}

    def files(self) -> dict[str, str]:
        """Digests of all files that are the person's: all but the lock and SQLite's helpers."""
        return {
            str(path.relative_to(self.workspace.home)): hashlib.sha256(
                path.read_bytes()
            ).hexdigest()
            for path in sorted(self.workspace.home.rglob("*"))
            if path.is_file() and not path.name.endswith((".lock", "-wal", "-shm"))
        }


def lay_out(home: Path, model_store: Path, tracker: bytes | None = TRACKER) -> Desk:
    """A new workspace; its models are the shared ones."""
    workspace = Workspace(home)
    workspace.data.mkdir(parents=True)
    workspace.models.symlink_to(model_store, target_is_directory=True)
    if tracker is not None:
        (workspace.data / "applications.csv").write_bytes(tracker)
    return Desk(workspace)


_ABOUT_RUNS = ("runs", "account_runs")
# What may differ between a run and one that was killed and run again.
_OF_THE_RUN = {"run_id", "at", "settled_in"}


def read_tables(database: Path) -> Tables:
    """Every table of a database by name, each row by column."""
    with closing(sqlite3.connect(database)) as db:
        db.row_factory = sqlite3.Row
        names = [
            row["name"]
            for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not row["name"].startswith("sqlite_")
        ]
        return {
            name: sorted(
                (dict(row) for row in db.execute(f"SELECT * FROM {name}")),
                key=lambda row: json.dumps(list(row.values())),
            )
            for name in sorted(names)
        }


def without_runs(tables: Tables) -> Tables:
    """The tables without what tells which run did it, and when; settled or not stays."""
    return {
        name: [
            {key: value for key, value in row.items() if key not in _OF_THE_RUN}
            | ({"settled": row["settled_in"] is not None} if "settled_in" in row else {})
            for row in rows
        ]
        for name, rows in tables.items()
        if name not in _ABOUT_RUNS
    }


def account(
    server: ImapServer,
    name: str = "personal",
    *,
    folders: str = '["INBOX"]',
    port: int | None = None,
    user: str = USER,
    password_env: str = PASSWORD_ENV,
    rest: str = "",
) -> str:
    """An account's section of the settings."""
    return (
        f'[[accounts]]\nname = "{name}"\nhost = "127.0.0.1"\n'
        f"port = {server.port if port is None else port}\n"
        f'security = "plain"\nuser = "{user}"\nauth = "env"\npassword_env = "{password_env}"\n'
        f"folders = {folders}\n{rest}\n"
    )
