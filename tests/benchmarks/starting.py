"""How long the program takes to answer when there is nothing to do."""

from __future__ import annotations

from tests.benchmarks.measuring import GHOSTRESUME, HEAD, RULE, measure, row


def run() -> None:
    """Print the table."""
    print("## Start\n\n" + HEAD + "\n" + RULE)
    measure([*GHOSTRESUME, "--help"])
    print(row("`--help`", [measure([*GHOSTRESUME, "--help"]) for _ in range(10)]))
