"""New words, quotes, signatures and footers told apart; sentences cut."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.core.message import Message, parse_message
from classifier.core.text import sentences, split_body

# Seconds of processor time: far above what any mail takes on a slow, busy machine (0.4 s where
# this was written), far below what quadratic time would need. Exact times: tests/benchmarks.
HANGS = 8.0

ZOO = Path(__file__).parents[1] / "mail"


# Quotes

ATTRIBUTIONS = [
    "On Mon, Jan 12, 2026 at 5:00 PM Sam Rivera <sam@example.org> wrote:",
    "On Mon, 12 Jan 2026 at 17:00, Sam Rivera with a rather long name\n<sam@example.org> wrote:",
    "On 12 Jan 2026, at 17:00, Sam Rivera\n<sam.with.a.long.address@example.org>\nwrote:",
    "Am Mo., 12. Jan. 2026 um 17:00 Uhr schrieb Sam Rivera <sam@example.org>:",
    "Am 12.01.2026 um 17:00 schrieb Sam Rivera:",
    "Le lun. 12 janv. 2026 à 17:00, Sam Rivera <sam@example.org> a écrit :",
    "El lun, 12 ene 2026 a las 17:00, Sam Rivera (<sam@example.org>) escribió:",
    "Op ma 12 jan. 2026 om 17:00 schreef Sam Rivera <sam@example.org>:",
    "Il giorno lun 12 gen 2026 alle ore 17:00 Sam Rivera <sam@example.org> ha scritto:",
    "-----Original Message-----\nFrom: Sam Rivera\nSent: Monday\nTo: Nora\nSubject: Application",
    "-----Ursprüngliche Nachricht-----\nVon: Sam Rivera\nGesendet: Montag\nAn: Nora\nBetreff: x",
    "________________________________\nFrom: Sam Rivera <sam@example.org>\nSent: Monday, January 12, 2026 5:00 PM\nTo: Nora\nSubject: Application",
    "Von: Sam Rivera <sam@example.org>\nGesendet: Montag, 12. Januar 2026 17:00\nAn: Nora\nBetreff: Bewerbung",
    "*Von:* Sam Rivera <sam@example.org>\n*Gesendet:* Montag, 12. Januar 2026 17:00\n*An:* Nora\n*Betreff:* Bewerbung",
    "De : Sam Rivera <sam@example.org>\nEnvoyé : lundi 12 janvier 2026 17:00\nÀ : Nora\nObjet : Candidature",
    "De: Sam Rivera <sam@example.org>\nEnviado: lunes, 12 de enero de 2026 17:00\nPara: Nora\nAsunto: Solicitud",
    "Van: Sam Rivera <sam@example.org>\nVerzonden: maandag 12 januari 2026 17:00\nAan: Nora\nOnderwerp: Sollicitatie",
    "Da: Sam Rivera <sam@example.org>\nInviato: lunedì 12 gennaio 2026 17:00\nA: Nora\nOggetto: Candidatura",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_what_follows_an_attribution_is_quoted(attribution: str) -> None:
    parts = split_body(
        f"Yes, Friday at ten suits us.\n\n{attribution}\n\nUnfortunately not Thursday."
    )
    assert parts.fresh == "Yes, Friday at ten suits us."
    assert parts.quoted.endswith("Unfortunately not Thursday.")


@pytest.mark.parametrize("attribution", ATTRIBUTIONS[:9])
def test_an_answer_below_the_quote_is_fresh(attribution: str) -> None:
    parts = split_body(
        f"{attribution}\n> Is it open?\n> Really?\n\nIt is.\n\n> When?\n\nOn Friday."
    )
    assert parts.fresh.split() == "It is. On Friday.".split()
    assert "When?" in parts.quoted


@pytest.mark.parametrize(
    "body",
    [
        "On Monday we wrote to you about the role.\nIt is still open.",
        "From: here on it gets easier.\nRegards",
        "Date: 12 January\nTime: 10:00\nSubject: your interview",
        "Interview details\n\nTo: be confirmed\nDate: Friday",
        "> Apply now",
        "We look forward to it.\n\nOn 5 May we wrote: nothing.",
    ],
)
def test_what_only_looks_like_a_quote_is_fresh(body: str) -> None:
    assert split_body(body).quoted == ""


FORWARDS = [
    "---------- Forwarded message ---------\nFrom: Acme <jobs@acme.example>\nDate: Mon, Jan 12, 2026\nSubject: Interview\nTo: <sam@example.org>",
    "Begin forwarded message:\n\nFrom: Acme <jobs@acme.example>\nSubject: Interview\nDate: 12 January 2026\nTo: sam@example.org",
    "Anfang der weitergeleiteten Nachricht:\n\nVon: Acme <jobs@acme.example>\nBetreff: Interview\nDatum: 12. Januar 2026\nAn: sam@example.org",
    "---------- Weitergeleitete Nachricht ---------\nVon: Acme <jobs@acme.example>\nDate: Mo., 12. Jan. 2026\nSubject: Interview",
    "-------- Forwarded Message --------\nSubject: Interview\nDate: Mon, 12 Jan 2026\nFrom: Acme <jobs@acme.example>\nTo: sam@example.org",
    "From: Acme <jobs@acme.example>\nSent: Monday, January 12, 2026 5:00 PM\nTo: Sam\nSubject: Interview",
]


@pytest.mark.parametrize("forward", FORWARDS)
@pytest.mark.parametrize("above", ["", "FYI\n\n"])
def test_of_a_mere_forward_the_forwarded_text_is_fresh(forward: str, above: str) -> None:
    parts = split_body(f"{above}{forward}\n\nWe would like to meet you on Friday.")
    assert parts.fresh.endswith("We would like to meet you on Friday.")
    assert "Subject" not in parts.fresh
    assert "Betreff" not in parts.fresh


def test_a_forward_whose_lines_are_marked_as_quotes_is_fresh() -> None:
    parts = split_body(
        "Begin forwarded message:\n\n> From: Acme\n> Subject: x\n> Date: y\n>\n> Come on Friday.\n> Acme"
    )
    assert parts.fresh == ">\n> Come on Friday.\n> Acme"


def test_under_a_long_text_a_forward_is_quoted() -> None:
    above = "We have read your application with care and would like to invite you. " * 3
    parts = split_body(f"{above}\n\n{FORWARDS[0]}\n\nThe older mail.")
    assert parts.fresh == above.strip()
    assert "The older mail." in parts.quoted


def test_a_forward_below_a_telephone_signature_is_still_a_mere_forward() -> None:
    parts = split_body(f"Sent from my iPhone\n\n{FORWARDS[1]}\n\nWe would like to meet you.")
    assert parts.fresh == "We would like to meet you."


def test_of_a_mail_that_is_only_a_quote_the_quote_is_fresh() -> None:
    assert "We are sorry" in split_body("> We are sorry.\n> Bye.").fresh


# Signatures and footers


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nNora Feld\nTalent Partner",
        "--\nNora Feld",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Gesendet von Outlook für iOS",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Verzonden vanaf mijn iPhone",
        "Inviato da iPhone",
        "Get Outlook for iOS",
    ],
)
def test_a_signature_is_cut(signature: str) -> None:
    parts = split_body(f"See you on Friday.\n\n{signature}")
    assert parts.fresh == "See you on Friday."
    assert parts.signature == signature


def test_a_block_with_name_and_telephone_after_the_greeting_is_a_signature() -> None:
    parts = split_body("See you.\n\nBest regards,\nNora Feld\nTalent Partner\n+44 20 7946 0000")
    assert parts.fresh == "See you.\n\nBest regards,"
    assert parts.signature.startswith("Nora Feld")


def test_a_mere_name_after_the_greeting_stays() -> None:
    body = "See you.\n\nBest regards,\nNora Feld"
    assert split_body(body).fresh == body


FOOTERS = [
    "This email and any attachments are confidential and intended solely for the\naddressee. If you received it in error, please delete it.",
    "CONFIDENTIALITY NOTICE: The contents of this email message are for the recipient only.",
    "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, löschen Sie sie.",
    "Unsubscribe | Privacy policy | Terms of use",
    "Please do not reply to this email.",
    "This is an automated message. Please do not reply.",
    "© 2026 Brightmoor Ltd. All rights reserved.",
    "Sitz der Gesellschaft: Berlin, Amtsgericht Charlottenburg HRB 12345\nGeschäftsführerin: Nora Feld",
    "You are receiving this email because you signed up at brightmoor.example.",
    "Vous pouvez vous désabonner ici.",
    "Unsubscribe\n\nBrightmoor Ltd, 12 High Street, London, 12345",
    "_______________________________________________\njobs mailing list\nhttps://lists.example/listinfo/jobs",
]


@pytest.mark.parametrize("footer", FOOTERS)
def test_a_footer_is_cut(footer: str) -> None:
    parts = split_body(f"We have received your papers.\n\nKind regards\nNora\n\n{footer}")
    assert parts.fresh == "We have received your papers.\n\nKind regards\nNora"
    assert parts.footer == footer


@pytest.mark.parametrize(
    "last",
    [
        "Unfortunately we can't offer you the role. Please do not reply to this email.",
        "You are receiving this email because your application was not successful.",
        "This mailbox is not monitored. We would like to schedule an interview.",
        "The position is filled. Please do not reply to this email.",
        "Please confirm by Friday, and do not reply to this message but use the link.\nhttps://x.example",
        "Leider müssen wir Ihnen absagen. Bitte antworten Sie nicht auf diese E-Mail.",
        "See you on Friday at ten.",
        "Friday works",
        "1. Interview on Monday\n2. Offer on Friday",
    ],
)
def test_a_sentence_that_may_decide_is_never_a_footer(last: str) -> None:
    body = f"Dear Sam,\n\nthank you for your patience.\n\n{last}"
    assert split_body(body).fresh == body


def test_below_a_footer_a_sentence_is_still_read() -> None:
    body = "Dear Sam,\n\nPlease do not reply to this email.\n\nWe will call you on Monday at ten o'clock."
    assert split_body(body).fresh == body


def test_of_a_mail_that_is_only_a_footer_the_footer_is_fresh() -> None:
    assert (
        split_body("Please do not reply to this email.").fresh
        == "Please do not reply to this email."
    )


def test_a_signature_above_a_quote_is_found_too() -> None:
    parts = split_body("Yes.\n\nSent from my iPhone\n\nOn 12 Jan 2026 Sam wrote:\n> May I?")
    assert (parts.fresh, parts.signature) == ("Yes.", "Sent from my iPhone")


# What holds for any text

PIECES = [
    "On 12 Jan 2026 Sam wrote:", "> quoted", ">", "-- ", "--", "", " ", "Best regards", "From: Sam",
    "Sent: Monday", "Subject: x", "---------- Forwarded message ---------", "Unsubscribe",
    "Please do not reply.", "Unfortunately not.", "Sent from my iPhone", "+49 30 1234567", "Nora",
    "This email is confidential and intended for the recipient.", "_____________", "a" * 500,
    "-----Original Message-----", "We met on Monday. It was good.", "Am 5.", "\u3000", "schrieb Sam:",
]  # fmt: skip


def _words(*texts: str) -> Counter[str]:
    return Counter(word for text in texts for word in text.split())


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_every_word_of_a_body_is_in_exactly_one_part(lines: list[str]) -> None:
    body = "\n".join(lines)
    parts = split_body(body)
    assert _words(parts.fresh, parts.quoted, parts.signature, parts.footer) == _words(body)


@given(st.text(max_size=400))
def test_every_word_of_any_text_is_in_exactly_one_part(body: str) -> None:
    parts = split_body(body)
    assert _words(parts.fresh, parts.quoted, parts.signature, parts.footer) == _words(body)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30))
def test_a_mail_that_says_something_has_something_fresh(lines: list[str]) -> None:
    if any("not." in line for line in lines):
        assert split_body("\n".join(lines)).fresh


def test_no_word_of_the_zoo_is_lost() -> None:
    for path in sorted(ZOO.glob("*.eml")):
        mail = parse_message(path.read_bytes())
        if isinstance(mail, Message):
            parts = split_body(mail.body)
            assert _words(parts.fresh, parts.quoted, parts.signature, parts.footer) == _words(
                mail.body
            )


HOSTILE = [">", " ", "a", "(", "\n-- \n", "\n", ">\n", "> > ", "On 1 ", "On 1\n", "From: a\n",
           "From: a\nDate: x\nSubject: y\n", "-", "_", "_____\n", "wrote:\n", "unsubscribe\n\n",
           "unsubscribe. ", "a. ", "1. ", "Best regards\n", "Best regards\n+49 123 456 7890\n",
           "this e-mail ", "x@", "1 ", "schrieb ", "de: x\n", "to: x\n\n", "*", "...", "。", "> a\n\n",
           "---------- Forwarded message ----------\n", "On 1 Jan wrote:\n", "\t", '"', "On 1 a\nb\n"]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_a_hostile_text_takes_less_than_a_second(piece: str) -> None:
    text = (piece * (200_000 // len(piece) + 1))[:200_000]
    for work in (split_body, sentences):
        started = time.process_time()
        work(text)
        assert time.process_time() - started < HANGS


# Sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("We met Dr. Feld of Acme Inc. in Berlin. It was good.",
         ["We met Dr. Feld of Acme Inc. in Berlin.", "It was good."]),
        ("Das gilt z. B. für Analysten bzw. Entwickler. Ende.",
         ["Das gilt z. B. für Analysten bzw. Entwickler.", "Ende."]),
        ("Wir sehen uns am 5. Mai um 10.30 Uhr. Bis dann.",
         ["Wir sehen uns am 5. Mai um 10.30 Uhr.", "Bis dann."]),
        ("It costs 3.50 at www.acme.example. Really.", ["It costs 3.50 at www.acme.example.", "Really."]),
        ("See https://a.example/x.html?y=1.2 for more. Bye.",
         ["See https://a.example/x.html?y=1.2 for more.", "Bye."]),
        ("We have decided, after a long and careful search, to go on\nwith somebody else. Good luck.",
         ["We have decided, after a long and careful search, to go on\nwith somebody else.", "Good luck."]),
        ("Dear Sam,\nThank you.", ["Dear Sam,", "Thank you."]),
        ("Please bring:\n- your passport\n- a pen\n1. nothing else",
         ["Please bring:", "- your passport", "- a pen", "1. nothing else"]),
        ("One paragraph\n\nAnother one", ["One paragraph", "Another one"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("很遗憾。我们选择了别人。", ["很遗憾。", "我们选择了别人。"]),
        ("", []),
        (" \n \n", []),
    ],
)  # fmt: skip
def test_sentences_are_cut_where_a_reader_would(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(max_size=300))
def test_every_sentence_is_verbatim_in_the_text_and_none_is_lost(text: str) -> None:
    found = sentences(text)
    assert all(sentence in text for sentence in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_sentences_of_a_mail_are_verbatim_in_it(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert all(sentence in text for sentence in sentences(text))
