"""FETCH answers and BODYSTRUCTURE as values, and the small mail that is made of them."""

from __future__ import annotations

import email
import email.policy
from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.response_parser import parse_fetch_response

from classifier.edges.bodystructure import (
    MAX_EMBEDDED,
    MAX_TEXTS,
    TEXT_LIMIT,
    BrokenStructureError,
    Part,
    bytes_to_fetch,
    disagrees,
    misnumbered,
    read_structure,
    reduced_message,
    sections_to_fetch,
)
from classifier.edges.fetchdata import NotUnderstoodError, read_answers, read_value
from classifier.edges.imap_connection import sequence_set
from classifier.edges.imap_folders import choose_folders

PLAIN = b'("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 20 1 NIL NIL NIL NIL)'
HTML = b'("text" "html" ("charset" "utf-8") NIL NIL "base64" 9000 5)'
ICS = b'("text" "calendar" ("method" "REQUEST") NIL NIL "7bit" 9 1 NIL ("attachment" ("filename" "i.ics")))'
LOG = b'("text" "plain" NIL NIL NIL "7bit" 9 1 NIL ("attachment" ("filename" "a.log")))'
PDF = b'("application" "pdf" ("name" "cv.pdf") NIL NIL "base64" 300000 NIL ("attachment" NIL))'
ALTERNATIVE = b"(" + PLAIN + HTML + b' "alternative" ("boundary" "b") NIL NIL)'
FORWARDED = (
    b'("message" "rfc822" NIL NIL NIL "7bit" 99 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) %s 9)'
)
ENVELOPED_SINGLE = FORWARDED % PLAIN
ENVELOPED_MANY = FORWARDED % ALTERNATIVE
STATUS = b'("message" "delivery-status" NIL NIL NIL "7bit" 300)'


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    return b"(" + b"".join(parts) + b' "' + kind + b'" ("boundary" "m") NIL NIL)'


def structure(text: bytes) -> Part:
    return read_structure(read_value([text]))


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        (PLAIN, ("1",)),
        (HTML, ("1",)),
        (PDF, ()),
        (ALTERNATIVE, ("1", "2")),
        (mixed(ALTERNATIVE, PDF), ("1.1", "1.2")),
        (mixed(PLAIN, LOG, PDF), ("1",)),
        (mixed(PLAIN, ICS), ("1", "2")),
        (mixed(mixed(ALTERNATIVE, PDF, kind=b"related"), PDF, PLAIN), ("1.1.1", "1.1.2", "3")),
        (mixed(PLAIN, ENVELOPED_SINGLE), ("1", "2.HEADER", "2.1")),
        (mixed(PLAIN, ENVELOPED_MANY), ("1", "2.HEADER", "2.1", "2.2")),
        (mixed(PLAIN, FORWARDED % mixed(PLAIN, ENVELOPED_SINGLE)), ("1", "2.HEADER", "2.1")),
        (ENVELOPED_MANY, ("1.HEADER", "1.1", "1.2")),
        (mixed(PLAIN, STATUS, ENVELOPED_MANY, kind=b"report"), ("1",)),
    ],
)
def test_only_readable_parts_are_fetched_by_their_right_numbers(text, sections):
    assert sections_to_fetch(structure(text)) == sections


def test_a_mail_of_a_thousand_texts_is_bounded():
    assert len(sections_to_fetch(structure(mixed(*[PLAIN] * 1_000)))) == MAX_TEXTS


def test_a_digest_of_many_mails_is_bounded():
    sections = sections_to_fetch(structure(mixed(*[ENVELOPED_SINGLE] * 50, kind=b"digest")))
    assert sum(section.endswith("HEADER") for section in sections) == MAX_EMBEDDED


def test_the_bytes_to_come_are_foreseen_within_the_limit():
    assert bytes_to_fetch(structure(ALTERNATIVE)) == 9_020
    large = PLAIN.replace(b" 20 ", b" 99999999 ")
    assert bytes_to_fetch(structure(mixed(large, PDF))) == TEXT_LIMIT


@pytest.mark.parametrize(
    "text",
    [b"NIL", b"()", b'"x"', b"5", b"(NIL)", b'("text")', b'("text" "plain" NIL)', b"((NIL NIL))",
     b'(("text" "plain"))', b"(" * 60 + PLAIN + b' "mixed")' * 60],
)  # fmt: skip
def test_a_structure_without_sense_is_told(text):
    with pytest.raises(BrokenStructureError):
        structure(text)


