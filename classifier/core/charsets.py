"""Bytes of whatever charset label, true or not, become clean text."""

from __future__ import annotations

import codecs
import re
from binascii import Error as BadBase64
from binascii import a2b_base64, a2b_qp

# A narrow label on wider bytes is the commonest lie of mail; these are what is really meant.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "iso2022_jp": "iso2022_jp_ext",
}
_OTHER_NAMES = {
    "ks_c_5601-1987": "cp949",
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "iso-8859-8-i": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "x-mac-roman": "mac-roman",
}
# Labels that senders write for "no idea": the bytes themselves are asked.
_GUESSED = frozenset(["ascii", "iso8859-1", "cp1252"])
# Text codecs that no mail is written in; punycode and idna take quadratic time on hostile bytes.
_NEVER = frozenset(
    ["punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs"]
)
_BAD_SHARE = 0.02  # of undecodable characters up to which a label is still believed

_ENCODED_WORD = re.compile(
    r"=\?([^?\s=]{1,60})\?([bBqQ])\?(.{0,2000}?)(?:\?=|\Z)", re.DOTALL
)  # RFC 2047 section 2, and broken: spaces inside, the end cut off
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")

# Direction marks, zero-width signs and fillers: nobody reads them, tricksters write them.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_WIDE = re.compile("[\x80-\U0010ffff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ODD_SPACE = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def decode_bytes(data: bytes, label: str = "") -> str:
    """Text of `data`: by its label where that works, else by what the bytes look like."""
    if data.isascii() and not (label and _may_hide_text_in_ascii(label)):
        return data.decode("ascii")
    codec = _codec(label)
    if codec and codec not in _GUESSED:
        text = _believed(data, codec)
        if text is not None:
            return text
    return _guessed(data)


def _may_hide_text_in_ascii(label: str) -> bool:
    lowered = label.lower()
    return "2022" in lowered or "utf-7" in lowered or "utf-16" in lowered or "hz" in lowered


def _codec(label: str) -> str:
    """The codec's own name, or "" for a label that means nothing."""
    cleaned = label.strip(" \t\r\n\"'<>.;").lower()[:60]
    try:
        name = codecs.lookup(_OTHER_NAMES.get(cleaned, cleaned)).name
    except (LookupError, ValueError, UnicodeError):
        return ""
    return "" if name in _NEVER else _WIDER.get(name, name)


def _believed(data: bytes, codec: str) -> str | None:
    try:
        text = data.decode(codec, "replace")
    except (LookupError, UnicodeError, ValueError):
        return None
    if text.count("\ufffd") > 1 + _BAD_SHARE * len(text):
        return None
    return text


def _guessed(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # cut off inside the last character, or a stray byte in an otherwise good text
        text = data.decode("utf-8", "replace")
        bad = text.count("\ufffd")
        wide = len(_WIDE.findall(text)) - bad
        if wide > 10 * bad or (wide and "unexpected end" in error.reason):
            return text
    return data.decode("cp1252", "replace").replace("\ufffd", "")


def decode_base64(data: bytes) -> bytes:
    """Base64 (RFC 2045 section 6.8) as mail programs read it: cut off, spaced, unpadded."""
    try:
        return a2b_base64(data)
    except BadBase64:
        signs = _NOT_BASE64.sub(b"", data)
        signs = signs[: len(signs) - 1] if len(signs) % 4 == 1 else signs
        return a2b_base64(signs + b"=" * (-len(signs) % 4))


def decode_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable of RFC 2045 section 6.7."""
    return a2b_qp(data)


def decode_header(raw: bytes | str) -> str:
    """The readable text of one unstructured header value (RFC 2047, broken ones too)."""
    text = decode_bytes(raw) if isinstance(raw, bytes) else raw
    if "=?" in text:
        text = _decode_words(text)
    return " ".join(clean_text(text).split())


def _decode_words(text: str) -> str:
    out: list[str] = []
    end = 0
    run, label = b"", ""  # neighbouring words of one charset: a character may be split over them
    for word in _ENCODED_WORD.finditer(text):
        between = text[end : word.start()]
        if between.strip() or word[1].lower() != label:
            out.append(decode_bytes(run, label))
            # RFC 2047 section 6.2: white space between two encoded words isn't shown
            out.append(between if between.strip() or not end else "")
            run = b""
        label = word[1].lower()
        run += _word_bytes(word[2], word[3])
        end = word.end()
    out += (decode_bytes(run, label), text[end:])
    return "".join(out)


def _word_bytes(encoding: str, content: str) -> bytes:
    data = content.encode("utf-8", "surrogateescape")
    if encoding in "bB":
        return decode_base64(data)
    return a2b_qp(data.replace(b"_", b" ").replace(b"\n", b""))


def clean_text(text: str) -> str:
    """LF line ends, plain spaces, no control, direction or zero-width characters."""
    if not text.isascii():
        text = _ODD_SPACE.sub(" ", INVISIBLE.sub("", text))
    return _CONTROL.sub("", _LINE_END.sub("\n", text))
