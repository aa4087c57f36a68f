"""One signed-in, read-only connection to an IMAP server, with its failures sorted by kind."""

from __future__ import annotations

import contextlib
import imaplib
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Protocol

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from classifier.edges.fetchdata import Answer, read_answers
from classifier.edges.mailbox import Folder, FolderGone
from classifier.errors import ServerUnreachable, SignInRefused

# Every wait has a limit; tests shorten these.
CONNECT_SECONDS = 20.0  # name look-up aside: TCP, TLS and the greeting
READ_SECONDS = 60.0  # silence within an answer
GOODBYE_SECONDS = 3.0

LITERAL_MOST = 8 * 2**20  # bytes; nothing that is asked for is a quarter as large

STANDARD_PORTS = {"tls": 993, "starttls": 143, "plain": 143}

# Sign-in over an open connection, by whatever method the account uses (password, token …).
# It raises SignInRefused by itself, or lets imapclient's errors out.
SignIn = Callable[[IMAPClient], None]


class ImapSettings(Protocol):
    """What a connection needs to know; `config.Account` has it."""

    @property
    def name(self) -> str:
        """What the person calls the account."""
        ...

    @property
    def host(self) -> str:
        """The server: a name or an address."""
        ...

    @property
    def port(self) -> int:
        """0: the usual port for `security`."""
        ...

    @property
    def security(self) -> str:
        """`tls`, `starttls` or `plain` (loopback only)."""
        ...

    @property
    def user(self) -> str:
        """The user name on the server."""
        ...

    @property
    def folders(self) -> Sequence[str]:
        """Names of folders, or "*" for all that are worth reading."""
        ...

    @property
    def ca_file(self) -> str | None:
        """Certificates to trust instead of the system's (PEM); None: the system's."""
        ...


class DroppedError(Exception):
    """The connection is of no use any more; another one may be."""


