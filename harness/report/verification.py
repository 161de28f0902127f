"""Verification for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.events import write_time
from harness.redaction import redactor
from harness.report import document as results
from harness.verify.results import Status

if TYPE_CHECKING:
    from harness.report.terminal import Terminal
    from harness.verify.results import Outcome, VerifyResult
    from harness.verify.seen import Seen

_STYLES = {Status.PASSED: "green", Status.FAILED: "red", Status.SKIPPED: "cyan"}
_LABELS = {Status.PASSED: "ok", Status.FAILED: "failed", Status.SKIPPED: "skipped"}


def begin(terminal: Terminal, inventory: str) -> None:
    """Say what begins."""
    terminal.headline(f"VERIFY [{inventory}]")


def outcome(terminal: Terminal, each: Outcome) -> None:
    """Show an outcome as it comes."""
    label = "unreachable" if each.unreachable else _LABELS[each.status]
    name = f"{each.family}::{each.name}"
    style = _STYLES[each.status]
    terminal.styled(f"{label}: [{each.host}] => {name}" if each.host else f"{label}: {name}", style)
    for line in each.lines():
        terminal.styled(f"    {line}", style)


def recap(terminal: Terminal, result: VerifyResult) -> None:
    """Show what was seen of each host, and how many expectations hold."""
    terminal.headline("VERIFY RECAP")
    width = max((len(each.host) for each in result.seen), default=0)
    for each in result.seen:
        bad = any(
            one.status is Status.FAILED and (one.host, one.family) == (each.host, each.family.value)
            for one in result.outcomes
        )
        words = f"{each.host.ljust(width)} : {each.family.value.ljust(6)} {_summary(each)}"
        terminal.styled(words, "red" if bad else "green")
        for reason in each.refused.values():
            if each.error is None:
                terminal.notice(f"note: {reason}")
    for path in result.updated:
        terminal.say(f"rewritten: {path}")
    if result.interrupted:
        terminal.problem("interrupted")
    elif not result.outcomes:
        terminal.problem("no expectation was selected, so nothing is proven")
    terminal.styled(_closing(result), "red" if result.exit_code else "green")


def _summary(each: Seen) -> str:
    """Write what was seen of a family: its delay and its counts."""
    if each.error is not None:
        return "not polled"
    parts = []
    if each.arrival is not None:
        parts.append(f"probe seen after {each.arrival.seconds:.1f} s")
    elif each.sent:
        parts.append(f"probe not seen in {each.seconds:.0f} s")
    elif each.probe_error is not None:
        parts.append("probe not sent")
    parts.append(f"events={each.events} unparsed={each.unparsed} files={each.files}")
    return ", ".join(parts)


def _closing(result: VerifyResult) -> str:
    """Write pytest's closing line."""
    counts = ((result.count(status), status.value) for status in (Status.FAILED, Status.PASSED, Status.SKIPPED))
    words = ", ".join(f"{count} {name}" for count, name in counts if count) or "no tests ran"
    return f"{words} in {result.seconds:.2f}s"


def document(result: VerifyResult) -> str:
    """Write a run as a JSON document."""
    content = {
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 3),
        "expectations": [_outcome(each) for each in result.outcomes],
        "families": [_seen(each) for each in result.seen],
        "updated": list(result.updated),
    }
    return redactor.redact(json.dumps(content, indent=2))


def _outcome(each: Outcome) -> dict[str, Any]:
    failure = each.failure
    return {
        "id": each.id,
        "host": each.host or None,
        "family": each.family,
        "name": each.name,
        "source": str(each.source),
        "status": each.status.value,
        "failure": {"expected": failure.expected, "seen": failure.seen, "hint": failure.hint} if failure else None,
        "error": results.error(each.error),
        "reason": each.reason,
    }


def _seen(each: Seen) -> dict[str, Any]:
    arrival = each.arrival
    newest = write_time(each.newest.device_time) if each.newest is not None else None
    return {
        "host": each.host,
        "family": each.family.value,
        "folders": list(each.folders),
        "files": each.files,
        "bytes": each.bytes,
        "events": each.events,
        "unparsed": each.unparsed,
        "newest": newest,
        "probe": {"seconds": round(arrival.seconds, 3), "place": arrival.place} if arrival is not None else None,
        "refused": each.refused,
    }
