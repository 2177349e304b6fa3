"""`ForeignModel`: how to build, compile and feed a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

BATCH = 4
STEPS = 4
EXAMPLES = BATCH * STEPS


@dataclass(frozen=True)
class ForeignModel:
    """A model and its data.

    Args:
        name: Name in the tables.
        make: Returns the model.
        data: Returns `(x, y)` with `EXAMPLES` examples; y may be None.
        compile: Called with the model; compiles it as its authors do.
        train: Called with the model, x, y and the other arguments of `fit` as a dictionary; trains
            it. None for `fit`.
    """

    name: str
    make: Callable[[], keras.Model]
    data: Callable[[], tuple[Any, Any]]
    compile: Callable[[keras.Model], None]
    train: Callable[[keras.Model, Any, Any, dict[str, Any]], None] | None = None


def plainly(loss: Any = None, **options: Any) -> Callable[[keras.Model], None]:
    """Return a function that compiles a model with Adam and its default settings."""

    def compile(model: keras.Model) -> None:
        model.compile("adam", loss, **options)

    return compile
