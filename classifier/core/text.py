"""The words that the sender newly wrote, told apart from quotes, signature and footer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Parts:
    """A body taken apart; every word of it is in exactly one part, in its order."""

    fresh: str
    quoted: str
    signature: str
    footer: str


class _Kind(Enum):
    FRESH = "fresh"
    QUOTED = "quoted"
    SIGNATURE = "signature"
    FOOTER = "footer"


# Our own rather than mail-parser-reply: patterns of one line each keep the time linear on
# hostile text, and every word must land in exactly one part.

_LINE_LIMIT = 400  # characters of a line that are looked at


def split_body(body: str) -> Parts:
    """Take `body` apart: new words, quotes, signature, footer. Linear time, any text.

    When in doubt a line is fresh. Of a mail that is little more than a forward the
    forwarded text is the fresh one. What is cut off a mail that then says nothing at all
    is taken back.
    """
    lines = body.split("\n")
    # The patterns below are all in lower case: without IGNORECASE they take a third of the time.
    lowered = body.lower().split("\n")
    kinds = [_Kind.FRESH] * len(lines)
    _mark_quotes(lowered, kinds, 0, forwards=3)
    for start, end in _runs(kinds, _Kind.FRESH):
        _mark_tail(lowered, kinds, start, end)
    if not _says_something(lowered, kinds):
        _take_back(lowered, kinds)
    gathered = {
        kind: "\n".join(line for line, its in zip(lines, kinds, strict=True) if its is kind)
        for kind in _Kind
    }
    return Parts(
        fresh=gathered[_Kind.FRESH].strip(),
        quoted=gathered[_Kind.QUOTED].strip("\n"),
        signature=gathered[_Kind.SIGNATURE].strip("\n"),
        footer=gathered[_Kind.FOOTER].strip("\n"),
    )


def _runs(kinds: list[_Kind], kind: _Kind) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    start = -1
    for at, its in enumerate(kinds):
        if its is kind and start < 0:
            start = at
        elif its is not kind and start >= 0:
            runs.append((start, at))
            start = -1
    if start >= 0:
        runs.append((start, len(kinds)))
    return runs


_LETTERS = re.compile(r"[^\W\d_]")


def _says_something(lines: list[str], kinds: list[_Kind]) -> bool:
    fresh = (line for line, kind in zip(lines, kinds, strict=True) if kind is _Kind.FRESH)
    return any(_LETTERS.search(line) for line in fresh)


def _take_back(lines: list[str], kinds: list[_Kind]) -> None:
    """Nothing fresh is left: then the quote is what was sent, else whatever there is."""
    for kind in (_Kind.QUOTED, _Kind.FOOTER, _Kind.SIGNATURE):
        found = False
        for at, its in enumerate(kinds):
            if its is kind and not (kind is _Kind.QUOTED and _is_heading(lines[at])):
                kinds[at] = _Kind.FRESH
                found = found or bool(_LETTERS.search(lines[at]))
        if found:
            return


# Quotes

_QUOTE_MARK = re.compile(r"[ \t]{0,3}>")
_WROTE = re.compile(
    r"(?:wrote|writes|schrieb(?: .{0,80})?|geschrieben|a [ée]crit|escribi[óo]|escreveu|schreef(?: .{0,80})?"
    r"|ha scritto|skrev(?: .{0,80})?|napisa[łl]\(?a?\)?|kirjoitti)\s?:?[\s*_]*$"
)
_ATTRIBUTION_START = re.compile(
    r"[\s*_\"]*(?:on|am|le|el|op|il|em|den|le|em|w dniu|dnia|\d{1,4}[-./]|mon|tue|wed|thu|fri|sat|sun"
    r"|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven)\b"
)
_SEPARATOR = re.compile(
    r"[\s>]*[-_—–]{2,}\s*(?:original (?:message|appointment|email)|urspr(?:ü|ue)ngliche (?:nachricht|e-?mail)"
    r"|original-?nachricht|message d['’]origine|message original|mensaje original|mensagem original"
    r"|oorspronkelijk bericht|messaggio originale|reply message|antwort(?:nachricht)?)\s*[-_—–]{2,}\s*$"
)
_FORWARD = re.compile(
    r"[\s>]*(?:[-_—–]{2,}\s*(?:forwarded (?:message|by|mail)|weitergeleitete (?:nachricht|mail|e-?mail)"
    r"|message transf[ée]r[ée]|mensaje reenviado|mensagem encaminhada|doorgestuurd bericht"
    r"|messaggio inoltrato|fwd?)\b.{0,80}"
    r"|begin forwarded message\s*:?|anfang der weitergeleiteten (?:nachricht|e-?mail)\s*:?"
    r"|d[ée]but du message (?:transf[ée]r[ée]|r[ée]exp[ée]di[ée])\s*:?|inicio del mensaje reenviado\s*:?"
    r"|begin doorgestuurd bericht\s*:?|inizio messaggio inoltrato\s*:?|in[ií]cio da mensagem reencaminhada\s*:?)\s*$"
)
_FROM = re.compile(r"[\s>*|]*(?:from|von|de|van|da|från|fra|od)\s*:?\*?\s*:\*?\s*\S")
_HEADING = re.compile(
    r"[\s>*|]*(?:from|sent|date|to|cc|bcc|subject|reply-to|importance|attachments"
    r"|von|gesendet|datum|an|kopie|betreff|antwort an"
    r"|de|envoy[ée](?: le)?|date|[àa]|objet|r[ée]pondre [àa]"
    r"|enviado(?: el| em)?|fecha|para|asunto|assunto|data"
    r"|van|verzonden|aan|onderwerp"
    r"|da|inviato|a|oggetto)\s*\*?\s*:"
)
_HEADING_NOT_FROM = re.compile(
    r"[\s>*|]*(?:sent|date|subject|gesendet|datum|betreff|envoy[ée](?: le)?|objet|enviado(?: el| em)?"
    r"|fecha|asunto|assunto|verzonden|onderwerp|inviato|oggetto|data)\s*\*?\s*:"
)
_RULE = re.compile(r"[\s>]*(?:[_]{5,}|[-]{10,}|[=]{10,})\s*$")
_NOTE = re.compile(
    r"^\W*(?:fyi|fwd?|tr|wg|zk|zur info(?:rmation)?|z\. ?k\.|see below|siehe unten|pour info|ver abajo)\W*$"
)

_LITTLE = 25  # words above a forward up to which the forward is the message


def _mark_quotes(lines: list[str], kinds: list[_Kind], first: int, *, forwards: int) -> None:
    """Mark what is quoted from line `first` on; of a mere forward only its heading."""
    at = first
    quotes = False  # whether something was quoted above: then a single ">" line is a quote too
    while at < len(lines):
        line = lines[at][:_LINE_LIMIT]
        if _QUOTE_MARK.match(line):
            end = _marked_end(lines, at)
            if quotes or end - at > 1:
                _mark(kinds, at, end, _Kind.QUOTED)
                quotes = True
            at = end
        elif _FORWARD.match(line):
            end = _heading_end(lines, at + 1)
            _mark(kinds, at, end, _Kind.QUOTED)
            if forwards and _words_above(lines, kinds, first, at, _LITTLE + 1) <= _LITTLE:
                # Apple Mail writes ">" before what it forwards
                end = _marked_end(lines, _next_said(lines, end))
                at, first, forwards = end, end, forwards - 1
            else:
                _mark(kinds, end, len(lines), _Kind.QUOTED)
                return
        elif _SEPARATOR.match(line) or _begins_heading(lines, at):
            start = _with_rule_above(lines, first, at)
            bare = bool(forwards) and _is_bare(lines, kinds, first, start)
            end = _heading_end(lines, at if not _SEPARATOR.match(line) else at + 1)
            if not bare:
                _mark(kinds, start, len(lines), _Kind.QUOTED)
                return
            _mark(kinds, start, end, _Kind.QUOTED)
            at, first, forwards = max(end, at + 1), max(end, at + 1), forwards - 1
        elif end := _attribution_end(lines, at):
            _mark(kinds, at, end, _Kind.QUOTED)
            following = _next_said(lines, end)
            if following < len(lines) and _QUOTE_MARK.match(lines[following]):
                at, quotes = end, True
            else:
                _mark(kinds, end, len(lines), _Kind.QUOTED)
                return
        else:
            at += 1


def _mark(kinds: list[_Kind], start: int, end: int, kind: _Kind) -> None:
    kinds[start:end] = [kind] * (min(end, len(kinds)) - start)


def _marked_end(lines: list[str], at: int) -> int:
    while at < len(lines) and _QUOTE_MARK.match(lines[at]):
        at += 1
    return at


def _next_said(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _attribution_end(lines: list[str], at: int) -> int:
    """The line after "On … wrote:", which may be wrapped over three lines; 0 for none."""
    line = lines[at]
    if len(line) > _LINE_LIMIT or not line.strip():
        return 0
    if ":" in line[-12:] and _WROTE.search(line):
        following = _next_said(lines, at + 1)
        marked = following < len(lines) and _QUOTE_MARK.match(lines[following]) is not None
        dated = _ATTRIBUTION_START.match(line) is not None and re.search(r"\d", line) is not None
        return at + 1 if marked or (dated and line.rstrip(" *_").endswith(":")) else 0
    if not _ATTRIBUTION_START.match(line) or not re.search(r"\d", line):
        return 0
    joined = line
    for end in range(at + 1, min(at + 3, len(lines))):
        if len(lines[end]) > _LINE_LIMIT or not lines[end].strip():
            return 0
        joined += " " + lines[end]
        if _WROTE.search(lines[end]) or _WROTE.search(joined[-100:]):
            return end + 1 if ":" in lines[end] else 0
    return 0


def _begins_heading(lines: list[str], at: int) -> bool:
    """Outlook's block: From, and among the next lines Sent or Date, and Subject or so."""
    if not _FROM.match(lines[at][:_LINE_LIMIT]):
        return False
    block = [line[:_LINE_LIMIT] for line in lines[at + 1 : at + 9]]
    known = [line for line in block if _HEADING.match(line)]
    return len(known) >= 2 and any(_HEADING_NOT_FROM.match(line) for line in known)


