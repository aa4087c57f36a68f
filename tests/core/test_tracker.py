from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from classifier.core.application import Application, Status
from classifier.core.facts import Facts
from classifier.core.tracker import News, Plan, Policy, make_plan
from classifier.core.verdict import Detail, Verdict

SENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = Policy(rows_from_confirmation=True, rows_always=False)


def verdict(detail: Detail, *, sure: bool = True) -> Verdict:
    shares = dict.fromkeys(Detail, 0.0) | {detail: 1.0}
    return Verdict(detail.label, detail, shares, not sure, "the sentence", (), "test")


def news(
    detail: Detail,
    company: str | None = "Acme",
    *,
    mail: str = "m1",
    sent: datetime | None = SENT,
    sure: bool = True,
    role: str | None = None,
    starts: datetime | None = None,
    thread: tuple[str, ...] = (),
) -> News:
    return News(
        mail,
        sent,
        "no-reply@greenhouse-mail.io",
        thread,
        verdict(detail, sure=sure),
        Facts(company, role, starts, None),
    )


def acme(status: Status | None = Status.APPLIED, **more) -> Application:
    return Application(
        row=2, key=1, company="Acme", status=status, status_text=status or "", **more
    )


def plan(rows: list[Application], items: list[News], policy: Policy = POLICY) -> Plan:
    return make_plan(rows, items, {}, policy, 100)


def status_after(result: Plan, key: int = 1) -> Status | None:
    return next(row.status for row in result.rows if row.key == key)


@pytest.mark.parametrize(
    ("status", "detail", "after", "asked"),
    [
        (Status.APPLIED, Detail.REJECTION, Status.REJECTED, False),
        (Status.APPLIED, Detail.INTERVIEW_REQUEST, Status.INTERVIEW, False),
        (Status.APPLIED, Detail.ASSESSMENT, Status.ASSESSMENT, False),
        (Status.APPLIED, Detail.OFFER, Status.OFFER, False),
        (Status.APPLIED, Detail.STATUS_UPDATE, Status.APPLIED, False),
        (Status.INTERVIEW, Detail.ASSESSMENT, Status.INTERVIEW, False),
        (Status.INTERVIEW, Detail.APPLICATION_RECEIVED, Status.INTERVIEW, False),
        (Status.NO_REPLY, Detail.REJECTION, Status.REJECTED, False),
        (Status.OFFER, Detail.REJECTION, Status.OFFER, True),
        (Status.ACCEPTED, Detail.REJECTION, Status.ACCEPTED, True),
        (Status.ACCEPTED, Detail.OFFER, Status.ACCEPTED, False),
        (Status.REJECTED, Detail.INTERVIEW_REQUEST, Status.REJECTED, True),
        (Status.REJECTED, Detail.OFFER, Status.REJECTED, True),
        (Status.REJECTED, Detail.REJECTION, Status.REJECTED, False),
        (Status.WITHDRAWN, Detail.REJECTION, Status.WITHDRAWN, False),
        (Status.WITHDRAWN, Detail.OFFER, Status.WITHDRAWN, True),
        (None, Detail.REJECTION, Status.REJECTED, False),
    ],
)
def test_the_table_of_transitions(status, detail: Detail, after: Status, asked: bool) -> None:
    result = plan([acme(status)], [news(detail)])
    assert status_after(result) is after
    assert (result.outcomes[0].question is not None) is asked


def test_a_verdict_that_is_not_sure_changes_nothing() -> None:
    result = plan([acme()], [news(Detail.REJECTION, sure=False)])
    assert result.changes == ()


def test_a_status_in_the_persons_own_unknown_word_is_asked_about() -> None:
    row = Application(row=2, key=1, company="Acme", status_text="meh :-/")
    result = plan([row], [news(Detail.REJECTION)])
    assert result.changes == ()
    assert "meh" in (result.outcomes[0].question or "")


def test_a_persons_edit_made_after_the_mail_wins() -> None:
    row = acme(edited_at=SENT + timedelta(hours=1))
    result = plan([row], [news(Detail.REJECTION)])
    assert result.changes == ()
    assert "changed this row" in (result.outcomes[0].question or "")


