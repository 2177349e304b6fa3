"""`kb.try_remedies` on faulty and healthy programs."""

import time
from typing import Any

from benchmarks.diagnosis.outcomes import brief
from benchmarks.remedies.programs import (
    Case,
    faulty,
    findings_of,
    healthy,
    program_of,
    score_after,
    where,
)
from benchmarks.remedies.results import load, save
from keras_babysit import try_remedies
from keras_babysit.remedies import Effect, Row


def measure(
    count: int | None,
    seconds: float | None,
    sound: int,
    trainings: int,
    minutes: float,
    *,
    again: bool = False,
) -> None:
    """Measure programs that have no result, and print a line for each."""
    results, end = load(), time.monotonic() + 60 * minutes
    results["on"] = where()
    for part, cases in (
        ("tried", faulty(count, seconds)),
        ("healthy", healthy(sound) if sound else []),
    ):
        for case in cases:
            if (case.id in results[part] and not again) or time.monotonic() > end:
                continue
            results[part][case.id] = seen = try_on(case, trainings, is_faulty=part == "tried")
            save(results)
            print(f"{case.id:44} {seen}", flush=True)


def try_on(case: Case, trainings: int, *, is_faulty: bool) -> dict[str, Any]:
    """Return what a trial said, and whether whole trainings agree."""
    start = time.perf_counter()
    broken = score_after(case, ())
    one = time.perf_counter() - start
    if is_faulty and broken > (case.broken + case.needed) / 2:  # it does harm on TensorFlow alone
        return {"rows": [], "effect": "no fault here", "score": brief(broken)}
    findings = findings_of(case) if is_faulty else None
    program = program_of(case.build())
    validation = [part for part in program.validation if part is not None]
    trial = try_remedies(
        program.model,
        program.x,
        program.y,
        sample_weight=program.sample_weight,
        validation_data=validation,
        findings=findings,
        budget=trainings * one,
        seeds=3,
        verbose=0,
        callbacks=program.callbacks,
        **program.fit,
    )
    seen: dict[str, Any] = {
        "rows": [_brief(row) for row in trial.rows],
        "seconds": round(trial.seconds, 1),
        "trainings": round(trial.seconds / one, 1),
    }
    if not is_faulty:
        return seen
    changes = trial.best.changes if trial.best else ()
    score = score_after(case, changes) if changes else broken
    effect = case.effect(score) if changes else "nothing helps" if trial.rows else "left to people"
    agreed = [_agrees(case, row, broken) for row in trial.rows if row.effect in SPOKEN]
    return seen | {
        "best": trial.best.text if trial.best else "",
        "score": brief(score),
        "needed": brief(case.needed),
        "effect": effect,
        "agreed": sum(agreed),
        "spoken": len(agreed),
    }


SPOKEN = (Effect.HELPS, Effect.HARMS)


def _brief(row: Row) -> dict[str, Any]:
    return {"remedy": row.text, "verdict": row.effect.value, "seeds": row.seeds}


def _agrees(case: Case, row: Row, broken: float) -> bool:
    """Return whether a whole training, without a decay to 0, shows the sign of a verdict."""
    return (score_after(case, row.changes) > broken) == (row.effect is Effect.HELPS)
