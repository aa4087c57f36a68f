"""What every mailbox must do: one suite for pymap, Dovecot and a folder of files."""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from servers import PASSWORD, Account

from classifier.core.message import parse_message
from classifier.edges import imap
from classifier.edges.bodystructure import TEXT_LIMIT
from classifier.edges.imap import open_imap
from classifier.edges.mailbox import Fetched, Folder, FolderGone, Mailbox, Unfetched
from classifier.edges.mailfiles import read_mail
from classifier.sample.server import SampleMail


def plain(number: int) -> bytes:
    return (
        f"From: Ada <ada@example.org>\r\nSubject: mail {number}\r\n"
        f"Message-ID: <{number}@example.org>\r\n\r\nThe words of mail {number}.\r\n"
    ).encode()


class FilesMailbox:
    """A thin adapter: each folder is a directory, a mail's UID is its place in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opened: Path | None = None

    def folders(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir())

    def open(self, folder: str) -> Folder:
        self.opened = self.root / folder
        if not self.opened.is_dir():
            raise FolderGone(f"{folder} is gone")
        return Folder(folder, 1, len(list(read_mail([self.opened]))))

    def newer_than(self, last_uid, since):
        for uid, mail in enumerate(read_mail([self.opened]), start=1):
            arrived = datetime.fromtimestamp(Path(mail.path).stat().st_mtime, UTC).date()
            if uid > last_uid and (since is None or arrived >= since):
                yield [Fetched(uid, mail.raw, len(mail.raw))]

    def close(self) -> None:
        pass


@dataclass
class World:
    """A kind of mailbox, and the way mail gets into it."""

    open: Callable[[], Mailbox]
    add: Callable[[Iterable[SampleMail]], None]
    empty: Callable[[str], None]


@pytest.fixture(params=["pymap", "dovecot-tls", "dovecot-starttls", "files"])
def world(request, tmp_path):
    if request.param == "files":
        return _files(tmp_path)
    server = request.getfixturevalue(request.param.partition("-")[0])
    if request.param == "dovecot-tls":
        account = Account(port=server.tls_port, security="tls", ca_file=server.ca_file)
    elif request.param == "dovecot-starttls":
        account = Account(port=server.port, security="starttls", ca_file=server.ca_file)
    else:
        account = Account(port=server.port)
    return World(lambda: open_imap(account, lambda: PASSWORD), server.add, server.empty)


def _files(root: Path) -> World:
    def add(mails):
        for mail in mails:
            folder = root / mail.folder
            folder.mkdir(exist_ok=True)
            path = folder / f"{len(list(folder.iterdir())):06}.eml"
            path.write_bytes(mail.raw)
            when = (mail.arrived or datetime.now(UTC)).timestamp()
            os.utime(path, (when, when))

    def empty(folder):
        for path in (root / folder).iterdir():
            path.unlink()

    return World(lambda: FilesMailbox(root), add, empty)


@pytest.fixture
def mailbox(world):
    with contextlib.closing(world.open()) as mailbox:
        yield mailbox


def read(mailbox: Mailbox, last_uid: int = 0, since: date | None = None) -> list[Fetched]:
    mails = [mail for batch in mailbox.newer_than(last_uid, since) for mail in batch]
    assert all(isinstance(mail, Fetched) for mail in mails)
    return mails


def subjects(mails: list[Fetched]) -> list[str]:
    return [str(email.message_from_bytes(mail.raw)["Subject"]) for mail in mails]


def test_an_opened_folder_tells_its_number_of_mails(world, mailbox, folder):
    world.add(SampleMail(folder, plain(number)) for number in range(3))
    opened = mailbox.open(folder)
    assert (opened.name, opened.exists) == (folder, 3)
    assert opened.uidvalidity > 0


def test_mails_come_in_ascending_order_with_all_their_words(world, mailbox, folder):
    world.add(SampleMail(folder, plain(number)) for number in range(140))
    mailbox.open(folder)
    mails = read(mailbox)
    assert subjects(mails) == [f"mail {number}" for number in range(140)]
    assert [mail.uid for mail in mails] == sorted({mail.uid for mail in mails})
    for number, mail in enumerate(mails):
        assert f"The words of mail {number}.".encode() in mail.raw
        assert f"<{number}@example.org>".encode() in mail.raw


def test_nothing_is_newer_than_the_newest(world, mailbox, folder):
    world.add(SampleMail(folder, plain(number)) for number in range(3))
    mailbox.open(folder)
    newest = max(mail.uid for mail in read(mailbox))
    assert read(mailbox, newest) == []
    assert read(mailbox, newest + 1000) == []


def test_only_newer_mails_come(world, mailbox, folder):
    world.add(SampleMail(folder, plain(number)) for number in range(5))
    mailbox.open(folder)
    uids = [mail.uid for mail in read(mailbox)]
    assert [mail.uid for mail in read(mailbox, uids[2])] == uids[3:]


def test_mail_that_arrives_later_comes_the_next_time(world, mailbox, folder):
    world.add([SampleMail(folder, plain(1))])
    before = mailbox.open(folder)
    first = read(mailbox)
    world.add([SampleMail(folder, plain(2))])
    again = mailbox.open(folder)
    assert again.uidvalidity == before.uidvalidity
    assert subjects(read(mailbox, first[-1].uid)) == ["mail 2"]


def test_an_empty_folder_gives_nothing(world, mailbox, folder):
    world.add([SampleMail(folder, plain(1))])
    world.empty(folder)
    assert mailbox.open(folder).exists == 0
    assert read(mailbox) == []


def test_a_missing_folder_is_told_apart(mailbox):
    with pytest.raises(FolderGone, match="Nowhere"):
        mailbox.open("Nowhere")


def test_after_a_missing_folder_another_can_be_read(world, mailbox, folder):
    world.add([SampleMail(folder, plain(1))])
    with pytest.raises(FolderGone):
        mailbox.open("Nowhere")
    mailbox.open(folder)
    assert len(read(mailbox)) == 1


def test_a_folder_may_have_a_name_in_any_script(world, mailbox, folder):
    name = f"Bewerbungen & Übung 求人 {folder}"
    world.add([SampleMail(name, plain(1))])
    assert mailbox.open(name).exists == 1
    assert subjects(read(mailbox)) == ["mail 1"]


def test_since_leaves_out_what_arrived_before(world, mailbox, folder):
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    world.add(SampleMail(folder, plain(day), noon - timedelta(days=day)) for day in (40, 20, 2, 0))
    mailbox.open(folder)
    since = (noon - timedelta(days=21)).date()
    assert subjects(read(mailbox, 0, since)) == ["mail 20", "mail 2", "mail 0"]
    assert read(mailbox, 0, noon.date() + timedelta(days=3)) == []


def test_a_reader_may_leave_early_and_read_again(world, mailbox, folder):
    world.add(SampleMail(folder, plain(number)) for number in range(270))
    mailbox.open(folder)
    for _ in range(2):
        first = next(iter(mailbox.newer_than(0, None)))
        assert subjects(first)[0] == "mail 0"
    mailbox.open(folder)
    assert len(read(mailbox)) == 270


def test_a_closed_mailbox_may_be_closed_again(world):
    mailbox = world.open()
    mailbox.close()
    mailbox.close()


# What only a server can show


@pytest.fixture(params=["pymap", "dovecot"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def account(server):
    with contextlib.closing(open_imap(Account(port=server.port), lambda: PASSWORD)) as mailbox:
        yield mailbox


CALENDAR = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR"
)
HEAD = (
    b"From: a@example.org\r\nSubject: zoo\r\nMessage-ID: <zoo@example.org>\r\nMIME-Version: 1.0\r\n"
)
ALTERNATIVE = (
    b"Content-Type: multipart/alternative; boundary=alt\r\n\r\npreamble\r\n"
    b"--alt\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    b"--alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"PGI+R3LDvMOfZTwvYj4=\r\n"
    b"--alt\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n"
    + CALENDAR
    + b"\r\n--alt--\r\n"
)
ATTACHMENT = (
    b'Content-Type: application/pdf; name="offer.pdf"\r\n'
    b'Content-Disposition: attachment;\r\n filename="the final offer.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFBQUFBQUFB\r\n" * 5000
)
LOG = (
    b"Content-Type: text/plain; name=trace.log\r\nContent-Disposition: attachment; filename=trace.log"
    b"\r\n\r\nnot worth fetching\r\n"
)
ZOO = {
    "plain": HEAD + b"\r\nplain words\r\n",
    "eight-bit": HEAD + b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n",
    "html": HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>only html</p>\r\n",
    "alternative": HEAD + ALTERNATIVE,
    "mixed": HEAD + b"Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\n"
    + ALTERNATIVE + b"--mix\r\n" + ATTACHMENT + b"\r\n--mix\r\n" + LOG + b"\r\n--mix--\r\n",
    "forwarded": HEAD + b"Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\n"
    b"Content-Type: text/plain\r\n\r\nsee below\r\n--mix\r\nContent-Type: message/rfc822\r\n\r\n"
    b"From: inner@example.org\r\nSubject: inner\r\nMIME-Version: 1.0\r\n" + ALTERNATIVE
    + b"\r\n--mix--\r\n",
    "forwarded-single": HEAD + b"Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\n"
    b"Content-Type: text/plain\r\n\r\nsee below\r\n--mix\r\nContent-Type: message/rfc822\r\n\r\n"
    b"From: inner@example.org\r\nSubject: inner\r\n\r\ninner words\r\n--mix--\r\n",
    "boundary-in-text": HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n"
    b"--=_reduced=\r\n--=_reduced_=\r\nthese lines are text\r\n--x--\r\n",
}  # fmt: skip


def readable(raw: bytes) -> list[tuple[str, object]]:
    """Every shown text of a mail with its type, decoded, and every file name."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    found: list[tuple[str, object]] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        if part.get_filename():
            found.append(("file", part.get_filename()))
        elif part.get_content_maintype() == "text":
            found.append(
                (part.get_content_type(), part.get_content().replace("\r\n", "\n").strip())
            )
    return found


