"""The analytic gradient against a centred difference in double precision."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_babysit.backends import backend, to_array
from keras_babysit.checks._double import double_precision, stateless_double
from keras_babysit.checks._untouched import same_random_numbers
from keras_babysit.checks.case import COMPILES, GRADIENT
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.probe import compute_loss, weight_names
from keras_babysit.samples.batches import take

WRONG = 1e-2
"""Relative error above which a gradient is wrong (CS231n, gradient checks: 'relative error > 1e-2
usually means the gradient is probably wrong')."""

SMOOTH = 1e-3
"""Relative difference between the slopes before and behind a weight, at two step lengths, above
which the loss has a kink there: then the quotient says nothing. It is a tenth of `WRONG`, and a
hundred times what a second derivative as large as the first makes of a step of 1e-5."""

STEPS = (1e-5, 5e-6)
"""Step lengths, for weights of size 1. In float64 rounding costs 1e-16 / 1e-5 and the third
derivative 1e-10."""

NEGLIGIBLE = 1e-6
"""Share of the largest gradient of the whole model below which neither is looked at: the rounding
of a loss in float64, 1e-16 over a step of 1e-5, is 1e-11, that of constants in float32 1e-7."""

CLOSE_BY = 1e-10
ROUGH = 1e-12
"""Share of the loss by which steps of 1e-10 may leave a straight line. In float64 it is 1e-16 times
the depth, in float32 1e-8, and the quotients would be noise."""

EXAMPLES = 8
WEIGHTS = 4

REFERENCE = "CS231n, 'Gradient checks: centered formula, relative error, kinks, double precision'"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One sampled weight.

    Args:
        name: Name of the variable it belongs to.
        analytic: Its gradient by backpropagation.
        numeric: Its difference quotient.
        is_smooth: Whether the slopes before and behind it agree, at two step lengths.
    """

    name: str
    analytic: float
    numeric: float
    is_smooth: bool

    @property
    def error(self):
        """Relative error, in [0, 2]."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / largest if largest else 0.0


def gradient_check(case):
    """Advise on weights whose gradient is not the slope of the loss.

    It finds a wrong gradient of a custom operation, and a path that is cut by `stop_gradient`
    while others are left. Weights at a kink (ReLU, max pooling, maxout) are left out: there the
    slopes before and behind it differ. So are paths that are flat by construction, as behind a
    rounding with a straight-through gradient.
    """
    case.need_loss()
    variables = case.model.trainable_variables
    if not variables:
        raise Unknown("no weight is trainable")
    # Two passes that must agree, the gradient, five on a line, and the first two weights; each in
    # double precision, which takes twice as long.
    passes = 2 * (7 + GRADIENT["passes"] + 8)
    case.need_time(passes=passes, starts=1 + GRADIENT["starts"], examples=EXAMPLES)
    with double_precision(case.model):
        compared, planned = _compare(case)
    judged = [one for one in compared if one.is_smooth]
    if not judged:
        raise Unknown("the loss is not smooth, or not computed in double precision")
    found, worst = judge(compared), max(_weighty(judged), key=lambda one: one.error)
    for name in dict.fromkeys(one.name for one in judged):
        errors = [one.error for one in _weighty(judged) if one.name == name]
        case.record("gradients/relative_error", max(errors, default=0.0), name)
    words = (
        f"relative error up to {worst.error:.1g} in {len(judged)} weights of "
        f"{len(variables)} variables"
    )
    kinks = len(compared) - len(judged)
    if kinks:
        words += f", {kinks} at kinks left out"
    if planned > len(compared):
        words += f"; time for {len(compared)} of {planned}"
    return CheckResult(words, found)


def judge(compared):
    """Return advice on each variable with a sampled weight whose gradient is wrong."""
    wrong = {}
    for one in _weighty(compared):
        # Exactly flat at both steps: rounding with a gradient that is passed straight through.
        if one.is_smooth and one.numeric != 0 and one.error > WRONG:
            wrong.setdefault(one.name, []).append(one)
    return [_finding(name, max(ones, key=lambda one: one.error)) for name, ones in wrong.items()]


def _weighty(compared):
    """Return those whose gradient is not negligible beside the largest."""
    sizes = [max(abs(one.analytic), abs(one.numeric)) for one in compared]
    return [
        one
        for one, size in zip(compared, sizes, strict=True)
        if size >= NEGLIGIBLE * max(sizes) and np.isfinite(size)
    ]


def _finding(name, one):
    is_cut = one.analytic == 0
    return Finding(
        "gradient_check",
        Severity.WARNING if is_cut else Severity.ERROR,
        name,
        f"The gradient of {name} is {one.analytic:.3g}, but the loss has slope {one.numeric:.3g}.",
        {"analytic": one.analytic, "numeric": one.numeric, "relative_error": one.error},
        (
            Remedy(
                "Look for stop_gradient on its way to the loss."
                if is_cut
                else "Look for a custom gradient, a stop_gradient on one of several paths, or a "
                "detour over NumPy behind this weight.",
            ),
        ),
        REFERENCE,
    )


def _compare(case):
    """Return the sampled weights that there was time for, and the number that was planned."""
    loss = _Loss(case)
    start = [np.array(to_array(value), "float64") for value in case.state[0]]
    first = loss(start)
    if first != loss(start):
        raise Unknown("the loss is not the same twice: it draws random numbers past Keras")
    if not np.isfinite(first):
        raise Unknown("the loss is not finite")
    gradients = loss.gradients(start)
    if not _is_double(loss, start, any(gradient.any() for gradient in gradients)):
        raise Unknown("a layer or the loss does not compute in double precision")
    names = weight_names(case.model)
    rng = np.random.default_rng(0)
    chosen = [_chosen(rng, gradient) for gradient in gradients]
    # All variables get their first weight before any gets its second; should time run out, those
    # that had their turn lie all over the network.
    plan = [
        (place, chosen[place][turn])
        for turn in range(WEIGHTS)
        for place in rng.permutation(len(chosen))
        if turn < len(chosen[place])
    ]
    compared, until = [], case.seconds_left / 2  # the rest is for the check that follows
    for place, entry in plan:
        if case.seconds_left < until and compared:
            break
        quotients = [
            q for step in STEPS for q in _quotients(loss, start, first, place, entry, step)
        ]
        analytic = float(gradients[place].flat[entry])
        compared.append(_comparison(names[place], analytic, quotients, gradients))
    return compared, len(plan)


def _is_double(loss, start, has_slope):
    """Return whether five points close together on a random line are on a line, and differ."""
    rng = np.random.default_rng(1)
    directions = [rng.normal(size=value.shape) for value in start]
    values = [
        loss([w + CLOSE_BY * step * d for w, d in zip(start, directions, strict=True)])
        for step in range(5)
    ]
    is_flat = has_slope and np.ptp(values) == 0
    return not is_flat and np.abs(np.diff(values, 2)).max() <= ROUGH * abs(values[0])


def _comparison(name, analytic, quotients, gradients):
    scale = max([abs(analytic), *map(abs, quotients)])
    floor = NEGLIGIBLE * max(float(np.abs(g).max(initial=0)) for g in gradients)
    is_smooth = max(quotients) - min(quotients) <= max(SMOOTH * scale, floor)
    return Comparison(
        name, analytic, sum(quotients[-2:]) / 2, bool(is_smooth and np.isfinite(scale))
    )


def _chosen(rng, gradient):
    """Return places of weights to look at: that of the largest gradient, and random ones."""
    largest = int(np.abs(gradient).argmax())
    drawn = rng.permutation(gradient.size)[:WEIGHTS].tolist()
    return [largest, *(entry for entry in drawn if entry != largest)][:WEIGHTS]


def _quotients(loss, start, first, place, entry, step):
    """Return the slope before and behind a weight; their mean is the centred difference.

    At a kink the two differ. The centred difference alone would not show a unit that sits right
    on its kink, as a ReLU does at zero bias where a picture is black.
    """
    kept = start[place].flat[entry]
    step = step * max(1.0, abs(kept))
    quotients = []
    for way in (-step, step):
        start[place].flat[entry] = kept + way
        quotients.append((loss(start) - first) / way)
    start[place].flat[entry] = kept
    return quotients


class _Loss:
    """The loss of a few examples as a function of the weights, in double precision."""

    def __init__(self, case):
        self._case = case
        count = case.batch_size or EXAMPLES
        batch = take(case.batch, slice(0, count))
        self._batch = keras.tree.map_structure(_wide, batch)
        self._other = [_wide(to_array(value)) for value in case.state[1]]
        # TensorFlow's optimiser of graphs complains of double precision on the terminal.
        self._compiled = backend.compile(self._loss) if COMPILES else self._loss

    def __call__(self, values):
        return float(to_array(self._compiled([_wide(value) for value in values])))

    def gradients(self, values):
        run = backend.compile(self._differentiated) if COMPILES else self._differentiated
        gradients = run([_wide(value) for value in values])
        return [np.asarray(to_array(gradient), "float64") for gradient in gradients]

    def _differentiated(self, tensors):
        return backend.value_and_grad(lambda values: (self._loss(values), ()), tensors)[1]

    def _loss(self, tensors):
        model = self._case.model
        x, y, sample_weight = self._batch
        same_random_numbers()
        with stateless_double(model, tensors, self._other):
            y_pred = model(x, training=True)
            return compute_loss(model, x, y, y_pred, sample_weight, training=True)


def _wide(array):
    """Return an array as a tensor, numbers with a fraction in float64."""
    if array is None or np.asarray(array).dtype.kind in "OSU":
        return array
    is_float = np.asarray(array).dtype.kind == "f"
    return ops.convert_to_tensor(array, dtype="float64" if is_float else None)
