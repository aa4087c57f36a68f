"""What the workspace remembers, in SQLite: messages, verdicts, journal, runs, positions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from classifier.core.application import FIELDS, Application, Change, Status
from classifier.core.record import MailRecord
from classifier.core.verdict import Clue, Detail, Label, Verdict
from classifier.edges.files import reason_of
from classifier.edges.mailbox import Position
from classifier.errors import TrackerNotWritable, UsageProblem

# One entry a version of the schema; `user_version` says how many have been applied.
_MIGRATIONS = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT                       -- NULL: running, or killed
    ) STRICT;
    CREATE TABLE account_runs (
        run_id INTEGER NOT NULL REFERENCES runs(id),
        account TEXT NOT NULL,
        fetched INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        seconds REAL NOT NULL,
        error TEXT,
        PRIMARY KEY (run_id, account)
    ) STRICT;
    CREATE TABLE positions (
        account TEXT NOT NULL,
        folder TEXT NOT NULL,
        uidvalidity INTEGER NOT NULL,
        last_uid INTEGER NOT NULL,
        mails INTEGER NOT NULL DEFAULT 0,   -- in the folder when it was last read
        PRIMARY KEY (account, folder)
    ) STRICT;
    CREATE TABLE messages (
        id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        origin TEXT NOT NULL,               -- account/folder, or the file it was read from
        sent_at TEXT,
        sender_name TEXT NOT NULL,
        sender_address TEXT NOT NULL,
        subject TEXT NOT NULL,
        thread TEXT NOT NULL,               -- JSON list of the ids that it answers
        text TEXT,                          -- NULL: unrelated mail, or its time is over
        company TEXT,
        role TEXT,
        starts_at TEXT,
        place TEXT,
        label TEXT NOT NULL,
        detail TEXT NOT NULL,
        probabilities TEXT NOT NULL,        -- JSON object by detail
        needs_review INTEGER NOT NULL,
        sentence TEXT,
        clues TEXT NOT NULL,                -- JSON list of [words, weight]
        model TEXT NOT NULL,
        run_id INTEGER NOT NULL REFERENCES runs(id),
        application_key INTEGER,
        question TEXT,
        candidates TEXT NOT NULL DEFAULT '[]',
        settled_in INTEGER REFERENCES runs(id)  -- NULL: its plan is not carried out yet
    ) STRICT;
    CREATE INDEX messages_by_date ON messages (sent_at);
    CREATE INDEX messages_unsettled ON messages (id) WHERE settled_in IS NULL;
    CREATE TABLE failures (
        origin TEXT NOT NULL,
        item TEXT NOT NULL,                 -- UID, or position in a file
        reason TEXT NOT NULL,
        run_id INTEGER NOT NULL REFERENCES runs(id),
        PRIMARY KEY (origin, item)
    ) STRICT;
    CREATE TABLE applications (             -- the rows as they were last seen
        key INTEGER PRIMARY KEY,
        row INTEGER NOT NULL,
        cells TEXT NOT NULL,                -- JSON object by field
        edited_at TEXT                      -- the person changed the status, by then
    ) STRICT;
    CREATE TABLE journal (                  -- append-only
        id INTEGER PRIMARY KEY,
        run_id INTEGER NOT NULL REFERENCES runs(id),
        at TEXT NOT NULL,
        application_key INTEGER NOT NULL,
        row INTEGER NOT NULL,
        field TEXT NOT NULL,
        old TEXT NOT NULL,
        new TEXT NOT NULL,
        message_id TEXT NOT NULL,
        sentence TEXT,
        model TEXT NOT NULL
    ) STRICT;
    CREATE TABLE pending (                  -- at most one: the write that is under way
        id INTEGER PRIMARY KEY CHECK (id = 1),
        run_id INTEGER NOT NULL,
        digest_after TEXT NOT NULL,
        plan TEXT NOT NULL
    ) STRICT;
    """,
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one message when a plan was carried out."""

    message_id: str
    application_key: int | None
    question: str | None
    candidates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PendingWrite:
    """A write to the tracker file that was announced; `digest_after` tells if it happened."""

    run_id: int
    digest_after: str
    changes: tuple[Change, ...]
    settled: tuple[Settled, ...]
    rows: tuple[Application, ...]  # as they stand once it has happened


@dataclass(frozen=True, slots=True)
class AccountRun:
    """How reading one account went in one run."""

    account: str
    fetched: int
    bytes: int
    failed: int
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class LastSync:
    """The newest finished run that read one account."""

    ended_at: datetime
    run: AccountRun


class DatabaseNotWritable(TrackerNotWritable):
    """The database can't be written, so nothing may be done to the tracker file either."""


