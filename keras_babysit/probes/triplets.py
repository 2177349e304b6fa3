"""Which two of three calls of a network are closer."""

from keras import ops


def pair_order(three):
    """Return the fraction of examples whose first and second entry are closer than first and third.

    Args:
        three: Three tensors of the same shape, `(batch_size, ...)`.

    Returns:
        A scalar; ties count half. None unless these are three tensors with two numbers or more for
        each example.

    Example:
        >>> import numpy as np
        >>> first, second = np.zeros((2, 3)), np.array([[1.0, 1, 1], [3, 3, 3]])
        >>> float(pair_order((first, second, np.full((2, 3), 2.0))))
        0.5
    """
    shapes = [tuple(getattr(one, "shape", ())) for one in three]
    if shapes[0] != shapes[1] or shapes[0] != shapes[2] or len(shapes[0]) < 2:
        return None
    inner = shapes[0][1:]
    if None in inner or all(size == 1 for size in inner):
        return None
    first, second, third = (ops.stop_gradient(ops.cast(one, "float32")) for one in three)
    axes = list(range(1, len(shapes[0])))
    near, far = (ops.sum(ops.square(first - one), axis=axes) for one in (second, third))
    closer = ops.cast(near < far, "float32") + 0.5 * ops.cast(near == far, "float32")
    return ops.mean(closer)
