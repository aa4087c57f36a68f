"""Servers and lines that misbehave: each fault ends in a clear line, and a later read completes."""

from __future__ import annotations

import contextlib
import email
import logging
import socket
import threading
import time

import pytest
from servers import (
    MAILS,
    PASSWORD,
    USER,
    Account,
    Line,
    ScriptedServer,
    asked,
    fetch_answer,
    make_certificates,
    proxy_to,
    tls_context,
    well_behaved,
)

from classifier.edges import imap, imap_connection, imap_session
from classifier.edges.imap import open_imap
from classifier.edges.mailbox import Fetched, FolderGone, FolderRenumbered, Unfetched
from classifier.errors import GhostResumeError, ServerUnreachable, SignInRefused
from classifier.sample.server import SampleMail

pytestmark = pytest.mark.usefixtures("short_waits")

HANG_UP = None
SECRET = "s3cret-and-long"


def read(account: Account, folder: str = "INBOX", password: str = PASSWORD) -> list:
    with contextlib.closing(open_imap(account, lambda: password)) as mailbox:
        mailbox.open(folder)
        return [mail for batch in mailbox.newer_than(0, None) for mail in batch]


def read_until_it_fails(account: Account) -> tuple[list, GhostResumeError | None]:
    mails: list = []
    try:
        with contextlib.closing(open_imap(account, lambda: SECRET)) as mailbox:
            mailbox.open("INBOX")
            for batch in mailbox.newer_than(0, None):
                mails += batch
    except GhostResumeError as error:
        return mails, error
    return mails, None


def is_clear(error: GhostResumeError | None, port: int) -> bool:
    """Names the account and the place, says what was kept, has a hint and no secret."""
    text = f"{error} {error!r} {error.hint}"
    return (
        f"personal (127.0.0.1:{port})" in str(error)
        and ("kept" in str(error) or "nothing was sent" in str(error))
        and bool(error.hint)
        and SECRET not in text
        and PASSWORD not in text
        and "\n" not in str(error)
    )


def subject(mail: Fetched) -> str:
    return email.message_from_bytes(mail.raw)["Subject"]


# Drops on a real server


@pytest.fixture
def three_hundred(dovecot):
    if dovecot.flags("INBOX") == {}:
        dovecot.add(
            SampleMail("INBOX", b"Subject: %d\r\n\r\n%s\r\n" % (n, b"words " * 50))
            for n in range(300)
        )
    return dovecot


@pytest.mark.parametrize("count", [0, 10, 200, 500, 1_500, 20_000, 60_000, 100_000, 140_000])
def test_after_a_drop_the_reading_goes_on_where_it_stopped(three_hundred, count):
    with proxy_to(three_hundred.port, [Line(drop_after=count)]) as proxy:
        mails = read(Account(port=proxy.port))
        assert proxy.connections >= 2
    assert [subject(mail) for mail in mails] == [str(n) for n in range(300)]
    assert len({mail.uid for mail in mails}) == 300


def test_a_line_that_breaks_again_and_again_still_gets_everything(three_hundred):
    with proxy_to(three_hundred.port, [Line(drop_after=60_000)] * 50) as proxy:
        mails = read(Account(port=proxy.port))
        assert proxy.connections > 2
    assert [subject(mail) for mail in mails] == [str(n) for n in range(300)]


def test_a_line_that_never_carries_enough_ends_in_a_clear_line(three_hundred):
    with proxy_to(three_hundred.port, [Line(drop_after=400)] * 100) as proxy:
        with pytest.raises(ServerUnreachable) as failed:
            read(Account(port=proxy.port))
        assert is_clear(failed.value, proxy.port)
        assert proxy.connections < 20
    assert len(read(Account(port=three_hundred.port))) == 300


@pytest.mark.parametrize("count", [0, 300, 50_000])
def test_after_a_long_silence_another_connection_goes_on(three_hundred, count):
    with proxy_to(three_hundred.port, [Line(silent_after=count)]) as proxy:
        mails = read(Account(port=proxy.port))
    assert len(mails) == 300