def _is_heading(line: str) -> bool:
    start = line[:_LINE_LIMIT]
    return bool(
        _FORWARD.match(start)
        or _SEPARATOR.match(start)
        or _HEADING.match(start)
        or (_WROTE.search(start) and ":" in start[-12:])
    )


def _heading_end(lines: list[str], at: int) -> int:
    """The line after a block of From, Sent, To, Subject; their values may be wrapped."""
    start = _next_said(lines, at)
    if start >= len(lines) or not _HEADING.match(lines[start][:_LINE_LIMIT]):
        return at
    end = start
    last = start
    while end < len(lines) and end < start + 25:
        line = lines[end][:_LINE_LIMIT]
        if _HEADING.match(line):
            last = end
        elif not line.strip():
            following = _next_said(lines, end)
            close = following < len(lines) and following <= end + 1
            if not (close and _HEADING.match(lines[following][:_LINE_LIMIT])):
                break
        elif end - last > 2:
            break
        end += 1
    return last + 1


def _with_rule_above(lines: list[str], first: int, at: int) -> int:
    above = at - 1
    while above >= first and above > at - 3 and not lines[above].strip():
        above -= 1
    return above if above >= first and _RULE.match(lines[above][:_LINE_LIMIT]) else at


def _words_above(lines: list[str], kinds: list[_Kind], first: int, end: int, limit: int) -> int:
    """Words written above a forward, its signature not counted; counting stops at `limit`."""
    words = 0
    for at in range(first, end):
        line = lines[at]
        if kinds[at] is not _Kind.FRESH:
            continue
        if _SIGNATURE_MARK.match(line) or _SENT_FROM.match(line[:_LINE_LIMIT]):
            break
        words += len(_WORDS.findall(line[:2000]))
        if words >= limit:
            break
    return words