def _not_writable(error: sqlite3.OperationalError) -> DatabaseNotWritable:
    full = "full" in str(error) or "disk I/O" in str(error)
    why = f"the disk is full ({error})" if full else str(error)
    return DatabaseNotWritable(
        f"The workspace's database can't be written: {why}. What was stored before is kept.",
        hint="Free some space, then run the command again: it goes on where it stopped.",
    )


class State:
    """The workspace's database. One process writes at a time, under the workspace's lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.row_factory = sqlite3.Row

    @classmethod
    def open(cls, path: Path, *, in_memory_copy: bool = False) -> State:
        """Open the database, made or migrated where needed.

        With `in_memory_copy` the file stays untouched and the copy is forgotten on close:
        a dry run takes the same path as a real one.
        """
        try:
            state = cls(_memory_copy(path) if in_memory_copy else _connect(path))
            state._migrate()
        except sqlite3.OperationalError as error:
            raise _not_writable(error) from None
        except OSError as error:
            raise DatabaseNotWritable(
                f"The workspace's database can't be written: {reason_of(error)}. "
                "Your applications file was not touched.",
                hint="Mend that, then: ghostresume sync",
            ) from None
        except sqlite3.DatabaseError as error:
            raise UsageProblem(
                f"The database {path} can't be used ({error}). Your applications file is not touched.",
                hint=f"Move {path.name} away (not the CSV), then: ghostresume sync",
            ) from None
        return state

    def close(self) -> None:
        """Close the connection; SQLite folds its write-ahead log into the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes of the block, durably, or none of them.

        Raises `DatabaseNotWritable` on a full or read-only disk.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise _not_writable(error) from None
            raise

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise UsageProblem(
                "The workspace was written by a newer version of Ghost Résumé; nothing was done.",
                hint="Install that version again.",
            )
        for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            # executescript commits by itself, so the transaction is spelled inside.
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    # runs

    def begin_run(self, kind: str, at: datetime) -> int:
        """Note that a run begins; its id."""
        with self.transaction():
            cursor = self._db.execute(
                "INSERT INTO runs (kind, started_at) VALUES (?, ?)", (kind, _text(at))
            )
        return int(cursor.lastrowid or 0)

    def end_run(self, run_id: int, at: datetime, accounts: Sequence[AccountRun]) -> None:
        """Note that a run ended, and how each account went."""
        with self.transaction():
            self._db.execute("UPDATE runs SET ended_at = ? WHERE id = ?", (_text(at), run_id))
            self._db.executemany(
                "INSERT INTO account_runs VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (run_id, a.account, a.fetched, a.bytes, a.failed, a.seconds, a.error)
                    for a in accounts
                ],
            )

    def last_syncs(self) -> list[LastSync]:
        """The newest finished sync of each account, newest first."""
        rows = self._db.execute(
            """SELECT r.ended_at, a.* FROM account_runs a JOIN runs r ON r.id = a.run_id
            WHERE a.run_id = (
                SELECT max(b.run_id) FROM account_runs b JOIN runs s ON s.id = b.run_id
                WHERE b.account = a.account AND s.kind = 'sync')
            ORDER BY r.id DESC, a.account"""
        )
        return [
            LastSync(
                datetime.fromisoformat(row["ended_at"]),
                AccountRun(*(row[name] for name in AccountRun.__slots__)),
            )
            for row in rows
        ]

    # positions

    def position(self, account: str, folder: str) -> Position | None:
        """How far a folder has been read; None: never."""
        row = self._db.execute(
            "SELECT uidvalidity, last_uid FROM positions WHERE account = ? AND folder = ?",
            (account, folder),
        ).fetchone()
        return Position(row["uidvalidity"], row["last_uid"]) if row else None

    def move_position(self, account: str, folder: str, position: Position) -> None:
        """Say a folder is read up to here; call it in the transaction that stores the mails."""
        self._db.execute(
            "INSERT INTO positions (account, folder, uidvalidity, last_uid) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET uidvalidity = excluded.uidvalidity,"
            " last_uid = excluded.last_uid",
            (account, folder, position.uidvalidity, position.last_uid),
        )

    def count_mails(self, account: str, folder: str, mails: int) -> int:
        """Note how many mails a read folder holds; the number noted before, 0 for none."""
        key = (account, folder)
        row = self._db.execute(
            "SELECT mails FROM positions WHERE account = ? AND folder = ?", key
        ).fetchone()
        before = int(row["mails"]) if row else 0
        if before != mails:
            with self.transaction():
                self._db.execute(
                    "UPDATE positions SET mails = ? WHERE account = ? AND folder = ?",
                    (mails, *key),
                )
        return before

    def forget_folders(self, account: str, present: Sequence[str]) -> list[str]:
        """Drop the positions of folders that are not there any more; their names."""
        rows = self._db.execute(
            "SELECT folder FROM positions WHERE account = ? ORDER BY folder", (account,)
        ).fetchall()
        gone = [row["folder"] for row in rows if row["folder"] not in present]
        if gone:
            with self.transaction():
                self._db.executemany(
                    "DELETE FROM positions WHERE account = ? AND folder = ?",
                    [(account, folder) for folder in gone],
                )
        return gone

    # messages

    def fingerprint_of(self, message_id: str) -> str | None:
        """The fingerprint of a stored message; None: not stored."""
        row = self._db.execute(
            "SELECT fingerprint FROM messages WHERE id = ?", (message_id,)
        ).fetchone()
        return str(row["fingerprint"]) if row else None

    def add_messages(self, messages: Iterable[MailRecord], run_id: int) -> None:
        """Store judged messages; one that is stored already stays as it is."""
        self._db.executemany(
            f"INSERT OR IGNORE INTO messages ({', '.join(_MESSAGE_COLUMNS)}) "
            f"VALUES ({', '.join('?' * len(_MESSAGE_COLUMNS))})",
            [(*_message_values(message), run_id) for message in messages],
        )

    def add_failure(self, origin: str, item: str, reason: str, run_id: int) -> None:
        """Remember a mail that could not be read."""
        self._db.execute(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", (origin, item, reason, run_id)
        )

    def unsettled(self) -> list[MailRecord]:
        """Messages whose consequences for the table are not carried out yet."""
        return self._messages("settled_in IS NULL ORDER BY id", ())

    def messages(self, since: datetime | None = None) -> list[MailRecord]:
        """All messages, or those sent since; newest first, undated last."""
        where = "sent_at >= ?" if since else "1"
        return self._messages(
            f"{where} ORDER BY sent_at IS NULL, sent_at DESC, id", (_text(since),) if since else ()
        )

    def _messages(self, where: str, values: tuple[object, ...]) -> list[MailRecord]:
        return [
            _message(row)
            for row in self._db.execute(f"SELECT * FROM messages WHERE {where}", values)
        ]

    def count_to_review(self) -> int:
        """How many messages wait for the person."""
        row = self._db.execute(
            "SELECT count(*) FROM messages WHERE needs_review OR question IS NOT NULL"
        ).fetchone()
        return int(row[0])

    def threads(self) -> dict[str, int]:
        """The id of each mail that lies on a row → the row's key."""
        rows = self._db.execute(
            "SELECT id, application_key FROM messages WHERE application_key IS NOT NULL"
        )
        return {row["id"]: row["application_key"] for row in rows}

    def forget_text(self, before: datetime) -> None:
        """Drop the text of mail sent before a day (`[privacy] keep_text_days`)."""
        with self.transaction():
            self._db.execute(
                "UPDATE messages SET text = NULL WHERE text IS NOT NULL AND sent_at < ?",
                (_text(before),),
            )

    # applications

    def applications(self) -> list[Application]:
        """The rows as they were last seen, by key."""
        rows = self._db.execute("SELECT key, row, cells, edited_at FROM applications ORDER BY key")
        return [_application(*row) for row in rows]

    def next_key(self) -> int:
        """The first key that no row, present or past, has."""
        row = self._db.execute(
            """SELECT max(coalesce((SELECT max(key) FROM applications), 0),
                          coalesce((SELECT max(application_key) FROM messages), 0),
                          coalesce((SELECT max(application_key) FROM journal), 0)) AS top"""
        ).fetchone()
        return int(row["top"]) + 1

    def remember_applications(self, rows: Sequence[Application]) -> None:
        """Replace what is known of the table; call it in a transaction."""
        self._db.execute("DELETE FROM applications")
        self._db.executemany(
            "INSERT INTO applications VALUES (?, ?, ?, ?)",
            [_row_values(row) for row in rows],
        )

    # the write that is under way

    def announce(self, pending: PendingWrite) -> None:
        """Store a plan before the tracker file is replaced; call it in a transaction."""
        plan = {
            "changes": [_change_values(change) for change in pending.changes],
            "settled": [
                [item.message_id, item.application_key, item.question, list(item.candidates)]
                for item in pending.settled
            ],
            "rows": [list(_row_values(row)) for row in pending.rows],
        }
        self._db.execute(
            "INSERT OR REPLACE INTO pending VALUES (1, ?, ?, ?)",
            (pending.run_id, pending.digest_after, json.dumps(plan, ensure_ascii=False)),
        )

    def pending(self) -> PendingWrite | None:
        """The announced write that was not confirmed; None in a workspace at rest."""
        row = self._db.execute("SELECT * FROM pending").fetchone()
        if row is None:
            return None
        plan = json.loads(row["plan"])
        return PendingWrite(
            row["run_id"],
            row["digest_after"],
            tuple(Change(*values) for values in plan["changes"]),
            tuple(
                Settled(mail, key, question, tuple(candidates))
                for mail, key, question, candidates in plan["settled"]
            ),
            tuple(_application(*values) for values in plan["rows"]),
        )

    def confirm(self, pending: PendingWrite, at: datetime) -> None:
        """Write the announced plan into the journal, settle its messages, remember its rows.

        Call it in a transaction.
        """
        self._db.executemany(
            "INSERT INTO journal (run_id, at, application_key, row, field, old, new, message_id,"
            " sentence, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(pending.run_id, _text(at), *_change_values(change)) for change in pending.changes],
        )
        self._db.executemany(
            "UPDATE messages SET application_key = ?, question = ?, candidates = ?, settled_in = ?"
            " WHERE id = ?",
            [
                (
                    item.application_key,
                    item.question,
                    json.dumps(list(item.candidates)),
                    pending.run_id,
                    item.message_id,
                )
                for item in pending.settled
            ],
        )
        self.remember_applications(pending.rows)
        self.discard_pending()

    def discard_pending(self) -> None:
        """Forget an announced write; its messages stay unsettled and are planned again."""
        self._db.execute("DELETE FROM pending")

    def changes_of_run(self, run_id: int) -> list[Change]:
        """The journal of one run, in order."""
        rows = self._db.execute("SELECT * FROM journal WHERE run_id = ? ORDER BY id", (run_id,))
        return [
            Change(
                row["application_key"], row["row"], row["field"], row["old"], row["new"],
                row["message_id"], row["sentence"], row["model"],
            )
            for row in rows
        ]  # fmt: skip


