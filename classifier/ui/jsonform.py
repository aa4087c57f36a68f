"""The contract's JSON: values of the workflows as plain records."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from classifier.core.application import FIELDS, Application, Change

if TYPE_CHECKING:  # a night without news shall not wait for what only other commands need
    from classifier.core.evaluation import Evaluation, Quality, Share
    from classifier.core.message import Address
    from classifier.core.record import MailRecord
    from classifier.core.summary import Appointment, Summary
    from classifier.core.verdict import Verdict
    from classifier.edges.state import LastSync
    from classifier.workflow.classifying import Classified
    from classifier.workflow.evaluating import Examination
    from classifier.workflow.summarising import Overview
    from classifier.workflow.syncing import Report


def write_json(record: object) -> None:
    """One object, one line, on standard output; UTF-8 whatever the terminal's encoding."""
    line = json.dumps(record, ensure_ascii=False) + "\n"
    sys.stdout.buffer.write(line.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def classified_record(item: Classified) -> dict[str, Any]:
    """A line of `classify --json`."""
    if item.judged is None:
        return {"path": item.path, "index": item.index, "error": item.error}
    message, verdict, facts = item.judged.message, item.judged.verdict, item.judged.facts
    return {
        "path": item.path,
        "index": item.index,
        "message_id": message.id,
        "date": _time(message.sent_at),
        "sender": address_text(message.sender),
        "subject": message.subject,
        "label": verdict.label,
        "detail": verdict.detail,
        "probabilities": _probabilities(verdict),
        "needs_review": verdict.needs_review,
        "sentence": verdict.sentence,
        "company": facts.company,
        "role": facts.role,
        "model": verdict.model,
    }


def report_record(report: Report) -> dict[str, Any]:
    """`sync --json` and `import --json`."""
    return {
        "accounts": [
            {
                "name": run.account,
                "fetched": run.fetched,
                "bytes": run.bytes,
                "failed": run.failed,
                "seconds": run.seconds,
                "error": run.error,
            }
            for run in report.accounts
        ],
        "classified": dict(report.classified),
        "changes": [_change(change) for change in report.changes],
        "created": list(report.created),
        "to_review": report.to_review,
        "dry_run": report.dry_run,
    }


def overview_record(overview: Overview) -> dict[str, Any]:
    """`summary --json`."""
    summary = overview.summary
    return {
        "generated_at": _time(summary.generated_at),
        "applications": [_application(row) for row in summary.applications],
        "by_status": dict(summary.by_status),
        "messages": [_message(message, summary) for message in summary.messages],
        "needs_review": len(summary.to_review),
        "interviews": [_appointment(item) for item in summary.interviews],
        "last_sync": _sync(overview.last_syncs[0]) if overview.last_syncs else None,
        "syncs": [_sync(last) for last in overview.last_syncs],
    }


def examination_record(result: Examination) -> dict[str, Any]:
    """`evaluate --json`."""
    return {
        "model": result.model,
        **_evaluation(result.whole),
        "by_source": {key: _evaluation(part) for key, part in result.by_source.items()},
        "by_lang": {key: _evaluation(part) for key, part in result.by_lang.items()},
        "bad_lines": list(result.bad_lines),
    }


def address_text(address: Address) -> str:
    """A sender as one text: Name <address>, or whichever of the two there is."""
    return sender_text(address.name, address.address)


def sender_text(name: str, address: str) -> str:
    """See `address_text`."""
    if name and address:
        return f"{name} <{address}>"
    return name or address


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _probabilities(verdict: Verdict) -> dict[str, float]:
    """The three labels, rounded so that they still sum to 1."""
    rounded = {str(label): round(share, 6) for label, share in verdict.by_label.items()}
    largest = max(rounded, key=lambda label: rounded[label])
    rounded[largest] = round(1.0 - sum(v for k, v in rounded.items() if k != largest), 6)
    return rounded


def _change(change: Change) -> dict[str, Any]:
    return {
        "row": change.row,
        "field": change.field,
        "old": change.old,
        "new": change.new,
        "message_id": change.message_id,
    }


def _application(row: Application) -> dict[str, Any]:
    return {"row": row.row, **{field: row.cell(field) for field in FIELDS}, "meaning": row.status}


def _message(message: MailRecord, summary: Summary) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "date": _time(message.sent_at),
        "sender": sender_text(message.sender_name, message.sender_address),
        "subject": message.subject,
        "label": message.verdict.label,
        "detail": message.verdict.detail,
        "needs_review": message.needs_review,
        "question": message.question,
        "application": summary.row(message),
    }


def _sync(last: LastSync) -> dict[str, Any]:
    return {
        "time": _time(last.ended_at),
        "account": last.run.account,
        "fetched": last.run.fetched,
        "failed": last.run.failed,
        "error": last.run.error,
    }


def _appointment(item: Appointment) -> dict[str, Any]:
    return {
        "message_id": item.message.id,
        "row": item.row,
        "company": item.message.company,
        "role": item.message.role,
        "starts_at": item.starts_at.isoformat(timespec="minutes") if item.starts_at else None,
        "place": item.place,
        "subject": item.message.subject,
        "needs_review": item.message.needs_review,
    }


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    value = share.value
    return {
        "value": None if value is None else round(value, 4),
        "hits": share.hits,
        "n": share.n,
        "interval": [round(low, 4), round(high, 4)],
    }


def _quality(quality: Quality) -> dict[str, Any]:
    f1 = quality.f1
    return {
        "precision": _share(quality.precision),
        "recall": _share(quality.recall),
        "f1": None if f1 is None else round(f1, 4),
    }


def _qualities(parts: Mapping[Any, Quality]) -> dict[str, Any]:
    return {str(key): _quality(quality) for key, quality in parts.items()}


def _evaluation(result: Evaluation) -> dict[str, Any]:
    return {
        "n": result.n,
        "labels": _qualities(result.by_label),
        "details": _qualities(result.by_detail),
        "confusion": [
            {"true": true, "said": said, "count": count}
            for (true, said), count in sorted(result.confusion.items())
        ],
        "calibration": [
            {"mean_probability": round(item.mean_probability, 4), "right": _share(item.right)}
            for item in result.calibration
        ],
        "expected_calibration_error": round(result.expected_calibration_error, 4),
        "coverage": _share(result.acted),
        "wrong_when_acting": _share(result.wrong_when_acting),
        "good_news_called_rejection": _share(result.good_news_called_rejection),
        "false_alarms": _share(result.false_alarms),
    }
