"""Every animal of the zoo in tests/mail, and what holds for any bytes."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.core.message import Message, Unreadable, parse_message
from classifier.core.text import split_body

# Seconds of processor time: far above what any mail takes on a slow, busy machine (0.4 s where
# this was written), far below what quadratic time would need. Exact times: tests/benchmarks.
HANGS = 8.0

ZOO = Path(__file__).parents[1] / "mail"
ANIMALS = sorted(ZOO.glob("*.eml"))
RAW = [path.read_bytes() for path in ANIMALS]


def _golden(raw: bytes) -> str:
    parsed = parse_message(raw)
    shown = asdict(parsed)
    if isinstance(parsed, Message):
        shown["parts"] = {k: v for k, v in asdict(split_body(parsed.body)).items() if v}
    return json.dumps(shown, ensure_ascii=False, indent=1, default=_written) + "\n"


def _written(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


@pytest.mark.parametrize("path", ANIMALS, ids=lambda path: path.stem)
def test_an_animal_of_the_zoo_is_read_as_its_golden_file_says(
    path: Path, request: pytest.FixtureRequest
) -> None:

    golden = path.with_suffix(".json")
    read = _golden(path.read_bytes())
    if request.config.getoption("--update-golden"):
        golden.write_text(read, encoding="utf-8")
    assert read == golden.read_text(encoding="utf-8")


def _mail(*lines: str, body: str = "Hello Sam.") -> bytes:
    return "\n".join([*lines, "", body]).encode()


def _read(raw: bytes) -> Message:
    parsed = parse_message(raw)
    assert isinstance(parsed, Message), parsed
    return parsed


# Any bytes


def _parses(raw: bytes) -> None:
    started = time.process_time()
    parsed = parse_message(raw)
    assert time.process_time() - started < HANGS
    assert isinstance(parsed, Message | Unreadable)
    assert "foreseen" not in (parsed.reason if isinstance(parsed, Unreadable) else "")
    assert parsed.id
    json.dumps(asdict(parsed), default=_written).encode()
    if isinstance(parsed, Message):
        parsed.body.encode()  # no lone surrogates: it will be stored as UTF-8
        parsed.subject.encode()


any_bytes = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@any_bytes
@given(st.binary(max_size=600))
def test_any_bytes_become_a_message_or_are_said_to_be_unreadable(raw: bytes) -> None:
    _parses(raw)


@any_bytes
@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(
    ["text/html", "text/plain; charset=utf-16", "multipart/mixed; boundary=b", "message/rfc822",
     "text/calendar", "text/plain; charset=punycode", "multipart/alternative"]))  # fmt: skip
def test_any_bytes_after_a_header_become_a_message(head: bytes, body: bytes, kind: str) -> None:
    start = b"Subject: x\nFrom: " + head + b"\nContent-Type: " + kind.encode()
    _parses(start + b"\n\n" + body + b"\n--b\n\n" + body)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A mail of the zoo, with chunks cut out, doubled, moved or overwritten."""
    raw = draw(st.sampled_from(RAW))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(raw) - 1)))
        end = min(len(raw), start + draw(st.integers(1, 200)))
        chunk = raw[start:end]
        change = draw(st.sampled_from(["cut", "double", "noise", "move", "end", "mix"]))
        if change == "cut":
            raw = raw[:start] + raw[end:]
        elif change == "double":
            raw = raw[:end] + chunk * draw(st.sampled_from([1, 2, 50])) + raw[end:]
        elif change == "noise":
            raw = raw[:start] + draw(st.binary(min_size=1, max_size=20)) + raw[end:]
        elif change == "move":
            raw = chunk + raw[:start] + raw[end:]
        elif change == "mix":
            raw = raw[:start] + draw(st.sampled_from(RAW))[start:]
        else:
            raw = raw[:end]
    return raw


@settings(any_bytes, max_examples=300)
@given(_mutated())
def test_a_damaged_mail_is_still_read(raw: bytes) -> None:
    _parses(raw)


