"""Mail in files through the same pipeline, and verdicts alone: what is read, judged once, printed."""

from __future__ import annotations

import io
import json
import mailbox
import os
import re
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk import TRACKER, Desk, account, days_after
from letters import BILL, INTERVIEW, RECEIVED, REJECTION, SALE, in_folder, letter

from classifier.core.message import parse_message
from classifier.core.verdict import Label
from classifier.edges import mailfiles
from classifier.edges.files import workspace_lock
from classifier.errors import AlreadyRunning, TrackerNotWritable
from classifier.ui.jsonform import classified_record
from classifier.workflow import importing
from classifier.workflow.classifying import classify
from classifier.workflow.judging import Judge
from classifier.workflow.progress import Silent

LETTERS = (
    (REJECTION, "Brackenmoor", "Data Analyst"),
    (INTERVIEW, "Hallow & Pike", "Site Engineer"),
    (RECEIVED, "Quernstone", "Stock Assistant"),
    (REJECTION, "Fennimore", "Porter"),
    (BILL, "Copper Lane Power", ""),
    (SALE, "Hedge and Path", ""),
)
RAWS = [
    letter(text, company, role, at=days_after(-6 + number), mail_id=f"i{number}@test.example")
    for number, (text, company, role) in enumerate(LETTERS)
]
AFTER = (
    TRACKER.replace(b"Analyst,applied,2026-02-10,,", b"Analyst,rejected,2026-02-10,2026-02-24,")
    .replace(b"Engineer,applied,2026-02-11,2026-02-11,", b"Engineer,interview,2026-02-11,2026-02-25,")
    + b"Quernstone,Stock Assistant,applied,2026-02-26,2026-02-26,,\n"
)  # fmt: skip


def as_mbox(folder: Path) -> list[Path]:
    path = folder / "takeout.mbox"
    box = mailbox.mbox(path)
    for raw in RAWS:
        box.add(raw)
    box.close()
    return [path]


def as_maildir(folder: Path) -> list[Path]:
    box = mailbox.Maildir(folder / "Maildir")
    for raw in RAWS:
        box.add(raw)
    return [folder / "Maildir"]


def as_folder(folder: Path) -> list[Path]:
    inside = folder / "mails" / "deeper"
    inside.mkdir(parents=True)
    for number, raw in enumerate(RAWS):
        place = inside if number % 2 else inside.parent
        (place / f"{number}.eml").write_bytes(raw)
    return [folder / "mails"]


def as_files(folder: Path) -> list[Path]:
    paths = []
    for number, raw in enumerate(RAWS):
        paths.append(folder / f"mail {number}.eml")
        paths[-1].write_bytes(raw)
    return paths


FORMS = {"mbox": as_mbox, "Maildir": as_maildir, "folder of .eml": as_folder, "files": as_files}


@pytest.mark.parametrize("form", FORMS)
def test_mail_in_files_does_what_mail_on_a_server_does(desk, tmp_path, form):
    config = desk.configure()
    report = desk.take_in(config, *FORMS[form](tmp_path))
    assert desk.csv.read_bytes() == AFTER
    assert report.exit_code == 0
    assert sum(run.fetched for run in report.accounts) == 6
    assert report.classified == {
        Label.REJECTION: 2,
        Label.INTERVIEW_REQUEST: 1,
        Label.OTHER: 3,
    }
    assert (report.created, report.to_review) == ((6,), 1)


def test_mails_on_standard_input_are_taken_one_at_a_time(desk):
    config = desk.configure()
    for raw in RAWS:
        report = desk.take_in(config, "-", stdin=io.BytesIO(raw))
        assert (report.exit_code, report.accounts[0].account) == (0, "-")
    assert desk.csv.read_bytes() == AFTER


def test_mail_that_came_by_imap_is_judged_once_when_it_is_imported(desk, server, tmp_path):
    config = desk.configure(account(server))
    server.add(in_folder(raw, days_after(-1)) for raw in RAWS)
    desk.sync(config)
    before = desk.at_rest()
    for form in ("mbox", "Maildir"):
        report = desk.take_in(config, *FORMS[form](tmp_path))
        assert (report.accounts[0].fetched, report.messages, report.changes) == (6, (), ())
    assert desk.at_rest() == before
    assert desk.csv.read_bytes() == AFTER


