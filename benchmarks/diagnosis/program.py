"""`Program`: something to train, with a label that says what is wrong with it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

PARTS = ("reports", "corpus", "faults", "healthy")
HALVES = ("tuning", "test")


class Split(NamedTuple):
    """Training and validation data; the latter may be None."""

    x: Any
    y: Any
    x_val: Any = None
    y_val: Any = None


@dataclass
class Run:
    """A compiled model with its data and the arguments of `fit`.

    Args:
        model: The model.
        data: Its data.
        fit: The arguments of `fit`.
        stream: What yields the training examples in place of `data`; None for the arrays.
        callbacks: The program's own callbacks.
    """

    model: keras.Model
    data: Split
    fit: dict[str, Any]
    stream: keras.utils.PyDataset | None = None
    callbacks: tuple[keras.callbacks.Callback, ...] = ()

    @property
    def planned(self) -> int | None:
        """The number of optimizer steps; None if it is not known in advance."""
        return int(self.fit["epochs"]) * -(-len(self.data.y) // int(self.fit["batch_size"]))

    def train(self, *callbacks: keras.callbacks.Callback) -> keras.callbacks.History:
        """Call `fit` without output."""
        data = self.data
        validation = None if data.x_val is None else (data.x_val, data.y_val)
        train: dict[str, Any] = {"x": data.x, "y": data.y, **self.fit}
        if self.stream is not None:
            train = {"x": self.stream, "epochs": self.fit["epochs"]}
        return self.model.fit(
            validation_data=validation,
            callbacks=[*self.callbacks, *callbacks],
            verbose=0,
            **train,
        )


@dataclass(frozen=True)
class Label:
    """What is wrong with a program, as names of rules.

    Args:
        names: Rules for the fault or its root cause; empty for a healthy program.
        accepts: Rules for known symptoms of the fault.
        is_scored: Whether the label is certain enough to count.
        is_harmless: Whether the fault was harmless when trained without Babysitter. Then neither
            misses nor false alarms count.
        words: The label in the words of its source.
        note: Why the label is uncertain, or what it is based on.
    """

    names: frozenset[str] = frozenset()
    accepts: frozenset[str] = frozenset()
    is_scored: bool = True
    is_harmless: bool = False
    words: tuple[str, ...] = ()
    note: str = ""

    @property
    def is_healthy(self) -> bool:
        """Whether the program has no fault."""
        return not self.words


@dataclass(frozen=True)
class Program:
    """Something to train.

    Args:
        id: Name of the program and of its recording.
        family: Common name of a program, its repair and its seeds. Halves are split by family.
        part: One of `PARTS`.
        label: What is wrong with it.
        build: Returns the compiled model with data, seeded.
        peers: Results of earlier tools, by name of the tool.
    """

    id: str
    family: str
    part: str
    label: Label
    build: Callable[[], Run] = field(repr=False, compare=False)
    peers: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def half(self) -> str:
        """The half: thresholds are tuned on one half, and tested on the other."""
        digest = hashlib.sha256(self.family.encode()).digest()
        return HALVES[digest[0] % 2]


def seed_everything(seed: int) -> np.random.Generator:
    """Clear earlier models, seed Keras and return a random generator for the data."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return np.random.default_rng(seed)
