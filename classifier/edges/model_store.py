"""Models on disk: trained on this machine at first use, checked by their card before they are loaded."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path

import joblib
import sklearn

from classifier.core.dataset import BadLine, Example, read_examples
from classifier.core.model import FORMAT, Model, Parts, Report, train
from classifier.edges.files import make_folder, replace_whole
from classifier.errors import UnusableModel


@dataclass(frozen=True, slots=True)
class Card:
    """What a stored model is; read, and believed, before the model itself is."""

    version: str
    format: int
    sklearn: str
    trained_on: str  # SHA-256 of the corpus
    mails: int
    digest: str  # SHA-256 of model.joblib
    seconds: float  # that the training took


def load_model(store: Path, report: Report, say: Callable[[str], None]) -> Model:
    """The current model; where there is none that can be trusted, one is trained first.

    `say` gets one line when a model that was there had to be rebuilt.
    """
    corpus = corpus_digest()
    try:
        return _load(store, corpus)
    except FileNotFoundError:
        pass
    except (_Mismatch, OSError, ValueError, TypeError, KeyError) as problem:
        say(f"The stored model can't be used ({problem}); building it again.")
    return _build(store, corpus, report)


class _Mismatch(Exception):
    """The stored model is not one this program may load; the text says why."""


def _load(store: Path, corpus: str) -> Model:
    version = (store / "current").read_text("utf-8").strip()
    if not version or Path(version).name != version:
        raise _Mismatch("models/current names no version")
    folder = store / version
    record = json.loads((folder / "card.json").read_text("utf-8"))
    card = Card(**{field.name: record[field.name] for field in fields(Card)})
    if card.format != FORMAT:
        raise _Mismatch("it has another format")
    if card.sklearn != sklearn.__version__:
        raise _Mismatch(
            f"it was made with scikit-learn {card.sklearn}, this is {sklearn.__version__}"
        )
    if card.trained_on != corpus:
        raise _Mismatch("the training corpus has changed")
    content = _own_file(folder / "model.joblib")
    if hashlib.sha256(content).hexdigest() != card.digest:
        raise _Mismatch("its digest is not the one on its card")
    # joblib runs code while it loads. What is loaded are the very bytes just checked.
    return Model(card.version, Parts(**joblib.load(io.BytesIO(content))))


def _own_file(path: Path) -> bytes:
    """A file's bytes, if it belongs to this user and nobody else may write it."""
    with path.open("rb") as file:
        if os.name == "posix":
            about = os.fstat(file.fileno())
            if about.st_uid != os.getuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise _Mismatch("the file belongs to, or may be written by, someone else")
        return file.read()


def _build(store: Path, corpus: str, report: Report) -> Model:
    started = time.monotonic()
    examples = read_corpus()
    parts = train(examples, report)
    buffer = io.BytesIO()
    stored = {field.name: getattr(parts, field.name) for field in fields(Parts)}
    joblib.dump(stored, buffer, compress=("zlib", 1))
    content = buffer.getvalue()
    card = Card(
        version=f"base-{corpus[:10]}",
        format=FORMAT,
        sklearn=sklearn.__version__,
        trained_on=corpus,
        mails=len(examples),
        digest=hashlib.sha256(content).hexdigest(),
        seconds=round(time.monotonic() - started, 2),
    )
    try:
        folder = store / card.version
        make_folder(folder)
        replace_whole(folder / "model.joblib", content)
        replace_whole(folder / "card.json", (json.dumps(asdict(card), indent=2) + "\n").encode())
        replace_whole(store / "current", f"{card.version}\n".encode())
    except OSError as error:
        raise UnusableModel(
            f"The model was built but can't be stored in {store}: {error.strerror}.",
            hint="Free some space or name another workspace with --home DIR.",
        ) from None
    return Model(card.version, parts)


def corpus_files() -> list[Path]:
    """The corpus as shipped: inside the installed package, or in the checkout beside it."""
    package = Path(str(resources.files("classifier")))
    for folder in (package / "_corpus", package.parent / "data" / "corpus"):
        found = sorted(folder.glob("*.jsonl"))
        if found:
            return found
    raise UnusableModel(
        "The training corpus is missing from this installation.",
        hint="Install Ghost Résumé again.",
    )


def corpus_digest() -> str:
    """SHA-256 over the corpus files."""
    digest = hashlib.sha256()
    for path in corpus_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read_corpus() -> list[Example]:
    """Every mail of the corpus; a line that can't be read is an error, for we ship it."""
    examples: list[Example] = []
    for path in corpus_files():
        with path.open(encoding="utf-8") as lines:
            for item in read_examples(lines, path.stem):
                if isinstance(item, BadLine):
                    raise UnusableModel(f"{path}, line {item.number}: {item.reason}")
                examples.append(item)
    return examples
