"""One judged mail as the workspace keeps it: what it said, what was made of it, where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from classifier.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class MailRecord:
    """One judged mail; `text` is what its sender newly wrote."""

    id: str
    fingerprint: str
    origin: str
    sent_at: datetime | None  # UTC
    sender_name: str
    sender_address: str
    subject: str
    thread: tuple[str, ...]
    text: str | None
    company: str | None
    role: str | None
    starts_at: datetime | None
    place: str | None
    verdict: Verdict
    application_key: int | None = None
    question: str | None = None
    candidates: tuple[int, ...] = ()

    @property
    def needs_review(self) -> bool:
        """The verdict was not sure enough, or the row was not."""
        return self.verdict.needs_review or self.question is not None
