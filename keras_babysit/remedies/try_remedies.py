"""Trying remedies against a control, with replicates, inside a budget of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from keras_babysit.backends.untouched import untouched_seeds
from keras_babysit.findings import Finding
from keras_babysit.remedies.change import Change
from keras_babysit.remedies.kinds import causes_and_symptoms
from keras_babysit.remedies.reading import read_budget, read_program
from keras_babysit.remedies.trial import Trial
from keras_babysit.remedies.trials import Trials


def try_remedies(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    validation_data: Any = None,
    findings: Iterable[Finding] | None = None,
    changes: Sequence[Change] | None = None,
    budget: str | float = "60s",
    seeds: int = 5,
    learning_rate: float | None = None,
    verbose: int = 1,
    **fit: Any,
) -> Trial:
    """Try remedies, each against the same training without it.

    New models are built like the given one and trained from new weights; the given model, its
    weights and all seeds stay as they are. Control and remedy of a replicate have the same initial
    weights where shapes allow it, the same batches and the same seeds. Both are scored on the
    validation data in inference mode and without penalties. The interval of the difference is over
    replicates and validation examples.

    Changes of the optimizer are compared over a quarter of the epochs and over a quarter of these,
    with learning rates that fall to 0 in both trainings, so that a smaller rate does not win by its
    smaller noise alone. Every other change, such as one of capacity or of a penalty, is compared by
    whole trainings only.

    First every remedy is tried with one seed, and the better ones with more until one helps.
    Remedies of notes, and of findings that another one explains, are tried alone only if no other
    remedy helps. The time that is left goes to whole trainings as the program is: what helps most
    is challenged by the program without a change, by other remedies that are better, by other
    learning rates, and by every remedy on top of it or in place of one of its kind, in the rank of
    the causes. What wins on the same replicates is the best, until nothing does. More seeds for the
    other remedies come last.

    Args:
        model: A compiled model; it is not trained. Of a subclassed one with `get_config` remedies
            that change its layers are not applicable.
        x: Training inputs: an array, or a list, tuple or dictionary of arrays; or a dataset that
            can be read again, such as a `tf.data.Dataset` or a `PyDataset`. It is read into memory
            once.
        y: Training targets; None for a dataset.
        sample_weight: Weight of each training example, or None.
        validation_data: `(x, y)` or `(x, y, sample_weight)` to score on. None holds out a fifth of
            the examples, drawn at random.
        findings: Findings whose remedies are tried, such as `sitter.findings`. None watches the
            first training of the control.
        changes: The changes to try instead of those of the findings.
        budget: Time for all trainings, such as `"60s"`, `"5min"` or a number of seconds.
        seeds: Number of replicates, at least 2.
        learning_rate: Learning rate at the start, if it is not that of the model now: a callback
            may have lowered it in a run before.
        verbose: 1 to show a progress bar in a terminal, 0 to show nothing.
        **fit: Further arguments of `Model.fit`, such as `epochs` and `batch_size`, and callbacks
            of Keras that change the training, such as `EarlyStopping`.

    Returns:
        A `Trial`. Interrupted with Ctrl-C, it returns what is known by then. A trial writes no
        files.

    Raises:
        TypeError: If the model cannot be built again, or the data cannot be read again.
        ValueError: If an argument is out of range, or there are too few examples to hold some out.
        ControlFailedError: If the program cannot be trained without a change.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(200, 4))
        >>> y = x.sum(axis=1, keepdims=True)
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(1e-5), "mse")
        >>> changes = [kb.remedies.ScaleLearningRate(1000.0)]
        >>> kb.try_remedies(model, x, y, changes=changes, epochs=4).best.effect.value
        'helps'
    """
    seconds = read_budget(budget)
    if seeds < 2:
        raise ValueError(
            f"Argument `seeds` must be at least 2, because one training has no spread. "
            f"Received: seeds={seeds}"
        )
    program = read_program(model, x, y, sample_weight, validation_data, fit)
    if learning_rate is not None:
        program = program.changed(optimizer={"learning_rate": learning_rate})
    with untouched_seeds(), _progress(verbose) as report:
        trials = Trials(program, seeds, seconds, report)
        given = tuple(findings or ())
        if findings is None and changes is None:
            given = trials.watch()
        if changes is not None:
            return trials.run([[change] for change in changes], given)
        causes, symptoms = causes_and_symptoms(given)
        return trials.run(causes, given, symptoms)


@contextmanager
def _progress(verbose: int) -> Iterator[Callable[[float, str], None]]:
    """Show how much of the budget is spent, in a terminal; yield what updates it."""
    screen = Console(stderr=True)
    if not verbose or not screen.is_terminal:
        yield lambda fraction, text: None
        return
    columns = (BarColumn(), TextColumn("{task.percentage:.0f} % of the budget"))
    with Progress(
        *columns, TextColumn("{task.description}"), console=screen, transient=True
    ) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda fraction, text: bar.update(task, completed=fraction, description=text[:50])
