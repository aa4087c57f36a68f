"""`ghostresume.toml`, checked in full: every problem at once, each with its line."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from classifier.core.application import FIELDS, Status
from classifier.errors import ConfigProblem

FILE_NAME = "ghostresume.toml"
_STATUSES = tuple(str(status) for status in Status)


class _Section(BaseModel):
    # hide_input_in_errors: a secret put in the wrong place must not reach a message or a log.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class CreateRows(StrEnum):
    """When a mail about an application that has no row yet may add one."""

    NEVER = "never"
    FROM_CONFIRMATION = "from_confirmation"
    ALWAYS = "always"


def _nearest(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f": did you mean {close[0]!r}?" if close else f" (known: {', '.join(known)})"


def _one_of(known: tuple[str, ...], kind: str) -> AfterValidator:
    """A check of a table's keys: each unknown one is told with its own line."""

    def check(key: str) -> str:
        if key not in known:
            raise ValueError(f"{key!r} is no {kind} of ours{_nearest(key, known)}")
        return key

    return AfterValidator(check)


class Tracker(_Section):
    """Where the person's own table lies and what their words in it mean."""

    file: str = "data/applications.csv"
    create_rows: Annotated[CreateRows, Field(strict=False)] = CreateRows.FROM_CONFIRMATION
    columns: dict[Annotated[str, _one_of(FIELDS, "field")], str] = Field(default_factory=dict)
    statuses: dict[Annotated[str, _one_of(_STATUSES, "status")], str] = Field(default_factory=dict)


class Act(_Section):
    """How much may happen without asking."""

    error_budget: float = Field(default=0.01, gt=0, le=0.2)
    no_reply_after_days: int = Field(default=45, ge=1, le=3650)


class Privacy(_Section):
    """What is kept, and how long."""

    keep_text_days: int = Field(default=365, ge=0, le=36500)


class Account(_Section):
    """One mailbox to read."""

    name: str = Field(min_length=1)
    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)  # 0: the usual port of `security`
    security: Literal["tls", "starttls", "plain"] = "tls"
    user: str = Field(min_length=1)
    folders: tuple[str, ...] = Field(default=("INBOX",), min_length=1, strict=False)
    first_sync_days: int = Field(default=90, ge=1, le=36500)
    auth: Literal["keyring", "command", "env", "oauth2-google", "oauth2-microsoft"] = "keyring"
    password_command: tuple[str, ...] = Field(default=(), strict=False)
    password_env: str = ""
    ca_file: str | None = None


class Config(_Section):
    """The whole file; every part has a default, so an empty file is a valid one."""

    tracker: Tracker = Field(default_factory=Tracker)
    act: Act = Field(default_factory=Act)
    privacy: Privacy = Field(default_factory=Privacy)
    accounts: tuple[Account, ...] = Field(default=(), strict=False)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_config(path: Path) -> Config:
    """Read and check the file; `ConfigProblem` lists all that is wrong with it."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigProblem(str(path), (f"not UTF-8 text (byte {error.start})",)) from None
    except OSError as error:
        raise ConfigProblem(str(path), (f"can't be read: {error.strerror}",)) from None
    return parse_config(text, str(path))


def parse_config(text: str, name: str = FILE_NAME) -> Config:
    """Check the text of a configuration file; see `read_config`."""
    hint = f"Mend {name}, then run the command again."
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigProblem(name, (f"not valid TOML: {error}",), hint=hint) from None
    lines = _line_numbers(text)
    problems = [(_nearest_line(where, lines), what) for where, what in _contradictions(table)]
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        problems += [_problem(dict(item), lines) for item in error.errors()]
    if problems:
        listed = tuple(f"line {line}: {what}" for line, what in sorted(problems))
        raise ConfigProblem(name, listed, hint=hint)
    return config


_Path = tuple[str | int, ...]

_SECTIONS: dict[_Path, type[BaseModel]] = {
    (): Config,
    ("tracker",): Tracker,
    ("act",): Act,
    ("privacy",): Privacy,
    ("accounts",): Account,
}


_SECRETS = frozenset({"password", "passwd", "pass", "secret", "token", "app_password"})


def _contradictions(table: dict[str, Any]) -> Iterator[tuple[_Path, str]]:
    """Settings that are fine one by one but not together; told beside all other problems."""
    accounts = table.get("accounts", [])
    seen: set[object] = set()
    for index, account in enumerate(accounts if isinstance(accounts, list) else []):
        if not isinstance(account, dict):
            continue
        where: _Path = ("accounts", index)
        name, host = account.get("name"), account.get("host", "")
        if name in seen and isinstance(name, str):
            yield (*where, "name"), f"two accounts share the name {name!r}"
        seen.add(name if isinstance(name, str) else None)
        if account.get("security") == "plain" and not _is_loopback(str(host)):
            told = (
                f'security = "plain" would send the password unencrypted to {host} '
                'and is allowed on loopback only: use "tls" or "starttls"'
            )
            yield (*where, "security"), told
        if account.get("auth") == "command" and not account.get("password_command"):
            yield (*where, "auth"), 'auth = "command" needs password_command = ["program"]'
        if account.get("auth") == "env" and not account.get("password_env"):
            yield (*where, "auth"), 'auth = "env" needs password_env = "NAME_OF_THE_VARIABLE"'


def _problem(item: dict[str, Any], lines: dict[_Path, int]) -> tuple[int, str]:
    where: _Path = tuple(item["loc"])
    key = ".".join(str(part) for part in where if not isinstance(part, int)) or "the file"
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        if str(where[-1]).lower() in _SECRETS:
            return _nearest_line(where, lines), (
                f"{str(where[-1])!r}: no secret belongs in this file; "
                'use auth = "keyring", "command" or "env"'
            )
        section = _SECTIONS.get(tuple(p for p in where[:-1] if not isinstance(p, int)), Config)
        known = tuple(section.model_fields)
        what = f"unknown key {str(where[-1])!r}{_nearest(str(where[-1]), known)}"
    elif kind == "missing":
        what = f"{key} is missing"
    elif kind == "value_error":
        what = str(context["error"])
    else:
        what = f"{key}: {item['msg'][0].lower()}{item['msg'][1:]}"
    return _nearest_line(where, lines), what


def _nearest_line(where: _Path, lines: dict[_Path, int]) -> int:
    for length in range(len(where), 0, -1):
        if where[:length] in lines:
            return lines[where[:length]]
    return 1


_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*(?:\.\s*[A-Za-z0-9_-]+\s*)*=")


def _line_numbers(text: str) -> dict[_Path, int]:
    """First line of every table and key: (section, index?, key) → line, counted from 1.

    tomllib keeps no positions. A line inside a multi-line value may be taken for a key;
    it then points a few lines off, never at another problem's text.
    """
    found: dict[_Path, int] = {}
    section: _Path = ()
    arrays: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            names = tuple(part.strip(" \"'") for part in header[2].split("."))
            section = names
            if header[1] == "[[":
                arrays[names[0]] = arrays.get(names[0], -1) + 1
                section = (*names, arrays[names[0]])
            found.setdefault(section, number)
            found.setdefault(names, number)
        elif key := _KEY.match(line):
            found.setdefault((*section, key[1].strip("\"'")), number)
    return found
