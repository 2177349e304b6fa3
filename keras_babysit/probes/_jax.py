"""What the probes need of JAX."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np

CAN_COMPILE = True
"""Whether `compile` makes a difference; uncompiled, JAX compiles each operation by itself."""


def versions():
    """Return the version of the backend by its name."""
    return {"jax": jax.__version__}


def value_and_grad(function, values):
    """Return `(scalar, auxiliary), gradients` of `function` at `values`."""
    return jax.value_and_grad(function, has_aux=True)(values)


def derivative(function, z):
    """Return the elementwise derivative of `function` at `z`."""
    y, pull_back = jax.vjp(function, jax.lax.stop_gradient(z))
    return pull_back(jnp.ones_like(y))[0]


def at_once():
    """Return a context in which constants are computed at once, also while a graph is traced."""
    return jax.ensure_compile_time_eval()


def untouched_random_state():
    """Return a context that leaves the backend's own random state as it was; Keras uses none."""
    return contextlib.nullcontext()


def compile(function, *examples, varies=()):
    """Return `function` compiled, once per shape of its arguments.

    On a CPU LLVM's optimisation is left out: it takes half of the time of a compilation, and a
    probe does not run often enough to earn that back.
    """
    del examples, varies
    on_cpu = jax.default_backend() == "cpu"
    options = {"xla_backend_optimization_level": 0} if on_cpu else None
    return jax.jit(function, compiler_options=options)


def copy(values):
    """Return copies of `values`: the arrays themselves are donated to the next training step."""
    return [jnp.copy(value) for value in values]


def wait(values):
    """Return when `values` are computed."""
    jax.block_until_ready(values)


def to_tensor(array):
    """Return `array` as a tensor."""
    return jnp.asarray(array)


def to_numpy(tensor):
    """Return `tensor` on the host."""
    return np.asarray(tensor)


def is_out_of_memory(error):
    """Return whether an error says that there is not enough memory."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def first_units(tensor, count):
    """Return the first entries of the last axis; cut on the host, for JAX compiles every cut."""
    return np.asarray(tensor)[..., :count]


def borrow(arguments, count):
    """Return up to `count` batches out of fit's iterator, and arguments that hand them on."""
    state_values, iterator = arguments
    batches = []
    while len(batches) < count:
        try:
            batches.append(next(iterator))
        except StopIteration:
            break
    return batches, (state_values, iter(batches) if batches else iterator)


def state(model, arguments):
    """Return `(trainable, other, optimizer)` values of the variables of `model`.

    While an epoch runs the variables themselves are empty: Keras keeps the values in the first
    argument of its train function, `(trainable, non_trainable, optimizer, metrics)`.
    """
    if arguments is None:
        other = [*model.non_trainable_variables, *model.metrics_variables]
        optimizer = model.optimizer.variables if model.optimizer else []
        groups = (model.trainable_variables, other, optimizer)
        return tuple([variable.value for variable in group] for group in groups)
    trainable, non_trainable, optimizer, metrics = arguments[0]
    return list(trainable), [*non_trainable, *metrics], list(optimizer)


def trained(model, result):
    """Return the values of the trainable variables after a training step."""
    del model
    _, (trainable, *_) = result
    return list(trainable)


def logs(result):
    """Return what a training step returned of losses and metrics."""
    return result[0]


def start_seconds(layers, is_compiled):
    """Return about how long the first probe of so many layers takes, most of it to compile."""
    del is_compiled
    return 0.8 + 0.1 * layers