def _is_bare(lines: list[str], kinds: list[_Kind], first: int, end: int) -> bool:
    if _words_above(lines, kinds, first, end, 7) == 0:
        return True
    said = [line for line in lines[first:end] if line.strip()][:3]
    return len(said) == 1 and _NOTE.match(said[0][:_LINE_LIMIT]) is not None


# Signature and footer

_WORDS = re.compile(r"[^\W\d_]{2,}")
_SIGNATURE_MARK = re.compile(r"\s*(?:--|—|–)\s*$")
_SENT_FROM = re.compile(
    r"\s*(?:sent (?:from|via|with|using) (?:my |the )?(?:iphone|ipad|android|samsung|galaxy|blackberry|mobile"
    r"|phone|huawei|xiaomi|outlook|mail for|yahoo|gmail|proton|aol|smartphone|windows)"
    r"|get outlook for|von meinem .{2,40} gesendet|gesendet (?:von|mit|über) .{2,60}$|diese nachricht wurde von meinem"
    r"|envoy[ée] (?:de|depuis|à partir de|avec) .{2,60}$|enviado (?:desde|do) (?:mi|meu) .{2,50}$"
    r"|verzonden (?:vanaf|met|vanuit) .{2,50}$|verstuurd vanaf .{2,50}$|inviato da(?:l mio)? .{2,50}$"
    r"|outlook (?:für|for|pour|para|voor|per) (?:ios|android))"
)
_CLOSING = re.compile(
    r"\W*(?:(?:kind(?:est)?|best|warm(?:est)?|with (?:kind|best|warm))? ?(?:regards|wishes)|(?:many )?thanks"
    r"|thank you|sincerely|yours (?:sincerely|faithfully|truly)|sincerely yours|cheers|all the best|best"
    r"|respectfully|mit (?:freundlichen|besten|herzlichen|lieben) gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:freundliche|beste|viele|liebe|herzliche|sch(?:ö|oe)ne) gr(?:ü|ue)(?:ß|ss)e(?: aus [\w -]{2,30})?|mfg|vg|lg"
    r"|(?:bien )?cordialement|salutations(?: distingu[ée]es)?|bien [àa] vous|(?:un )?(?:cordial )?saludos?"
    r"|atentamente|un saludo|met vriendelijke groet(?:en)?|cordiali saluti|distinti saluti|atenciosamente)\s*[,.!]?\s*$"
)
_CONTACT = re.compile(
    r"\+?\d[\d\s()/.-]{7,}\d|\b(?:tel|phone|mobile|mob|cell|fax|telefon|t[ée]l[ée]phone|m|t|f)\s?[.:]\s?[+(\d]"
    r"|www\.\S|https?://\S|[\w.+-]{1,60}@[\w-]{1,60}\.\w"
)

