"""Names of employers: comparing them, and telling them from systems, boards and people."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from publicsuffixlist import PublicSuffixList
from rapidfuzz import fuzz

# Applicant-tracking systems, job boards and scheduling tools: they carry an employer's
# mail, and are never the employer. Compared without spaces and in lower case.
SYSTEMS = frozenset(
    """
    adp ashby ashbyhq avature bamboohr breezyhr breezy bullhorn calendly careerbuilder careerplug
    comeet concludis cornerstone csod cvlibrary dover eightfold fountain freshteam gem glassdoor
    goodtime google greenhouse greenhousemail handshake hackerrank hibob hireology hirevue homerun
    icims indeed indeedemail jazzhr jobadder jobs2web jobscore jobvite jobylon join joincom
    karriere lever leverco linkedin manatal manatalmail mailchimp maildelivery microsoft monster
    myworkday myworkdayjobs oorwin oracle oraclecloud outlook paradox paycom paycor paylocity
    personio phenom pinpoint pinpointhq pageup pageuppeople recruitee recruiterflow recruitcrm
    reed rexx rippling saba sapsf seek sendgrid silkroad smartrecruiters softgarden spark
    sparkhire stepstone successfactors symphonytalent taleo taleonet teamtailor teamtailormail
    testgorilla totaljobs trakstar traffit tribepad ukg ultipro umantis vervoe wellfound
    welcometothejungle welcomekit workable workablemail workday xing ziprecruiter zoho zohorecruit
    zoom codility codesignal coderbyte hackerearth karat modernhire myinterview willo spottedzebra
    harri olivia applitrack frontline governmentjobs neogov nhsjobs jobtrain eploy networx peoplehr
    oleeo hireserve reachmee varbi jobindex emply hrmanager talentech jobteaser flatchr taleez
    digitalrecruiters beetween infojobs tecnoempleo bizneo factorial kenjo dvinci coveto
    hackerrankforwork joinhandshake docusign applytojob coderpad dualoo erecruiter bite rexxsystems
    onlyfy dvincihr interamt prescreen hirevueapp comeetnotifications wonderlic otta efinancialcareers
    hireez gohire zoominfo loxo crelate applicantpro applicantstack clearcompany
    """.split()
)

FREE_MAIL = frozenset(
    """
    gmail googlemail outlook hotmail live msn yahoo ymail icloud me mac aol gmx web proton
    protonmail pm posteo mailbox tonline freenet orange wanadoo laposte free sfr fastmail zoho
    hey tutanota tuta yandex mail btinternet comcast verizon att rediffmail qq
    """.split()
)

_LEGAL_FORMS = frozenset(
    """
    inc incorporated llc llp ltd limited plc corp corporation co company gmbh ag kg kgaa se ug ohg
    mbh ev eg sa sas sarl sasu srl sl slu spa bv nv oy oyj ab as asa aps pty pte pvt lp kk
    """.split()
)

# Words that people leave out of an employer's name and that tell no two employers apart.
_DESCRIPTIONS = frozenset(
    """
    group holding holdings international global software technologies technology tech systems
    solutions labs digital studio studios worldwide usa us uk europe deutschland
    """.split()
)

# Words that a sender adds to the employer's name: "Brightleaf Talent Acquisition Team".
_SENDER_WORDS = (
    r"careers?|recruiting|recruitment|recruiters?|hiring|hr|human resources|people|people ops|"
    r"people team|talent|talent acquisition|jobs?|team|department|no[- ]?reply|do not reply|"
    r"donotreply|notifications?|applications?|resourcing|staffing team|candidate experience|"
    r"support|workday|greenhouse|personalabteilung|personalwesen|karriere|bewerbermanagement|bewerbungen|"
    r"bewerbung|recrutement|recursos humanos|rrhh|ressources humaines|seleccion|selección|office|admissions|"
    r"talent team|hiring team|workable|messages?|mailer|info|interviews?|early careers|graduate"
)
_TRAILING = re.compile(rf"(?:[\s,|/·•–—-]+(?:the\s+)?(?:{_SENDER_WORDS}))+\s*$", re.IGNORECASE)
_LEADING = re.compile(
    rf"^\s*(?:the\s+)?(?:(?:{_SENDER_WORDS})[\s,|/·•–—-]+)+(?:at\s+|@\s*|of\s+|from\s+|bei\s+)?",
    re.IGNORECASE,
)
_VIA = re.compile(r"\s*(?:\(?\bvia\b|\bthrough\b|\büber\b|\bpowered by\b).*$", re.IGNORECASE)
_GENERIC = re.compile(rf"^(?:the\s+)?(?:{_SENDER_WORDS}|\s|&|and)+$", re.IGNORECASE)

_SUFFIXES = PublicSuffixList(only_icann=True)


@lru_cache(maxsize=8192)  # each mail is held against every row: the same names over and over
def squeeze(name: str) -> str:
    """Letters and digits of a name, lower case, accents removed: a key for look-ups."""
    plain = name.lower() if name.isascii() else unicodedata.normalize("NFKD", name.casefold())
    return "".join(filter(str.isalnum, plain))


def spelled_alike(text: str) -> str:
    """The words of a text in one spelling: no case, accents, apostrophes or "and"."""
    plain = text.replace("'", "").replace("’", "")
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.casefold())
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = _WORDS.findall(plain.lower())
    return " ".join([word for word in words if word != "and"] or words)


@lru_cache(maxsize=8192)
def normalised_company(name: str) -> str:
    """A company's name for comparing: as `spelled_alike`, without legal form or article."""
    words = spelled_alike(name).split()
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    if len(words) > 1 and words[0] == "the":
        words.pop(0)
    return " ".join(words)


