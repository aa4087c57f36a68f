"""Text from mail and errors as safe lines for a terminal; needs no heavy import."""

from __future__ import annotations

import unicodedata

import click

from classifier.errors import GhostResumeError

# Cc: terminal escapes; Cf: bidirectional overrides and invisible joiners; Co, Cs: no text.
_UNSAFE = frozenset({"Cc", "Cf", "Co", "Cs"})


def plain(text: str) -> str:
    """Text from a mail as one line that can neither drive a terminal nor reorder its words."""
    shown = "".join(" " if unicodedata.category(c) in _UNSAFE else c for c in text)
    return " ".join(shown.split())


def show_error(error: GhostResumeError) -> None:
    """What happened, and the next command, on standard error."""
    for line in str(error).splitlines():
        click.echo(_kept_indent(line), err=True)
    if error.hint:
        click.echo(f"→ {plain(error.hint)}", err=True)


def _kept_indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))] + plain(line)
