"""What the probes need of TensorFlow."""

import contextlib
import functools
import itertools
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from keras_babysit.backends.protocol import Arguments
from keras_babysit.backends.variables import InPlace, InPlaceSandbox, flat, groups, stride
from keras_babysit.typing import Batch, Tensor

CAN_COMPILE = True
"""Whether `compile` makes a difference; an uncompiled pass starts sooner."""

COMPILES_EACH_SIZE = False
"""Whether another number of examples is another compilation."""

ANNOUNCES_THE_END = True
"""Whether Keras announces a step before it finds that data of unknown length are over."""


def versions() -> dict[str, str]:
    """Return the version of the backend by its name."""
    return {"tensorflow": tf.__version__}


def workers(model: Any) -> tuple[int, int]:
    """Return the rank of this process among those that train together, and their number."""
    return _workers(model.distribute_strategy)


def _workers(strategy: Any) -> tuple[int, int]:
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 0, 1  # all other strategies that Keras takes are led by one process
    resolver = strategy.cluster_resolver
    if resolver is None:
        return 0, 1
    cluster = resolver.cluster_spec()
    tasks = [
        (kind, index)
        for kind in ("chief", "worker")
        if kind in cluster.jobs
        for index in cluster.task_indices(kind)
    ]
    here = (resolver.task_type, resolver.task_id)
    return (tasks.index(here), len(tasks)) if here in tasks else (0, 1)


def is_whole(model: Any) -> bool:
    """Return True: each process holds all weights."""
    del model
    return True


