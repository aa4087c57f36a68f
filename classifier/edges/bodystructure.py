"""From a mail's BODYSTRUCTURE: which parts are worth fetching, and a small mail made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from classifier.edges.fetchdata import Value

TEXT_LIMIT = 262_144  # bytes of one text part, as encoded for transport
MAX_TEXTS = 24  # text parts of one mail; a mail with more is a mailing list's digest
MAX_EMBEDDED = 3  # forwarded mails whose text is read, too
MAX_DEPTH = 20

Parameters = tuple[tuple[bytes, bytes], ...]


_PARAMETER = re.compile(rb';\s*([^=\s;]+)=(?:"([^"\\]*)"|([^;\s"]+))')


class BrokenStructureError(ValueError):
    """The server's BODYSTRUCTURE makes no sense; the mail has to be read whole."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a mail, as the server describes it (RFC 3501, section 7.4.2).

    `section` is what BODY[…] wants; `kind` is the lower-case media type. A multipart has its
    parts as `children`; a message/rfc822 has the embedded mail's one root part.
    """

    section: str
    kind: str
    parameters: Parameters = ()
    content_id: bytes = b""
    encoding: bytes = b"7BIT"
    size: int = 0  # bytes as encoded; not reliable on every server
    disposition: str = ""
    disposition_parameters: Parameters = ()
    children: tuple[Part, ...] = ()

    @property
    def is_multipart(self) -> bool:
        """Whether it only holds other parts."""
        return self.kind.startswith("multipart/")


def read_structure(value: Value) -> Part:
    """The tree of parts; raises `BrokenStructureError`."""
    try:
        return _read_root(value, "", 0)
    except (TypeError, IndexError, AttributeError) as error:
        raise BrokenStructureError(str(error)) from None


def _read_root(value: Value, prefix: str, depth: int) -> Part:
    """The root of a mail: a single part has the section 1, a multipart none of its own."""
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return _read_part(value, prefix, depth)
    return _read_part(value, f"{prefix}.1" if prefix else "1", depth)


def _read_part(value: Value, section: str, depth: int) -> Part:
    if not isinstance(value, tuple) or not value:
        raise BrokenStructureError("a part that is no list")
    if depth > MAX_DEPTH:
        raise BrokenStructureError("parts nested too deeply")
    if isinstance(value[0], tuple):
        return _read_multipart(value, section, depth)
    return _read_single(value, section, depth)


def _read_multipart(value: tuple[Value, ...], section: str, depth: int) -> Part:
    count = next((n for n, item in enumerate(value) if not isinstance(item, tuple)), len(value))
    prefix = f"{section}." if section else ""
    parts = tuple(
        _read_part(item, f"{prefix}{number}", depth + 1)
        for number, item in enumerate(value[:count], start=1)
    )
    extension = value[count:]
    disposition, more = _disposition(_at(extension, 2))
    return Part(
        section=section,
        kind=f"multipart/{_text(extension[0]).lower()}",
        parameters=_pairs(_at(extension, 1)),
        disposition=disposition,
        disposition_parameters=more,
        children=parts,
    )


def _read_single(value: tuple[Value, ...], section: str, depth: int) -> Part:
    kind = f"{_text(value[0])}/{_text(value[1])}".lower()
    rest = 7  # what follows the seven fields that every single part has
    children: tuple[Part, ...] = ()
    if kind.startswith("text/") and isinstance(_at(value, 7), int):
        rest = 8
    elif kind == "message/rfc822" and isinstance(_at(value, 8), tuple):
        children = (_read_root(value[8], section, depth + 1),)
        rest = 10
    disposition, more = _disposition(_at(value, rest + 1))
    size = value[6]
    return Part(
        section=section,
        kind=kind,
        parameters=_pairs(value[2]),
        content_id=_bytes(value[3]),
        encoding=_bytes(value[5]).strip() or b"7BIT",
        size=size if isinstance(size, int) else 0,
        disposition=disposition,
        disposition_parameters=more,
        children=children,
    )


def _at(value: tuple[Value, ...], index: int) -> Value:
    return value[index] if index < len(value) else None


def _text(value: Value) -> str:
    if not isinstance(value, bytes) or not value:
        raise BrokenStructureError("a media type that is no word")
    return value.decode("ascii", "replace").strip()


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        return str(value).encode()
    return value if isinstance(value, bytes) else b""


def _pairs(value: Value) -> Parameters:
    if not isinstance(value, tuple):
        return ()
    return tuple(
        (_bytes(name).lower(), _bytes(item))
        for name, item in zip(value[::2], value[1::2], strict=False)
    )


def _disposition(value: Value) -> tuple[str, Parameters]:
    """`("attachment" ("filename" "a.pdf"))`; some servers send the bare word.

    pymap 0.36 sends the whole field in its place: `"attachment; filename=a.pdf"`.
    """
    if isinstance(value, tuple) and value:
        return _word(_bytes(value[0])), _pairs(_at(value, 1))
    field = _bytes(value)
    found = _PARAMETER.findall(field)
    return _word(field), tuple((name.lower(), quoted or bare) for name, quoted, bare in found)


def _word(field: bytes) -> str:
    return field.partition(b";")[0].decode("ascii", "replace").strip().lower()


# Which parts to fetch


def sections_to_fetch(root: Part) -> tuple[str, ...]:
    """The sections of the readable parts, in order; `2.HEADER` where a mail is embedded."""
    return tuple(part.section if part.children == () else f"{part.section}.HEADER"
                 for part in _worth_reading(root))  # fmt: skip


def bytes_to_fetch(root: Part) -> int:
    """At most about so many bytes come for `sections_to_fetch`."""
    return sum(min(part.size, TEXT_LIMIT) for part in _worth_reading(root))


def _worth_reading(root: Part) -> list[Part]:
    """Text parts that are shown, and the embedded mails that hold some, within the limits."""
    found: list[Part] = []
    texts = embedded = 0
    for part in _shown(root, in_report=False, nested=False):
        if part.children:
            embedded += 1
        else:
            texts += 1
        if texts > MAX_TEXTS or embedded > MAX_EMBEDDED:
            break
        found.append(part)
    return found


def _shown(part: Part, *, in_report: bool, nested: bool) -> Iterator[Part]:
    if part.is_multipart:
        # A report (RFC 6522) returns our own mail to us: nobody wrote that part.
        report = in_report or part.kind == "multipart/report"
        for child in part.children:
            yield from _shown(child, in_report=report, nested=nested)
    elif part.kind == "message/rfc822":
        if part.children and not in_report and not nested:
            yield part
            yield from _shown(part.children[0], in_report=False, nested=True)
    elif _is_readable(part):
        yield part


def _is_readable(part: Part) -> bool:
    if part.kind in ("text/calendar", "application/ics"):
        return True  # also as an attachment: that is how many systems send invitations
    return part.kind in ("text/plain", "text/html") and part.disposition != "attachment"


# The small mail

# Fields that say nothing about the mail's meaning but are long: half of a typical header.
_DROPPED_FIELD = re.compile(
    rb"""(?mix)
    ^(?: content-[!-9;-~]* | mime-version | received | received-spf | x-received
       | (?:x-google-)?dkim-signature | domainkey-signature | arc-[!-9;-~]*
       | authentication-results | authentication-results-original | autocrypt | (?:x-)?face
       | x-ms-[!-9;-~]* | x-microsoft-[!-9;-~]* | x-forefront-[!-9;-~]*
       | x-exchange-[!-9;-~]* | x-gm-[!-9;-~]* | x-google-[!-9;-~]* | x-spam-[!-9;-~]*
       | x-ironport-[!-9;-~]* | x-proofpoint-[!-9;-~]* | x-mimecast-[!-9;-~]*
       | x-[!-9;-~]*(?:antispam|anti-spam|antivirus)[!-9;-~]*
       | x-sg-eid | x-sg-id | x-ses-[!-9;-~]* | x-feedback-id | feedback-id
       | x-yahoo-newman-[!-9;-~]* | x-ymail-[!-9;-~]* | x-sonic-[!-9;-~]* | x-hs-[!-9;-~]*
      )[ \t]*:.*\n?(?:[ \t].*\n?)*
    """
)
_NEEDS_QUOTES = re.compile(rb"[^!#$%&'*+\-.0-9A-Z^_`a-z{|}~]")
_HEADER_KIND = re.compile(rb"(?im)^content-type[ \t]*:\s*([a-z]+)/")
_CUT_ESCAPE = re.compile(rb"=[0-9A-Fa-f]?\Z")


def disagrees(header: bytes, root: Part) -> bool:
    """Whether the mail's own header says multipart and the server's structure doesn't, or so."""
    said = _HEADER_KIND.search(header)
    return said is not None and (said[1].lower() == b"multipart") != root.is_multipart