_MESSAGE_COLUMNS = (
    "id", "fingerprint", "origin", "sent_at", "sender_name", "sender_address", "subject", "thread",
    "text", "company", "role", "starts_at", "place", "label", "detail", "probabilities",
    "needs_review", "sentence", "clues", "model", "run_id",
)  # fmt: skip


def _connect(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600, exist_ok=True)
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    # FULL: what is announced in `pending` is on disk before the tracker file changes.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    # Text that is dropped (`keep_text_days`) is to be gone from the file, too.
    db.execute("PRAGMA secure_delete = ON")
    return db


def _memory_copy(path: Path) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    if path.exists():
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        source.backup(copy)
        source.close()
    return copy


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def _message_values(message: MailRecord) -> tuple[object, ...]:
    verdict = message.verdict
    starts = message.starts_at
    return (
        message.id,
        message.fingerprint,
        message.origin,
        _text(message.sent_at),
        message.sender_name,
        message.sender_address,
        message.subject,
        json.dumps(message.thread),
        message.text,
        message.company,
        message.role,
        starts.isoformat(timespec="minutes") if starts else None,  # in the organiser's zone
        message.place,
        verdict.label,
        verdict.detail,
        json.dumps({str(detail): round(p, 6) for detail, p in verdict.probabilities.items()}),
        int(verdict.needs_review),
        verdict.sentence,
        json.dumps(
            [[clue.words, round(clue.weight, 4)] for clue in verdict.clues], ensure_ascii=False
        ),
        verdict.model,
    )


