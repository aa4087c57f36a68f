"""Laws that hold for any mail and any table: order and partition don't matter, nothing happens twice."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desk import Desk, days_after, lay_out
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from letters import BILL, INTERVIEW, LUNCH, OFFER, RECEIVED, REJECTION, SALE, letter

from classifier.workflow import importing

FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,  # the gate gives the same answer each time; CI is no place for luck
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COMPANIES = ("Brackenmoor", "Hallow & Pike", "Ostrava Lifts", "Quernstone", "Pepperdine")
JOB_TEXTS = (REJECTION, INTERVIEW, RECEIVED, OFFER)
NOISE = (BILL, SALE, LUNCH)

job_letters = st.tuples(st.sampled_from(JOB_TEXTS), st.sampled_from(COMPANIES), st.integers(0, 5))
noise = st.tuples(st.sampled_from(NOISE), st.just("Any Shop"), st.integers(0, 5))


def raw_mails(chosen: list[tuple[str, str, int]]) -> list[bytes]:
    """Some share a day, and even a minute: then the ids decide, not the order of arrival."""
    return [
        letter(text, company, at=days_after(-day), mail_id=f"p{number}@test.example")
        for number, (text, company, day) in enumerate(chosen)
    ]


TABLE = (
    "company,role,status,applied_on,updated_on,notes\n"
    "Brackenmoor,Data Analyst,applied,2026-02-01,,\n"
    "Hallow & Pike,Data Analyst,interview,2026-02-01,2026-02-10,x\n"
    "Ostrava Lifts,Data Analyst,,2026-02-01,,\n"
)
DAMAGED = b'company,status\n"a quote that is never closed,applied\n'


@contextmanager
def fresh(model_store: Path, table: bytes) -> Iterator[tuple[Desk, Path]]:
    """A new workspace for each example, and a folder for its mails."""
    with tempfile.TemporaryDirectory() as name:
        mails = Path(name) / "mails"
        mails.mkdir()
        yield lay_out(Path(name) / "desk", model_store, table), mails


def write(folder: Path, raws: list[bytes]) -> list[Path]:
    paths = []
    for number, raw in enumerate(raws):
        paths.append(folder / f"{number:03}.eml")
        paths[-1].write_bytes(raw)
    return paths


@FEW
@given(st.lists(job_letters | noise, min_size=2, max_size=8), st.data())
def test_order_and_partition_of_the_mails_do_not_matter(model_store, chosen, data):
    raws = raw_mails(chosen)
    order = data.draw(st.permutations(range(len(raws))), label="order")
    batch = data.draw(st.integers(1, len(raws)), label="batch")
    cuts = data.draw(st.sets(st.integers(1, len(raws) - 1)), label="nights begin at")
    with fresh(model_store, TABLE.encode()) as (calm, folder):
        write(folder, raws)
        calm.take_in(calm.configure(), folder)
        expected = calm.csv.read_bytes()
    with fresh(model_store, TABLE.encode()) as (desk, folder):
        config = desk.configure()
        paths = write(folder, [raws[number] for number in order])
        # While the table can't be read, each night's mail waits: then comes a single plan.
        starts = [0, *sorted(cuts), len(paths)]
        size, importing.BATCH = importing.BATCH, batch
        try:
            for start, end in itertools.pairwise(starts):
                whole = end == len(paths)
                desk.csv.write_bytes(TABLE.encode() if whole else DAMAGED)
                desk.take_in(config, *paths[start:end])
                assert whole or desk.csv.read_bytes() == DAMAGED
        finally:
            importing.BATCH = size
        assert desk.csv.read_bytes() == expected


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """The same four applications as many a program would have saved them."""
    delimiter = draw(st.sampled_from(",;\t|"))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    encoding, bom = draw(
        st.sampled_from(
            [
                ("utf-8", b""),
                ("utf-8", b"\xef\xbb\xbf"),
                ("cp1252", b""),
                ("utf-16-le", b"\xff\xfe"),
                ("utf-16-be", b"\xfe\xff"),
            ]
        )
    )
    header = draw(
        st.permutations(["Company", "Position", "Status", "Date applied", "Notes", "My feeling"])
    )
    out = io.StringIO()
    if delimiter == ";" and draw(st.booleans()):
        out.write(f"sep=;{newline}")
    writer = csv.DictWriter(
        out, header, delimiter=delimiter, lineterminator=newline, quoting=quoting
    )
    writer.writeheader()
    for company in draw(st.permutations(COMPANIES[:4])):
        writer.writerow(
            {
                "Company": company,
                "Position": draw(st.sampled_from(["Data Analyst", ""])),
                "Status": draw(st.sampled_from(["applied", "Applied", "", "Interview", "on ice?"])),
                "Date applied": draw(st.sampled_from(["2026-01-03", "3.1.2026", ""])),
                "Notes": draw(
                    st.sampled_from(["", 'say "hi"', "two\nlines", "café – 50 %", "=1+1"])
                ),
                "My feeling": draw(st.sampled_from(["", ":)", "7/10", " spaced "])),
            }
        )
        if draw(st.integers(0, 4)) == 0:
            out.write(newline)
    text = out.getvalue()
    if draw(st.booleans()):
        text = text.removesuffix(newline)
    return bom + text.encode(encoding)


@FEW
@given(tables(), st.lists(job_letters, min_size=1, max_size=5))
def test_a_second_sync_changes_nothing_whatever_the_table_looks_like(model_store, table, chosen):
    with fresh(model_store, table) as (desk, folder):
        config = desk.configure()
        write(folder, raw_mails(chosen))
        desk.take_in(config, folder)
        once, tables = desk.csv.read_bytes(), desk.at_rest()
        again = desk.take_in(config, folder, at=days_after(1))
        assert not again.changes
        assert desk.csv.read_bytes() == once
        assert desk.at_rest() == tables


@FEW
@given(tables(), st.lists(noise, max_size=5))
def test_without_mail_about_jobs_the_table_keeps_every_byte(model_store, table, chosen):
    with fresh(model_store, table) as (desk, folder):
        write(folder, raw_mails(chosen))
        report = desk.take_in(desk.configure(), folder)
        assert desk.csv.read_bytes() == table
        assert not report.changes
        assert not desk.backups
