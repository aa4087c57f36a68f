"""The training corpus: readable, varied, apart from the mail that the model is measured on."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from classifier.core.verdict import Detail
from classifier.edges.model_store import corpus_files, read_corpus

KEYS = {"id", "lang", "from", "subject", "body", "html", "detail", "family", "note"}
MEASURING = Path(__file__).parents[3] / "shared" / "mail" / "job.jsonl"


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def shingles(text: str, size: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + size]) for i in range(len(found) - size + 1)}


def test_every_line_has_every_field_and_every_id_is_one_of_a_kind() -> None:
    seen: set[str] = set()
    for path in corpus_files():
        for line in path.read_text("utf-8").splitlines():
            record = json.loads(line)
            assert set(record) == KEYS
            assert record["id"] not in seen
            assert record["subject"] or record["body"]
            Detail(record["detail"])
            seen.add(record["id"])


def test_every_detail_is_there_in_every_language() -> None:
    counts = Counter((e.lang, e.detail) for e in read_corpus())
    for lang in ("en", "de", "fr", "es"):
        for detail in Detail:
            assert counts[lang, detail] >= 9, (lang, detail)
    assert sum(counts.values()) >= 500


def test_mails_of_different_families_are_no_copies() -> None:
    """Eight words in a row, shared by half of a mail, are more than idiom."""
    owner: dict[tuple[str, ...], list[int]] = {}
    examples = [e for e in read_corpus() if len(words(e.body)) >= 30]
    for index, example in enumerate(examples):
        for shingle in shingles(example.body, 8):
            owner.setdefault(shingle, []).append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indexes in owner.values():
        for place, one in enumerate(indexes):
            for other in indexes[place + 1 :]:
                shared[one, other] += 1
    copies = [
        (examples[one].id, examples[other].id)
        for (one, other), count in shared.items()
        if count > 0.5 * min(len(shingles(examples[i].body, 8)) for i in (one, other))
        and examples[one].family != examples[other].family
    ]
    assert copies == []


@pytest.mark.skipif(
    not MEASURING.exists(), reason="the mail for measuring is not beside the checkout"
)
def test_nothing_of_the_mail_for_measuring_is_in_the_corpus() -> None:
    measured: set[tuple[str, ...]] = set()
    for line in MEASURING.read_text("utf-8").splitlines():
        measured |= shingles(json.loads(line)["body"], 14)
    for example in read_corpus():
        assert not shingles(example.body, 14) & measured, example.id


def test_no_sender_is_a_real_employer() -> None:
    """Employers and people are invented; only systems' own domains may be real."""
    from classifier.core.names import is_free_mail, is_system_domain

    for example in read_corpus():
        for domain in re.findall(r"@([\w.-]+\.\w+)", example.sender):
            plain = domain.lower().rstrip(".")
            invented = re.search(r"\.(example|test|invalid)$|example\.(com|org|net)$", plain)
            known = is_system_domain(plain) or is_free_mail(plain)
            assert invented or known, (example.id, plain)
