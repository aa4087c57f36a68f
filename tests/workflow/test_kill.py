"""A sync that is killed at any moment: the next one brings everything to where it would have been."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import killable
import pytest
from desk import (
    NIGHT,
    PASSWORD,
    PASSWORD_ENV,
    USER,
    Desk,
    account,
    days_after,
    lay_out,
    without_runs,
)
from letters import BILL, INTERVIEW, LUNCH, OFFER, RECEIVED, REJECTION, SALE, in_folder, letter

import classifier
from classifier.config import read_config
from classifier.sample.server import ImapServer, SampleMail, serve_imap
from classifier.ui.jsonform import overview_record
from classifier.workflow.summarising import overview

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's"),
    pytest.mark.xdist_group("kill"),
]

MAILS, KILLS = 300, 60
SEED = 20260302
_SOUNDS = ("Bram", "Quill", "Fenn", "Ost", "Marl", "Thorn", "Vell", "Wick")
_ENDS = ("ford", "bury", "moor", "lock", "stead")
_NEW = ("Pepperdine", "Zinnia Textiles", "Juniper", "Xylo Sound", "Kestrel Optics")
_UNKNOWN = ("Umber Print", "Yarrow", "Galleon Ropes", "Hobnail")
_TRADES = ("Analyst", "Engineer", "Assistant", "Manager")


def company(number: int) -> str:
    return _SOUNDS[number % 8] + _ENDS[number // 8 % 5]


def tracker() -> bytes:
    """Forty applications as a person keeps them, with a column of their own."""
    lines = ["company,role,status,applied_on,updated_on,notes,mood"]
    for number in range(40):
        notes = f'"call {number}, ask for ""Dee"""' if number % 3 else "plain"
        role = f"Data {_TRADES[number % 4]}"
        lines.append(f"{company(number)},{role},applied,2026-01-10,,{notes},{number % 10}/10")
    return ("\r\n".join(lines) + "\r\n").encode()


def mails() -> list[SampleMail]:
    """Three hundred: answers to most of the forty, confirmations of new ones, and daily life."""
    chance = random.Random(SEED)
    texts = [REJECTION] * 16 + [INTERVIEW] * 10 + [RECEIVED] * 6 + [OFFER] * 3
    letters = [(text, company(n), f"Data {_TRADES[n % 4]}") for n, text in enumerate(texts)]
    letters += [(REJECTION, company(n), f"Data {_TRADES[n % 4]}") for n in range(18, 24)]
    letters += [(RECEIVED, name, "Data Analyst") for name in _NEW]
    letters += [(REJECTION, name, "Data Analyst") for name in _UNKNOWN]
    noise = (BILL, SALE, LUNCH)
    letters += [(noise[n % 3], f"Shop {n}", "") for n in range(MAILS - len(letters))]
    chance.shuffle(letters)
    made = []
    for number, (text, name, role) in enumerate(letters):
        at = days_after(-40) + timedelta(hours=3 * number)
        made.append(
            in_folder(letter(text, name, role, at=at, mail_id=f"k{number}@test.example"), at)
        )
    return made


class Runner:
    """The warmed-up process; see `killable.py`."""

    def __init__(self, model_store: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, killable.__file__, str(model_store)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=environment(),
            )
        self._answer()

    def sync(self, desk: Desk, at: Any = NIGHT, **order: Any) -> tuple[int, float]:
        """The exit code (-9: killed in time) and the seconds that it took."""
        assert self._process.stdin
        order |= {"home": str(desk.workspace.home), "now": at.isoformat()}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        return answer["code"], answer["seconds"]

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def stop(self) -> None:
        self._process.communicate(timeout=30)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the runner is gone: {self.said()}"
        return json.loads(line)


def environment() -> dict[str, str]:
    return os.environ | {
        PASSWORD_ENV: PASSWORD,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(classifier.__file__).parents[1])]),
        # A fork of a process with threads of its own would be left without them.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


