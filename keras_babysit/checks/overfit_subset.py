"""Checks that the model can overfit twenty examples."""

from collections.abc import Iterator, Sequence

import keras
import numpy as np

from keras_babysit.actions import LOOKS
from keras_babysit.checks._training import Trainer
from keras_babysit.checks.case import GRADIENT, TRAINER, Case
from keras_babysit.checks.initial_loss import constant, perfect
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.loss_reading import LossKind
from keras_babysit.samples.batches import take
from keras_babysit.typing import Batch, Nested

SUBSET_EXAMPLES = 20
"""As in CS231n, 'make sure that you can overfit very small portion of the training data'."""

WEIGHTS_PER_TARGET = 4
"""Weights per number to fit. A network can fit about as many numbers as it has weights (Zhang et
al., arXiv:1611.03530, theorem 1: 2n + d for n numbers); gradient descent needs a few times as many
to do so in a few hundred steps. Smaller networks get fewer examples."""

LEARNING_RATES = (1e-3, 1e-2, 1e-4)
TRAINED_STEPS = 250

MIN_TRAINED_STEPS = 30
"""The check is skipped unless there is time for this many steps."""

LEARNED_LOSS = 0.05
"""Fraction of the loss of a constant prediction below which the examples count as learned."""

PROGRESS = 0.05
"""Fraction of the remaining loss by which the last third of the steps must reduce it. Training then
counts as unfinished, otherwise as stuck."""

REFERENCE = "CS231n, sanity checks: overfit a tiny subset of the data, regularization off"


def overfit_subset(case: Case) -> CheckResult:
    """Report if a few examples cannot be learned without penalties, dropout and augmentation.

    Trains a copy of the weights with Adam at three learning rates; whether the user's optimizer
    suits the task is a different question. There is no verdict while the loss is still falling.
    """
    case.need_loss()
    if not case.model.trainable_variables:
        raise Unknown("no weight is trainable")
    x, y, _ = batch = _subset(case)
    floor, start = _floor_and_start(case, x, y)
    passes = TRAINER["passes"] + MIN_TRAINED_STEPS * GRADIENT["passes"]
    case.need_time(passes=passes, starts=TRAINER.get("starts", 0), examples=_size(batch))
    optimizer = keras.optimizers.Adam(LEARNING_RATES[0], name="overfit_subset")
    trainer = Trainer(case.model, optimizer, case.state[:2], is_bare=True)
    runs = []
    for rate in LEARNING_RATES:
        run = _train(case, trainer, (x, y, None), rate, floor + LEARNED_LOSS * (start - floor))
        runs.append(run)
        if run.is_done:
            return CheckResult(
                f"{_size(batch)} examples learned in {len(run.losses)} steps, loss "
                f"{start:.3g} -> {run.losses[-1]:.3g}"
            )
        if case.seconds_left <= 0:
            break
        trainer.reset()
    best = min(runs, key=lambda run: run.best)
    case.record("overfit/loss", best.best)
    so_far = (
        f"loss {start:.3g} -> {best.best:.3g} on {_size(batch)} examples in "
        f"{len(best.losses)} steps"
    )
    if len(runs) < len(LEARNING_RATES) or any(run.is_cut_short for run in runs):
        raise Unknown(f"{so_far}; no time left. Raise `seconds`.")
    if any(run.is_falling for run in runs):
        raise Unknown(f"{so_far}, still falling")
    return CheckResult(
        f"loss {start:.3g} -> {best.best:.3g} on {_size(batch)} examples, stuck",
        [_finding(case, _size(batch), start, best)],
    )


