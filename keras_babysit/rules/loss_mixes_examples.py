"""A loss that compares each prediction with the target of every example."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._scores import advantages
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.outputs import Output, outputs
from keras_babysit.rules.rule import rule


@rule(
    title="Loss mixes examples",
    explains=(*POOR_FIT, "collapsed_activations", "no_gradient", "overfitting"),
    needs=("facts/outputs",),
    silent=(
        "if the targets or the predictions of the first batch are all equal",
        "if the loss is computed in a `train_step` of your own",
        "on losses that fall without bound",
    ),
)
def loss_mixes_examples(history: History) -> list[Finding]:
    """Report a loss in which it does not matter which prediction belongs to which target.

    Targets `(n,)` and predictions `(n, 1)` are broadcast to `(n, n)`: each prediction meets the
    target of every example. The loss is least if all predictions are equal, so that nothing is
    learned, and it looks like any other loss.

    Reads the facts of the outputs, which come from evaluating the loss on the first batch: it
    depends on targets and predictions, stays the same if the predictions change places, and is
    the mean of what the two halves of the predictions give. The last point tells it from a loss
    that compares two distributions. It is silent if the targets or the predictions of that batch
    are all equal; if the loss is not known; and if it falls without bound, see `inverted_loss`.

    Args:
        history: The history of the run.

    Returns:
        A WARNING per output; a NOTE if the network is better than a constant prediction all the
        same.

    Example:
        >>> from keras_babysit.facts import OutputFacts
        >>> history = History()
        >>> history.note(outputs=(OutputFacts(target="dense", mixes_examples=True),))
        >>> loss_mixes_examples(history)[0].target
        'dense'

    Reference:
        NumPy's rules of broadcasting: `(n,)` and `(n, 1)` give `(n, n)`.
    """
    found = outputs(history)
    # One that falls without bound is no mean of distances, whatever the shapes.
    mixed = [one for one in found if one.mixes_examples and not one.falls_without_bound]
    return [_finding(history, one, len(found)) for one in mixed]


def _finding(history: History, output: Output, count: int) -> Finding:
    better = advantages(history, "train")[-1:] if count == 1 else []
    has_learned = any(one.value > 3 * one.error for one in better)
    return Finding(
        rule="loss_mixes_examples",
        severity=Severity.NOTE if has_learned else Severity.WARNING,
        target=output.target,
        message="The loss compares each prediction with the targets of all examples: shuffling the "
        "predictions does not change it. Shapes such as (n,) and (n, 1) are broadcast to (n, n).",
        evidence={"mixes_examples": True},
        remedies=(
            Remedy(
                "Give targets and predictions the same shape before you subtract them.",
                "y_true = keras.ops.reshape(y_true, keras.ops.shape(mean))  # in the loss; mean: "
                "the predictions that y_true is compared with",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="NumPy's rules of broadcasting",
    )
