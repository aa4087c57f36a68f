"""How good verdicts are on labelled mail: precision, recall, F1, calibration, coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from classifier.core.dataset import Example
from classifier.core.verdict import GOOD_NEWS, Detail, Label, Verdict

_BINS = 10
_Z = 1.959964  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its 95 % interval (Wilson 1927); `value` is None where n is 0."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """hits / n."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval; (0, 1) where nothing is known."""
        if not self.n:
            return 0.0, 1.0
        share, n = self.hits / self.n, self.n
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Quality:
    """One class: of the mails said to be it, how many are; of those that are, how many were said."""

    precision: Share
    recall: Share

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None where neither is known."""
        hits = self.precision.hits
        total = self.precision.n + self.recall.n
        return 2 * hits / total if total else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Verdicts of like confidence: their mean probability, and how many were right."""

    mean_probability: float
    right: Share


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything `evaluate` reports."""

    n: int
    by_label: Mapping[Label, Quality]
    by_detail: Mapping[Detail, Quality]  # only mails whose detail is known
    confusion: Mapping[tuple[Label, Label], int]  # (true, said) → count
    calibration: tuple[Bin, ...]
    expected_calibration_error: float
    acted: Share  # coverage: verdicts that may act or need no one, of the job mail
    wrong_when_acting: Share  # wrong label among the verdicts that did not ask
    good_news_called_rejection: Share  # and of those, n: interviews and offers in all
    false_alarms: Share  # unrelated mail given a label other than `other`


def evaluate(examples: Sequence[Example], verdicts: Sequence[Verdict]) -> Evaluation:
    """Compare labelled mail with the verdicts on it, pair by pair."""
    pairs = list(zip(examples, verdicts, strict=True))
    detailed = [(e.detail, v.detail) for e, v in pairs if e.detail is not None]
    bins = _calibration(pairs)
    job_mail = [(e, v) for e, v in pairs if e.detail is not Detail.UNRELATED]
    acting = [(e, v) for e, v in pairs if not v.needs_review]
    good = [(e, v) for e, v in pairs if e.detail in GOOD_NEWS]
    unrelated = [v for e, v in pairs if e.detail is Detail.UNRELATED]
    return Evaluation(
        n=len(pairs),
        by_label={
            label: _quality([(e.label, v.label) for e, v in pairs], label) for label in Label
        },
        by_detail={detail: _quality(detailed, detail) for detail in Detail},
        confusion=Counter((e.label, v.label) for e, v in pairs),
        calibration=bins,
        expected_calibration_error=_calibration_error(bins),
        acted=Share(sum(not v.needs_review for _, v in job_mail), len(job_mail)),
        wrong_when_acting=Share(sum(e.label is not v.label for e, v in acting), len(acting)),
        good_news_called_rejection=Share(
            sum(v.label is Label.REJECTION and not v.needs_review for _, v in good), len(good)
        ),
        false_alarms=Share(sum(v.label is not Label.OTHER for v in unrelated), len(unrelated)),
    )


def _quality(pairs: Sequence[tuple[object, object]], kind: object) -> Quality:
    hits = sum(true is kind and said is kind for true, said in pairs)
    return Quality(
        precision=Share(hits, sum(said is kind for _, said in pairs)),
        recall=Share(hits, sum(true is kind for true, _ in pairs)),
    )


def _calibration(pairs: Sequence[tuple[Example, Verdict]]) -> tuple[Bin, ...]:
    """Ten bins of equal width over the probability of the label that was said."""
    binned: dict[int, list[tuple[float, bool]]] = {}
    for example, verdict in pairs:
        probability = verdict.by_label[verdict.label]
        place = min(int(probability * _BINS), _BINS - 1)
        binned.setdefault(place, []).append((probability, example.label is verdict.label))
    return tuple(
        Bin(sum(p for p, _ in items) / len(items), Share(sum(r for _, r in items), len(items)))
        for _, items in sorted(binned.items())
    )


def _calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error (Naeini et al. 2015): mean gap, weighted by the bins' sizes."""
    total = sum(item.right.n for item in bins)
    gaps = (abs((item.right.value or 0.0) - item.mean_probability) * item.right.n for item in bins)
    return sum(gaps) / total if total else 0.0
