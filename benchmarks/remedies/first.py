"""The first remedy of the first finding, carried out mechanically."""

import time
import traceback
from typing import Any

from benchmarks.diagnosis.outcomes import brief
from benchmarks.remedies.programs import (
    Case,
    faulty,
    findings_of,
    first_of,
    program_of,
    score_after,
    where,
)
from benchmarks.remedies.results import load, save
from keras_babysit.remedies import changes_for


def measure(
    count: int | None, seconds: float | None, minutes: float, *, again: bool = False
) -> None:
    """Measure programs that have no result, and print a line for each."""
    results, end = load(), time.monotonic() + 60 * minutes
    results["on"] = where()
    for case in faulty(count, seconds):
        if (case.id in results["first"] and not again) or time.monotonic() > end:
            continue
        is_new = case.id not in results["first"]
        results["first"][case.id] = seen = carry_out(case)
        if is_new:
            results["unseen"][case.id] = seen
        save(results)
        print(f"{case.id:44} {seen}", flush=True)


def carry_out(case: Case) -> dict[str, Any]:
    """Return what the first remedy of the first finding did."""
    start = time.process_time()
    seen: dict[str, Any] = {"broken": case.broken, "needed": brief(case.needed)}
    findings = findings_of(case)
    finding = first_of(findings)
    if finding is None:
        is_faulty = case.effect(score_after(case, ())) in ("no difference", "harms")
        return seen | {"effect": "nothing found" if is_faulty else "no fault here"}
    seen |= {"rule": finding.rule}
    known = [one for one in finding.remedies if one.change is not None]
    if not known:
        return seen | {"effect": "left to people", "remedy": finding.remedies[0].text}
    alike = [one for one in findings if one.rule == finding.rule and one is not finding]
    change = changes_for([finding, *alike])[0]  # of all layers of which the rule says the same
    seen |= {"index": finding.remedies.index(known[0]), "remedy": change.text}
    reason = change.why_not(program_of(case.build()))
    if reason:
        return seen | {"effect": "not applicable", "reason": reason}
    try:
        score = score_after(case, (change,))
    except Exception as error:  # a remedy that does not run is a result
        traceback.print_exc()
        return seen | {"effect": "failed", "reason": f"{type(error).__name__}: {error}"[:200]}
    seconds = round(time.process_time() - start, 1)
    return seen | {"score": brief(score), "effect": case.effect(score), "seconds": seconds}
