"""The model's answer for one mail, and how sure it must be before it may act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Label(StrEnum):
    """The answer for one mail."""

    REJECTION = "rejection"
    INTERVIEW_REQUEST = "interview_request"
    OTHER = "other"


class Detail(StrEnum):
    """A finer kind; each belongs to exactly one label."""

    REJECTION = "rejection"
    INTERVIEW_REQUEST = "interview_request"
    APPLICATION_RECEIVED = "application_received"
    ASSESSMENT = "assessment"
    OFFER = "offer"
    STATUS_UPDATE = "status_update"
    OUTREACH = "outreach"
    JOB_ALERT = "job_alert"
    UNRELATED = "unrelated"

    @property
    def label(self) -> Label:
        """The label this detail is counted under."""
        if self is Detail.REJECTION:
            return Label.REJECTION
        if self is Detail.INTERVIEW_REQUEST:
            return Label.INTERVIEW_REQUEST
        return Label.OTHER

    @property
    def is_about_an_application(self) -> bool:
        """True where the mail belongs to an application the person made."""
        return self not in (Detail.OUTREACH, Detail.JOB_ALERT, Detail.UNRELATED)


@dataclass(frozen=True, slots=True)
class Clue:
    """A word or phrase that moved the verdict, and by how much (log-odds)."""

    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Label, detail, probabilities and the sentence that decided."""

    label: Label
    detail: Detail
    probabilities: Mapping[Detail, float]  # every detail, sum 1
    needs_review: bool  # True: this waits for the person and changes nothing
    sentence: str | None  # verbatim from the mail; None: nothing in it decided
    clues: tuple[Clue, ...]
    model: str  # version of the model that judged

    @property
    def by_label(self) -> dict[Label, float]:
        """Probabilities of the three labels, sum 1."""
        return label_probabilities(self.probabilities)


def label_probabilities(probabilities: Mapping[Detail, float]) -> dict[Label, float]:
    """Sum the details' probabilities into those of their labels."""
    sums = dict.fromkeys(Label, 0.0)
    for detail, probability in probabilities.items():
        sums[detail.label] += probability
    return sums


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """How probable a verdict must be to act; below, it is asked about.

    `act` holds the lowest probability for each kind of write. `good_news` is the highest
    probability of an interview request or an offer under which a mail may be filed as
    anything else; `any_news` the same for everything a person would want to be told of,
    when the verdict is one that writes nothing.
    """

    act: Mapping[Detail, float]
    good_news: float
    any_news: float

    def __post_init__(self) -> None:
        shares = (*self.act.values(), self.good_news, self.any_news)
        if not all(0.0 <= share <= 1.0 for share in shares):
            raise ValueError("cut-offs are probabilities, from 0 to 1")

    def must_ask(self, detail: Detail, probabilities: Mapping[Detail, float]) -> bool:
        """True when a verdict of this detail may not act by itself."""
        good_news = sum(probabilities[kind] for kind in GOOD_NEWS if kind is not detail)
        if good_news > self.good_news:
            return True
        if detail in self.act:
            return probabilities[detail] < self.act[detail]
        return sum(probabilities[kind] for kind in NEWS) > self.any_news


GOOD_NEWS = (Detail.INTERVIEW_REQUEST, Detail.OFFER)
NEWS = (Detail.REJECTION, Detail.INTERVIEW_REQUEST, Detail.OFFER, Detail.ASSESSMENT)

# Prudent and fixed until they are chosen by an error budget on held-out mail.
PRUDENT = Cutoffs(
    act=MappingProxyType(
        {
            Detail.REJECTION: 0.90,
            Detail.INTERVIEW_REQUEST: 0.80,
            Detail.OFFER: 0.85,
            Detail.ASSESSMENT: 0.80,
            Detail.APPLICATION_RECEIVED: 0.80,
        }
    ),
    good_news=0.10,
    any_news=0.25,
)


def decide(probabilities: Mapping[Detail, float]) -> tuple[Label, Detail]:
    """The most probable label, and the most probable detail inside it."""
    sums = label_probabilities(probabilities)
    label = max(Label, key=lambda candidate: sums[candidate])
    inside = (detail for detail in Detail if detail.label is label)
    return label, max(inside, key=lambda candidate: probabilities[candidate])
