"""The oracle's answers in words."""

from __future__ import annotations

from typing import Any

from ..verify import Report, Row
from .output import wrapped


def lines_of(report: Report) -> list[str]:
    """A paragraph a claim, wrapped to the terminal; a counterexample in each refuted one."""
    widest = max((len(row.what) for row in report.rows), default=0)
    lines = []
    for row in report.rows:
        verdict = row.verdict
        said = f"{verdict.verdict}: {verdict.says}"
        if verdict.counterexample is not None and str(verdict.counterexample) not in said:
            said += f"; {verdict.counterexample}"
        lines += wrapped(f"{row.what:<{widest}}  {said}", widest + 2)
    return lines


def summary_of(report: Report, what: str) -> str:
    """How many claims were confirmed, and how."""
    count = len(report.rows)
    if not count:
        return "nothing to verify: no equation is claimed"
    confirmed = sum(row.verdict.confirmed for row in report.rows)
    if report.ok:
        digits = min(row.verdict.digits for row in report.rows)
        claims = f"all {count} {what} agree" if count > 1 else f"the {what.rstrip('s')} agrees"
        return f"verified: {claims} with power series to {digits} digits"
    return f"NOT verified: {confirmed} of {count} {what} confirmed, {len(report.wrong)} refuted"


def summarize(report: Report, what: str) -> bool:
    """Print the claims that failed and the summary; whether there were none that failed."""
    failed = Report((*report.wrong, *report.open))
    for line in (*lines_of(failed), *wrapped(summary_of(report, what), 2)):
        print(line)
    return not failed.rows


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
