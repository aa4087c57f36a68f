"""`classify` over a large mbox: mails a second, and memory that does not grow with it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.mails import mails
from tests.benchmarks.measuring import GHOSTRESUME, HEAD, RULE, build_model, measure, row

SMALL, LARGE = 5_000, 50_000


def run() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (SMALL, LARGE):
            with (folder / f"{count}.mbox").open("wb") as file:
                for raw in mails(count, attachments=False):
                    file.write(b"From sender Mon Mar  2 10:00:00 2026\n")
                    file.write(raw.replace(b"\r\n", b"\n") + b"\n")
        command = [*GHOSTRESUME, "--home", name, "classify", "--json"]
        build_model(folder)
        print("## classify\n\n" + HEAD[:-1] + "| mails/s |\n" + RULE + " ---: |")
        peaks = []
        for count in (SMALL, LARGE):
            result = measure([*command, str(folder / f"{count}.mbox")], folder / "out")
            assert (folder / "out").read_bytes().count(b"\n") == count
            peaks.append(result.peak)
            print(row(f"{count:,} mails", [result], f"{count / result.wall:.0f}"))
        print(f"\nPeak memory, large against small: {peaks[1] / peaks[0]:.2f}")
