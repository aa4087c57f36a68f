"""Verdicts only: mail in files is judged and printed, and nothing is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from classifier.core.message import Message, Unreadable
from classifier.edges.mailfiles import MailFile, read_mail
from classifier.workflow.importing import batches
from classifier.workflow.judging import Judge, Judged, parse_all

BATCH = 64  # judged at once; bounds the memory, whatever the size of the mbox


@dataclass(frozen=True, slots=True)
class Classified:
    """The answer for one mail of a file: `judged`, or the `error` that prevented it."""

    path: str
    index: int
    judged: Judged | None
    error: str | None


def classify(paths: Sequence[str], judge: Judge, stdin: BinaryIO | None) -> Iterator[Classified]:
    """Judge every mail of the files, in their order; streams."""
    for batch in batches(read_mail(paths, stdin), BATCH):
        yield from _classify_batch(batch, judge)


def _classify_batch(batch: Sequence[MailFile], judge: Judge) -> Iterator[Classified]:
    raws = [item.raw for item in batch if item.raw is not None]
    parsed = iter(parse_all(raws))
    results = [next(parsed) if item.raw is not None else item.error or "" for item in batch]
    judged = iter(judge.judge([result for result in results if isinstance(result, Message)]))
    for item, result in zip(batch, results, strict=True):
        if isinstance(result, Message):
            yield Classified(item.path, item.index, next(judged), None)
        else:
            reason = result.reason if isinstance(result, Unreadable) else result
            yield Classified(item.path, item.index, None, reason)
