"""A variational autoencoder whose code is not sampled."""

from keras_babysit.actions import OWN_CODE
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_count, require_fraction
from keras_babysit.rules._texts import quoted
from keras_babysit.rules.effects import POOR_FIT
from keras_babysit.rules.rule import rule


@rule(
    title="Code is not sampled",
    explains=(*POOR_FIT, "overfitting"),
    needs=("gradients/norm",),
    silent=(
        "with the training step of Keras, and on JAX",
        "on codes that are not made by two linear layers on the same input",
    ),
)
def code_without_noise(
    history: History, *, alike: float = 0.9999, patience: int = 3
) -> list[Finding]:
    """Report a variational autoencoder that decodes the mean of its code.

    The code is the mean plus noise, scaled by the standard deviation. Without the noise the network
    is a plain autoencoder: nothing but the divergence trains the variance, the decoder knows single
    points only, and samples of the prior decode to nothing.

    Reads `"code/divergence_alone"` of two linear layers on one input, of which the first is decoded
    as it is: how closely the gradient of the other one is that of the divergence from a normal
    prior, with nothing else in it. It is silent if the code is anything but the mean.

    Args:
        history: The history of the run.
        alike: Cosine of the two gradients from which on they are the same, in (0, 1]; rounding in
            float32 leaves 1e-6.
        patience: Number of latest measurements that must all show it, at least 1.

    Returns:
        One WARNING per code, or nothing.

    Raises:
        ValueError: If `alike` lies outside (0, 1] or `patience` is below 1.

    Example:
        >>> from keras_babysit.history import Measurement
        >>> history = History()
        >>> for step in range(3):
        ...     history.append(Measurement(step, 0, "code/divergence_alone", "z_mean", 1.0))
        >>> print(code_without_noise(history)[0].message)
        The code is the output of "z_mean" itself: no noise is added to it before it is decoded.

    Reference:
        Kingma and Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114, section 2.4: the
        reparameterization, and appendix B: the divergence.
    """
    require_fraction("alike", alike)
    require_count("patience", patience)
    found = []
    for name in history.targets("code/divergence_alone"):
        latest = history.series("code/divergence_alone", name).tail(patience).values
        if len(latest) == patience and latest.min() >= alike:
            found.append(_finding(name, float(latest[-1])))
    return found


def _finding(name: str, cosine: float) -> Finding:
    return Finding(
        rule="code_without_noise",
        severity=Severity.WARNING,
        target=name,
        message=f"The code is the output of {quoted([name])} itself: no noise is added to it "
        "before it is decoded.",
        evidence={"cosine": cosine},
        remedies=(
            Remedy(
                "Add noise to the mean in the training step: "
                "`mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean))`.",
                no_change_because=OWN_CODE,
            ),
        ),
        reference="Kingma and Welling, arXiv:1312.6114, section 2.4",
    )
