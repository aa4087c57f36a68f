"""Everything the person sees in the terminal: progress, reports, the summary; good at 80 columns."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from classifier.core.application import Application, Change, Status
from classifier.core.evaluation import Evaluation, Quality, Share
from classifier.core.record import MailRecord
from classifier.core.summary import Appointment, Figures, Summary
from classifier.core.verdict import NEWS, Detail, Label, Verdict
from classifier.errors import GhostResumeError
from classifier.ui.jsonform import sender_text
from classifier.ui.lines import plain, show_error

if TYPE_CHECKING:
    from classifier.config import Config
    from classifier.edges.workspace import Workspace
    from classifier.workflow.classifying import Classified
    from classifier.workflow.demonstrating import Demonstration, Night
    from classifier.workflow.evaluating import Examination
    from classifier.workflow.summarising import Overview
    from classifier.workflow.syncing import Report

# Never colour alone: the word always stands beside it.
_STATUS_STYLE = {
    Status.APPLIED: "yellow",
    Status.ASSESSMENT: "yellow",
    Status.INTERVIEW: "bold yellow",
    Status.OFFER: "bold green",
    Status.ACCEPTED: "bold green",
    Status.REJECTED: "red",
    Status.NO_REPLY: "bright_black",
    Status.WITHDRAWN: "bright_black",
}
_PIPE_WIDTH = 80
_MOST_LISTED = 6
_QUIET_AFTER = 0.25  # seconds: a step that is over sooner shows no bar


class Terminal:
    """The person's terminal. With `quiet_stdout`, standard output is left to JSON."""

    def __init__(self, *, quiet_stdout: bool = False) -> None:
        width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", _PIPE_WIDTH))
        self._out = Console(
            highlight=False, emoji=False, markup=False, quiet=quiet_stdout, width=width
        )
        self._err = Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[TerminalProgress]:
        """Bars on standard error while the block runs; none when that is no terminal."""
        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self._err,
            transient=True,
            disable=not self._err.is_terminal,
        )
        with bars:
            yield TerminalProgress(self, bars)

    def warn(self, line: str) -> None:
        """One line on standard error."""
        self._err.print(Text(plain(line)))

    def show_problem(self, problem: GhostResumeError) -> None:
        """An error that did not stop the rest."""
        show_error(problem)

    def _show(self, renderable: RenderableType, *, on_one_line: bool = False) -> None:
        """Print on standard output, without the blanks that layout leaves at line ends."""
        with self._out.capture() as captured:
            self._out.print(
                renderable,
                overflow="ellipsis" if on_one_line else None,
                no_wrap=on_one_line or None,
            )
        for line in captured.get().splitlines():
            click.echo(line.rstrip())

    # a run

    def show_report(self, report: Report) -> None:
        """What a sync or an import did."""
        self._show(_report_lines(report))
        for problem in report.problems:
            self.show_problem(problem)

    def show_classified(self, item: Classified) -> None:
        """One verdict, as two lines."""
        where = f"{item.path}" if item.index == 0 else f"{item.path} #{item.index}"
        if item.judged is None:
            self._err.print(Text(plain(f"{where}: {item.error}")))
            return
        message, verdict = item.judged.message, item.judged.verdict
        line = Text()
        line.append(f"{_kind(verdict.detail)}", style="bold")
        line.append(f" {verdict.by_label[verdict.label]:.0%}")
        if verdict.needs_review:
            line.append(" please check")
        line.append(f"  {plain(message.subject) or '(no subject)'}")
        self._show(line, on_one_line=True)
        if verdict.sentence:
            sentence = Text(f"“{plain(verdict.sentence)}”", style="italic")
            self._show(Padding(sentence, (0, 0, 0, 4), expand=False))

    # the summary

    def show_overview(self, overview: Overview, workspace: Workspace, config: Config) -> None:
        """The summary: what needs an answer first, figures last."""
        summary = overview.summary
        if not summary.applications and not summary.messages:
            self._show(_nothing_yet(workspace, config))
            return
        self._show(_summary_parts(summary))
        for last in overview.last_syncs[:3]:
            state = f"; {plain(last.run.error)}" if last.run.error else ""
            line = f"Last sync of {plain(last.run.account)}: {_ago(last.ended_at)}{state}"
            self._show(Text(line, style="dim"))

    # evaluation

    def show_examination(self, result: Examination) -> None:
        """Figures with n and 95 % intervals."""
        self._show(Text(f"{result.whole.n} labelled mails, model {result.model}\n", "bold"))
        self._show(_quality_table("Label", result.whole.by_label.items()))
        self._show(_quality_table("Detail", result.whole.by_detail.items()))
        self._show(_evaluation_lines(result.whole))
        for title, parts in (("By source", result.by_source), ("By language", result.by_lang)):
            if len(parts) > 1:
                self._show(_parts_table(title, parts))

    # the demo

    def show_demo_start(self) -> None:
        """Say what is about to happen."""
        self._show(
            Text(
                "Sam Rivera is looking for a job. A mail server starts on this machine with six\n"
                "invented weeks of Sam's inbox; three nights are synced, as a timer would do it.\n"
            )
        )

    def show_night(self, night: Night) -> None:
        """One night of the demo."""
        title = f"Night {night.number} · {night.at:%A %-d %B} · {night.delivered} new mails"
        self._show(Text(title, style="bold"))
        self._show(Padding(_report_lines(night.report), (0, 0, 0, 2), expand=False))

    def show_demo_end(self, demo: Demonstration) -> None:
        """The summary, and where everything lies."""
        self._show(_summary_parts(demo.overview.summary))
        home = demo.workspace.home
        shown = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
        self._show(Text("Where it is", style="bold"))
        self._show(
            Text(
                f"  {shown}/data/applications.csv   Sam's table; open it in a spreadsheet\n"
                f"  {shown}/data/backups/           how it was before each night\n"
                f"  ghostresume --home {shown} summary   shows this again"
            )
        )


