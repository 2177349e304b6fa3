"""Build what Keras would build in its first step, so that it is there before that step.

On JAX and PyTorch `fit` has done so before the first callback; on TensorFlow it waits for the
trace of its train function.
"""

import contextlib

import keras
from keras import ops

from keras_babysit.probes import taps
from keras_babysit.shadow import shadowed


def build_optimizer(model):
    """Build the optimizer of a model whose layers Keras has put together itself."""
    is_waiting = model.optimizer is not None and not model.optimizer.built
    if is_waiting and _outputs(model) is not None:
        model.optimizer.build(model.trainable_variables)


def build(model, batch):
    """Build metrics, loss and optimizer, and layers that are not, for batches like `batch`."""
    try:
        with _without_layers(model):
            model._symbolic_build(data_batch=batch)
    except Exception:
        if not all(layer.built for layer in taps.leaves(model)):
            raise
        # A model without a `call`, as a GAN, or data that do not fit it: what is its own is there.


@contextlib.contextmanager
def _without_layers(model):
    """Have the model return zeros like its outputs, if their shapes are known.

    Metrics and losses are built on no more than shapes, and to go through the layers for those
    takes long in a large network.
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

    with shadowed(model, "call", call):  # Keras' own would look at what it is given
        yield


def _outputs(model):
    """Return the symbolic outputs of a model, None unless their shapes are known but for one axis.

    Those of a subclassed model, which has a `call` of its own, show when it is called.
    """
    has_own_call = "call" in vars(model) or not type(model).call.__module__.startswith("keras.")
    flat = getattr(model, "outputs", None)
    if has_own_call or not flat:
        return None
    if any(None in one.shape[1:] or one.sparse or one.ragged or not one.shape for one in flat):
        return None
    return flat[0] if isinstance(model, keras.Sequential) else model.output
