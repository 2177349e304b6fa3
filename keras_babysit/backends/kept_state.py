"""Keeping all state that a function can reach, to run it and put everything back.

A training step of one's own changes more than the variables of its model: other models, optimizers,
metrics, generators of random numbers, buffers, lists and counters. They are found by walking from
the function: what it closes over, the globals that it names, its arguments, and the attributes of
all of these.
"""

import collections
import contextlib
import dis
import functools
import random
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from keras_babysit.backends.selected import backend
from keras_babysit.errors import UnkeepableStateError

MAX_ARRAY_BYTES = 2**24
"""Size of an array from which on it is not copied: arrays that large are data, which no step
writes to."""

MAX_WALKED_ENTRIES = 10_000
"""Entries of a list or dictionary above which they are kept, but not walked through: examples."""

_KERAS_KINDS = (
    keras.layers.Layer,
    keras.metrics.Metric,
    keras.optimizers.Optimizer,
    keras.losses.Loss,
    keras.random.SeedGenerator,
    keras.optimizers.schedules.LearningRateSchedule,
)
_LIBRARIES = frozenset(
    {
        *("keras", "tensorflow", "tensorflow_probability", "torch", "jax", "jaxlib", "numpy"),
        *("scipy", "sklearn", "pandas", "matplotlib", "keras_babysit", "pytest", "_pytest", "tqdm"),
        *sys.stdlib_module_names,
    }
) - {"__main__"}
"""Packages whose functions and classes are not walked through; their objects as said below."""

_ATOMS = (
    *(bool, int, float, complex, str, bytes, type(None), type, range, slice),
    *(types.ModuleType, types.BuiltinFunctionType, np.dtype, np.generic),
)
_NOT_WALKED = frozenset(
    {
        *("train_function", "test_function", "predict_function", "history"),
        *("_inbound_nodes", "_outbound_nodes", "_functional_backup_state"),
        "_eval_epoch_iterator",  # of the validation data, which `fit` keeps on the model
    }
)
"""Attributes of models and layers that no training step changes."""

_OF_GLOBALS = frozenset({"LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME", "STORE_NAME"})
"""Instructions whose argument is the name of a global; the last two in the body of a class."""

_SEEDS = "global_seed_generator"