def test_a_dropped_tls_line_goes_on_too(three_hundred):
    with proxy_to(three_hundred.tls_port, [Line(drop_after=n) for n in (0, 100, 3_000)]) as proxy:
        account = Account(port=proxy.port, security="tls", ca_file=three_hundred.ca_file)
        assert len(read(account)) == 300


def test_a_password_is_asked_for_once_though_the_line_breaks(three_hundred):
    asked_for = []

    def password():
        asked_for.append(1)
        return PASSWORD

    with (
        proxy_to(three_hundred.port, [Line(drop_after=20_000)]) as proxy,
        contextlib.closing(open_imap(Account(port=proxy.port), password)) as mailbox,
    ):
        mailbox.open("INBOX")
        assert sum(map(len, mailbox.newer_than(0, None))) == 300
    assert asked_for == [1]


# Sign-in


@pytest.fixture
def patient(short_waits, monkeypatch):
    """Dovecot takes its time over a refusal."""
    monkeypatch.setattr(imap_connection, "READ_SECONDS", 20.0)


@pytest.mark.parametrize("kind", ["pymap", "dovecot"])
def test_a_refused_password_is_tried_once_only(request, kind, patient):
    server = request.getfixturevalue(kind)
    with proxy_to(server.port) as proxy:
        with pytest.raises(SignInRefused) as refused:
            read(Account(port=proxy.port), password=SECRET)
        assert sum(command.startswith("LOGIN") for command in proxy.commands()) == 1
        assert proxy.connections == 1
        assert is_clear(refused.value, proxy.port)
        assert USER in str(refused.value)
    assert refused.value.exit_code == 3


def test_a_server_that_throttles_the_sign_in_is_asked_again():
    answers = ["NO [UNAVAILABLE] busy", "NO [ALERT] Too many simultaneous connections. (Failure)",
               "NO [INUSE] later"]  # fmt: skip

    def script(tag, command):
        if command.startswith("LOGIN") and answers:
            return f"{tag} {answers.pop(0)}\r\n".encode()
        raise KeyError

    with ScriptedServer(script) as server:
        assert len(read(Account(port=server.port))) == 3


def test_a_drop_at_the_sign_in_is_no_refusal():
    drops = [1, 1]

    def script(tag, command):
        if command.startswith("LOGIN") and drops:
            drops.pop()
            return HANG_UP
        raise KeyError

    with ScriptedServer(script) as server:
        assert len(read(Account(port=server.port))) == 3


def test_a_server_that_repeats_the_password_in_its_answer_is_not_repeated():
    def script(tag, command):
        if command.startswith("LOGIN"):
            return f"{tag} NO you said {command}\r\n".encode()
        raise KeyError

    with ScriptedServer(script) as server:
        _, error = read_until_it_fails(Account(port=server.port))
    assert isinstance(error, SignInRefused)
    assert SECRET not in f"{error} {error!r} {error.hint}"


def test_no_secret_reaches_the_log(three_hundred, caplog, patient):
    caplog.set_level(logging.DEBUG)
    with proxy_to(three_hundred.port, [Line(drop_after=20_000)]) as proxy:
        read(Account(port=proxy.port))
    with pytest.raises(SignInRefused):
        read(Account(port=three_hundred.port), password=SECRET)
    assert PASSWORD not in caplog.text
    assert SECRET not in caplog.text
    assert "words words" not in caplog.text


# Encryption


def test_a_certificate_of_an_unknown_authority_is_refused(dovecot, tmp_path):
    account = Account(port=dovecot.tls_port, security="tls")
    with pytest.raises(ServerUnreachable, match="certificate") as failed:
        read(account)
    assert "ca_file" in failed.value.hint
    other = make_certificates(tmp_path)
    with pytest.raises(ServerUnreachable, match="certificate"):
        read(Account(port=dovecot.tls_port, security="tls", ca_file=str(other.ca)))
    with pytest.raises(ServerUnreachable, match="certificate"):
        read(Account(port=dovecot.port, security="starttls"))


