"""Two optimizers of one training step that update the same network."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Optimizers update the same weights",
    explains=(*POOR_FIT, "discriminator_won", "samples_alike", "oscillating_loss"),
    needs=("facts/layers",),
    silent=("with a single optimizer", "if no optimizer updates all weights of another one"),
    is_immediate=True,
)
def optimizers_overlap(history: History) -> list[Finding]:
    """Report an optimizer that also updates all weights of another optimizer.

    In adversarial training each of two networks has its own optimizer. If the step of the generator
    applies gradients to `self.trainable_variables`, it trains the discriminator too, and makes it
    accept what it should refuse.

    Reads which weights each optimizer updated in one measured step. It is silent on weights that
    two optimizers share, such as those of a common encoder: all weights of one optimizer must be
    among those of another, which has more.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per pair of optimizers, or nothing.

    Example:
        >>> history = History()
        >>> history.note(optimizer_weights={"g": ("a", "b"), "d": ("b",)})
        >>> print(optimizers_overlap(history)[0].message)
        The optimizer "g" also updates all weights of the optimizer "d".

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, algorithm 1: each step
        updates one network.
    """
    known = {name: set(weights) for name, weights in history.facts.optimizer_weights.items()}
    return [
        _finding(larger, smaller, len(known[smaller]))
        for larger in known
        for smaller in known
        if known[smaller] and known[smaller] < known[larger]
    ]


def _finding(larger: str, smaller: str, count: int) -> Finding:
    return Finding(
        rule="optimizers_overlap",
        severity=Severity.WARNING,
        target=larger,
        message=f'The optimizer "{larger}" also updates all weights of the optimizer "{smaller}".',
        evidence={"shared_weights": count},
        remedies=(
            Remedy(
                "Compute and apply each gradient for the weights of one network only: those of "
                "`self.generator`, not those of `self`.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Goodfellow et al., arXiv:1406.2661, algorithm 1",
    )
