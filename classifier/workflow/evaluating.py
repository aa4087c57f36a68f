"""Labelled mail from files is judged, and the verdicts held against the labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.core.dataset import BadLine, Example, example_from, read_examples
from classifier.core.evaluation import Evaluation, evaluate
from classifier.core.model import judge
from classifier.core.verdict import Verdict
from classifier.core.words import read_text
from classifier.errors import UsageProblem
from classifier.workflow.importing import batches
from classifier.workflow.judging import Judge


@dataclass(frozen=True, slots=True)
class Examination:
    """The whole result, its parts by source and language, and the lines that were no mail."""

    model: str
    whole: Evaluation
    by_source: dict[str, Evaluation]
    by_lang: dict[str, Evaluation]
    bad_lines: tuple[str, ...]


def examine(paths: Sequence[str], judge_of_workspace: Judge) -> Examination:
    """Judge every labelled mail of the files; raises `UsageProblem` where there is none."""
    examples: list[Example] = []
    bad: list[str] = []
    for path in paths:
        for item in read_labelled(Path(path)):
            if isinstance(item, BadLine):
                bad.append(f"{path}, line {item.number}: {item.reason}")
            else:
                examples.append(item)
    if not examples:
        raise UsageProblem(
            "No labelled mail was found.\n" + "\n".join(bad[:10]),
            hint='Each line needs "from", "subject", "body" and "label" (JSONL or CSV).',
        )
    model = judge_of_workspace.model
    verdicts = [
        verdict
        for batch in batches(examples, 256)
        for verdict in judge(model, [read_text(e.subject, e.body) for e in batch])
    ]
    return Examination(
        model=model.version,
        whole=evaluate(examples, verdicts),
        by_source=_split(examples, verdicts, [e.source for e in examples]),
        by_lang=_split(examples, verdicts, [e.lang or "?" for e in examples]),
        bad_lines=tuple(bad),
    )


def _split(
    examples: Sequence[Example], verdicts: Sequence[Verdict], keys: Sequence[str]
) -> dict[str, Evaluation]:
    groups: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    return {
        key: evaluate([examples[i] for i in places], [verdicts[i] for i in places])
        for key, places in sorted(groups.items())
    }


def read_labelled(path: Path) -> Iterator[Example | BadLine]:
    """Labelled mail of one JSONL or CSV file; raises `UsageProblem` when it can't be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                csv.field_size_limit(2**31 - 1)  # the default of 131,072 cuts long mails off
                for number, row in enumerate(csv.DictReader(file), start=2):
                    yield example_from({k: v for k, v in row.items() if k}, number, path.stem)
            else:
                yield from read_examples(file, path.stem)
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{path} is not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise UsageProblem(f"{path} can't be read: {error.strerror}.") from None
