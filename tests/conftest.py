"""Options of the test run, and the model that its tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files beside tests/mail/*.eml; read the diff before you keep it",
    )


@pytest.fixture(scope="session")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds the base model; built once a run, whatever the number of workers."""
    from classifier.edges.model_store import load_model

    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    store = base / "model-store"
    with FileLock(base / "model-store.lock"):
        load_model(store, lambda _step, _share: None, lambda _line: None)
    return store
