"""Which of a server's folders to read when the person says "all"."""

from __future__ import annotations

from collections.abc import Sequence

FolderLine = tuple[tuple[bytes, ...], str | None, str]  # flags, separator, name

_NOT_TO_OPEN = {b"\\noselect", b"\\nonexistent"}
# Special-use flags (RFC 6154; \AllMail is Gmail's older word) of folders that are not read:
# thrown away, not sent yet, one's own words, or a second view of all the rest. Junk is read,
# since invitations land there.
_SKIPPED: dict[bytes, frozenset[str]] = {
    b"\\trash": frozenset(
        """trash|bin|deleted|deleted items|deleted messages|papierkorb|gelöscht
        |gelöschte elemente|gelöschte objekte|corbeille|éléments supprimés|papelera
        |elementos eliminados|cestino|posta eliminata|prullenbak|verwijderde items|lixeira
        |itens excluídos|kosz|elementy usunięte|papperskorgen|borttagna objekt|papirkurv
        |slettet post|roskakori|poistetut|koš|odstraněná pošta|корзина|удаленные|çöp kutusu
        |ゴミ箱|已删除邮件|垃圾箱|휴지통""".replace("\n", "").split("|")
    ),
    b"\\drafts": frozenset(
        """drafts|draft|entwürfe|brouillons|borradores|bozze|concepten|rascunhos
        |wersje robocze|szkice|utkast|kladder|kladde|luonnokset|koncepty|черновики
        |taslaklar|下書き|草稿|草稿箱|임시보관함""".replace("\n", "").split("|")
    ),
    b"\\sent": frozenset(
        """sent|sent items|sent mail|sent messages|gesendet|gesendete elemente
        |gesendete objekte|postausgang|envoyés|éléments envoyés|messages envoyés|enviados
        |elementos enviados|inviati|posta inviata|verzonden|verzonden items|itens enviados
        |wysłane|elementy wysłane|skickat|skickade objekt|sendt|sendt post|lähetetyt
        |odeslaná pošta|отправленные|gönderilmiş öğeler|gönderilenler|送信済み
        |送信済みアイテム|已发送|已发送邮件|보낸편지함""".replace("\n", "").split("|")
    ),
    b"\\all": frozenset(
        """all mail|all messages|archive/all|alle nachrichten|tous les messages
        |todos|tutti i messaggi|alle berichten|todos os e-mails|wszystkie""".replace(
            "\n", ""
        ).split("|")
    ),
}
_ALIASES = {b"\\allmail": b"\\all", b"\\deleted": b"\\trash"}
_CONTAINERS = {"inbox", "[gmail]", "[google mail]"}  # whose children count as top level


def choose_folders(listed: Sequence[FolderLine]) -> list[str]:
    """The names to read, INBOX first, the others by name.

    A kind of folder is known by its special-use flag; by its name only where the server
    flags no folder of that kind. What lies below a skipped folder is skipped with it.
    """
    skipped = {name for kind in _SKIPPED for name in _of_kind(listed, kind)}
    names = [
        name
        for flags, separator, name in listed
        if not _NOT_TO_OPEN & {flag.lower() for flag in flags}
        and not _at_or_below(name, separator, skipped)
    ]
    return sorted(dict.fromkeys(names), key=lambda name: (name.upper() != "INBOX", name))


def _of_kind(listed: Sequence[FolderLine], kind: bytes) -> list[str]:
    flagged = [name for flags, _, name in listed if kind in map(_special, flags)]
    if flagged:
        return flagged
    words = _SKIPPED[kind]
    return [name for _, separator, name in listed if _leaf(name, separator) in words]


def _special(flag: bytes) -> bytes:
    return _ALIASES.get(flag.lower(), flag.lower())


def _leaf(name: str, separator: str | None) -> str:
    """The name of a top-level folder, folded; "" for deeper ones, which are the person's own."""
    if separator:
        container, _, rest = name.rpartition(separator)
        if container and container.casefold() not in _CONTAINERS:
            return ""
        name = rest
    return name.casefold()


def _at_or_below(name: str, separator: str | None, skipped: set[str]) -> bool:
    if name in skipped:
        return True
    return separator is not None and any(
        name.startswith(above + separator) for above in skipped if above.upper() != "INBOX"
    )
