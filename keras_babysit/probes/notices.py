"""The sentences that say what is not measured, why, and which argument changes that.

What to call what is missing, then the reason, then the way out where there is one.
"""

from keras_babysit.errors import NothingSeenError, UnkeepableStateError
from keras_babysit.samples.batch_size import MIN_PROBE_EXAMPLES
from keras_babysit.samples.sample import MAX_EXAMPLES, SLICES


def layers_take_too_long(seconds, budget):
    """Return the notice on a network whose first measurement the budget does not allow.

    Example:
        >>> layers_take_too_long(62.1, 0.02).startswith("Layers not measured: the first")
        True
    """
    return (
        "Layers not measured: the first measurement of this network takes about "
        f"{seconds_in_words(seconds)}, more than `budget={budget:g}` allows in this run. "
        "Set `every=10` to measure regardless."
    )


def gradients_take_too_long(budget):
    """Return the notice on a network of which the budget allows forward passes only."""
    return (
        f"Gradients not measured: they take longer than `budget={budget:g}` allows in this run. "
        "Set `every=10` to measure regardless."
    )


def scores_take_too_long(budget):
    """Return the notice on a network of which the budget allows no score."""
    return (
        f"Scores not measured: they take longer than `budget={budget:g}` allows in this run. Set "
        "`every=10` to measure regardless."
    )


def took_too_long(step):
    """Return the notice on measurements that the guard on the wall time ended."""
    return (
        f"Not measured from step {step} on: measurements took much longer than estimated. Set "
        "`every=10` to measure regardless."
    )


def batches_too_small(batch_size):
    """Return the notice on a model that takes only batches that are too small to measure on."""
    return (
        f"Layers not measured: the model accepts only batches of {batch_size} examples, and fewer "
        f"than {MIN_PROBE_EXAMPLES} are not enough to describe a layer."
    )


def built_by_first_step():
    """Return the notice on a model that has no weights before its first step."""
    return "First step not measured: it builds the layers of this model."


_CANNOT_BE_PUT_BACK = (
    "a layer or loss reads from an iterator or a file. That cannot be put back after a measurement."
)


def part_failed(what, error):
    """Return the notice on a part of the monitoring that failed with `error`, and is off.

    Example:
        >>> part_failed("Steps", ValueError("no such axis"))
        'Steps not measured from here on: monitoring raised ValueError (no such axis).'
    """
    if isinstance(error, UnkeepableStateError):
        return f"{what} not measured: {_CANNOT_BE_PUT_BACK}"
    reason = " ".join(str(error).split())[:200]
    return (
        f"{what} not measured from here on: monitoring raised {type(error).__name__}"
        f"{f' ({reason})' if reason else ''}."
    )


def batches_not_kept():
    """Return the notice on examples that cannot be kept as arrays."""
    return (
        "Scores not measured: ragged inputs, and sparse inputs of more than 64 MiB as dense "
        "arrays, are not kept. Set `probe` to dense examples to measure them."
    )


def probe_failed(scope, error):
    """Return the notice on what a probe leaves out since it failed with `error`."""
    if isinstance(error, UnkeepableStateError):
        return f"{scope.missing} not measured: {_CANNOT_BE_PUT_BACK}"
    return f"{scope.missing} not measured: the probe raised {type(error).__name__}."


def step_failed(error):
    """Return the notice on a training step of the user's that could not be run once more.

    Example:
        >>> step_failed(ValueError("no"))
        'Training step not measured: running it once more raised ValueError.'
    """
    if isinstance(error, UnkeepableStateError):
        return (
            "Training step not measured: it reads from an iterator, a generator or a file, which "
            "cannot be put back after a measurement."
        )
    if isinstance(error, NothingSeenError):
        return "Training step not measured: it calls no layer of the model."
    return f"Training step not measured: running it once more raised {type(error).__name__}."


def gradients_not_reached(names):
    """Return the notice on weights that train although a measurement finds no gradient.

    Example:
        >>> gradients_not_reached(["dense/kernel", "dense/bias"])
        'Gradients of 2 weights not measured, the first is "dense/kernel": steps move them, but a \
measurement cannot differentiate what computes with them.'
    """
    count = f"{len(names)} weight{'s' if len(names) > 1 else ''}"
    them = "them" if len(names) > 1 else "it"
    first = f', the first is "{names[0]}"' if len(names) > 1 else f' ("{names[0]}")'
    return (
        f"Gradients of {count} not measured{first}: steps move {them}, but a measurement cannot "
        f"differentiate what computes with {them}."
    )


def behaviour_failed(error):
    """Return the notice on a model whose outputs could not be compared."""
    return (
        "Dependence of the outputs on padding, order and batch not measured: the comparison "
        f"raised {type(error).__name__}."
    )