def misnumbered(root: Part, contents: Mapping[str, bytes]) -> bool:
    """Whether a part holds a line between parts: then the server gave us another part.

    pymap 0.36 does so inside of embedded mails: its 2.1 is what RFC 3501 calls 2.TEXT.
    """
    between = [b"\n--" + boundary for boundary in _boundaries(root)]
    return any(line in content for line in between for content in contents.values())


def _boundaries(part: Part) -> Iterator[bytes]:
    yield from (value for name, value in part.parameters if name == b"boundary" and value)
    for child in part.children:
        yield from _boundaries(child)


def reduced_message(header: bytes, root: Part, contents: Mapping[str, bytes]) -> bytes:
    """A well-formed mail (RFC 5322, RFC 2045) of the header and the parts that were fetched.

    Attachments stay as empty parts, so that their names can still be told. `contents` has the
    bytes of `sections_to_fetch`, as encoded for transport.
    """
    wanted = {part.section for part in _worth_reading(root)}
    out = [_trimmed_header(header), b"MIME-Version: 1.0\r\n"]
    _write_part(out, root, contents, wanted, _boundary(contents))
    return b"".join(out)


def _trimmed_header(header: bytes) -> bytes:
    kept = _DROPPED_FIELD.sub(b"", header).strip(b"\r\n")
    return kept + b"\r\n" if kept else b""


