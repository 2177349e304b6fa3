"""Taps on optimizers: the gradients that each is given, and its learning rate."""

import contextlib

import keras

from keras_babysit.backends import backend, to_array
from keras_babysit.shadow import shadowed


def name_optimizers(model, optimizers):
    """Return optimizers by a name: that of the attribute of the model that holds each.

    Args:
        model: The model.
        optimizers: Optimizers that a training step can reach. Those inside a `LossScaleOptimizer`
            are left out.

    Example:
        >>> model = keras.Sequential()
        >>> model.d_optimizer = keras.optimizers.SGD()
        >>> list(name_optimizers(model, [model.d_optimizer]))
        ['d_optimizer']
    """
    held = {}
    for attribute, value in vars(model).items():
        attribute = attribute.strip("_")
        some = value.items() if isinstance(value, dict) else None
        if isinstance(value, list | tuple):
            some = ((f"{attribute}[{index}]", one) for index, one in enumerate(value))
        for name, one in some or [(attribute, value)]:
            held.setdefault(id(one), str(name))
    inner = {id(getattr(one, "inner_optimizer", None)) for one in optimizers}
    found = {}
    for one in optimizers:
        if id(one) in inner:
            continue
        name = held.get(id(one)) or getattr(one, "name", type(one).__name__)
        unique, number = name, 1
        while unique in found:
            number += 1
            unique = f"{name}({number})"
        found[unique] = one
    return found


def rate_of(optimizer):
    """Return the learning rate of an optimizer, None if it cannot be read."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        groups = getattr(optimizer, "param_groups", None)
        return float(groups[0]["lr"]) if groups else None
    try:
        rate = optimizer.learning_rate
        return float(to_array(rate.value if hasattr(rate, "value") else rate))
    except Exception:  # on JAX a variable has no value while an epoch runs
        return None


@contextlib.contextmanager
def tapped_optimizer(optimizer, variables, receive):
    """Hand the gradients that an optimizer gets inside this context to `receive`.

    Args:
        optimizer: An optimizer of Keras, or of the backend itself.
        variables: The trainable variables of the model.
        receive: Called with pairs of a gradient, or None, and a `keras.Variable`.
    """
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        known = {id(variable.value): variable for variable in variables}

        def receive_parameters(pairs):
            receive([(g, known[id(p)]) for g, p in pairs if id(p) in known])

        with backend.applied_by(optimizer, receive_parameters):
            yield
        return
    tap = _Tap(optimizer, receive)
    with (
        shadowed(optimizer, "apply", tap.apply),
        shadowed(optimizer, "stateless_apply", tap.stateless_apply),
    ):
        yield


class _Tap:
    """What stands in for `apply` and `stateless_apply` of one Keras optimizer."""

    def __init__(self, optimizer, receive):
        self._optimizer = optimizer
        self._receive = receive
        self._apply, self._stateless_apply = optimizer.apply, optimizer.stateless_apply
        self._is_inside = False

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
        variables = trainable_variables or self._optimizer._trainable_variables
        with self._handing_over(grads, variables):
            return self._apply(grads, trainable_variables)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        grads = list(grads)
        with self._handing_over(grads, self._optimizer._trainable_variables):
            return self._stateless_apply(optimizer_variables, grads, trainable_variables)

    @contextlib.contextmanager
    def _handing_over(self, grads, variables):
        """Hand over gradients, unless an outer call has done so."""
        was_inside, self._is_inside = self._is_inside, True
        try:
            if not was_inside:
                factor = self._optimizer.loss_scale_factor
                pairs = zip(grads, variables, strict=False)
                self._receive(
                    (None if g is None else backend.dense(g) / factor if factor else g, v)
                    for g, v in pairs
                )
            yield
        finally:
            self._is_inside = was_inside
