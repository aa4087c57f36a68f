"""Mail to measure with: the corpus' texts in the clothes that real mail wears."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

from classifier.core.dataset import Example
from classifier.edges.model_store import read_corpus

_TRACE = "".join(
    f"Received: from mx{i}.example.net (mx{i}.example.net [203.0.113.{i}])\r\n"
    f"\tby in{i}.example.org (Postfix) with ESMTPS id 4ABCD{i}\r\n"
    f"\tfor <sam@example.org>; Mon, 2 Mar 2026 10:0{i}:00 +0000 (UTC)\r\n"
    for i in range(4)
) + (
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=k1;\r\n b="
    + "\r\n ".join("B" * 70 for _ in range(5))
    + "\r\n"
)


def mails(count: int, *, attachments: bool) -> Iterator[bytes]:
    """Mails of about 12 kB, multipart/alternative; with `attachments` one in ten has 300 kB."""
    corpus = read_corpus()
    chance = random.Random(7)
    start = datetime.now(tz=UTC) - timedelta(days=60)
    for number in range(count):
        sent = start + timedelta(minutes=number * 30 % (60 * 24 * 59))
        has_file = attachments and number % 10 == 0
        yield _mail(number, chance.choice(corpus), sent, chance, has_file)


def _mail(
    number: int, example: Example, sent: datetime, chance: random.Random, has_file: bool
) -> bytes:
    sender = example.sender.encode("ascii", "ignore").decode() or "jobs@example.com"
    head = (
        f"{_TRACE}From: {sender}\r\nTo: sam@example.org\r\n"
        f"Subject: =?utf-8?b?{base64.b64encode(example.subject.encode()).decode()}?=\r\n"
        f"Date: {format_datetime(sent)}\r\nMessage-ID: <bench-{number}@example.com>\r\n"
        "MIME-Version: 1.0\r\n"
    )
    text = "\r\n".join(example.body.splitlines())
    lines = "".join(
        f'<tr><td style="font-family:Arial;font-size:14px;color:#333333;padding:4px 8px">{escape(line)}</td></tr>\r\n'
        for line in example.body.splitlines()
    )
    padding = "<!-- " + "layout " * max(0, (10_000 - len(lines)) // 7) + "-->"
    page = f"<html><body><table>{padding}{lines}</table></body></html>"
    body = "".join(
        f"--alt\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n\r\n{part}\r\n"
        for kind, part in (("plain", text), ("html", page))
    )
    body = f'Content-Type: multipart/alternative; boundary="alt"\r\n\r\n{body}--alt--\r\n'
    if has_file:
        blob = base64.encodebytes(chance.randbytes(225_000)).replace(b"\n", b"\r\n").decode()
        body = (
            f'Content-Type: multipart/mixed; boundary="mix"\r\n\r\n--mix\r\n{body}--mix\r\n'
            'Content-Type: application/pdf; name="file.pdf"\r\n'
            'Content-Disposition: attachment; filename="file.pdf"\r\n'
            f"Content-Transfer-Encoding: base64\r\n\r\n{blob}--mix--\r\n"
        )
    return (head + body).encode()
