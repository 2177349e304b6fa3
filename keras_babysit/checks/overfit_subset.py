"""Whether the model can learn twenty examples by heart."""

import time

import keras
import numpy as np

from keras_babysit.checks._training import Trainer
from keras_babysit.checks.case import GRADIENT, TRAINER
from keras_babysit.checks.initial_loss import constant, perfect
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.samples.batches import take

EXAMPLES = 20
"""As in CS231n, 'make sure that you can overfit very small portion of the training data'."""

WEIGHTS_PER_ANSWER = 4
"""Weights for each number to be learnt. A network can fit about as many numbers as it has
weights (Zhang et al., arXiv:1611.03530, theorem 1: 2n + d for n numbers); found by gradient
descent in a few hundred steps it needs a few times as many. Smaller networks get fewer examples."""

RATES = (1e-3, 1e-2, 1e-4)
STEPS = 250

FEWEST_STEPS = 30
"""Steps for which there must be time, or it is not begun."""

LEARNT = 0.05
"""Share of the loss of a constant answer below which the examples count as learnt."""

STALLED = 0.05
"""Share of the loss that the last third of the steps must still take off for training to count as
unfinished rather than stuck."""

REFERENCE = "CS231n, sanity checks: overfit a tiny subset of the data, regularization off"


def overfit_subset(case):
    """Advise if a few examples cannot be learnt with penalties, dropout and augmentation off.

    It trains on values of its own, by Adam at three learning rates: that the user's optimizer
    suits the task is another question. While the loss still falls it says that it does not know.
    """
    case.need_loss()
    if not case.model.trainable_variables:
        raise Unknown("no weight is trainable")
    x, y, _ = batch = _subset(case)
    floor, start = _floor_and_start(case, x, y)
    passes = TRAINER["passes"] + FEWEST_STEPS * GRADIENT["passes"]
    case.need_time(passes=passes, starts=TRAINER.get("starts", 0), examples=_size(batch))
    optimizer = keras.optimizers.Adam(RATES[0], name="overfit_subset")
    trainer = Trainer(case.model, optimizer, case.state[:2], is_bare=True)
    runs = []
    for rate in RATES:
        run = _train(case, trainer, (x, y, None), rate, floor + LEARNT * (start - floor))
        runs.append(run)
        if run.is_done:
            return CheckResult(
                f"{_size(batch)} examples learnt in {len(run.losses)} steps, loss "
                f"{start:.3g} -> {run.losses[-1]:.3g}"
            )
        if case.seconds_left < 0:
            break
        trainer.reset()
    best = min(runs, key=lambda run: run.best)
    case.record("overfit/loss", best.best)
    so_far = (
        f"loss {start:.3g} -> {best.best:.3g} on {_size(batch)} examples in "
        f"{len(best.losses)} steps"
    )
    if len(runs) < len(RATES) or any(run.is_cut_short for run in runs):
        raise Unknown(f"{so_far}, all that there was time for: give it more `seconds`")
    if any(run.is_falling for run in runs):
        raise Unknown(f"{so_far} and still falling")
    return CheckResult(
        f"loss {start:.3g} -> {best.best:.3g} on {_size(batch)} examples, stuck",
        [_finding(case, _size(batch), start, best)],
    )


