"""What a pass of our own must not move: random states, and state that Keras does not track.

Variables that Keras tracks change inside a `keras.StatelessScope` only. A layer may hold more than
these: a `tf.Variable`, a `tf.random.Generator`, the buffers of a PyTorch module, a step counter.
"""

import contextlib
import random
import sys
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random import seed_generator
from keras.src.utils import rng_utils

from keras_babysit.backends import backend
from keras_babysit.backends.kept_state import is_own, kept_state
from keras_babysit.backends.variables import flat, groups, optimizers


@contextlib.contextmanager
def untouched_random_state() -> Iterator[None]:
    """Leave every global random state as it was: Python's, numpy's and the backend's."""
    python, arrays, drawn = random.getstate(), np.random.get_state(), backend.random_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
        backend.set_random_state(drawn)


def _seeds_of(context: Any) -> dict[str, Any]:
    """Return TensorFlow's seed and its generator, which does not exist before its first use."""
    return {name: getattr(context, name) for name in ("_seed", "_rng") if hasattr(context, name)}


@contextlib.contextmanager
def untouched_seeds() -> Iterator[None]:
    """Leave every seed as it was too, where the block calls `keras.utils.set_random_seed`.

    Keras sets TensorFlow's seed wherever TensorFlow is imported. The counters of the names that
    Keras gives to layers are put back as well: models of ours do not number those of the user.
    """
    names = (rng_utils.GLOBAL_RANDOM_SEED, seed_generator.GLOBAL_SEED_GENERATOR)
    seeds = {name: global_state.get_global_attribute(name) for name in names}
    counted = dict(global_state.get_global_attribute("object_name_uids") or {})
    eager = sys.modules.get("tensorflow.python.eager.context")
    context = eager.context() if eager else None
    drawn = _seeds_of(context)
    with untouched_random_state():
        try:
            yield
        finally:
            for name, value in seeds.items():
                global_state.set_global_attribute(name, value)
            uids = global_state.get_global_attribute("object_name_uids")
            if uids is not None:
                uids.clear()
                uids.update(counted)
            for name in _seeds_of(context):
                delattr(context, name)
            for name, value in drawn.items():
                setattr(context, name, value)


@contextlib.contextmanager
def untouched_state(model: Any) -> Iterator[None]:
    """Leave what a pass through `model` can reach besides Keras' variables as it was.

    These are the global random states, the variables, generators and buffers of the backend that
    layers hold, and their attributes that are numbers, tensors or arrays. Of layers, losses and
    functions of the user's it is everything that they can reach, as `KeptState` finds it.

    Args:
        model: A built `keras.Model`.

    Raises:
        UnkeepableStateError: If a layer or a loss of the user's reads from an iterator.
    """
    layers = model._flatten_layers()
    attributes = [(layer, _plain_attributes(layer)) for layer in layers]
    with contextlib.ExitStack() as stack:
        own = _of_the_user(model, layers)
        if own:
            known = _kept_elsewhere(model, layers, own)
            stack.enter_context(kept_state(*own, known=known, is_pass=True))
        stack.enter_context(untouched_random_state())
        stack.enter_context(backend.keep_hidden_state(model))
        try:
            yield
        finally:
            for layer, before in attributes:
                _put_back(layer, before)


@contextlib.contextmanager
def untouched_by_building(model: Any) -> Iterator[None]:
    """Leave what is built already as it was, where Keras builds the rest of a model.

    To know their shapes Keras calls losses, penalties and layers once more.

    Args:
        model: A `keras.Model` that is compiled; its layers may not be built.
    """
    layers = [one for one in model._flatten_layers() if one.built]
    attributes = [(layer, _plain_attributes(layer)) for layer in layers]
    own = [one for one in _of_the_user(model, layers) if one is not model]
    known = _kept_elsewhere(model, [*model._flatten_layers()], own)
    with contextlib.ExitStack() as stack:
        if own:
            stack.enter_context(kept_state(*own, known=known, is_pass=True))
        stack.enter_context(untouched_random_state())
        try:
            yield
        finally:
            for layer, before in attributes:
                _put_back(layer, before)


def _of_the_user(model: Any, layers: Sequence[Any]) -> list[Any]:
    """Return the layers of the user's, and the objects of the user's that other layers hold."""
    found = [one for one in keras.tree.flatten(getattr(model, "loss", None)) if is_own(one)]
    for layer in layers:
        if is_own(layer):
            found.append(layer)
        else:
            found += [one for one in _held(layer) if _may_be_own(one)]
    return found


def _held(layer: Any) -> Iterator[Any]:
    """Yield the attributes of a layer, and what lists and dictionaries among them hold."""
    for value in vars(layer).values():
        if type(value) is dict:
            yield from value.values()
        elif type(value) is list:
            yield from value
        else:
            yield value


def _may_be_own(value: Any) -> bool:
    kind = type(value)
    if kind in _NEVER_OWN or kind.__name__ == _PARAMETERS or isinstance(value, keras.layers.Layer):
        return is_own(value)
    return is_own(value) or backend.is_walked(value)


_PARAMETERS = "ParameterDict"
"""Where PyTorch keeps the variables of a layer of Keras, which a pass does not move."""


_NEVER_OWN = frozenset({bool, int, float, str, type(None), list, dict, tuple, set})
"""Types of most attributes, to tell them at once."""


def _kept_elsewhere(model: Any, layers: Sequence[Any], own: Sequence[Any]) -> list[Any]:
    """Return what is left alone: variables, which passes do not move, and layers of libraries."""
    variables = flat(groups(model))
    start = {id(one) for one in own}
    others = [one for one in (model, *layers, *optimizers(model)) if id(one) not in start]
    return [*variables, *(one._value for one in variables), *others]


def _plain_attributes(layer: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(layer).items() if _is_plain(value)}


_are_plain: "weakref.WeakKeyDictionary[type, bool]" = weakref.WeakKeyDictionary()


def _is_plain(value: Any) -> bool:
    """Return whether an attribute is a number, a tensor or an array; that depends on its type."""
    kind = type(value)
    known = _are_plain.get(kind)
    if known is None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_array = isinstance(value, np.ndarray) or keras.ops.is_tensor(value)
        known = _are_plain[kind] = bool(is_number or is_array)
    return known


def _put_back(layer: Any, before: dict[str, Any]) -> None:
    now = vars(layer)
    for name, value in before.items():
        if now.get(name, value) is not value:
            object.__setattr__(layer, name, value)  # past the tracking of Keras