class ThrottledError(Exception):
    """The server asks for patience: `wait` seconds, where it says how many."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class CommandRefusedError(Exception):
    """The server answered NO or BAD to one command; the connection is still good."""


# RFC 5530 (UNAVAILABLE, INUSE, LIMIT, OVERQUOTA isn't one for reading), and what Gmail and
# Microsoft write without a code.
_THROTTLE = re.compile(
    r"\[(?:UNAVAILABLE|THROTTLED|INUSE|LIMIT)\b|throttl|too many (?:simultaneous|connections)"
    r"|exceeded (?:command|bandwidth)|connection limit|try again later|server (?:busy|unavailable)"
    r"|back[- ]?off",
    re.IGNORECASE,
)
_BACK_OFF = re.compile(
    r"back[- ]?off\D{0,30}?(\d+)\s*(ms|milliseconds?|s|sec|seconds?|m|min|minutes?)?\b",
    re.IGNORECASE,
)
_UNITS = {"ms": 0.001, "mi": 0.001, "s": 1.0, "se": 1.0, "m": 60.0}
_PREAMBLE = re.compile(r"^(?:\w+ failed: |command: \w+ => )+")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\uffff]+")


def place(settings: ImapSettings) -> str:
    """The account as messages name it."""
    return f"{settings.name} ({settings.host}:{port_of(settings)})"


def port_of(settings: ImapSettings) -> int:
    """The port to connect to."""
    return settings.port or STANDARD_PORTS.get(settings.security, 993)


class Connection:
    """Signed in from the start; every command of it is in the list of `test_read_only`."""

    def __init__(self, settings: ImapSettings, sign_in: SignIn) -> None:
        self._settings = settings
        self.usable = False
        with _failures():
            self._client = self._connect()
        try:
            if _imaplib(self._client).state == "NONAUTH":
                _sign_in(self._client, sign_in, settings)
        except BaseException:
            self.cut()
            raise
        self.usable = True

    def list_folders(self) -> list[tuple[tuple[bytes, ...], str | None, str]]:
        """(flags, separator, name) of each folder: RFC 3501 LIST, RFC 6154 flags."""
        with self._commands():
            return [
                (
                    tuple(flag for flag in flags if isinstance(flag, bytes)),
                    separator.decode("ascii", "replace") if separator else None,
                    name if isinstance(name, str) else str(name),
                )
                for flags, separator, name in self._client.list_folders()
            ]

    def examine(self, folder: str) -> tuple[Folder, int | None]:
        """Open a folder read-only; also gives UIDNEXT, where the server says it."""
        try:
            with self._commands():
                answer = self._client.select_folder(folder, readonly=True)
        except CommandRefusedError as refused:
            raise FolderGone(
                f"{place(self._settings)}: there is no folder {folder!r} to read ({refused}). "
                "What was read from it before is kept.",
                hint="Check `folders` of this account in ghostresume.toml.",
            ) from None
        uidvalidity, uidnext = answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT")
        opened = Folder(folder, uidvalidity if isinstance(uidvalidity, int) else 0,
                        int(answer.get(b"EXISTS", 0)))  # fmt: skip
        return opened, uidnext if isinstance(uidnext, int) else None

    def search(self, uids: str, since: date | None) -> list[int]:
        """The UIDs among `uids` (a sequence set) of mails that arrived on `since` or later."""
        criteria: list[Any] = [b"UID", uids.encode()]
        if since is not None:
            criteria += [b"SINCE", since]
        with self._commands():
            return [int(uid) for uid in self._client.search(criteria)]

    def fetch(self, uids: Sequence[int], items: str) -> list[Answer]:
        """What the server says of each mail; mails that are gone or garbled are missing.

        imapclient's own `fetch` isn't used: its parser is slow, and one bad answer in a
        batch makes it lose all of them.
        """
        with self._commands():
            kind, data = _imaplib(self._client).uid("FETCH", sequence_set(uids), f"({items})")
            if kind != "OK":
                raise imaplib.IMAP4.error(_server_text(data))
            return list(read_answers(data))

    def log_out(self) -> None:
        """Say goodbye; never raises."""
        if self.usable:
            with contextlib.suppress(Exception):
                self._client.socket().settimeout(GOODBYE_SECONDS)
                self._client.logout()
        self.cut()

    def cut(self) -> None:
        """Close without a word; also wakes a thread that waits for an answer."""
        self.usable = False
        with contextlib.suppress(Exception):
            self._client.socket().shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(Exception):
            self._client.shutdown()

    @contextlib.contextmanager
    def _commands(self) -> Iterator[None]:
        try:
            with _failures():
                yield
        except (DroppedError, ThrottledError):
            self.cut()
            raise

    def _connect(self) -> IMAPClient:
        settings = self._settings
        self._refuse_open_line()
        context = self._tls_context()
        try:
            client = IMAPClient(
                settings.host,
                port_of(settings),
                ssl=settings.security == "tls",
                ssl_context=context,
                timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),
            )
            _tame(client)
            if settings.security == "starttls":
                self._start_tls(client, context)
        except ssl.SSLCertVerificationError as error:
            raise self._unreachable(
                f"the server's certificate isn't trusted ({error.verify_message}); "
                "nothing was sent to it",
                "If the server is your own, set ca_file to its certificate authority.",
            ) from None
        except ssl.SSLEOFError:
            raise  # hung up in the middle: worth another try
        except ssl.SSLError as error:
            raise self._unreachable(
                f"no TLS connection ({error.reason or 'TLS failed'}); nothing was sent to it",
                "Check `port` and `security`: 993 goes with tls, 143 with starttls.",
            ) from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise
            raise self._unreachable(
                "the server's name can't be found", "Check `host`, and the network connection."
            ) from None
        return client

    def _start_tls(self, client: IMAPClient, context: ssl.SSLContext) -> None:
        try:
            offered = client.has_capability("STARTTLS")
            if offered:
                client.starttls(context)
                client.socket().settimeout(READ_SECONDS)
        except BaseException:
            _hang_up(client)
            raise
        if not offered:
            _hang_up(client)
            raise self._unreachable(
                "the server offers no encryption (STARTTLS); the password was not sent",
                'Try security = "tls" with port 993.',
            )

    def _tls_context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise self._unreachable(
                f"ca_file {self._settings.ca_file} can't be used ({error.strerror or error})",
                "ca_file must name a file of certificates in PEM format.",
            ) from None

    def _refuse_open_line(self) -> None:
        if self._settings.security == "plain" and not _is_loopback(self._settings.host):
            raise self._unreachable(
                "an unencrypted connection is allowed to this machine only; nothing was sent",
                'Use security = "tls" (or "starttls").',
            )

    def _unreachable(self, reason: str, hint: str) -> ServerUnreachable:
        return ServerUnreachable(f"{place(self._settings)}: {reason}.", hint=hint)


def sequence_set(uids: Sequence[int]) -> str:
    """`[1, 2, 3, 7]` as RFC 3501 writes it: `1:3,7`; `uids` ascend."""
    runs: list[tuple[int, int]] = []
    for uid in uids:
        if runs and uid == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], uid)
        else:
            runs.append((uid, uid))
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def password_sign_in(settings: ImapSettings, password: Callable[[], str]) -> SignIn:
    """Sign in with user name and password; the password is asked for once."""
    known: list[str] = []

    def sign_in(client: IMAPClient) -> None:
        if not known:
            known.append(password())
        _log_in(client, settings, known[0])

    return sign_in


def _log_in(client: IMAPClient, settings: ImapSettings, password: str) -> None:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in settings.user + password):
        raise SignInRefused(
            f"{place(settings)}: the user name or password holds a control character "
            "(a line end, say); nothing was sent.",
            hint="Store the password again, without a line end.",
        )
    try:
        if settings.user.isascii() and password.isascii():
            # imaplib quotes the password, but sends the user name as it is.
            client.login(f'"{_escaped(settings.user)}"', password)
        elif client.has_capability("AUTH=PLAIN"):
            client.plain_login(settings.user, password)
        else:
            raise SignInRefused(
                f"{place(settings)}: the user name or password holds letters that this server "
                "can't take (it offers no AUTH=PLAIN); nothing was sent.",
                hint="Choose a password of plain letters, digits and signs.",
            )
    except imaplib.IMAP4.error as error:
        if password in str(error) or _escaped(password) in str(error):
            raise LoginError("its answer repeats the password") from None
        raise


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _sign_in(client: IMAPClient, sign_in: SignIn, settings: ImapSettings) -> None:
    """Tell a refusal, which is never tried again, from a drop or throttling at the door."""
    try:
        with _failures():
            try:
                sign_in(client)
            except LoginError as error:
                # imapclient makes one kind of all; the first error is still behind it.
                cause = error.__context__
                raise cause if isinstance(cause, imaplib.IMAP4.abort) else error from None
    except CommandRefusedError as refused:
        raise SignInRefused(
            f"{place(settings)}: the server refused the sign-in of {settings.user}: {refused}. "
            "Nothing was read; what was read before is kept.",
            hint="Check the password with `ghostresume doctor`. Gmail and others want an app "
            "password instead of your own.",
        ) from None


def _tame(client: IMAPClient) -> None:
    # imapclient has imaplib log every line at DEBUG: mail text, and time spent on formatting.
    inner = _imaplib(client)
    inner.debug = 0
    read = inner.read

    def read_within_reason(size: int) -> bytes:
        if size > LITERAL_MOST:  # it would be allocated before the first byte has come
            raise imaplib.IMAP4.abort(f"the server announces {size} bytes at once")
        return read(size)

    inner.read = read_within_reason  # type: ignore[method-assign]


def _imaplib(client: IMAPClient) -> imaplib.IMAP4:
    """The standard library's client inside of imapclient: an attribute for ten years now."""
    inner: imaplib.IMAP4 = client._imap  # noqa: SLF001 - the only way to a raw FETCH answer
    return inner


