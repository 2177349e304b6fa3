"""Whether the outputs of a model are still numbers."""

import keras
import numpy as np

from keras_babysit.backends import to_array


def outputs_are_lost(outputs):
    """Return whether some output is NaN or infinite.

    A loss may hide it: one that leaves out what is not finite is 0, and a hinge is 0 at infinity.
    So may a metric: the class of a row of NaN is 0, and an accuracy is then the fraction of that
    class. Minus infinity does not count: it is the logit of a class that is left out on purpose.

    Args:
        outputs: Nested arrays or tensors.

    Example:
        >>> outputs_are_lost({"a": np.zeros(2), "b": np.array([1.0, np.nan])})
        True
        >>> outputs_are_lost(np.array([0.5, -np.inf]))
        False
    """
    leaves = (to_array(leaf) for leaf in keras.tree.flatten(outputs) if leaf is not None)
    return any(_is_lost(leaf) for leaf in leaves)


def _is_lost(leaf):
    return leaf.dtype.kind == "f" and bool((np.isnan(leaf) | np.isposinf(leaf)).any())
