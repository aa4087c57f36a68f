"""Every command in a workspace of its own: exit codes, the contract's JSON, text that is safe to show."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
import tomllib
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
import servers
from desk import PASSWORD, PASSWORD_ENV, TRACKER, account
from filelock import FileLock
from letters import BILL, INTERVIEW, OFFER, RECEIVED, REJECTION, in_folder, letter

import classifier.__main__ as entry
from classifier import __version__
from classifier.core.application import Status
from classifier.edges.tables import parse_table
from classifier.sample.mailbox import sample_applications, sample_letters
from classifier.sample.server import SampleMail
from classifier.ui.cli import cli
from classifier.ui.jsonform import write_json

COMMANDS = sorted(cli.commands)
NOW = datetime.now(tz=UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def deliver(server, text, company, role="Data Analyst", *, days=1.0, mail_id="", **more) -> None:
    at = days_ago(days)
    mail_id = mail_id or f"{company[:4]}{days}@test.example".replace(" ", "")
    raw = letter(text, company, role, at=at, mail_id=mail_id, **more)
    server.add([in_folder(raw, at)])


def deliver_a_few(server) -> None:
    deliver(server, REJECTION, "Brackenmoor", days=3)
    deliver(server, INTERVIEW, "Hallow & Pike", "Site Engineer", days=2)
    deliver(server, RECEIVED, "Quernstone", "Stock Assistant", days=2)
    deliver(server, REJECTION, "Fennimore", "Porter", days=1)
    deliver(server, BILL, "Copper Lane Power", days=1)


# Help and usage


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_its_options(command, name):
    shown = command(name, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"Usage: ghostresume {name}")
    for parameter in cli.commands[name].params:
        for spelling in parameter.opts if isinstance(parameter, click.Option) else ():
            assert spelling in shown.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_does(name):
    about = cli.commands[name]
    assert about.help
    assert about.get_short_help_str(80)
    unexplained = [
        parameter.opts
        for parameter in about.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert not unexplained


def test_the_commands_of_the_contract_are_there():
    assert {"demo", "sync", "import", "classify", "summary", "evaluate"} <= set(COMMANDS)


def test_help_lists_every_command(command):
    shown = command("--help")
    assert shown.code == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", shown.out, re.MULTILINE)


def test_the_version_is_told(command):
    assert command("--version").out == f"ghostresume, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["snyc"],
        ["sync", "--sicne", "3"],
        ["sync", "--since", "yesterday"],
        ["sync", "--since", "99999999999999"],
        ["sync", "--account"],
        ["sync", "extra"],
        ["import"],
        ["classify"],
        ["evaluate"],
        ["summary", "--since", "2026-02-30"],
        ["completion", "tcsh"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_code_2_and_one_clear_line(command, arguments):
    shown = command(*arguments)
    assert shown.code == 2
    assert shown.out == ""
    assert "Error" in shown.err
    assert "Traceback" not in shown.err


def test_without_a_command_the_help_is_shown_as_a_usage_error(command):
    shown = command()
    assert shown.code == 2
    assert "Usage: ghostresume" in shown.out + shown.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_each_shell(command, shell):
    shown = command("completion", shell)
    assert shown.code == 0
    assert "_GHOSTRESUME_COMPLETE" in shown.out


@pytest.mark.filterwarnings("ignore:'classifier.__main__' found in sys.modules")
def test_python_m_classifier_is_the_same_program_as_the_script(capsys, monkeypatch):
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    script = tomllib.loads(pyproject.read_text("utf-8"))["project"]["scripts"]["ghostresume"]
    assert script == f"{entry.__name__}:main"
    monkeypatch.setattr(sys, "argv", ["anything", "--help"])
    outputs = []
    for start in (entry.main, lambda: runpy.run_module("classifier", run_name="__main__")):
        with pytest.raises(SystemExit) as ended:
            start()
        outputs.append((ended.value.code, capsys.readouterr().out))
    assert outputs[0] == outputs[1]
    assert outputs[0][1].startswith("Usage: ghostresume ")


# Where the workspace is


def test_the_workspace_is_the_nearest_folder_with_settings(desk, run_process, monkeypatch):
    desk.configure()
    deeper = desk.workspace.data / "backups"
    deeper.mkdir()
    shown = run_process("summary", "--json", cwd=deeper)
    assert shown.returncode == 0
    assert [row["company"] for row in json.loads(shown.stdout)["applications"]] == [
        "Brackenmoor", "Hallow & Pike", "Ostrava Lifts", "Merrowby School",
    ]  # fmt: skip


def test_a_new_workspace_is_made_for_its_owner_alone(command, desk, tmp_path):
    home = tmp_path / "new" / "place"
    shown = command("--home", home, "summary")
    assert shown.code == 0
    assert "ghostresume" in shown.out
    assert (home / "ghostresume.toml").stat().st_mode & 0o077 == 0
    assert (home / "data").stat().st_mode & 0o077 == 0
    assert (home / "data" / ".gitignore").exists()


def test_the_environment_may_name_the_workspace(desk, run_process, monkeypatch, tmp_path):
    desk.configure()
    monkeypatch.setenv("GHOSTRESUME_HOME", str(desk.workspace.home))
    shown = run_process("summary", "--json", cwd=tmp_path)
    assert len(json.loads(shown.stdout)["applications"]) == 4


# A night


def test_a_night_is_told_in_a_few_lines(command, desk, server):
    desk.configure(account(server))
    deliver_a_few(server)
    shown = command("sync")
    assert (shown.code, shown.err) == (0, "")
    assert "5 new mails judged: 1 interview request, 2 rejections, 2 other" in shown.out
    assert "3 rows changed in your table:" in shown.out
    assert re.search(r"2 +Brackenmoor, Data Analyst: applied → rejected", shown.out)
    assert re.search(r"6 +Quernstone, Stock Assistant: new row, applied", shown.out)
    again = command("sync")
    assert again.out.startswith("No new mail.")


def test_sync_json_is_the_contracts_and_alone_on_standard_output(command, desk, server):
    desk.configure(account(server, folders='["INBOX", "Gone"]'))
    deliver_a_few(server)
    server.add([SampleMail("Gone", b"Subject: x\r\n\r\nx\r\n", days_ago(1))])
    command("sync", "--dry-run")
    server.delete("Gone")
    shown = command("sync", "--json")
    assert shown.code == 1
    assert "Gone" in shown.err
    found = shown.json
    assert list(found) == [
        "accounts", "classified", "changes", "created", "to_review", "dry_run",
    ]  # fmt: skip
    (read,) = found["accounts"]
    assert list(read) == ["name", "fetched", "bytes", "failed", "seconds", "error"]
    assert (read["name"], read["fetched"]) == ("personal", 5)
    assert found["classified"] == {"rejection": 2, "interview_request": 1, "other": 2}
    assert list(found["changes"][0]) == ["row", "field", "old", "new", "message_id"]
    assert found["created"] == [6]
    assert found["dry_run"] is False


def test_a_dry_run_says_so_and_writes_nothing(command, desk, server):
    desk.configure(account(server))
    deliver_a_few(server)
    shown = command("sync", "--dry-run")
    assert "3 rows would change in your table:" in shown.out
    assert "A dry run: nothing was written." in shown.out
    assert desk.csv.read_bytes() == TRACKER
    assert command("sync", "--dry-run", "--json").json["dry_run"] is True
    assert not desk.workspace.database.exists()


def test_the_exit_codes_of_the_contract(command, desk, server, monkeypatch):
    deliver_a_few(server)
    desk.configure(account(server), account(server, "other", password_env="NOT_SET_ANYWHERE"))
    assert command("sync").code == 1
    assert command("sync", "--account", "nobody").code == 2
    desk.configure(account(server))
    monkeypatch.setenv(PASSWORD_ENV, "a-wrong-one-8")
    refused = command("sync")
    assert refused.code == 3
    assert "a-wrong-one-8" not in refused.out + refused.err
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
    desk.configure(account(server, port=_free_port()))
    assert command("sync").code == 4
    desk.configure(account(server))
    with FileLock(desk.workspace.lock):
        assert command("sync").code == 5
    deliver(server, OFFER, "Ostrava Lifts", "Warehouse Lead", days=0.1)
    lock = desk.csv.with_name(".~lock.applications.csv#")
    lock.touch()
    assert command("sync").code == 6
    lock.unlink()
    assert command("sync").code == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("arguments", [["sync"], ["sync", "--json"], ["summary"], ["import", "-"]])
def test_what_goes_wrong_is_said_with_the_next_step_and_never_as_a_traceback(
    command, desk, arguments, monkeypatch
):
    desk.workspace.config_file.write_text("[tracker\n")
    shown = command(*arguments)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.splitlines()[-1].startswith("→ ")
    assert "Traceback" not in shown.err


def test_all_problems_of_the_settings_are_shown_at_once_and_no_secret(command, desk):
    desk.workspace.config_file.write_text(
        "[trakcer]\n"
        'file = "x.csv"\n'
        "[act]\n"
        "error_budget = 3\n"
        "[[accounts]]\n"
        'name = "personal"\n'
        'host = "imap.example.org"\n'
        'user = "sam"\n'
        'pasword = "hunter2-and-more"\n'
        'port = "hunter2-in-a-port"\n'
    )
    shown = command("sync")
    assert (shown.code, shown.out) == (2, "")
    assert "4 problems" in shown.err
    for line, words in (
        (1, "'trakcer': did you mean 'tracker'?"),
        (4, "error_budget"),
        (9, "'pasword': did you mean 'password"),
        (10, "port"),
    ):
        assert re.search(rf"line {line}: .*{re.escape(words)}", shown.err), shown.err
    assert "hunter2" not in shown.err


# The summary


def test_summary_json_is_the_contracts(command, desk, server):
    desk.configure(account(server))
    deliver_a_few(server)
    command("sync")
    found = command("summary", "--json").json
    assert list(found)[:7] == [
        "generated_at", "applications", "by_status", "messages", "needs_review", "interviews",
        "last_sync",
    ]  # fmt: skip
    assert set(found["applications"][0]) >= {
        "company", "role", "status", "applied_on", "updated_on", "next_step", "next_step_on",
        "source", "link", "contact", "notes",
    }  # fmt: skip
    assert set(found["by_status"]) == set(Status)
    assert found["by_status"]["rejected"] == 1
    mail = next(m for m in found["messages"] if "Brackenmoor" in m["subject"])
    assert set(mail) >= {
        "message_id", "date", "sender", "subject", "label", "detail", "needs_review", "application",
    }  # fmt: skip
    assert mail["application"] == 2
    assert found["needs_review"] == sum(m["needs_review"] for m in found["messages"])
    assert [item["row"] for item in found["interviews"]] == [3]
    assert found["last_sync"]["account"] == "personal"
    assert (found["last_sync"]["fetched"], found["last_sync"]["failed"]) == (5, 0)
    assert datetime.fromisoformat(found["last_sync"]["time"]).tzinfo


def test_the_summary_says_what_needs_an_answer_first(command, desk, server):
    desk.configure(account(server))
    deliver_a_few(server)
    command("sync")
    shown = command("summary")
    assert (shown.code, shown.err) == (0, "")
    first, *_ = shown.out.splitlines()
    assert first == "Needs your answer"
    assert "Hallow & Pike, Site Engineer (row 3)" in shown.out
    assert "Waiting for your review: 1 mail" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_a_summary_of_an_empty_workspace_names_the_next_command(command, desk):
    desk.csv.unlink()
    desk.configure()
    shown = command("summary")
    assert shown.code == 0
    assert "→ ghostresume import PATH" in shown.out


def test_a_summary_changes_no_file(command, desk, server):
    desk.configure(account(server))
    deliver_a_few(server)
    command("sync")
    before = desk.files()
    command("summary")
    command("summary", "--json", "--since", "30")
    assert desk.files() == before


def test_since_limits_the_mails_of_a_summary(command, desk, server):
    desk.configure(account(server))
    deliver_a_few(server)
    command("sync")
    day = days_ago(1).date().isoformat()
    subjects = [m["subject"] for m in command("summary", "--json", "--since", day).json["messages"]]
    assert len(subjects) == 2


# Files


def test_import_and_classify_take_paths_and_name_those_that_are_no_mail(command, desk, tmp_path):
    desk.configure()
    raw = letter(REJECTION, "Brackenmoor", at=days_ago(2), mail_id="f@test.example")
    (tmp_path / "a.eml").write_bytes(raw)
    shown = command("classify", tmp_path / "a.eml", tmp_path / "nowhere.eml", "--json")
    assert shown.code == 1
    records = [json.loads(line) for line in shown.out.splitlines()]
    assert [record.get("label") for record in records] == ["rejection", None]
    assert shown.err == ""
    shown = command("classify", tmp_path / "nowhere.eml", tmp_path / "a.eml")
    assert shown.code == 1
    assert "nowhere.eml" in shown.err
    assert re.match(r"rejection \d+%  Your application for Data Analyst", shown.out)
    assert "proceed with other candidates" in shown.out
    assert desk.csv.read_bytes() == TRACKER
    shown = command("import", tmp_path / "a.eml", tmp_path / "nowhere.eml", "--json")
    assert shown.code == 1
    assert [account["failed"] for account in shown.json["accounts"]] == [0, 1]
    assert "nowhere.eml" in shown.err
    assert b"rejected" in desk.csv.read_bytes()


def test_evaluate_holds_verdicts_against_labels(command, desk, tmp_path):
    mails = [
        {"from": "jobs@x.example", "subject": "Your application", "body": text, "label": label}
        for text, label in (
            (REJECTION.format(company="Xylo", role="Data Analyst"), "rejection"),
            (INTERVIEW.format(company="Xylo", role="Data Analyst"), "interview_request"),
            (BILL.format(company="Xylo"), "other"),
        )
    ]
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(map(json.dumps, mails)), "utf-8")
    shown = command("evaluate", path, "--json")
    assert shown.code == 0
    assert shown.json["n"] == 3
    assert shown.json["labels"]["rejection"]["recall"]["value"] == 1.0
    path.write_text(json.dumps(mails[0]) + "\nno json\n", "utf-8")
    shown = command("evaluate", path)
    assert shown.code == 1
    assert "line 2" in shown.err
    path.write_text("", "utf-8")
    assert command("evaluate", path).code == 2
    assert command("evaluate", tmp_path / "nowhere.csv").code == 2


# Nobody is asked, and nothing but the answer is on standard output


def test_no_command_waits_for_an_answer(desk, run_process, server, tmp_path):
    """With nothing on standard input each ends by itself; the model is loaded from its file."""
    desk.configure(account(server))
    deliver_a_few(server)
    home = ("--home", desk.workspace.home)
    for arguments in (["sync", "--json"], ["summary", "--json"]):
        shown = run_process(*home, *arguments)
        assert shown.returncode == 0, shown.stderr
        assert shown.stderr == b""
        assert json.loads(shown.stdout)
    shown = run_process(*home, "classify", "-", "--json")
    assert shown.returncode == 1
    assert list(json.loads(shown.stdout)) == ["path", "index", "error"]


def test_json_of_any_text_is_one_line_of_utf8(capfdbinary):
    write_json({"subject": "\ud800 \u2028\n\x1b[31m é"})
    out, _ = capfdbinary.readouterr()
    assert out.count(b"\n") == 1
    assert json.loads(out)["subject"].endswith("[31m é")
    assert b"\x1b" not in out


# Hostile mail


ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x1b]52;c;cm0gLXJm\x07"
BIDI = "\u202egnp.evil\u2066\u200f\u200b"
FORMULA = '=HYPERLINK("http://evil.example";"Pay")'


def hostile(server) -> None:
    names = (f"{ESCAPES}Brackenmoor", f"{BIDI}Quernstone", FORMULA, "@SUM(A1)", "-2+3 Ltd")
    for number, name in enumerate(names):
        for text in (RECEIVED, REJECTION, INTERVIEW):
            raw = letter(
                text, "COMPANY", at=days_ago(3), mail_id=f"h{number}{text[5]}{len(text)}@x.example",
                subject="SUBJECT", sender="Jobs <jobs@evil.example>",
            )  # fmt: skip
            raw = (
                raw.replace(b"COMPANY", name.encode())
                .replace(b"SUBJECT", f"Interview? {ESCAPES}{BIDI}{name}".encode())
                .replace(b"From: Jobs", f"From: {name.replace(chr(34), '')}".encode())
                .replace(b'charset="utf-8"', b"charset=utf-8")
            )
            server.add([SampleMail("INBOX", raw, days_ago(3))])


def long_winded(folder: Path) -> Path:
    """A mail with a subject of a megabyte; as a file, for the sample server is slow with it."""
    raw = letter(INTERVIEW, "Longwinded", at=days_ago(2), mail_id="long@x.example", subject="S")
    path = folder / "long.eml"
    path.write_bytes(raw.replace(b"Subject: S", b"Subject: " + b"A very long subject " * 52_000))
    return path


def is_safe(text: str) -> bool:
    return not any(
        unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs") and sign != "\n" for sign in text
    )


def test_hostile_mail_can_neither_drive_the_terminal_nor_plant_a_formula(
    command, desk, server, tmp_path
):
    desk.configure(account(server), tracker='create_rows = "always"')
    hostile(server)
    long = long_winded(tmp_path)
    for arguments in (["sync", "--dry-run"], ["sync"], ["import", long], ["summary"]):
        shown = command(*arguments)
        assert shown.code == 0
        assert is_safe(shown.out), arguments
        assert is_safe(shown.err), arguments
        assert len(shown.out) < 20_000, arguments
    for arguments in (["summary", "--json"], ["sync", "--json", "--since", "30"]):
        shown = command(*arguments)
        assert "\x1b" not in shown.out
        assert shown.json
    cells = [cell for row in csv.reader(io.StringIO(desk.csv.read_text("utf-8"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(is_safe(cell.replace("\n", "")) for cell in cells)


def test_hostile_mail_in_files_is_classified_safely(command, desk, tmp_path):
    raw = letter(INTERVIEW, "COMPANY", at=days_ago(1), mail_id="h@x.example", subject="SUBJECT")
    for mark in (b"COMPANY", b"SUBJECT"):
        raw = raw.replace(mark, f"{ESCAPES}{BIDI}Brackenmoor".encode())
    name = "odd \x1b[31m\u202e name.eml"
    (tmp_path / name).write_bytes(raw)
    (tmp_path / "empty \x1b[31m.eml").touch()
    shown = command("classify", tmp_path / name, tmp_path / "empty \x1b[31m.eml")
    assert shown.code == 1
    assert is_safe(shown.out)
    assert is_safe(shown.err)
    shown = command("classify", tmp_path / name, "--json")
    assert "\x1b" not in shown.out
    assert shown.json["label"] == "interview_request"


def test_on_a_terminal_only_our_own_colours_are_escapes(command, desk, server, run_process):
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
    desk.configure(account(server))
    hostile(server)
    deliver_a_few(server)
    command("sync")
    master, slave = pty.openpty()
    try:
        shown = run_process(
            "--home", desk.workspace.home, "summary",
            capture_output=False, stdout=slave, stderr=slave,
            env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"},
        )  # fmt: skip
        os.close(slave)
        out = _all_of(master).decode("utf-8")
    finally:
        os.close(master)
    assert shown.returncode == 0
    assert "\x1b[" in out  # colours
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out).replace("\r\n", "\n")
    assert is_safe(plain)


def _all_of(master: int) -> bytes:
    found = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # the other side is closed
            return found
        if not more:
            return found
        found += more


# Interruptions


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupted_sync_stops_with_one_line(desk, run_process):
    stalled = []

    def script(tag: str, verb: str) -> bytes:
        if verb.upper().startswith("LOGIN"):
            stalled.append(tag)
            return b""
        raise KeyError

    with servers.ScriptedServer(script) as server:
        desk.configure(account(server))
        process = subprocess.Popen(
            [sys.executable, "-m", "classifier", "--home", str(desk.workspace.home), "sync"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        until = time.monotonic() + 60
        while not stalled and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == b""
    assert b"What was finished is kept" in err
    assert b"Traceback" not in err
    with FileLock(desk.workspace.lock, timeout=0):
        assert desk.csv.read_bytes() == TRACKER


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_has_seen_enough_ends_the_command_quietly(desk, run_process, tmp_path):
    path = tmp_path / "many.mbox"
    raw = letter(REJECTION, "Brackenmoor", at=days_ago(2), mail_id="f@test.example")
    separated = b"From sam Mon Mar  3 10:00:00 2025\n" + raw.replace(b"\r\n", b"\n") + b"\n"
    path.write_bytes(separated * 500)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "classifier", "--home", str(desk.workspace.home),
            "classify", str(path), "--json",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert err == b""


# The demo


@pytest.fixture
def demo_home(tmp_path, model_store) -> Path:
    """Where a demo was before: its model is kept."""
    home = tmp_path / "demo"
    home.mkdir()
    (home / ".ghostresume-demo").touch()
    (home / "models").symlink_to(model_store, target_is_directory=True)
    return home


def test_the_demo_does_the_main_job_and_wrongs_no_row(command, demo_home):
    today = datetime.now(tz=UTC)
    before = parse_table(sample_applications(today), "before", {}, {})
    shown = command("--home", demo_home, "demo")
    assert (shown.code, shown.err) == (0, "")
    after = parse_table((demo_home / "data" / "applications.csv").read_bytes(), "after", {}, {})

    # What Sam wrote stays, byte for byte, but for the cells that the mails speak about.
    ours = {after.columns[name] for name in ("status", "updated_on", "next_step", "next_step_on")}
    for record_before, record_after in zip(before.records, after.records, strict=False):
        for column, (old, new) in enumerate(
            zip(record_before.cells, record_after.cells, strict=True)
        ):
            assert old == new or column in ours, record_before
    assert len(after.records) > len(before.records)

    rows = {(row.company, row.role): row for row in after.applications}
    truly_rejected = {
        (mail.truth.company, mail.truth.role)
        for mail in sample_letters(today)
        if mail.truth.label == "rejection"
    }
    was = {(row.company, row.role): row.status for row in before.applications}
    for key, row in rows.items():
        if row.status is Status.REJECTED and was.get(key) is not Status.REJECTED:
            assert _is_one_of(key, truly_rejected), key
    assert rows["Larkmoor", "Product Researcher"].status is Status.OFFER
    assert rows["Nettle & Loom", "Customer Researcher"].status is Status.WITHDRAWN
    assert rows["Tidewell Energy", "UX Researcher"].status is Status.INTERVIEW
    assert rows["Tidewell Energy", "Service Designer"].status is Status.REJECTED


def _is_one_of(key: tuple[str, str], truths: set[tuple[str, str]]) -> bool:
    """The same employer and role, where the mail or the row may say a little more."""
    company, role = (part.casefold() for part in key)
    return any(
        company == true_company.casefold()
        and (true_role.casefold() in role or role in true_role.casefold())
        for true_company, true_role in truths
    )
