"""An accuracy that does not count the right answers."""

from keras_babysit.actions import LOOKS
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_fraction
from keras_babysit.rules._progress import fraction_done, has_learnt_most, has_seen_an_epoch
from keras_babysit.rules._scores import is_weighted, training_errors
from keras_babysit.rules._texts import percent
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule

ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)
"""Names that Keras gives to metrics that count right answers."""

MISLEADING = 0.05
"""Difference of an accuracy to the fraction of right answers that leads to wrong decisions: that of
`underfitting` between a network and a baseline."""

LATE = 0.75
"""Fraction of the run from which on a wrong threshold counts: that of `not_learning`. Only logits
between the two thresholds are counted wrongly, and logits grow while a network learns."""

NEVER = 0.01
"""Accuracy of a network that predicts numbers below which it says nothing about its progress."""


@rule(
    title="Accuracy does not match the output",
    needs=("score/error",),
    silent=(
        "on models with several outputs, and where every step or pixel has an answer",
        "if the examples are weighted",
        "in the first epoch",
    ),
)
def metric_mismatch(history: History, *, difference: float = 0.02) -> list[Finding]:
    """Report a metric called accuracy that is not the fraction of right answers.

    `"accuracy"` in `compile` and the accuracies of Keras fit one form of output each. On another
    one they are wrong without an error: `BinaryAccuracy` on one of ten classes counts ten answers
    per example, most of which are a trivial no; with several labels `"accuracy"` looks at the most
    likely label only; on logits the threshold of 0.5 is no probability; and of numbers, exact
    matches are counted.

    Reads `"score/error"` and, on the same training examples, the score of each metric that has the
    name of an accuracy: `"score/accuracy"`, `"score/acc"`, `"score/binary_accuracy"` and so on.
    It is silent in the first epoch, and on weighted examples.

    Args:
        history: The history of the run.
        difference: Difference of the accuracy to one minus the error rate that is reported, in
            (0, 1]. Both are computed on the same examples, so that only ties and rounding can make
            one.

    Returns:
        One finding per metric: a WARNING if it is off by 5 percentage points or more, or if a
        network predicts numbers, has removed most of the error of a constant prediction, and less
        than 1 % match exactly; else a NOTE. Of a threshold on logits it is a NOTE in the first
        three quarters of a run, because the difference fades while the logits grow.

    Raises:
        ValueError: If `difference` lies outside (0, 1].

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> history.note(
        ...     epochs=2,
        ...     outputs=(OutputFacts(target="dense", form="categorical", columns=10),),
        ...     data=DataFacts(targets=(TargetFacts(shape=(10,), columns=10, is_one_hot=True),)),
        ... )
        >>> for name, value in (("error", 0.4), ("binary_accuracy", 0.93)):
        ...     history.append(Measurement(20, 1, f"score/{name}", "train", value))
        ...     history.append(Measurement(20, 1, f"score/{name}_stderr", "train", 0.01))
        >>> print(metric_mismatch(history)[0].message)
        The metric "binary_accuracy" is 93.0 %, but 60.0 % of the predictions are correct.

    Reference:
        Keras, `keras.metrics.BinaryAccuracy` and `CategoricalAccuracy`: what each compares.
    """
    require_fraction("difference", difference)
    found, errors = outputs(history), training_errors(history)
    if len(found) != 1 or not errors or not has_seen_an_epoch(history) or is_weighted(history):
        return []
    output = found[0]
    if history.facts.data.is_weighted or len(output.data.shape or ()) > 1:
        return []
    step = history.series("score/error", "train").steps[-1]
    findings = []
    for name in ACCURACIES:
        scores = history.series(f"score/{name}", "train")
        if not len(scores.values) or scores.steps[-1] != step:
            continue
        value = float(scores.values[-1])
        if _is_of_numbers(output):
            findings.append(_of_numbers(name, value, has_learnt_most(history)))
        elif _is_of_answers(output) and abs(value - (1 - errors[-1].value)) > difference:
            is_fading = output.form == "binary" and output.from_logits and not _is_late(history)
            findings.append(
                _of_answers(output, name, value, 1 - errors[-1].value, is_fading=bool(is_fading))
            )
    return findings


def _is_of_numbers(output: Output) -> bool:
    data = output.data
    is_number = output.form == "distance" and data.is_whole is False
    return is_number and not data.is_binary and not data.is_one_hot


def _is_of_answers(output: Output) -> bool:
    """Return whether the error is a fraction of wrong answers."""
    if output.form == "categorical":
        return True
    return bool(output.form == "binary" and output.data.is_binary)


def _is_late(history: History) -> bool:
    return bool(history.facts.has_ended or fraction_done(history) >= LATE)


def _of_numbers(name: str, value: float, has_learnt: bool) -> Finding:
    is_sure = value < NEVER and has_learnt
    return _finding(
        name,
        Severity.WARNING if is_sure else Severity.NOTE,
        f'The metric "{name}" is {percent(value, 1)}: it counts exact matches, but the targets are '
        "continuous.",
        {"metric": value},
        Remedy(
            "Use a metric for regression.",
            'model.compile(model.optimizer, model.loss, metrics=["mae", "r2_score"])',
            no_change_because=LOOKS,
        ),
    )


def _of_answers(
    output: Output, name: str, value: float, right: float, *, is_fading: bool
) -> Finding:
    text, metric = _what_fits(output)
    misleads = abs(value - right) >= MISLEADING and not is_fading
    return _finding(
        name,
        Severity.WARNING if misleads else Severity.NOTE,
        f'The metric "{name}" is {percent(value, 1)}, but {percent(right, 1)} of the predictions '
        "are correct.",
        {"metric": value, "accuracy": right},
        Remedy(
            text,
            f"model.compile(model.optimizer, model.loss, metrics=[{metric}])",
            no_change_because=LOOKS,
        ),
    )


def _what_fits(output: Output) -> tuple[str, str]:
    """Return the metric that fits an output, in words and as code."""
    if output.form == "binary":
        if output.from_logits:
            return (
                "Set `threshold=0.0`, because the outputs are logits: the default of 0.5 is "
                "for probabilities.",
                "keras.metrics.BinaryAccuracy(threshold=0.0)",
            )
        return (
            "Use the binary accuracy, which compares the probability of each label with 0.5.",
            "keras.metrics.BinaryAccuracy()",
        )
    if output.is_sparse:
        return (
            "Use the accuracy for integer labels.",
            "keras.metrics.SparseCategoricalAccuracy()",
        )
    return (
        "Use the accuracy for one-hot labels.",
        "keras.metrics.CategoricalAccuracy()",
    )


def _finding(
    name: str, severity: Severity, message: str, evidence: dict[str, float], remedy: Remedy
) -> Finding:
    return Finding(
        rule="metric_mismatch",
        severity=severity,
        target=name,
        message=message,
        evidence=evidence,
        remedies=(remedy,),
        reference="Keras, keras.metrics: what each accuracy compares",
    )
