"""The parts of a mail: which of them a person reads, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message as Part

from classifier.core.charsets import (
    clean_text,
    decode_base64,
    decode_bytes,
    decode_header,
    decode_quoted_printable,
)
from classifier.core.html import html_to_text

MAIL_LIMIT = 2 * 1024 * 1024  # bytes of one mail that are read
BODY_LIMIT = 256 * 1024  # characters of its text
_HEADER_LIMIT = 256 * 1024
_FIELDS_LIMIT = 2000
_LINES_LIMIT = 50_000  # a line costs the standard library's parser 1 µs, and as much a level
_DELIMITERS_LIMIT = 1000
_NESTING_LIMIT = 30
_PARAMETER_LIMIT = 2000
_TEXTS_LIMIT = 20
_NAMES_LIMIT = 100
_CALENDARS_LIMIT = 3

Fields = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Body:
    """What the parts of a mail say together."""

    text: str  # what the sender shows, then the mails that are attached
    own_text: str  # without the attached mails: the same however the mail was fetched
    is_html: bool
    attachments: tuple[str, ...]
    calendars: tuple[str, ...]  # texts of the calendar parts


# The header

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)


def read_header(raw: bytes) -> tuple[Fields, bytes]:
    """The header's fields (lower-case name, unfolded value) and the bytes after it (RFC 5322).

    Lines that are no fields are left out; where such a line is followed by no field
    either, the body begins with it.
    """
    raw = raw[:MAIL_LIMIT].lstrip(b"\xef\xbb\xbf\r\n \t").replace(b"\r\n", b"\n")
    if b"\n" not in raw[:4096]:
        raw = raw.replace(b"\r", b"\n")
    end = raw.find(b"\n\n")
    if not 0 <= end <= _HEADER_LIMIT:
        end = min(len(raw), _HEADER_LIMIT)
    lines = raw[:end].split(b"\n", 20_000)
    fields: list[tuple[str, list[bytes]]] = []
    for at, line in enumerate(lines):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        elif found := _FIELD.match(line):
            fields.append((found[1].decode("ascii").lower(), [found[2]]))
        elif not line.startswith((b"From ", b">From ")) and not _FIELD.match(
            lines[at + 1] if at + 1 < len(lines) else b""
        ):
            end = sum(map(len, lines[:at])) + at - 1
            break
        if len(fields) >= _FIELDS_LIMIT:
            break
    whole = [(name, b" ".join(value).replace(b"\r", b" ").strip()) for name, value in fields]
    return whole, raw[end:].lstrip(b"\n")


# The parts


@dataclass(slots=True)
class _Segment:
    """One shown text: `words` tells a stub from the real thing."""

    text: str
    is_html: bool
    embedded: bool = False

    @property
    def words(self) -> int:
        return sum("://" not in word for word in self.text.split())


@dataclass(slots=True)
class _Found:
    attachments: list[str] = field(default_factory=list)
    calendars: list[str] = field(default_factory=list)
    spare: list[_Segment] = field(default_factory=list)  # text files shown inline
    texts: int = 0
    left: int = 2 * BODY_LIMIT  # characters that are still read, of all parts together
    html_wanted: bool = True


def read_body(fields: Fields, content: bytes) -> Body:
    """The readable text of the MIME parts (RFC 2045, RFC 2046), and what else they bring."""
    found = _Found()
    segments = list(_segments(_tree(fields, content), found, depth=0, in_report=False))
    if not segments and not found.attachments and not found.calendars and content.strip():
        # a boundary that is never met, or one part of a kind that nobody knows
        segments = list(_segments(_guessed_tree(content), found, depth=0, in_report=False))
    own = [part for part in segments if not part.embedded and part.text]
    if not any(part.text for part in segments):
        own = segments = found.spare
    own = _without_repeats(own)
    own_text = _joined(own)
    embedded = [part for part in segments if part.embedded]
    return Body(
        text=_joined([*own, *embedded]),
        own_text=own_text,
        is_html=bool(own) and max(own, key=lambda part: len(part.text)).is_html,
        attachments=tuple(found.attachments[:_NAMES_LIMIT]),
        calendars=tuple(found.calendars),
    )


def _joined(segments: list[_Segment]) -> str:
    return "\n\n".join(part.text for part in segments if part.text)[:BODY_LIMIT]


def _tree(fields: Fields, content: bytes) -> Part:
    """The tree of parts. Only its own fields are handed on: trace fields cost time."""
    wanted = [(name, value) for name, value in fields if name.startswith("content-")]
    kind = next((value for name, value in wanted if name == "content-type"), b"").lower()
    if kind.startswith((b"multipart/", b"message/")):
        header = b"".join(
            b"%s: %s\n" % (name.encode(), value[:_PARAMETER_LIMIT]) for name, value in wanted[:20]
        )
        return message_from_bytes(header + b"\n" + _tamed(content))
    part = Part()
    for name, value in wanted[:20]:
        part[name] = value[:_PARAMETER_LIMIT].decode("ascii", "surrogateescape")
    part.set_payload(content.decode("ascii", "surrogateescape"))
    return part


_DELIMITER = re.compile(rb"^--([^\n]{1,200}?)[ \t]*\n(?=content-)", re.IGNORECASE | re.MULTILINE)


def _guessed_tree(content: bytes) -> Part:
    """The tree by the boundary that is in the content itself; without one it is plain text."""
    found = _DELIMITER.search(content[:BODY_LIMIT])
    if found is None:
        return _tree([], content)
    boundary = found[1].strip().replace(b'"', b"")
    return _tree([("content-type", b'multipart/alternative; boundary="%s"' % boundary)], content)


_NESTED = re.compile(rb"multipart/|message/(?=rfc822|global)", re.IGNORECASE)
_CONTENT_FIELD = re.compile(
    rb"^content-(?:type|disposition)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)


def _tamed(content: bytes) -> bytes:
    """`content` within what the standard library's parser reads in linear time."""
    if content.count(b"\n") > _LINES_LIMIT:
        content = b"\n".join(content.split(b"\n", _LINES_LIMIT)[:_LINES_LIMIT])
    if content.count(b"\n--") > _DELIMITERS_LIMIT:
        content = b"\n--".join(content.split(b"\n--", _DELIMITERS_LIMIT)[:_DELIMITERS_LIMIT])
    if len(content) > 50_000:
        # its search for quoted parameters is quadratic
        content = _CONTENT_FIELD.sub(lambda field: field[0][:_PARAMETER_LIMIT], content)
    lowered = content.lower()
    if lowered.count(b"multipart/") + lowered.count(b"message/") <= _NESTING_LIMIT:
        return content
    for at, nested in enumerate(_NESTED.finditer(content)):
        if at == _NESTING_LIMIT:
            rest = _NESTED.sub(b"x-deeper/", content[nested.start() :])
            return content[: nested.start()] + rest
    return content