def _boundary(contents: Mapping[str, bytes]) -> bytes:
    boundary = b"=_reduced"
    while any(boundary in content for content in contents.values()):
        boundary += b"_"
    return boundary


def _write_part(
    out: list[bytes], part: Part, contents: Mapping[str, bytes], wanted: set[str], boundary: bytes
) -> None:
    if part.is_multipart:
        # Each level needs a boundary that is no prefix of another's.
        own = boundary + part.section.replace(".", "-").encode() + b"="
        out += (_content_type(part, ((b"boundary", own),)), b"\r\n")
        for child in part.children:
            out += (b"\r\n--", own, b"\r\n")
            _write_part(out, child, contents, wanted, boundary)
        out += (b"\r\n--", own, b"--\r\n")
    elif part.children and part.section in wanted:
        out += (_content_type(part), b"\r\n")
        out.append(_trimmed_header(contents.get(f"{part.section}.HEADER", b"")))
        out.append(b"MIME-Version: 1.0\r\n")
        _write_part(out, part.children[0], contents, wanted, boundary)
    else:
        _write_leaf(out, part, contents.get(part.section))


def _write_leaf(out: list[bytes], part: Part, content: bytes | None) -> None:
    out.append(_content_type(part))
    if content is not None and not part.children:
        encoding = part.encoding.translate(None, b"\r\n")
        out += (b"Content-Transfer-Encoding: ", encoding, b"\r\n\r\n", _mended(content, encoding))
    else:
        out.append(b"\r\n")


def _content_type(part: Part, instead: Parameters = ()) -> bytes:
    kind = part.kind
    if kind.startswith("message/") and not part.children:
        kind = "application/octet-stream"  # its content is not here: nothing to parse
    replaced = {name for name, _ in instead} | {b"boundary"}
    kept = tuple(pair for pair in part.parameters if pair[0] not in replaced)
    lines = b"Content-Type: " + _field(kind.encode(), kept + instead)
    if part.disposition:
        value = _field(part.disposition.encode(), part.disposition_parameters)
        lines += b"Content-Disposition: " + value
    if part.content_id:
        lines += b"Content-ID: " + part.content_id.translate(None, b"\r\n") + b"\r\n"
    return lines


def _field(value: bytes, parameters: Parameters) -> bytes:
    out = [value.translate(None, b"\r\n")]
    for name, text in parameters:
        clean = text.translate(None, b"\r\n\0")
        # RFC 2231's extended values (name*=utf-8''…) are tokens and must not be quoted.
        if not name.endswith(b"*") and (_NEEDS_QUOTES.search(clean) or not clean):
            clean = b'"' + clean.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        out.append(name.translate(None, b"\r\n\0 ;=") + b"=" + clean)
    return b";\r\n ".join(out) + b"\r\n"


def _mended(content: bytes, encoding: bytes) -> bytes:
    """A part that was cut at the limit, shortened to where it can still be decoded."""
    if len(content) < TEXT_LIMIT:
        return content
    encoding = encoding.lower()
    if encoding == b"base64":
        excess = len(content.translate(None, b"\r\n\t ")) % 4
        for _ in range(excess):
            content = content.rstrip()[:-1]
    elif encoding == b"quoted-printable":
        content = _CUT_ESCAPE.sub(b"", content)
    return content
