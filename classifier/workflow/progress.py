"""How long work tells the person where it stands, whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Shows steps and lines; the terminal, the tests and a silent one implement it."""

    def step(self, name: str, done: float, total: float | None) -> None:
        """A step stands at `done` of `total` (None: unknown); it ends when they are equal."""

    def say(self, line: str) -> None:
        """One line that the person should see, now."""


class Silent:
    """Shows nothing; keeps the lines for whoever asks."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str, done: float, total: float | None) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Keep the line."""
        self.lines.append(line)