def _segments(part: Part, found: _Found, *, depth: int, in_report: bool) -> Iterator[_Segment]:
    kind = _kind(part)
    if part.is_multipart() and kind.startswith("multipart/"):
        report = in_report or kind == "multipart/report"
        if kind == "multipart/alternative":
            yield from _alternative(part, found, depth=depth, in_report=report)
            return
        for child in _children(part):
            yield from _segments(child, found, depth=depth + 1, in_report=report)
    elif part.is_multipart():
        if kind in ("message/rfc822", "message/global") and not in_report:
            _keep_name(part, found)
            for child in _children(part)[:1]:
                yield from _embedded(child, found, depth)
    else:
        yield from _leaf(part, kind, found)


def _alternative(part: Part, found: _Found, *, depth: int, in_report: bool) -> list[_Segment]:
    texts: list[list[_Segment]] = []
    outer = found.html_wanted
    for child in _children(part):
        texts.append(list(_segments(child, found, depth=depth + 1, in_report=in_report)))
        # making HTML readable is half the work: not done where it can't be chosen
        if sum(text.words for text in texts[-1] if not text.is_html) >= _PLENTY:
            found.html_wanted = False
    found.html_wanted = outer
    return _best(texts)


def _children(part: Part) -> list[Part]:
    payload = part.get_payload()
    return (
        [child for child in payload if isinstance(child, Part)] if isinstance(payload, list) else []
    )