# What decides a mail is never a footer, however much a line looks like one.
_DECIDES = re.compile(
    r"unfortunately|regret|sorry|interview|not (?:been )?(?:select|success|shortlist|mov|proceed|progress)"
    r"|(?:un|no longer )?successful|mov(?:e|ing) forward|other (?:candidates|applicants)|decision|decided"
    r"|application (?:status|was|has|is)|position (?:has|is|was)|been filled|offer you|job offer|pleased to"
    r"|confirm|let us know|get back|we (?:will|would|look forward|are (?:happy|delighted|glad))|deadline|complete (?:the|your|this)"
    r"|schedul|invit(?:e|ation to)|assessment|next (?:step|round|stage)|congratulat|reject|declin"
    r"|best(?:ä|ae)tig|wir (?:werden|m(?:ö|oe)chten|freuen)|termin\b|leider|absage|bedauer|gespr(?:ä|ae)ch|einlad|zusage|entschieden|nicht ber(?:ü|ue)cksichtig|bewerbung"
    r"|malheureusement|entretien|candidature|retenu|refus|lamenta|desafortunadamente|entrevista|candidatura"
    r"|helaas|gesprek|sollicitatie|purtroppo|colloquio|infelizmente|(?:apply|applied|applying) (?:for|to)\b"
)
_LEGAL = re.compile(
    r"(?:this|the information (?:contained )?in this|the contents? of this|any) (?:e-?mail|message|communication|transmission)"
    r".{0,160}(?:confidential|privileged|intended|addressee|recipient|virus|monitored)"
    r"|intended (?:recipient|only for|solely for)|confidentiality (?:notice|note)|if you (?:are not|have received) (?:the|this|an?)"
    r"|diese (?:e-?mail|nachricht).{0,120}(?:vertraulich|bestimmt)|vertrauliche? (?:und|informationen)|nicht der (?:richtige|beabsichtigte) (?:adressat|empf)"
    r"|ce (?:message|courriel|mail).{0,120}(?:confidentiel|destinataire)|este (?:mensaje|correo).{0,120}(?:confidencial|destinatari)"
    r"|dit (?:bericht|e-?mail).{0,120}(?:vertrouwelijk|bestemd)|questo messaggio.{0,120}(?:confidenzial|riservat|destinatari)"
    r"|disclaimer\s*:|please consider the environment|think before (?:you )?print|denken sie an die umwelt"
)
_FOOTER = re.compile(
    r"unsubscribe|opt[- ]?out|manage (?:your )?(?:preferences|subscriptions?|notifications?|e-?mail)|e-?mail preferences|update your preferences"
    r"|privacy (?:policy|notice|statement)|terms (?:of (?:use|service)|and conditions|& conditions)|cookie policy|legal notice"
    r"|(?:do|please) not (?:reply|respond)|don['’]t reply|no-?reply|not monitored|unmonitored|unattended mailbox|automatically generated|auto-?generated|automated (?:e-?mail|message)"
    r"|(?:view|read|open|see) (?:this |it |the )?(?:e-?mail |message )?(?:in|on) (?:your|a|the) (?:web )?browser|view (?:online|in browser|as a web ?page)|trouble (?:viewing|reading|seeing)"
    r"|you(?:['’]re| are)? (?:received?|receiving|getting) this|this (?:e-?mail|message) was (?:sent|intended)|sent (?:to|by) \S+@|why did i get this"
    r"|all rights reserved|©|\(c\) ?(?:19|20)\d\d|copyright (?:©|\(c\)|19|20)|powered by|registered (?:office|in england)|company (?:number|registration|no\.)|vat (?:no|reg|number)|equal opportunity"
    r"|abbestellen|abmelden|newsletter|datenschutz|impressum|nicht auf diese|automatisch (?:generiert|erstellt|erzeugt)|im browser (?:ansehen|anzeigen|öffnen)|handelsregister|amtsgericht|\bhrb\b|gesch(?:ä|ae)ftsf(?:ü|ue)hr|ust-?id|sitz der gesellschaft"
    r"|d[ée]sabonner|d[ée]sinscri|se d[ée]sabonner|politique de confidentialit|ne pas r[ée]pondre|mentions l[ée]gales|ouvrir dans (?:votre|le) navigateur"
    r"|darse de baja|cancelar (?:la )?suscripci|pol[íi]tica de privacidad|no responda|aviso legal|ver en (?:el|tu|su) navegador"
    r"|afmelden|uitschrijven|privacyverklaring|niet (?:te )?(?:antwoorden|beantwoorden)|annulla(?:re)? l['’]iscrizione|informativa sulla privacy|non rispondere"
    r"|mailing list|listinfo|add us to your (?:address book|contacts)|follow us|download (?:the|our) app"
)
_POSTAL = re.compile(r"\b\d{4,6}\b")
_LIST_RULE = re.compile(r"[_=*-]{10,}\s*$")
_ENDS = re.compile(r"(?<=[.!?])\s+")

