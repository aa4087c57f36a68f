"""A whole night, from a real server to the table: what it sets, asks, keeps and leaves alone."""

from __future__ import annotations

import csv
import io
import itertools
import logging
import os
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import pytest
import servers
from desk import PASSWORD, PASSWORD_ENV, TRACKER, Desk, account, days_after
from filelock import FileLock
from letters import BILL, INTERVIEW, LUNCH, OFFER, RECEIVED, REJECTION, SALE, in_folder, letter
from servers import Dovecot, Line, proxy_to

from classifier.core.verdict import Label
from classifier.errors import AlreadyRunning, TrackerNotWritable, UsageProblem
from classifier.sample.server import ImapServer, SampleMail
from classifier.workflow import applying
from classifier.workflow.syncing import Report

Deliver = Callable[..., str]
_numbers = itertools.count(1)


@pytest.fixture
def deliver(server: ImapServer) -> Deliver:
    """Put a mail on the server: text, company, role, how many days before the first night."""

    def deliver(
        text: str,
        company: str,
        role: str = "Data Analyst",
        *,
        day: float = -1,
        mail_id: str = "",
        folder: str = "INBOX",
        **more: str,
    ) -> str:
        at = days_after(day)
        mail_id = mail_id or f"mail-{next(_numbers)}@test.example"
        raw = letter(text, company, role, at=at, mail_id=mail_id, **more)
        server.add([in_folder(raw, at, folder)])
        return mail_id

    return deliver


def first_night(deliver: Deliver) -> None:
    deliver(REJECTION, "Brackenmoor", day=-3)
    deliver(INTERVIEW, "Hallow & Pike", "Site Engineer", day=-2)
    deliver(RECEIVED, "Quernstone", "Stock Assistant", day=-2)
    deliver(REJECTION, "Fennimore", "Porter", day=-2)
    deliver(BILL, "Copper Lane Power", day=-1)
    deliver(SALE, "Hedge and Path", day=-1)


AFTER_FIRST_NIGHT = (
    TRACKER.replace(b"Data Analyst,applied,2026-02-10,,", b"Data Analyst,rejected,2026-02-10,2026-02-27,")
    .replace(b"Engineer,applied,2026-02-11,2026-02-11,", b"Engineer,interview,2026-02-11,2026-02-28,")
    + b"Quernstone,Stock Assistant,applied,2026-02-28,2026-02-28,,\n"
)  # fmt: skip


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"))))


def questions(desk: Desk) -> dict[str, str]:
    return {row["id"]: row["question"] for row in desk.tables()["messages"] if row["question"]}


def only_runs_differ(desk: Desk, before: dict, but: Iterable[str] = ()) -> None:
    after = desk.at_rest()
    for name, rows in before.items():
        if name not in but:
            assert after[name] == rows, name


# The whole job


