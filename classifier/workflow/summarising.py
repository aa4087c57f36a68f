"""The summary's workflow: the table as it stands and the stored mail, nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from classifier.config import Config
from classifier.core.summary import Summary, summarise
from classifier.edges.state import LastSync, State
from classifier.edges.workspace import Workspace
from classifier.workflow.applying import known_rows, read_tracker


@dataclass(frozen=True, slots=True)
class Overview:
    """The summary, and how the last syncs went."""

    summary: Summary
    last_syncs: tuple[LastSync, ...]


def overview(
    workspace: Workspace, config: Config, since: date | None = None, now: datetime | None = None
) -> Overview:
    """Gather the summary; with `since`, of the mail sent on that day (UTC) or later."""
    now = now or datetime.now(tz=UTC)
    table = read_tracker(workspace, config)
    # A copy in memory: a sync that runs meanwhile is neither disturbed nor half seen.
    state = State.open(workspace.database, in_memory_copy=True)
    try:
        first = datetime.combine(since, time.min, tzinfo=UTC) if since else None
        rows = known_rows(state, table, workspace.tracker_file(config))
        return Overview(summarise(rows, state.messages(first), now), tuple(state.last_syncs()))
    finally:
        state.close()
