"""What holds for every verdict of the base model; its figures are no tests' business."""

from __future__ import annotations

import pytest

from classifier.core.model import Model, judge, train
from classifier.core.verdict import Detail, Label, Verdict
from classifier.core.words import read_text
from classifier.edges.model_store import load_model, read_corpus


@pytest.fixture(scope="module")
def model(model_store) -> Model:
    return load_model(model_store, lambda _step, _share: None, lambda _line: None)


def verdict(model: Model, subject: str, body: str) -> Verdict:
    return judge(model, [read_text(subject, body)])[0]


@pytest.mark.parametrize(
    ("subject", "body", "label"),
    [
        (
            "Your application",
            "Thank you for applying. Unfortunately we have decided not to move forward with your application.",
            Label.REJECTION,
        ),
        (
            "Next steps",
            "We would like to invite you to a video interview next week. Which of these times suits you?",
            Label.INTERVIEW_REQUEST,
        ),
        (
            "Ihre Bewerbung",
            "leider müssen wir Ihnen mitteilen, dass wir uns für einen anderen Bewerber entschieden haben.",
            Label.REJECTION,
        ),
        ("Dinner", "Shall we eat at eight on Friday? Mum brings the cake.", Label.OTHER),
    ],
)
def test_plain_cases_are_plain(model: Model, subject: str, body: str, label: Label) -> None:
    assert verdict(model, subject, body).label is label


def test_probabilities_sum_to_one_and_details_to_labels(model: Model) -> None:
    answer = verdict(model, "Your application", "We will get back to you.")
    assert sum(answer.probabilities.values()) == pytest.approx(1.0)
    assert sum(answer.by_label.values()) == pytest.approx(1.0)
    assert answer.detail.label is answer.label


def test_the_sentence_stands_in_the_mail_and_its_words_moved_the_verdict(model: Model) -> None:
    body = "Hello Sam,\n\nHow are you? We regret that you were not selected. Have a good day!"
    answer = verdict(model, "Your application", body)
    assert answer.sentence in body
    assert "not selected" in (answer.sentence or "")
    assert answer.clues
    assert answer.clues[0].weight > 0


def test_a_mail_of_unknown_words_is_unrelated_but_asked_about(model: Model) -> None:
    dutch = (
        "Beste Sam, bedankt voor je sollicitatie. Helaas hebben wij besloten om met andere "
        "kandidaten verder te gaan. Wij wensen je veel succes met het vinden van een baan."
    )
    answer = verdict(model, "Je sollicitatie", dutch)
    assert answer.needs_review


@pytest.mark.parametrize(
    "body", ["", "\x1f\x1f", "…", "a", "1234", "\U0001f600" * 50, "x" * 100_000]
)
def test_mail_that_says_nothing_gets_a_calm_answer(model: Model, body: str) -> None:
    answer = verdict(model, "", body)
    assert answer.label is Label.OTHER
    assert answer.sentence is None or answer.sentence in body


def test_a_hidden_condition_is_no_decision(model: Model) -> None:
    sure = verdict(model, "", "You were not selected for this position.")
    perhaps = verdict(
        model, "", "If you were not selected for this position, we will write to you."
    )
    difference = sure.probabilities[Detail.REJECTION] - perhaps.probabilities[Detail.REJECTION]
    assert difference > 0.1


def test_training_is_deterministic() -> None:
    examples = read_corpus()[:300]
    readings = [read_text(e.subject, e.body) for e in examples[:40]]
    first = judge(Model("a", train(examples)), readings)
    second = judge(Model("a", train(list(reversed(examples)))), readings)
    assert [v.probabilities for v in first] == [v.probabilities for v in second]