def test_an_edit_made_before_the_mail_does_not_block_it() -> None:
    row = acme(edited_at=SENT - timedelta(hours=1))
    assert status_after(plan([row], [news(Detail.REJECTION)])) is Status.REJECTED


def test_a_row_updated_after_the_mail_is_not_undone() -> None:
    result = plan([acme(Status.INTERVIEW, updated_on="2026-03-05")], [news(Detail.REJECTION)])
    assert result.changes == ()


def test_a_mail_without_a_date_changes_no_status() -> None:
    assert plan([acme()], [news(Detail.REJECTION, sent=None)]).changes == ()


def test_three_mails_of_one_new_application_make_one_row() -> None:
    items = [
        news(Detail.APPLICATION_RECEIVED, "Newco", mail="a", role="Data Analyst"),
        news(Detail.APPLICATION_RECEIVED, "Newco", mail="b", sent=SENT + timedelta(minutes=5)),
        news(Detail.REJECTION, "NewCo Ltd", mail="c", sent=SENT + timedelta(days=9)),
    ]
    result = plan([acme()], items)
    assert len(result.created) == 1
    assert result.created[0].status is Status.REJECTED
    assert {outcome.key for outcome in result.outcomes} == {result.created[0].key}


def test_a_rejection_without_a_row_is_asked_about_and_makes_none() -> None:
    result = plan([acme()], [news(Detail.REJECTION, "Unknown Corp")])
    assert result.created == ()
    assert result.outcomes[0].question is not None


def test_rows_are_never_created_where_the_person_said_so() -> None:
    never = Policy(rows_from_confirmation=False, rows_always=False)
    assert plan([], [news(Detail.APPLICATION_RECEIVED)], never).created == ()


def test_cells_made_from_mail_can_not_start_a_formula() -> None:
    result = plan([], [news(Detail.APPLICATION_RECEIVED, '=HYPERLINK("x")')])
    assert result.created[0].company.startswith("'=")


def test_an_appointment_is_noted_but_the_persons_own_next_step_stays() -> None:
    starts = datetime(2026, 3, 9, 14, 0, tzinfo=UTC)
    result = plan([acme()], [news(Detail.INTERVIEW_REQUEST, starts=starts)])
    assert {(c.field, c.new) for c in result.changes} >= {
        ("next_step", "Interview"),
        ("next_step_on", "2026-03-09"),
    }
    kept = plan([acme(next_step="call Jo")], [news(Detail.INTERVIEW_REQUEST, starts=starts)])
    assert {c.field for c in kept.changes} == {"status", "updated_on"}


def test_a_field_without_a_column_is_left_out() -> None:
    narrow = Policy(
        rows_from_confirmation=True, rows_always=False, fields=frozenset({"company", "status"})
    )
    result = plan([acme()], [news(Detail.REJECTION)], narrow)
    assert [change.field for change in result.changes] == ["status"]


def test_the_order_of_arrival_does_not_matter() -> None:
    items = [
        news(detail, mail=f"m{i}", sent=SENT + timedelta(days=i), company=company)
        for i, (detail, company) in enumerate(
            [
                (Detail.APPLICATION_RECEIVED, "Newco"),
                (Detail.ASSESSMENT, "Acme"),
                (Detail.INTERVIEW_REQUEST, "Newco"),
                (Detail.REJECTION, "Acme"),
                (Detail.APPLICATION_RECEIVED, "Third"),
                (Detail.OFFER, "Newco"),
            ]
        )
    ]
    wanted = plan([acme()], items)
    for seed in range(20):
        shuffled = items[:]
        random.Random(seed).shuffle(shuffled)
        assert plan([acme()], shuffled) == wanted


def test_the_old_and_the_new_of_changes_form_a_chain() -> None:
    items = [
        news(Detail.INTERVIEW_REQUEST, mail="a"),
        news(Detail.REJECTION, mail="b", sent=SENT + timedelta(days=3)),
    ]
    statuses = [(c.old, c.new) for c in plan([acme()], items).changes if c.field == "status"]
    assert statuses == [("applied", "interview"), ("interview", "rejected")]
