from __future__ import annotations

import pytest

from classifier.config import Config, CreateRows, parse_config
from classifier.errors import ConfigProblem

ACCOUNT = '[[accounts]]\nname = "a"\nhost = "imap.example.org"\nuser = "sam"\n'


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigProblem) as caught:
        parse_config(text)
    assert caught.value.exit_code == 2
    return caught.value.problems


def test_an_empty_file_is_a_valid_one() -> None:
    config = parse_config("")
    assert config == Config()
    assert config.tracker.create_rows is CreateRows.FROM_CONFIRMATION
    assert config.act.error_budget == 0.01
    assert config.privacy.keep_text_days == 365


def test_the_contracts_example_is_read_in_full() -> None:
    config = parse_config(
        """
[tracker]
file = "data/applications.csv"
create_rows = "never"
[tracker.columns]
company = "Employer"
[tracker.statuses]
rejected = "No :("
[act]
error_budget = 0.02
no_reply_after_days = 30
[privacy]
keep_text_days = 100
[[accounts]]
name = "personal"
host = "imap.example.org"
port = 993
security = "tls"
user = "sam@example.org"
folders = ["*"]
first_sync_days = 90
auth = "command"
password_command = ["pass", "show", "mail/jobs"]
password_env = "GHOSTRESUME_PASSWORD"
"""
    )
    assert config.tracker.columns == {"company": "Employer"}
    assert config.tracker.statuses == {"rejected": "No :("}
    assert config.accounts[0].password_command == ("pass", "show", "mail/jobs")


def test_all_problems_are_told_at_once_each_with_its_line() -> None:
    problems = problems_of(
        '[tracker]\ncreat_rows = "never"\n[act]\nerror_budget = "much"\n'
        '[[accounts]]\nname = "a"\nprot = 993\nuser = "sam"\nsecurity = "plain"\nhost = "mail.example"\n'
        '[[accounts]]\nname = "a"\nuser = "x"\n'
    )
    text = "\n".join(problems)
    assert "line 2: unknown key 'creat_rows': did you mean 'create_rows'?" in problems
    assert "line 4: act.error_budget" in text
    assert "line 7: unknown key 'prot': did you mean 'port'?" in problems
    assert "line 9: " in text
    assert "unencrypted" in text
    assert "line 11: accounts.host is missing" in problems
    assert "line 12: two accounts share the name 'a'" in problems


def test_a_secret_in_the_wrong_place_is_never_shown() -> None:
    problems = problems_of(ACCOUNT + 'password = "hunter2"\nport = "hunter2"\nauth = "hunter2"\n')
    assert "hunter2" not in "\n".join(problems)
    assert any("no secret belongs in this file" in problem for problem in problems)


def test_toml_that_is_none_is_told_with_its_line() -> None:
    assert "line 2" in problems_of("[tracker]\nfile = \n")[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_plain_is_allowed_to_loopback(host: str) -> None:
    text = f'[[accounts]]\nname = "a"\nhost = "{host}"\nuser = "s"\nsecurity = "plain"\n'
    assert parse_config(text).accounts[0].security == "plain"


@pytest.mark.parametrize(
    ("auth", "needed"), [("command", "password_command"), ("env", "password_env")]
)
def test_a_way_of_signing_in_names_what_it_needs(auth: str, needed: str) -> None:
    assert needed in problems_of(f'{ACCOUNT}auth = "{auth}"\n')[0]


def test_unknown_fields_and_statuses_are_named_with_the_nearest() -> None:
    assert "'company'" in problems_of('[tracker.columns]\ncompny = "Firma"\n')[0]
    assert "'rejected'" in problems_of('[tracker.statuses]\nrejectd = "No"\n')[0]


def test_each_unknown_field_is_told_at_its_own_line() -> None:
    problems = problems_of(
        '[tracker.columns]\nrole = "Job"\ncompny = "Firma"\n\nsttus = "S"\n'
        '[tracker.statuses]\nrejectd = "No"\n'
    )
    assert problems == (
        "line 3: 'compny' is no field of ours: did you mean 'company'?",
        "line 5: 'sttus' is no field of ours: did you mean 'status'?",
        "line 7: 'rejectd' is no status of ours: did you mean 'rejected'?",
    )