def _embedded(mail: Part, found: _Found, depth: int) -> Iterator[_Segment]:
    """An attached mail, written as mail programs write what they forward."""
    inner = list(_segments(mail, found, depth=depth + 1, in_report=False))
    lines = ["---------- Forwarded message ----------"]
    for name in ("From", "Date", "Subject"):
        value = str(mail.get(name) or "")[:1000]
        lines.append(f"{name}: {decode_header(_octets(value))}")
    yield _Segment("\n".join(lines), is_html=False, embedded=True)
    for segment in inner:
        yield _Segment(segment.text, segment.is_html, embedded=True)


def _octets(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _leaf(part: Part, kind: str, found: _Found) -> Iterator[_Segment]:
    disposition = _disposition(part)
    if kind in ("text/calendar", "application/ics"):
        _keep_name(part, found)
        if len(found.calendars) < _CALENDARS_LIMIT:
            found.calendars.append(_text(part))
        return
    named = _keep_name(part, found)
    if kind == "text/html" and not found.html_wanted:
        return
    if disposition == "attachment" or not _is_text(kind) or found.texts >= _TEXTS_LIMIT:
        return
    found.texts += 1
    segment = _read_text(part, kind, found)
    if named:
        found.spare.append(segment)
    else:
        yield segment


def _is_text(kind: str) -> bool:
    if kind.startswith("text/"):
        return kind not in ("text/x-amp-html", "text/rtf", "text/css", "text/vcard",
                            "text/x-vcard", "text/directory", "text/rfc822-headers",
                            "text/csv", "text/xml")  # fmt: skip
    return "/" not in kind


_LOOKS_LIKE_HTML = re.compile(
    r"\s*<(?:!doctype html|html|head|body|div|table|p|meta)\b", re.IGNORECASE
)


def _read_text(part: Part, kind: str, found: _Found) -> _Segment:
    text = _text(part)[: found.left]
    found.left -= len(text)
    if kind in ("text/html", "application/xhtml+xml") or _LOOKS_LIKE_HTML.match(text):
        return _Segment(clean_text(html_to_text(text)).strip(), is_html=True)
    if kind in ("text/enriched", "text/richtext"):
        text = html_to_text(text.replace("<<", "&lt;").replace("\n\n", "<p>"))
    text = _without_blobs(clean_text(text), found)
    return _Segment(_LONG_GAP.sub("\n\n\n", text).strip("\n"), is_html=False)


_LONG_GAP = re.compile(r"\n{4,}")
_META_CHARSET = re.compile(rb"<meta[^<>]{1,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)


def _text(part: Part) -> str:
    data = _payload(part)
    label = _charset(part)
    if not label and (meta := _META_CHARSET.search(data[:2048])):
        label = meta[1].decode("ascii", "replace")
    return decode_bytes(data, label)[:BODY_LIMIT]


def _payload(part: Part) -> bytes:
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()[:40]
    if encoding in ("base64", "quoted-printable"):
        # both are decoded here: the standard library gives up on a base64 that was cut off
        del part["content-transfer-encoding"]
        raw = part.get_payload(decode=True)
        data = raw[: 2 * BODY_LIMIT] if isinstance(raw, bytes) else b""
        return decode_base64(data) if encoding == "base64" else decode_quoted_printable(data)
    raw = part.get_payload(decode=True)
    return raw[: 4 * BODY_LIMIT] if isinstance(raw, bytes) else b""


def _kind(part: Part) -> str:
    _shorten_parameters(part)
    try:
        return part.get_content_type()
    except (ValueError, TypeError, AttributeError, MessageError):
        return "text/plain"


def _shorten_parameters(part: Part) -> None:
    for name in ("content-type", "content-disposition"):
        value = str(part.get(name, ""))
        if len(value) > _PARAMETER_LIMIT:
            part.replace_header(name, value[:_PARAMETER_LIMIT])


def _disposition(part: Part) -> str:
    return str(part.get("content-disposition", "")).split(";", 1)[0].strip().lower()


def _charset(part: Part) -> str:
    try:
        return str(part.get_content_charset("") or "")
    except (ValueError, TypeError, AttributeError, LookupError, MessageError):
        return ""


def _keep_name(part: Part, found: _Found) -> bool:
    """Whether the part has a file name (RFC 2183, RFC 2231); it is kept in `found`."""
    try:
        name = part.get_filename() or ""
    except (ValueError, TypeError, AttributeError, LookupError, MessageError):
        name = ""
    name = decode_header(_octets(str(name)[:1000]))[:200]
    if name:
        found.attachments.append(name)
    return bool(name)


# Which of several texts

_STUB = re.compile(
    r"(?i)(?:can(?:'|\u2019)?t|cannot|can not|unable to|does(?:n.t| not)|not able to)"
    r"[\w\s]{0,30}(?:display|show|view|support|render|read)"
    r"|html[- ](?:e-?)?mail|html version|view (?:this|it|the) (?:e-?mail|message)? ?(?:in|online|as)"
    r"|keine html|html-?(?:ansicht|darstellung|format)|im browser"
    r"|format html|version html|formato html|navigat(?:eur|ore)|navegador"
)
_PLENTY = 60  # words after which a plain part is no stub, and the HTML needn't be looked at


def _best(alternatives: list[list[_Segment]]) -> list[_Segment]:
    """Of RFC 2046's alternatives the plain one, unless the HTML says a good deal more."""
    plain = [some for some in alternatives if some and not any(part.is_html for part in some)]
    rich = [some for some in alternatives if some and any(part.is_html for part in some)]
    if not plain or not rich:
        return next(iter(plain or rich), [])
    said = sum(part.words for part in plain[0])
    shown = sum(part.words for part in rich[-1])
    if shown >= 3 * said + 15:
        return rich[-1]
    text = " ".join(part.text for part in plain[0])
    if said < 60 and 2 * shown > said and _STUB.search(text[:2000]):
        return rich[-1]
    return plain[0]


def _without_repeats(segments: list[_Segment]) -> list[_Segment]:
    """Some senders put the same text as plain and as HTML side by side: once is enough."""
    if len({part.is_html for part in segments}) < 2:
        return segments
    kept: list[_Segment] = []
    seen = ""
    for part in sorted(segments, key=lambda part: part.is_html):
        squeezed = "".join(part.text.split())
        if squeezed[:400] not in seen:
            kept.append(part)
            seen += squeezed
    return [part for part in segments if part in kept]


# Files inside the text

_UUENCODED = re.compile(r"^begin(?:-base64)? [0-7]{3,4} ([^\n]{1,200})$", re.MULTILINE)
_YENC = re.compile(r"^=ybegin [^\n]{0,300}?name=([^\n]{1,200})$", re.MULTILINE)
_BASE64_LINE = re.compile(r"^[A-Za-z0-9+/]{60,76}={0,2}$", re.MULTILINE)
_PGP_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"


def _without_blobs(text: str, found: _Found) -> str:
    """Files written into the text are cut out of it: uuencode, yEnc, base64, signatures."""
    if _UUENCODED.search(text):
        text = _cut(text, _UUENCODED, re.compile(r"^(?:end|====)[ \t]*$", re.MULTILINE), found)
    if "=ybegin " in text:
        text = _cut(text, _YENC, re.compile(r"^=yend[^\n]*$", re.MULTILINE), found)
    if _PGP_SIGNATURE in text:
        text = text[: text.index(_PGP_SIGNATURE)]
    if len(_BASE64_LINE.findall(text)) >= 4:
        text = _without_base64(text)
    return text


def _cut(text: str, begin: re.Pattern[str], end: re.Pattern[str], found: _Found) -> str:
    out: list[str] = []
    at = 0
    while opening := begin.search(text, at):
        closing = end.search(text, opening.end())
        if closing is None:
            break  # no file after all: somebody's sentence, or cut off and harmless
        out.append(text[at : opening.start()])
        found.attachments.append(decode_header(opening[1])[:200])
        at = closing.end()
    out.append(text[at:])
    return "".join(out)


def _without_base64(text: str) -> str:
    lines = text.split("\n")
    is_blob = [_BASE64_LINE.match(line) is not None for line in lines]
    kept: list[str] = []
    at = 0
    while at < len(lines):
        run = at
        while run < len(lines) and is_blob[run]:
            run += 1
        if run - at >= 4:
            # the last line of a blob is shorter
            at = run + bool(run < len(lines) and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", lines[run]))
        else:
            kept += lines[at : max(run, at + 1)]
            at = max(run, at + 1)
    return "\n".join(kept)
