"""What the probes need of JAX."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.experimental import sparse

from keras_babysit.backends.protocol import Arguments, Values
from keras_babysit.backends.variables import assign, flat, groups, stride
from keras_babysit.typing import Batch, Tensor

CAN_COMPILE = True
"""Whether `compile` makes a difference; uncompiled, JAX compiles each operation by itself."""

COMPILES_EACH_SIZE = True
"""Whether another number of examples is another compilation."""

ANNOUNCES_THE_END = True
"""Whether Keras announces a step before it finds that data of unknown length are over."""


def versions() -> dict[str, str]:
    """Return the version of the backend by its name."""
    return {"jax": jax.__version__}


def workers(model: Any) -> tuple[int, int]:
    """Return the rank of this process among those that train together, and their number."""
    del model
    return jax.process_index(), jax.process_count()


def is_whole(model: Any) -> bool:
    """Return whether this process alone can read all weights: none is split over several."""
    values = [variable._value for variable in model.variables]
    return all(_is_whole(value) for value in values if value is not None)


def value_and_grad(
    function: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], values: Sequence[Tensor]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """Return `(scalar, auxiliary), gradients` of `function` at `values`."""
    scalar_and_auxiliary, gradients = jax.value_and_grad(function, has_aux=True)(values)
    return scalar_and_auxiliary, gradients


def gradients_of_variables(
    function: Callable[[], Tensor], variables: Sequence[Any]
) -> list[Tensor] | None:
    """Return None: JAX differentiates by values alone."""
    del function, variables
    return None


def derivative(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Return the elementwise derivative of `function` at `z`."""
    y, pull_back = jax.vjp(function, jax.lax.stop_gradient(z))
    return pull_back(jnp.ones_like(y))[0]


def eagerly() -> AbstractContextManager[Any]:
    """Return a context in which operations run immediately, also while a graph is traced."""
    now: AbstractContextManager[Any] = jax.ensure_compile_time_eval()
    return now


FEW_ARRAYS = 32
"""Arguments of about a dozen layers: up to there XLA's older emitters compile in half the time or
less. They write one function of all, which takes LLVM ever longer the larger it is."""


CONVOLUTION_RANK = 4
"""Rank of the kernels of convolutions over images. Many of them, not optimised, run up to eight
times as long: a probe of ResNet50 takes 6.5 s instead of 0.8, more than its compilation saves."""


def compile(
    function: Callable[..., Any], *examples: Any, varies: Sequence[int] = ()
) -> Callable[..., Any]:
    """Return `function` compiled, once per shape of its arguments.

    On a CPU what makes code faster is left out, and most of the time of a compilation with it: a
    probe does not run often enough to earn that back, unless it is of many convolutions.
    """
    del examples, varies

    @functools.cache
    def graph(has_few_arrays: bool, has_convolutions: bool) -> Callable[..., Any]:
        options = compiler_options_of(has_few_arrays, has_convolutions)
        compiled: Callable[..., Any] = jax.jit(function, compiler_options=options)
        return compiled

    def run(*arguments: Any) -> Any:
        arrays = jax.tree.leaves(arguments)
        has_convolutions = any(np.ndim(array) >= CONVOLUTION_RANK for array in arrays)
        return graph(len(arrays) <= FEW_ARRAYS, has_convolutions)(*arguments)

    return run


def compiler_options_of(has_few_arrays: bool, has_convolutions: bool) -> dict[str, Any] | None:
    """Return the compiler options for a graph; None for those of JAX."""
    if jax.default_backend() != "cpu":
        return None
    is_optimised = has_convolutions and not has_few_arrays
    wanted = {"xla_backend_optimization_level": int(is_optimised)}
    if has_few_arrays:
        wanted |= {"xla_cpu_use_fusion_emitters": False}
    return {name: value for name, value in wanted.items() if has_compiler_option(name, value)}


@functools.cache
def has_compiler_option(option: str, value: Any) -> bool:
    """Return whether this version of JAX has an option; another one would not compile at all."""
    try:
        jax.jit(lambda: 0, compiler_options={option: value}).lower().compile()
    except Exception:
        return False
    return True


def copy(values: Sequence[Tensor]) -> list[Tensor]:
    """Return copies of `values`: the arrays themselves are donated to the next training step."""
    return [jnp.copy(value) for value in values]


def subsample(values: Sequence[Tensor], count: int) -> list[Tensor]:
    """Return copies of `values`; of those with more than `count` entries, evenly spaced ones."""
    large = {index: v for index, v in enumerate(values) if v.size > count}
    entries = iter(_cut(count)(list(large.values())) if large else ())
    return [next(entries) if index in large else jnp.copy(v) for index, v in enumerate(values)]


@functools.cache
def _cut(count: int) -> Callable[..., Any]:
    return compile(lambda values: [v.reshape(-1)[:: stride(v.size, count)] for v in values])


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    jax.block_until_ready(values)


