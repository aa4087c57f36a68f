"""Runs whole processes and takes their wall time, processor time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

GHOSTRESUME = [sys.executable, "-m", "classifier"]


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: seconds, and peak memory in MB."""

    wall: float
    cpu: float
    peak: float


def measure(command: Sequence[str], output: Path | None = None, **environment: str) -> Run:
    """Run a command to its end; raises where it fails.

    The peak is VmHWM, looked up fifty times a second: the kernel's ru_maxrss would count
    this process's own memory in, from before the exec.
    """
    peak = 0.0
    with (output or Path(os.devnull)).open("wb") as sink, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=errors,
            env=os.environ | environment,
        )  # fmt: skip
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            peak = max(peak, _peak_of(process.pid))
            time.sleep(0.02 if time.perf_counter() - started > 1 else 0.002)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{command}: exit {process.returncode}\n{errors.read().decode()}")
    return Run(wall, usage.ru_utime + usage.ru_stime, peak)


def build_model(home: Path) -> None:
    """Have the base model built in a workspace."""
    mail = home / "one.eml"
    mail.write_bytes(b"Subject: hello\n\nhello\n")
    measure([*GHOSTRESUME, "--home", str(home), "classify", str(mail)])


def _peak_of(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")),
        0.0,
    )


def row(name: str, runs: Sequence[Run], *more: str) -> str:
    """A line of a Markdown table: medians, and the span of the wall time."""
    walls = [run.wall for run in runs]
    cells = (
        name,
        f"{median(walls):.2f}",
        f"{min(walls):.2f}–{max(walls):.2f}",
        f"{median(run.cpu for run in runs):.2f}",
        f"{max(run.peak for run in runs):.0f}",
        *more,
    )
    return f"| {' | '.join(cells)} |"


HEAD = "| what | wall s | min–max | cpu s | peak MB |"
RULE = "| --- | ---: | ---: | ---: | ---: |"