@pytest.mark.parametrize("animal", sorted(ZOO))
def test_the_reduced_mail_reads_like_the_whole(server, account, folder, animal):
    whole = ZOO[animal]
    server.add([SampleMail(folder, whole)])
    account.open(folder)
    (mail,) = read(account)
    assert readable(mail.raw) == readable(whole)
    assert parse_message(mail.raw) == parse_message(whole)
    assert email.message_from_bytes(mail.raw)["Message-ID"] == "<zoo@example.org>"


def test_attachments_stay_behind_but_their_names_are_told(server, account, folder):
    server.add([SampleMail(folder, ZOO["mixed"])])
    account.open(folder)
    (mail,) = read(account)
    assert len(ZOO["mixed"]) > 60_000
    assert mail.size < 6_000
    assert b"QUFB" not in mail.raw
    assert b"not worth fetching" not in mail.raw
    assert b"trace.log" in mail.raw


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_a_text_beyond_the_limit_is_cut_and_still_decodes(server, account, folder, encoding):
    message = email.message.EmailMessage()
    message["Subject"] = "long"
    words = "\n".join(f"{number:08} täglich grüßt das Murmeltier" for number in range(15_000))
    message.set_content(words, cte=encoding)
    server.add([SampleMail(folder, message.as_bytes(policy=email.policy.SMTP))])
    account.open(folder)
    (mail,) = read(account)
    assert mail.size < TEXT_LIMIT + 5_000
    assert len(mail.raw) > TEXT_LIMIT - 1_000
    parsed = email.message_from_bytes(mail.raw, policy=email.policy.default)
    text = parsed.get_content().replace("\r\n", "\n")
    assert len(text) > 150_000
    assert words.startswith(text.rstrip("�\n="))
    assert not parsed.defects