@pytest.fixture(scope="module")
def runner(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(model_store, tmp_path_factory.mktemp("runner") / "stderr")
    yield runner
    runner.stop()


@dataclass(frozen=True)
class Stage:
    """A server with its mails, and what a sync of them comes to when nobody disturbs it."""

    runner: Runner
    server: ImapServer
    model_store: Path
    wanted: dict[str, Any]
    seconds: float

    def desk(self, home: Path) -> Desk:
        return new_desk(home, self.model_store, self.server)


def new_desk(home: Path, model_store: Path, server: ImapServer) -> Desk:
    desk = lay_out(home, model_store, tracker())
    desk.configure(account(server))
    return desk


@contextmanager
def stage(runner: Runner, model_store: Path, folder: Path, count: int) -> Iterator[Stage]:
    with serve_imap(mails()[:count], user=USER, password=PASSWORD) as server:
        seconds = []
        for number in range(2):
            desk = new_desk(folder / f"undisturbed{number}", model_store, server)
            code, took = runner.sync(desk)
            assert code == 0, runner.said()
            seconds.append(took)
        yield Stage(runner, server, model_store, outcome(desk), min(seconds))


@pytest.fixture(scope="module")
def whole(runner, model_store, tmp_path_factory) -> Iterator[Stage]:
    with stage(runner, model_store, tmp_path_factory.mktemp("whole"), MAILS) as made:
        yield made


@pytest.fixture(scope="module")
def half(runner, model_store, tmp_path_factory) -> Iterator[Stage]:
    """Two batches of mail: enough where the moment is chosen and not left to chance."""
    with stage(runner, model_store, tmp_path_factory.mktemp("half"), MAILS // 2) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, half: Stage) -> Desk:
    return half.desk(tmp_path / "desk")


def outcome(desk: Desk) -> dict[str, Any]:
    """All that a sync leaves behind, but for when and by which run."""
    config = read_config(desk.workspace.config_file)
    summary = overview_record(overview(desk.workspace, config, now=NIGHT))
    for name in ("generated_at", "last_sync", "syncs"):
        del summary[name]
    return {
        "csv": desk.csv.read_bytes(),
        "tables": without_runs(desk.tables()),
        "summary": summary,
        "backups": {path.read_bytes() for path in desk.backups},
        "leftovers": leftovers(desk),
    }


def leftovers(desk: Desk) -> list[str]:
    """Files that nobody expects in a workspace."""
    data = desk.workspace.data
    known = {".gitignore", ".lock", "applications.csv", "backups", "ghostresume.sqlite"}
    known |= {"ghostresume.sqlite-wal", "ghostresume.sqlite-shm"}  # SQLite's own, and empty
    found = [path.name for path in data.iterdir() if path.name not in known]
    found += [path.name for path in data.glob("*-wal") if path.stat().st_size]
    return found + [path.name for path in desk.workspace.backups.glob(".*")]


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found["csv"] == wanted["csv"]
    assert found["leftovers"] == []
    assert found["backups"] == wanted["backups"]
    for name, rows in wanted["tables"].items():
        assert found["tables"][name] == rows, name
    assert found["summary"] == wanted["summary"]


def test_the_undisturbed_sync_does_enough_to_be_disturbed(whole: Stage) -> None:
    tables = whole.wanted["tables"]
    assert len(tables["messages"]) == MAILS
    assert len({row["application_key"] for row in tables["journal"]}) >= 30
    assert len(tables["applications"]) == 45
    assert sum(row["question"] is not None for row in tables["messages"]) >= 4
    assert not tables["pending"]


def test_a_sync_killed_at_any_of_sixty_moments_is_mended_by_the_next(
    whole: Stage, runner: Runner, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    seconds = whole.seconds
    for number in range(KILLS):
        share = (number + chance.random()) / KILLS
        desk = whole.desk(tmp_path / f"desk{number}")
        for attempt in range(5):
            code, took = runner.sync(desk, kill_after=share * seconds)
            if code == -signal.SIGKILL:
                break
            # Too late, for the machine is quicker than it was: measured anew, and once more.
            assert (code, attempt < 4) == (0, True), runner.said()
            seconds = min(took, 0.95 * seconds)
            shutil.rmtree(desk.workspace.home)
            desk = whole.desk(tmp_path / f"desk{number}")
        code, _ = runner.sync(desk)
        assert code == 0, runner.said()
        try:
            assert_same(outcome(desk), whole.wanted)
        except AssertionError as difference:
            difference.add_note(f"killed at {share:.1%} of {seconds:.3f} s; see {desk}")
            raise
        shutil.rmtree(desk.workspace.home)


@pytest.mark.parametrize("step", killable.DEATHS)
def test_a_sync_that_dies_at_a_step_is_mended_by_the_next(
    half: Stage, runner: Runner, desk: Desk, step: str
) -> None:
    code, _ = runner.sync(desk, die=step)
    assert code == killable.DIED, runner.said()
    code, _ = runner.sync(desk)
    assert code == 0, runner.said()
    assert_same(outcome(desk), half.wanted)


@pytest.mark.parametrize("step", ["after the plan is announced", "after the table's replacement"])
def test_what_a_person_writes_after_a_kill_is_kept(
    half: Stage, runner: Runner, desk: Desk, step: str
) -> None:
    runner.sync(desk, die=step)
    edited = desk.csv.read_bytes().replace(b"plain,0/10", b"rang them today,9/10")
    assert b"rang them today" in edited
    desk.csv.write_bytes(edited)
    code, _ = runner.sync(desk)
    assert code == 0, runner.said()
    assert desk.csv.read_bytes() == half.wanted["csv"].replace(
        b"plain,0/10", b"rang them today,9/10"
    )
    tables = without_runs(desk.tables())
    assert tables["journal"] == half.wanted["tables"]["journal"]
    assert not tables["pending"]


def test_a_sync_killed_again_and_again_gets_there(half: Stage, runner: Runner, desk: Desk) -> None:
    for step in (
        "between two batches",
        "before the plan is announced",
        "before the backup is in its place",
        "with half of the new table written",
        "after the table's replacement",
    ):
        assert runner.sync(desk, die=step)[0] == killable.DIED, step
    assert runner.sync(desk)[0] == 0, runner.said()
    assert_same(outcome(desk), half.wanted)


def test_mail_that_comes_after_a_kill_still_counts(half: Stage, runner: Runner, desk: Desk) -> None:
    """The write of a killed run is ours: it must not pass for the person's newer edit."""
    assert runner.sync(desk, die="after the table's replacement")[0] == killable.DIED
    row = next(r for r in half.wanted["summary"]["applications"] if r["status"] == "interview")
    at = days_after(-1)
    raw = letter(OFFER, row["company"], row["role"], at=at, mail_id="late@test.example")
    config = desk.configure(account(half.server, folders='["INBOX", "Late"]'))
    half.server.add([in_folder(raw, at, "Late")])
    assert runner.sync(desk, days_after(1))[0] == 0, runner.said()
    assert desk.statuses(config)[row["company"]] == "offer"


def test_a_row_that_changed_twice_in_a_killed_run_is_known_again_after_an_edit(
    runner: Runner, model_store: Path, tmp_path: Path
) -> None:
    name, role = company(0), "Data Analyst"
    with serve_imap(user=USER, password=PASSWORD) as server:
        for number, text in enumerate((INTERVIEW, OFFER)):
            at = days_after(-5 + number)
            raw = letter(text, name, role, at=at, mail_id=f"twice{number}@test.example")
            server.add([in_folder(raw, at)])
        desk = new_desk(tmp_path / "desk", model_store, server)
        assert runner.sync(desk, die="after the table's replacement")[0] == killable.DIED
        edited = desk.csv.read_bytes().replace(b"plain,0/10", b"hooray,10/10")
        desk.csv.write_bytes(edited)
        assert runner.sync(desk, days_after(1))[0] == 0, runner.said()
    tables = desk.tables()
    assert [(e["old"], e["new"]) for e in tables["journal"] if e["field"] == "status"] == [
        ("applied", "interview"),
        ("interview", "offer"),
    ]
    assert all(row["edited_at"] is None for row in tables["applications"])
    assert desk.csv.read_bytes() == edited


def test_a_dry_run_after_a_kill_shows_what_the_next_run_does(
    half: Stage, runner: Runner, desk: Desk
) -> None:
    runner.sync(desk, die="after the table's replacement")
    config = read_config(desk.workspace.config_file)
    pending = desk.tables()["pending"]
    before = desk.files()
    dry = desk.sync(config, dry_run=True)
    assert dry.changes == ()
    assert desk.files() == before
    assert desk.tables()["pending"] == pending
    assert desk.sync(config).to_review == dry.to_review
    assert_same(outcome(desk), half.wanted)


def test_a_table_that_is_broken_after_a_kill_does_not_keep_mail_from_being_read(
    half: Stage, runner: Runner, desk: Desk
) -> None:
    runner.sync(desk, die="after the table's replacement")
    whole = desk.csv.read_bytes()
    desk.csv.write_bytes(whole + b'"a quote that is never closed,')
    config = desk.configure(account(half.server, folders='["INBOX", "New"]'))
    at = days_after(-1)
    raw = letter(BILL, "Copper Lane Power", "", at=at, mail_id="new@test.example")
    half.server.add([in_folder(raw, at, "New")])
    assert desk.sync(config, days_after(1)).exit_code == 6
    assert "new@test.example" in desk.judged()
    desk.csv.write_bytes(whole)
    assert desk.sync(config, days_after(2)).exit_code == 0
    tables = without_runs(desk.tables())
    assert tables["journal"] == half.wanted["tables"]["journal"]
    assert tables["applications"] == half.wanted["tables"]["applications"]
