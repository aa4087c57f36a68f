"""Where everything of one person lies: the workspace folder and the paths in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from classifier.config import FILE_NAME, Config, read_config
from classifier.edges.files import OWNER_ONLY, make_folder, replace_whole
from classifier.errors import UsageProblem

_STARTER = """\
# Ghost Résumé: the settings of this workspace. Every key is optional but an account's
# name, host and user. No password belongs in here.

[tracker]
file = "data/applications.csv"
create_rows = "from_confirmation"     # never | from_confirmation | always

[act]
error_budget = 0.01
no_reply_after_days = 45

# [[accounts]]
# name = "personal"
# host = "imap.example.org"
# user = "sam@example.org"
# auth = "keyring"                    # keyring | command | env
"""
# Whoever puts a workspace under version control shall not publish their mail by accident.
_IGNORE_ALL = "# Your mail and applications stay out of version control.\n*\n"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of one workspace; making one touches no disk."""

    home: Path

    @property
    def config_file(self) -> Path:
        """The person's settings."""
        return self.home / FILE_NAME

    @property
    def data(self) -> Path:
        """Everything that is about the person."""
        return self.home / "data"

    @property
    def database(self) -> Path:
        """Messages, verdicts, journal, runs, positions."""
        return self.data / "ghostresume.sqlite"

    @property
    def backups(self) -> Path:
        """Dated copies of the tracker file."""
        return self.data / "backups"

    @property
    def lock(self) -> Path:
        """Held by the command that writes."""
        return self.data / ".lock"

    @property
    def models(self) -> Path:
        """The model store."""
        return self.home / "models"

    def tracker_file(self, config: Config) -> Path:
        """The applications CSV; it may lie anywhere."""
        return (self.home / Path(config.tracker.file).expanduser()).absolute()


def find_workspace(home: str | None, cwd: Path) -> Workspace:
    """The workspace a command works in.

    As named by `--home` or `GHOSTRESUME_HOME` (already merged in `home`); else the nearest
    folder from `cwd` upwards with a `ghostresume.toml`; else the platform's data folder.
    """
    if home:
        return Workspace(Path(home).expanduser().absolute())
    for folder in (cwd, *cwd.parents):
        if (folder / FILE_NAME).is_file():
            return Workspace(folder)
    return Workspace(user_data_path("ghostresume", appauthor=False))


def prepare(workspace: Workspace) -> Config:
    """Make the workspace where it doesn't exist yet, and read its settings."""
    try:
        if not workspace.config_file.exists():
            make_folder(workspace.home)
            replace_whole(workspace.config_file, _STARTER.encode())
        for folder in (workspace.data, workspace.models):
            make_folder(folder)
            if not (folder / ".gitignore").exists():
                replace_whole(folder / ".gitignore", _IGNORE_ALL.encode())
    except OSError as error:
        raise UsageProblem(
            f"The workspace {workspace.home} can't be made: {error.strerror}.",
            hint="Name another folder with --home DIR.",
        ) from None
    if os.name == "posix" and not workspace.config_file.is_symlink():
        _make_private(workspace.config_file)
    return read_config(workspace.config_file)


def _make_private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077 and path.stat().st_uid == os.getuid():
        path.chmod(mode & OWNER_ONLY)