def test_mail_that_was_imported_is_judged_once_when_it_comes_by_imap(desk, server, tmp_path):
    config = desk.configure(account(server))
    desk.take_in(config, *as_mbox(tmp_path))
    before = desk.at_rest()
    server.add(in_folder(raw, days_after(-1)) for raw in RAWS)
    report = desk.sync(config)
    assert (report.accounts[0].fetched, report.messages, report.changes) == (6, (), ())
    after = desk.at_rest()
    assert after.pop("positions") != before.pop("positions")
    assert after == before


def test_the_same_path_twice_is_read_once(desk, tmp_path):
    (path,) = as_mbox(tmp_path)
    report = desk.take_in(desk.configure(), path, path)
    assert [run.fetched for run in report.accounts] == [6]
    assert report.exit_code == 0


def test_only_mail_since_a_day_is_imported(desk, tmp_path):
    report = desk.take_in(desk.configure(), *as_mbox(tmp_path), since=date(2026, 2, 26))
    assert sorted(message.id for message in report.messages) == [
        f"i{number}@test.example" for number in (2, 3, 4, 5)
    ]


def test_a_dry_run_of_an_import_leaves_every_byte(desk, tmp_path):
    config = desk.configure()
    paths = as_mbox(tmp_path)
    before = desk.files()
    dry = desk.take_in(config, *paths, dry_run=True)
    assert desk.files() == before
    real = desk.take_in(config, *paths)
    assert (dry.changes, dry.created, dry.to_review) == (real.changes, real.created, real.to_review)


def test_paths_that_cannot_be_read_are_named_and_the_rest_is_taken(desk, tmp_path):
    (tmp_path / "empty.eml").touch()
    (tmp_path / "table.eml").write_bytes(b"a,b\n1,2\n")
    paths = [tmp_path / "nowhere.mbox", *as_mbox(tmp_path), tmp_path / "empty.eml"]
    report = desk.take_in(desk.configure(), *paths, tmp_path / "table.eml")
    assert report.exit_code == 1
    assert [run.failed for run in report.accounts] == [1, 0, 1, 1]
    assert desk.csv.read_bytes() == AFTER
    for name in ("nowhere.mbox", "empty.eml", "table.eml"):
        assert sum(name in line for line in desk.lines) == 1
    assert len(desk.tables()["failures"]) == 3


def test_a_large_mbox_is_stored_in_batches(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    assert len(desk.take_in(desk.configure(), *as_mbox(tmp_path)).messages) == 6
    assert desk.csv.read_bytes() == AFTER


def test_an_import_beside_a_running_sync_ends_with_code_5(desk, tmp_path):
    config = desk.configure()
    with workspace_lock(desk.workspace.lock), pytest.raises(AlreadyRunning):
        desk.take_in(config, *as_mbox(tmp_path))


def test_an_import_without_a_writable_table_keeps_the_mail(desk, tmp_path):
    config = desk.configure()
    lock = desk.csv.with_name(".~lock.applications.csv#")
    lock.touch()
    report = desk.take_in(config, *as_mbox(tmp_path))
    assert report.exit_code == TrackerNotWritable.exit_code
    lock.unlink()
    assert desk.take_in(config, "-", stdin=io.BytesIO(RAWS[0])).exit_code == 0
    assert desk.csv.read_bytes() == AFTER


# Verdicts alone


KEYS = [
    "path", "index", "message_id", "date", "sender", "subject", "label", "detail",
    "probabilities", "needs_review", "sentence", "company", "role", "model",
]  # fmt: skip


def records(desk: Desk, *paths: Path | str, stdin: bytes = b"") -> list[dict[str, Any]]:
    """The lines of `classify --json`, as whoever reads them gets them."""
    judge = Judge(desk.workspace.models, Silent())
    found = classify([str(path) for path in paths], judge, io.BytesIO(stdin))
    return [json.loads(json.dumps(classified_record(item))) for item in found]


def test_a_verdict_has_the_keys_of_the_contract_in_their_order(desk, tmp_path):
    found = records(desk, *as_mbox(tmp_path))
    assert [list(record) for record in found] == [KEYS] * 6
    first = found[0]
    assert first["path"] == str(tmp_path / "takeout.mbox")
    assert [record["index"] for record in found] == list(range(6))
    assert (first["message_id"], first["date"]) == ("i0@test.example", "2026-02-24T09:00:00+00:00")
    assert first["sender"] == "Brackenmoor <jobs@brackenmoor.example>"
    assert first["subject"] == "Your application for Data Analyst at Brackenmoor"
    assert (first["label"], first["detail"]) == ("rejection", "rejection")
    assert (first["company"], first["role"]) == ("Brackenmoor", "Data Analyst")
    assert first["needs_review"] is False
    assert first["model"].startswith("base-")


def test_the_probabilities_are_of_the_three_labels_and_sum_to_one(desk, tmp_path):
    for record in records(desk, *as_files(tmp_path)):
        shares = record["probabilities"]
        assert set(shares) == {"rejection", "interview_request", "other"}
        assert all(0.0 <= share <= 1.0 for share in shares.values())
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)
        assert record["label"] == max(shares, key=shares.__getitem__)


