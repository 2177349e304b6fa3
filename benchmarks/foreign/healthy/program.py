"""`Healthy`: a public program that trains as it should, rebuilt at a small size."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import keras_babysit as kb
from benchmarks.diagnosis.program import seed_everything
from benchmarks.diagnosis.reports.report import Training

IO = "https://github.com/keras-team/keras-io/blob/master/"
"""Where the examples and guides of Keras are."""


@dataclass(frozen=True)
class Healthy:
    """A program that is healthy: a warning on it is a false alarm, unless `may` names it.

    Args:
        name: The program in a few words.
        address: What it was rebuilt from; empty for what people do every day.
        make: Returns the `Training`, given a random generator; or a function that trains with
            `kb.watch` and returns what watched.
        may: Rules whose warning would be true, written down before the first run, and why.
        backends: Backends on which it runs.
    """

    name: str
    address: str
    make: Callable[[np.random.Generator], Any] = field(repr=False)
    may: tuple[str, ...] = ()
    backends: tuple[str, ...] = ("tensorflow", "torch", "jax")

    def run(self, epochs: int | None = None) -> Any:
        """Train under a default `Babysitter`, and return it.

        Args:
            epochs: Number of epochs, None for those of the program.
        """
        made = self.make(seed_everything(1))
        if not isinstance(made, Training):
            return made()
        if epochs is not None:
            made.fit["epochs"] = min(epochs, made.fit["epochs"])
        sitter = kb.Babysitter(verbose=0)
        history = made.train(sitter)
        score = made.score(history.history)
        return sitter, score


HEALTHY: dict[str, Healthy] = {}
"""All healthy programs by name, filled by the decorator."""


def healthy(address: str = "", may: tuple[str, ...] = (), **options: Any) -> Callable[..., Any]:
    """Register a function as a healthy program; its name is the name of the program."""

    def register(make: Callable[[np.random.Generator], Any]) -> Any:
        name = make.__name__.strip("_").replace("_", "-")
        if name in HEALTHY:
            raise ValueError(f"Two programs are named {name!r}")
        HEALTHY[name] = Healthy(name, address and IO + address, make, may, **options)
        return make

    return register