def test_a_certificate_for_another_name_is_refused(tmp_path):
    certificates = make_certificates(tmp_path, host="imap.example.org")
    context = tls_context(certificates)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError):
                        context.wrap_socket(client, server_side=True).recv(10)

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        with pytest.raises(ServerUnreachable, match="certificate"):
            read(Account(port=port, security="tls", ca_file=str(certificates.ca)))


def test_a_missing_ca_file_is_named(dovecot):
    with pytest.raises(ServerUnreachable, match=r"nowhere\.pem"):
        read(Account(port=dovecot.tls_port, security="tls", ca_file="nowhere.pem"))


def test_without_starttls_no_password_is_sent():
    with ScriptedServer(well_behaved) as server:
        with pytest.raises(ServerUnreachable, match="STARTTLS"):
            read(Account(port=server.port, security="starttls"))
        assert not any(command.startswith("LOGIN") for command in server.commands)
        assert server.connections == 1


def test_a_plain_line_to_another_machine_is_refused_before_anything_is_sent():
    with pytest.raises(ServerUnreachable, match="this machine only"):
        read(Account(host="192.0.2.1", port=143))


def test_tls_to_a_plain_port_is_explained(dovecot):
    with pytest.raises(ServerUnreachable, match="TLS") as failed:
        read(Account(port=dovecot.port, security="tls", ca_file=dovecot.ca_file))
    assert "993" in failed.value.hint


def test_a_port_where_nobody_listens_ends_in_a_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(ServerUnreachable) as failed:
        read(Account(port=port))
    assert is_clear(failed.value, port)
    assert failed.value.exit_code == 4


def test_a_server_that_never_greets_ends_in_a_clear_line(monkeypatch):
    monkeypatch.setattr(imap_connection, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(ServerUnreachable, match="stopped answering"):
            read(Account(port=port))
        assert time.monotonic() - began < 5


def test_a_greeting_of_goodbye_ends_in_a_clear_line():
    with ScriptedServer(well_behaved, greeting=b"* BYE [UNAVAILABLE] come back\r\n") as server:
        with pytest.raises(ServerUnreachable, match="fewer requests") as failed:
            read(Account(port=server.port))
        assert is_clear(failed.value, server.port)
        assert server.connections == imap_session.ATTEMPTS


# Scripted faults in the middle of a read


def on_fetch(answer, times: int = 1):
    """A script that answers the first `times` FETCHes with `answer(tag, command)`."""
    left = [None] * times

    def script(tag, command):
        if command.startswith("UID FETCH") and left:
            left.pop()
            return answer(tag, command)
        raise KeyError

    return script


def short_literal(tag, command):
    """Announces 500 bytes more than come."""
    answer = fetch_answer(1, command)
    return answer.replace(b"BODY[HEADER]<0> {", b"BODY[HEADER]<0> {5") + f"{tag} OK\r\n".encode()


FAULTS = {
    "throttled": lambda tag, command: f"{tag} NO [THROTTLED] slow down\r\n".encode(),
    "bad-throttled": lambda tag, command: (
        f"{tag} BAD Request is throttled. Suggested Backoff Time: 20 milliseconds\r\n".encode()
    ),
    "bye": lambda tag, command: b"* BYE server shutting down\r\n",
    "bye-and-hang-up": lambda tag, command: None,
    "short-literal": short_literal,
    "silence": lambda tag, command: b"",
    "half-a-line": lambda tag, command: b"* 1 FETCH (UID 1 BODYSTR",
    "nonsense": lambda tag, command: b"\x00\xff\xfe what\r\n",
    "wrong-tag": lambda tag, command: b"ZZZZ99 OK done\r\n",
    "no-fetch-at-all": lambda tag, command: f"{tag} OK done\r\n".encode(),
    "garbled-list": lambda tag, command: f"* 1 FETCH (UID 1 ((()\r\n{tag} OK done\r\n".encode(),
    "refused": lambda tag, command: f"{tag} NO [SERVERBUG] internal error\r\n".encode(),
    "endless-line": lambda tag, command: b"* 1 FETCH (" + b"x" * 1_100_000,
    "huge-literal": lambda tag, command: b"* 1 FETCH (UID 1 BODY[HEADER] {99999999999}\r\nabc",
}


@pytest.fixture
def impatient(short_waits, monkeypatch):
    monkeypatch.setattr(imap_connection, "READ_SECONDS", 0.15)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_that_passes_loses_no_mail(fault):
    with ScriptedServer(on_fetch(FAULTS[fault])) as server:
        mails = read(Account(port=server.port))
    assert [subject(mail) for mail in mails] == ["mail 1", "mail 2", "mail 3"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_that_stays_ends_in_a_clear_line_and_a_later_read_completes(fault):
    with ScriptedServer(on_fetch(FAULTS[fault], times=1000)) as server:
        mails, error = read_until_it_fails(Account(port=server.port))
        if error is None:  # each mail accounted for, one by one
            assert [mail.uid for mail in mails] == [1, 2, 3]
            assert all(isinstance(mail, Unfetched) and mail.reason for mail in mails)
        else:
            assert isinstance(error, ServerUnreachable)
            assert is_clear(error, server.port)
            assert mails == []
        assert len(server.commands) < 200
    with ScriptedServer(well_behaved) as mended:
        assert len(read(Account(port=mended.port))) == 3


def test_a_server_that_names_a_wait_is_given_it(monkeypatch):
    said = lambda tag, command: f"{tag} NO [THROTTLED] back off 300 ms\r\n".encode()  # noqa: E731
    with ScriptedServer(on_fetch(said)) as server:
        began = time.monotonic()
        assert len(read(Account(port=server.port))) == 3
        assert time.monotonic() - began >= 0.3


def test_a_wait_beyond_reason_ends_in_a_clear_line():
    said = lambda tag, command: f"{tag} NO back off 3600000 ms\r\n".encode()  # noqa: E731
    with ScriptedServer(on_fetch(said)) as server:
        _, error = read_until_it_fails(Account(port=server.port))
    assert isinstance(error, ServerUnreachable)
    assert "3600000" in str(error)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("back off 299961 ms", 299.961),
        ("Suggested Backoff Time: 92415 milliseconds", 92.415),
        ("throttled, back-off for 30 seconds", 30.0),
        ("back off 2 minutes", 120.0),
        ("back off 5 s", 5.0),
        ("[THROTTLED] slow down", None),
    ],
)
def test_the_wait_is_read_from_what_servers_say(text, seconds):
    throttled = imap_connection.throttled_by(text)
    assert throttled is not None
    assert throttled.wait == seconds