def to_tensor(array: Any) -> Tensor:
    """Return `array` as a tensor."""
    return jnp.asarray(array)


def to_numpy(tensor: Any) -> np.ndarray:
    """Return `tensor` on the host."""
    return np.asarray(tensor)


def is_dense(tensor: Any) -> bool:
    """Return whether a tensor or array has one value per entry."""
    return not isinstance(tensor, sparse.JAXSparse)


def densify(tensor: Any) -> Any:
    """Return a sparse tensor as a dense one."""
    return tensor if is_dense(tensor) else tensor.todense()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def first_units(tensor: Tensor, count: int) -> np.ndarray:
    """Return the first entries of the last axis; cut on the host, for JAX compiles every cut."""
    return np.asarray(tensor)[..., :count]


def borrow(
    arguments: Arguments,
    count: int,
    *,
    fetching: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
) -> tuple[list[Batch], Arguments]:
    """Return up to `count` batches out of fit's iterator, and arguments that hand them on.

    What it raises is an error of the data. Arrays on the host are copied: a generator may fill the
    same buffer again and again.
    """
    state_values, iterator = arguments
    batches: list[Batch] = []
    while len(batches) < count:
        try:
            with fetching():
                batch = next(iterator)
            batches.append(jax.tree.map(_own, batch))
        except StopIteration:
            break
    seen = [jax.tree.map(_here, batch) for batch in batches]
    return seen, (state_values, iter(batches) if batches else iterator)


