"""Taps on modules of PyTorch inside a `TorchModuleWrapper`: each counts as a layer."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from keras_babysit.backends import backend
from keras_babysit.probes.taps import Call
from keras_babysit.typing import Nested

ELEMENTWISE = ("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Sigmoid", "Tanh")
"""Classes of modules that apply a function to each entry."""

CHANNELS_FIRST = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm")
"""How the names of classes begin whose units are the second axis of their output."""


class ModuleLayer:
    """A module in the place of a Keras layer, with the attributes that a probe reads of one.

    Args:
        module: A module without modules inside.
        target: Name of its readings.
        variables: The variables of the wrapper by the id of their value.

    Attributes:
        class_name: Name of the module's class.
        weights: The variables of the wrapper that hold its parameters.
        data_format: `"channels_first"` if its units are the second axis, else `"channels_last"`.
    """

    built = True

    def __init__(self, module: Any, target: str, variables: dict[int, Any]) -> None:
        self.class_name = type(module).__name__
        self.name = target
        own = [variables.get(id(one)) for one in module.parameters(recurse=False)]
        self.weights = [one for one in own if one is not None]
        self.trainable_variables = [one for one in self.weights if one.trainable]
        self.trainable = bool(self.trainable_variables)
        self.data_format = "channels_last"
        self._module = module
        self._calls = 0

    def count_params(self) -> int:
        """Return the number of entries of its weights."""
        return sum(one.value.numel() for one in self.weights)

    @contextlib.contextmanager
    def tapped(self, record: Callable[..., Any]) -> Iterator[None]:
        """Hand each call inside this context to `record`."""
        self._calls = 0
        with backend.tapped_module(self._module, lambda args, y: self._receive(record, args, y)):
            yield

    def _receive(self, record: Callable[..., Any], args: tuple[Any, ...], y: Nested) -> None:
        if not hasattr(y, "shape"):
            return
        self._calls += 1
        # The units of an activation are those of what came before it: an image has channels.
        is_image = len(y.shape) > 3 or self.class_name.startswith(CHANNELS_FIRST)
        self.data_format = "channels_first" if is_image and len(y.shape) > 2 else "channels_last"
        name = self.name if self._calls == 1 else f"{self.name}#{self._calls}"
        x = args[0] if args and hasattr(args[0], "shape") else None
        is_elementwise = self.class_name in ELEMENTWISE and not getattr(self._module, "inplace", 0)
        # Not the module itself: it would call this hook.
        function = self._module.forward if is_elementwise else None
        record(Call(self, name, y, x if is_elementwise else None, function, x=x))


def modules_of(layer: Any, target: str) -> list[Any]:
    """Return a `ModuleLayer` for each module inside a layer; none for a layer of Keras.

    Args:
        layer: A layer.
        target: Name of its readings, with which those of the modules begin.
    """
    modules = backend.modules_in(layer)
    # Only then: on JAX variables have no values while an epoch runs.
    variables = {id(one.value): one for one in layer.weights} if modules else {}
    return [ModuleLayer(module, f"{target}/{name}", variables) for name, module in modules]
