"""HTML becomes the text that a person would have read in their mail program."""

from __future__ import annotations

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from classifier.core.charsets import INVISIBLE

HTML_LIMIT = 256 * 1024  # characters of markup that are read

# lexbor's time grows with the square of the open elements: 50,000 nested <div> took 3.9 s,
# 2,000 unclosed <font> between paragraphs made 42 MB of tree out of 30 kB. Beyond these
# numbers, which no mail of the test mailboxes comes near, the linear stripper reads the page.
_TAGS_ALWAYS_SAFE = 800
_DEEPEST = 400
_MOST_REOPENED = 100_000

_REMOVED = ["script", "style", "head", "title", "template", "noscript", "iframe", "noembed",
            "noframes", "xmp", "plaintext", "object", "svg", "math", "select", "textarea"]  # fmt: skip
_FORMATTING = frozenset(
    [
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    ]
)  # https://html.spec.whatwg.org/#formatting
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
_LINE = frozenset(
    [
        "address",
        "article",
        "aside",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "option",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
_PARAGRAPH = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"])
_CELL = frozenset(["td", "th"])

# Markers in the flow of text; they can't come from the mail, whose control characters go first.
_QUOTE_OPENS, _QUOTE_CLOSES, _INDENT_OPENS, _PRE_BREAK = "\x01", "\x02", "\x04", "\x03"
_MARKERS = re.compile(r"[\x01\x02\x04]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")

_SEPARATORS = (
    {slash + name: "\n" for name in _LINE for slash in ("", "/")}
    | {slash + name: "\n\n" for name in _PARAGRAPH for slash in ("", "/")}
    | {slash + name: " " for name in _CELL for slash in ("", "/")}
    | {
        "li": "\n- ",
        "/li": "",
        "blockquote": f"\n{_INDENT_OPENS}\n",
        "/blockquote": f"\n{_QUOTE_CLOSES}\n",
    }
)


# The serialised tree is well formed: every tag is closed, every value is in double quotes.
_CLEAN_TAG = re.compile(
    r'<(?:!--.*?--!?|![^>]*|(/?[a-zA-Z][^\s>/]*)([^>"]*(?:"[^"]*"[^>"]*)*))>', re.DOTALL
)
# Raw markup: a tag ends at the next angle bracket, whatever the quotes say; this keeps it linear.
_RAW_TAG = re.compile(r"<(/?[a-zA-Z][^\s<>/]*)([^<>]*)>?")
_TAG_NAME = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_COMMENT_END = re.compile(r"--!?>")

# `mso-hide` alone is not here: it hides from Outlook the button that everybody else sees.
# Each begins with a literal: that is what makes the search fast.
_HARD_HIDING = tuple(
    re.compile(pattern)
    for pattern in (
        r"display\s*:\s*none",
        r"visibility\s*:\s*(?:hidden|collapse)",
        r"opacity\s*:\s*0?(?:\.0+)?(?![\d.])",
        r"max-height\s*:\s*0(?![\d.])",
        r"max-width\s*:\s*0(?![\d.])",
    )
)
_TINY_FONT = re.compile(r"font-size\s*:\s*[01](?:px|pt|em|%)?\s*(?![\d.a-z%])")
_READABLE_FONT = re.compile(
    r"font(?:-size)?\s*:[^;]*?\b(?:[2-9]|[1-9]\d+)(?:\.\d+)?(?:px|pt|em|%)", re.IGNORECASE
)
_MAYBE_HIDDEN = ",".join(
    f'[style*="{word}" i]'
    for word in ("display", "visibility", "opacity", "max-", "font-size:0", "font-size: 0",
                 "font-size:1px", "font-size: 1px")
)  # fmt: skip
_PREHEADER = re.compile(r"pre-?header|pre-?view", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_CLASS_SELECTOR = re.compile(r"[a-z]*[.#][A-Za-z_][\w-]*\Z")
_STYLE_BLOCK = re.compile(r"<style[^<>]*>(.{0,60000}?)</style", re.IGNORECASE | re.DOTALL)

_HREF = re.compile(r'href\s*=\s*["\']?([^"\'\s>]+)', re.IGNORECASE)
_ALT = re.compile(r'\balt\s*=\s*"([^"]{1,200})"', re.IGNORECASE)
_CITED = re.compile(r'gmail_quote|type\s*=\s*["\']?cite|yahoo_quoted|moz-cite', re.IGNORECASE)
# Where a conversation takes place or is booked: here the address is the message.
_MEETING = re.compile(
    r"^https?://[^/]*(?:zoom\.us|meet\.google\.|teams\.(?:microsoft|live)\.|webex\.|whereby\.|calendly\."
    r"|savvycal\.|cal\.com|youcanbook|doodle\.|goodtime\.|modernloop|hirevue\.|sparkhire\.|willo\."
    r"|chime\.aws|skype\.|gotomeet|jitsi|bookings\.|outlook\.office(?:365)?\.com/(?:bookwithme|owa))",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_RAW_ENDS = tuple(
    (name, re.compile(f"</{name}[^<>]*>?", re.IGNORECASE)) for name in ("script", "style", "title")
)

# Fillers of preheaders and soft hyphens: they vanish, so that a word with one stays one word.

_RUN_OF_BREAKS = re.compile(r"\n{3,}")


def html_to_text(markup: str) -> str:
    """The visible text of a page, LF line ends, paragraphs parted by one empty line.

    Hidden nodes (preheaders above all), scripts and styles are left out, cited quotes get
    "> " before each line. A link is its text; its address follows as " <url>" where the
    text has no word or where it leads to a conversation or its booking: anything else is
    tracking, which the model masks and people don't read. Only `HTML_LIMIT` characters
    are read. Never raises.
    """
    markup = _CONTROL.sub("", markup[:HTML_LIMIT])
    try:
        if _is_tame(markup):
            return _with_lexbor(markup)
    except (SelectolaxError, ValueError, RuntimeError):
        pass  # a page that lexbor refuses is still read, only less well
    return _as_text(_without_raw_parts(markup), _RAW_TAG)


def _is_tame(markup: str) -> bool:
    """Whether the tree stays small: one linear pass over the tags."""
    tags = _TAG_NAME.findall(markup)
    if len(tags) <= _TAGS_ALWAYS_SAFE:
        return True
    depth = deepest = formatting = reopened = 0
    for slash, spelt in tags:
        name = spelt.lower()
        if name in _VOID:
            continue
        step = -1 if slash else 1
        if name in _FORMATTING:
            formatting = max(0, formatting + step)
        elif step > 0:
            reopened += formatting
        depth = max(0, depth + step)
        deepest = max(deepest, depth)
        # <p> and <li> are often left open; the parser closes them by itself
        if name in ("p", "li", "option") and step > 0:
            depth -= 1
    return deepest <= _DEEPEST and reopened <= _MOST_REOPENED


def _with_lexbor(markup: str) -> str:
    hidden_classes = _hidden_selectors(markup)
    tree = LexborHTMLParser(markup)
    tree.strip_tags(_REMOVED, recursive=True)
    whole = tree.html or ""
    if hidden_classes or _may_hide(whole.lower()):
        _remove_hidden(tree, hidden_classes)
        text = _as_text(tree.html or "", _CLEAN_TAG)
        if _WORD.search(text):
            return text
    return _as_text(whole, _CLEAN_TAG)


def _may_hide(page: str) -> bool:
    return " hidden" in page or "aria-hidden" in page or _hides(page)


def _hides(style: str) -> bool:
    return _is_hard_hidden(style) or _TINY_FONT.search(style) is not None


def _is_hard_hidden(style: str) -> bool:
    return any(pattern.search(style) for pattern in _HARD_HIDING)


def _hidden_selectors(markup: str) -> frozenset[str]:
    """Class and id selectors that a style sheet hides for every reader (not inside @media)."""
    found: set[str] = set()
    for sheet in _STYLE_BLOCK.findall(markup)[:5]:
        if not _is_hard_hidden(sheet.lower()):
            continue
        for selectors, rules in _RULE.findall(_without_at_rules(sheet)):
            if _is_hard_hidden(rules.lower()):
                names = (name.strip() for name in selectors.split(","))
                found.update(name for name in names if _CLASS_SELECTOR.match(name))
    return frozenset(list(found)[:20])


def _without_at_rules(sheet: str) -> str:
    """`@media` blocks hide on a phone what a desktop shows: nobody may take them for hidden."""
    kept, depth, position = [], 0, 0
    skipping = False
    for brace in re.finditer(r"[{}]", sheet):
        if brace[0] == "{":
            if depth == 0 and "@" in sheet[position : brace.start()]:
                skipping = True
            depth += 1
            continue
        depth = max(0, depth - 1)
        if depth == 0:
            if not skipping:
                kept.append(sheet[position : brace.end()])
            position, skipping = brace.end(), False
    return "".join(kept)


def _remove_hidden(tree: LexborHTMLParser, selectors: frozenset[str]) -> None:
    for node in tree.css(_MAYBE_HIDDEN):
        style = (node.attributes.get("style") or "").lower()
        if _hides(style) and not _is_gap_filler(style, node.html or ""):
            node.decompose()
    for node in tree.css("[hidden]"):
        node.decompose()
    for node in tree.css("[aria-hidden=true]"):
        if _PREHEADER.search(f"{node.attributes.get('class')} {node.attributes.get('id')}"):
            node.decompose()
    for selector in selectors:
        for node in tree.css(selector):
            node.decompose()


def _is_gap_filler(style: str, markup: str) -> bool:
    """`font-size:0` on a container only closes gaps when a child sets a size again."""
    if _is_hard_hidden(style):
        return False
    inside = markup[markup.find(">") + 1 :]
    return bool(_READABLE_FONT.search(inside[:20_000]))


def _as_text(markup: str, tag: re.Pattern[str]) -> str:
    if "<pre" in markup or "<PRE" in markup:
        markup = _keep_pre_breaks(markup)
    pieces = tag.split(" ".join(markup.split()))
    out = [pieces[0]]
    link, link_from = "", 0
    for at in range(1, len(pieces) - 2, 3):
        name = (pieces[at] or "").lower()  # "": a comment
        if name == "a":
            found = _HREF.search(pieces[at + 1])
            link, link_from = (found[1] if found else ""), len(out)
        elif link and name == "/a":
            out.append(_shown_address(link, out[link_from:]))
            link = ""
        elif link and name == "img":
            if alt := _ALT.search(pieces[at + 1]):
                out.append(f" {alt[1]} ")
        elif name == "blockquote" and _CITED.search(pieces[at + 1]):
            out.append(f"\n{_QUOTE_OPENS}\n")
        elif name in _SEPARATORS:
            out.append(_SEPARATORS[name])
        out.append(pieces[at + 2])
    return _tidied("".join(out))


def _shown_address(link: str, shown: list[str]) -> str:
    address = unescape(link)
    if not address.lower().startswith(("http://", "https://")):
        return ""
    text = unescape("".join(shown))
    if address in text or (_WORD.search(text) and not _MEETING.match(address)):
        return ""
    return f" &lt;{link}&gt;"


def _keep_pre_breaks(markup: str) -> str:
    pieces = re.split(r"(</?pre[^<>]*>)", markup, flags=re.IGNORECASE)
    inside = False
    for at, piece in enumerate(pieces):
        if at % 2:
            inside = not piece.startswith("</")
        elif inside:
            pieces[at] = piece.replace("\r", "").replace("\n", _PRE_BREAK)
    return "".join(pieces)


def _tidied(text: str) -> str:
    text = unescape(text).replace(_PRE_BREAK, "\n")
    if not text.isascii():
        text = INVISIBLE.sub("", text)
    if _QUOTE_OPENS in text:
        text = _with_quote_marks(text)
    text = _MARKERS.sub("", text)
    # str.split knows every kind of space, the no-break ones too, and is faster than a pattern
    text = "\n".join([" ".join(line.split()) for line in text.split("\n")])
    return _RUN_OF_BREAKS.sub("\n\n", text).strip()


def _with_quote_marks(text: str) -> str:
    """ "> " once per level before the lines of cited blocks, as in plain-text mail."""
    lines, depth = [], [False]
    for line in text.split("\n"):
        bare = line.strip()
        if bare == _QUOTE_OPENS:
            depth.append(True)
        elif bare == _INDENT_OPENS:
            depth.append(False)
            lines.append("")
        elif bare == _QUOTE_CLOSES:
            if len(depth) > 1:
                depth.pop()
        else:
            marks = min(sum(depth[:20]), 9)
            lines.append(">" * marks + " " + bare if marks else line)
    return "\n".join(lines)


def _without_raw_parts(markup: str) -> str:
    """Comments, scripts and styles cut out of raw markup, in one pass."""
    out, position = [], 0
    while True:
        start = markup.find("<", position)
        if start < 0:
            break
        end = _raw_part_end(markup, start)
        if end is None:
            out.append(markup[position : start + 1])
            position = start + 1
        else:
            out.append(markup[position:start])
            position = end
    out.append(markup[position:])
    return "".join(out)


def _raw_part_end(markup: str, start: int) -> int | None:
    if markup.startswith("<!--", start):
        end = _COMMENT_END.search(markup, start + 4)
        return end.end() if end else len(markup)
    if markup.startswith("<!", start) or markup.startswith("<?", start):
        at = markup.find(">", start)
        return at + 1 if at >= 0 else len(markup)
    opening = markup[start + 1 : start + 8].lower()
    for name, closing in _RAW_ENDS:
        if opening.startswith(name) and not opening[len(name) : len(name) + 1].isalnum():
            end = closing.search(markup, start)
            return end.end() if end else len(markup)
    return None
