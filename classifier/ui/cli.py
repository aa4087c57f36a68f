"""The command line: reads arguments, calls a workflow, shows what came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from classifier import __version__
from classifier.errors import GhostResumeError

if TYPE_CHECKING:
    from classifier.config import Config
    from classifier.edges.workspace import Workspace
    from classifier.ui.terminal import Terminal

PROGRAM = "ghostresume"


@dataclass(frozen=True, slots=True)
class Where:
    """The workspace as the command line names it; resolved when a command needs it."""

    home: str | None

    def find(self) -> Workspace:
        """The workspace's paths."""
        from classifier.edges.workspace import find_workspace

        return find_workspace(self.home, Path.cwd())

    def open(self) -> tuple[Workspace, Config]:
        """The workspace, made where needed, and its checked settings."""
        from classifier.edges.workspace import prepare

        workspace = self.find()
        return workspace, prepare(workspace)


class _Since(click.ParamType[date]):
    """A day, as YYYY-MM-DD or as a number of days back from today."""

    name = "DATE|DAYS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read the argument; a usage error names the two forms."""
        text = str(value)
        try:
            if text.isdigit():
                return datetime.now(tz=UTC).date() - timedelta(days=int(text))
            return date.fromisoformat(text)
        except (ValueError, OverflowError):
            self.fail(
                f"{text!r} is neither a date (2026-03-31) nor a number of days (30).", param, ctx
            )


SINCE = _Since()
_Function = TypeVar("_Function", bound=Callable[..., object])


