"""What the probes need of PyTorch."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

import keras
import numpy as np
import torch

from keras_babysit.backends.protocol import Arguments
from keras_babysit.backends.variables import InPlace, InPlaceSandbox, stride
from keras_babysit.typing import Batch, Tensor

CAN_COMPILE = False
"""Whether `compile` makes a difference."""

COMPILES_EACH_SIZE = False
"""Whether another number of examples is another compilation."""

ANNOUNCES_THE_END = False
"""Whether Keras announces a step before it finds that data of unknown length are over."""


def versions() -> dict[str, str]:
    """Return the version of the backend by its name."""
    return {"torch": str(torch.__version__)}


def workers(model: Any) -> tuple[int, int]:
    """Return the rank of this process among those that train together, and their number."""
    del model
    together = torch.distributed
    if not together.is_available() or not together.is_initialized():
        return 0, 1
    return together.get_rank(), together.get_world_size()


def is_whole(model: Any) -> bool:
    """Return True: each process holds all weights."""
    del model
    return True


def value_and_grad(
    function: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], values: Sequence[Tensor]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """Return `(scalar, auxiliary), gradients` of `function` at `values`."""
    with torch.enable_grad():
        values = [value.detach().requires_grad_(value.is_floating_point()) for value in values]
        scalar, auxiliary = function(values)
        if not scalar.requires_grad:
            return (scalar, auxiliary), [torch.zeros_like(value) for value in values]
        gradients = torch.autograd.grad(scalar, values, allow_unused=True)
    pairs = zip(gradients, values, strict=True)
    return (scalar, auxiliary), [torch.zeros_like(v) if g is None else g for g, v in pairs]


def gradients_of_variables(
    function: Callable[[], Tensor], variables: Sequence[Any]
) -> list[Tensor] | None:
    """Return the gradients of a scalar by the variables themselves."""
    values = [variable.value for variable in variables]
    with torch.enable_grad():
        scalar = function()
        if not scalar.requires_grad:
            return [torch.zeros_like(value) for value in values]
        gradients = torch.autograd.grad(scalar, values, allow_unused=True)
    pairs = zip(gradients, values, strict=True)
    return [torch.zeros_like(v) if g is None else g for g, v in pairs]


def derivative(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Return the elementwise derivative of `function` at `z`."""
    with torch.enable_grad():
        z = z.detach().requires_grad_(True)
        y = function(z)
        if not y.requires_grad:
            return torch.zeros_like(z)
        (gradient,) = torch.autograd.grad(y.sum(), z, allow_unused=True)
    return torch.zeros_like(z) if gradient is None else gradient


def eagerly() -> AbstractContextManager[Any]:
    """Return a context in which operations run immediately, also while a graph is traced."""
    return contextlib.nullcontext()


def compile(
    function: Callable[..., Any], *examples: Any, varies: Sequence[int] = ()
) -> Callable[..., Any]:
    """Return `function` as it is: a probe runs too seldom to earn back a compilation."""
    del examples, varies
    return function


def copy(values: Sequence[Tensor]) -> list[Tensor]:
    """Return copies of `values`: the optimizer updates the originals in place."""
    return [value.detach().clone() for value in values]


def subsample(values: Sequence[Tensor], count: int) -> list[Tensor]:
    """Return copies of `values`; of those with more than `count` entries, evenly spaced ones."""
    sizes = [value.numel() for value in values]
    return copy(
        [
            value.reshape(-1)[:: stride(size, count)] if size > count else value
            for value, size in zip(values, sizes, strict=True)
        ]
    )


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    del values
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def to_tensor(array: Any) -> Tensor:
    """Return `array` as a tensor on the device of the variables."""
    return keras.ops.convert_to_tensor(array)


def to_numpy(tensor: Any) -> np.ndarray:
    """Return `tensor` on the host; numpy has no bfloat16, which becomes float32."""
    if not isinstance(tensor, torch.Tensor):
        return np.asarray(tensor)
    tensor = tensor.detach().cpu()
    array: np.ndarray = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


def is_dense(tensor: Any) -> bool:
    """Return whether a tensor or array has one value per entry."""
    return not isinstance(tensor, torch.Tensor) or tensor.layout is torch.strided


def densify(tensor: Any) -> Any:
    """Return a sparse tensor as a dense one."""
    is_nested = isinstance(tensor, torch.Tensor) and tensor.is_nested
    return tensor if is_dense(tensor) or is_nested else tensor.to_dense()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory, on a GPU or on the host."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return "not enough memory" in text or "can't allocate memory" in text


def first_units(tensor: Tensor, count: int) -> np.ndarray:
    """Return the first entries of the last axis, on the host."""
    return to_numpy(tensor[..., :count])


def borrow(
    arguments: Arguments,
    count: int,
    *,
    fetching: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
) -> tuple[list[Batch], Arguments]:
    """Return the one batch that Keras' function is handed; it is not used up by looking at it."""
    del count, fetching
    return [arguments[0][0]], arguments


_IN_PLACE = InPlace(lambda value: value.detach(), copy)
state, trained = _IN_PLACE.state, _IN_PLACE.trained
exchange, logs = _IN_PLACE.exchange, _IN_PLACE.logs


