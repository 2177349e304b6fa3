"""Random numbers that a training step draws with a fixed seed: they are the same in each step."""

import contextlib
import importlib
import sys

import keras

from keras_babysit.shadow import shadowed

_LIBRARIES = frozenset({"keras", "torch", "tensorflow", "jax", "contextlib", "functools"})
"""Packages whose functions lie between a draw and the function that asks for it."""

_SHAPED = ("shape", "inputs", "logits", "x")
"""Names under which the random functions of Keras take a shape, or a tensor of that shape."""


@contextlib.contextmanager
def tapped_seeds(sizes, receive):
    """Let `receive` know of each draw with an integer as its seed, once per example of a batch.

    An integer gives the same numbers at each call; `None` and a `SeedGenerator` go on. Draws of
    another shape, such as that of a fixed projection, are left out, and so are initializers.

    Args:
        sizes: Numbers of examples that a batch may have.
        receive: Called with the name of the function that draws, and its seed.
    """
    module = importlib.import_module(f"keras.src.backend.{keras.backend.backend()}.random")
    inner = module.draw_seed

    def draw_seed(seed):
        if isinstance(seed, int):
            place = _place(sys._getframe(1), sizes)
            if place is not None:
                receive(place, seed)
        return inner(seed)

    with shadowed(module, "draw_seed", draw_seed):
        yield


def _place(frame, sizes):
    """Return the function outside of Keras that draws, None if it draws nothing per example."""
    is_per_example = False
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("keras.src.initializers"):
            return None
        if module.startswith("keras.src.backend"):
            is_per_example = is_per_example or _is_per_example(frame.f_locals, sizes)
        elif module.partition(".")[0] not in _LIBRARIES:
            code = frame.f_code
            return getattr(code, "co_qualname", code.co_name) if is_per_example else None
        frame = frame.f_back
    return None


def _is_per_example(known, sizes):
    for name in _SHAPED:
        shape = getattr(known.get(name), "shape", None) if name != "shape" else known.get(name)
        if shape is not None:
            # A shape that is itself a tensor of the graph follows from that of the batch.
            first = shape[0] if isinstance(shape, tuple | list) and len(shape) else shape
            return int(first) in sizes if isinstance(first, int) else bool(len(shape))
    return False
