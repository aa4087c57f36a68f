"""Raw mail becomes judged mail: parse, read, judge, find the facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.core.facts import Facts, find_facts
from classifier.core.message import Message, Unreadable, parse_message
from classifier.core.record import MailRecord
from classifier.core.verdict import Verdict
from classifier.core.words import Reading, reading_of
from classifier.workflow.progress import Progress

if TYPE_CHECKING:
    from classifier.core.model import Model


@dataclass(frozen=True, slots=True)
class Judged:
    """One mail with all that was found out about it."""

    message: Message
    reading: Reading
    verdict: Verdict
    facts: Facts


class Judge:
    """Judges mail by the workspace's model, which is loaded when the first mail needs it.

    A night without new mail then never waits for scikit-learn (about a second).
    """

    def __init__(self, store: Path, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._model: Model | None = None

    @property
    def model(self) -> Model:
        """The current model, loaded or built on first use."""
        if self._model is None:
            from classifier.edges.model_store import load_model

            self._model = load_model(
                self._store,
                lambda step, share: self._progress.step(f"building the model: {step}", share, 1.0),
                self._progress.say,
            )
        return self._model

    def judge(self, messages: Sequence[Message]) -> list[Judged]:
        """Verdict and facts for each message, in order."""
        if not messages:
            return []
        from classifier.core.model import judge

        readings = [reading_of(message) for message in messages]
        verdicts = judge(self.model, readings)
        return [
            Judged(message, reading, verdict, find_facts(message, reading.fresh))
            for message, reading, verdict in zip(messages, readings, verdicts, strict=True)
        ]


def parse_all(raws: Sequence[bytes]) -> list[Message | Unreadable]:
    """Parse each mail; what can't be read is a value too."""
    return [parse_message(raw) for raw in raws]


def unseen(
    messages: Sequence[Message], fingerprint_of: Callable[[str], str | None]
) -> list[Message]:
    """Those not judged before, each once.

    Identity is the Message-ID. Where two different mails carry the same one (careless
    systems do that, and a hostile sender may, to hide a mail behind an earlier one), the
    later gets its fingerprint added to the id, so that neither is lost.
    """
    batch: dict[str, str] = {}
    new: list[Message] = []
    for message in messages:
        known = batch.get(message.id) or fingerprint_of(message.id)
        if known is not None and known != message.fingerprint:
            message = replace(message, id=f"{message.id}#{message.fingerprint[:12]}")  # noqa: PLW2901 - the same mail, told apart
            known = batch.get(message.id) or fingerprint_of(message.id)
        if known is None:
            batch[message.id] = message.fingerprint
            new.append(message)
    return new


def as_stored(judged: Judged, origin: str, keep_text_since: datetime | None) -> MailRecord:
    """What the workspace keeps of a judged mail.

    The text of unrelated mail is not kept, unless it waits for review: then the person
    needs it to answer. `keep_text_since`: older mail's text isn't kept either.
    """
    message, verdict = judged.message, judged.verdict
    about_jobs = verdict.detail is not verdict.detail.UNRELATED or verdict.needs_review
    recent = (
        keep_text_since is None or message.sent_at is None or message.sent_at >= keep_text_since
    )
    if not about_jobs:
        verdict = replace(verdict, sentence=None, clues=())  # they quote the text
    thread = dict.fromkeys(
        mail for mail in (message.in_reply_to, *reversed(message.references)) if mail
    )
    return MailRecord(
        id=message.id,
        fingerprint=message.fingerprint,
        origin=origin,
        sent_at=message.sent_at,
        sender_name=message.sender.name,
        sender_address=message.sender.address,
        subject=message.subject,
        thread=tuple(thread)[:20],
        text=judged.reading.fresh if about_jobs and recent else None,
        company=judged.facts.company,
        role=judged.facts.role,
        starts_at=judged.facts.starts_at,
        place=judged.facts.place,
        verdict=verdict,
    )
