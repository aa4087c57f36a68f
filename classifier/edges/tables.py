"""The person's CSV file, byte for byte: read it, set single cells, add rows, save it whole."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from classifier.core.application import FIELDS, Application, Status
from classifier.core.vocabulary import read_status, recognise_columns, status_words
from classifier.edges.files import back_up, reason_of, replace_whole, sweep_leftovers
from classifier.errors import TrackerNotWritable

_DELIMITERS = ",;\t|"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR_LINE = re.compile(r"sep=(.)(\r\n|\n|\r)")  # Excel's own first line


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file spells its table."""

    bom: bytes
    encoding: str
    delimiter: str
    newline: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the raw text of each cell, as it stands in the file, and its line end."""

    cells: tuple[str, ...]
    end: str

    def value(self, column: int) -> str:
        """The text that a cell means; "" beyond the record's last cell."""
        return _unquoted(self.cells[column]) if column < len(self.cells) else ""

    @property
    def is_empty(self) -> bool:
        """True for an empty line or one of separators alone."""
        return not any(_unquoted(cell).strip() for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A CSV file as it was read. `records[0]` is the header; `preamble` stands before it."""

    dialect: Dialect
    preamble: str
    records: tuple[Record, ...]
    columns: Mapping[str, int]
    digest: str  # of the file's bytes; "" when there was no file
    status_names: Mapping[str, str]  # the person's mapping: our status → their word

    @cached_property
    def applications(self) -> tuple[Application, ...]:
        """Every record below the header that is not empty, in the file's order."""
        return tuple(
            self._application(index)
            for index in range(1, len(self.records))
            if not self.records[index].is_empty
        )

    def _application(self, index: int) -> Application:
        record = self.records[index]
        cells = {field: record.value(column) for field, column in self.columns.items()}
        status = read_status(cells.get("status", ""), self.status_names)
        return Application.from_cells(index + 1, cells, status)

    @cached_property
    def words(self) -> dict[Status, str]:
        """How this file spells each status that it holds or that the person mapped."""
        column = self.columns.get("status")
        texts = [] if column is None else [record.value(column) for record in self.records[1:]]
        return status_words(texts, self.status_names)

    @cached_property
    def next_row(self) -> int:
        """The row that the first added record gets: below the last one that is not empty."""
        filled = (i for i, record in enumerate(self.records) if not record.is_empty)
        return max(filled, default=0) + 2

    def rendered(
        self, cells: Mapping[tuple[int, str], str], added: Sequence[Mapping[str, str]]
    ) -> bytes:
        """The file's bytes with cells set, keyed by (row, field), and rows added at the end.

        Every other cell keeps its bytes. A field without a column is left out.
        """
        records = list(self.records)
        for (row, field), text in cells.items():
            if field in self.columns:
                records[row - 1] = self._set(records[row - 1], self.columns[field], text)
        at = self.next_row - 1
        if added and not records[at - 1].end:
            records[at - 1] = Record(records[at - 1].cells, self.dialect.newline)
            last_end = ""  # a file without a final line end stays one
        else:
            last_end = self.dialect.newline
        new = [self._new_record(values) for values in added]
        if new and at == len(records):
            new[-1] = Record(new[-1].cells, last_end)
        records[at:at] = new
        text = self.preamble + "".join(
            self.dialect.delimiter.join(record.cells) + record.end for record in records
        )
        return self.dialect.bom + _encoded(text, self.dialect.encoding)

    def _set(self, record: Record, column: int, text: str) -> Record:
        cells = list(record.cells)
        cells += [""] * (column + 1 - len(cells))
        quoted = cells[column].startswith('"')
        cells[column] = _quoted(self._encodable(text), self.dialect.delimiter, always=quoted)
        return Record(tuple(cells), record.end)

    def _new_record(self, values: Mapping[str, str]) -> Record:
        width = max(len(self.records[0].cells), max(self.columns.values(), default=0) + 1)
        record = Record(("",) * width, self.dialect.newline)
        for field, text in values.items():
            if field in self.columns:
                record = self._set(record, self.columns[field], text)
        return record

    def _encodable(self, text: str) -> str:
        """Text as the file's encoding can hold it: ł becomes l in cp1252, rather than fail."""
        try:
            text.encode(self.dialect.encoding)
            return text
        except UnicodeEncodeError:
            plain = unicodedata.normalize("NFKD", text)
            kept = "".join(c for c in plain if not unicodedata.combining(c))
            return kept.encode(self.dialect.encoding, "replace").decode(self.dialect.encoding)


def read_table(
    path: Path, mapped_columns: Mapping[str, str], mapped_statuses: Mapping[str, str]
) -> Table:
    """Read the person's file; where there is none, the table with the default header.

    Raises `TrackerNotWritable` when the file can't be understood well enough to change a
    cell of it safely: it is then left alone.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise TrackerNotWritable(
            f"{path} can't be read: {reason_of(error)}.", hint="Mend that, then sync again."
        ) from None
    return parse_table(content, str(path), mapped_columns, mapped_statuses)


def parse_table(
    content: bytes,
    name: str,
    mapped_columns: Mapping[str, str],
    mapped_statuses: Mapping[str, str],
) -> Table:
    """Parse a file's bytes; see `read_table`."""
    digest = hashlib.sha256(content).hexdigest() if content else ""
    bom, encoding = _encoding(content)
    if not content[len(bom) :].strip():
        dialect = Dialect(bom, encoding, ",", "\n")
        header = Record(FIELDS, "\n")
        columns = {field: index for index, field in enumerate(FIELDS)}
        return Table(dialect, "", (header,), columns, digest, mapped_statuses)
    try:
        text = content[len(bom) :].decode(encoding, "strict")
    except UnicodeDecodeError as error:
        raise TrackerNotWritable(
            f"{name} is damaged at byte {len(bom) + error.start} ({encoding}); nothing was changed.",
            hint="Open the file in a spreadsheet and save it as CSV in UTF-8.",
        ) from None
    preamble, delimiter = "", ""
    if hit := _SEPARATOR_LINE.match(text):
        preamble, delimiter = hit[0], hit[1]
    body = text[len(preamble) :]
    delimiter = delimiter or _delimiter(body)
    records = _records(body, delimiter, name)
    end = _LINE_END.search(body)
    dialect = Dialect(bom, encoding, delimiter, end[0] if end else "\n")
    header_titles = [_unquoted(cell).strip() for cell in records[0].cells]
    columns = recognise_columns(header_titles, mapped_columns)
    _check_columns(columns, header_titles, mapped_columns, name)
    return Table(dialect, preamble, tuple(records), columns, digest, mapped_statuses)


def _check_columns(
    columns: Mapping[str, int], header: Sequence[str], mapped: Mapping[str, str], name: str
) -> None:
    lost = [f"{title!r}" for field, title in mapped.items() if field not in columns]
    missing = [field for field in ("company", "status") if field not in columns]
    if lost:
        what = f"has no column {', '.join(lost)}, which [tracker.columns] names"
    elif missing:
        what = f"has no column that is known as {' or '.join(missing)}"
    else:
        return
    raise TrackerNotWritable(
        f"{name} {what}; nothing was changed. Its columns: {', '.join(map(repr, header))}.",
        hint='Name them in ghostresume.toml: [tracker.columns] company = "Your header".',
    )


def save_table(path: Path, table: Table, content: bytes, backups: Path, at: datetime) -> None:
    """Back the file up and put `content` in its place, whole or not at all.

    Raises `TrackerNotWritable`, with the file left as it was, when another program has it
    open, when it is read-only, when the disk is full, or when it changed since it was read.
    """
    _refuse_when_open(path)
    try:
        sweep_leftovers(path)
        if digest_of(path) != table.digest:
            raise ChangedMeanwhile(f"{path} was changed while the sync ran.")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "read-only")
        back_up(path, backups, at)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, content)
    except OSError as error:
        raise _not_writable(path, reason_of(error)) from None


