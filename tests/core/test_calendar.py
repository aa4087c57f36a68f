"""Invitations, as calendars of all makes write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.core.calendar import Invite, read_invites

# Seconds of processor time: far above what any mail takes on a slow, busy machine (0.4 s where
# this was written), far below what quadratic time would need. Exact times: tests/benchmarks.
HANGS = 8.0


def _calendar(*event: str, before: str = "METHOD:REQUEST") -> str:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x", *before.split("\n"), "BEGIN:VEVENT",
         "UID:1", "SUMMARY:Interview", *event, "END:VEVENT", "END:VCALENDAR", ""]
    )  # fmt: skip


def _only(*event: str, before: str = "METHOD:REQUEST") -> Invite:
    (invite,) = read_invites([_calendar(*event, before=before)])
    return invite


@pytest.mark.parametrize(
    ("start", "utc"),
    [
        ("DTSTART:20260714T101500Z", "2026-07-14T10:15"),
        ("DTSTART;TZID=Europe/Berlin:20260714T101500", "2026-07-14T08:15"),
        ("DTSTART;TZID=W. Europe Standard Time:20260714T101500", "2026-07-14T08:15"),
        ("DTSTART;TZID=Eastern Standard Time:20260114T101500", "2026-01-14T15:15"),
        ('DTSTART;TZID="India Standard Time":20260114T101500', "2026-01-14T04:45"),
        ("DTSTART;TZID=Nobody/Knows:20260714T101500", "2026-07-14T10:15"),
        ("DTSTART:20260714T101500", "2026-07-14T10:15"),
        ("DTSTART;VALUE=DATE:20260714", "2026-07-14T00:00"),
    ],
)
def test_a_start_is_read_in_its_zone(start: str, utc: str) -> None:
    starts_at = _only(start).starts_at
    assert starts_at is not None
    assert starts_at.tzinfo is not None
    assert starts_at.astimezone(UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_time_without_zone_is_in_the_zone_of_the_calendar() -> None:
    invite = _only("DTSTART:20260714T101500", before="METHOD:REQUEST\nX-WR-TIMEZONE:Europe/Paris")
    assert invite.starts_at is not None
    assert invite.starts_at.astimezone(UTC).hour == 8


def test_a_day_is_all_day_and_a_time_is_not() -> None:
    assert _only("DTSTART;VALUE=DATE:20260714").all_day
    assert not _only("DTSTART:20260714T101500Z").all_day


def test_an_end_may_be_given_as_a_duration() -> None:
    invite = _only("DTSTART:20260714T101500Z", "DURATION:PT45M")
    assert invite.ends_at == datetime(2026, 7, 14, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize("start", ["DTSTART:nonsense", "DTSTART:00010101T000000Z", "X-NO:1"])
def test_an_event_without_a_readable_start_is_kept_without_one(start: str) -> None:
    invite = _only(start)
    assert invite.starts_at is None
    assert invite.summary == "Interview"


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        (["LOCATION:https://zoom.us/j/1."], "https://zoom.us/j/1"),
        (["X-GOOGLE-CONFERENCE:https://meet.google.com/a", "LOCATION:Room 5"], "https://meet.google.com/a"),
        (["X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.microsoft.com/l/1"], "https://teams.microsoft.com/l/1"),
        (["DESCRIPTION:See https://acme.example or join https://acme.webex.com/m/1 now"], "https://acme.webex.com/m/1"),
        (["URL:https://acme.example/event"], "https://acme.example/event"),
        (["DESCRIPTION:See https://acme.example"], ""),
        (["LOCATION:Main Street 1"], ""),
    ],
)  # fmt: skip
def test_the_link_is_where_the_conversation_takes_place(fields: list[str], link: str) -> None:
    assert _only("DTSTART:20260714T101500Z", *fields).link == link


def test_an_organiser_is_a_name_or_an_address() -> None:
    named = _only('ORGANIZER;CN="Feld, Nora":mailto:nora@x.example', "DTSTART:20260714T101500Z")
    bare = _only("ORGANIZER:MAILTO:nora@x.example", "DTSTART:20260714T101500Z")
    assert (named.organizer, bare.organizer) == ("Feld, Nora", "nora@x.example")


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "REPLY", "PUBLISH"])
def test_the_method_is_told(method: str) -> None:
    assert _only("DTSTART:20260714T101500Z", before=f"METHOD:{method.lower()}").method == method


def test_a_calendar_without_a_method_has_none() -> None:
    assert _only("DTSTART:20260714T101500Z", before="X-A:b").method == ""


def test_a_broken_zone_does_not_hide_the_event() -> None:
    zone = "METHOD:REQUEST\nBEGIN:VTIMEZONE\nTZID:Europe/Rome\nBEGIN:STANDARD\nDTSTART:never\nEND:VTIMEZONE"
    invite = _only("DTSTART;TZID=Europe/Rome:20260714T101500", before=zone)
    assert invite.starts_at is not None
    assert invite.starts_at.astimezone(UTC).hour == 8


def test_only_the_first_five_events_are_read() -> None:
    days = [_calendar(f"DTSTART:202607{day}T101500Z") for day in range(10, 19)]
    assert len(read_invites(days)) == 5


def test_an_event_that_comes_as_a_part_and_as_a_file_is_one() -> None:
    assert len(read_invites([_calendar("DTSTART:20260714T101500Z")] * 2)) == 1


def test_a_zone_that_changes_every_second_does_not_stop_us() -> None:
    zone = "METHOD:REQUEST\nBEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nDTSTART:00010101T000000\nRRULE:FREQ=SECONDLY\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:STANDARD\nEND:VTIMEZONE"
    started = time.process_time()
    assert _only("DTSTART;TZID=X:20990101T000000", before=zone).starts_at is not None
    assert time.process_time() - started < HANGS


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_invitations_or_none(text: str) -> None:
    read_invites([text, _calendar(text)])


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 60), st.text(max_size=8))
def test_a_damaged_calendar_is_read_or_left(start: int, length: int, instead: str) -> None:
    whole = _calendar("DTSTART;TZID=Europe/Berlin:20260714T101500", "DURATION:PT45M")
    read_invites([whole[:start] + instead + whole[start + length :]])