class KeptState:
    """Everything that can be reached from some objects, as it is when this is made.

    Args:
        roots: Functions and objects to start from.
        known: Objects that are left alone, since they are kept in another way or do not change.
        is_pass: Whether the objects are used in a pass through a model only: an iterator in an
            attribute that such a pass does not read is then left alone.

    Attributes:
        optimizers: The Keras optimizers that were found, and those of the backend itself.
        metrics: The Keras metrics that were found.

    Raises:
        UnkeepableStateError: If an iterator, a generator or an open file can be reached, which
            cannot be put back.
    """

    def __init__(self, *roots: Any, known: Iterable[Any] = (), is_pass: bool = False) -> None:
        self.optimizers: list[Any] = []
        self.metrics: list[Any] = []
        self._is_pass = is_pass
        self._seen: dict[int, Any] = {id(one): one for one in known}
        self._classes: set[type] = set()
        self._put_back: list[Callable[[], None]] = []
        self._waiting = collections.deque(roots)
        self._seeds = global_state.get_global_attribute(_SEEDS)
        self._waiting.append(self._seeds)
        while self._waiting:
            self._visit(self._waiting.popleft())

    def put_back(self) -> None:
        """Put everything back."""
        for one in reversed(self._put_back):
            one()
        if self._seeds is None:
            global_state.set_global_attribute(_SEEDS, None)

    def _visit(self, value: Any) -> None:
        if isinstance(value, _ATOMS) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        put_back = _kept_value(value) or backend.keep(value)
        if put_back is not None:
            self._put_back.append(put_back)
        if isinstance(value, keras.optimizers.Optimizer) or backend.is_optimizer(value):
            self.optimizers.append(value)
        if isinstance(value, keras.metrics.Metric):
            self.metrics.append(value)
        self._walk(value)

    def _walk(self, value: Any) -> None:
        """Go on to what a value holds."""
        if isinstance(value, keras.Variable | keras.callbacks.Callback | keras.KerasTensor):
            return
        if isinstance(value, dict | list | set | tuple | collections.deque):
            self._visit_container(value)
        elif isinstance(value, types.FunctionType):
            self._visit_function(value)
        elif isinstance(value, types.MethodType):
            self._waiting += (value.__self__, value.__func__)
        elif isinstance(value, functools.partial):
            self._waiting += (value.func, value.args, value.keywords)
        elif isinstance(value, Iterator):
            raise UnkeepableStateError(
                f"A training step must not hold an iterator to be measured. Received: {value!r}"
            )
        else:
            self._visit_object(value)

    def _visit_container(self, value: Any) -> None:
        value = _unwrapped(value)
        if not isinstance(value, tuple):
            self._put_back.append(_kept_container(value))
        if len(value) <= MAX_WALKED_ENTRIES:
            self._waiting.extend(value.values() if isinstance(value, dict) else value)

    def _visit_function(self, function: Any) -> None:
        self._waiting.append(getattr(function, "__wrapped__", None))
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # a cell that is still empty
                self._put_back.append(functools.partial(_put_into, cell, cell.cell_contents))
                self._waiting.append(cell.cell_contents)
        if _package(function) in _LIBRARIES:
            return
        known = function.__globals__
        for name in _names_in(function.__code__):
            if name in known:
                self._put_back.append(functools.partial(_put_item, known, name, known[name]))
                self._waiting.append(known[name])
        self._waiting += (function.__defaults__, function.__kwdefaults__)

    def _visit_object(self, value: Any) -> None:
        if callable(value):
            # A `tf.function`, and what `jax.jit` returns, hold the function that they compile.
            self._waiting.append(getattr(value, "python_function", None))
            self._waiting.append(getattr(value, "__wrapped__", None))
        if not hasattr(value, "__dict__") or not _holds_state(value):
            return
        namespace = vars(value)
        self._put_back.append(functools.partial(_put_attributes, namespace, dict(namespace)))
        idle = _NOT_WALKED | (_idle_iterators(value) if self._is_pass else frozenset())
        self._waiting += [one for name, one in namespace.items() if name not in idle]
        for kind in type(value).__mro__:
            if _package(kind) not in _LIBRARIES and kind not in self._classes:
                self._classes.add(kind)
                self._waiting += [_function_of(one) for one in vars(kind).values()]


@contextlib.contextmanager
def kept_state(
    *roots: Any, known: Iterable[Any] = (), is_pass: bool = False
) -> Iterator[KeptState]:
    """Leave everything that can be reached from some objects as it was.

    Args:
        roots: Functions and objects to start from.
        known: Objects that are left alone, see `KeptState`.
        is_pass: Whether they are used in a pass through a model only, see `KeptState`.

    Example:
        >>> counts = [0]
        >>> with kept_state(counts):
        ...     counts[0] += 1
        >>> counts
        [0]
    """
    kept = KeptState(*roots, known=known, is_pass=is_pass)
    try:
        yield kept
    finally:
        kept.put_back()


def _package(thing: Any) -> str:
    return (getattr(thing, "__module__", None) or "builtins").partition(".")[0]


def _holds_state(value: Any) -> bool:
    if isinstance(value, _KERAS_KINDS) or backend.is_walked(value):
        return True
    kind = type(value)
    is_tracker = kind.__name__ == "Tracker" and _package(kind) == "keras"
    return is_tracker or _package(kind) not in _LIBRARIES


def is_own(value: Any) -> bool:
    """Return whether an object, or a function, is of the user's and not of a library.

    Example:
        >>> is_own(keras.ops.relu), is_own([1, 2]), is_own(3)
        (False, False, False)
    """
    if isinstance(value, types.FunctionType):
        return _package(value) not in _LIBRARIES
    if isinstance(value, types.MethodType):
        return is_own(value.__func__)
    if isinstance(value, functools.partial):
        return is_own(value.func)
    kind = type(value)
    known = _are_own.get(kind)
    if known is None:
        is_free = not issubclass(kind, _ATOMS) and _package(kind) != "builtins"
        known = _are_own[kind] = is_free and _package(kind) not in _LIBRARIES
    return known


_are_own: "weakref.WeakKeyDictionary[type, bool]" = weakref.WeakKeyDictionary()