class ChangedMeanwhile(TrackerNotWritable):
    """The person saved the file between our reading and our writing; plan again."""


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes; "" for no file or an empty one, as in `Table.digest`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ""
    return hashlib.sha256(content).hexdigest() if content else ""


def _refuse_when_open(path: Path) -> None:
    """LibreOffice and Excel each lay a lock file beside a document they have open."""
    target = Path(os.path.realpath(path))
    for lock in (f".~lock.{target.name}#", f"~${target.name}", f"~${target.name[2:]}"):
        if (target.parent / lock).exists():
            raise _not_writable(path, "it is open in a spreadsheet program")


def _not_writable(path: Path, why: str) -> TrackerNotWritable:
    return TrackerNotWritable(
        f"{path} was not changed: {why}. What the mails say is kept and waits.",
        hint="Mend that (close the file, free some space), then: ghostresume sync",
    )


def _encoding(content: bytes) -> tuple[bytes, str]:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return bom, encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
            return b"", encoding
        except UnicodeDecodeError:
            continue
    return b"", "latin-1"  # every byte has a meaning here, so any file survives


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding)


def _delimiter(text: str) -> str:
    """The separator of the header line: the one it holds most of, outside quotes."""
    header = _LINE_END.split(re.sub(r'"(?:[^"]|"")*"', "", text), maxsplit=1)[0]
    return max(_DELIMITERS, key=lambda mark: (header.count(mark), -_DELIMITERS.index(mark)))


def _records(text: str, delimiter: str, name: str) -> list[Record]:
    mark = re.escape(delimiter)
    cell = re.compile(rf'"(?:[^"]|"")*(?P<open>"|\Z)[^{mark}\r\n]*|[^{mark}\r\n]*')
    records: list[Record] = []
    cells: list[str] = []
    at = 0
    while True:
        hit = cell.match(text, at)
        if hit is None:  # pragma: no cover - the pattern matches the empty text
            raise AssertionError("a cell always matches")
        if hit["open"] == "":
            line = text.count("\n", 0, at) + 1
            raise TrackerNotWritable(
                f"{name}, line {line}: a quote is opened and never closed; nothing was changed.",
                hint="Open the file in a spreadsheet, mend that cell and save it.",
            )
        cells.append(hit[0])
        at = hit.end()
        if at < len(text) and text[at] == delimiter:
            at += 1
            continue
        end = _LINE_END.match(text, at)
        records.append(Record(tuple(cells), end[0] if end else ""))
        cells = []
        if end is None or end.end() == len(text):
            return records
        at = end.end()


def _unquoted(raw: str) -> str:
    if not raw.startswith('"'):
        return raw
    hit = re.match(r'"((?:[^"]|"")*)"', raw)
    if hit is None:
        return raw
    return hit[1].replace('""', '"') + raw[hit.end() :]


def _quoted(text: str, delimiter: str, *, always: bool) -> str:
    needs = any(mark in text for mark in (delimiter, '"', "\r", "\n")) or text != text.strip()
    return '"' + text.replace('"', '""') + '"' if always or needs else text
