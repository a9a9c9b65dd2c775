"""The oracle's answers in words."""

from __future__ import annotations

from typing import Any

from ..verify import Report, Row


def lines_of(report: Report) -> list[str]:
    """One line a claim, and a counterexample under each refuted one."""
    widest = max((len(row.what) for row in report.rows), default=0)
    lines = []
    for row in report.rows:
        verdict = row.verdict
        lines.append(f"{row.what:<{widest}}  {verdict.verdict}: {verdict.says}")
        if verdict.counterexample is not None:
            lines.append(f"{'':<{widest}}  {verdict.counterexample}")
    return lines


def summary_of(report: Report, what: str) -> str:
    """How many claims were confirmed, and how."""
    count = len(report.rows)
    confirmed = sum(row.verdict.confirmed for row in report.rows)
    if report.ok:
        digits = min(row.verdict.digits for row in report.rows)
        return f"verified: all {count} {what} agree with power series to {digits} digits"
    return f"NOT verified: {confirmed} of {count} {what} confirmed, {len(report.wrong)} refuted"


def summarize(report: Report, what: str) -> bool:
    """Print the claims that failed and the summary; whether all were confirmed."""
    failed = Report((*report.wrong, *report.open))
    for line in lines_of(failed):
        print(line)
    print(summary_of(report, what))
    return report.ok


def as_json(report: Report) -> dict[str, Any]:
    """The report as data."""
    return {"ok": report.ok, "rows": [_row(row) for row in report.rows]}


def _row(row: Row) -> dict[str, Any]:
    verdict = row.verdict
    answer: dict[str, Any] = {
        "what": row.what,
        "verdict": verdict.verdict,
        "digits": verdict.digits,
        "points": verdict.trials,
        "components": verdict.components,
        "says": verdict.says,
    }
    if verdict.counterexample is not None:
        answer["counterexample"] = str(verdict.counterexample)
    return answer