MEBI = 1024 * 1024
HEAD = b"From: a@b.example\nSubject: x\nMIME-Version: 1.0\n"
PARTS = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
VCALENDAR = HEAD + b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n"
HOSTILE = {
    "empty lines": PARTS + b"\n" * (2 * MEBI),
    "nested multiparts": HEAD
    + b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(30_000)
    ),
    "nested mails": HEAD + b"Content-Type: message/rfc822\n\n" * 60_000,
    "very many parts": PARTS + b"--b\n\n" * 400_000,
    "many pages": PARTS + (b"--b\nContent-Type: text/html\n\n" + b"<i>x</i>" * 12_000 + b"\n") * 20,
    "quoted parameters": PARTS + b"Content-Type: text/plain" + b';"' * 900_000 + b"\n\nx",
    "folded parameters": PARTS + b"Content-Type: text/plain" + b';"\n ' * 400_000 + b"\n\nx",
    "header lines": b"a: b\n" * 400_000,
    "a long address": b"From: " + b"(" * (2 * MEBI),
    "many addresses": b"To: " + b"a@b," * 400_000,
    "encoded words": b"From: a\nSubject: " + b"=?utf-8?q?a?=" * 100_000,
    "open encoded words": b"From: a\nSubject: " + b"=?a?q?" * 300_000,
    "combining accents": HEAD + b"\n" + ("a" + "\u0301\u0316" * 400_000).encode(),
    "punycode": HEAD + b"Content-Type: text/plain; charset=punycode\n\n\xc3-" + b"a9" * 500_000,
    "nested tags": HEAD + b"Content-Type: text/html\n\n" + b"<div>" * 400_000,
    "open formatting": HEAD + b"Content-Type: text/html\n\n" + b"<p><font a>" * 150_000,
    "open uuencoded files": HEAD + b"\n" + b"begin 644 a\n" * 170_000,
    "references": HEAD + b"References: " + b"<a@b>" * 400_000,
    "a zone that changes daily": VCALENDAR
    + b"BEGIN:VTIMEZONE\nTZID:X\n"
    + b"BEGIN:STANDARD\nDTSTART:19700101T000000\nRRULE:FREQ=DAILY\n"
    b"TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:STANDARD\n"
    * 50
    + b"END:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=X:20990101T000000\nEND:VEVENT\nEND:VCALENDAR\n",
    "many events": VCALENDAR + b"BEGIN:VEVENT\n" * 5000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_mail_takes_less_than_a_second(raw: bytes) -> None:
    _parses(raw)


def test_bytes_without_a_field_of_a_mail_are_unreadable_with_a_reason() -> None:
    parsed = parse_message(b"%PDF-1.4\nnothing: here\n")
    assert isinstance(parsed, Unreadable)
    assert parsed.id.startswith("digest:")
    assert parsed.reason == "no header field of an e-mail found"


def test_nothing_at_all_is_unreadable() -> None:
    assert parse_message(b" \n\n") == parse_message(b" \n\n")
    assert isinstance(parse_message(b""), Unreadable)


def test_odd_mails_write_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    for raw in RAW:
        parse_message(raw)
    assert capfd.readouterr() == ("", "")


# Identity

WHOLE = ZOO / "text_attachment.eml"


def test_a_mail_without_a_message_id_has_the_same_id_when_its_attachments_were_not_fetched() -> (
    None
):
    nameless = WHOLE.read_bytes().replace(b"Message-ID: <ta@x.example>\n", b"")
    start = nameless.index(b"JVBERi0xLjQK")
    reduced = nameless[:start] + nameless[start + len(b"JVBERi0xLjQK\n") :]
    reduced = reduced.replace(b"\n", b"\r\n")
    assert _read(nameless).id.startswith("digest:")
    assert _read(reduced).id == _read(nameless).id
    assert _read(reduced).fingerprint == _read(nameless).fingerprint


def test_two_mails_under_one_message_id_have_different_fingerprints() -> None:
    head = ("From: a@x.example", "Message-ID: <same@x.example>", "Subject: Hello")
    one = _read(_mail(*head, body="You are invited."))
    two = _read(_mail(*head, body="You are not invited."))
    assert one.id == two.id
    assert one.fingerprint != two.fingerprint


def test_white_space_does_not_change_the_fingerprint() -> None:
    head = ("From: a@x.example", "Date: Tue, 13 Jan 2026 09:30:00 +0100")
    one = _read(_mail(*head, "Subject: Hello Sam", body="One two\nthree."))
    two = _read(_mail(*head, "Subject: Hello\n Sam", body="One  two three. \n"))
    assert one.fingerprint == two.fingerprint


@pytest.mark.parametrize("value", ["", "<>", "< >", "<<>>", "??", "a"])
def test_a_message_id_that_identifies_nothing_is_replaced_by_a_digest(value: str) -> None:
    assert _read(_mail("From: a@x.example", f"Message-ID: {value}")).id.startswith("digest:")


def test_a_message_id_is_kept_without_brackets_white_space_and_excess() -> None:
    folded = _read(_mail("From: a@x.example", "Message-ID: (old) <abc\n def@x.example>"))
    assert folded.id == "abcdef@x.example"
    assert len(_read(_mail("From: a@x.example", f"Message-ID: <{'a' * 900}>")).id) == 500


