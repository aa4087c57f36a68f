from __future__ import annotations

from datetime import date

import pytest

from classifier.core.application import Application, Status
from classifier.core.facts import Facts
from classifier.core.matching import Certainty, Letter, find_row, role_similarity
from classifier.core.names import company_similarity


def row(
    key: int, company: str, role: str = "", status: Status = Status.APPLIED, **more
) -> Application:
    return Application(
        row=key + 1, key=key, company=company, role=role, status=status, status_text=status, **more
    )


def letter(
    company: str | None, role: str | None = None, *, domain: str = "", thread: tuple[str, ...] = ()
) -> Letter:
    return Letter(date(2026, 3, 1), domain, thread, Facts(company, role, None, None))


def test_the_only_row_of_the_employer_is_found() -> None:
    match = find_row(
        letter("Harrow & Finch"), [row(1, "Harrow and Finch Ltd"), row(2, "Larkmoor")], {}
    )
    assert (match.certainty, match.key) == (Certainty.FOUND, 1)


def test_with_two_rows_of_one_employer_the_role_decides() -> None:
    rows = [row(1, "Tidewell", "UX Researcher"), row(2, "Tidewell", "Service Designer")]
    assert find_row(letter("Tidewell", "Service Designer"), rows, {}).key == 2


def test_with_two_rows_of_one_employer_and_no_role_the_person_is_asked() -> None:
    rows = [row(1, "Tidewell", "UX Researcher"), row(2, "Tidewell", "Service Designer")]
    match = find_row(letter("Tidewell"), rows, {})
    assert match.certainty is Certainty.ASK
    assert set(match.candidates) == {1, 2}


def test_a_closed_row_yields_to_the_open_one() -> None:
    rows = [
        row(1, "Tidewell", "UX Researcher", Status.REJECTED),
        row(2, "Tidewell", "UX Researcher"),
    ]
    assert find_row(letter("Tidewell", "UX Researcher"), rows, {}).key == 2


def test_another_role_at_a_known_employer_is_not_put_on_the_known_row() -> None:
    match = find_row(
        letter("Tidewell", "Warehouse Operative"), [row(1, "Tidewell", "UX Researcher")], {}
    )
    assert match.key is None


def test_a_reply_goes_to_the_row_of_the_mail_it_answers() -> None:
    match = find_row(
        letter(None, thread=("first@x.example",)), [row(1, "Larkmoor")], {"first@x.example": 1}
    )
    assert match.key == 1


def test_a_longer_name_that_holds_a_shorter_one_is_asked_about_not_taken() -> None:
    assert find_row(letter("Apple Bank"), [row(1, "Apple")], {}).certainty is Certainty.ASK


def test_the_senders_own_domain_finds_the_employer() -> None:
    match = find_row(letter("HF", domain="harrowfinch.example"), [row(1, "Harrow Finch")], {})
    assert match.key == 1


def test_a_mail_from_before_the_application_is_not_its_answer() -> None:
    assert (
        find_row(letter("Larkmoor"), [row(1, "Larkmoor", applied_on="2026-03-20")], {}).key is None
    )


def test_a_mail_without_employer_never_decides_by_the_role_alone() -> None:
    match = find_row(letter(None, "Data Analyst"), [row(1, "Larkmoor", "Data Analyst")], {})
    assert (match.certainty, match.candidates) == (Certainty.ASK, (1,))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ACME", "Acme Inc.", True),
        ("The Acme Company", "Acme", True),
        ("Müller GmbH & Co. KG", "Muller", True),
        ("PocketOrchard", "pocket orchard", True),
        ("Apple", "Apple Bank", False),
        ("North Star", "North Shore", False),
        ("", "Acme", False),
    ],
)
def test_company_names_are_compared_with_care(one: str, other: str, same: bool) -> None:
    assert (company_similarity(one, other) >= 0.86) is same


def test_seniority_tells_roles_apart() -> None:
    assert role_similarity("Sr. Data Engineer", "Senior Data Engineer") == 1.0
    assert role_similarity("Data Engineer", "Senior Data Engineer") < 1.0
