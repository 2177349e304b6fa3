"""`check`: sanity checks of a model and its data before training."""

import logging
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import rich.progress

from keras_babysit.checks import registry
from keras_babysit.checks._built import built
from keras_babysit.checks._data import read_data, read_validation, split, weighted
from keras_babysit.checks._inputs import (
    require_above_zero,
    require_fit,
    require_model,
    require_same_length,
)
from keras_babysit.checks._untouched import random_states_kept, untouched
from keras_babysit.checks.case import Case
from keras_babysit.checks.check_report import CheckReport
from keras_babysit.checks.registry import Check
from keras_babysit.checks.result import CheckLine, Unknown, line_of
from keras_babysit.findings import Journal
from keras_babysit.history import Overhead
from keras_babysit.rules import Rules, rule_name
from keras_babysit.sinks import Console, Sink
from keras_babysit.sinks.notebook import is_notebook


def check(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    validation_data: Any = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    validation_split: float = 0.0,
    seconds: float = 30.0,
    checks: Iterable[Check | str] | None = None,
    sinks: Iterable[Sink] = (),
    verbose: int = 1,
) -> CheckReport:
    """Check a model and its data before the first epoch.

    Runs the sanity checks that practitioners make by hand (CS231n, "Babysitting the learning
    process") and reports what is wrong, the evidence and a remedy. Weights, optimizer, metrics,
    seeds and arrays stay bit for bit the same. A model that is not built yet is built, as `fit`
    would build it. A generator loses up to 1,024 examples: pass `fit` a new one, or pass a
    function that returns one.

    Args:
        model: A compiled `keras.Model`.
        x: Inputs as `fit` takes them: arrays, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a
            PyTorch `DataLoader`, a generator, or a function that returns one of the latter.
        y: Targets; None for a dataset, which provides its own.
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a dataset. It is searched for
            training examples.
        sample_weight: Weights of the examples, or None.
        class_weight: Weight of each class, as for `fit`, or None.
        validation_split: Fraction of the arrays that `fit` holds out, the last rows; in [0, 1).
            Ignored if `validation_data` is given.
        seconds: Time limit for all checks together, in estimated seconds, above 0. A check that
            does not fit is skipped and its verdict is "unknown". The estimate depends on the model
            only; on the clock, all checks end after three times as long.
        checks: Names of checks, or functions of a `Case` that return a `CheckResult`; None for
            all of `DEFAULT_CHECKS`.
        sinks: Sinks that receive the measurements and findings, as for `Babysitter`.
        verbose: 1 shows the progress and prints the report, 0 prints nothing. In a notebook nothing
            is printed: the report shows itself as the last expression of a cell.

    Returns:
        A `CheckReport`. `report.findings` holds all findings; `report.outcomes` holds one line
        per check.

    Raises:
        NotCompiledError: If the model is not compiled.
        ProbeMismatchError: If the inputs do not match the model in number or shape.
        ValueError: If there are no examples, if x and y differ in length, if `seconds` is not
            above 0, if a name in `checks` is unknown, or if `fit` would refuse `class_weight` or
            `validation_split`.
        TypeError: If `model` is not a Keras model, or if y is given together with a dataset.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> model.compile("sgd", loss)
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(200, 4)), rng.integers(3, size=200)
        >>> check(model, x, y, checks=["initial_loss", "output_and_loss"], verbose=0).is_well
        True

    Reference:
        CS231n, "Babysitting the learning process" and "Gradient checks", cs231n.github.io.
    """
    require_model(model)
    require_above_zero("seconds", seconds)
    # In a notebook the report shows itself, as the last expression of a cell.
    console = Console(verbose=0 if is_notebook() else verbose)
    chosen = registry.DEFAULT_CHECKS if checks is None else registry.DEFAULT_CHECKS.read(checks)
    start = time.perf_counter()
    with random_states_kept():
        if y is not None and not callable(x):
            require_same_length(x, y, sample_weight) if _are_arrays(x, y) else None
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split(x, y, sample_weight, validation_split)
        data = read_data(x, y, sample_weight)
        data = data if class_weight is None else weighted(data, class_weight)
        validation = read_validation(validation_data)
    require_fit(model, data.x)
    with built(model, data), untouched(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks report the same problems in detail
        case = Case(model, data, validation, seconds=seconds)
        outcomes = _run(case, chosen, is_shown=bool(verbose) and not is_notebook())
    spent = time.perf_counter() - start
    report = CheckReport(case.history, outcomes, Overhead(spent, spent, 1))
    _publish([console, *sinks], report)
    return report


def _are_arrays(*arrays: Any) -> bool:
    return all(hasattr(leaf, "shape") for leaf in keras.tree.flatten(arrays) if leaf is not None)


def _run(case: Case, checks: Rules[Check], *, is_shown: bool) -> list[CheckLine]:
    outcomes = []
    with rich.progress.Progress(
        rich.progress.TextColumn("checking {task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        transient=True,
        disable=not is_shown,
    ) as progress:
        task = progress.add_task("", total=len(checks))
        for one in checks:
            progress.update(task, description=rule_name(one))
            outcomes.append(_ask(case, one))
            case.found += outcomes[-1].findings
            progress.advance(task)
    return outcomes


def _ask(case: Case, one: Check) -> CheckLine:
    """Return the line of one check. The verdict of a check that fails is "unknown"."""
    name, start = rule_name(one), time.perf_counter()
    if case.seconds_left < 0:
        return CheckLine(name, "unknown", "skipped: no time left. Raise `seconds`.")
    try:
        return line_of(name, one(case), time.perf_counter() - start)
    except Unknown as reason:
        return CheckLine(name, "unknown", str(reason), (), time.perf_counter() - start)
    except Exception as error:
        logging.getLogger("keras_babysit").debug("The check %s failed", name, exc_info=True)
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return CheckLine(name, "unknown", words, (), time.perf_counter() - start)


def _publish(sinks: Sequence[Sink], report: CheckReport) -> None:
    events = Journal().update(report.findings, step=0, epoch=0)
    for sink in sinks:
        sink.on_start(report.history)
        sink.on_measurements(list(report.history))
        if events and not isinstance(sink, Console):  # the table contains the findings
            sink.on_events(events)
        sink.on_end(report)
