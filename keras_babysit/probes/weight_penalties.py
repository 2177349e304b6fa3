"""The penalties of weight regularizers: their sum, and the loss without them."""

import contextlib

from keras import ops

from keras_babysit.shadow import shadowed


def weight_penalty(model):
    """Return the sum of the weight regularizers, in float32."""
    penalty = ops.zeros((), "float32")
    for variable in model.trainable_variables:
        if variable.regularizer is not None:
            penalty = penalty + ops.cast(ops.sum(variable.regularizer(variable)), "float32")
    return penalty


@contextlib.contextmanager
def without_weight_penalties(model):
    """Let weight regularizers cost nothing inside the `with` block.

    A loss without penalties is computed without them: the difference of the whole loss and the
    penalty is nothing but rounding where weights diverge. Of a penalty of 1e20 the spacing of
    float32 is 9e12. The regularizers of layers, which code of one's own may call, return 0.

    Args:
        model: A built model.

    Yields:
        Whether the model has any.
    """
    penalized = [v for v in model.trainable_variables if v.regularizer is not None]
    with contextlib.ExitStack() as stack:
        for variable in penalized:
            stack.enter_context(shadowed(variable, "_regularizer", None))
        for layer in model._flatten_layers() if penalized else ():
            for name, value in list(vars(layer).items()):
                is_of_weights = name.endswith("regularizer") and name != "activity_regularizer"
                if is_of_weights and callable(value):
                    stack.enter_context(shadowed(layer, name, _nothing))
        yield bool(penalized)


def _nothing(weights):
    return ops.zeros((), weights.dtype)