@pytest.mark.parametrize("text", ["[AUTHENTICATIONFAILED] Invalid credentials", "[NONEXISTENT] x"])
def test_a_plain_refusal_is_not_taken_for_throttling(text):
    assert imap_connection.throttled_by(text) is None


@pytest.mark.parametrize(
    "structure",
    [
        b"NIL",
        b"()",
        b'"nonsense"',
        b"((((",
        b'("text" "plain")',
        b'(NIL NIL NIL NIL NIL "7bit" 10 1)',
        b'(("text" "plain" NIL NIL NIL "7bit" 10 1) "mixed")',  # the header says otherwise
        b'("application" "pdf" NIL NIL NIL "base64" 10)',  # nothing to fetch
    ],
)
def test_a_mail_with_a_wrong_structure_is_read_whole(structure, monkeypatch):
    monkeypatch.setitem(
        MAILS, 2, b"Subject: mail 2\r\nContent-Type: text/plain\r\n\r\nThe text of mail 2.\r\n"
    )

    def script(tag, command):
        if command.startswith("UID FETCH") and "BODYSTRUCTURE" in command:
            answers = [
                fetch_answer(uid, command, structure if uid == 2 else None)
                for uid in asked(command)
            ]
            return b"".join(answers) + f"{tag} OK done\r\n".encode()
        raise KeyError

    with ScriptedServer(script) as server:
        mails = read(Account(port=server.port))
    assert [subject(mail) for mail in mails] == ["mail 1", "mail 2", "mail 3"]
    if b"application" not in structure:
        assert all(b"The text of mail" in mail.raw for mail in mails)