def json_option(function: _Function) -> _Function:
    """`--json`, spelled the same for every command that reports."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON alone on standard output."
    )(function)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88})
@click.option(
    "--home",
    metavar="DIR",
    envvar="GHOSTRESUME_HOME",
    help="The workspace. Else: the nearest parent folder with a ghostresume.toml, "
    "else your user-data folder.",
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def cli(context: click.Context, home: str | None) -> None:
    """Ghost Résumé keeps your applications spreadsheet up to date from your mail.

    It reads new mail over IMAP without changing it, files rejections, finds interview
    requests, and asks whenever it is not sure. Nothing leaves this machine.
    """
    context.obj = Where(home)


@cli.command()
@click.pass_obj
def demo(where: Where) -> None:
    """Show the whole job on a sample mailbox, without an account.

    Starts a mail server on this machine, fills it with six invented weeks of mail, syncs
    three nights into a fresh workspace, and shows the summary and where the files are.
    """
    from classifier.ui.terminal import Terminal
    from classifier.workflow.demonstrating import demonstrate

    terminal = Terminal()
    home = Path(where.home).expanduser() if where.home else Path.cwd() / "ghostresume-demo"
    terminal.show_demo_start()
    with terminal.progress() as progress:
        result = demonstrate(home.absolute(), progress, progress.show_night)
    terminal.show_demo_end(result)


@cli.command()
@click.option(
    "--account",
    "accounts",
    metavar="NAME",
    multiple=True,
    help="Only this account; may be repeated.",
)
@click.option("--since", type=SINCE, help="Look back to this day, whatever was read before.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@json_option
@click.pass_obj
def sync(
    where: Where, accounts: tuple[str, ...], since: date | None, dry_run: bool, as_json: bool
) -> int:
    """Read new mail, judge it, bring the applications file up to date: the nightly job."""
    from classifier.ui.terminal import Terminal
    from classifier.workflow.syncing import SyncOptions
    from classifier.workflow.syncing import sync as run_sync

    workspace, config = where.open()
    terminal = Terminal(quiet_stdout=as_json)
    with terminal.progress() as progress:
        report = run_sync(workspace, config, SyncOptions(accounts, since, dry_run), progress)
    _show_report(terminal, report, as_json)
    return report.exit_code


@cli.command(name="import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--since", type=SINCE, help="Only mail sent on this day or later.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@json_option
@click.pass_obj
def import_(
    where: Where, paths: tuple[str, ...], since: date | None, dry_run: bool, as_json: bool
) -> int:
    """The same as sync, over an mbox, a Maildir or .eml files (a Takeout archive, say)."""
    from classifier.ui.terminal import Terminal
    from classifier.workflow.importing import ImportOptions, import_mail

    workspace, config = where.open()
    terminal = Terminal(quiet_stdout=as_json)
    with terminal.progress() as progress:
        report = import_mail(
            workspace, config, ImportOptions(paths, since, dry_run), progress,
            stdin=sys.stdin.buffer,
        )  # fmt: skip
    _show_report(terminal, report, as_json)
    return report.exit_code


def _show_report(terminal: Terminal, report: object, as_json: bool) -> None:
    from classifier.ui.jsonform import report_record, write_json
    from classifier.workflow.syncing import Report

    assert isinstance(report, Report)  # noqa: S101 - for the type checker; imported late
    if as_json:
        write_json(report_record(report))
        for problem in report.problems:
            terminal.show_problem(problem)
    else:
        terminal.show_report(report)


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@json_option
@click.pass_obj
def classify(where: Where, paths: tuple[str, ...], as_json: bool) -> int:
    """Judge mail in files and print the verdicts; "-" is one mail on standard input.

    Remembers nothing and touches no file of the workspace but the model.
    """
    from classifier.ui.jsonform import classified_record, write_json
    from classifier.ui.terminal import Terminal
    from classifier.workflow.classifying import classify as run_classify
    from classifier.workflow.judging import Judge

    workspace = where.find()
    terminal = Terminal(quiet_stdout=as_json)
    failed = 0
    with terminal.progress() as progress:
        judge = Judge(workspace.models, progress)
        judge.model  # noqa: B018 - built before the first verdict is due, with its progress bar
    for item in run_classify(paths, judge, sys.stdin.buffer):
        failed += item.error is not None
        if as_json:
            write_json(classified_record(item))
        else:
            terminal.show_classified(item)
    return 1 if failed else 0


@cli.command()
@click.option("--since", type=SINCE, help="Only mail sent on this day or later.")
@json_option
@click.pass_obj
def summary(where: Where, since: date | None, as_json: bool) -> None:
    """Show the classified inbox and the search in numbers."""
    from classifier.ui.jsonform import overview_record, write_json
    from classifier.ui.terminal import Terminal
    from classifier.workflow.summarising import overview

    workspace, config = where.open()
    result = overview(workspace, config, since)
    if as_json:
        write_json(overview_record(result))
    else:
        Terminal().show_overview(result, workspace, config)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@json_option
@click.pass_obj
def evaluate(where: Where, files: tuple[str, ...], as_json: bool) -> int:
    """Hold the model against labelled mail it was not trained on (JSONL or CSV)."""
    from classifier.ui.jsonform import examination_record, write_json
    from classifier.ui.terminal import Terminal
    from classifier.workflow.evaluating import examine
    from classifier.workflow.judging import Judge

    terminal = Terminal(quiet_stdout=as_json)
    with terminal.progress() as progress:
        result = examine(files, Judge(where.find().models, progress))
    if as_json:
        write_json(examination_record(result))
    else:
        terminal.show_examination(result)
    for line in result.bad_lines:
        terminal.warn(line)
    return 1 if result.bad_lines else 0


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for your shell.

    \b
    bash:  ghostresume completion bash >> ~/.bashrc
    zsh:   ghostresume completion zsh >> ~/.zshrc
    fish:  ghostresume completion fish > ~/.config/fish/completions/ghostresume.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(cli, {}, PROGRAM, "_GHOSTRESUME_COMPLETE").source())


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code of the contract, and never a traceback."""
    from classifier.ui.lines import show_error

    try:
        code = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except GhostResumeError as error:
        show_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was finished is kept; run the command again to go on.", err=True)
        return 130
    except (BrokenPipeError, SystemExit):
        # The reader (head, less) has seen enough; click turns that into SystemExit itself.
        # What is still buffered has nowhere to go, and flushing it at exit would complain.
        if sys.__stdout__ is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
        return 0
    return code if isinstance(code, int) else 0
