"""Predictions and targets of different shapes, which the loss compares by broadcasting."""

import math

from keras_babysit.actions import CONNECTIONS, LOOKS, SetOutput
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import LONG_STEPS, POOR_FIT, SHORT_STEPS
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule


@rule(
    title="Predictions and targets differ in shape",
    explains=(*POOR_FIT, *LONG_STEPS, *SHORT_STEPS, "loss_mixes_examples", "unscaled_targets"),
    needs=("facts/outputs",),
    silent=("if the loss is no distance", "on losses of one's own"),
    is_immediate=True,
)
def shapes_broadcast(history: History) -> list[Finding]:
    """Report a network whose predictions have another shape than its targets.

    Distances such as the squared error broadcast: without an error, each prediction is compared
    with a target that it does not belong to. One unit for three targets learns their mean. A
    recurrent layer with `return_sequences=True` makes a prediction per step, and with one target
    per example every step is trained on it, the first of which has seen a single step.

    Reads the shapes of outputs and targets for one example. Axes of size 1 do not count. It is
    silent where both have the same size, on losses of one's own, and on crossentropies, which
    refuse other shapes.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per output whose shape differs from that of its targets.

    Example:
        >>> from keras_babysit.facts import DataFacts, OutputFacts, TargetFacts
        >>> history = History()
        >>> history.note(
        ...     outputs=(OutputFacts(target="dense", form="distance", shape=(12, 1)),),
        ...     data=DataFacts(targets=(TargetFacts(shape=(1,)),)),
        ... )
        >>> print(shapes_broadcast(history)[0].message)
        The output "dense" has 12 predictions per example, but there is 1 target: the loss compares
        each prediction with it.

    Reference:
        NumPy, "Broadcasting": axes of size 1 are repeated.
    """
    return [_finding(history, one) for one in outputs(history) if _differs(one)]


def _differs(output: Output) -> bool:
    if output.form not in ("distance", "margin") or output.is_own:
        return False
    made, wanted = output.shape, output.data.shape
    if made is None or wanted is None:
        return False
    return math.prod(made) != math.prod(wanted)


def _finding(history: History, output: Output) -> Finding:
    made, wanted = math.prod(output.shape or ()), math.prod(output.data.shape or ())
    name = f' "{output.target}"' if output.target else ""
    predictions = f"{made:,} prediction{'' if made == 1 else 's'}"
    targets = f"is {wanted:,} target" if wanted == 1 else f"are {wanted:,} targets"
    if made > wanted:
        end = "the loss compares each prediction with it" if wanted == 1 else "they are repeated"
    else:
        end = "the same prediction has to fit all of them"
    return Finding(
        rule="shapes_broadcast",
        severity=Severity.WARNING,
        target=output.target,
        message=f"The output{name} has {predictions} per example, but there {targets}: {end}.",
        evidence={"predictions": made, "targets": wanted},
        remedies=tuple(_remedies(history, output, made, wanted)),
        reference="NumPy, Broadcasting: axes of size 1 are repeated",
    )


def _remedies(history: History, output: Output, made: int, wanted: int) -> list[Remedy]:
    if made < wanted:
        return [
            Remedy(
                f"Give the output layer {wanted:,} units, one per target.",
                change=SetOutput(
                    history.layer(output.target).activation or "linear", wanted, is_shown_whole=True
                ),
            )
        ]
    found = [
        Remedy(
            "Compare the shapes of the predictions and of the targets.",
            "print(model.output_shape, np.shape(y))",
            no_change_because=LOOKS,
        )
    ]
    if len(output.shape or ()) > len(output.data.shape or ()) or (output.shape or (1,))[0] > 1:
        found.insert(
            0,
            Remedy(
                "Set `return_sequences=False` in the last recurrent layer, or flatten the steps "
                "before the output layer.",
                "keras.layers.LSTM(64, return_sequences=False)",
                no_change_because=CONNECTIONS,
            ),
        )
    return found
