"""The one batch size that a model takes, where it does not take any."""

FEWEST = 8
"""Examples of one pass that tell something of a network: of fewer, the loss is that of one or two
examples, and most units look dead. Where a model takes any number, kept examples are joined."""


class BatchSize:
    """Knows the one batch size of a model, from its inputs or from passes that failed.

    A stateful recurrent layer is built for one. Layers that mix the examples of a batch, as those
    of a graph, take no other number than the steps have, though their inputs do not say so.

    Args:
        model: A `keras.Model`.

    Attributes:
        only: The batch size, None as long as the model seems to take any.
    """

    def __init__(self, model):
        self.only = self._built_for = _built_for(model)
        self._went_well = 0

    @property
    def tells_too_little(self):
        """Whether it is too small for a probe."""
        return self.only is not None and self.only < FEWEST

    def note(self, size):
        """Note that a pass over so many examples went well."""
        self._went_well = size

    def settle(self, failed, steps=0):
        """Settle for a size after a pass failed; return whether that is worth another try.

        Args:
            failed: Examples of the pass that failed.
            steps: Examples of a training step, 0 if that is not known.
        """
        size = self._went_well or (steps if steps >= FEWEST else 0)
        if self.only is not None or size in (0, failed):
            return False
        self.only = size
        return True

    def unsettle(self):
        """Take back what was settled for: it went no better."""
        self.only = self._built_for


def _built_for(model):
    """Return the batch size that a model is built for, None if it takes any."""
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()]
    return next((size for size in sizes if size is not None), None)