def _hang_up(client: IMAPClient) -> None:
    with contextlib.suppress(Exception):
        client.shutdown()


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turn what imaplib, imapclient and the network raise into the three kinds above."""
    try:
        yield
    except imaplib.IMAP4.abort as error:
        raise throttled_by(_text(error)) or DroppedError(_dropped_text(_text(error))) from None
    except imaplib.IMAP4.error as error:
        text = _text(error)
        # A greeting of BYE comes as a mere error, though the connection is gone.
        refused = DroppedError(text) if text.startswith("* BYE") else CommandRefusedError(text)
        raise throttled_by(text) or refused from None
    except TimeoutError:
        raise DroppedError("the server stopped answering") from None
    except OSError as error:
        raise DroppedError(f"the connection broke ({error.strerror or 'network error'})") from None
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        # imaplib and imapclient meet answers that break the protocol with any of these.
        raise DroppedError(f"the server's answer makes no sense ({type(error).__name__})") from None


def _dropped_text(text: str) -> str:
    return "the server closed the connection" if "EOF" in text else text


def throttled_by(text: str) -> ThrottledError | None:
    """What a server's answer asks for, if it asks for patience."""
    if not _THROTTLE.search(text):
        return None
    hint = _BACK_OFF.search(text)
    if hint is None:
        return ThrottledError(text)
    unit = (hint[2] or "ms").lower()
    scale = _UNITS.get(unit[:2], 0.001) if unit not in ("m", "min") else 60.0
    scale = 60.0 if unit.startswith("minute") else scale
    return ThrottledError(text, float(hint[1]) * scale)


def _text(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else str(error)
    if isinstance(error.args[0] if error.args else None, bytes):
        text = error.args[0].decode("utf-8", "replace")
    elif text.startswith(("b'", 'b"')) and text.endswith(text[1]):
        text = text[2:-1]
    return _UNPRINTABLE.sub(" ", _PREAMBLE.sub("", text)).strip(" .")[:300]


def _server_text(data: Sequence[Any]) -> str:
    first = data[0] if data else b""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