def _idle_iterators(value: Any) -> frozenset[str]:
    """Return the attributes that hold iterators and that no pass through an object reads.

    A pass through a layer starts at its `call`, and at the `compute_loss` of a model; in other
    objects it may start at any method but the constructor.
    """
    held = {name for name, one in vars(value).items() if isinstance(one, Iterator)}
    if not held:
        return frozenset()
    names: dict[str, set[str]] = {}
    for kind in type(value).__mro__:
        if _package(kind) not in _LIBRARIES:
            for name, member in vars(kind).items():
                function = _function_of(member)
                if isinstance(function, types.FunctionType):
                    names.setdefault(name, set()).update(_attributes_in(function.__code__))
    is_layer = isinstance(value, keras.layers.Layer)
    waiting = list(_STARTS if is_layer else names.keys() - {"__init__"})
    read: set[str] = set()
    while waiting:
        found = names.pop(waiting.pop(), set())
        read |= found
        waiting += found & names.keys()
    return frozenset(held - read)


_STARTS = ("call", "__call__", "compute_loss", "compute_mask")
"""The methods of a layer at which a pass through it starts."""


def _attributes_in(code: types.CodeType) -> set[str]:
    inner = (one for one in code.co_consts if isinstance(one, types.CodeType))
    return set(code.co_names).union(*map(_attributes_in, inner))


@functools.lru_cache(maxsize=1024)
def _names_in(code: types.CodeType) -> frozenset[str]:
    """Return the names of the globals that code reads or writes.

    `co_names` has the names of attributes too: `model.losses` does not reach a global `losses`.
    """
    names = {one.argval for one in dis.get_instructions(code) if one.opname in _OF_GLOBALS}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_in(constant)
    return frozenset(names)


def _function_of(member: Any) -> Any:
    """Return the function behind a member of a class, None for other members."""
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    if isinstance(member, property):
        member = member.fget
    is_compiled = hasattr(member, "python_function") or hasattr(member, "__wrapped__")
    return member if isinstance(member, types.FunctionType) or is_compiled else None


def _kept_value(value: Any) -> Callable[[], None] | None:
    """Return what puts an array or a generator of random numbers back."""
    if isinstance(value, np.random.Generator):
        drawn = value.bit_generator.state
        return lambda: setattr(value.bit_generator, "state", drawn)
    if isinstance(value, np.random.RandomState):
        known = value.get_state()
        return lambda: value.set_state(known)
    if isinstance(value, random.Random):
        before = value.getstate()
        return lambda: value.setstate(before)
    if isinstance(value, np.ndarray) and value.flags.writeable and value.nbytes <= MAX_ARRAY_BYTES:
        entries = value.copy()
        return lambda: np.copyto(value, entries)
    return None


def _unwrapped(value: Any) -> Any:
    """Return the list or dictionary inside one that TensorFlow tracks."""
    if type(value).__name__ == "ListWrapper":
        return value._storage
    return getattr(value, "__wrapped__", value)


def _kept_container(value: Any) -> Callable[[], None]:
    """Return what puts the entries of a list, dictionary, set or deque back.

    Not by the methods of a subclass: those of Keras track what is put in.
    """
    if isinstance(value, dict):
        before = dict(value)
        return lambda: None if _is_same(value, before) else _refill(value, before)
    entries = list(value)
    if isinstance(value, list):
        return lambda: list.__setitem__(value, slice(None), entries)
    kind = set if isinstance(value, set) else collections.deque

    def put_back() -> None:
        kind.clear(value)
        for entry in entries:
            (set.add if kind is set else collections.deque.append)(value, entry)

    return put_back


def _is_same(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return len(now) == len(before) and all(
        key in before and before[key] is value for key, value in now.items()
    )


def _refill(value: dict[Any, Any], before: dict[Any, Any]) -> None:
    kind = collections.OrderedDict if isinstance(value, collections.OrderedDict) else dict
    kind.clear(value)
    for key, entry in before.items():
        kind.__setitem__(value, key, entry)


def _put_into(cell: Any, contents: Any) -> None:
    if cell.cell_contents is not contents:
        cell.cell_contents = contents


def _put_item(known: dict[Any, Any], name: str, value: Any) -> None:
    if known.get(name) is not value:
        known[name] = value


def _put_attributes(now: dict[Any, Any], before: dict[Any, Any]) -> None:
    if not _is_same(now, before):
        now.clear()
        now.update(before)