# Header


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 13 Jan 2026 09:30:00 +0100", "2026-01-13T08:30:00+00:00"),
        ("13 Jan 26 09:30 EST", "2026-01-13T14:30:00+00:00"),
        ("Tue, 13 Jan 2026 09:30:00", "2026-01-13T09:30:00+00:00"),
        ("Tue, 13 Jan 2026 09:30:00 -0000", "2026-01-13T09:30:00+00:00"),
        ("Tue, 13 Jan 2026 09:30:00 +0100 (CET (winter))", "2026-01-13T08:30:00+00:00"),
        ("2026-01-13T09:30:00Z", "2026-01-13T09:30:00+00:00"),
        ("Tue, 13 Jan 1969 09:30:00 +0100", None),
        ("Tue, 13 Jan 2926 09:30:00 +0100", None),
        ("Tue, 32 Jan 2026 09:30:00 +0100", None),
        ("yesterday", None),
    ],
)
def test_a_date_is_read_as_utc_or_is_none(date: str, expected: str | None) -> None:
    sent = _read(_mail("From: a@x.example", f"Date: {date}")).sent_at
    assert (sent.isoformat() if sent else None) == expected


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("Nora <NORA@X.example>", "Nora", "nora@x.example"),
        ("nora@x.example (Nora Feld)", "Nora Feld", "nora@x.example"),
        ('"Feld, Nora" <nora@x.example>', "Feld, Nora", "nora@x.example"),
        ("=?utf-8?B?RmVsZCwgTsOzcmE=?= <nora@x.example>", "Feld, Nóra", "nora@x.example"),
        ('"=?utf-8?Q?N=C3=B3ra?=" <nora@x.example>', "Nóra", "nora@x.example"),
        ("nora@x.example <nora@x.example>", "", "nora@x.example"),
        ("Acme: Jobs <jobs@x.example>", "Acme: Jobs", "jobs@x.example"),
        ("Acme | Jobs at [work] <jobs@x.example>", None, "jobs@x.example"),
        ("jobs@x.example via Portal <mail@portal.example>", None, "mail@portal.example"),
        ("Nobody", "Nobody", ""),
        ("<>", "", ""),
    ],
)
def test_a_sender_is_read_however_it_is_written(value: str, name: str | None, address: str) -> None:
    sender = _read(_mail(f"From: {value}", "Subject: x")).sender
    assert sender.address == address
    assert name is None or sender.name == name


@pytest.mark.parametrize(
    "field",
    ["Auto-Submitted: auto-generated", "Precedence: Bulk", "List-Id: <jobs.x.example>",
     "List-Unsubscribe: <https://x.example>", "Return-Path: <>", "X-Auto-Response-Suppress: All"],
)  # fmt: skip
def test_a_mail_by_a_system_or_a_list_is_automatic(field: str) -> None:
    assert _read(_mail("From: a@x.example", field)).automatic


@pytest.mark.parametrize("field", ["Auto-Submitted: no", "Precedence: normal", "X-Mailer: y"])
def test_a_mail_by_a_person_is_not_automatic(field: str) -> None:
    assert not _read(_mail("From: a@x.example", field)).automatic


def test_references_are_capped_and_keep_the_first_and_the_nearest() -> None:
    names = [f"{n}@x.example" for n in range(500)]
    value = "\n ".join(f"<{name}>" for name in names)
    read = _read(_mail("From: a@x.example", f"References: {value}")).references
    assert read == (names[0], *names[-99:])


# Body


def test_a_plain_part_with_the_whole_text_is_preferred_to_html() -> None:
    assert not _read((ZOO / "plain_and_html.eml").read_bytes()).is_html


def test_a_stub_of_a_plain_part_gives_way_to_html() -> None:
    mail = _read((ZOO / "stub_plain_part.eml").read_bytes())
    assert mail.is_html
    assert "invite you" in mail.body
    assert "<https://calendly.com/brightmoor/first>" in mail.body


def test_hidden_text_is_not_read() -> None:
    body = _read((ZOO / "hidden_preheader.eml").read_bytes()).body
    assert "HIDDEN" not in body
    assert body.count("Shown") == 4


def test_the_text_of_an_attachment_is_not_the_body() -> None:
    mail = _read(WHOLE.read_bytes())
    assert "Unfortunately" not in mail.body
    assert "A second text" in mail.body
    assert mail.attachments == ("Stellenübersicht.txt", "Büro.pdf")


def test_a_very_long_body_is_capped() -> None:
    mail = _read(HEAD + b"\n" + b"word\n" * 400_000)
    assert 100_000 < len(mail.body) <= 256 * 1024
