"""What can go wrong, each kind with its exit code and the next command to run."""

from __future__ import annotations


class GhostResumeError(Exception):
    """An expected failure: shown as text, never as a traceback.

    `str(error)` says what happened and what was kept; `hint` is the next command or
    step. `exit_code` is the one the command line promises for this kind.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageProblem(GhostResumeError):
    """The command line, the configuration or a file handed to a command is not usable."""

    exit_code = 2


class ConfigProblem(UsageProblem):
    """`ghostresume.toml` has problems; all of them are in `problems`, each with its line."""

    def __init__(self, path: str, problems: tuple[str, ...], *, hint: str | None = None) -> None:
        listed = "\n".join(f"  {problem}" for problem in problems)
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{path} has {count}:\n{listed}", hint=hint)
        self.problems = problems


class SignInRefused(GhostResumeError):
    """The server was reached and refused the user name or password (never retried)."""

    exit_code = 3


class ServerUnreachable(GhostResumeError):
    """No usable connection: name, network, TLS, time-out, or the server hung up for good."""

    exit_code = 4


class AlreadyRunning(GhostResumeError):
    """Another sync holds the workspace's lock."""

    exit_code = 5


class TrackerNotWritable(GhostResumeError):
    """The applications file can't be written safely; it was left as it was."""

    exit_code = 6


class UnusableModel(GhostResumeError):
    """A stored model is damaged, foreign or made by other versions, and can't be rebuilt."""

    exit_code = 2
