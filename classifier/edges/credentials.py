"""The password of an account, from where its owner keeps it; never from our own files."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

from classifier.errors import SignInRefused, UsageProblem

COMMAND_SECONDS = 30.0
KEYRING_SERVICE = "ghostresume"


class CredentialSettings(Protocol):
    """What is needed to find a password; `config.Account` has it."""

    @property
    def name(self) -> str:
        """What the person calls the account."""
        ...

    @property
    def host(self) -> str:
        """The server."""
        ...

    @property
    def user(self) -> str:
        """The user name on the server."""
        ...

    @property
    def auth(self) -> str:
        """`keyring`, `command`, `env`, `oauth2-google` or `oauth2-microsoft`."""
        ...

    @property
    def password_command(self) -> Sequence[str]:
        """Program and arguments; run without a shell."""
        ...

    @property
    def password_env(self) -> str:
        """The name of an environment variable."""
        ...


class NoPassword(SignInRefused):
    """The password could not be had; the server was not asked."""


def password_for(account: CredentialSettings, environment: Mapping[str, str] | None = None) -> str:
    """The password; raises `NoPassword`, or `UsageProblem` for a way that doesn't exist yet.

    No message holds the password, the command's output or its arguments.
    """
    if account.auth == "keyring":
        return _from_keyring(account)
    if account.auth == "command":
        return _from_command(account)
    if account.auth == "env":
        return _from_environment(account, os.environ if environment is None else environment)
    return _from_token(account)


def keep_password(account: CredentialSettings, password: str) -> None:
    """Put the password into the system's keyring; raises `NoPassword` where there is none."""
    import keyring
    import keyring.errors

    try:
        keyring.set_password(KEYRING_SERVICE, keyring_entry(account), password)
    except (keyring.errors.KeyringError, RuntimeError, OSError) as error:
        raise _no_keyring(account, error) from None


def keyring_entry(account: CredentialSettings) -> str:
    """The user name under which the keyring holds the account's password."""
    return f"{account.user} at {account.host}"


def _from_keyring(account: CredentialSettings) -> str:
    import keyring  # slow to import, and most accounts of a server don't need it
    import keyring.errors

    try:
        password = keyring.get_password(KEYRING_SERVICE, keyring_entry(account))
    except (keyring.errors.KeyringError, RuntimeError, OSError) as error:
        raise _no_keyring(account, error) from None
    if not password:
        raise NoPassword(
            f"{account.name}: the keyring holds no password for {keyring_entry(account)}.",
            hint=f'Store it: keyring set {KEYRING_SERVICE} "{keyring_entry(account)}"',
        )
    return password


def _no_keyring(account: CredentialSettings, error: Exception) -> NoPassword:
    # The error's text is left out: a backend may put anything into it.
    return NoPassword(
        f"{account.name}: the system's keyring can't be used here ({type(error).__name__}). "
        "That is usual without a desktop session, under cron for instance.",
        hint='Set auth = "command" with password_command, or auth = "env" with password_env, '
        "in ghostresume.toml.",
    )


def _from_command(account: CredentialSettings) -> str:
    command = list(account.password_command)
    if not command:
        raise NoPassword(
            f'{account.name}: auth = "command" needs a password_command.',
            hint='For instance password_command = ["pass", "show", "mail/jobs"].',
        )
    output = _run(account, command)
    password = output.decode("utf-8", "replace").splitlines()[0] if output.strip() else ""
    if not password:
        raise _command_failed(account, command, "printed no password on its first line")
    return password


def _run(account: CredentialSettings, command: list[str]) -> bytes:
    try:
        process = subprocess.Popen(  # noqa: S603 - the person's own command, without a shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that what it started can be ended with it
        )
    except OSError as error:
        raise _command_failed(account, command, f"can't be run ({error.strerror})") from None
    with process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            reason = f"gave no answer within {COMMAND_SECONDS:g} s"
            raise _command_failed(account, command, reason) from None
        finally:
            _end(process)
    if process.returncode != 0:
        raise _command_failed(account, command, f"failed with exit code {process.returncode}")
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _command_failed(account: CredentialSettings, command: list[str], reason: str) -> NoPassword:
    return NoPassword(
        f"{account.name}: the password command {command[0]!r} {reason}.",
        hint="Run it yourself: it has to print the password on its first line, asking nothing.",
    )


def _from_environment(account: CredentialSettings, environment: Mapping[str, str]) -> str:
    password = environment.get(account.password_env, "") if account.password_env else ""
    if not password:
        name = account.password_env or "(password_env is not set)"
        raise NoPassword(
            f"{account.name}: the environment variable {name} is empty or missing.",
            hint="Set it where the sync runs; the system's timer doesn't read your shell's files.",
        )
    return password


def _from_token(account: CredentialSettings) -> str:
    """OAuth2's place: it will give a token, for a sign-in by XOAUTH2 in place of LOGIN."""
    raise UsageProblem(
        f'{account.name}: auth = "{account.auth}" comes with a later version.',
        hint='Until then use an app password with auth = "keyring", "command" or "env".',
    )