_WORDS = re.compile(r"[^\W_]+")


def is_system(name: str) -> bool:
    """True for a recruiting system, board or scheduling tool: not an employer here."""
    return squeeze(name) in SYSTEMS


def organisation_label(domain: str) -> str:
    """The part of a domain that names its owner: jobs.brightleaf.co.uk → brightleaf."""
    owner = _SUFFIXES.privatesuffix(domain.strip(".").lower())
    if owner is None:
        return ""
    return str(owner).split(".", maxsplit=1)[0]


def is_free_mail(domain: str) -> bool:
    """True for a mailbox provider's domain, which names no employer."""
    return organisation_label(domain).replace("-", "") in FREE_MAIL


def is_system_domain(domain: str) -> bool:
    """True where the domain belongs to a system that mails for many employers."""
    return any(label.replace("-", "") in SYSTEMS for label in domain.lower().split("."))


def without_sender_words(display_name: str) -> str:
    """The employer in a sender's display name, or "" when it is a function or a system."""
    name = _VIA.sub("", display_name).strip(" \"'")
    if "@" in name:
        before, _, after = name.partition("@")
        # "Talent @ Brightleaf" names the employer last; "hr@brightleaf.example" is an address.
        name = after if before.endswith(" ") or after.startswith(" ") else ""
    for _ in range(3):
        shorter = _TRAILING.sub("", _LEADING.sub("", name)).strip(" ,|/-–—·•")
        if shorter == name:
            break
        name = shorter
    if not name or _GENERIC.match(name) or is_system(name):
        return ""
    return name


def looks_like_a_person(display_name: str, address: str) -> bool:
    """True when the display name is a person's: two to four name-like words that the address repeats."""
    words = re.findall(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", display_name)
    if not 2 <= len(words) <= 4 or not all(word[0].isupper() for word in words):
        return False
    local, _, domain = address.partition("@")
    local, owner = squeeze(local), squeeze(organisation_label(domain))
    named = any(len(word) > 2 and squeeze(word) in local for word in words)
    return named and squeeze(display_name) not in owner


@lru_cache(maxsize=65536)
def company_similarity(one: str, other: str) -> float:
    """How alike two employers' names are, 0 to 1.

    A shorter name inside a longer one ("Apple" in "Apple Bank") is a hint, not a match:
    rapidfuzz's token_set_ratio would give it 100.
    """
    left, right = normalised_company(one), normalised_company(other)
    if not left or not right:
        return 0.0
    if left == right or squeeze(left) == squeeze(right):
        return 1.0
    if _initials(left) == right or _initials(right) == left:
        return 0.7
    sort = fuzz.token_sort_ratio(left, right) / 100
    left_words, right_words = set(left.split()), set(right.split())
    if left_words < right_words or right_words < left_words:
        if (left_words ^ right_words) <= _DESCRIPTIONS:
            return 0.9
        shared = " ".join(left_words & right_words)
        # A long shared part ("Harrow Finch" in "Harrow Finch Group") says more than a short one.
        return max(sort, 0.75 if len(shared) >= 9 else 0.6)
    return sort if min(len(left), len(right)) >= 4 else 0.0


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in words) if len(words) > 1 else ""
