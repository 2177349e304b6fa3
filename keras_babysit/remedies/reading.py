"""What a trial is given, read and checked before any work starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_babysit.remedies.program import Program
from keras_babysit.samples.batches import join, n_bytes, size, take, to_host, unpack

HELD_OUT = 0.2
"""Fraction of the examples that are held out to score on where no validation data are given."""

FEWEST_HELD_OUT = 20
"""Fewest validation examples: of fewer an interval says nothing."""

MAX_BYTES = 2**30
"""Size of the data of a dataset that are read into memory."""

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}

CALLBACKS = ("EarlyStopping", "ReduceLROnPlateau", "LearningRateScheduler", "TerminateOnNaN")
"""Callbacks of Keras that change the training and can be copied."""


def read_budget(budget: str | float) -> float:
    """Return a budget in seconds.

    Example:
        >>> read_budget("5min"), read_budget(90)
        (300.0, 90.0)
    """
    if isinstance(budget, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)\s*", budget)
        seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    else:
        seconds = float(budget)
    if not seconds > 0:
        raise ValueError(
            'Argument `budget` must be a time above 0, such as "60s", "5min", "1h" or a number of '
            f"seconds. Received: budget={budget!r}"
        )
    return seconds


def read_program(
    model: Any, x: Any, y: Any, weight: Any, validation: Any, fit: dict[str, Any]
) -> Program:
    """Return the program of a model, its data and the arguments of `fit`.

    Raises:
        TypeError: If the data cannot be read twice, or a callback cannot be copied.
        ValueError: If an argument does not fit a trial, or there are too few examples.
    """
    taken = sorted({"validation_split", "initial_epoch", "steps_per_epoch"} & set(fit))
    if taken:
        raise ValueError(
            f"Arguments of `fit` must not be among {taken}: every training is run from its start "
            "on the same data, and scored on `validation_data`. Remove them."
        )
    callbacks = tuple(fit.pop("callbacks", None) or ())
    other = [type(one).__name__ for one in callbacks if type(one).__name__ not in CALLBACKS]
    if other:
        raise TypeError(
            f"Argument `callbacks` must hold only {', '.join(CALLBACKS)}: each training needs a "
            f"copy. Received: {', '.join(other)}. Leave out what does not change the training."
        )
    (x, y, weight), more = read_data(x, y, weight)
    _check_sizes("x", x, y)
    if validation is None:
        (x, y, weight), validation = _hold_out(x, y, weight)
    else:
        pair = validation if isinstance(validation, (tuple, list)) else (validation,)
        validation, _ = read_data(*(*pair, None, None)[:3])
        _check_sizes("validation_data", *validation[:2])
    return Program(model, x, y, weight, validation, {**more, **fit}, callbacks)


def read_data(x: Any, y: Any, weight: Any) -> tuple[tuple[Any, Any, Any], dict[str, Any]]:
    """Return data as arrays, and the arguments of `fit` that go with them.

    A `tf.data.Dataset`, a `PyDataset`, a `DataLoader` and any other collection of batches that can
    be read again is read once, in its order. It is shuffled if a second reading begins otherwise.

    Raises:
        TypeError: If it can be read only once, or is larger than 1 GB.
    """
    if y is not None and _are_arrays((x, y)):
        return (x, y, weight), {}
    if y is not None or _are_arrays(x) or hasattr(x, "__next__") or not _can_be_read(x):
        raise TypeError(
            "Arguments `x` and `y` must be arrays, or lists, tuples or dictionaries of arrays; or "
            "`x` a dataset that can be read again, because each training reads the data. Received: "
            f"x of type {type(x).__name__} and y of type {type(y).__name__}. Load a part of the "
            "data into arrays."
        )
    batches: list[Any] = []
    total = 0
    for batch in _batches(x):
        batches.append((*unpack(to_host(batch)), None)[:3])
        total += n_bytes(batches[-1])
        if total > MAX_BYTES:
            raise TypeError(
                "The data of a dataset must be at most 1 GB, because a trial keeps them in memory. "
                "Pass a part: `dataset.take(100)`."
            )
    first = next(_batches(x), None)
    if first is None:
        raise TypeError(
            "Argument `x` must be a dataset that can be read again, because each training reads "
            f"the data. Received: {type(x).__name__}, which gave {len(batches)} batches at its "
            "first reading and none at the next. Load the data into arrays."
        )
    again = (*unpack(to_host(first)), None)[:3]
    is_shuffled = not _are_equal(batches[0], again)
    joined = join(batches)
    return joined, {"batch_size": size(batches[0]), "shuffle": is_shuffled}


def _can_be_read(x: Any) -> bool:
    return isinstance(x, keras.utils.PyDataset) or hasattr(x, "__iter__")


def _batches(x: Any) -> Iterator[Any]:
    if isinstance(x, keras.utils.PyDataset):
        return (x[index] for index in range(len(x)))
    return iter(x)


def _are_equal(one: Any, other: Any) -> bool:
    pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs if a is not None)


def _check_sizes(name: str, x: Any, y: Any) -> None:
    sizes = [len(leaf) for leaf in keras.tree.flatten((x, y))]
    if len(set(sizes)) > 1 or min(sizes) < 2:
        raise ValueError(
            f"Argument `{name}` must have at least 2 examples, with a target for each. "
            f"Received: {sizes[0]} inputs and {sizes[-1]} targets"
        )


def _hold_out(x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
    total = len(keras.tree.flatten(x)[0])
    count = int(HELD_OUT * total)
    if count < FEWEST_HELD_OUT:
        raise ValueError(
            f"There must be at least {FEWEST_HELD_OUT} validation examples. Received: {total} "
            f"examples, of which a fifth are {count}. Pass `validation_data`."
        )
    rows = np.random.default_rng(0).permutation(total)
    parts = (x, y, weight)
    return take(parts, np.sort(rows[count:])), take(parts, rows[:count])


def _are_arrays(parts: Any) -> bool:
    return all(isinstance(leaf, np.ndarray) for leaf in keras.tree.flatten(parts))
