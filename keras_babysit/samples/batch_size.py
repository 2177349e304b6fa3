"""The only batch size that a model accepts, if it does not accept any."""

import keras

MIN_PROBE_EXAMPLES = 8
"""Examples that one pass needs to say something about a network: with fewer, the loss is that of
one or two examples, and most units look dead. Where a model takes any number, the examples of
several batches are joined."""


class BatchSize:
    """Keeps the only batch size of a model, known from its inputs or from passes that failed.

    A stateful recurrent layer is built for one batch size. Layers that mix the examples of a batch,
    as graph layers do, accept only the number that the steps have, though their inputs do not say
    so.

    Args:
        model: A `keras.Model`.

    Attributes:
        only: The batch size, None as long as the model seems to accept any.
    """

    def __init__(self, model: keras.Model) -> None:
        self.only = self._built_for = _built_for(model)
        self._succeeded = 0

    @property
    def is_too_small(self) -> bool:
        """Whether the only batch size is too small for a probe."""
        return self.only is not None and self.only < MIN_PROBE_EXAMPLES

    def note(self, size: int) -> None:
        """Record that a pass over `size` examples succeeded."""
        self._succeeded = size

    def settle(self, failed: int, steps: int = 0) -> bool:
        """Choose a size after a pass failed; return whether another try with it makes sense.

        Args:
            failed: Number of examples of the pass that failed.
            steps: Number of examples of a training step, 0 if that is not known.
        """
        size = self._succeeded or (steps if steps >= MIN_PROBE_EXAMPLES else 0)
        if self.only is not None or size in (0, failed):
            return False
        self.only = size
        return True

    def unsettle(self) -> None:
        """Undo `settle`, after a pass of that size failed as well."""
        self.only = self._built_for


def _built_for(model: keras.Model) -> int | None:
    """Return the batch size that a model is built for, None if it accepts any.

    Keras builds a `Sequential` without an `Input` for the size of the first batch, and that model
    accepts other sizes as well, unless a layer keeps one state per example of a batch.
    """
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()]
    is_declared = not isinstance(model, keras.Sequential) or any(
        getattr(layer, "stateful", False) for layer in model.layers
    )
    return next((size for size in sizes if size is not None), None) if is_declared else None