class Feed:
    """Takes the batches of every step and hands them on."""

    def take(self, arguments: Arguments, count: int) -> tuple[list[Batch], Arguments]:
        """Return the batches of a step, and arguments that hand them on."""
        return borrow(arguments, count)

    def optimizer_value(self, arguments: Arguments, variable: Any, index: int) -> Tensor:
        """Return a copy of an optimizer variable as it is before a step."""
        del arguments, index
        return copy([variable.value])[0]

    def hand(self, batches: Sequence[Batch]) -> Arguments:
        """Return the arguments of a step on these batches."""
        return (batches,)


def random_state() -> Any:
    """Return PyTorch's own random state; dropout draws on it."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return [torch.random.get_rng_state(), *cuda]


def set_random_state(state: Any) -> None:
    """Put PyTorch's own random state back."""
    first, *cuda = (torch.as_tensor(np.asarray(one)) for one in state)
    torch.random.set_rng_state(first)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)


@contextlib.contextmanager
def keep_hidden_state(model: Any) -> Iterator[None]:
    """Leave the buffers of PyTorch modules as they were; Keras' own weights are parameters."""
    # Of each layer: Keras keeps layers in lists, which PyTorch does not look into.
    buffers = {id(one): one for layer in model._flatten_layers() for one in layer.buffers()}
    before = [(buffer, buffer.detach().clone()) for buffer in buffers.values()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)


MAX_KEPT_BYTES = 2**26
"""Size of a tensor of the data from which on it is not copied: a step does not write to it."""


def keep(value: Any) -> Callable[[], None] | None:
    """Return a function that puts a tensor with its gradient, or a random generator, back."""
    if isinstance(value, torch.Generator):
        state = value.get_state()
        return lambda: value.set_state(state)
    if isinstance(value, keras.Variable):
        value = value._value
    if not isinstance(value, torch.Tensor) or value.is_meta:
        return None
    if value.nbytes > MAX_KEPT_BYTES and not isinstance(value, torch.nn.Parameter):
        return None
    before, gradient = value.detach().clone(), value.grad if value.is_leaf else None
    known = None if gradient is None else gradient.detach().clone()

    def put_back() -> None:
        with torch.no_grad():
            value.detach().copy_(before)
            if gradient is not None and known is not None:
                gradient.copy_(known)
        if value.is_leaf:
            value.grad = gradient

    return put_back


_WALKED = (torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)


def is_walked(value: Any) -> bool:
    """Return whether a value is a module, an optimizer or a schedule of PyTorch."""
    return isinstance(value, _WALKED) or type(value).__name__ == "GradScaler"


def uncompiled() -> AbstractContextManager[Any]:
    """Run functions as they are written, those of `torch.compile` too."""
    set_stance = getattr(torch.compiler, "set_stance", None)
    return contextlib.nullcontext() if set_stance is None else set_stance("force_eager")


def hand_out(receive: Callable[[Tensor], None], tensor: Tensor) -> None:
    """Call `receive` with a tensor, unless a transformation of `torch.func` holds its value."""
    if not torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        receive(tensor)


def is_recomputing() -> bool:
    """Return whether this is called from a backward pass, as `torch.utils.checkpoint` does."""
    return bool(torch._C._current_graph_task_id() != -1)


def own(tensor: Tensor) -> Tensor:
    """Return a copy of a tensor, which a step may change in place; weights stay what they are."""
    is_data = isinstance(tensor, torch.Tensor) and not isinstance(tensor, torch.nn.Parameter)
    return tensor.detach().clone().requires_grad_(tensor.requires_grad) if is_data else tensor


def dense(gradient: Any) -> Tensor:
    """Return a gradient as a tensor, that of a sparse embedding with all rows."""
    return gradient.to_dense() if gradient.is_sparse else gradient


def modules_in(layer: Any) -> list[tuple[str, Any]]:
    """Return the innermost modules that a `TorchModuleWrapper` holds, with their paths."""
    if not isinstance(layer, keras.layers.TorchModuleWrapper):
        return []
    named = layer.module.named_modules()
    return [(name, one) for name, one in named if name and not list(one.children())]


def tapped_module(
    module: Any, receive: Callable[[tuple[Any, ...], Any], None]
) -> AbstractContextManager[None]:
    """Return a context in which `receive` gets what a module is called with and returns."""

    def after(one: Any, args: tuple[Any, ...], output: Any) -> None:
        del one
        if not is_recomputing():
            receive(args, output)

    return _removed_after(module.register_forward_hook(after))


def is_optimizer(value: Any) -> bool:
    """Return whether a value is an optimizer of PyTorch."""
    return isinstance(value, torch.optim.Optimizer)