def test_a_night_sets_rows_adds_one_and_asks_about_the_rest(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    report = desk.sync(config)

    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT
    assert report.exit_code == 0
    assert report.classified == {
        Label.REJECTION: 2,
        Label.INTERVIEW_REQUEST: 1,
        Label.OTHER: 3,
    }
    assert report.accounts[0].fetched == 6
    assert (report.created, report.to_review) == ((6,), 1)
    assert {(c.row, c.field, c.old, c.new) for c in report.changes if c.field == "status"} == {
        (2, "status", "applied", "rejected"),
        (3, "status", "applied", "interview"),
        (6, "status", "", "applied"),
    }
    (asked,) = questions(desk).values()
    assert "no row of Fennimore" in asked


def test_the_table_as_it_was_is_backed_up_before_it_changes(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    (backup,) = desk.backups
    assert backup.read_bytes() == TRACKER
    assert backup.stat().st_mode & 0o077 == 0


def test_the_journal_names_the_mail_and_the_sentence_of_each_change(desk, server, deliver):
    config = desk.configure(account(server))
    mail = deliver(REJECTION, "Brackenmoor")
    desk.sync(config)
    entries = desk.tables()["journal"]
    assert {(e["field"], e["old"], e["new"]) for e in entries} == {
        ("status", "applied", "rejected"),
        ("updated_on", "", "2026-03-01"),
    }
    assert {e["message_id"] for e in entries} == {mail}
    assert all("proceed with other candidates" in e["sentence"] for e in entries)


def test_a_second_sync_changes_nothing(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    before, backups = desk.at_rest(), desk.backups
    report = desk.sync(config, days_after(1))
    assert report.accounts[0].fetched == 0
    assert not report.messages
    assert not report.changes
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT
    assert desk.backups == backups
    only_runs_differ(desk, before)


def test_only_new_mail_is_fetched_the_next_night(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    deliver(OFFER, "Ostrava Lifts", "Warehouse Lead", day=0)
    report = desk.sync(config, days_after(1))
    assert report.accounts[0].fetched == 1
    assert desk.statuses(config)["Ostrava Lifts"] == "offer"
    assert len(desk.backups) == 2


def test_where_there_is_no_table_one_with_the_default_header_is_made(desk, server, deliver):
    desk.csv.unlink()
    config = desk.configure(account(server))
    deliver(BILL, "Copper Lane Power")
    desk.sync(config)
    assert desk.csv.read_bytes() == (
        b"company,role,status,applied_on,updated_on,next_step,next_step_on,source,link,contact,notes\n"
    )
    assert desk.csv.stat().st_mode & 0o077 == 0


def test_a_table_elsewhere_with_other_words_is_kept_in_those_words(desk, server, deliver, tmp_path):
    elsewhere = tmp_path / "Bewerbungen.csv"
    elsewhere.write_bytes('Arbeitgeber;Stand;Wo\r\n"Brackenmoor";offen;Kiel\r\n'.encode("cp1252"))
    config = desk.configure(
        account(server),
        tracker=f"file = '{elsewhere}'",
        rest='[tracker.columns]\ncompany = "Arbeitgeber"\nstatus = "Stand"\n'
        '[tracker.statuses]\napplied = "offen"\nrejected = "Nö"\n',
    )
    deliver(REJECTION, "Brackenmoor")
    desk.sync(config)
    assert elsewhere.read_bytes() == 'Arbeitgeber;Stand;Wo\r\n"Brackenmoor";Nö;Kiel\r\n'.encode()


def test_the_same_night_on_dovecot_over_tls(desk, dovecot: Dovecot, monkeypatch):
    monkeypatch.setenv("DOVECOT_PASSWORD", servers.PASSWORD)
    config = desk.configure(
        f'[[accounts]]\nname = "d"\nhost = "127.0.0.1"\nport = {dovecot.tls_port}\n'
        f'user = "{servers.USER}"\nauth = "env"\npassword_env = "DOVECOT_PASSWORD"\n'
        f"ca_file = '{dovecot.ca_file}'\nfolders = [\"A night\"]\n"
    )

    def deliver(text: str, company: str, role: str = "Data Analyst", *, day: int) -> None:
        mail_id = f"mail-{next(_numbers)}@test.example"
        raw = letter(text, company, role, at=days_after(day), mail_id=mail_id)
        dovecot.add([in_folder(raw, days_after(day), "A night")])

    first_night(deliver)
    assert desk.sync(config).exit_code == 0
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT
    before = desk.at_rest()
    with dovecot.client() as client:
        client.rename_folder("A night", "Renamed")
    config = desk.configure(
        config_text(desk).replace('"A night"', '"Renamed"').split("[tracker]\n")[1]
    )
    report = desk.sync(config, days_after(1))
    assert (report.accounts[0].fetched, report.messages, report.changes) == (6, (), ())
    only_runs_differ(desk, before, but=["positions"])


def config_text(desk: Desk) -> str:
    return desk.workspace.config_file.read_text("utf-8")


# Folders that change


def test_a_folder_numbered_anew_is_read_again_and_nothing_is_judged_twice(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    before = desk.at_rest()
    server.renumber("INBOX")
    report = desk.sync(config, days_after(1))
    assert report.accounts[0].fetched == 6
    assert (report.messages, report.changes) == ((), ())
    (line,) = desk.lines
    assert "personal/INBOX" in line
    assert "nothing is judged twice" in line
    only_runs_differ(desk, before, but=["positions"])
    assert desk.sync(config, days_after(2)).accounts[0].fetched == 0


def test_a_folder_that_is_gone_is_named_and_the_others_are_read(desk, server, deliver):
    config = desk.configure(account(server, folders='["Jobs", "INBOX"]'))
    deliver(REJECTION, "Brackenmoor", folder="Jobs")
    desk.sync(config)
    server.delete("Jobs")
    deliver(OFFER, "Ostrava Lifts", "Warehouse Lead", day=0)
    report = desk.sync(config, days_after(1))
    assert report.exit_code == 1
    assert "Jobs" in (report.accounts[0].error or "")
    (line,) = desk.lines
    assert "Jobs" in line
    assert desk.statuses(config)["Ostrava Lifts"] == "offer"


def test_a_folder_that_was_never_there_is_an_error_of_its_account(desk, server):
    config = desk.configure(account(server, folders='["Jbos"]'))
    report = desk.sync(config)
    assert report.exit_code == 1
    assert "Jbos" in (report.accounts[0].error or "")


def test_a_renamed_folder_is_read_under_its_new_name_and_nothing_is_judged_twice(
    desk, server, deliver
):
    config = desk.configure(account(server, folders='["*"]'))
    deliver(REJECTION, "Brackenmoor", folder="Jobs", mail_id="one@test.example")
    desk.sync(config)
    before = desk.at_rest()
    server.delete("Jobs")
    deliver(REJECTION, "Brackenmoor", folder="Jobs 2026", mail_id="one@test.example")
    report = desk.sync(config, days_after(1))
    assert (report.accounts[0].fetched, report.messages, report.changes) == (1, (), ())
    assert report.exit_code == 0
    assert desk.lines == ["personal/Jobs: this folder is not there any more."]
    only_runs_differ(desk, before, but=["positions"])
    desk.sync(config, days_after(2))
    assert desk.lines == []


def test_an_emptied_mailbox_changes_nothing_and_later_mail_is_read(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    before = desk.at_rest()
    server.empty("INBOX")
    assert desk.sync(config, days_after(1)).exit_code == 0
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT
    assert desk.lines == ["personal/INBOX: the folder was emptied; what was read from it is kept."]
    only_runs_differ(desk, before, but=["positions"])
    desk.sync(config, days_after(1))
    assert desk.lines == []
    deliver(OFFER, "Ostrava Lifts", "Warehouse Lead", day=1)
    assert desk.sync(config, days_after(2)).accounts[0].fetched == 1
    assert desk.statuses(config)["Ostrava Lifts"] == "offer"


def test_one_mail_in_several_folders_counts_once(desk, server, deliver):
    config = desk.configure(account(server, folders='["INBOX", "Jobs"]'))
    for folder in ("INBOX", "Jobs"):
        deliver(RECEIVED, "Quernstone", mail_id="same@test.example", folder=folder)
    report = desk.sync(config)
    assert (report.accounts[0].fetched, len(report.messages), report.created) == (2, 1, (6,))


def test_all_folders_are_read_but_trash_drafts_and_sent(desk, server, deliver):
    config = desk.configure(account(server, folders='["*"]'))
    deliver(REJECTION, "Brackenmoor", folder="Junk")  # invitations and answers land there
    deliver(INTERVIEW, "Hallow & Pike", "Site Engineer", folder="Jobs/2026")
    for folder in ("Trash", "Drafts", "Sent"):
        deliver(OFFER, "Ostrava Lifts", "Warehouse Lead", folder=folder)
    desk.sync(config)
    statuses = desk.statuses(config)
    assert (statuses["Brackenmoor"], statuses["Hallow & Pike"]) == ("rejected", "interview")
    assert statuses["Ostrava Lifts"] == "interview"


# How far back


def test_the_first_night_reads_as_many_days_as_configured(desk, server, deliver):
    config = desk.configure(account(server, rest="first_sync_days = 10"))
    old = deliver(REJECTION, "Brackenmoor", day=-11)
    new = deliver(BILL, "Copper Lane Power", day=-9)
    desk.sync(config)
    assert desk.judged() == [new]
    desk.sync(config, days_after(1))
    assert old not in desk.judged()


def test_old_mail_stays_unread_when_the_first_night_found_nothing_new(desk, server, deliver):
    config = desk.configure(account(server, rest="first_sync_days = 10"))
    deliver(REJECTION, "Brackenmoor", day=-300)
    assert desk.sync(config).accounts[0].fetched == 0
    new = deliver(BILL, "Copper Lane Power", day=0)
    desk.sync(config, days_after(1))
    assert desk.judged() == [new]


def test_since_looks_back_over_what_was_read_and_judges_nothing_twice(desk, server, deliver):
    config = desk.configure(account(server, rest="first_sync_days = 10"))
    deliver(REJECTION, "Brackenmoor", day=-15)
    deliver(BILL, "Copper Lane Power", day=-2)
    desk.sync(config)
    positions = desk.tables()["positions"]
    assert desk.statuses(config)["Brackenmoor"] == "applied"
    report = desk.sync(config, days_after(1), since=date(2026, 2, 1))
    assert (report.accounts[0].fetched, len(report.messages)) == (2, 1)
    assert desk.statuses(config)["Brackenmoor"] == "rejected"
    assert desk.tables()["positions"] == positions


@pytest.mark.parametrize("synced_before", [True, False])
def test_since_passes_over_no_mail_that_no_night_has_read(desk, server, deliver, synced_before):
    config = desk.configure(account(server))
    if synced_before:
        deliver(BILL, "Copper Lane Power", day=-20)
        desk.sync(config)
    deliver(REJECTION, "Brackenmoor", day=-9)
    deliver(BILL, "Copper Lane Power", day=-1)
    late = desk.sync(config, days_after(0), since=date(2026, 2, 27))
    assert desk.statuses(config)["Brackenmoor"] == "applied"
    assert late.accounts[0].fetched < 2
    desk.sync(config, days_after(1))
    assert desk.statuses(config)["Brackenmoor"] == "rejected"


# A dry run


def test_a_dry_run_shows_the_plan_of_the_real_one_and_leaves_every_byte(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    deliver(OFFER, "Ostrava Lifts", "Warehouse Lead", day=0)
    deliver(RECEIVED, "Quillfeather", "Stock Assistant", day=0)
    deliver(REJECTION, "Underhill", "Porter", day=0)
    before = desk.files()
    dry = desk.sync(config, days_after(1), dry_run=True)
    assert dry.dry_run
    assert desk.files() == before
    real = desk.sync(config, days_after(1))
    assert (dry.changes, dry.created, dry.names) == (real.changes, real.created, real.names)
    assert [m.id for m in dry.messages] == [m.id for m in real.messages]
    assert dry.to_review == real.to_review
    assert desk.files() != before


def test_a_dry_run_in_a_new_workspace_makes_neither_database_nor_table(desk, server, deliver):
    desk.csv.unlink()
    config = desk.configure(account(server))
    deliver(RECEIVED, "Quernstone")
    before = desk.files()
    assert desk.sync(config, dry_run=True).created == (2,)
    assert desk.files() == before


# What goes wrong


def test_one_account_that_fails_does_not_stop_the_other(
    desk, server, deliver, short_waits, monkeypatch
):
    monkeypatch.setenv("WRONG_PASSWORD", "not-it-at-all")
    config = desk.configure(
        account(server, "broken", password_env="WRONG_PASSWORD"), account(server, "good")
    )
    deliver(REJECTION, "Brackenmoor")
    report = desk.sync(config)
    assert report.exit_code == 1
    assert [run.account for run in report.accounts if run.error] == ["broken"]
    assert desk.statuses(config)["Brackenmoor"] == "rejected"
    assert "not-it-at-all" not in str(report)


def test_a_refused_password_ends_with_code_3_and_touches_nothing(
    desk, server, deliver, monkeypatch
):
    config = desk.configure(account(server))
    deliver(REJECTION, "Brackenmoor")
    monkeypatch.setenv(PASSWORD_ENV, "a-wrong-one-8")
    report = desk.sync(config)
    assert report.exit_code == 3
    assert "a-wrong-one-8" not in f"{report.problems[0]} {report.problems[0].hint}"
    assert desk.csv.read_bytes() == TRACKER
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
    assert desk.sync(config).exit_code == 0
    assert desk.statuses(config)["Brackenmoor"] == "rejected"


def test_where_nothing_listens_the_code_is_4(desk, server, free_port, short_waits):
    config = desk.configure(account(server, port=free_port))
    report = desk.sync(config)
    assert report.exit_code == 4
    assert str(free_port) in str(report.problems[0])
    assert desk.csv.read_bytes() == TRACKER


def test_a_line_that_breaks_for_good_keeps_what_was_read_and_goes_on_there(
    desk, server, deliver, short_waits, monkeypatch
):
    monkeypatch.setattr("classifier.edges.imap.BATCH", 2)
    first_night(deliver)
    with proxy_to(server.port, [Line(drop_after=6000)] + [Line(drop_after=300)] * 20) as proxy:
        config = desk.configure(account(server, port=proxy.port))
        report = desk.sync(config)
    assert report.exit_code == 4
    read = len(desk.judged())
    assert 0 < read < 6
    config = desk.configure(account(server))
    assert desk.sync(config, days_after(1)).accounts[0].fetched == 6 - read
    assert len(desk.judged()) == 6


def test_a_second_sync_beside_a_running_one_ends_with_code_5(desk, server, deliver):
    config = desk.configure(account(server))
    deliver(REJECTION, "Brackenmoor")
    before = desk.files()
    with FileLock(desk.workspace.lock), pytest.raises(AlreadyRunning) as refused:
        desk.sync(config)
    assert refused.value.exit_code == 5
    assert desk.files() == before


def test_a_table_open_in_libreoffice_waits_until_it_is_closed(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    lock = desk.csv.with_name(".~lock.applications.csv#")
    lock.write_text(",sam,desk,02.03.2026 02:59,;")
    report = desk.sync(config)
    assert report.exit_code == 6
    assert "open in a spreadsheet program" in str(report.problems[0])
    assert not report.changes
    assert desk.csv.read_bytes() == TRACKER
    assert len(desk.judged()) == 6
    assert not desk.tables()["pending"]
    assert desk.sync(config, days_after(1)).exit_code == 6
    lock.unlink()
    report = desk.sync(config, days_after(2))
    assert (report.exit_code, report.accounts[0].fetched) == (0, 0)
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT


def test_a_table_on_a_read_only_disk_waits_until_it_may_be_written(
    desk, server, deliver, small_disk
):
    tracker = small_disk.folder / "applications.csv"
    tracker.write_bytes(TRACKER)
    config = desk.configure(account(server), tracker=f"file = '{tracker}'")
    first_night(deliver)
    small_disk.remount("ro")
    report = desk.sync(config)
    assert report.exit_code == 6
    assert "read-only" in str(report.problems[0])
    small_disk.remount("rw")
    assert desk.sync(config, days_after(1)).exit_code == 0
    assert tracker.read_bytes() == AFTER_FIRST_NIGHT


@pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 0)() == 0, reason="nothing is read-only for root, or on Windows"
)
def test_a_table_that_is_read_only_is_left_so(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.csv.chmod(0o444)
    assert desk.sync(config).exit_code == 6
    assert desk.csv.read_bytes() == TRACKER
    desk.csv.chmod(0o644)
    assert desk.sync(config, days_after(1)).exit_code == 0
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT


@pytest.mark.parametrize(
    "content",
    [
        b'company,status\n"Brackenmoor,applied\n',
        b"who,what\nBrackenmoor,applied\n",
        "\ufeffcompany,status\nBrackenmoor,applied\n".encode("utf-16-le")[:-1],
        b"\xef\xbb\xbfcompany,status\nCaf\xe9,applied\n",
    ],
    ids=["open quote", "unknown columns", "cut in a character", "wrong byte-order mark"],
)
def test_a_table_that_cannot_be_understood_is_left_alone_and_the_mail_waits(
    desk, server, deliver, content
):
    desk.csv.write_bytes(content)
    config = desk.configure(account(server))
    first_night(deliver)
    report = desk.sync(config)
    assert report.exit_code == 6
    assert desk.csv.read_bytes() == content
    desk.csv.write_bytes(TRACKER)
    assert desk.sync(config, days_after(1)).exit_code == 0
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT


def test_mails_that_cannot_be_read_are_counted_and_named_and_the_rest_goes_on(
    desk, server, deliver, monkeypatch
):
    monkeypatch.setitem(servers.MAILS, 3, b"X-Nothing: of a mail\r\n\r\nwords\r\n")

    def script(tag: str, command: str) -> bytes:
        if not command.startswith("UID FETCH"):
            raise KeyError
        uids = servers.asked(command)
        if 2 in uids:
            return f"{tag} NO mail 2 is damaged\r\n".encode()
        answers = [servers.fetch_answer(uid, command, b"NIL") for uid in uids]
        return b"".join(answers) + f"{tag} OK done\r\n".encode()

    with servers.ScriptedServer(script) as scripted:
        config = desk.configure(account(scripted, "odd"), account(server))
        deliver(REJECTION, "Brackenmoor")
        report = desk.sync(config)
        again = desk.sync(config, days_after(1))
    assert report.exit_code == 1
    assert [run.failed for run in report.accounts] == [2, 0]
    assert len(report.messages) == 2
    assert desk.statuses(config)["Brackenmoor"] == "rejected"
    failures = desk.tables()["failures"]
    assert [(row["origin"], row["item"]) for row in failures] == [
        ("odd/INBOX", "2"),
        ("odd/INBOX", "3"),
    ]
    assert again.exit_code == 0
    assert again.accounts[0].fetched == 0


def test_a_mail_that_cannot_be_read_is_named_while_the_sync_runs(desk, monkeypatch):
    monkeypatch.setitem(servers.MAILS, 2, b"X-Nothing: of a mail\r\n\r\nwords\r\n")

    def script(tag: str, command: str) -> bytes:
        if not command.startswith("UID FETCH"):
            raise KeyError
        answers = [servers.fetch_answer(uid, command, b"NIL") for uid in servers.asked(command)]
        return b"".join(answers) + f"{tag} OK done\r\n".encode()

    with servers.ScriptedServer(script) as scripted:
        desk.sync(desk.configure(account(scripted, "odd")))
    (failure,) = desk.tables()["failures"]
    (line,) = desk.lines
    assert "odd/INBOX" in line
    assert "2" in line
    assert failure["reason"] in line


def test_broken_mails_of_every_kind_do_not_stop_a_night(desk, server, deliver):
    config = desk.configure(account(server))
    zoo = sorted((Path(__file__).parents[1] / "mail").glob("*.eml"))
    server.add(SampleMail("INBOX", path.read_bytes(), days_after(-2)) for path in zoo)
    server.add(
        SampleMail("INBOX", raw, days_after(-2))
        for raw in (
            b"Subject:",
            b"From: a@b\r\n" * 3000,
            b"Content-Type: multipart/x; boundary=\r\n",
        )
    )
    deliver(REJECTION, "Brackenmoor")
    report = desk.sync(config)
    assert report.accounts[0].error is None
    assert report.accounts[0].fetched == len(zoo) + 4
    assert desk.statuses(config)["Brackenmoor"] == "rejected"


def test_the_table_saved_at_the_very_moment_of_our_write_keeps_both(
    desk, server, deliver, monkeypatch
):
    config = desk.configure(account(server))
    first_night(deliver)
    save, saves = applying.save_table, []

    def save_after_the_person(path, *rest):
        if not saves:
            path.write_bytes(TRACKER.replace(b"too far", b"too near"))
        saves.append(path)
        save(path, *rest)

    monkeypatch.setattr(applying, "save_table", save_after_the_person)
    assert desk.sync(config).exit_code == 0
    assert len(saves) == 2
    assert desk.csv.read_bytes() == AFTER_FIRST_NIGHT.replace(b"too far", b"too near")


def test_a_table_that_is_saved_again_and_again_is_given_up_for_this_night(
    desk, server, deliver, monkeypatch
):
    config = desk.configure(account(server))
    first_night(deliver)
    save, saves = applying.save_table, []

    def save_after_the_person(path, *rest):
        saves.append(path)
        path.write_bytes(TRACKER + b"Row %d,,applied,,,,\n" % len(saves))
        save(path, *rest)

    monkeypatch.setattr(applying, "save_table", save_after_the_person)
    report = desk.sync(config)
    assert report.exit_code == 6
    assert isinstance(report.problems[0], TrackerNotWritable)
    monkeypatch.setattr(applying, "save_table", save)
    assert desk.sync(config, days_after(1)).exit_code == 0
    assert desk.statuses(config)["Brackenmoor"] == "rejected"


def test_without_an_account_or_with_an_unknown_one_the_code_is_2(desk, server):
    with pytest.raises(UsageProblem, match="No account") as refused:
        desk.sync(desk.configure())
    assert refused.value.exit_code == 2
    with pytest.raises(UsageProblem, match="persnal"):
        desk.sync(desk.configure(account(server)), accounts=("persnal",))


def test_only_the_accounts_asked_for_are_read(desk, server, deliver):
    config = desk.configure(account(server, "one"), account(server, "two"))
    deliver(BILL, "Copper Lane Power")
    assert [run.account for run in desk.sync(config, accounts=("two",)).accounts] == ["two"]


# The person's own hand


def saved_by_the_person(desk: Desk, content: bytes, day: float) -> None:
    desk.csv.write_bytes(content)
    at = days_after(day).timestamp()
    os.utime(desk.csv, (at, at))


def test_the_persons_newer_edit_wins_over_an_older_mail(desk, server, deliver):
    config = desk.configure(account(server))
    deliver(REJECTION, "Brackenmoor", day=-3)
    desk.sync(config)
    # They called: it was a mistake. The same sad news comes again, sent before that call.
    edited = desk.csv.read_bytes().replace(b"Analyst,rejected", b"Analyst,interview")
    saved_by_the_person(desk, edited, 2)
    late = deliver(REJECTION, "Brackenmoor", day=1)
    desk.sync(config, days_after(3))
    assert desk.csv.read_bytes() == edited
    assert "you changed this row" in questions(desk)[late]


def test_mail_sent_after_the_persons_edit_counts_again(desk, server, deliver):
    config = desk.configure(account(server))
    deliver(REJECTION, "Brackenmoor", day=-3)
    desk.sync(config)
    edited = desk.csv.read_bytes().replace(b"Analyst,rejected", b"Analyst,interview")
    saved_by_the_person(desk, edited, 2)
    deliver(OFFER, "Brackenmoor", day=3)
    desk.sync(config, days_after(4))
    assert desk.statuses(config)["Brackenmoor"] == "offer"


def test_a_cell_the_person_edited_between_two_nights_stays(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    desk.sync(config)
    edited = AFTER_FIRST_NIGHT.replace(b"ask for Dee", b"Dee called!").replace(b"meh", b"wow")
    saved_by_the_person(desk, edited, 1)
    deliver(OFFER, "Hallow & Pike", "Site Engineer", day=2)
    desk.sync(config, days_after(3))
    assert desk.csv.read_bytes() == edited.replace(
        b"Engineer,interview,2026-02-11,2026-02-28", b"Engineer,offer,2026-02-11,2026-03-04"
    )


NAMELESS = (
    INTERVIEW.replace(" for the {role} role at {company}", "").replace(", {company}", "")
)  # fmt: skip


def test_rows_that_were_sorted_anew_still_match_their_threads(desk, server, deliver):
    config = desk.configure(account(server))
    first = deliver(RECEIVED, "Brackenmoor", day=-3)
    second = deliver(RECEIVED, "Hallow & Pike", "Site Engineer", day=-2)
    desk.sync(config)
    rows = rows_of(desk.csv.read_bytes())
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["role"], reverse=True))
    saved_by_the_person(desk, out.getvalue().encode(), 1)

    from_home = {"sender": "Robin Lee <robin@gmail.com>", "subject": "Re: your application"}
    letter_of = {"text": NAMELESS, "company": "", "role": ""}
    deliver(**letter_of, **from_home, day=2, mail_id="a@gmail.com", answers=first)
    deliver(**letter_of, **from_home, day=2, mail_id="b@gmail.com", answers=second)
    desk.sync(config, days_after(3))
    statuses = {row["company"]: row["status"] for row in rows_of(desk.csv.read_bytes())}
    assert statuses == {
        "Brackenmoor": "interview",
        "Hallow & Pike": "interview",
        "Ostrava Lifts": "interview",
        "Merrowby School": "withdrawn",
    }
    assert not questions(desk)


def test_a_withdrawn_application_is_never_rejected_by_a_mail(desk, server, deliver):
    config = desk.configure(account(server))
    deliver(REJECTION, "Merrowby School", "Tutor")
    desk.sync(config)
    assert desk.csv.read_bytes() == TRACKER


# Identity


def test_two_different_mails_under_one_message_id_are_both_judged_and_only_once(
    desk, server, deliver
):
    config = desk.configure(account(server))
    deliver(BILL, "Copper Lane Power", day=-3, mail_id="careless@test.example")
    deliver(REJECTION, "Brackenmoor", day=-2, mail_id="careless@test.example")
    report = desk.sync(config)
    assert len(report.messages) == 2
    assert desk.statuses(config)["Brackenmoor"] == "rejected"
    before = desk.at_rest()
    server.renumber("INBOX")
    assert not desk.sync(config, days_after(1)).messages
    only_runs_differ(desk, before, but=["positions"])


def test_mail_without_a_message_id_is_judged_once(desk, server):
    config = desk.configure(account(server))
    raw = letter(REJECTION, "Brackenmoor", at=days_after(-2), mail_id="x@y")
    raw = raw.replace(b"Message-ID: <x@y>\r\n", b"")
    server.add([in_folder(raw, days_after(-2)), in_folder(raw, days_after(-1), "Copy")])
    assert len(desk.sync(config).messages) == 1
    config = desk.configure(account(server, folders='["INBOX", "Copy"]'))
    assert not desk.sync(config, days_after(1)).messages


# Privacy


def test_the_text_of_unrelated_mail_is_nowhere_in_the_workspace(desk, server, deliver):
    config = desk.configure(account(server))
    unrelated = {deliver(text, "Any Shop", day=-2) for text in (BILL, SALE, LUNCH)}
    deliver(REJECTION, "Brackenmoor")
    desk.sync(config)
    kept = {row["id"]: row["text"] for row in desk.tables()["messages"]}
    assert {mail for mail, text in kept.items() if text is None} == unrelated
    content = whole_workspace(desk)
    for text in (BILL, SALE, LUNCH):
        for words in text.replace("\n", " ").split(". "):
            assert words[:24].encode() not in content
    for telling in (b"HEDGEHOG", b"direct", b"plum cake", b"boardgame"):
        assert telling not in content
    assert b"Unfortunately, after careful consideration" in content


def whole_workspace(desk: Desk) -> bytes:
    return b"\0".join(
        path.read_bytes() for path in sorted(desk.workspace.home.rglob("*")) if path.is_file()
    )


def test_text_whose_time_is_over_is_gone_from_the_file_itself(desk, server, deliver):
    config = desk.configure(account(server), rest="[privacy]\nkeep_text_days = 5")
    deliver(REJECTION, "Brackenmoor", day=-1)
    desk.sync(config)
    words = b"wish you every success in your job search"
    assert words in whole_workspace(desk)
    desk.sync(config, days_after(10))
    assert [row["text"] for row in desk.tables()["messages"]] == [None]
    assert words not in whole_workspace(desk)


def test_the_password_is_in_no_file_and_in_no_line(desk, server, deliver, capfd, caplog):
    for theirs in ("pymap", "asyncio"):  # the server's own log, in this very process
        caplog.set_level(logging.CRITICAL, logger=theirs)
    caplog.set_level(logging.DEBUG)
    config = desk.configure(account(server))
    first_night(deliver)
    report: Report = desk.sync(config)
    assert PASSWORD.encode() not in whole_workspace(desk)
    out, err = capfd.readouterr()
    for shown in (out, err, caplog.text, str(report), *desk.lines):
        assert PASSWORD not in shown


def test_everything_in_the_workspace_is_for_its_owner_alone(desk, server, deliver):
    config = desk.configure(account(server))
    desk.csv.chmod(0o600)
    first_night(deliver)
    desk.sync(config)
    inside = [desk.workspace.config_file, *desk.workspace.data.rglob("*")]
    open_to_others = [path for path in inside if path.is_file() and path.stat().st_mode & 0o077]
    assert not open_to_others


def test_a_nights_mail_is_marked_neither_read_nor_otherwise(desk, server, deliver):
    config = desk.configure(account(server))
    first_night(deliver)
    before = server.flags("INBOX")
    desk.sync(config)
    assert server.flags("INBOX") == before
