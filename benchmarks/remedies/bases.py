"""What counts as cured: the score of the healthy program on the data of the faulty one.

A data set is split with the seed of a program, and the score of the same network differs from split
to split by more than a remedy may leave. So the healthy base is trained on the very split.
"""

import time

from benchmarks.diagnosis.outcomes import brief
from benchmarks.remedies.programs import faulty, score_of_base, where
from benchmarks.remedies.results import load, save

JUDGED = ("first", "unseen", "tried")
EFFECTS = ("cured", "improved", "no difference", "harms")


def measure(minutes: float) -> None:
    """Train the healthy bases of measured programs that have none; judge the programs by them."""
    results, end = load(), time.monotonic() + 60 * minutes
    results["on"] = where()
    measured = {name for part in JUDGED for name, one in results[part].items() if is_judged(one)}
    for case in faulty():
        if case.id in measured and case.id not in results["bases"] and time.monotonic() < end:
            results["bases"][case.id] = seen = [brief(score_of_base(case))]
            save(results)
            print(f"{case.id:44} {seen}", flush=True)
    for case in faulty():
        for part in JUDGED:
            one = results[part].get(case.id, {})
            if case.id in results["bases"] and is_judged(one):
                one["needed"], one["effect"] = brief(case.needed), case.effect(one["score"])
    save(results)


def is_judged(one: dict[str, object]) -> bool:
    """Return whether a result is a score that is compared with that of the healthy base."""
    return one.get("effect") in EFFECTS