class TerminalProgress:
    """`workflow.progress.Progress` as bars, with lines above them."""

    def __init__(self, terminal: Terminal, bars: Progress) -> None:
        self._terminal = terminal
        self._bars = bars
        self._task: TaskID | None = None
        self._name = ""

    def step(self, name: str, done: float, total: float | None) -> None:
        """Show the current step alone."""
        kind = name.split(":", maxsplit=1)[0]
        if self._task is None or kind != self._name:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(plain(name), total=total, count="")
            self._name = kind
        count = f"{done:.0f}" if total is None or total > 1 else f"{done / (total or 1):.0%}"
        self._bars.update(
            self._task, description=plain(name), completed=done, total=total, count=count
        )
        if total is not None and done >= total:
            self._bars.remove_task(self._task)
            self._task = None

    def say(self, line: str) -> None:
        """A line above the bars."""
        self._terminal.warn(line)

    def show_night(self, night: Night) -> None:
        """A night of the demo, above the bars."""
        self._terminal.show_night(night)


def _report_lines(report: Report) -> Group:
    parts: list[object] = []
    fetched = sum(run.fetched for run in report.accounts)
    counts = report.classified
    judged = sum(counts.values())
    if judged:
        interviews = _count(counts[Label.INTERVIEW_REQUEST], "interview request")
        rejections = _count(counts[Label.REJECTION], "rejection")
        others = f"{counts[Label.OTHER]} other"
        heading = f"{_count(judged, 'new mail')} judged"
        parts.append(Text(f"{heading}: {interviews}, {rejections}, {others}"))
    elif fetched:
        parts.append(Text(f"{_count(fetched, 'mail')} read, none of them new."))
    elif not report.problems:
        parts.append(Text("No new mail."))
    failed = sum(run.failed for run in report.accounts)
    if failed:
        parts.append(Text(f"{_count(failed, 'mail')} could not be read; the others were."))
    if report.changes:
        verb = "would change" if report.dry_run else "changed"
        parts.append(Text(f"{_count(_rows(report.changes), 'row')} {verb} in your table:"))
        parts.append(Padding(_changes_table(report), (0, 0, 0, 2), expand=False))
    elif judged:
        parts.append(Text("Your table stays as it is."))
    if report.to_review:
        parts.append(Text(f"{_count(report.to_review, 'mail')} wait for you: ghostresume summary"))
    if report.dry_run:
        parts.append(Text("A dry run: nothing was written."))
    return Group(*parts, Text())  # type: ignore[arg-type]


