"""Measures whether faults are harmful and healthy programs learn, without Babysitter.

`python benchmarks/diagnosis check` trains the seeded programs and writes `outcomes.json`. A fault
that is harmless by these results is labelled as such, and counts neither as a miss nor as a false
alarm.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.program import Program, Run

FILE = Path(__file__).parent / "outcomes.json"

LOST = 0.03
"""Loss of score, relative to the mean of the healthy base, above which a fault is harmful."""

WORSE = 1.3
"""Ratio of the validation loss to that of the base above which a fault is harmful, if it also costs
some score."""

LITTLE = 0.01
"""The minimum loss of score in that case."""

OVERFIT = 1.15
"""Maximum ratio of the final to the best validation loss of a healthy run."""


def measure(program: Program, task: str, limit_seconds: float = 60.0) -> dict[str, Any]:
    """Train a program without Babysitter; return its score and losses."""
    from benchmarks.diagnosis.record import TimeLimit

    started = time.perf_counter()
    try:
        run = program.build()
        logs = run.train(TimeLimit(limit_seconds)).history
        seen = scores(run, task)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    trained = logs.get("loss", [0.0])  # a step of its own without a loss: the score alone counts
    losses = np.array(logs.get("val_loss", trained))
    ends_above = losses[-1] / losses.min() if losses.min() > 0 else 1.0
    return seen | {
        "loss": brief(trained[-1]),
        "validation_loss": brief(losses[-1]),
        "ends_above_best": brief(ends_above),
        "seconds": round(time.perf_counter() - started, 1),
    }


def scores(run: Run, task: str) -> dict[str, Any]:
    """Return the score on training and validation data."""
    found = {}
    data = run.data
    pairs = {"train": (data.x, data.y), "validation": (data.x_val, data.y_val)}
    for name, (x, y) in pairs.items():
        if x is not None:
            found[name] = brief(score(run.model, x, y, task))
    found.setdefault("validation", found["train"])
    return found


def score(model: keras.Model, x: Any, y: Any, task: str) -> float:
    """Return balanced accuracy of classes, accuracy of labels, or R squared of values.

    Of several outputs it is the mean over them: balanced accuracy of 0 and 1, else R squared.
    """
    shape = getattr(model, "input_shape", None)  # a network with a step of its own has none
    size = shape[0] if isinstance(shape, tuple) else None
    found = model.predict(x, batch_size=size, verbose=0)
    if isinstance(y, dict):
        kinds = {k: "class" if np.isin(of, (0, 1)).all() else "value" for k, of in y.items()}
        each = [score_of(np.asarray(found[k], float), y[k], kind) for k, kind in kinds.items()]
        return float(np.mean(each))
    return score_of(np.asarray(found, float), y, task)


def score_of(outputs: np.ndarray, y: Any, task: str) -> float:
    """Return the score of the predictions of one output."""
    if not np.isfinite(outputs).all():
        return 0.0
    if task == "steps":  # of the steps that are no padding
        return float((outputs.argmax(axis=-1) == y)[y > 0].mean())
    if task == "samples":  # of samples, which shall be as far apart as the data
        return float(1 - np.abs(outputs.std(axis=0) / y.std(axis=0) - 1).mean())
    if task == "near":  # of the nearest embedding that is not its own
        apart = np.square(outputs[:, None] - outputs[None]).sum(axis=-1)
        np.fill_diagonal(apart, np.inf)
        return float((y[apart.argmin(axis=1)] == y).mean())
    if task == "value":
        y = y.reshape(outputs.shape) if y.size == outputs.size else y
        residual, spread = ((y - outputs) ** 2).mean(), y.var(axis=0).mean()
        return max(1 - residual / spread, -1.0) if np.isfinite(residual) else -1.0
    limit = 0.0 if (outputs.min() < 0 or outputs.max() > 1) and outputs.ndim == 1 else 0.5
    if task == "labels":
        return float(((outputs > limit) == (y > y.mean(axis=0, keepdims=True))).mean())
    if outputs.shape[-1] > 1:
        truth = y.argmax(axis=1) if y.ndim > 1 else y.astype(int)
        guess = outputs.argmax(axis=1)
    else:
        limit = 0.0 if outputs.min() < 0 or outputs.max() > 1 else 0.5
        truth, guess = y.ravel() > np.mean([y.min(), y.max()]), outputs.ravel() > limit
    return float(np.mean([np.mean(guess[truth == c] == c) for c in np.unique(truth)]))


def brief(value: Any) -> Any:
    value = float(value)
    return float(f"{value:.3g}") if np.isfinite(value) else str(value)


def load() -> dict[str, Any]:
    """Return the outcomes by id; empty before the first check."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def save(outcomes: dict[str, Any]) -> None:
    lines = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(outcomes.items())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def hurts(outcome: dict[str, Any], healthy: Iterable[dict[str, Any]], *, same_loss: bool) -> bool:
    """Return whether a fault's outcome is worse than those of its healthy base."""
    healthy = [h for h in healthy if "error" not in h]
    if "error" in outcome or not healthy:
        return True
    usual = np.mean([h["validation"] for h in healthy])
    loss = float(outcome["validation_loss"])
    usual_loss = np.mean([float(h["validation_loss"]) for h in healthy])
    is_lower = outcome["validation"] < usual - LITTLE
    is_worse = same_loss and is_lower and loss > WORSE * usual_loss
    is_lost = not np.isfinite([loss, float(outcome["loss"])]).all()
    return bool(is_lost or outcome["validation"] < usual - LOST or is_worse)


def complaints(outcome: dict[str, Any], aim: float) -> list[str]:
    """Return why a program does not count as healthy; empty if it does."""
    if "error" in outcome:
        return [outcome["error"]]
    found = []
    if outcome["validation"] < aim:
        found.append(f"scores {outcome['validation']}, aim {aim}")
    if float(outcome["ends_above_best"]) > OVERFIT:
        found.append(f"ends at {outcome['ends_above_best']} of its best validation loss")
    if outcome["train"] - outcome["validation"] > 0.1:
        found.append(f"train {outcome['train']}, validation {outcome['validation']}")
    return found


def check(programs: Iterable[Program], *, again: bool = False) -> None:
    """Train the seeded programs without an outcome, and print unexpected ones."""
    from benchmarks.diagnosis import faults, zoo

    outcomes = load()
    recipes = {**faults.recipes(), **zoo.recipes()}
    for program in programs:
        if program.part in ("reports", "corpus") or (program.id in outcomes and not again):
            continue
        recipe = recipes[program.id]
        outcomes[program.id] = measure(program, recipe.task)
        save(outcomes)
        seen = outcomes[program.id]
        if program.part == "healthy":
            verdict = "; ".join(complaints(seen, recipe.aim)) or "healthy"
        else:
            verdict = "hurts" if faults.does_hurt(program.id, outcomes) else "harmless"
        print(f"{program.id:48} {verdict:32} {json.dumps(seen)}", flush=True)
