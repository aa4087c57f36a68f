from __future__ import annotations

import csv
import io
import os
import stat
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier.core.application import Status, safe_cell
from classifier.edges import tables
from classifier.edges.tables import parse_table, read_table, save_table
from classifier.errors import TrackerNotWritable

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

cell_texts = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\",;\n\r\t'= "),
    max_size=12,
)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A CSV file as some program might have written it, and its number of data rows."""
    delimiter = draw(st.sampled_from(",;\t"))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    header = draw(st.permutations(["Company", "Status", "Role", "My own column", "Notes"]))
    rows = draw(st.lists(st.lists(cell_texts, min_size=5, max_size=5), max_size=5))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerow(header)
    writer.writerows(rows)
    text = out.getvalue()
    if draw(st.booleans()):
        text = text.removesuffix(newline)
    encoding, bom = draw(
        st.sampled_from(
            [
                ("utf-8", b""),
                ("utf-8", b"\xef\xbb\xbf"),
                ("utf-16-le", b"\xff\xfe"),
                ("utf-16-be", b"\xfe\xff"),
            ]
        )
    )
    return bom + text.encode(encoding), len(rows)


@given(files())
def test_a_file_without_changes_keeps_every_byte(file: tuple[bytes, int]) -> None:
    content, _ = file
    assert parse_table(content, "t.csv", {}, {}).rendered({}, ()) == content


@given(files(), st.data(), st.sampled_from(["company", "status", "role", "notes"]))
def test_one_change_changes_exactly_one_cell(
    file: tuple[bytes, int], data: st.DataObject, field: str
) -> None:
    content, _ = file
    table = parse_table(content, "t.csv", {}, {})
    rows = [row.row for row in table.applications]
    assume(rows)
    row = data.draw(st.sampled_from(rows))
    text = safe_cell(data.draw(cell_texts))
    after = parse_table(table.rendered({(row, field): text}, ()), "t.csv", {}, {})
    assert len(after.records) == len(table.records)
    for index, (old, new) in enumerate(zip(table.records, after.records, strict=True)):
        for column in range(max(len(old.cells), len(new.cells))):
            if (index + 1, column) == (row, table.columns[field]):
                assert new.value(column) == text
            else:
                assert new.cells[column] == old.cells[column]


@given(files(), st.lists(cell_texts.map(safe_cell).filter(bool), min_size=1, max_size=3))
def test_added_rows_stand_below_the_last_filled_one_and_disturb_none(
    file: tuple[bytes, int], companies: list[str]
) -> None:
    table = parse_table(file[0], "t.csv", {}, {})
    first = table.next_row
    after = parse_table(table.rendered({}, [{"company": c} for c in companies]), "t.csv", {}, {})
    assert [row.company for row in after.applications if row.row >= first] == companies
    before = [row for row in after.applications if row.row < first]
    assert before == list(table.applications)


def test_excels_separator_line_and_preamble_survive() -> None:
    content = b"sep=;\r\nFirma;Status\r\nAcker, Sohn & Co;offen\r\n"
    table = parse_table(content, "t.csv", {}, {})
    assert table.applications[0].company == "Acker, Sohn & Co"
    assert table.applications[0].status is Status.APPLIED
    after = table.rendered({(2, "status"): "Absage"}, ())
    assert after == content.replace(b"offen", b"Absage")


def test_a_status_is_written_in_the_persons_own_word() -> None:
    table = parse_table(b"Company,Stage\nA,Rejected\nB,Applied\n", "t.csv", {}, {"offer": "Yay"})
    assert table.words[Status.REJECTED] == "Rejected"
    assert table.words[Status.OFFER] == "Yay"


def test_cp1252_files_stay_cp1252_and_take_what_they_can() -> None:
    content = "Firma,Status\nMüller,offen\n".encode("cp1252")
    table = parse_table(content, "t.csv", {}, {})
    after = table.rendered({}, [{"company": "Łódź – Bau", "status": "offen"}])
    assert after.startswith(content)
    assert after.decode("cp1252").splitlines()[-1] == "Lodz – Bau,offen" or b"odz" in after


def test_a_quote_that_never_closes_is_refused_with_its_line() -> None:
    with pytest.raises(TrackerNotWritable, match="line 3"):
        parse_table(b'company,status\nA,applied\nB,"rejected\nC,applied\n', "t.csv", {}, {})


def test_a_file_without_a_status_column_is_refused_and_its_columns_are_named() -> None:
    with pytest.raises(TrackerNotWritable, match="'Lohn'"):
        parse_table(b"Company,Lohn\nA,1\n", "t.csv", {}, {})


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-x", "@cmd", "\t=1", "＝1", "|calc"])
def test_what_we_write_never_starts_a_formula(text: str) -> None:
    assert safe_cell(text)[:1] not in tuple("=+-@|＝")


def test_saving_backs_up_keeps_the_mode_and_follows_a_link(tmp_path) -> None:
    real = tmp_path / "real.csv"
    real.write_bytes(b"company,status\nA,applied\n")
    real.chmod(0o640)
    link = tmp_path / "applications.csv"
    link.symlink_to(real)
    table = read_table(link, {}, {})
    save_table(link, table, b"company,status\nA,rejected\n", tmp_path / "backups", NOW)
    assert link.is_symlink()
    assert real.read_bytes() == b"company,status\nA,rejected\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    backups = list((tmp_path / "backups").iterdir())
    assert [b.read_bytes() for b in backups] == [b"company,status\nA,applied\n"]


def test_a_file_changed_since_it_was_read_is_not_overwritten(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"company,status\nA,applied\n")
    table = read_table(path, {}, {})
    path.write_bytes(b"company,status\nA,withdrawn\n")
    with pytest.raises(tables.ChangedMeanwhile):
        save_table(path, table, b"x", tmp_path / "b", NOW)
    assert path.read_bytes() == b"company,status\nA,withdrawn\n"


@pytest.mark.parametrize("lock", [".~lock.a.csv#", "~$a.csv"])
def test_a_file_open_in_a_spreadsheet_is_left_alone(tmp_path, lock: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"company,status\nA,applied\n")
    table = read_table(path, {}, {})
    (tmp_path / lock).touch()
    with pytest.raises(TrackerNotWritable, match="open in a spreadsheet"):
        save_table(path, table, b"x", tmp_path / "b", NOW)
    assert path.read_bytes() == b"company,status\nA,applied\n"


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"company,status\nA,applied\n")
    table = read_table(path, {}, {})

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrackerNotWritable, match="disk is full"):
        save_table(path, table, b"x" * 100, tmp_path / "b", NOW)
    assert path.read_bytes() == b"company,status\nA,applied\n"
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".new")] == []
