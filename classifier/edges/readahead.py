"""Let slow reading and slow thinking overlap: a thread reads a few items ahead."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

QUIET_SECONDS = 0.1  # for a thread to end by itself
JOIN_SECONDS = 3.0  # for it to end after an interruption; it may be waiting to try again


@dataclass(frozen=True, slots=True)
class _End:
    failure: BaseException | None


def read_ahead(
    source: Iterator[Item], depth: int, interrupt: Callable[[], None]
) -> Generator[Item, None, None]:
    """The items of `source`, which runs in a thread and gets at most `depth` items ahead.

    What `source` raises is raised here. When the reader leaves early, `interrupt` is called
    to end a wait inside `source`, and what it raises after that is of no interest.
    """
    ready: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
    left = threading.Event()
    thread = threading.Thread(
        target=_run, args=(source, ready, left), name="read-ahead", daemon=True
    )
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.failure is not None:
            raise item.failure
    finally:
        left.set()
        _wind_up(thread, ready, interrupt)


def _run(source: Iterator[Item], ready: queue.Queue[Item | _End], left: threading.Event) -> None:
    failure: BaseException | None = None
    try:
        for item in source:
            ready.put(item)
            if left.is_set():
                return
    except BaseException as error:  # noqa: BLE001 - handed over to the reader, whatever it is
        failure = error
    ready.put(_End(failure))


def _wind_up(
    thread: threading.Thread, ready: queue.Queue[Item | _End], interrupt: Callable[[], None]
) -> None:
    _drain(ready)
    thread.join(QUIET_SECONDS)  # at its end, or waiting for room: no need to interrupt
    if thread.is_alive():
        interrupt()
    until = time.monotonic() + JOIN_SECONDS
    while thread.is_alive() and time.monotonic() < until:
        _drain(ready)
        thread.join(0.02)


def _drain(ready: queue.Queue[Item | _End]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            ready.get_nowait()