def loss_not_known():
    """Return the notice on a loop whose loss is not known."""
    return (
        "Scores not measured: what the loop minimizes is not known. Set `loss` to it, such as "
        '`loss="mse"` or a function of `(y_true, y_pred)`.'
    )


def goes_on_from_before():
    """Return the notice on a model with a stateful layer."""
    return (
        "Scores not measured: a layer with `stateful=True` goes on where the batch before ended, "
        "and a sample of the data has no batch before it."
    )


def no_test_step():
    """Return the notice on a model that trains on what only its own step knows."""
    return (
        "Scores not measured: the model has a `train_step` of its own, and neither a `test_step`, "
        "a `compute_loss` nor a compiled loss."
    )


def means_not_updated(names):
    """Return the notice on logs that Keras reports as 0 because no step updates their metric.

    Example:
        >>> means_not_updated(["loss", "val_loss"])
        'Logs not recorded: "loss" and "val_loss" of Keras are 0 in each epoch. The `train_step` \
or `test_step` of the model does not update their metric. Update a \
`keras.metrics.Mean(name="loss")` in it, and return that from `metrics`.'
    """
    quoted = [f'"{name}"' for name in names]
    listed = " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(names) > 1 else quoted)
    is_one, name = len(names) == 1, names[0].removeprefix("val_")
    return (
        f"Logs not recorded: {listed} of Keras {'is' if is_one else 'are'} 0 in each epoch. "
        "The `train_step` or `test_step` of the model does not update "
        f'{"its" if is_one else "their"} metric. Update a `keras.metrics.Mean(name="{name}")` in '
        "it, and return that from `metrics`."
    )


def no_arrays_found():
    """Return the notice on a loop in whose step no batch was found."""
    return (
        "Layers not measured: no arrays were found among the arguments of the step. Set `data` to "
        "a function that is called with them and returns `(x, y)`."
    )


def state_not_returned():
    """Return the notice on a loop whose state after a step is not known."""
    return (
        "Scores not measured: the step takes the weights as an argument, and does not return them "
        "in a list, a tuple or a dictionary."
    )


def few_measurements(looks, steps, examples, needed):
    """Return the notice on layers that were measured too rarely to judge all of them.

    Args:
        looks: How often they were measured.
        steps: Steps of the run.
        examples: Examples that were seen.
        needed: Examples that a verdict on dead units needs.

    Example:
        >>> few_measurements(5, 150, 160, 1024)
        'Dead units not checked: 5 measurements in 150 steps saw 160 of the 1,024 examples that it \
takes. Set `every=10` for more.'
    """
    times = f"{looks} measurement{'s' if looks > 1 else ''} in {steps:,} steps"
    if examples < needed:
        return (
            f"Dead units not checked: {times} saw {examples:,} of the {needed:,} examples that it "
            "takes. Set `every=10` for more."
        )
    return f"Layers hardly measured: {times}. Set `every=10` for more."


def batches_too_large_to_score(batch_size):
    """Return the notice on a model of whose batches none is kept as a whole."""
    return (
        f"Scores not measured: the model accepts only batches of {batch_size} examples, and the "
        f"reference sample holds {MAX_EXAMPLES} examples."
    )


def too_few_to_score(examples):
    """Return the notice on a reference sample that is too small for a score."""
    return (
        f"Scores not measured: a score needs {SLICES} examples of one shape, and the reference "
        f"sample holds {examples}."
    )


def score_failed(error):
    """Return the notice on scores that stopped when one failed with `error`."""
    return f"Scores not measured: a score raised {type(error).__name__}."


def memory_is_short(examples, wanted):
    """Return the notice on measurements that use fewer examples than they otherwise would."""
    return (
        f"Measurements use {examples} examples instead of {wanted}: there is not enough memory "
        "for more."
    )


def batches_not_accessible():
    """Return the notice on a run whose batches a callback cannot read."""
    return (
        "Layers not measured: a callback cannot read the batches of this run (`tf.distribute`). "
        "Set `probe=(x, y)` to measure on examples of your own."
    )


def other_worker(index, workers):
    """Return the notice of a worker that leaves the run to the first one."""
    return (
        f"Nothing measured in this process: it is worker {index} of {workers}, counted from 0. "
        "Worker 0 measures and reports."
    )


def weights_are_split():
    """Return the notice on weights that no process can read by itself."""
    return (
        "Nothing measured: the weights are split over several processes, and only all of them "
        "together can read them."
    )


def seconds_in_words(seconds):
    """Return a duration for a sentence: whole seconds from ten on."""
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
