"""The command line as a person and a script meet it: whole processes, real output."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from importlib import resources
from pathlib import Path

import click
import pytest

from classifier.ui.cli import cli

ROOT = Path(__file__).parents[2]


def ghostresume(home: Path, *arguments: str, stdin: bytes = b"", **environment: str):
    """Run the program as a process of its own; its output as bytes."""
    return subprocess.run(
        [sys.executable, "-m", "classifier", "--home", str(home), *arguments],
        input=stdin, capture_output=True, check=False, timeout=240,
        cwd=home, env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"} | environment,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help_and_stands_in_the_readme(name: str, tmp_path) -> None:
    done = ghostresume(tmp_path, name, "--help")
    assert done.returncode == 0
    assert cli.commands[name].help
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"ghostresume {name}" in readme
    for parameter in cli.commands[name].params:
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            assert parameter.opts[0] in readme


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys; from classifier.ui.cli import run; run(['--help']);"
        "heavy = {'sklearn', 'pandas', 'numpy', 'rich', 'imapclient', 'pydantic'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["sync", "--since", "yesterday"], ["classify"], ["sync", "--account", "nobody"]],
)
def test_wrong_usage_is_exit_code_2_and_no_traceback(arguments: list[str], tmp_path) -> None:
    done = ghostresume(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert b"Traceback" not in done.stderr


def test_a_new_workspace_is_private_and_kept_out_of_version_control(tmp_path) -> None:
    home = tmp_path / "new"
    done = subprocess.run(
        [sys.executable, "-m", "classifier", "--home", str(home), "summary"],
        capture_output=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0
    assert (home / "data").stat().st_mode & 0o077 == 0
    assert (home / "ghostresume.toml").stat().st_mode & 0o077 == 0
    assert (home / "data" / ".gitignore").read_text().splitlines()[-1] == "*"
    tomllib.loads((home / "ghostresume.toml").read_text())


def test_summary_json_of_an_empty_workspace_has_every_key(tmp_path) -> None:
    done = ghostresume(tmp_path, "summary", "--json")
    record = json.loads(done.stdout)
    assert done.returncode == 0
    assert {
        "generated_at", "applications", "by_status", "messages", "needs_review", "interviews", "last_sync",
    } <= set(record)  # fmt: skip
    assert record["applications"] == []
    assert record["last_sync"] is None


def test_a_closed_pipe_is_no_error(tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "classifier", "--home", str(tmp_path), "summary"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout
    process.stdout.close()
    _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
    assert process.returncode == 0


def test_an_interrupt_says_that_what_was_done_is_kept(tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "classifier", "--home", str(tmp_path), "classify", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    time.sleep(2.0)  # it is building its model, or waits for the mail
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
    # CPython ends by the signal itself when the interrupt fell into an exec() of some import;
    # a shell shows 130 for both.
    assert process.returncode in (130, -signal.SIGINT)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "classifier", "demo"],
        capture_output=True, check=False, cwd=home, timeout=240,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return home / "ghostresume-demo", done.stdout.decode()


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
class TestDemo:
    """The demo's mails have a truth of their own; the table must not contradict it."""

    def rows(self, home: Path) -> list[dict[str, str]]:
        with (home / "data" / "applications.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_no_row_is_wrongly_rejected_and_no_good_news_is_lost(self, demo) -> None:
        home, _ = demo
        truth = tomllib.loads(
            resources.files("classifier.sample").joinpath("mailbox.toml").read_text("utf-8")
        )["mail"]
        rejected = {m["truth"]["company"] for m in truth if m["truth"]["detail"] == "rejection"}
        for row in self.rows(home):
            if row["status"] == "rejected" and row["company"] != "Kettleby Foods":
                assert row["company"] in rejected
        offers = [row["company"] for row in self.rows(home) if row["status"] == "offer"]
        assert offers == ["Larkmoor"]
        told = json.loads(ghostresume(home, "summary", "--json").stdout)
        for mail in truth:
            if mail["truth"]["detail"] not in ("interview_request", "offer"):
                continue
            message = next(
                m for m in told["messages"] if m["message_id"] == f"{mail['id']}@sample.example"
            )
            assert message["needs_review"] or message["detail"] == mail["truth"]["detail"], (
                f"{mail['id']} was filed as {message['detail']} without asking"
            )

    def test_sams_own_words_stay(self, demo) -> None:
        home, _ = demo
        first = min((home / "data" / "backups").iterdir())
        with first.open(encoding="utf-8", newline="") as file:
            before = list(csv.DictReader(file))
        for old, new in zip(before, self.rows(home), strict=False):
            for column in ("notes", "gut feeling", "contact", "source", "link", "company", "role"):
                assert new[column] == old[column]

    def test_its_output_fits_80_columns_and_names_the_files(self, demo) -> None:
        _, shown = demo
        assert max(map(len, shown.splitlines())) <= 80
        assert "applications.csv" in shown
        assert "Night 3" in shown

    def test_a_second_demo_replaces_the_first_and_nothing_else(self, demo, tmp_path) -> None:
        home, _ = demo
        assert ghostresume(home.parent, "--home", str(home), "demo").returncode == 0
        strange = tmp_path / "mine"
        strange.mkdir()
        (strange / "letter.txt").write_text("keep me")
        done = ghostresume(tmp_path, "--home", str(strange), "demo")
        assert done.returncode == 2
        assert (strange / "letter.txt").read_text() == "keep me"

    def test_mail_that_drives_terminals_or_spreadsheets_is_inert(self, demo) -> None:
        home, _ = demo
        mail = home / "hostile.eml"
        mail.write_bytes(
            b"From: \x1b]0;owned\x07\x1b[2J =cmd|'/c calc'!A1 <jobs@evil.example>\n"
            b'Subject: =?utf-8?b?G1sybOKAriE9?= Thank you for applying to =HYPERLINK("http://x")\n'
            b"Message-ID: <hostile@evil.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\n\n"
            b"Thank you for applying to =HYPERLINK(1)! We have received your application for the "
            b"Data Analyst role and will review it. \x1b[31m\x07\n"
        )
        for arguments in (["import", str(mail)], ["summary"], ["classify", str(mail)]):
            done = ghostresume(home, *arguments)
            assert b"\x1b" not in done.stdout + done.stderr
            assert b"\x07" not in done.stdout + done.stderr
            assert "\u202e" not in done.stdout.decode()
        for row in self.rows(home):
            for cell in row.values():
                assert not (cell or "").startswith(("=", "+", "@", "\t"))