def _rows(changes: Sequence[Change]) -> int:
    return len({change.row for change in changes})


def _changes_table(report: Report) -> Table:
    """One line a row: what it is now called, and its status before and after."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, justify="right", style="dim")
    table.add_column(overflow="ellipsis", no_wrap=True)
    by_row: dict[int, list[Change]] = {}
    for change in report.changes:
        by_row.setdefault(change.row, []).append(change)
    names = report.names
    for row, changes in by_row.items():
        told = Text()
        statuses = [change for change in changes if change.field == "status"]
        if row in report.created:
            told.append("new row, ")
            told.append(plain(statuses[-1].new if statuses else "applied"))
        elif statuses:
            told.append(f"{plain(statuses[0].old) or 'empty'} → ")
            told.append(plain(statuses[-1].new), style="bold")
        dates = [c for c in changes if c.field == "next_step_on"]
        if dates:
            told.append(f", on {dates[-1].new}")
        if not statuses and not dates:
            told.append(", ".join(sorted({c.field for c in changes})))
        table.add_row(str(row), Text.assemble((f"{plain(names.get(row, ''))}: ", ""), told))
    return table


def _summary_parts(summary: Summary) -> Group:
    parts: list[object] = []
    answers = [*_interview_rows(summary), *_offer_rows(summary), *_assessment_rows(summary)]
    if answers:
        parts.append(Text("Needs your answer", style="bold"))
        parts.append(_listing(answers))
    if summary.to_review:
        title = f"Waiting for your review: {_count(len(summary.to_review), 'mail')}"
        parts.append(Text(title, style="bold"))
        rows = [
            (_day(m.sent_at), f"perhaps {_kind(_most_likely_news(m.verdict))}", _review_line(m))
            for m in summary.to_review[:_MOST_LISTED]
        ]
        parts.append(_listing(rows))
        if len(summary.to_review) > _MOST_LISTED:
            parts.append(Text(f"  and {len(summary.to_review) - _MOST_LISTED} more\n"))
    parts.append(Text("Where your applications stand", style="bold"))
    parts.append(_status_table(summary))
    parts.append(_figure_lines(summary.figures))
    return Group(*parts)  # type: ignore[arg-type]


_Row = tuple[str, str, str]


def _listing(rows: Iterable[_Row]) -> Padding:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for when, what, text in rows:
        table.add_row(when, what, text)
    return Padding(table, (0, 0, 1, 2), expand=False)


def _interview_rows(summary: Summary) -> list[_Row]:
    return [
        (_when(item), "interview", _about(item.message, summary, item.place))
        for item in summary.interviews
        if not item.message.needs_review
    ]


def _offer_rows(summary: Summary) -> list[_Row]:
    return [(_day(m.sent_at), "offer", _about(m, summary, None)) for m in summary.offers]


def _assessment_rows(summary: Summary) -> list[_Row]:
    return [
        (_day(m.sent_at), "test or task", _about(m, summary, None)) for m in summary.assessments
    ]


def _about(message: MailRecord, summary: Summary, place: str | None) -> str:
    row = summary.row(message)
    application = next((a for a in summary.applications if a.row == row), None)
    company = application.company if application else message.company
    role = application.role if application else message.role
    name = ", ".join(part for part in (company, role) if part)
    name = name or sender_text(message.sender_name, message.sender_address)
    where = f" · {place}" if place else ""
    return plain(f"{name}{where}") + (f" (row {row})" if row else "")


def _review_line(message: MailRecord) -> str:
    sender = message.sender_name or message.sender_address
    line = f"{plain(sender)}: {plain(message.subject) or '(no subject)'}"
    return f"{line}\n{plain(message.question)}" if message.question else line


def _status_table(summary: Summary) -> Padding:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for status in Status:
        count = summary.by_status[status]
        if count:
            style = _STATUS_STYLE[status]
            names = _names(summary.applications, status) if status is not Status.REJECTED else ""
            table.add_row(Text(status.replace("_", " "), style=style), str(count), names)
    if summary.unclear:
        table.add_row("no known status", str(summary.unclear), "")
    return Padding(table, (0, 0, 1, 2), expand=False)


def _names(applications: Sequence[Application], status: Status) -> str:
    names = [plain(row.company or row.role) for row in applications if row.status is status]
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _figure_lines(figures: Figures) -> Padding:
    lines = [
        f"{_count(figures.applications, 'application')}, answered: {_rate(figures.answered)}",
        f"Interview or further: {_rate(figures.interviewed)}",
    ]
    if figures.median_reply_days is None:
        lines.append("Time until a first answer: too little data")
    else:
        lines.append(
            f"Half of the {figures.replies} first answers came within "
            f"{figures.median_reply_days:.0f} days"
        )
    return Padding(Text("\n".join(lines)), (0, 0, 1, 2), expand=False)


def _rate(share: Share) -> str:
    if share.n < 10:
        return f"{share.hits} of {share.n}"
    low, high = share.interval
    return f"{share.hits} of {share.n} ({low:.0%} to {high:.0%} expected)"


def _nothing_yet(workspace: Workspace, config: Config) -> Text:
    next_step = (
        "ghostresume sync" if config.accounts else "ghostresume import PATH, or: ghostresume demo"
    )
    return Text(f"Nothing is here yet, in {workspace.home}.\n→ {next_step}")


def _most_likely_news(verdict: Verdict) -> Detail:
    """What a doubtful mail may be; a verdict that is no news waits only because it might be one."""
    shares = verdict.probabilities
    if verdict.detail.is_about_an_application:
        return verdict.detail
    return max(NEWS, key=lambda detail: shares[detail])


def _kind(detail: Detail) -> str:
    return detail.replace("_", " ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _day(at: datetime | None) -> str:
    return f"{at:%d %b}" if at else "undated"


def _when(item: Appointment) -> str:
    return f"{item.starts_at:%d %b %H:%M}" if item.starts_at else "no time yet"


def _ago(at: datetime) -> str:
    minutes = int((datetime.now(tz=UTC) - at).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} minutes ago"
    hours = minutes // 60
    return f"{hours} hours ago" if hours < 48 else f"{hours // 24} days ago"


def _quality_table(title: str, rows: Iterable[tuple[object, Quality]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, title_justify="left")
    for name in (title, "n", "Precision", "Recall", "F1"):
        table.add_column(name, justify="left" if name == title else "right", no_wrap=True)
    for kind, quality in rows:
        f1 = quality.f1
        table.add_row(
            str(kind),
            str(quality.recall.n),
            _interval(quality.precision),
            _interval(quality.recall),
            "–" if f1 is None else f"{f1:.3f}",
        )
    table.add_row()
    return table


def _interval(share: Share) -> str:
    if share.value is None:
        return "–"
    low, high = share.interval
    return f"{share.value:.3f} [{low:.2f}–{high:.2f}]"


def _evaluation_lines(result: Evaluation) -> Text:
    return Text(
        f"Job mail settled without asking  {_interval(result.acted)}, n = {result.acted.n}\n"
        f"Wrong among those                {result.wrong_when_acting.hits} of {result.wrong_when_acting.n}\n"
        "Interview or offer called a rejection without asking  "
        f"{result.good_news_called_rejection.hits} of {result.good_news_called_rejection.n}\n"
        f"False alarms on unrelated mail   {result.false_alarms.hits} of {result.false_alarms.n}\n"
        f"Expected calibration error       {result.expected_calibration_error:.3f}\n"
    )


def _parts_table(title: str, parts: dict[str, Evaluation]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in (title, "n", "Rejection P", "R", "Interview P", "R"):
        table.add_column(name, justify="left" if name == title else "right", no_wrap=True)
    for key, result in parts.items():
        rejection = result.by_label[Label.REJECTION]
        interview = result.by_label[Label.INTERVIEW_REQUEST]
        shares = (rejection.precision, rejection.recall, interview.precision, interview.recall)
        table.add_row(plain(key), str(result.n), *(f"{s.hits}/{s.n}" for s in shares))
    table.add_row()
    return table