@contextlib.contextmanager
def applied_by(
    optimizer: Any, receive: Callable[[list[tuple[Tensor, Any]]], None]
) -> Iterator[None]:
    """Return a context in which each `step` of a PyTorch optimizer hands over its gradients.

    A `step` that is given a function computes them itself, as that of `LBFGS`: there they are those
    of the last time.
    """

    def hand_over(one: Any) -> None:
        parameters = [parameter for group in one.param_groups for parameter in group["params"]]
        receive([(p.grad, p) for p in parameters])

    def before_step(one: Any, args: Any, kwargs: Any) -> None:
        if not _has_closure(args, kwargs):
            hand_over(one)

    def after_step(one: Any, args: Any, kwargs: Any) -> None:
        if _has_closure(args, kwargs):
            hand_over(one)

    with (
        _removed_after(optimizer.register_step_pre_hook(before_step)),
        _removed_after(optimizer.register_step_post_hook(after_step)),
    ):
        yield


def _has_closure(args: Any, kwargs: Any) -> bool:
    """Return whether a `step` is given a function; the first of `args` is the optimizer."""
    return any(callable(one) for one in [*args[1:], kwargs.get("closure")])


MAX_SUMMED_ENTRIES = 2**20
"""Entries of gradients that are followed while they are summed up; smaller variables come first."""

EQUAL = 1e-3
"""Distance of two vectors, relative to the larger one, below which they are equal: rounding in
float32 is far below it."""

UNEQUAL = 1e-2
"""The same from which on they differ."""


@contextlib.contextmanager
def summed_gradients(
    variables: Sequence[Any],
) -> Iterator[Callable[[Sequence[Any]], bool | None]]:
    """Yield a function that says whether gradients contain those from before this context."""
    parameters = {id(v): v.value for v in variables if _takes_gradient(v.value)}
    chosen: dict[int, _SummedGradient] = {}
    entries = 0
    for key, parameter in sorted(parameters.items(), key=lambda one: one[1].numel()):
        entries += parameter.numel()
        if entries > MAX_SUMMED_ENTRIES:
            break
        chosen[key] = _SummedGradient(parameter)

    def contain_earlier(applied: Sequence[Any]) -> bool | None:
        parts = [chosen[id(v)].parts() for v in applied if id(v) in chosen]
        columns = list(zip(*[one for one in parts if one is not None], strict=True))
        if not columns:
            return None
        now, before, added = (torch.cat(one) for one in columns)
        return _contains(now, before, added)

    try:
        yield contain_earlier
    finally:
        for one in chosen.values():
            one.hook.remove()


def _takes_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_leaf and value.requires_grad


class _SummedGradient:
    """What the gradient of one parameter is a sum of."""

    def __init__(self, parameter: Tensor) -> None:
        self._parameter = parameter
        known = parameter.grad
        self._before = None if known is None else dense(known).detach().float().clone()
        self._added: Tensor | None = None
        self.hook = parameter.register_hook(self._add)

    def _add(self, gradient: Tensor) -> None:
        gradient = dense(gradient).detach().float()
        self._added = gradient if self._added is None else self._added + gradient

    def parts(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return the gradient now, that from before and what was added, None if one is missing."""
        now = self._parameter.grad
        if now is None or self._before is None or self._added is None:
            return None
        now = dense(now).detach().float()
        return now.flatten(), self._before.flatten(), self._added.flatten()


def _contains(now: Tensor, before: Tensor, added: Tensor) -> bool | None:
    """Return whether `now` is `before + added`, or a multiple of it, and not `added` alone.

    A multiple, because steps clip gradients, and divide them by a loss scale.
    """
    if not before.any():
        return None
    without, beside = _distance(now, added), _distance(now, before + added)
    if without < EQUAL:
        return False
    return True if beside < EQUAL and without > UNEQUAL else None


def _distance(one: Tensor, other: Tensor) -> float:
    """Return how far two vectors are apart, in direction; infinite if a norm is not above 0."""
    norms = one.norm(), other.norm()
    if not all(0 < float(norm) < float("inf") for norm in norms):
        return float("inf")
    return float((one / norms[0] - other / norms[1]).norm())


@contextlib.contextmanager
def _removed_after(hook: Any) -> Iterator[None]:
    try:
        yield
    finally:
        hook.remove()


class Sandbox(InPlaceSandbox):
    """Runs training steps and leaves no trace of them, of gradients and dropout neither."""

    in_place = _IN_PLACE

    def __enter__(self) -> Self:
        model = self._model
        self._random = random_state()
        self._gradients = [variable.value.grad for variable in model.trainable_variables]
        self._mode = model.training
        model.train()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        model = self._model
        for variable, gradient in zip(model.trainable_variables, self._gradients, strict=True):
            variable.value.grad = gradient
        model.train(self._mode)
        set_random_state(self._random)


def has_accelerator() -> bool:
    """Return whether Keras computes on another device than the CPU."""
    return bool(keras.ops.zeros(()).device.type != "cpu")


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` as it is: each operation is added to a graph by itself."""
    return function


def start_seconds(layers: int, is_compiled: bool) -> float:
    """Return about how long the first probe of so many layers takes: measured 1 to 2 ms for each.

    That is what its operations take; of a large network what they work on is most of it.
    """
    del is_compiled
    return 0.0015 * layers


def without_gradients() -> AbstractContextManager[Any]:
    """Return a context in which no operation is recorded for a backward pass."""
    no_grad: AbstractContextManager[Any] = torch.no_grad()
    return no_grad
