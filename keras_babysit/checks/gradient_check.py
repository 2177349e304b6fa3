"""Compares analytic gradients with centered differences in double precision."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.actions import OWN_CODE
from keras_babysit.backends import backend, to_array
from keras_babysit.checks._double import double_precision, stateless_double
from keras_babysit.checks._untouched import same_random_numbers
from keras_babysit.checks.case import COMPILES, GRADIENT, Case
from keras_babysit.checks.result import CheckResult, Unknown
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.probes.probe import compute_loss, weight_names
from keras_babysit.samples.batches import take
from keras_babysit.typing import Tensor

MAX_RELATIVE_ERROR = 1e-2
"""Relative error above which a gradient is wrong (CS231n, gradient checks: 'relative error > 1e-2
usually means the gradient is probably wrong')."""

MAX_SLOPE_CHANGE = 1e-3
"""Relative difference between the one-sided slopes at two step lengths above which the loss has a
kink, so that the quotient is not informative. It is a tenth of `MAX_RELATIVE_ERROR`, and a hundred
times the difference that a second derivative as large as the first causes at a step of 1e-5."""

STEP_LENGTHS = (1e-5, 5e-6)
"""Step lengths for weights of size 1. In float64, rounding contributes 1e-16 / 1e-5 and the third
derivative 1e-10."""

PASSES_PER_WEIGHT = 8
"""Two lengths on two sides, in double precision, which takes twice as long."""

NEGLIGIBLE = 1e-6
"""Fraction of the largest gradient of the model below which weights are skipped. Rounding of a
float64 loss contributes 1e-16 / 1e-5 = 1e-11, float32 constants contribute 1e-7."""

LINEARITY_STEP = 1e-10
MAX_CURVATURE = 1e-12
"""Deviation from a straight line, relative to the loss, for steps of `LINEARITY_STEP`. In float64
it is 1e-16 times the depth; in float32 it is 1e-8, and the quotients would be noise."""

GRADIENT_EXAMPLES = 8
WEIGHTS_PER_VARIABLE = 4

REFERENCE = "CS231n, 'Gradient checks: centered formula, relative error, kinks, double precision'"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The two gradients of one sampled weight.

    Args:
        name: Path of the variable.
        analytic: Gradient by backpropagation.
        numeric: Gradient by centered differences.
        is_smooth: Whether the one-sided slopes agree at two step lengths.
    """

    name: str
    analytic: float
    numeric: float
    is_smooth: bool

    @property
    def error(self) -> float:
        """Relative error, in [0, 2]."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return abs(self.analytic - self.numeric) / largest if largest else 0.0


def gradient_check(case: Case) -> CheckResult:
    """Report weights whose gradient differs from the slope of the loss.

    This finds wrong gradients of custom operations, and paths cut by `stop_gradient` if other
    paths remain. Weights at a kink (ReLU, max pooling, maxout) are skipped because the one-sided
    slopes differ there. So are weights with a slope of exactly zero, as before a rounding with a
    straight-through gradient.
    """
    case.need_loss()
    variables = case.model.trainable_variables
    if not variables:
        raise Unknown("no weight is trainable")
    # Two passes that must agree, the gradient, five points on a line and the first two weights, all
    # in double precision, which takes twice as long.
    passes = 2 * (7 + GRADIENT["passes"] + 8)
    case.need_time(passes=passes, starts=1 + GRADIENT["starts"], examples=GRADIENT_EXAMPLES)
    with double_precision(case.model):
        compared, planned = _compare(case)
    judged = [one for one in compared if one.is_smooth]
    if not judged:
        raise Unknown("the loss is not smooth at the sampled weights")
    found, worst = judge(compared), max(_relevant(judged), key=lambda one: one.error)
    for name in dict.fromkeys(one.name for one in judged):
        errors = [one.error for one in _relevant(judged) if one.name == name]
        case.record("gradients/relative_error", max(errors, default=0.0), name)
    words = (
        f"largest relative error {worst.error:.1g}, for {len(judged)} weights of "
        f"{len(variables)} variables"
    )
    kinks = len(compared) - len(judged)
    if kinks:
        words += f"; {kinks} at kinks skipped"
    if planned > len(compared):
        words += f"; time for {len(compared)} of {planned} weights"
    return CheckResult(words, found)


def judge(compared: Sequence[Comparison]) -> list[Finding]:
    """Return one finding per variable with a sampled weight whose gradient is wrong."""
    wrong: dict[str, list[Comparison]] = {}
    for one in _relevant(compared):
        # A slope of exactly zero at both steps means rounding with a straight-through gradient.
        if one.is_smooth and one.numeric != 0 and one.error > MAX_RELATIVE_ERROR:
            wrong.setdefault(one.name, []).append(one)
    return [_finding(name, max(ones, key=lambda one: one.error)) for name, ones in wrong.items()]


def _relevant(compared: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons whose gradient is not negligible relative to the largest."""
    sizes = [max(abs(one.analytic), abs(one.numeric)) for one in compared]
    return [
        one
        for one, size in zip(compared, sizes, strict=True)
        if size >= NEGLIGIBLE * max(sizes) and np.isfinite(size)
    ]


def _finding(name: str, one: Comparison) -> Finding:
    is_cut = one.analytic == 0
    return Finding(
        "gradient_check",
        Severity.WARNING if is_cut else Severity.ERROR,
        name,
        f'The gradient of "{name}" is {one.analytic:.3g}, but the numerical gradient is '
        f"{one.numeric:.3g}.",
        {"analytic": one.analytic, "numeric": one.numeric, "relative_error": one.error},
        (
            Remedy(
                "Remove the stop_gradient between this weight and the loss."
                if is_cut
                else "Find the error between this weight and the loss: a custom gradient, a "
                "stop_gradient on one of several paths, or a NumPy call.",
                no_change_because=OWN_CODE,
            ),
        ),
        REFERENCE,
    )


def _compare(case: Case) -> tuple[list[Comparison], int]:
    """Return a comparison per sampled weight, as time allows, and the number of sampled weights."""
    loss = _Loss(case)
    start = [np.array(to_array(value), "float64") for value in case.state[0]]
    first = loss(start)
    if first != loss(start):
        raise Unknown("the loss is not deterministic: it draws random numbers outside of Keras")
    if not np.isfinite(first):
        raise Unknown("the loss is not finite")
    gradients = loss.gradients(start)
    if not _is_double(loss, start, any(gradient.any() for gradient in gradients)):
        raise Unknown("a layer or the loss does not compute in double precision")
    names = weight_names(case.model)
    rng = np.random.default_rng(0)
    chosen = [_chosen(rng, gradient) for gradient in gradients]
    # The first weight of every variable comes before the second of any, in random order. If time
    # runs out, the compared weights are spread over the network.
    plan = [
        (variable, chosen[variable][turn])
        for turn in range(WEIGHTS_PER_VARIABLE)
        for variable in rng.permutation(len(chosen))
        if turn < len(chosen[variable])
    ]
    cost: dict[str, int] = {"passes": PASSES_PER_WEIGHT, "examples": GRADIENT_EXAMPLES}
    # The other half of the time is for the next check.
    affordable = max(1, int(case.seconds_left / 2 / max(case.seconds_of(**cost), 1e-9)))
    compared: list[Comparison] = []
    for variable, entry in plan[:affordable]:
        if case.seconds_left < 0 and compared:
            break
        case.spend(**cost)
        quotients = [
            q
            for step in STEP_LENGTHS
            for q in _quotients(loss, start, first, variable, entry, step)
        ]
        analytic = float(gradients[variable].flat[entry])
        compared.append(_comparison(names[variable], analytic, quotients, gradients))
    return compared, len(plan)


def _is_double(loss: "_Loss", start: list[np.ndarray], has_slope: bool) -> bool:
    """Return whether the loss has float64 precision: it is linear for five tiny steps."""
    rng = np.random.default_rng(1)
    directions = [rng.normal(size=value.shape) for value in start]
    values = [
        loss([w + LINEARITY_STEP * step * d for w, d in zip(start, directions, strict=True)])
        for step in range(5)
    ]
    is_flat = has_slope and np.ptp(values) == 0
    return not is_flat and np.abs(np.diff(values, 2)).max() <= MAX_CURVATURE * abs(values[0])


def _comparison(
    name: str, analytic: float, quotients: Sequence[float], gradients: Sequence[Tensor]
) -> Comparison:
    scale = max([abs(analytic), *map(abs, quotients)])
    floor = NEGLIGIBLE * max(float(np.abs(g).max(initial=0)) for g in gradients)
    is_smooth = max(quotients) - min(quotients) <= max(MAX_SLOPE_CHANGE * scale, floor)
    return Comparison(
        name, analytic, sum(quotients[-2:]) / 2, bool(is_smooth and np.isfinite(scale))
    )


def _chosen(rng: np.random.Generator, gradient: np.ndarray) -> list[int]:
    """Return indices of weights to compare: the one with the largest gradient, and random ones."""
    largest = int(np.abs(gradient).argmax())
    drawn = rng.permutation(gradient.size)[:WEIGHTS_PER_VARIABLE].tolist()
    return [largest, *(entry for entry in drawn if entry != largest)][:WEIGHTS_PER_VARIABLE]


def _quotients(
    loss: "_Loss", start: list[np.ndarray], first: float, variable: int, entry: int, step: float
) -> list[float]:
    """Return the one-sided slopes at a weight; their mean is the centered difference.

    The two differ at a kink. The centered difference alone would miss a unit exactly at its kink,
    such as a ReLU with zero bias where an image is black.
    """
    value = start[variable].flat[entry]
    step = step * max(1.0, abs(value))
    quotients = []
    for offset in (-step, step):
        start[variable].flat[entry] = value + offset
        quotients.append((loss(start) - first) / offset)
    start[variable].flat[entry] = value
    return quotients


class _Loss:
    """The loss of a few examples as a function of the weights, in double precision."""

    def __init__(self, case: Case) -> None:
        self._case = case
        count = case.batch_size or GRADIENT_EXAMPLES
        batch = take(case.batch, slice(0, count))
        self._batch = keras.tree.map_structure(_wide, batch)
        self._other = [_wide(to_array(value)) for value in case.state[1]]
        # TensorFlow's graph optimizer prints warnings about double precision, so run eagerly there.
        self._compiled = backend.compile(self._loss) if COMPILES else self._loss

    def __call__(self, values: Sequence[Tensor]) -> float:
        return float(to_array(self._compiled([_wide(value) for value in values])))

    def gradients(self, values: Sequence[Tensor]) -> list[np.ndarray]:
        run = backend.compile(self._differentiated) if COMPILES else self._differentiated
        gradients = run([_wide(value) for value in values])
        return [np.asarray(to_array(gradient), "float64") for gradient in gradients]

    def _differentiated(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return backend.value_and_grad(lambda values: (self._loss(values), ()), tensors)[1]

    def _loss(self, tensors: Sequence[Tensor]) -> Tensor:
        model = self._case.model
        x, y, sample_weight = self._batch
        same_random_numbers()
        with stateless_double(model, tensors, self._other):
            y_pred = model(x, training=True)
            return compute_loss(model, x, y, y_pred, sample_weight, training=True)


def _wide(array: Any) -> Any:
    """Return an array as a tensor; floating-point values become float64."""
    if array is None or np.asarray(array).dtype.kind in "OSU":
        return array
    is_float = np.asarray(array).dtype.kind == "f"
    return ops.convert_to_tensor(array, dtype="float64" if is_float else None)
