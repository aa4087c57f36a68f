"""IMAP servers for the tests: Dovecot on a throw-away CA, and a proxy that listens in."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import pwd
import re
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from imapclient import IMAPClient

from classifier.sample.server import SampleMail

USER = "sam@example.org"
PASSWORD = 'correct horse "battery" \\staple'
DOVECOT = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
NO_DOVECOT = "Dovecot isn't installed (package dovecot-imapd): its part of the suite is skipped"


@dataclass(frozen=True, slots=True)
class Account:
    """Settings as `config.Account` has them."""

    host: str = "127.0.0.1"
    port: int = 0
    name: str = "personal"
    security: str = "plain"
    user: str = USER
    folders: tuple[str, ...] = ("INBOX",)
    ca_file: str | None = None
    auth: str = "env"
    password_command: tuple[str, ...] = ()
    password_env: str = "GHOSTRESUME_TEST_PASSWORD"


# A certificate authority for an afternoon


@dataclass(frozen=True, slots=True)
class Certificates:
    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, *, host: str = "127.0.0.1") -> Certificates:
    """A CA and a server certificate for `host`, valid for a day."""
    ca_key, ca = _certificate("Test CA", None, None, host)
    key, certificate = _certificate(host, ca_key, ca, host)
    paths = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    paths.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    paths.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def _certificate(name, issuer_key, issuer, host):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    signer = issuer_key or key
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=issuer is None, crl_sign=issuer is None,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    return key, builder.sign(signer, hashes.SHA256())


# Dovecot

_SPECIAL = ("Trash", "Drafts", "Sent", "Junk")

_COMMON = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
auth_failure_delay = 0
mail_fsync = never
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}
}}
"""

_CONFIG_23 = """
mail_location = maildir:{folder}/mail/%u
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
ssl_dh =
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%u
}}
"""