def _own(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _is_whole(value: Any) -> bool:
    """Return whether this process can read all of a value."""
    is_array = isinstance(value, jax.Array)
    return not is_array or value.is_fully_addressable or value.is_fully_replicated


def _here(value: Any) -> Any:
    """Return what this process holds of a value.

    What is computed of that stays in this process. An array over several processes would ask
    all of them to compute, and the others do not take this probe.
    """
    if not isinstance(value, jax.Array) or value.is_fully_addressable:
        return value
    if value.is_fully_replicated:
        return value.addressable_data(0)
    # Its examples are spread over the processes; two devices may hold the same ones.
    parts = {shard.index[0].start or 0: shard.data for shard in value.addressable_shards}
    return np.concatenate([np.asarray(parts[start]) for start in sorted(parts)])


def state(model: Any, arguments: Arguments | None) -> Values:
    """Return `(trainable, other, optimizer)` values of the variables of `model`.

    While an epoch runs the variables themselves are empty: Keras keeps the values in the first
    argument of its train function, `(trainable, non_trainable, optimizer, metrics)`.
    """
    if arguments is None:
        trainable, other, optimizer = ([one.value for one in group] for group in groups(model))
    else:
        trainable, non_trainable, optimizer, metrics = arguments[0]
        other = [*non_trainable, *metrics]
    return _all_here(trainable), _all_here(other), _all_here(optimizer)


def _all_here(values: Sequence[Tensor]) -> list[Tensor]:
    return [_here(value) for value in values]


def trained(model: Any, result: Any) -> list[Tensor]:
    """Return the values of the trainable variables after a training step."""
    del model
    _, (trainable, *_) = result
    return _all_here(trainable)


class Feed:
    """Takes the batches of every step and hands them on."""

    def take(self, arguments: Arguments, count: int) -> tuple[list[Batch], Arguments]:
        """Return the batches of a step, and arguments that hand them on."""
        return borrow(arguments, count)

    def optimizer_value(self, arguments: Arguments, variable: Any, index: int) -> Tensor:
        """Return a copy of an optimizer variable as it is before a step."""
        del variable
        return jnp.copy(arguments[0][2][index])


def exchange(model: Any, arguments: Arguments | None, values: Values) -> Arguments | None:
    """Give the variables of `model` other values; return the arguments of the next step.

    While an epoch runs the values are in the arguments, and the variables stay empty.
    """
    if arguments is None:
        assign(model, values)
        return None
    state_values, *rest = arguments
    return (_grouped(model, values, state_values), *rest)


def random_state() -> Any:
    """Return None: Keras draws on its own seeds alone."""


def set_random_state(state: Any) -> None:
    """Do nothing: Keras draws on its own seeds alone."""


class Sandbox:
    """Runs training steps on values of its own; the model and its run are not touched."""

    def __init__(
        self, model: Any, function: Callable[..., Any], feed: Feed, arguments: Arguments | None
    ) -> None:
        del feed
        self._model, self._function = model, function
        if arguments is None:
            trainable, other, optimizer = state(model, None)
            count = len(model.non_trainable_variables)
            self._like: Any = (trainable, other[:count], optimizer, other[count:])
        else:
            self._like = arguments[0]
        self._state: Any = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self._state = None

    def load(self, values: Values) -> None:
        """Start from these values, as `state` returns them."""
        self._state = _grouped(self._model, values, self._like)

    def step(self, batches: Sequence[Batch]) -> Any:
        """Train on these batches and return the logs."""
        logs, self._state = self._function(self._state, iter(batches))
        return logs

    def values(self) -> Values:
        """Return what the variables would be now."""
        trainable, non_trainable, optimizer, metrics = self._state
        return copy(trainable), copy([*non_trainable, *metrics]), copy(optimizer)

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Have the values of the sandbox in the variables; they are as before after that."""
        variables = flat(groups(self._model))
        before = [variable._value for variable in variables]
        try:
            assign(self._model, self.values())
            yield
        finally:
            for variable, value in zip(variables, before, strict=True):
                variable._value = value  # as Keras empties them for an epoch


def _grouped(
    model: Any, values: Values, like: Sequence[Sequence[Tensor]]
) -> tuple[list[Tensor], ...]:
    """Return `(trainable, other, optimizer)` in Keras' four groups, on the devices of `like`."""
    trainable, other, optimizer = values
    count = len(model.non_trainable_variables)
    four = (trainable, other[:count], optimizer, other[count:])
    return tuple(
        [_placed(value, one) for value, one in zip(group, ones, strict=True)]
        for group, ones in zip(four, like, strict=True)
    )


def _placed(value: Any, like: Any) -> Tensor:
    """Return a copy of `value` with the dtype and on the devices of `like`."""
    array = jnp.array(value, dtype=like.dtype)
    return jax.device_put(array, like.sharding) if like.committed else array


def keep_hidden_state(model: Any) -> AbstractContextManager[Any]:
    """Return a context that does nothing: arrays cannot be changed in place."""
    del model
    return contextlib.nullcontext()


def keep(value: Any) -> Callable[[], None] | None:
    """Return a function that puts a variable back; arrays cannot be changed in place."""
    if not isinstance(value, keras.Variable):
        return None
    before = value._value

    def put_back() -> None:
        value._value = before

    return put_back


def is_walked(value: Any) -> bool:
    """Return False: JAX has no objects with state."""
    del value
    return False


# A function that was compiled before is traced again for another value of this context.
_TRACED_ANEW = jax.make_user_context(None) if hasattr(jax, "make_user_context") else None


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Trace compiled functions again, with what stands in for methods here."""
    anew = contextlib.nullcontext() if _TRACED_ANEW is None else _TRACED_ANEW("keras-babysit")
    with anew:
        try:
            yield
        finally:
            jax.effects_barrier()  # every callback has run


def hand_out(receive: Callable[[Tensor], None], tensor: Tensor) -> None:
    """Call `receive` with the value of a tensor, by a callback where it is traced."""
    if isinstance(tensor, jax.core.Tracer):
        jax.debug.callback(receive, tensor)
    else:
        receive(tensor)


def is_recomputing() -> bool:
    """Return False: what is computed again is not traced again."""
    return False


def own(tensor: Tensor) -> Tensor:
    """Return a copy of an array: a compiled step may take over the memory of its arguments."""
    return jnp.copy(tensor) if isinstance(tensor, jax.Array) else tensor


def dense(gradient: Any) -> Tensor:
    """Return a gradient as it is."""
    return gradient


def modules_in(layer: Any) -> list[tuple[str, Any]]:
    """Return nothing: Keras wraps no modules of JAX."""
    del layer
    return []


def tapped_module(
    module: Any, receive: Callable[[tuple[Any, ...], Any], None]
) -> AbstractContextManager[None]:
    """Raise: there is no such module."""
    del receive
    raise TypeError(f"Keras wraps no modules of JAX. Received: {module!r}")


def is_optimizer(value: Any) -> bool:
    """Return False: JAX has no optimizers of its own."""
    del value
    return False


def applied_by(
    optimizer: Any, receive: Callable[[list[tuple[Tensor, Any]]], None]
) -> AbstractContextManager[None]:
    """Raise: there is no such optimizer."""
    del receive
    raise TypeError(f"JAX has no optimizers of its own. Received: {optimizer!r}")


def summed_gradients(variables: Sequence[Any]) -> AbstractContextManager[None]:
    """Return a context that yields None: each gradient is computed anew."""
    del variables
    return contextlib.nullcontext()


def logs(result: Any) -> Any:
    """Return what a training step returned of losses and metrics."""
    return result[0]


def has_accelerator() -> bool:
    """Return whether JAX computes on another device than the CPU."""
    return bool(jax.default_backend() != "cpu")


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` traced once per shape; a graph that calls it often holds it once."""
    compiled: Callable[..., Any] = jax.jit(function)
    return compiled


def start_seconds(layers: int, is_compiled: bool) -> float:
    """Return about how long the first probe of so many layers takes, most of it to compile.

    XLA takes longer for each layer the more there are: measured 0.65 s for 6, 1.6 s for 21, 14 s
    for 148, 20 s for 176 and 71 s for 501.
    """
    del is_compiled
    return 0.35 + (0.055 + 0.0003 * layers) * layers


def without_gradients() -> AbstractContextManager[Any]:
    """Return a context that does nothing: gradients are only taken on request."""
    return contextlib.nullcontext()
