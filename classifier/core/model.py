"""TF-IDF + logistic regression over the details: training it, judging mail, saying why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import Normalizer

from classifier.core.dataset import Example
from classifier.core.verdict import PRUDENT, Clue, Cutoffs, Detail, Verdict, decide
from classifier.core.words import Reading, masked, read_text

# The stored parts and what is fed to them (words.py, too): count it up when either changes,
# and stored models are built again.
FORMAT = 2

_MOST_CLUES = 6
_MOST_SENTENCES = 60  # looked at for the evidence of one mail

Report = Callable[[str, float], None]  # a step's name, and the share done, 0 to 1


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted pipeline of scikit-learn's own parts, its name, and when it may act."""

    version: str
    pipeline: Pipeline
    cutoffs: Cutoffs = PRUDENT


def model_input(reading: Reading) -> str:
    """The one text that the pipeline sees of a mail."""
    return f"{masked(reading.subject)}\n{masked(reading.fresh)}"


def new_pipeline() -> Pipeline:
    """Words and letters weighed by TF-IDF, each scaled to length 1, then the regression."""
    words = TfidfVectorizer(
        ngram_range=(1, 3), min_df=2, sublinear_tf=True, norm=None, strip_accents="unicode"
    )
    letters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), min_df=4, sublinear_tf=True, norm=None,
        strip_accents="unicode",
    )  # fmt: skip
    # Scaled in a step of its own: the evidence needs the words' weights as they were.
    features = FeatureUnion(
        [
            ("words", Pipeline([("count", words), ("scale", Normalizer())])),
            ("letters", Pipeline([("count", letters), ("scale", Normalizer())])),
        ]
    )
    # C and the balance: log loss 0.386 on families held out, against 0.415 at C = 30 and
    # 0.423 without balance (4 folds, 1,555 mails).
    regression = LogisticRegression(C=100.0, max_iter=300, class_weight="balanced")
    return Pipeline([("features", features), ("regression", regression)])


def train(examples: Sequence[Example], report: Report = lambda _step, _share: None) -> Pipeline:
    """Fit a new pipeline; the same examples and library versions give the same model.

    Raises ValueError where fewer than two details occur.
    """
    labelled = sorted((e for e in examples if e.detail is not None), key=lambda e: e.id)
    report("reading the corpus", 0.0)
    texts = [model_input(read_text(example.subject, example.body)) for example in labelled]
    details = [str(example.detail) for example in labelled]
    pipeline = new_pipeline()
    report("counting words", 0.15)
    features = pipeline[:-1].fit_transform(texts)
    report("weighing them", 0.5)
    pipeline[-1].fit(features, details)
    report("done", 1.0)
    return pipeline


def judge(model: Model, readings: Sequence[Reading]) -> list[Verdict]:
    """A verdict for each mail, with the sentence and the words that moved it."""
    if not readings:
        return []
    features = model.pipeline[:-1].transform([model_input(reading) for reading in readings])
    probabilities = model.pipeline[-1].predict_proba(features)
    details = [Detail(name) for name in model.pipeline[-1].classes_]
    by_detail = [_spread(details, row) for row in probabilities]
    decided = [decide(row)[1] for row in by_detail]
    evidence = _evidence(model.pipeline, readings, decided, probabilities)
    return [
        Verdict(
            label=detail.label,
            detail=detail,
            probabilities=shares,
            needs_review=model.cutoffs.must_ask(detail, shares),
            sentence=sentence,
            clues=clues,
            model=model.version,
        )
        for detail, shares, (sentence, clues) in zip(decided, by_detail, evidence, strict=True)
    ]


def _spread(details: Sequence[Detail], row: Any) -> dict[Detail, float]:
    shares = dict.fromkeys(Detail, 0.0)
    shares.update((detail, float(share)) for detail, share in zip(details, row, strict=True))
    return shares


def _evidence(
    pipeline: Pipeline, readings: Sequence[Reading], decided: Sequence[Detail], probabilities: Any
) -> list[tuple[str | None, tuple[Clue, ...]]]:
    """For each mail the sentence that spoke most for its detail, and the words in it.

    The regression is linear, so a word's weight for a detail, against the mail's other
    likely details, is its share in the verdict; a sentence's is the sum of its words'.
    """
    words: TfidfVectorizer = pipeline["features"].named_transformers["words"]["count"]
    regression = pipeline[-1]
    weights = regression.coef_[:, : len(words.vocabulary_)]
    column = {Detail(name): index for index, name in enumerate(regression.classes_)}
    owned = [reading.sentences[:_MOST_SENTENCES] for reading in readings]
    counted = words.transform([masked(sentence) for listed in owned for sentence in listed])
    names = words.get_feature_names_out()
    found: list[tuple[str | None, tuple[Clue, ...]]] = []
    start = 0
    for listed, detail, row in zip(owned, decided, probabilities, strict=True):
        rows = counted[start : start + len(listed)]
        start += len(listed)
        chosen = column[detail]
        others = np.array(row)
        others[chosen] = 0.0
        against = others / others.sum() if others.sum() else others
        pull = weights[chosen] - against @ weights
        found.append(_strongest(listed, rows, pull, names))
    return found


def _strongest(
    listed: Sequence[str], rows: Any, pull: Any, names: Any
) -> tuple[str | None, tuple[Clue, ...]]:
    if not listed:
        return None, ()
    scores = rows @ pull
    best = int(np.argmax(scores))
    if scores[best] <= 0:
        return None, ()
    row = rows[best]
    shares = row.data * pull[row.indices]
    order = np.argsort(-np.abs(shares))[:_MOST_CLUES]
    clues = tuple(Clue(str(names[row.indices[i]]), float(shares[i])) for i in order)
    return listed[best], clues
