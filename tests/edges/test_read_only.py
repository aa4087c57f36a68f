"""Reading leaves no trace: every command that is ever sent, and the flags afterwards."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime

import pytest
from servers import PASSWORD, USER, Account, proxy_to

from classifier.edges.imap import ImapMailbox, open_imap
from classifier.edges.mailbox import Mailbox
from classifier.sample.server import SampleMail

# Of the FETCH items, BODY without .PEEK would set \Seen (RFC 3501, section 6.4.5).
_ITEM = r"(?:UID|BODYSTRUCTURE|BODY\.PEEK\[(?:HEADER|[\d.]+(?:\.HEADER)?)?\]<0\.\d+>)"
ALLOWED = re.compile(
    r"CAPABILITY"
    r'|LOGIN "[^\r\n]*'
    r"|AUTHENTICATE PLAIN"
    r'|LIST "" "\*"'
    r'|EXAMINE "[^"]+"'
    r"|UID SEARCH UID \d+(?::(?:\d+|\*))?(?: SINCE \d\d?-\w{3}-\d{4})?"
    rf"|UID FETCH [\d:,]+ \({_ITEM}(?: {_ITEM})*\)"
    r"|NOOP|LOGOUT|STARTTLS"
)

MIXED = (
    b"Subject: mixed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
    b"--m\r\nContent-Type: text/plain\r\n\r\nwords\r\n"
    b"--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner words\r\n"
    b"--m\r\nContent-Type: image/png\r\n\r\npicture\r\n--m--\r\n"
)
BROKEN = b"Subject: broken\r\nContent-Type: multipart/mixed\r\n\r\nno boundary anywhere\r\n"


@pytest.fixture(params=["pymap", "dovecot"])
def server(request):
    return request.getfixturevalue(request.param)


def read_all(mailbox: Mailbox, folder: str) -> int:
    """All that a sync does: list, open, read everything, ask again for newer mail."""
    count = 0
    assert folder in mailbox.folders()
    for name in ("INBOX", folder):
        mailbox.open(name)
        last = 0
        for batch in mailbox.newer_than(0, date(2020, 1, 1)):
            count += len(batch)
            last = batch[-1].uid
        assert list(mailbox.newer_than(last, None)) == []
    return count


def test_every_command_is_harmless_and_no_flag_changes(server, folder):
    when = datetime(2025, 3, 3, 12, tzinfo=UTC)
    server.add(
        [
            *(SampleMail(folder, b"Subject: %d\r\n\r\nhi\r\n" % n, when) for n in range(150)),
            SampleMail(folder, MIXED, when, ("\\Seen", "\\Flagged")),
            SampleMail(folder, BROKEN, when),
        ]
    )
    before = server.flags(folder)
    with proxy_to(server.port) as proxy:
        account = Account(port=proxy.port, folders=("*",))
        with contextlib.closing(open_imap(account, lambda: PASSWORD)) as mailbox:
            assert read_all(mailbox, folder) >= 152
    commands = proxy.commands()
    assert [command for command in commands if not ALLOWED.fullmatch(command)] == []
    for expected in ("LOGIN", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT"):
        assert any(command.startswith(expected) for command in commands), expected
    assert server.flags(folder) == before


def test_the_list_of_allowed_commands_would_catch_a_harmful_one():
    for harmful in (
        'SELECT "INBOX"',
        "UID FETCH 1 (BODY[])",
        "UID FETCH 1 (UID BODY[1]<0.100>)",
        "UID FETCH 1 (UID RFC822)",
        "UID STORE 1 +FLAGS (\\Seen)",
        "EXPUNGE",
        "CLOSE",
    ):
        assert ALLOWED.fullmatch(harmful) is None


def test_a_mailbox_has_no_method_that_changes_mail():
    public = {name for name in dir(ImapMailbox) if not name.startswith("_")}
    assert public == {"connect", "folders", "open", "newer_than", "close"}


def test_mails_of_one_shape_share_their_commands(server, folder):
    server.add(SampleMail(folder, b"Subject: %d\r\n\r\nhi\r\n" % n) for n in range(100))
    with (
        proxy_to(server.port) as proxy,
        contextlib.closing(open_imap(Account(port=proxy.port), lambda: PASSWORD)) as mailbox,
    ):
        mailbox.open(folder)
        assert sum(map(len, mailbox.newer_than(0, None))) == 100
    fetches = [command for command in proxy.commands() if command.startswith("UID FETCH")]
    assert len(fetches) == 2  # all headers and structures, then all texts


def test_a_password_outside_ascii_goes_by_authenticate(server):
    from classifier.errors import SignInRefused

    with proxy_to(server.port) as proxy:
        with pytest.raises(SignInRefused) as refused:
            open_imap(Account(port=proxy.port), lambda: "geheim ß")
        assert not any(command.startswith("LOGIN") for command in proxy.commands())
    assert "geheim" not in str(refused.value)
    assert USER in str(refused.value)