def value_and_grad(
    function: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], values: Sequence[Tensor]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """Return `(scalar, auxiliary), gradients` of `function` at `values`."""
    values = [tf.convert_to_tensor(value) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(values)
        scalar, auxiliary = function(values)
    # An embedding's gradient comes as rows; a row that was used twice counts as their sum.
    gradients = tape.gradient(scalar, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return (scalar, auxiliary), [tf.convert_to_tensor(gradient) for gradient in gradients]


def gradients_of_variables(
    function: Callable[[], Tensor], variables: Sequence[Any]
) -> list[Tensor] | None:
    """Return the gradients of a scalar by the variables themselves."""
    with tf.GradientTape() as tape:
        scalar = function()
    values = [variable.value for variable in variables]
    gradients = tape.gradient(scalar, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def derivative(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Return the elementwise derivative of `function` at `z`."""
    z = tf.stop_gradient(z)
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = function(z)
    return tape.gradient(y, z, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def eagerly() -> AbstractContextManager[Any]:
    """Return a context in which operations run immediately, also while a graph is traced."""
    scope: AbstractContextManager[Any] = tf.init_scope()
    return scope


def compile(
    function: Callable[..., Any], *examples: Any, varies: Sequence[int] = ()
) -> Callable[..., Any]:
    """Return `function` as a graph for arguments like `examples`.

    XLA is left out: it compiles for longer and once per shape, which a probe does not earn back.
    It is traced here and not when it is called: TensorFlow warns about a function that is traced
    often, and takes those of several runs in one process for the same one.
    """

    def spec(index: int, leaf: Any) -> Any:
        if not is_dense(leaf):
            return _spec_of_composite(leaf)
        shape = tf.convert_to_tensor(leaf).shape
        shape = [None, *shape[1:]] if index in varies else shape
        return tf.TensorSpec(shape, tf.as_dtype(leaf.dtype))

    signature = [
        keras.tree.map_structure(functools.partial(spec, index), example)
        for index, example in enumerate(examples)
    ]
    graph = tf.function(function, input_signature=signature, autograph=False)
    concrete: Callable[..., Any] = graph.get_concrete_function()
    return concrete


def copy(values: Sequence[Tensor]) -> list[Tensor]:
    """Return copies of `values`."""
    return [tf.identity(value) for value in values]


def subsample(values: Sequence[Tensor], count: int) -> list[Tensor]:
    """Return copies of `values`; of those with more than `count` entries, evenly spaced ones."""
    sizes = [int(np.prod(value.shape)) for value in values]
    return [
        tf.reshape(value, [-1])[:: stride(size, count)] if size > count else tf.identity(value)
        for value, size in zip(values, sizes, strict=True)
    ]


def wait(values: Any) -> None:
    """Return when `values` are computed."""
    for value in keras.tree.flatten(values)[-1:]:
        to_numpy(tf.reshape(value, [-1])[:1])


def to_tensor(array: Any) -> Tensor:
    """Return `array` as a tensor."""
    return tf.convert_to_tensor(array)


def to_numpy(tensor: Any) -> np.ndarray:
    """Return `tensor` on the host."""
    return tensor.numpy() if tf.is_tensor(tensor) else np.asarray(tensor)


def is_dense(tensor: Any) -> bool:
    """Return whether a tensor or array has one value per entry."""
    return not isinstance(tensor, tf.SparseTensor | tf.RaggedTensor)


def densify(tensor: Any) -> Any:
    """Return a sparse tensor as a dense one."""
    is_sparse = isinstance(tensor, tf.SparseTensor)
    return tf.sparse.to_dense(tf.sparse.reorder(tensor)) if is_sparse else tensor


def _spec_of_composite(tensor: Any) -> Any:
    """Return the spec of a sparse or ragged tensor, with any number of examples."""
    shape = [None, *tensor.shape[1:]]
    if isinstance(tensor, tf.SparseTensor):
        return tf.SparseTensorSpec(shape, tensor.dtype)
    return tf.RaggedTensorSpec(shape, tensor.dtype, tensor.ragged_rank, tensor.row_splits.dtype)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory."""
    return isinstance(error, MemoryError | tf.errors.ResourceExhaustedError)


def first_units(tensor: Tensor, count: int) -> np.ndarray:
    """Return the first entries of the last axis, on the host."""
    return to_numpy(tensor[..., :count])


def borrow(
    arguments: Arguments,
    count: int,
    *,
    fetching: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
) -> tuple[list[Batch], Arguments]:
    """Return up to `count` batches out of fit's iterator, and arguments that hand them on.

    What is handed on is an iterator of the very same element spec, so that nothing is retraced.
    The iterators of `tf.distribute` cannot be made again from outside and are left alone. What it
    raises is an error of the data.
    """
    (iterator,) = arguments
    if isinstance(iterator, types.GeneratorType):  # of `train_on_batch`
        with fetching():
            batches = list(itertools.islice(iterator, count))
        return batches, (iter(batches),)
    if not isinstance(iterator, tf.data.Iterator):
        return [], arguments
    batches = []
    while len(batches) < count:
        try:
            with fetching():
                batches.append(iterator.get_next())
        except (tf.errors.OutOfRangeError, StopIteration):
            break
    if not batches:
        return [], arguments
    seen = [keras.tree.map_structure(_without_optional, batch) for batch in batches]
    try:
        return seen, (_again(batches, iterator.element_spec),)
    except Exception:
        return seen, (batches,)  # Keras takes any iterable, at the price of one more trace


def _without_optional(leaf: Any) -> Any:
    """Return None for what Keras hands on as an empty optional, as its train function does."""
    return None if isinstance(leaf, tf.experimental.Optional) else leaf


def _again(batches: Sequence[Batch], spec: Any) -> Any:
    dataset, *others = (_dataset_of(batch, spec) for batch in batches)
    for other in others:
        dataset = dataset.concatenate(other)
    return iter(dataset.with_options(_plain()))


def _dataset_of(batch: Batch, spec: Any) -> Any:
    variant = tf.data.experimental.to_variant(tf.data.Dataset.from_tensors(batch))
    return tf.data.experimental.from_variant(variant, structure=spec)


@functools.cache
def _plain() -> Any:
    """Return options that leave a dataset as it is.

    By default one that has a single element gets a thread to fetch it ahead, and to end that
    thread takes 20 ms.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return options


def _here(value: Any) -> Any:
    """Return what this process holds of a value.

    Reading a metric is a collective operation, which waits for workers that do not read it.
    """
    strategy = getattr(value, "distribute_strategy", None)
    if strategy is None or _workers(strategy)[1] == 1:
        return value
    return strategy.experimental_local_results(value)[0]


_IN_PLACE = InPlace(lambda value: tf.convert_to_tensor(_here(value)), copy)
state, trained = _IN_PLACE.state, _IN_PLACE.trained
exchange, logs = _IN_PLACE.exchange, _IN_PLACE.logs


class Feed:
    """Takes the batches of every step and hands them on.

    A new iterator for each step costs more than a small step does. One that lasts draws from a
    queue instead: with one step per call it is asked for exactly what was put in before.
    """

    def __init__(self) -> None:
        self._spec: Any = None
        self._is_plain = False
        self._queue: Any = None
        self._iterator: Any = None
        self._handle: Any = None

    def take(self, arguments: Arguments, count: int) -> tuple[list[Batch], Arguments]:
        """Return the batches of a step, and arguments that hand them on."""
        (iterator,) = arguments
        if not isinstance(iterator, tf.data.Iterator):
            return borrow(arguments, count)
        if self._spec is None:
            self._spec = iterator.element_spec
            leaves = keras.tree.flatten(self._spec)
            self._is_plain = all(isinstance(leaf, tf.TensorSpec) for leaf in leaves)
        if count != 1 or not self._is_plain:
            return borrow(arguments, count)
        try:
            batch = iterator.get_next()
        except (tf.errors.OutOfRangeError, StopIteration):
            return [], arguments
        try:
            return [batch], (self._enqueue(batch),)
        except Exception:
            self._iterator = None
            return [batch], ([batch],)

    def optimizer_value(self, arguments: Arguments, variable: Any, index: int) -> Tensor:
        """Return a copy of an optimizer variable as it is before a step."""
        del arguments, index
        if self._handle is None:
            self._handle = getattr(variable.value, "handle", None)
        if self._handle is None:
            return copy([variable.value])[0]
        return tf.raw_ops.ReadVariableOp(resource=self._handle, dtype=variable.dtype)

    def hand(self, batches: Sequence[Batch]) -> Arguments:
        """Return the arguments of a step on these batches."""
        if self._spec is None:
            return (batches,)
        return (_again(batches, self._spec),)

    def _enqueue(self, batch: Batch) -> Any:
        if self._iterator is None:
            self._queue, self._iterator = _queue(self._spec)
        # The operation itself: a method of the queue takes several times as long.
        components = keras.tree.flatten(batch)
        tf.raw_ops.QueueEnqueueV2(handle=self._queue.queue_ref, components=components)
        return self._iterator


def _queue(spec: Any) -> tuple[Any, Any]:
    """Return a queue, and an iterator over what is put into it."""
    leaves = keras.tree.flatten(spec)
    queue = tf.queue.FIFOQueue(2, [leaf.dtype for leaf in leaves])

    def next_batch(_: Any) -> Batch:
        tensors = keras.tree.flatten(queue.dequeue())
        shaped = [tf.ensure_shape(t, s.shape) for t, s in zip(tensors, leaves, strict=True)]
        return keras.tree.pack_sequence_as(spec, shaped)

    one_thread = tf.data.Options()
    one_thread.threading.private_threadpool_size = 1
    # Not a counter dataset: each one leaves objects behind that are never freed.
    dataset = tf.data.Dataset.from_tensors(0).repeat().map(next_batch)
    dataset = dataset.with_options(_plain().merge(one_thread))
    variant = tf.data.experimental.to_variant(dataset)
    return queue, iter(tf.data.experimental.from_variant(variant, structure=spec))


def random_state() -> Any:
    """Return None: Keras draws on its own seeds alone."""


def set_random_state(state: Any) -> None:
    """Do nothing: Keras draws on its own seeds alone."""


@contextlib.contextmanager
def keep_hidden_state(model: Any) -> Iterator[None]:
    """Leave the variables and generators that Keras does not track as they were.

    Operations that run immediately, such as `tf.random.normal`, draw their seed on the context, and
    two of the same seed draw on the same kernel. So those in the block get other seeds.
    """
    before = [(variable, tf.identity(variable)) for variable in _untracked(model)]
    seeds = getattr(context.context(), "_rng", None)
    known = None if seeds is None else seeds.getstate()
    if seeds is not None:
        seeds.seed(_OWN_SEED)
    try:
        yield
    finally:
        if seeds is not None:
            seeds.setstate(known)
        for variable, value in before:
            variable.assign(value)


_OWN_SEED = 2_015_231  # any number that nobody else is likely to use


_HOLD_NOTHING = frozenset(
    {bool, int, float, str, type(None), types.FunctionType, types.MethodType, keras.Variable}
)


def _untracked(model: Any) -> list[Any]:
    """Return the variables of TensorFlow that layers hold as attributes, in lists or modules."""
    found: dict[int, Any] = {}
    for layer in model._flatten_layers():
        for value in vars(layer).values():
            found |= {id(one): one for one in _variables_in(value)}
    found |= {id(one): one for one in _variables_in(tf.random.get_global_generator())}
    tracked = {id(one.value) for group in groups(model) for one in group}
    return [one for key, one in found.items() if key not in tracked]


def _variables_in(value: Any) -> list[Any]:
    if type(value) in _HOLD_NOTHING:  # most values; the checks below take long, and run often
        return []
    if isinstance(value, tf.Variable):
        return [value]
    if isinstance(value, tf.random.Generator):
        return [value.state]
    if isinstance(value, dict):
        return flat(map(_variables_in, value.values()))
    if isinstance(value, list | tuple):
        return flat(map(_variables_in, value))
    is_layer = isinstance(value, keras.layers.Layer)
    return value.variables if isinstance(value, tf.Module) and not is_layer else []


def keep(value: Any) -> Callable[[], None] | None:
    """Return a function that puts a variable or a random generator back."""
    if isinstance(value, keras.Variable):
        value = value._value
    if isinstance(value, tf.random.Generator):
        value = value.state
    if not isinstance(value, tf.Variable):
        return None
    before = tf.identity(value)
    return lambda: value.assign(before)


def is_walked(value: Any) -> bool:
    """Return whether a value is a module of TensorFlow."""
    return isinstance(value, tf.Module) and not isinstance(value, tf.random.Generator)


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """Run functions operation by operation; what they write for TensorBoard is left out."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with tf.summary.record_if(False):
            yield
    finally:
        tf.config.run_functions_eagerly(before)


def hand_out(receive: Callable[[Tensor], None], tensor: Tensor) -> None:
    """Call `receive` with a tensor, unless it belongs to a graph, as that of `tf.map_fn`."""
    if not tf.is_symbolic_tensor(tensor):
        receive(tensor)


def is_recomputing() -> bool:
    """Return False: whether a gradient computes something again is not known."""
    return False


def own(tensor: Tensor) -> Tensor:
    """Return a tensor as it is: it cannot be changed in place."""
    return tensor


def dense(gradient: Any) -> Tensor:
    """Return a gradient as a tensor; that of an embedding comes as rows."""
    return tf.convert_to_tensor(gradient)


def modules_in(layer: Any) -> list[tuple[str, Any]]:
    """Return nothing: Keras wraps no modules of TensorFlow."""
    del layer
    return []


def tapped_module(
    module: Any, receive: Callable[[tuple[Any, ...], Any], None]
) -> AbstractContextManager[None]:
    """Raise: there is no such module."""
    del receive
    raise TypeError(f"Keras wraps no modules of TensorFlow. Received: {module!r}")


def is_optimizer(value: Any) -> bool:
    """Return False: the optimizers of TensorFlow are those of Keras."""
    del value
    return False


def applied_by(
    optimizer: Any, receive: Callable[[list[tuple[Tensor, Any]]], None]
) -> AbstractContextManager[None]:
    """Raise: there is no such optimizer."""
    del receive
    raise TypeError(f"TensorFlow has no optimizers of its own. Received: {optimizer!r}")


def summed_gradients(variables: Sequence[Any]) -> AbstractContextManager[None]:
    """Return a context that yields None: each gradient is computed anew."""
    del variables
    return contextlib.nullcontext()


class Sandbox(InPlaceSandbox):
    """Runs training steps and leaves no trace of them."""

    in_place = _IN_PLACE


def has_accelerator() -> bool:
    """Return whether TensorFlow has a GPU or a TPU to compute on."""
    return bool(tf.config.get_visible_devices("GPU") or tf.config.get_visible_devices("TPU"))


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` as it is: each operation is added to a graph by itself."""
    return function


def start_seconds(layers: int, is_compiled: bool) -> float:
    """Return about how long the first probe of so many layers takes, its trace included."""
    return 0.1 + (0.055 if is_compiled else 0.012) * layers


def without_gradients() -> AbstractContextManager[Any]:
    """Return a context that does nothing: gradients are only taken on a tape."""
    return contextlib.nullcontext()
