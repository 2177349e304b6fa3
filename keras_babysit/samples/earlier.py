"""What a model was trained on in earlier runs of this process."""

import dataclasses
import weakref

import keras
import numpy as np

from keras_babysit.backends import backend
from keras_babysit.samples.carried import Carried

MAX_ENTRIES = 100_000
"""Entries of a variable up to which it is read to tell one state of a model from another."""

VARIABLES = 4
"""Variables that are read: the smallest ones, which are biases mostly, and all change in training.
"""


@dataclasses.dataclass(frozen=True)
class Earlier:
    """The latest run of a model before this one.

    Args:
        rows: Keys of training examples, as `batches.rows` returns them.
        part: Fraction of the training examples that these are, in (0, 1].
        end: State of the model at the end of that run.
        loss: Loss before its first step, None if it was not measured.
        steps: Steps that the optimizer had done at its end, None if not known.
        optimizer: What the optimizer was set to at its start, as `kind_of` returns it.
        has_memory: Whether that optimizer loses anything if it is reset.
        resets: Runs in a row up to this one that began with an optimizer that was reset.
        carried: What is `Carried` on to the next run; None where the samples are not used again.
    """

    rows: frozenset[int]
    part: float
    end: tuple[float, ...]
    loss: float | None
    steps: int | None = None
    optimizer: tuple[str, ...] = ()
    has_memory: bool = False
    resets: int = 0
    carried: Carried | None = None

    def resets_until(self, steps: int | None, optimizer: tuple[str, ...]) -> int:
        """Return how many runs in a row, up to one that follows this one, began with a reset.

        The optimizer was reset if it counts fewer steps than at the end of this run, with the same
        setting: another learning rate is a decision.

        Args:
            steps: Steps that the optimizer has done before that run, None if not known.
            optimizer: What it is set to, as `kind_of` returns it.

        Example:
            >>> run = Earlier(frozenset(), 1.0, (), None, 40, ("Adam", "", "0.001"), True, resets=1)
            >>> run.resets_until(0, ("Adam", "", "0.001")), run.resets_until(40, run.optimizer)
            (2, 0)
        """
        if steps is None or not self.steps or not self.has_memory:
            return 0
        is_reset = steps < self.steps and optimizer == self.optimizer
        return self.resets + 1 if is_reset else 0


_known: weakref.WeakKeyDictionary[keras.Model, Earlier] = weakref.WeakKeyDictionary()


def state_of(model: keras.Model) -> tuple[float, ...]:
    """Return numbers that tell one state of a model from another; empty if it has no weights yet.

    Args:
        model: A `keras.Model` outside of a training step.
    """
    small = [v for v in model.trainable_variables if np.prod(v.shape) <= MAX_ENTRIES]
    chosen = sorted(small, key=lambda v: np.prod(v.shape))[:VARIABLES]
    values = [np.asarray(backend.to_numpy(v.value), "float64").ravel() for v in chosen]
    return tuple(float(value @ np.arange(1, value.size + 1)) for value in values)


def recall(model: keras.Model, state: tuple[float, ...]) -> Earlier | None:
    """Return the `Earlier` run of a model; None if there was none, or if its weights changed since.

    Weights that are not those at the end of the earlier run were reset, drawn anew or loaded: what
    that run learned may be gone.

    Args:
        model: A `keras.Model`.
        state: Its state now, as `state_of` returns it.
    """
    found = _known.get(model)
    return found if found is not None and state and found.end == state else None


def has_other_weights(model: keras.Model, state: tuple[float, ...]) -> bool:
    """Return whether a model was trained in an earlier run, but not to the weights it has now.

    Args:
        model: A `keras.Model`.
        state: Its state now, as `state_of` returns it.
    """
    found = _known.get(model)
    return found is not None and found.end != state


def remember(model: keras.Model, run: Earlier, before: Earlier | None = None) -> None:
    """Keep what a model was trained on for its next run.

    Args:
        model: A `keras.Model`.
        run: The `Earlier` that this run will be.
        before: The `Earlier` run that this one continued, None if it did not.
    """
    if before is not None:
        run = dataclasses.replace(
            run, rows=run.rows | before.rows, part=min(run.part, before.part), loss=before.loss
        )
    _known[model] = run