@pytest.mark.parametrize("text", [b"(", b")", b"(()", b'("a', b"(a [b)", b"(" * 5_000])
def test_an_answer_outside_the_grammar_is_told(text):
    with pytest.raises(NotUnderstoodError):
        read_value([text])


values = st.recursive(
    st.none()
    | st.integers(0, 10**12)
    | st.binary(max_size=12).filter(lambda text: b"\r" not in text and b"\n" not in text),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=20,
)


def written(value: object) -> bytes:
    if value is None:
        return b"NIL"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, bytes):
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"(" + b" ".join(map(written, value)) + b")"


@given(values)
def test_any_value_is_read_back_as_it_was_written(value):
    assert read_value([b"1 " + written((value,))]) == (value,)


@given(values)
def test_any_value_as_structure_is_a_part_or_broken(value):
    try:
        root = read_structure(value)
    except BrokenStructureError:
        return
    raw = reduced_message(b"Subject: x\r\n\r\n", root, {})
    assert email.message_from_bytes(raw)["Subject"] == "x"


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_as_answer_are_answers_or_nothing(pieces):
    list(read_answers([*pieces, (b"{3}", b"abc"), b")"]))


def test_our_reading_agrees_with_imapclients():
    pieces = [
        (
            b"7 (UID 5 BODYSTRUCTURE " + mixed(ALTERNATIVE, PDF) + b" BODY[HEADER]<0> {6}",
            b"a: b\r\n",
        ),
        (b" BODY[1.1]<0> {4}", b'(")\x00'),
        b' INTERNALDATE "03-Mar-2025 10:00:00 +0000")',
        b"8 (FLAGS (\\Seen) UID 6)",
    ]
    theirs = parse_fetch_response(pieces)
    ours = {answer.uid: answer for answer in read_answers(pieces)}
    assert set(ours) == set(theirs) == {5, 6}
    assert ours[5].values[b"BODY[HEADER]"] == theirs[5][b"BODY[HEADER]<0>"]
    assert ours[5].values[b"BODY[1.1]"] == theirs[5][b"BODY[1.1]<0>"]
    assert ours[6].values[b"FLAGS"] == theirs[6][b"FLAGS"]
    assert ours[5].size == sum(len(p) if isinstance(p, bytes) else len(p[0]) + len(p[1]) for p in pieces[:3])  # fmt: skip


def test_one_garbled_answer_leaves_the_others():
    pieces = [b"1 (UID 1 FLAGS ())", b"2 (UID 2 (((", b"3 (UID 3 FLAGS ())", b"4 (FLAGS ())"]
    assert [answer.uid for answer in read_answers(pieces)] == [1, 3]


def test_a_literal_may_stand_inside_of_a_structure():
    pieces = [(b'1 (UID 1 BODYSTRUCTURE ("text" "plain" ("name" {5}', b'a"b\\c'),
              b') NIL NIL "7bit" 1 1))']  # fmt: skip
    (answer,) = read_answers(pieces)
    assert read_structure(answer.values[b"BODYSTRUCTURE"]).parameters == ((b"name", b'a"b\\c'),)


# The small mail


