"""Passwords come from where their owner keeps them, and go nowhere else."""

from __future__ import annotations

import dataclasses
import logging
import sys
import time

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest
from servers import Account

from classifier.edges import credentials
from classifier.edges.credentials import NoPassword, keep_password, keyring_entry, password_for
from classifier.errors import SignInRefused, UsageProblem

SECRET = "geheim ß 'quoted' \"twice\""


def command(code: str) -> Account:
    return Account(auth="command", password_command=(sys.executable, "-c", code))


class InMemory(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self):
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Locked(InMemory):
    def get_password(self, service, username):
        raise keyring.errors.KeyringLocked(f"locked, and the password is {SECRET}")


@pytest.fixture
def use_keyring():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_the_environment_gives_the_password():
    account = Account(auth="env", password_env="JOBS_PASSWORD")
    assert password_for(account, {"JOBS_PASSWORD": SECRET}) == SECRET


@pytest.mark.parametrize("environment", [{}, {"JOBS_PASSWORD": ""}])
def test_a_missing_variable_is_named(environment):
    account = Account(auth="env", password_env="JOBS_PASSWORD")
    with pytest.raises(NoPassword, match="JOBS_PASSWORD") as failed:
        password_for(account, environment)
    assert failed.value.exit_code == SignInRefused.exit_code
    assert "personal" in str(failed.value)


def test_a_command_gives_its_first_line():
    code = f"import sys; sys.stdout.buffer.write({(SECRET + chr(10)).encode()!r} + b'login: sam')"
    assert password_for(command(code)) == SECRET


def test_a_command_is_run_without_a_shell():
    account = Account(auth="command", password_command=(sys.executable, "-c",
                      "import sys; print(sys.argv[1])", "$HOME; `id`"))  # fmt: skip
    assert password_for(account) == "$HOME; `id`"


def test_a_windows_line_end_is_no_part_of_the_password():
    assert password_for(command(r"import sys; sys.stdout.write('abc\r\n')")) == "abc"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print()", "no password"),
        ("", "no password"),
        (f"print({SECRET!r}); raise SystemExit(3)", "exit code 3"),
        (f"import sys; sys.exit({SECRET!r})", "exit code 1"),
    ],
)
def test_a_command_that_fails_is_named_without_what_it_said(code, said):
    with pytest.raises(NoPassword, match=said) as failed:
        password_for(command(code))
    told = f"{failed.value} {failed.value!r} {failed.value.hint}"
    assert SECRET not in told
    assert not code or code not in told  # an argument could be a secret, too
    assert failed.value.__cause__ is None


def test_a_command_that_does_not_exist_is_named():
    with pytest.raises(NoPassword, match="no-such-program"):
        password_for(Account(auth="command", password_command=("no-such-program",)))


def test_a_command_that_waits_for_ever_is_ended_with_its_children(monkeypatch):
    monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.5)
    code = (
        "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)']); time.sleep(20)"
    )
    began = time.monotonic()
    with pytest.raises(NoPassword, match=r"0\.5 s"):
        password_for(command(code))
    assert time.monotonic() - began < 5


def test_a_command_that_asks_gets_no_answer():
    with pytest.raises(NoPassword):
        password_for(command("print(input())"))


def test_the_keyring_gives_what_was_kept(use_keyring):
    use_keyring(InMemory())
    account = Account(auth="keyring")
    keep_password(account, SECRET)
    assert password_for(account) == SECRET


def test_two_accounts_have_two_entries_in_the_keyring(use_keyring):
    use_keyring(InMemory())
    first = Account(auth="keyring")
    second = dataclasses.replace(first, host="imap.example.net")
    keep_password(first, "one")
    keep_password(second, "two")
    assert (password_for(first), password_for(second)) == ("one", "two")


def test_an_empty_keyring_names_the_entry_to_make(use_keyring):
    use_keyring(InMemory())
    account = Account(auth="keyring")
    with pytest.raises(NoPassword) as failed:
        password_for(account)
    assert keyring_entry(account) in failed.value.hint


@pytest.mark.parametrize("backend", [keyring.backends.fail.Keyring(), Locked()])
def test_a_keyring_that_fails_headless_names_the_other_ways(use_keyring, backend):
    use_keyring(backend)
    with pytest.raises(NoPassword) as failed:
        password_for(Account(auth="keyring"))
    assert '"command"' in failed.value.hint
    assert '"env"' in failed.value.hint
    assert SECRET not in f"{failed.value} {failed.value!r}"


@pytest.mark.parametrize("auth", ["oauth2-google", "oauth2-microsoft"])
def test_oauth_comes_later_and_says_so(auth):
    with pytest.raises(UsageProblem, match="comes with a later version") as failed:
        password_for(Account(auth=auth))
    assert failed.value.exit_code == 2
    assert "app password" in failed.value.hint


def test_no_password_reaches_the_log(caplog, use_keyring):
    caplog.set_level(logging.DEBUG)
    use_keyring(InMemory())
    keep_password(Account(auth="keyring"), SECRET)
    password_for(Account(auth="keyring"))
    password_for(Account(auth="env", password_env="A"), {"A": SECRET})
    assert SECRET not in caplog.text
