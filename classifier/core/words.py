"""The words the model may see: a mail's new text with names of links, numbers and addresses masked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from classifier.core.message import Message
from classifier.core.text import sentences, split_body

# What differs from mail to mail and says nothing about its kind, each replaced by a word
# that no mail holds. Order matters: links hold addresses and numbers.
_MASKS = (
    (re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE), " qqlink "),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"), " qqaddress "),
    (re.compile(r"\b\d{1,2}[:h.]\d{2}\b(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?", re.IGNORECASE), " qqtime "),
    (re.compile(r"[$€£¥]\s?\d[\d.,]*\s?k?|\b\d[\d.,]*\s?(?:€|£|USD|EUR|GBP|CHF)(?!\w)", re.IGNORECASE), " qqmoney "),
    (re.compile(r"\d[\d.,/-]*"), " qqnumber "),
    (re.compile(r"[_=*~#-]{3,}"), " "),
)  # fmt: skip
# "If you are not selected" is no rejection: words of a condition are marked as such. On held-out
# families precision of rejections rose from 0.820 to 0.827, on real mail from 0.875 to 0.900.
_CONDITION = re.compile(
    r"\b(?:if|should you|unless|in case|in the event|whether|until"
    r"|wenn|falls|sollten?|sofern|si|en caso|au cas où|dans le cas)\b[^.!?\n,;:\x1f]*",
    re.IGNORECASE,
)
_LONGEST = 20_000  # characters: the decision of a longer mail stands well before that


@dataclass(frozen=True, slots=True)
class Reading:
    """One mail as the model reads it."""

    subject: str
    fresh: str  # what the sender newly wrote

    @property
    def sentences(self) -> tuple[str, ...]:
        """The subject and the text's sentences, verbatim: one of them is the evidence."""
        subject = (self.subject,) if self.subject.strip() else ()
        return (*subject, *sentences(self.fresh[:_LONGEST]))


def reading_of(message: Message) -> Reading:
    """What the model reads of a parsed mail."""
    return read_text(message.subject, message.body)


def read_text(subject: str, body: str) -> Reading:
    """What the model reads of a subject and a body; quotes, signature and footer are left out."""
    parts = split_body(body)
    # A mail that is nothing but quote, signature or footer is read whole: better than blind.
    return Reading(subject, parts.fresh if parts.fresh.strip() else body)


def masked(text: str) -> str:
    """Text with links, addresses, times, sums and numbers each replaced by one word.

    Words of a condition get the ending "_if".
    """
    text = text[:_LONGEST]
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return _CONDITION.sub(_marked, text)


def _marked(condition: re.Match[str]) -> str:
    return " ".join(f"{word}_if" for word in condition[0].split()) + " "
