"""Files as mailbox: every mail once, in order, in little memory, whatever else lies there."""

from __future__ import annotations

import io
import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.edges import mailfiles
from classifier.edges.mailfiles import MailFile, read_mail, split_mbox

FROM = b"From sam@example.org Mon Mar  3 10:00:00 2025\n"


def mail(number: int, text: bytes = b"words") -> bytes:
    return b"Subject: %d\n\n%s\n" % (number, text)


def mbox(*mails: bytes) -> bytes:
    return b"".join(FROM + raw + b"\n" for raw in mails)


def split(content: bytes) -> list[bytes]:
    return list(split_mbox(io.BytesIO(content)))


# mbox


def test_an_mbox_gives_its_mails_in_order(tmp_path):
    (tmp_path / "jobs.mbox").write_bytes(mbox(mail(0), mail(1), mail(2)))
    found = list(read_mail([tmp_path / "jobs.mbox"]))
    path = str(tmp_path / "jobs.mbox")
    assert found == [MailFile(path, number, mail(number)) for number in range(3)]


@pytest.mark.parametrize(
    "line",
    [
        b"From 1812345@xxx Mon Mar 03 10:00:00 +0000 2025\n",  # Takeout
        b"From - Mon Mar 03 10:00:00 2025\n",  # Thunderbird
        b"From MAILER-DAEMON Mon Mar  3 10:00 2025 remote from host\n",
        b"From sam Mon, 3 Mar 2025 10:00:00 +0000\n",
        b"From - \n",
        b"From \n",
    ],
)
def test_all_usual_lines_between_mails_are_known(line):
    assert split(line + mail(1) + b"\n" + line + mail(2)) == [mail(1), mail(2)]


def test_windows_line_ends_are_no_obstacle():
    content = mbox(mail(1), mail(2)).replace(b"\n", b"\r\n")
    assert split(content) == [mail(n).replace(b"\n", b"\r\n") for n in (1, 2)]


def test_a_missing_empty_line_between_mails_is_no_obstacle():
    assert split(FROM + mail(1) + FROM + mail(2)) == [mail(1), mail(2)]


def test_a_sentence_that_starts_with_from_is_no_new_mail():
    text = b"hello\n\nFrom here on, Monday is free.\nFrom 10:00 to 12:00 in May 2025"
    assert split(mbox(mail(1, text), mail(2))) == [mail(1, text), mail(2)]


def test_quoted_from_lines_are_unquoted():
    assert split(mbox(mail(1, b">From me\n>>From you\n> From them"))) == [
        mail(1, b"From me\n>From you\n> From them")
    ]


def test_a_truncated_end_keeps_what_is_there():
    content = mbox(mail(1), mail(2))
    assert split(content[:-4]) == [mail(1), mail(2)[:-3]]
    assert split(mbox(mail(1)) + b"From sam@exa")[0].startswith(b"Subject: 1")


def test_a_file_without_a_from_line_is_one_mail(tmp_path):
    (tmp_path / "one.txt").write_bytes(mail(7))
    assert [found.raw for found in read_mail([tmp_path / "one.txt"])] == [mail(7)]


def test_an_empty_mbox_has_no_mails_and_an_empty_mail_is_an_error(tmp_path):
    (tmp_path / "empty.mbox").touch()
    (tmp_path / "empty.eml").touch()
    assert list(read_mail([tmp_path / "empty.mbox"])) == []
    (found,) = read_mail([tmp_path / "empty.eml"])
    assert found.raw is None
    assert "empty" in found.error


