"""Build what Keras would build in its first step, so that it exists before that step.

On JAX and PyTorch `fit` builds it before the first callback; on TensorFlow while it traces its
train function.
"""

import contextlib

import keras
from keras import ops

from keras_babysit.backends.untouched import untouched_by_building
from keras_babysit.probes import taps
from keras_babysit.shadow import shadowed


def build_optimizer(model):
    """Build the optimizer of a functional or sequential model."""
    is_waiting = model.optimizer is not None and not model.optimizer.built
    if is_waiting and _outputs(model) is not None:
        model.optimizer.build(model.trainable_variables)


def build(model, batch, *, is_required=False):
    """Build metrics, loss, optimizer and unbuilt layers, for batches like `batch`.

    Args:
        model: A `keras.Model`.
        batch: `(x, y, sample_weight)`.
        is_required: Whether to raise what prevents a layer from being built.

    Returns:
        Whether all layers are built. Those of a model without a `call`, such as a GAN, or with
        ragged inputs may be built by its first step only.
    """
    try:
        with untouched_by_building(model), _without_layers(model):
            model._symbolic_build(data_batch=batch)
    except Exception:
        is_built = taps.are_built(model)
        if is_required and not is_built:
            raise
        return is_built
    return True


@contextlib.contextmanager
def _without_layers(model):
    """Let the model return zeros like its outputs, if their shapes are known.

    Metrics and losses only need shapes, and going through the layers of a large network takes long.
    """
    outputs = _outputs(model)
    if outputs is None:
        yield
        return

    def call(inputs, training=None, mask=None):
        examples = ops.shape(keras.tree.flatten(inputs)[0])[0]
        return keras.tree.map_structure(
            lambda one: ops.zeros((examples, *one.shape[1:]), one.dtype), outputs
        )

    with shadowed(model, "call", call):  # Keras' own checks its input
        yield


def _outputs(model):
    """Return the symbolic outputs of a model, None unless all axes but the first are known.

    Those of a subclassed model, which has a `call` of its own, are only known when it is called.
    """
    has_own_call = "call" in vars(model) or not type(model).call.__module__.startswith("keras.")
    flat = getattr(model, "outputs", None)
    if has_own_call or not flat:
        return None
    if any(None in one.shape[1:] or one.sparse or one.ragged or not one.shape for one in flat):
        return None
    return flat[0] if isinstance(model, keras.Sequential) else model.output