class FitRun:
    """The losses of one training run, and its state.

    Args:
        goal: Loss below which the examples count as learned.
    """

    def __init__(self, goal: float) -> None:
        self.goal = goal
        self.losses: list[float] = []
        self.is_cut_short = False  # stopped for lack of time, so not conclusive

    @property
    def is_done(self) -> bool:
        """Whether the loss has reached the goal."""
        return bool(self.losses) and self.losses[-1] <= self.goal

    @property
    def best(self) -> float:
        """The lowest loss; infinite if no loss was finite."""
        return min([loss for loss in self.losses if np.isfinite(loss)], default=np.inf)

    @property
    def is_falling(self) -> bool:
        """Whether the last third of the steps still reduced the loss noticeably."""
        third = max(1, len(self.losses) // 3)
        before, after = self.losses[:-third], self.losses[-third:]
        if not before or not np.isfinite(self.losses).all():
            return False
        gap = min(before) - self.goal
        return min(before) - min(after) > PROGRESS * max(gap, 1e-12)


def _subset(case: Case) -> Batch:
    """Return a few distinct examples; fewer if the model has few weights."""
    targets = max(1, int(np.prod(case.outputs[0].shape[1:])))
    weights = sum(int(np.prod(v.shape)) for v in case.model.trainable_variables)
    count = int(np.clip(weights // (WEIGHTS_PER_TARGET * targets), 2, SUBSET_EXAMPLES))
    count = case.batch_size or count
    if len(case.data) < count:
        count = len(case.data)
    batch = case.data.some(len(case.data), 3)
    rows = _distinct(batch[0])[:count] if not case.batch_size else range(count)
    x, y, _ = take(batch, np.asarray(rows))
    return x, y, None


def _distinct(x: Nested) -> list[int]:
    """Return the indices of distinct examples; equal ones may have different targets."""
    leaves = [leaf.reshape(len(leaf), -1) for leaf in keras.tree.flatten(x) if leaf is not None]
    seen, indices = set(), []
    for index in range(len(leaves[0])):
        key = b"".join(leaf[index].tobytes() for leaf in leaves)
        if key not in seen:
            seen.add(key)
            indices.append(index)
    return indices


def _size(batch: Batch) -> int:
    return len(keras.tree.flatten(batch[0])[0])


def _floor_and_start(case: Case, x: Nested, y: Nested) -> tuple[float, float]:
    """Return the loss of perfect predictions and of a constant one, on the subset."""
    subset = _Subset(case, x, y)
    kinds = case.kinds
    constants = [
        constant(k, t, p) for k, t, p in zip(kinds, subset.targets, subset.outputs, strict=True)
    ]
    neutral = [one for one in constants if one is not None]
    if len(neutral) < len(constants):
        raise Unknown("the minimum of this custom loss is not known")
    floor = min(subset.loss(predictions) for predictions in _perfect(kinds, subset))
    start = subset.loss(neutral)
    if not start - floor > 1e-6:
        raise Unknown("the targets of the subset are all equal")
    return floor, start


def _perfect(kinds: Sequence[LossKind], subset: "_Subset") -> Iterator[list[np.ndarray]]:
    """Yield perfect predictions with increasing smoothing, for losses that smooth labels."""
    for smoothing in (0.0, 0.01, 0.03, 0.1, 0.2, 0.3):
        triples = zip(kinds, subset.targets, subset.outputs, strict=True)
        yield [perfect(kind, y, p, smoothing) for kind, y, p in triples]


class _Subset:
    """Outputs, targets and loss of a few examples."""

    def __init__(self, case: Case, x: Nested, y: Nested) -> None:
        self._case = case
        self._x = x
        self.outputs, _ = case.forward(x, training=True)
        self.targets = case.flat_targets(y)

    def loss(self, predictions: Sequence[np.ndarray]) -> float:
        return self._case.loss(self.targets, predictions, x=self._x)


def _train(case: Case, trainer: Trainer, batch: Batch, rate: float, goal: float) -> FitRun:
    """Train until the goal, the maximum number of steps or the time limit is reached."""
    trainer.optimizer.learning_rate = rate
    run = FitRun(goal)
    step = {"passes": GRADIENT["passes"], "examples": _size(batch)}
    # The other half of the time is for the next learning rate, or the next check.
    affordable = case.seconds_left / 2 / max(case.seconds_of(**step), 1e-9)
    for done in range(TRAINED_STEPS):
        if done and (done >= affordable or case.seconds_left < 0):
            run.is_cut_short = True
            break
        case.spend(**step)
        run.losses.append(trainer.step(batch))
        if run.is_done or not np.isfinite(run.losses[-1]):
            break
    return run


def _finding(case: Case, examples: int, start: float, best: FitRun) -> Finding:
    others = [one.rule for one in case.found if one.severity > Severity.NOTE]
    explained = f" Fix first: {', '.join(dict.fromkeys(others))}." if others else ""
    return Finding(
        "overfit_subset",
        Severity.WARNING,
        "",
        f"The model cannot overfit {examples} examples: the loss stays at {best.best:.3g} "
        f"(constant prediction: {start:.3g}).{explained}",
        {"examples": examples, "loss": best.best, "constant": start, "explained_by": others},
        (
            Remedy(
                "Fix the other findings first. If there are none, check that inputs and labels "
                "belong together, or add units to the model.",
                "print(x[:5], y[:5])",
                no_change_because=LOOKS,
            ),
        ),
        REFERENCE,
    )
