"""Company and role from invented mails as systems and people send them."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from classifier.core.facts import Facts, find_facts
from classifier.core.message import Message, parse_message
from classifier.core.words import reading_of


def facts(sender: str, subject: str, body: str) -> Facts:
    mail = EmailMessage()
    mail["From"] = sender
    mail["Subject"] = subject
    mail.set_content(body)
    message = parse_message(mail.as_bytes())
    assert isinstance(message, Message)
    return find_facts(message, reading_of(message).fresh)


@pytest.mark.parametrize(
    ("sender", "subject", "body", "company", "role"),
    [
        (
            "Brackwater Careers <no-reply@greenhouse-mail.io>",
            "Thank you for applying to Brackwater",
            "Hi Sam,\n\nthank you for applying for the Senior Data Engineer position at Brackwater.",
            "Brackwater",
            "Senior Data Engineer",
        ),
        (
            "Workday <oakrise@myworkday.com>",
            "Your application",
            "Thank you for your interest in the role of Payroll Officer (R-10482) at Oakrise.",
            "Oakrise",
            "Payroll Officer",
        ),
        (
            "Dana Whitlow <dana.whitlow@tarnfieldlabs.example>",
            "Re: interview",
            "Hello Sam, are you free on Tuesday?\n\nDana\nTarnfield Labs",
            "Tarnfield Labs",
            None,
        ),
        (
            "Workable <noreply@workablemail.com>",
            "Your application for Barista at The Copper Kettle",
            "Your application for Barista at The Copper Kettle was received.",
            "The Copper Kettle",
            "Barista",
        ),
        (
            "Bewerbung <karriere@nordlicht.example>",
            "Ihre Bewerbung als Datenanalystin (m/w/d)",
            "vielen Dank für Ihre Bewerbung bei der Nordlicht GmbH.",
            "Nordlicht GmbH",
            "Datenanalystin",
        ),
        ("Mum <carmen@gmail.com>", "blue dish", "Found it, it was in the shed.", None, None),
    ],
)
def test_company_and_role_are_found_where_they_stand(
    sender: str, subject: str, body: str, company: str | None, role: str | None
) -> None:
    found = facts(sender, subject, body)
    assert (found.company, found.role) == (company, role)


@pytest.mark.parametrize("system", ["Workable", "Greenhouse", "Indeed", "LinkedIn", "HireVue"])
def test_a_system_is_never_the_employer(system: str) -> None:
    found = facts(
        f"{system} <no-reply@{system.lower()}.com>",
        f"News from {system}",
        "Your status has changed.",
    )
    assert found.company is None