_CONFIG_24 = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
mail_driver = maildir
mail_path = {folder}/mail/%{{user}}
ssl_server_cert_file = {folder}/server.pem
ssl_server_key_file = {folder}/server.key
auth_allow_cleartext = yes
auth_mechanisms = plain login
passdb passwd-file {{
  passwd_file_path = {folder}/users
  default_password_scheme = PLAIN
}}
userdb static {{
  fields {{
    uid = {user}
    gid = {group}
    home = {folder}/home/%{{user}}
  }}
}}
"""


@dataclass(slots=True)
class Dovecot:
    """A running Dovecot: `port` is plain and STARTTLS, `tls_port` is TLS from the start."""

    folder: Path
    port: int
    tls_port: int
    ca_file: str
    host: str = "127.0.0.1"
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def add(self, mails: Iterable[SampleMail]) -> None:
        with self.client() as client:
            known = {name for _, _, name in client.list_folders()}
            for mail in mails:
                if mail.folder not in known:
                    client.create_folder(mail.folder)
                    known.add(mail.folder)
                client.append(mail.folder, mail.raw, mail.flags, mail.arrived)

    def delete(self, folder: str) -> None:
        with self.client() as client:
            client.delete_folder(folder)

    def empty(self, folder: str) -> None:
        with self.client() as client:
            client.select_folder(folder)
            if uids := client.search("ALL"):
                client.delete_messages(uids)
                client.expunge()

    def flags(self, folder: str) -> dict[int, frozenset[str]]:
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            answers = client.fetch(client.search("ALL"), ["FLAGS"])
            return {
                uid: frozenset(flag.decode() for flag in answer[b"FLAGS"] if flag != b"\\Recent")
                for uid, answer in answers.items()
            }

    @contextlib.contextmanager
    def client(self) -> Iterator[IMAPClient]:
        client = IMAPClient(self.host, self.port, ssl=False, timeout=20)
        try:
            client.login(f'"{USER}"', PASSWORD)
            yield client
            client.logout()
        finally:
            with contextlib.suppress(Exception):
                client.shutdown()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_dovecot() -> Dovecot:
    """Dovecot without any right of its own: as this user, or as `nobody` when that is root."""
    assert DOVECOT, NO_DOVECOT
    folder = Path(tempfile.mkdtemp(prefix="gr-", dir="/tmp"))  # short: it holds Unix sockets
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    group = _group_name(owner.pw_gid)
    plain_port, tls_port = _free_port(), _free_port()
    make_certificates(folder)
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n", "utf-8")
    version = subprocess.run([DOVECOT, "--version"], capture_output=True, text=True, check=True)
    newer = not version.stdout.startswith("2.3.")
    text = ((_CONFIG_24 + _COMMON) if newer else (_COMMON + _CONFIG_23)).format(
        folder=folder,
        user=owner.pw_name,
        group=group,
        plain_port=plain_port,
        tls_port=tls_port,
        mailboxes="\n".join(
            f"  mailbox {name} {{\n    special_use = \\{name}\n    auto = create\n  }}"
            for name in _SPECIAL
        ),
    )
    config = folder / "dovecot.conf"
    config.write_text(text, "utf-8")
    for name in ("run", "state", "mail", "home"):
        (folder / name).mkdir()
    if os.getuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, owner.pw_uid, owner.pw_gid)
    as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        [DOVECOT, "-F", "-c", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        **(as_user if os.getuid() == 0 else {}),
    )
    server = Dovecot(folder, plain_port, tls_port, str(folder / "ca.pem"), _process=process)
    _wait_for(server, process)
    return server


def _group_name(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for(server: Dovecot, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if process.poll() is not None:
            problem = process.stderr.read().decode() if process.stderr else ""
            raise RuntimeError(f"Dovecot didn't start: {problem}{_log_of(server)}")
        try:
            with server.client():
                return
        except OSError:
            time.sleep(0.03)
    raise RuntimeError(f"Dovecot doesn't answer: {_log_of(server)}")


def _log_of(server: Dovecot) -> str:
    log = server.folder / "log"
    return log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""


# A proxy that listens in and can break the line


@dataclass(slots=True)
class Line:
    """What the proxy does with one connection: None means for ever, or unharmed."""

    drop_after: int | None = None  # bytes from the server, then the line is cut
    silent_after: int | None = None  # bytes from the server, then nothing more comes


class Proxy:
    """Between client and server on loopback: notes each command, and breaks lines on order.

    `lines` says what happens to the first, second … connection; later ones are left alone.
    """

    def __init__(self, port: int, lines: Iterable[Line] = ()) -> None:
        self._target = port
        self._lines = list(lines)
        self.sent = bytearray()  # all that clients said, unencrypted
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def commands(self) -> list[str]:
        """The command lines so far, without their tags."""
        text = bytes(self.sent).decode("utf-8", "replace")
        return [line.partition(" ")[2] for line in text.split("\r\n") if line]

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            ready, _, _ = select.select([self._listener], [], [], 0.05)
            if not ready:
                continue
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            line = self._lines.pop(0) if self._lines else Line()
            thread = threading.Thread(target=self._carry, args=(client, line), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket, line: Line) -> None:
        came = 0
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            while not self._stopped.is_set():
                ready, _, _ = select.select([client, server], [], [], 0.05)
                for side in ready:
                    try:
                        data = side.recv(65536)
                    except OSError:
                        return
                    if not data:
                        return
                    if side is client:
                        self.sent += data
                        server.sendall(data)
                        continue
                    if line.drop_after is not None and came + len(data) > line.drop_after:
                        _try_to_send(client, data[: max(0, line.drop_after - came)])
                        return
                    if line.silent_after is not None and came + len(data) > line.silent_after:
                        data = data[: max(0, line.silent_after - came)]
                    came += len(data)
                    _try_to_send(client, data)


def _try_to_send(side: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        side.sendall(data)


@contextlib.contextmanager
def proxy_to(port: int, lines: Iterable[Line] = ()) -> Iterator[Proxy]:
    proxy = Proxy(port, lines)
    try:
        yield proxy
    finally:
        proxy.stop()


# A server that says what it is told to say

Reply = Callable[[str, str], bytes | None]  # tag and command → answer; None: hang up


class ScriptedServer:
    """Speaks just enough IMAP; `script` may answer any command itself.

    `script(tag, command)` gives bytes to send as they are, None to hang up, or raises
    `KeyError` to let the built-in, well-behaved answer stand.
    """

    def __init__(self, script: Reply, *, greeting: bytes = b"* OK ready\r\n") -> None:
        self._script = script
        self._greeting = greeting
        self.commands: list[str] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            ready, _, _ = select.select([self._listener], [], [], 0.05)
            if not ready:
                continue
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(10)
        with client, contextlib.suppress(OSError), client.makefile("rb") as lines:
            client.sendall(self._greeting)
            while not self._stopped.is_set() and (line := lines.readline()):
                tag, _, command = line.decode("utf-8", "replace").strip().partition(" ")
                self.commands.append(command)
                try:
                    answer = self._script(tag, command)
                except KeyError:
                    answer = well_behaved(tag, command)
                if answer is None:
                    return
                client.sendall(answer)
                if command.upper() == "LOGOUT":
                    return


MAILS = {
    uid: b"From: Ada <ada@example.org>\r\nSubject: mail %d\r\n"
    b"Message-ID: <m%d@example.org>\r\n\r\nThe text of mail %d.\r\n" % (uid, uid, uid)
    for uid in (1, 2, 3)
}


def well_behaved(tag: str, command: str) -> bytes:
    """The answers of a plain server with the three mails of `MAILS`."""
    verb = command.upper()
    done = f"{tag} OK done\r\n".encode()
    if verb.startswith("CAPABILITY"):
        return b"* CAPABILITY IMAP4rev1\r\n" + done
    if verb.startswith("EXAMINE"):
        return b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 4] next\r\n" + done
    if verb.startswith("UID SEARCH"):
        first = int(re.search(r"UID (\d+)", command.partition("SEARCH")[2])[1])
        found = [uid for uid in MAILS if uid >= first] or [max(MAILS)]
        if ":" not in command:
            found = [uid for uid in MAILS if uid == first]
        return b"* SEARCH " + " ".join(map(str, found)).encode() + b"\r\n" + done
    if verb.startswith("UID FETCH"):
        return b"".join(fetch_answer(uid, command) for uid in asked(command)) + done
    if verb.startswith("LOGOUT"):
        return b"* BYE\r\n" + done
    return done


def asked(command: str) -> list[int]:
    """The UIDs of a FETCH that exist."""
    uids: list[int] = []
    for part in command.split()[2].split(","):
        first, _, last = part.partition(":")
        uids += range(int(first), int(last or first) + 1)
    return [uid for uid in uids if uid in MAILS]


def fetch_answer(uid: int, command: str, structure: bytes | None = None) -> bytes:
    """One mail's answer to `command`, with a right (or the given) BODYSTRUCTURE."""
    header, _, body = MAILS[uid].partition(b"\r\n\r\n")
    header += b"\r\n\r\n"
    right = b'("text" "plain" NIL NIL NIL "7bit" %d 1)' % len(body)
    items = [b"UID %d" % uid]
    if "BODYSTRUCTURE" in command:
        items.append(b"BODYSTRUCTURE " + (structure or right))
    for name, content in (("HEADER", header), ("1", body), ("", MAILS[uid])):
        if f"[{name}]" in command:
            items.append(b"BODY[%s]<0> {%d}\r\n%s" % (name.encode(), len(content), content))
    return b"* %d FETCH (%s)\r\n" % (uid, b" ".join(items))


def tls_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context