def test_one_mail_that_upsets_the_server_is_named_and_the_others_come():
    def script(tag, command):
        if command.startswith("UID FETCH") and 2 in asked(command):
            return f"{tag} NO [SERVERBUG] Internal error\r\n".encode()
        raise KeyError

    with ScriptedServer(script) as server:
        mails = read(Account(port=server.port))
    assert [mail.uid for mail in mails] == [1, 2, 3]
    assert isinstance(mails[1], Unfetched)
    assert "SERVERBUG" in mails[1].reason


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_one_mail_that_kills_the_connection_is_named_and_the_others_come(bad):
    def script(tag, command):
        if command.startswith("UID FETCH") and bad in asked(command):
            return HANG_UP
        raise KeyError

    with ScriptedServer(script) as server:
        mails = read(Account(port=server.port))
    assert [mail.uid for mail in mails] == [1, 2, 3]
    assert [mail.uid for mail in mails if isinstance(mail, Unfetched)] == [bad]


def test_the_newest_mail_is_not_taken_for_a_newer_one():
    with (
        ScriptedServer(well_behaved) as server,
        contextlib.closing(open_imap(Account(port=server.port), lambda: "x")) as mailbox,
    ):
        mailbox.open("INBOX")
        assert list(mailbox.newer_than(3, None)) == []
        assert list(mailbox.newer_than(7, None)) == []


def test_a_folder_renumbered_while_it_is_read_stops_the_reading():
    valid = iter([7, 8])

    def script(tag, command):
        if command.startswith("EXAMINE"):
            return f"* 3 EXISTS\r\n* OK [UIDVALIDITY {next(valid)}] x\r\n{tag} OK done\r\n".encode()
        if command.startswith("UID FETCH"):
            return None
        raise KeyError

    with ScriptedServer(script) as server, pytest.raises(FolderRenumbered) as failed:
        read(Account(port=server.port))
    assert is_clear(failed.value, server.port)


def test_a_folder_that_is_gone_after_a_drop_is_told():
    answers = iter([True])

    def script(tag, command):
        if command.startswith("EXAMINE") and not next(answers, False):
            return f"{tag} NO [NONEXISTENT] no such folder\r\n".encode()
        if command.startswith("UID FETCH"):
            return None
        raise KeyError

    with ScriptedServer(script) as server, pytest.raises(FolderGone) as failed:
        read(Account(port=server.port))
    assert is_clear(failed.value, server.port)


def test_a_large_folder_is_searched_in_windows(monkeypatch):
    monkeypatch.setattr(imap, "SEARCH_SPAN", 1)
    with ScriptedServer(well_behaved) as server:
        assert len(read(Account(port=server.port))) == 3
        searches = [command for command in server.commands if "SEARCH" in command]
    assert searches == ["UID SEARCH UID 1:1", "UID SEARCH UID 2:2", "UID SEARCH UID 3:*"]


def test_a_reader_who_leaves_ends_a_long_wait_for_the_server(monkeypatch):
    monkeypatch.setattr(imap_connection, "READ_SECONDS", 30.0)
    monkeypatch.setattr(imap, "BATCH", 1)

    def script(tag, command):
        if command.startswith("UID FETCH 2 "):
            return b""
        raise KeyError

    with ScriptedServer(script) as server:
        mailbox = open_imap(Account(port=server.port), lambda: "x")
        mailbox.open("INBOX")
        assert [mail.uid for mail in next(iter(mailbox.newer_than(0, None)))] == [1]
        began = time.monotonic()
        mailbox.close()
        assert time.monotonic() - began < 3
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]


def test_after_an_interruption_the_mailbox_can_be_used_again(three_hundred, monkeypatch):
    monkeypatch.setattr(imap, "BATCH", 5)
    with contextlib.closing(
        open_imap(Account(port=three_hundred.port), lambda: PASSWORD)
    ) as mailbox:
        for _ in range(5):
            mailbox.open("INBOX")
            assert len(next(iter(mailbox.newer_than(0, None)))) == 5
        mailbox.open("INBOX")
        assert sum(map(len, mailbox.newer_than(0, None))) == 300
