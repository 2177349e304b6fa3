"""What a program of the benchmark is: something to train, and what is known to be wrong with it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

PARTS = ("corpus", "faults", "healthy")
HALVES = ("set", "reported")


class Split(NamedTuple):
    """Training and validation data; the latter may be None."""

    x: Any
    y: Any
    x_val: Any = None
    y_val: Any = None


@dataclass
class Run:
    """A compiled model with its data and the arguments of `fit`."""

    model: keras.Model
    data: Split
    fit: dict[str, Any]

    def train(self, *callbacks: keras.callbacks.Callback) -> keras.callbacks.History:
        """Call `fit`, silently."""
        data = self.data
        validation = None if data.x_val is None else (data.x_val, data.y_val)
        return self.model.fit(
            data.x,
            data.y,
            validation_data=validation,
            callbacks=list(callbacks),
            verbose=0,
            **self.fit,
        )


@dataclass(frozen=True)
class Label:
    """What is wrong with a program, in names of rules.

    Args:
        names: Rules that name the fault or its root cause. Empty for a healthy program.
        accepts: Rules that name a symptom which the fault rightly has.
        is_scored: Whether the label is sure enough to count.
        is_harmless: Whether the program has a fault that did not hurt when trained without the
            watcher: neither a miss nor a false alarm counts.
        words: The label in the words of who gave it.
        note: Why the label is doubtful, or what it rests on.
    """

    names: frozenset[str] = frozenset()
    accepts: frozenset[str] = frozenset()
    is_scored: bool = True
    is_harmless: bool = False
    words: tuple[str, ...] = ()
    note: str = ""

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.words


@dataclass(frozen=True)
class Program:
    """Something to train.

    Args:
        id: A name for the reader and for the recording's file.
        family: A program, its repair and its seeds together; halves are drawn by family.
        part: One of `PARTS`.
        label: What is wrong with it.
        build: Returns the compiled model with data, seeded.
        peers: What earlier tools answered on it, by name of the tool.
    """

    id: str
    family: str
    part: str
    label: Label
    build: Callable[[], Run] = field(repr=False, compare=False)
    peers: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def half(self) -> str:
        """Which half it is in: thresholds are set on one, the other is only reported."""
        digest = hashlib.sha256(self.family.encode()).digest()
        return HALVES[digest[0] % 2]


def seed_everything(seed: int) -> np.random.Generator:
    """Forget earlier models, seed Keras and return a generator for the data."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return np.random.default_rng(seed)