def test_much_text_is_split_into_batches_that_fit_in_memory(server, account, folder, monkeypatch):
    monkeypatch.setattr(imap, "BATCH_BYTES", 100_000)
    server.add(
        SampleMail(folder, plain(number) + b"words words\r\n" * 3_000) for number in range(12)
    )
    account.open(folder)
    batches = list(account.newer_than(0, None))
    assert [len(batch) for batch in batches] == [2] * 6
    assert subjects([mail for batch in batches for mail in batch]) == [
        f"mail {number}" for number in range(12)
    ]


def test_a_file_name_of_any_script_is_told(dovecot, folder):
    # Dovecot alone: pymap 0.36 garbles such names in its BODYSTRUCTURE.
    extended = ZOO["mixed"].replace(
        b'filename="the final offer.pdf"', b"filename*=utf-8''L%C3%B6hne.pdf"
    )
    assert extended != ZOO["mixed"]
    dovecot.add([SampleMail(folder, extended)])
    with contextlib.closing(open_imap(Account(port=dovecot.port), lambda: PASSWORD)) as mailbox:
        mailbox.open(folder)
        (mail,) = read(mailbox)
    assert ("file", "Löhne.pdf") in readable(mail.raw)


def test_trace_headers_stay_behind_and_the_telling_ones_are_kept(server, account, folder):
    raw = (
        b"Received: from a by b;\r\n\tMon, 3 Mar 2025 10:00:00 +0000\r\n"
        b"DKIM-Signature: v=1;\r\n b=AAAA\r\n b2=BBBB\r\nARC-Seal: i=1\r\n"
        b"X-MS-Exchange-Organization-SCL: 1\r\nX-Microsoft-Antispam: x\r\n"
        b"List-Unsubscribe: <https://example.org/u>\r\nAuto-Submitted: auto-generated\r\n"
        b"Precedence: bulk\r\nX-Mailer: Acme\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n folded\r\n"
        b"In-Reply-To: <1@x>\r\nReferences: <0@x>\r\n <1@x>\r\nContent-Language: de\r\n\r\nhi\r\n"
    )
    server.add([SampleMail(folder, raw)])
    account.open(folder)
    (mail,) = read(account)
    message = email.message_from_bytes(mail.raw)
    assert set(message.keys()) == {
        "List-Unsubscribe", "Auto-Submitted", "Precedence", "X-Mailer", "Subject", "In-Reply-To",
        "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    }  # fmt: skip
    assert message["References"].split() == ["<0@x>", "<1@x>"]
    assert message["Subject"].endswith("folded")


def test_a_mail_deleted_while_reading_is_passed_over(server, account, folder, monkeypatch):
    server.add(SampleMail(folder, plain(number)) for number in range(3))
    monkeypatch.setattr(imap, "BATCH", 1)
    monkeypatch.setattr(imap, "READ_AHEAD", 1)
    account.open(folder)
    seen: list[Fetched | Unfetched] = []
    for batch in account.newer_than(0, None):
        seen += batch
        server.empty(folder)
    assert 1 <= len(seen) <= 3
    assert all(isinstance(mail, Fetched) for mail in seen)


def test_all_folders_means_inbox_first_and_not_the_bin(server, folder):
    server.add([SampleMail(f"Work/{folder}", plain(1)), SampleMail("Trash", plain(2))])
    everything = Account(port=server.port, folders=("*",))
    with contextlib.closing(open_imap(everything, lambda: PASSWORD)) as mailbox:
        names = mailbox.folders()
    assert names[0] == "INBOX"
    assert f"Work/{folder}" in names
    assert not {"Trash", "Drafts", "Sent"} & set(names)