@given(
    st.lists(
        st.lists(
            st.sampled_from([b"a", b"", b">", b"From x", b"From", b"-", b"\xff\x00"]), max_size=6
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 80),
)
def test_what_was_put_in_comes_out_wherever_the_chunks_end(texts, chunk):
    mails = [mail(n, b"\n".join(lines)) for n, lines in enumerate(texts)]
    before = mailfiles.CHUNK
    mailfiles.CHUNK = chunk + len(FROM)
    try:
        assert split(mbox(*mails)) == mails
    finally:
        mailfiles.CHUNK = before


@given(st.binary(max_size=300))
def test_any_bytes_are_split_without_an_exception(content):
    split(content)
    split(FROM + content)


def test_memory_does_not_grow_with_the_mbox(tmp_path):
    path = tmp_path / "large.mbox"
    with path.open("wb") as file:
        for number in range(3_000):
            file.write(FROM + mail(number, b"words " * 2_000) + b"\n")
    assert path.stat().st_size > 35_000_000
    tracemalloc.start()
    assert sum(1 for _ in read_mail([path])) == 3_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_huge_mail_is_cut_and_the_next_one_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(mailfiles, "MAIL_MAX", 100_000)
    monkeypatch.setattr(mailfiles, "CUT_TO", 2_000)
    monkeypatch.setattr(mailfiles, "CHUNK", 10_000)
    huge = mail(1, b"x" * 300_000)
    (tmp_path / "a.mbox").write_bytes(mbox(huge, mail(2)))
    (tmp_path / "b.eml").write_bytes(huge)
    (tmp_path / "c.mbox").write_bytes(mbox(mail(1, b"y\n" * 150_000), mail(2)))
    cut, whole, eml, lines, last = read_mail([tmp_path])
    assert (cut.raw, cut.error) == (huge[:2_000], None)
    assert whole.raw == mail(2)
    assert (eml.raw, eml.error) == (huge[:2_000], None)
    assert len(lines.raw) == 2_000
    assert last.raw == mail(2)


# Folders


def test_a_maildir_is_read_from_both_halves_in_order(tmp_path):
    for half in ("cur", "new", "tmp"):
        (tmp_path / half).mkdir()
    (tmp_path / "cur" / "1741000001.a.host:2,S").write_bytes(mail(1))
    (tmp_path / "new" / "1741000002.b.host").write_bytes(mail(2))
    (tmp_path / "cur" / "1741000003.c.host:2,").write_bytes(mail(3))
    (tmp_path / "tmp" / "1741000004.d.host").write_bytes(mail(4))
    (tmp_path / "dovecot.index").write_bytes(b"no mail")
    sub = tmp_path / ".Jobs" / "new"
    sub.mkdir(parents=True)
    (tmp_path / ".Jobs" / "cur").mkdir()
    (sub / "1741000005.e.host").write_bytes(mail(5))
    assert [found.raw for found in read_mail([tmp_path])] == [mail(n) for n in (1, 2, 3, 5)]


def test_a_mail_of_a_maildir_may_start_with_a_from_line(tmp_path):
    for half in ("cur", "new"):
        (tmp_path / half).mkdir()
    raw = mbox(mail(1), mail(2))
    (tmp_path / "new" / "1.a.host").write_bytes(raw)
    assert [found.raw for found in read_mail([tmp_path])] == [raw]


def test_a_folder_is_read_with_all_below_it_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.eml").write_bytes(mail(1))
    (tmp_path / "b" / "x.EML").write_bytes(mail(2))
    (tmp_path / "b" / "y.mbox").write_bytes(mbox(mail(3), mail(4)))
    (tmp_path / "c").write_bytes(mbox(mail(5)))  # as Thunderbird names its mboxes
    (tmp_path / "c.msf").write_bytes(b"an index")
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    (tmp_path / ".hidden.eml").write_bytes(mail(9))
    found = list(read_mail([tmp_path]))
    assert [item.raw for item in found] == [mail(n) for n in (1, 2, 3, 4, 5)]
    assert [item.index for item in found] == [0, 0, 0, 1, 0]


def test_a_circle_of_links_is_not_walked(tmp_path):
    (tmp_path / "a.eml").write_bytes(mail(1))
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(list(read_mail([tmp_path]))) == 1


def test_paths_come_in_the_order_given(tmp_path):
    for number in (1, 2):
        (tmp_path / f"{number}.eml").write_bytes(mail(number))
    paths = [str(tmp_path / "2.eml"), str(tmp_path / "1.eml")]
    assert [found.path for found in read_mail(paths)] == paths


def test_a_missing_path_is_an_error_and_the_others_are_read(tmp_path):
    (tmp_path / "1.eml").write_bytes(mail(1))
    missing, found = read_mail([tmp_path / "nowhere.eml", tmp_path / "1.eml"])
    assert missing.raw is None
    assert "No such file" in missing.error
    assert found.raw == mail(1)


def test_a_mail_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "1.eml").write_bytes(mail(1))
    (tmp_path / "2.eml").mkdir()  # a folder with the name of a mail is a folder
    (tmp_path / "3.eml").symlink_to(tmp_path / "nowhere")
    found = list(read_mail([tmp_path]))
    assert [item.error is None for item in found] == [True, False]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_can_be_read(tmp_path):
    import threading

    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(mbox(mail(1), mail(2))))
    writer.start()
    assert [found.raw for found in read_mail([path])] == [mail(1), mail(2)]
    writer.join()


# Standard input


def test_a_dash_is_one_mail_on_standard_input():
    assert list(read_mail(["-"], io.BytesIO(mail(1)))) == [MailFile("-", 0, mail(1))]


def test_a_from_line_before_the_mail_on_standard_input_is_left_out():
    (found,) = read_mail(["-"], io.BytesIO(FROM + mail(1)))
    assert found.raw == mail(1)


@pytest.mark.parametrize("stdin", [None, io.BytesIO(b"")])
def test_no_mail_on_standard_input_is_an_error(stdin):
    (found,) = read_mail(["-"], stdin)
    assert found.raw is None
    assert found.error


def test_a_huge_mail_on_standard_input_is_cut(monkeypatch):
    monkeypatch.setattr(mailfiles, "MAIL_MAX", 1_000)
    monkeypatch.setattr(mailfiles, "CUT_TO", 100)
    (found,) = read_mail(["-"], io.BytesIO(mail(1, b"x" * 5_000)))
    assert len(found.raw) == 100
