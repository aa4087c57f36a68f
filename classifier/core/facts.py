"""Company, role and dates from one message."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from classifier.core.message import Message
from classifier.core.names import (
    is_free_mail,
    is_system,
    is_system_domain,
    looks_like_a_person,
    normalised_company,
    organisation_label,
    squeeze,
    without_sender_words,
)

_READ = 6000  # characters of the text that are looked at


@dataclass(frozen=True, slots=True)
class Facts:
    """What one message says about the application it belongs to; None: not found."""

    company: str | None
    role: str | None
    starts_at: datetime | None  # of the conversation that it invites to, aware
    place: str | None  # where or on which link that takes place


# A name: capitalised or numbered words, small joining words only between two of them.
_WORD = r"(?:[A-ZÄÖÜÉÈÀÁÍÓÚÑÇ0-9](?:[\w&'’+/-]|\.(?=\w))*|&|\+)"
_COMPANY = rf"(?P<name>{_WORD}(?:[ \t]+(?:(?:of|and|de|du|des|von|und|et|y|for|the)[ \t]+){{0,2}}{_WORD}){{0,5}})"
_POST = r"(?:position|role|post|vacancy|job|opening|opportunity|internship|posting|vacancies)"
_ROLE = r"(?P<role>[^\n.!?;:|<>]{3,90}?)"


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text) for text in texts)


# Each with what it is worth. The words are matched with their first letter in either case.
_COMPANY_PATTERNS: tuple[tuple[float, re.Pattern[str]], ...] = tuple(
    (worth, pattern)
    for worth, patterns in (
        (
            3.0,
            _patterns(
                rf"[Aa]pplication (?:was|has been) (?:sent|submitted) to {_COMPANY}",
                rf"[Vv]iewed by {_COMPANY}",
                rf"[Tt]hank(?:s| you)(?: so much| again| very much)? for (?:applying|your application)(?: here)? (?:to|at|with) (?:join )?{_COMPANY}",
                rf"[Yy]our (?:recent |job )?application (?:to|at|with) {_COMPANY}",
                rf"{_POST} (?:at|with|here at) {_COMPANY}",
                rf"(?:interview|call|chat|conversation|interviewing|meeting) (?:at|with) {_COMPANY}",
                rf"[Yy]our interest in (?:joining |working (?:at|for|with) |a career (?:at|with) |employment (?:at|with) |opportunities (?:at|with) )(?:us at )?{_COMPANY}",
                rf"[Bb]ewerbung bei (?:der |dem |den )?{_COMPANY}",
                rf"[Ii]nteresse an (?:einer (?:Mitarbeit|Tätigkeit|Position|Stelle) (?:bei|in) )(?:der |dem )?{_COMPANY}",
                rf"[Cc]andidature (?:chez|auprès de|au sein de) {_COMPANY}",
                rf"[Cc]andidatura (?:a|en|con) {_COMPANY}",
                rf"[Oo]n behalf of (?:the )?(?:team at )?{_COMPANY}",
            ),
        ),
        (
            2.0,
            _patterns(
                rf"[Yy]our interest in {_COMPANY}",
                rf"[Ff]rom (?:all of us|everyone|the team|us all|all) (?:at|here at) {_COMPANY}",
                rf"[Tt]he {_COMPANY} (?:[Tt]alent|[Rr]ecruiting|[Rr]ecruitment|[Hh]iring|[Pp]eople|HR|[Cc]areers)\b",
                rf"(?:[Ww]e|us|team|here|people|colleagues|candidates|career|careers|life|jobs?) at {_COMPANY}",
                rf"[Aa]pplying (?:to|at|with) (?:join )?{_COMPANY}",
                rf"[Uu]pdate (?:from|on your application (?:to|at|with)) {_COMPANY}",
                rf"^(?:Hello|News|Greetings|Message) from {_COMPANY}",
                rf"[Ww]elcome to {_COMPANY}",
                rf"^{_COMPANY}(?: has)? (?:received|reviewed) your",
                rf"[Jj]oin(?:ing)? (?:us at |the team at )?{_COMPANY}",
                rf"(?:^|\n){_COMPANY} (?:[Tt]alent [Aa]cquisition|[Rr]ecruiting|[Rr]ecruitment|[Hh]iring|[Pp]eople|[Cc]areers)(?: [Tt]eam)?[ \t]*(?:$|\n)",
                rf"[Pp]rocess (?:at|with) {_COMPANY}",
            ),
        ),
        (1.2, _patterns(rf" (?:at|@|bei|chez) {_COMPANY}")),
        # Alone these are too weak to name an employer; with the sender's name they do.
        (0.8, _patterns(rf"[-–—|:] {_COMPANY}$", rf"^{_COMPANY} ?[-–—|:] ")),
    )
    for pattern in patterns
)

_ROLE_PATTERNS = _patterns(
    rf"(?:for|to|in|about|regarding) (?:the|our|this|a|an) (?:open )?{_POST} (?:of|as|for|titled|entitled):? (?:an? |the |our )?[\"“'‘]?{_ROLE}[\"”'’]?(?= (?:at|with|in|here|has|have|was|is|and we|on|which|that|within|–|—|-) |[\n.!?,;:|]|$)",
    rf"(?:for|to|about|regarding|as|of) (?:the|our|a|an|this|your)(?: open| advertised| vacant)? [\"“'‘]?{_ROLE}[\"”'’]? (?:{_POST}|apprenticeship|placement|traineeship)\b",
    rf"(?:application|applying|applied|interview|interviewing|candidacy|consideration)(?: to [^\n.,]{{2,40}}?)? (?:for|as|to)(?: the| our| an?)?(?: {_POST}(?: of)?:?)? [\"“'‘]?{_ROLE}[\"”'’]?(?= (?:at|with|here|has|was|is|received|and|within|–|—|-) ?|[\n.!?,;:|]|$)",
    rf"(?:[Pp]osition|[Rr]ole|[Jj]ob(?: [Tt]itle)?|[Vv]acancy|[Pp]ost|Stelle|Position|Poste|Puesto|Vacante)(?: applied for)?: *{_ROLE}(?=[\n.!?,;|]|$)",
    rf"(?:Bewerbung|Stelle|Position|Tätigkeit|Ausbildung)(?: \w+)? (?:als|zum|zur|des|der|für die Stelle (?:als)?|für die Position (?:als|des|der)?)(?: (?:eine?[nr]?|der|des|die))? [\"„“]?{_ROLE}[\"“”]?(?= (?:bei|in|an|am|im|vom|und|haben|hat|ist) |\(|[\n.!?,;:|]|$)",
    rf"(?:poste|offre|candidature|fonction) (?:de|d['’]|pour le poste de|au poste de|en tant que) ?[«\"]? ?{_ROLE} ?[»\"]?(?= (?:chez|au sein|à|a|et|dans) |[\n.!?,;:|]|$)",
    rf"(?:puesto|vacante|posición|cargo|oferta) (?:de|para|como) [\"“«]?{_ROLE}[\"”»]?(?= (?:en|ha|y|con) |[\n.!?,;:|]|$)",
)
_SUBJECT_ROLE = _patterns(
    rf"^(?:re: |fwd: |aw: )*(?:interview|invitation|offer|your application|application|update)[^:]{{0,40}}?: *{_ROLE}(?= (?:at|with|[-–—|@(]) |[|,(]|$)",
    rf"^{_ROLE} (?:at|@|bei|chez) [A-Z0-9]",
    rf"[-–—|] *{_ROLE} *(?:[-–—|(]|$)",
)

# A role names an occupation: one of these words stands in it, in some form.
_OCCUPATION = re.compile(
    r"""\b(?:engineer|developer|analyst|manager|designer|scientist|assistant|associate|director|
    officer|specialist|consultant|coordinator|co-ordinator|administrator|technician|nurse|teacher|
    lecturer|professor|researcher|fellow|postdoc\w*|intern(?:ship)?|trainee|apprentice\w*|graduate|
    architect|lead|head|representative|agent|advis[eo]r|accountant|auditor|clerk|cashier|driver|
    cook|chef|barista|server|waiter|waitress|host|hostess|bartender|cleaner|housekeep\w*|porter|
    receptionist|secretary|editor|writer|copywriter|journalist|producer|librarian|curator|planner|
    buyer|merchandiser|supervisor|foreman|operator|operative|mechanic|electrician|plumber|carpenter|
    welder|builder|labou?rer|worker|carer|caregiver|therapist|pharmacist|physician|doctor|dentist|
    hygienist|paramedic|practitioner|midwife|counsel(?:l?or)?|lawyer|solicitor|paralegal|attorney|
    economist|statistician|strategist|marketer|recruiter|partner|executive|expert|programmer|
    administrator|tester|owner|master|controller|treasurer|handler|picker|packer|stocker|steward|
    guard|warden|instructor|trainer|coach|tutor|stylist|hairdresser|florist|baker|butcher|gardener|
    farm\w*|surveyor|inspector|estimator|scheduler|dispatcher|buyer|artist|animator|photographer|
    translator|interpreter|attendant|crew|member|staff|team\ leader|internship|sales|marketing|
    devops|sre|qa|\w{4,}(?:analyst|manager|designer|consultant|controller|assistent)(?:in|en)?|\w*entwickler\w*|\w*ingenieur\w*|\w*leiter\w*|\w*mitarbeiter\w*|\w*kaufmann|
    \w*kauffrau|\w*kraft|\w*berater\w*|\w*pfleger\w*|\w*fachfrau|\w*fachmann|\w*assistent\w*|
    \w*helfer\w*|\w*fahrer\w*|referent\w*|sachbearbeiter\w*|techniker\w*|mechaniker\w*|\w*meister\w*|
    koch|köchin|verkäufer\w*|werkstudent\w*|praktikant\w*|auszubildende\w*|architekt\w*|redakteur\w*|
    ingénieur\w*|développeu\w*|chargée?|responsable|assistante?|technicien\w*|directeur|directrice|
    comptable|vendeu\w*|infirmi\w*|serveu\w*|chef|cuisini\w*|conseill\w*|alternan\w*|stag\w*|
    ingenier\w*|desarrollador\w*|analista|gerente|diseñador\w*|técnic\w*|administrativ\w*|auxiliar|
    camarer\w*|cociner\w*|enfermer\w*|vendedor\w*|dependient\w*|becari\w*|conductor\w*|profesor\w*|
    scrum|product|ux|ui|data|software|security|design|operations|finance|hr)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ROLE_NOISE = re.compile(
    r"""\s*(?:\((?:[mwfdxgni](?:[/|*,.\s]+[mwfdxgni]){1,3}|all\ genders?|gn|remote|hybrid)\)
    |[([]?\b(?:job|req|requisition|ref|id|r|jr|vacancy)\b[\s.:#-]*[a-z]{0,4}[-\s]?\d[\w-]*[)\]]?
    |\#\s?\d[\w-]*|\(\s*[A-Z]{0,4}[-/]?\d[\w/-]*\s*\)|\b[A-Z]{1,4}-?\d{4,}\b|\b\d{5,}\b)\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_ROLE = re.compile(
    r"\b(?:you|your|we|our|us|i|this|that|it|interview|application|applicant|candidate|time|interest|"
    r"unfortunately|please|thank|thanks|next|team|received|ihre|ihr|votre|su|tu)\b(?!\s+(?:ui|ux))",
    re.IGNORECASE,
)
# What stands behind "at" or "with" and is no employer.
_NO_COMPANY = frozenset(
    """
    the a an our us you your this that these we i it they he she me my at no not all any if please
    thank thanks hi hello dear best regards kind sincerely candidate applicant team recruiting hiring
    human resources hr talent acquisition people careers career jobs job application interview
    position role monday tuesday wednesday thursday friday saturday sunday january february march
    april may june july august september october november december am pm noon teams zoom google
    meet skype phone video linkedin indeed unfortunately great good next new update offer
    when where who what why how tomorrow today yesterday reminder re fw invitation invite news
    frau herr montag dienstag mittwoch donnerstag freitag samstag sonntag
    """.split()
)
# A name that ends so is a job's, not an employer's.
_TITLE = re.compile(
    r"(?:engineer|developer|analyst|manager|designer|scientist|assistant|associate|director|officer|"
    r"specialist|consultant|coordinator|administrator|technician|nurse|teacher|lecturer|researcher|"
    r"internship|intern|trainee|apprentice|architect|representative|advisor|adviser|accountant|clerk|"
    r"driver|chef|barista|executive|programmer|entwickler(?:in)?|mitarbeiter(?:in)?|leiter(?:in)?)s?$",
    re.IGNORECASE,
)
_EDGE = " \t\r\n.,;:!?-–—|*'\"“”‘’«»[]<>"


def find_facts(message: Message, fresh: str) -> Facts:
    """Read the facts from a message; `fresh` is what its sender newly wrote."""
    text = fresh[:_READ]
    role = _find_role(message.subject, text)
    invite = next((item for item in message.invites if item.starts_at), None)
    return Facts(
        company=_find_company(message, text, role),
        role=role,
        starts_at=invite.starts_at if invite else None,
        place=(invite.location or invite.link or None) if invite else None,
    )


def _find_company(message: Message, text: str, role: str | None) -> str | None:
    worth: dict[str, float] = defaultdict(float)
    spelled: dict[str, str] = {}

    def hear(name: str, value: float) -> None:
        clean = _clean_company(name, role)
        key = normalised_company(clean)
        if not key:
            return
        worth[key] += value
        spelled.setdefault(key, clean)

    subject = _without_reply_marks(message.subject)
    for value, pattern in _COMPANY_PATTERNS:
        for hit in pattern.finditer(subject):
            hear(hit["name"], value * 1.2)
        for hit in list(pattern.finditer(text))[:3]:
            hear(hit["name"], value)
    for name, value in _names_of_the_sender(message, f"{subject}\n{text[:2000]}"):
        hear(name, value)
    if not worth:
        return None
    # A spelling that a longer one contains speaks for the longer one's employer too.
    best = max(worth, key=lambda key: (worth[key] + _echoes(key, worth), len(key)))
    return spelled[best] if worth[best] >= 1.0 else None


def _echoes(key: str, worth: dict[str, float]) -> float:
    squeezed = squeeze(key)
    return sum(
        0.5 * value
        for other, value in worth.items()
        if other != key
        and (squeeze(other).startswith(squeezed) or squeezed.startswith(squeeze(other)))
    )


def _names_of_the_sender(message: Message, text: str) -> list[tuple[str, float]]:
    address, display = message.sender.address, message.sender.name
    local, _, domain = address.partition("@")
    person = looks_like_a_person(display, address)
    names: list[tuple[str, float]] = []
    if display and not person:
        # A free mailbox is mostly a person's: its name needs the text to bear it out.
        names.append((without_sender_words(display), 0.9 if is_free_mail(domain) else 2.4))
    if person and (hit := re.search(r"(?:,|\bat|\bvon|\(|\||@)\s+([^,()|]+)", display)):
        names.append((without_sender_words(hit[1]), 2.4))
    if not domain:
        return names
    if is_system_domain(domain):
        # Workday and others put the employer's short name before the @.
        if organisation_label(domain) in _NAMED_BEFORE_AT and local.isalpha():
            names.append(("" if is_system(local) else _as_spelled(local, text), 0.9))
    elif not is_free_mail(domain):
        # A person writes from the employer's own domain; a portal's may be the portal's name.
        worth = 2.0 if person else 1.1
        names.append((_as_spelled(organisation_label(domain), f"{display}\n{text}"), worth))
    return names


_NAMED_BEFORE_AT = frozenset({"myworkday", "icims", "taleo"})


def _as_spelled(label: str, text: str) -> str:
    """A domain's label as the mail itself writes that name: ospreylane → Osprey Lane."""
    wanted = squeeze(label)
    words = re.findall(r"\w[\w.'’-]*|&", text)
    keys = ["and" if word == "&" else squeeze(word) for word in words]
    for start, key in enumerate(keys):
        if not key or not wanted.startswith(key) or not words[start][0].isupper():
            continue
        joined = bare = ""
        for end in range(start, min(start + 6, len(keys))):
            joined += keys[end]
            bare += "" if keys[end] == "and" else keys[end]
            if wanted in (joined, bare):
                return " ".join(words[start : end + 1]).rstrip(".'’-")
            if len(bare) > len(wanted):
                break
    return label.replace("-", " ").title()


def _clean_company(name: str, role: str | None) -> str:
    clean = without_sender_words(re.sub(r"\s+", " ", name).strip(_EDGE)).strip(_EDGE)
    clean = re.sub(r"['’]s$", "", clean)
    words = clean.split()
    while words and words[-1].strip(_EDGE).lower() in _NO_COMPANY:
        words.pop()
    named_the = len(words) > 1 and words[0] == "The"
    if not words or len(clean) > 60 or (words[0].lower() in _NO_COMPANY and not named_the):
        return ""
    clean = " ".join(words).strip(_EDGE)
    if role and squeeze(clean) == squeeze(role):
        return ""
    if (
        is_system(clean)
        or len(squeeze(clean)) < 2
        or squeeze(clean).isdigit()
        or _TITLE.search(clean)
    ):
        return ""
    return clean


def _without_reply_marks(subject: str) -> str:
    return re.sub(r"^(?:\s*(?:re|fwd?|aw|wg|tr|rv)\s*:\s*)+", "", subject, flags=re.IGNORECASE)


def _find_role(subject: str, text: str) -> str | None:
    subject = _without_reply_marks(subject)
    found: list[tuple[int, str]] = []
    for place, patterns in ((subject, (*_ROLE_PATTERNS, *_SUBJECT_ROLE)), (text, _ROLE_PATTERNS)):
        for rank, pattern in enumerate(patterns):
            for hit in list(pattern.finditer(place))[:4]:
                role = _clean_role(hit["role"])
                if role:
                    found.append((rank, role))
    return min(found, key=lambda item: item[0])[1] if found else None


def _clean_role(text: str) -> str | None:
    role = re.sub(r"\s+", " ", _ROLE_NOISE.sub(" ", text)).strip(_EDGE)
    role = re.sub(
        r"^(?:the|our|an?|open|die|der|das|eine?[nr]?|le|la|un|une|el)\s+",
        "",
        role,
        flags=re.IGNORECASE,
    )
    role = re.split(r"\s+(?:at|with|bei|chez)\s+(?=[A-Z0-9])", role)[0]
    role = re.split(r"\s+(?:just|has|have|was|is|are|will|landed|arrived)\b", role)[0].strip(_EDGE)
    role = re.sub(r"\s+(?:at|with|in|for|of|bei|chez|and|or)$", "", role).strip(_EDGE)
    role = re.sub(rf"\s+{_POST}$", "", role, flags=re.IGNORECASE).strip(_EDGE) or role
    if role.count("(") != role.count(")"):
        role = role.split("(")[0].strip(_EDGE)
    if not 2 <= len(role) <= 80 or len(role.split()) > 9:
        return None
    if _NO_ROLE.search(role) or not _OCCUPATION.search(role):
        return None
    return role
