"""The loss of a constant prediction, by the model's own loss."""

import keras
from keras import ops


def read_constant(readings, model, batch, y_pred):
    """Add the loss that the model has if every example gets the mean output over the batch.

    The mean output has the form that the loss expects, whatever that is, so this works for losses
    of one's own, logits, several outputs and sequences. Of a trained classifier it gives about the
    class frequencies, of a trained regression the mean target.

    Nothing is added where `compute_loss` is not Keras' own: it may ignore `y_pred`, or cost as much
    as the network.

    Args:
        readings: The `Readings` that it is added to.
        model: A compiled model, inside the scope of a probe.
        batch: `(x, y, sample_weight)`.
        y_pred: The outputs of the model on that batch.
    """
    if type(model).compute_loss is not keras.Model.compute_loss:
        return
    x, y, sample_weight = batch
    try:
        mean = keras.tree.map_structure(MeanForAll(), y_pred)
        loss = model.compute_loss(x=x, y=y, y_pred=mean, sample_weight=sample_weight, training=True)
    except Exception:  # a loss that reads more of its arguments than their values
        return
    readings.add("loss/constant", "", ops.stop_gradient(ops.cast(loss, "float32")))


class MeanForAll(keras.layers.Layer):
    """Gives every example the mean over the batch; a layer, because that hands on Keras' masks."""

    def __init__(self):
        super().__init__(name="mean_for_all", autocast=False)  # no number of Keras is used up
        self.supports_masking = True

    def call(self, outputs):
        """Return floats of the same shape and type; others as they are."""
        outputs = ops.stop_gradient(outputs)
        if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(outputs.dtype)):
            return outputs
        mean = ops.mean(ops.cast(outputs, "float32"), axis=0, keepdims=True)
        return ops.cast(ops.broadcast_to(mean, ops.shape(outputs)), outputs.dtype)
