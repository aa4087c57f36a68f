"""A warmed-up process that forks a sync for each order it gets, and kills it when it is told to.

Run by `test_kill.py`. Orders and answers are lines of JSON on standard input and output. A
fork has all imports and the model behind it, so that a kill always hits the sync itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from classifier.config import read_config
from classifier.edges import model_store, state
from classifier.edges.workspace import Workspace
from classifier.workflow import applying, classifying, gathering, syncing  # noqa: F401 - warm
from classifier.workflow.progress import Silent


def main() -> None:
    model = model_store.load_model(Path(sys.argv[1]), lambda *_: None, lambda _: None)
    model_store.load_model = lambda *_: model
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """Sync the workspace `home`; `kill_after` seconds, or `die` at a named step."""
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        run(order)
    until = started + order.get("kill_after", 3600.0)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() >= until:
            # Not waited for yet, so the number is still the child's, even if it has ended.
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        time.sleep(min(0.005, max(0.0, until - time.monotonic())))
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - started,
    }


def run(order: dict[str, Any]) -> None:
    """In the fork: one sync, and out, whatever happens."""
    code = 70
    try:
        home = Path(order["home"])
        if order.get("die"):
            DEATHS[order["die"]]()
        report = syncing.sync(
            Workspace(home),
            read_config(home / "ghostresume.toml"),
            syncing.SyncOptions(),
            Silent(),
            now=datetime.fromisoformat(order["now"]),
        )
        code = report.exit_code
        if report.problems:
            print(*report.problems, file=sys.stderr, flush=True)
    except BaseException:  # noqa: BLE001 - shown to the test, whatever it is
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


# Deaths at a step: as sudden as SIGKILL, nothing is unwound.

DIED = 99


def die(*_: object, **__: object) -> None:
    os._exit(DIED)


def before(owner: Any, name: str, *, only: Callable[..., bool] = lambda *_: True) -> None:
    real = getattr(owner, name)

    def replacement(*args: Any, **more: Any) -> Any:
        if only(*args):
            die()
        return real(*args, **more)

    setattr(owner, name, replacement)


def after(owner: Any, name: str, *, only: Callable[..., bool] = lambda *_: True) -> None:
    real = getattr(owner, name)

    def replacement(*args: Any, **more: Any) -> Any:
        result = real(*args, **more)
        if only(*args):
            die()
        return result

    setattr(owner, name, replacement)


def half_written() -> None:
    """The temporary neighbour holds half of the new table."""
    real = os.fsync

    def fsync(handle: int) -> None:
        file = Path(f"/proc/self/fd/{handle}")
        if not file.exists() or file.readlink().name.startswith(".applications.csv."):
            os.truncate(handle, os.fstat(handle).st_size // 2)
            die()
        real(handle)

    os.fsync = fsync


def second_time() -> Callable[..., bool]:
    calls: list[None] = []

    def only(*_: object) -> bool:
        calls.append(None)
        return len(calls) == 2

    return only


def is_table(_: object, target: object) -> bool:
    return Path(str(target)).name == "applications.csv"


def is_backup(_: object, target: object) -> bool:
    return Path(str(target)).parent.name == "backups"


DEATHS: dict[str, Callable[[], None]] = {
    "before the first mails are stored": lambda: before(state.State, "add_messages"),
    "with mails stored but the position not moved": lambda: before(state.State, "move_position"),
    "between two batches": lambda: before(state.State, "add_messages", only=second_time()),
    "before the plan is announced": lambda: before(state.State, "announce"),
    "while the plan is announced": lambda: after(state.State, "announce"),
    "after the plan is announced": lambda: before(applying, "save_table"),
    "before the backup is in its place": lambda: before(os, "replace", only=is_backup),
    "after the backup": lambda: after(os, "replace", only=is_backup),
    "with half of the new table written": half_written,
    "before the table's replacement": lambda: before(os, "replace", only=is_table),
    "after the table's replacement": lambda: after(os, "replace", only=is_table),
    "before the changes are confirmed": lambda: before(state.State, "confirm"),
    "while the changes are confirmed": lambda: after(state.State, "confirm"),
    "before the run is ended": lambda: before(state.State, "end_run"),
    "while the old texts are dropped": lambda: before(state.State, "forget_text"),
    "while the run is ended": lambda: before(state.State, "close"),
}

if __name__ == "__main__":
    main()