def parsed(raw: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


@pytest.mark.parametrize("cut", range(TEXT_LIMIT - 5, TEXT_LIMIT + 1))
def test_base64_cut_anywhere_still_decodes(cut):
    words = b"0123456789abcde" * 20_000
    encoded = encodebytes(words).replace(b"\n", b"\r\n")
    content = encoded[:cut] + b"A" * (TEXT_LIMIT - cut)
    root = Part("1", "text/plain", encoding=b"BASE64", size=len(encoded))
    message = parsed(reduced_message(b"Subject: x\r\n\r\n", root, {"1": content}))
    assert message.get_payload(decode=True)[:180_000] == words[:180_000]
    assert not message.defects


@pytest.mark.parametrize("end", [b"=", b"=C", b"=C3", b"=\r", b"=\r\n"])
def test_quoted_printable_cut_anywhere_still_decodes(end):
    content = b"x" * (TEXT_LIMIT - len(end)) + end
    root = Part("1", "text/plain", encoding=b"quoted-printable", size=TEXT_LIMIT * 2)
    message = parsed(reduced_message(b"Subject: x\r\n\r\n", root, {"1": content}))
    assert message.get_payload(decode=True).rstrip(b"\xc3=\r\n") == b"x" * (TEXT_LIMIT - len(end))


@given(st.dictionaries(st.sampled_from(["1.1", "1.2"]), st.binary(max_size=200)))
def test_no_content_can_break_the_small_mail(contents):
    root = structure(
        mixed(ALTERNATIVE.replace(b"base64", b"8bit").replace(b"quoted-printable", b"8bit"), PDF)
    )
    if misnumbered(root, contents):
        return
    message = email.message_from_bytes(reduced_message(b"Subject: x\r\n\r\n", root, contents))
    alternative, pdf = message.get_payload()
    assert pdf.get_filename() == "cv.pdf"
    plain, html = alternative.get_payload()
    assert plain.get_content_type() == "text/plain"
    assert html.get_content_type() == "text/html"


@pytest.mark.parametrize(
    "header",
    [b"", b"\r\n", b"Subject: x", b"Subject: x\n\n", b"Received: only\r\n\r\n", b"no colon\r\n\r\n",
     b"Subject: x\r\n\tfolded\r\nContent-Type: text/html;\r\n charset=utf-7\r\n\r\n"],
)  # fmt: skip
def test_any_header_gives_a_mail_with_its_text(header):
    raw = reduced_message(header, structure(PLAIN), {"1": b"w=C3=B6rter\r\n"})
    message = parsed(raw)
    assert raw.count(b"Content-Type") == 1
    if b"no colon" not in header:
        assert message.get_content().strip() == "wörter"


def test_parameters_cannot_smuggle_in_header_lines():
    root = Part(
        "1", "text/plain", parameters=((b"charset", b'utf-8"\r\nX-Evil: 1'), (b"na\r\nme", b"x")),
        encoding=b"8bit\r\nX-Evil: 2", disposition="inline\r\nX-Evil: 3", content_id=b"<a>\r\nX-Evil: 4",
    )  # fmt: skip
    message = email.message_from_bytes(reduced_message(b"Subject: x\r\n\r\n", root, {"1": b"hi"}))
    assert "X-Evil" not in message
    assert message.get_payload() == "hi"


def test_a_header_and_a_structure_that_contradict_are_told():
    assert disagrees(b"Content-Type: multipart/mixed; boundary=a\r\n", structure(PLAIN))
    assert disagrees(b"content-type : text/plain\r\n", structure(ALTERNATIVE))
    assert not disagrees(b"Content-Type: multipart/mixed\r\n", structure(ALTERNATIVE))
    assert not disagrees(b"Content-Type:\r\n text/html\r\n", structure(PLAIN))
    assert not disagrees(b"Subject: x\r\n", structure(ALTERNATIVE))


def test_a_part_that_holds_other_parts_is_the_wrong_one():
    assert misnumbered(structure(ALTERNATIVE), {"1": b"hi\r\n--b\r\n\r\nho"})
    assert not misnumbered(structure(ALTERNATIVE), {"1": b"hi -- b --b"})


# Names and numbers


@pytest.mark.parametrize(
    ("uids", "written_as"),
    [([], ""), ([5], "5"), ([1, 2, 3, 7, 9, 10], "1:3,7,9:10")],
)
def test_uids_are_written_in_runs(uids, written_as):
    assert sequence_set(uids) == written_as


def line(name: str, *flags: bytes) -> tuple[tuple[bytes, ...], str, str]:
    return flags, "/", name


def test_folders_are_left_out_by_their_flags():
    listed = [
        line("Zeta"), line("INBOX"), line("[Gmail]", b"\\Noselect", b"\\HasChildren"),
        line("[Gmail]/Alle Nachrichten", b"\\All"), line("[Gmail]/Papierkorb", b"\\Trash"),
        line("[Gmail]/Papierkorb/alt"), line("[Gmail]/Gesendet", b"\\Sent"),
        line("[Gmail]/Entwürfe", b"\\drafts"), line("[Gmail]/Spam", b"\\Junk"), line("Trash 2"),
    ]  # fmt: skip
    assert choose_folders(listed) == ["INBOX", "Trash 2", "Zeta", "[Gmail]/Spam"]


def test_without_flags_names_in_several_languages_are_left_out():
    names = ["INBOX", "INBOX/Gesendet", "Papierkorb", "Entwürfe", "Envoyés", "Junk", "Jobs/Sent",
             "Deleted Items", "Sent applications", "ゴミ箱"]  # fmt: skip
    assert choose_folders([line(name) for name in names]) == [
        "INBOX", "Jobs/Sent", "Junk", "Sent applications"
    ]  # fmt: skip


def test_a_flag_of_one_kind_spares_a_folder_that_only_has_the_name():
    listed = [line("INBOX"), line("Sent"), line("Outgoing", b"\\Sent")]
    assert choose_folders(listed) == ["INBOX", "Sent"]
