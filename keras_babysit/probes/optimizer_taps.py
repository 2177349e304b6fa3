"""Taps on optimizers: the gradients that each is given, and its learning rate."""

import contextlib
from collections import Counter

import keras

from keras_babysit.backends import backend, to_array
from keras_babysit.probes import taps
from keras_babysit.shadow import shadowed


def name_optimizers(model, optimizers):
    """Return optimizers by a name: that of the attribute of the model that holds each.

    Others are called as they are themselves; several of one name, by the network that each updates,
    as in `"Adam of generator"`.

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
    found, names = {}, {}
    for one in optimizers:
        if id(one) in inner:
            continue
        name = held.get(id(one)) or getattr(one, "name", type(one).__name__)
        names[id(one)] = name
    shared = {name for name, count in Counter(names.values()).items() if count > 1}
    for one in optimizers:
        name = names.get(id(one))
        if name is None:
            continue
        network = _network_of(model, one) if name in shared else None
        name = name if network is None else f"{name} of {network}"
        unique, number = name, 1
        while unique in found:
            number += 1
            unique = f"{name}({number})"
        found[unique] = one
    return found


def _network_of(model, optimizer):
    """Return the name of the one network in the model that an optimizer updates, None for others.

    An optimizer of Keras knows what it updates once it is built.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        updated = {id(variable) for variable in getattr(optimizer, "_trainable_variables", ())}
    else:
        groups = getattr(optimizer, "param_groups", ())
        parameters = {id(parameter) for group in groups for parameter in group["params"]}
        own = model.trainable_variables
        updated = {id(one) for one in own if id(one.value) in parameters}
    if not updated:
        return None
    for layer in taps.outermost(model):
        if updated <= {id(variable) for variable in layer.trainable_variables}:
            return layer.name
    return None


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
