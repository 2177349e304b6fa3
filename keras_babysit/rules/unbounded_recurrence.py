"""Recurrent layers whose state can grow with every time step."""

import math

from keras_babysit.actions import SetActivation, SetLayerArguments
from keras_babysit.facts import LayerFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._sequences import explains_little
from keras_babysit.rules._texts import number
from keras_babysit.rules.effects import BLOWN_UP, LONG_STEPS, POOR_FIT
from keras_babysit.rules.exploding_gradients import exploding_gradients
from keras_babysit.rules.loss_explosion import loss_explosion
from keras_babysit.rules.non_finite_values import non_finite_values
from keras_babysit.rules.rule import ask, rule

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
"""Recurrent layers whose `activation` makes the state; the default of all is tanh."""

UNBOUNDED = ("elu", "exponential", "gelu", "leaky_relu", "mish", "relu", "selu", "silu", "softplus")
"""Activations whose values have no upper bound; a linear one counts as none in the facts."""


@rule(
    title="Unbounded state of a recurrent layer",
    explains=(*BLOWN_UP, *LONG_STEPS, *POOR_FIT),
    needs=("activations/std",),
    silent=(
        "while nothing explodes and the network learns",
        "on layers with a bounded activation",
    ),
    costs_the_run=True,
)
def unbounded_recurrence(history: History) -> list[Finding]:
    """Report an unbounded activation inside a recurrent layer as the cause of an explosion.

    The state of a recurrent layer goes through the same weights and activation at every time step.
    With tanh it stays in [-1, 1]. With a ReLU or a linear activation it is multiplied by the
    recurrent weights again and again, so that state and gradient may grow exponentially with the
    length of the sequence.

    Reads the facts of the layers, and asks `non_finite_values`, `loss_explosion` and
    `exploding_gradients` whether something has exploded. It is silent while nothing has, because
    such layers can be trained with care, unless half of the run is over and half of the error of a
    constant prediction is left; and on activations that are bounded or not known.

    Args:
        history: The history of the run.

    Returns:
        One WARNING per layer if something has exploded, one NOTE if the network explains little;
        or nothing.

    Example:
        >>> unbounded_recurrence(History())
        []

    Reference:
        Pascanu et al., "On the difficulty of training recurrent neural networks", arXiv:1211.5063;
        Le et al., arXiv:1504.00941, for ReLU with an identity initialization.
    """
    layers = {
        target: known for target, known in history.facts.layers.items() if _is_unbounded(known)
    }
    symptoms = (non_finite_values, loss_explosion, exploding_gradients)
    if not layers:
        return []
    has_exploded = any(ask(one, history) for one in symptoms)
    if not has_exploded and not explains_little(history):
        return []
    severity = Severity.WARNING if has_exploded else Severity.NOTE
    return [_finding(history, severity, target, known) for target, known in layers.items()]


def _is_unbounded(known: LayerFacts) -> bool:
    return known.class_name in RECURRENT and known.activation in (None, *UNBOUNDED)


def _defaults(target: str, known: LayerFacts) -> Remedy:
    """Return the remedy that bounds the state.

    A tanh whose recurrent weights enlarge the state is saturated, so that these are drawn anew:
    orthogonal ones keep its size. The code of a convolution needs more than we know.
    """
    if str(known.class_name).startswith("Conv"):
        bounded = SetActivation((target,), "tanh")
        return Remedy(f'Use tanh, the default activation, in "{target}".', change=bounded)
    arguments = (("activation", "tanh"), ("recurrent_initializer", "orthogonal"))
    change = SetLayerArguments(
        (target,), str(known.class_name), arguments, first=str(known.units or 64)
    )
    return Remedy(
        f'Use the defaults in "{target}": tanh, with orthogonal recurrent weights.', change=change
    )


def _finding(history: History, severity: Severity, target: str, known: LayerFacts) -> Finding:
    sizes = history.series("activations/std", target).values
    finite = [float(size) for size in sizes if math.isfinite(size)]
    grown = (
        f" The standard deviation of its output reached {number(max(finite))}." if finite else ""
    )
    function = known.activation or "linear"
    return Finding(
        rule="unbounded_recurrence",
        severity=severity,
        target=target,
        message=f'The recurrent layer "{target}" has the activation {function}, so its state '
        f"can grow with every time step.{grown}",
        evidence={"activation": function} | ({"std": max(finite)} if finite else {}),
        remedies=(_defaults(target, known),),
        reference="Pascanu et al., arXiv:1211.5063",
    )