class Run:
    """The losses of one training, and what became of it.

    Args:
        goal: Loss below which the examples count as learnt.
    """

    def __init__(self, goal):
        self.goal = goal
        self.losses = []
        self.is_cut_short = False  # a loss that had no time to fall is no evidence

    @property
    def is_done(self):
        """Whether the goal is reached."""
        return bool(self.losses) and self.losses[-1] <= self.goal

    @property
    def best(self):
        """The lowest loss; infinite if none was finite."""
        return min([loss for loss in self.losses if np.isfinite(loss)], default=np.inf)

    @property
    def is_falling(self):
        """Whether the last third of the steps took off a share of the loss worth waiting for."""
        third = max(1, len(self.losses) // 3)
        before, after = self.losses[:-third], self.losses[-third:]
        if not before or not np.isfinite(self.losses).all():
            return False
        gap = min(before) - self.goal
        return min(before) - min(after) > STALLED * max(gap, 1e-12)


def _subset(case):
    """Return a few examples without twins; fewer where the model has few weights."""
    answers = max(1, int(np.prod(case.outputs[0].shape[1:])))
    weights = sum(int(np.prod(v.shape)) for v in case.model.trainable_variables)
    count = int(np.clip(weights // (WEIGHTS_PER_ANSWER * answers), 2, EXAMPLES))
    count = case.batch_size or count
    if len(case.data) < count:
        count = len(case.data)
    batch = case.data.some(len(case.data), 3)
    rows = _distinct(batch[0])[:count] if not case.batch_size else range(count)
    x, y, _ = take(batch, np.asarray(rows))
    return x, y, None


def _distinct(x):
    """Return the places of examples that differ: equal ones may have different answers."""
    leaves = [leaf.reshape(len(leaf), -1) for leaf in keras.tree.flatten(x) if leaf is not None]
    seen, places = set(), []
    for place in range(len(leaves[0])):
        key = b"".join(leaf[place].tobytes() for leaf in leaves)
        if key not in seen:
            seen.add(key)
            places.append(place)
    return places


def _size(batch):
    return len(keras.tree.flatten(batch[0])[0])


def _floor_and_start(case, x, y):
    """Return the loss of the right answers and of a constant one, on the subset."""
    subset = _Subset(case, x, y)
    kinds = case.kinds
    neutral = [
        constant(k, t, p) for k, t, p in zip(kinds, subset.targets, subset.outputs, strict=True)
    ]
    if any(one is None for one in neutral):
        raise Unknown("what a loss of its own kind comes down to is not known")
    floor = min(subset.loss(answers) for answers in _answers(kinds, subset))
    start = subset.loss(neutral)
    if not start - floor > 1e-6:
        raise Unknown("the targets of the subset are all alike")
    return floor, start


def _answers(kinds, subset):
    """Yield the right answers, more and less sure of them: smoothed labels ask for some doubt."""
    for doubt in (0.0, 0.01, 0.03, 0.1, 0.2, 0.3):
        triples = zip(kinds, subset.targets, subset.outputs, strict=True)
        yield [perfect(kind, y, p, doubt) for kind, y, p in triples]


class _Subset:
    """The outputs and targets of a few examples, and their loss."""

    def __init__(self, case, x, y):
        self._case = case
        self._x = x
        self.outputs, _ = case.forward(x, training=True)
        self.targets = case.flat_targets(y)

    def loss(self, predictions):
        return self._case.loss(self.targets, predictions, x=self._x)


def _train(case, trainer, batch, rate, goal):
    """Train until the goal is reached, the steps are used up or the time is."""
    trainer.optimizer.learning_rate = rate
    run = Run(goal)
    until = time.perf_counter() + max(case.seconds_left, 0.0) / 2
    for _ in range(STEPS):
        run.losses.append(trainer.step(batch))
        if run.is_done or not np.isfinite(run.losses[-1]):
            break
        if time.perf_counter() > until:
            run.is_cut_short = True
            break
    return run


def _finding(case, examples, start, best):
    others = [a.rule for a in case.found if a.severity > Severity.NOTE]
    explained = f" See first: {', '.join(dict.fromkeys(others))}." if others else ""
    return Finding(
        "overfit_subset",
        Severity.WARNING,
        "",
        f"{examples} examples cannot be learnt by heart: the loss stays at {best.best:.3g}, where "
        f"a constant answer gives {start:.3g}.{explained}",
        {"examples": examples, "loss": best.best, "constant": start, "explained_by": others},
        (
            Remedy(
                "Follow the other findings first; if there are none, compare inputs and labels "
                "by eye, or give the model more units.",
                "print(x[:5], y[:5])",
            ),
        ),
        REFERENCE,
    )
