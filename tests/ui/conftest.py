"""A workspace, a server and the command line itself, run in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# desk.py, letters.py and servers.py lie there.
sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("workflow", "edges")]

from desk import PASSWORD, PASSWORD_ENV, USER, Desk, lay_out

from classifier.core.model import Model
from classifier.edges import imap_connection, imap_session
from classifier.edges import model_store as model_store_module
from classifier.edges.model_store import load_model
from classifier.sample.server import ImapServer, serve_imap
from classifier.ui.cli import run


@dataclass(frozen=True)
class Shown:
    """What a command left on the screen, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Shown]


@pytest.fixture(scope="session")
def model(model_store: Path) -> Model:
    return load_model(model_store, lambda _step, _share: None, lambda _line: None)


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with serve_imap(user=USER, password=PASSWORD) as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, model_store: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A workspace with a table of four applications and the base model; the password is set."""
    monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
    monkeypatch.delenv("GHOSTRESUME_HOME", raising=False)
    return lay_out(tmp_path / "desk", model_store)


@pytest.fixture
def command(desk: Desk, model: Model, monkeypatch, capfdbinary) -> Command:
    """Run a command in the workspace, in this very process; the model is loaded already."""
    monkeypatch.setattr(model_store_module, "load_model", lambda *_: model)
    monkeypatch.setattr(imap_connection, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(imap_session, "WAIT_FIRST", 0.01)
    monkeypatch.setattr(imap_session, "WAIT_MOST", 0.05)

    def command(*arguments: object) -> Shown:
        capfdbinary.readouterr()
        code = run(["--home", str(desk.workspace.home), *map(str, arguments)])
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Shown(code, out.decode("utf-8"), err.decode("utf-8"))

    return command


def run_process(*arguments: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """A command as a process of its own, with nothing on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "classifier", *map(str, arguments)],
        **{"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 120} | more,
    )


@pytest.fixture(name="run_process")
def _run_process(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    import classifier

    monkeypatch.setenv("PYTHONPATH", str(Path(classifier.__file__).parents[1]))
    return run_process