def test_the_sentence_stands_verbatim_in_the_mail(desk, tmp_path):
    zoo = sorted((Path(__file__).parents[1] / "mail").glob("*.eml"))
    judged = 0
    for record in records(desk, *as_files(tmp_path), *zoo):
        if record.get("sentence") is None:
            continue
        message = parse_message(Path(record["path"]).read_bytes())
        assert record["sentence"] in message.body or record["sentence"] in message.subject
        judged += 1
    assert judged >= 10


def test_what_cannot_be_read_is_a_line_with_an_error_at_its_place(desk, tmp_path):
    one, *_ = as_files(tmp_path)
    (tmp_path / "empty.eml").touch()
    found = records(desk, one, tmp_path / "nowhere.eml", tmp_path / "empty.eml", one)
    assert [list(record) for record in found] == [
        KEYS, ["path", "index", "error"], ["path", "index", "error"], KEYS,
    ]  # fmt: skip
    assert [Path(record["path"]).name for record in found] == [
        "mail 0.eml", "nowhere.eml", "empty.eml", "mail 0.eml",
    ]  # fmt: skip
    assert all(record["error"] for record in found[1:3])


def test_a_mail_on_standard_input_is_classified(desk):
    (record,) = records(desk, "-", stdin=RAWS[1])
    assert (record["path"], record["label"]) == ("-", "interview_request")


def test_mail_without_most_headers_has_null_for_what_is_not_there(desk, tmp_path):
    (tmp_path / "bare.eml").write_bytes(b"Subject: hm\n\nsee you then\n")
    (record,) = records(desk, tmp_path / "bare.eml")
    assert (record["date"], record["sender"]) == (None, "")
    assert (record["company"], record["role"]) == (None, None)
    assert re.fullmatch(r"digest:[0-9a-f]{32}", record["message_id"])


def test_classifying_touches_no_file_of_the_workspace(desk, server, tmp_path):
    config = desk.configure(account(server))
    desk.take_in(config, *as_mbox(tmp_path))
    everything = {path: path.stat().st_mtime_ns for path in desk.workspace.home.rglob("*")}
    before = desk.files()
    records(desk, *as_maildir(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in everything} == everything
    assert desk.files() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_verdicts_come_while_the_file_is_still_being_written(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(mailfiles, "CHUNK", 1024)
    pipe = tmp_path / "endless.mbox"
    os.mkfifo(pipe)
    judged = threading.Event()
    in_time: list[bool] = []

    def write() -> None:
        with pipe.open("wb") as file:
            for number in range(100):
                if number == 80:
                    file.flush()
                    in_time.append(judged.wait(30))
                file.write(b"From sam Mon Mar  3 10:00:00 2025\n")
                file.write(RAWS[number % 6].replace(b"\r\n", b"\n") + b"\n")

    writer = threading.Thread(target=write)
    writer.start()
    indexes = []
    for item in classify([str(pipe)], Judge(desk.workspace.models, Silent()), None):
        judged.set()
        indexes.append(item.index)
    writer.join()
    assert in_time == [True]
    assert indexes == list(range(100))
