"""Labelled mail: one `Example` a mail, read from JSON lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from classifier.core.verdict import Detail, Label


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled mail. `detail` is None where only the label is known."""

    id: str
    lang: str  # ISO 639-1; "" when not known
    sender: str  # the From header, decoded
    subject: str
    body: str
    label: Label
    detail: Detail | None
    family: str  # near-duplicates share one; never split between training and testing
    source: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no labelled mail; `number` counts from 1."""

    number: int
    reason: str


def read_examples(lines: Iterable[str], source: str) -> Iterator[Example | BadLine]:
    """Read JSON objects with from, subject, body and label or detail, one a line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            yield BadLine(number, f"not JSON: {error.msg} (column {error.colno})")
            continue
        if not isinstance(record, dict):
            yield BadLine(number, "not a JSON object")
            continue
        yield example_from(record, number, source)


def example_from(record: Mapping[str, object], number: int, source: str) -> Example | BadLine:
    """One labelled mail from a record of strings, as in a JSON line or a CSV row."""

    def text(key: str) -> str:
        value = record.get(key)
        return "" if value is None else str(value)

    if not {"from", "subject", "body"} & set(record):
        return BadLine(number, "no text: from, subject and body are all missing")
    try:
        detail = Detail(text("detail")) if text("detail") else None
        if not (text("label") or detail):
            return BadLine(number, "neither label nor detail is given")
        label = Label(text("label")) if text("label") else detail.label if detail else Label.OTHER
    except ValueError as error:
        return BadLine(number, f"{error}".replace(" is not a valid ", " is no "))
    if detail is None and label is not Label.OTHER:
        detail = Detail(label.value)
    if detail is not None and detail.label is not label:
        return BadLine(number, f"the detail {detail} does not belong to the label {label}")
    identity = text("id") or text("message_id") or f"{source}:{number}"
    return Example(
        id=identity,
        lang=text("lang"),
        sender=text("from"),
        subject=text("subject"),
        body=text("body"),
        label=label,
        detail=detail,
        family=text("family") or identity,
        source=text("source") or source,
    )


def digest_of(examples: Iterable[Example]) -> str:
    """SHA-256 over what the model is trained on, whatever the order of the lines."""
    lines = sorted(
        json.dumps([e.id, e.sender, e.subject, e.body, e.detail, e.family], ensure_ascii=False)
        for e in examples
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
