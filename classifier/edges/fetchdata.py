"""What a server answered to FETCH, as plain values: each mail by itself, so one can be bad."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

# A value of the IMAP grammar: number, string or atom, NIL, parenthesised list.
Value: TypeAlias = "int | bytes | tuple[Value, ...] | None"
# imaplib's form of an answer: lines, and (line up to a literal, the literal) pairs.
Piece: TypeAlias = "bytes | tuple[bytes, bytes]"

MAX_DEPTH = 100  # a mail nested deeper than this is an attack

# imapclient's own parser goes byte by byte: 0.43 s for the BODYSTRUCTUREs of 2,000 mails,
# against 0.1 s with this expression. One token each: a bracket, a quoted string, the length of
# a literal, an atom (whose [section] may hold blanks), or whatever else, which is an error.
_TOKEN = re.compile(
    rb"""[()]
      | "[^"\\]*(?:\\.[^"\\]*)*"
      | ~?\{\d+\+?\}
      | [^\s()"\[{]+(?:\[[^\]]*\][^\s()"\[{]*)?
      | \S
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_OPEN, _CLOSE, _QUOTE = b'()"'
_START = re.compile(rb"\s*\d+\s*(?=\()")
_PARTIAL = re.compile(rb"<\d+>$")


class NotUnderstoodError(ValueError):
    """The answer breaks the grammar of RFC 3501, section 9."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one FETCH answer said of one mail: `values` by item name, as `BODY[1.2]`, upper case.

    The origin of a partial fetch (`<0>`) is taken off the name. `size` counts bytes.
    """

    uid: int
    values: dict[bytes, Value]
    size: int


def read_answers(pieces: Iterable[Piece | None]) -> Iterator[Answer]:
    """Each answer that names a UID; one that can't be understood is left out.

    Whoever asked sees from the missing UID which mail it was.
    """
    for answer in _by_answer(pieces):
        try:
            values = _read_items(answer)
        except NotUnderstoodError:
            continue
        uid = values.get(b"UID")
        if isinstance(uid, int):
            size = sum(len(p) if isinstance(p, bytes) else len(p[0]) + len(p[1]) for p in answer)
            yield Answer(uid, values, size)


def _by_answer(pieces: Iterable[Piece | None]) -> Iterator[list[Piece]]:
    answer: list[Piece] = []
    for piece in pieces:
        if piece is None:
            continue
        answer.append(piece)
        if isinstance(piece, bytes):  # imaplib ends every answer with a plain line
            yield answer
            answer = []


def _read_items(answer: list[Piece]) -> dict[bytes, Value]:
    value = read_value(answer)
    if not isinstance(value, tuple) or len(value) % 2:
        raise NotUnderstoodError("FETCH answer without a list of pairs")
    items: dict[bytes, Value] = {}
    for name, item in zip(value[::2], value[1::2], strict=True):
        if not isinstance(name, bytes):
            raise NotUnderstoodError("item without a name")
        items[_PARTIAL.sub(b"", name.upper())] = item
    return items


def read_value(answer: list[Piece]) -> Value:
    """The one value of an answer, after its sequence number."""
    stack: list[list[Value]] = [[]]
    for index, piece in enumerate(answer):
        line, literal = (piece, None) if isinstance(piece, bytes) else piece
        start = _START.match(line) if index == 0 else None
        _read_line(_TOKEN.findall(line, start.end() if start else 0), literal, stack)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise NotUnderstoodError("brackets don't match")
    return stack[0][0]


def _read_line(tokens: list[bytes], literal: bytes | None, stack: list[list[Value]]) -> None:
    if literal is not None and not (tokens and tokens.pop().endswith(b"}")):
        raise NotUnderstoodError("a literal without its length")
    for token in tokens:
        first = token[0]
        if first == _OPEN:
            if len(stack) > MAX_DEPTH:
                raise NotUnderstoodError("nested too deeply")
            stack.append([])
        elif first == _CLOSE:
            _close(stack)
        elif first == _QUOTE:
            stack[-1].append(_unquoted(token))
        else:
            stack[-1].append(_atom(token))
    if literal is not None:
        stack[-1].append(literal)


def _unquoted(token: bytes) -> bytes:
    if len(token) < 2:
        raise NotUnderstoodError("a quoted string without its end")
    text = token[1:-1]
    return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text


def _close(stack: list[list[Value]]) -> None:
    if len(stack) < 2:
        raise NotUnderstoodError("a bracket closed that was never opened")
    done = tuple(stack.pop())
    stack[-1].append(done)


def _atom(atom: bytes) -> Value:
    if atom.isdigit():
        return int(atom) if len(atom) < 20 else atom
    if atom[0] in b"{[":
        raise NotUnderstoodError("no token of IMAP")
    return None if atom in (b"NIL", b"nil") else atom
