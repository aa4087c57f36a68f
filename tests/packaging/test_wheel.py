"""The wheel, installed in an empty environment outside the checkout, is the whole program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory) -> Path:
    """The installed script; its dependencies are those of this run, so no network is needed."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    site = next((home / "lib").glob("python*")) / "site-packages"
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--force-reinstall",
            wheel,
        ],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": ""},
    )
    return home / "bin" / "ghostresume"


def run(program: Path, folder: Path, *arguments: str) -> str:
    """Run the installed program with a home of its own, from outside the checkout."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    openblas = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS")}
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=kept | openblas | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_corpus_and_sample_and_nothing_that_runs_on_loading(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("classifier/_corpus/") and name.endswith(".jsonl") for name in names)
    assert "classifier/sample/mailbox.toml" in names
    assert "classifier/sample/applications.csv" in names
    assert not [name for name in names if name.endswith((".joblib", ".pkl", ".pickle", ".sqlite"))]
    assert not [name for name in names if name.startswith(("tests/", "data/", "notebooks/"))]


def test_the_installed_program_builds_its_model_and_judges_a_mail(program: Path, tmp_path) -> None:
    assert "version" in run(program, tmp_path, "--version")
    (tmp_path / "one.eml").write_text(
        "From: Jobs <jobs@acme.example>\nSubject: Your application\nMessage-ID: <1@acme.example>\n\n"
        "Thank you for applying. Unfortunately we have decided not to move forward with your "
        "application.\n"
    )
    answer = json.loads(run(program, tmp_path, "classify", "one.eml", "--json"))
    assert answer["label"] == "rejection"
    module = subprocess.run(
        [program.parent / "python", "-c", "import classifier; print(classifier.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(ROOT / "classifier") not in module, "the checkout was used, not the wheel"