_SIGNATURE_LINES = 20
_FOOTER_PARAGRAPHS = 12


def _mark_tail(lines: list[str], kinds: list[_Kind], start: int, end: int) -> None:
    """In one stretch of fresh lines mark the signature and the footer at its end."""
    end_of_text = _mark_footer(lines, kinds, start, end)
    _mark_signature(lines, kinds, start, end_of_text)


def _mark_footer(lines: list[str], kinds: list[_Kind], start: int, end: int) -> int:
    """Mark footer paragraphs from the end upwards; returns where the text before them ends."""
    footer = end
    for first, last in _paragraphs_upwards(lines, start, end):
        kind = _paragraph_kind(lines[first:last])
        if kind == "footer":
            footer = first
        elif kind == "text":
            in_it = _footer_lines(lines, first, last)
            footer = in_it if in_it < last else footer
            break
    _mark(kinds, footer, end, _Kind.FOOTER)
    return footer


def _paragraphs_upwards(lines: list[str], start: int, end: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = end
    while at > start and len(found) < _FOOTER_PARAGRAPHS:
        while at > start and not lines[at - 1].strip():
            at -= 1
        last = at
        while at > start and lines[at - 1].strip() and last - at < 60:
            at -= 1
        if last > at:
            found.append((at, last))
    return found


def _paragraph_kind(paragraph: list[str]) -> str:
    """ "footer", "neutral" (an address, a link, a rule: goes with a footer above it) or "text"."""
    text = " ".join(line[:2000] for line in paragraph)[:4000]
    if _DECIDES.search(text):
        return "text"
    if _LEGAL.search(text[:400]):
        return "footer"
    if len(paragraph) == 1 and _LIST_RULE.match(text):
        return "neutral"
    pieces = [piece for line in paragraph for piece in _ENDS.split(line[:2000])]
    if len(paragraph) > 1 and max(map(len, paragraph)) < 90:
        pieces = _ENDS.split(text)  # wrapped lines: sentences run over their ends
        if len(pieces) == 1:
            pieces = list(paragraph)
    hits = sum(_FOOTER.search(piece) is not None for piece in pieces)
    if hits and all(_FOOTER.search(piece) or len(_WORDS.findall(piece)) <= 4 for piece in pieces):
        return "footer"
    words = len(_WORDS.findall(text))
    short = words <= 5 and text.rstrip()[-1:] not in ".!?:,"
    address = words <= 20 and (_CONTACT.search(text) or _POSTAL.search(text)) is not None
    return (
        "neutral"
        if (short or address) and not _CLOSING.match(paragraph[0][:_LINE_LIMIT])
        else "text"
    )


def _footer_lines(lines: list[str], first: int, last: int) -> int:
    """Footer lines at the end of a paragraph that says something else before."""
    at = last
    while at > first:
        line = lines[at - 1][:1000]
        pieces = _ENDS.split(line)
        if _DECIDES.search(line) or not all(_FOOTER.search(piece) for piece in pieces):
            break
        at -= 1
    # a line that ends no sentence goes on in the next: then that isn't a footer's first line
    wraps = (
        first < at < last and len(lines[at - 1]) > 50 and lines[at - 1].rstrip()[-1:] not in ".!?:"
    )
    return last if wraps else at


def _mark_signature(lines: list[str], kinds: list[_Kind], start: int, end: int) -> None:
    last = end
    while last > start and not lines[last - 1].strip():
        last -= 1
    lowest = max(start, last - _SIGNATURE_LINES)
    for at in range(lowest, last):
        line = lines[at][:_LINE_LIMIT]
        rest = lines[at + 1 : last]
        if _SIGNATURE_MARK.match(line):
            if not any(_DECIDES.search(other[:1000]) for other in rest):
                _mark(kinds, at, end, _Kind.SIGNATURE)
                return
        elif (
            _SENT_FROM.match(line)
            and len(rest) <= 3
            and not any(_DECIDES.search(other[:1000]) for other in rest)
        ):
            _mark(kinds, at, end, _Kind.SIGNATURE)
            return
        elif _CLOSING.match(line) and _is_contact_block(rest):
            _mark(kinds, at + 1, end, _Kind.SIGNATURE)
            return


def _is_contact_block(block: list[str]) -> bool:
    """A few short lines of which one is a telephone number or an address of some kind."""
    said = [line for line in block if line.strip()]
    return (
        0 < len(said) <= 12
        and all(len(line) <= 90 for line in said)
        and any(_CONTACT.search(line) for line in said)
        and not any(_DECIDES.search(line) for line in said)
        and not any(len(_WORDS.findall(line)) > 9 for line in said)
    )


# Sentences

_ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof st sr jr inc ltd co corp llc plc vs e.g eg ie i.e approx appt apt dept
    a.m p.m u.s u.k ph.d b.sc m.sc bsc msc
    z.b d.h u.a o.ä i.d.r bzw ca evtl ggf inkl exkl zzgl vgl str hr fr herrn frl dipl
    gmbh m.e u.u v.a z.t z.hd i.a i.v gez
    mme mlle p.ex env av bd sra srta d.ña ud uds pág núm avda dhr mevr drs ir mw blz
    sig sig.ra dott dott.ssa ing avv s.p.a s.r.l""".split()
)
# These shorten only what a number follows: "no. 5", but "The answer is no."
_BEFORE_NUMBERS = frozenset(
    """no nos nr vol fig ref tel ext abs art p pp jan feb mar apr jun jul aug sep sept oct okt nov
    dec dez mon tue tues wed thu thur thurs fri sat sun mo di mi do sa so""".split()
)
_BULLET = re.compile(r"[ \t]*(?:[-*•‣◦▪·–—o]|\d{1,2}[.)]|[a-z]\))[ \t]+")
_STOP = re.compile(r"[.!?…。！？]+[\"'”’»)\]]*(?=\s|\Z)|[。！？]")
_LAST_WORD = re.compile(r"[^\s(\[\"'„“«]*\Z")
_MONTH = re.compile(
    r"\s+(?:jan|feb|m[äa]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]|etage|stock|klasse|semester)",
    re.IGNORECASE,
)
_WRAP = 58  # a line shorter than this, with the next word, was not wrapped but ended


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each verbatim a part of it (a wrapped one holds its newline).

    Paragraphs, bullets and lines too short to have been wrapped end a sentence too.
    """
    found: list[str] = []
    for start, end in _blocks(text):
        begin = start
        for stop in _STOP.finditer(text, start, end):
            if _is_end(text, begin, stop, end):
                found.append(text[begin : stop.end()].strip())
                begin = stop.end()
        found.append(text[begin:end].strip())
    return [sentence for sentence in found if sentence]


def _blocks(text: str) -> list[tuple[int, int]]:
    """Stretches of lines that run on: wrapped paragraphs, single bullets, single short lines."""
    blocks: list[tuple[int, int]] = []
    start = position = 0
    lines = text.split("\n")
    for at, line in enumerate(lines):
        position += len(line) + 1
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if not _runs_on(line, following):
            blocks.append((start, min(position, len(text))))
            start = position
    return blocks


def _runs_on(line: str, following: str) -> bool:
    if not line.strip() or not following.strip() or _BULLET.match(following):
        return False
    first = following.lstrip()[:100].split(None, 1)[0]
    if first[:1].islower():
        return True
    return len(line) + 1 + len(first) >= _WRAP and len(line) <= 100


def _is_end(text: str, begin: int, stop: re.Match[str], end: int) -> bool:
    if stop[0] != ".":
        return True
    found = _LAST_WORD.search(text[max(begin, stop.start() - 40) : stop.start()])
    word = found[0].lower() if found else ""
    following = text[stop.end() : min(end, stop.end() + 40)].lstrip()
    if not following:
        return True
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    if word in _BEFORE_NUMBERS and following[:1].isdigit():
        return False
    if (
        word.isdigit()
        and len(word) <= 2
        and (_MONTH.match(text, stop.end(), min(end, stop.end() + 40)) or following[:1].islower())
    ):
        return False
    return not following[:1].islower()
