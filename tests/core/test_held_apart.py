"""The held-apart mail stays apart, and what must never happen does not happen on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier.core.dataset import Example
from classifier.core.evaluation import Evaluation, evaluate
from classifier.core.model import judge
from classifier.core.words import read_text
from classifier.edges.model_store import load_model, read_corpus
from classifier.workflow.evaluating import read_labelled

HELD_APART = Path(__file__).parents[1] / "held-apart" / "job-mail.jsonl"


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    found = list(read_labelled(HELD_APART))
    assert all(isinstance(example, Example) for example in found)
    return [example for example in found if isinstance(example, Example)]


@pytest.fixture(scope="module")
def result(model_store, examples) -> Evaluation:
    model = load_model(model_store, lambda _step, _share: None, lambda _line: None)
    return evaluate(examples, judge(model, [read_text(e.subject, e.body) for e in examples]))


def test_no_held_apart_mail_stands_in_the_corpus(examples) -> None:
    bodies = {example.body.strip() for example in read_corpus() if len(example.body) > 40}
    assert not [example.id for example in examples if example.body.strip() in bodies]


def test_no_interview_or_offer_is_filed_as_a_rejection(result: Evaluation) -> None:
    assert result.good_news_called_rejection.hits == 0
    assert result.good_news_called_rejection.n >= 90


def test_what_is_settled_without_asking_is_right(result: Evaluation) -> None:
    """At most one wrong: the error budget is one in a hundred."""
    assert result.wrong_when_acting.hits <= 1
    assert result.acted.n >= 180