def _message(row: sqlite3.Row) -> MailRecord:
    verdict = Verdict(
        label=Label(row["label"]),
        detail=Detail(row["detail"]),
        probabilities={Detail(k): v for k, v in json.loads(row["probabilities"]).items()},
        needs_review=bool(row["needs_review"]),
        sentence=row["sentence"],
        clues=tuple(Clue(words, weight) for words, weight in json.loads(row["clues"])),
        model=row["model"],
    )
    return MailRecord(
        id=row["id"],
        fingerprint=row["fingerprint"],
        origin=row["origin"],
        sent_at=_time(row["sent_at"]),
        sender_name=row["sender_name"],
        sender_address=row["sender_address"],
        subject=row["subject"],
        thread=tuple(json.loads(row["thread"])),
        text=row["text"],
        company=row["company"],
        role=row["role"],
        starts_at=_time(row["starts_at"]),
        place=row["place"],
        verdict=verdict,
        application_key=row["application_key"],
        question=row["question"],
        candidates=tuple(json.loads(row["candidates"])),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _application(key: int, row: int, cells: str, edited_at: str | None) -> Application:
    texts = json.loads(cells)
    meaning = texts.pop("meaning", None)
    status = Status(meaning) if meaning else None
    return Application.from_cells(row, texts, status, key, _time(edited_at))


def _row_values(row: Application) -> tuple[int, int, str, str | None]:
    return row.key, row.row, _cells(row), _text(row.edited_at)


def _cells(row: Application) -> str:
    cells = {field: row.cell(field) for field in FIELDS} | {"meaning": row.status}
    return json.dumps(cells, ensure_ascii=False)


def _change_values(change: Change) -> tuple[object, ...]:
    return (
        change.key, change.row, change.field, change.old, change.new,
        change.message_id, change.sentence, change.model,
    )  # fmt: skip
