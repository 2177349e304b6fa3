"""What a search makes small or large, and how it is read off a model."""

from dataclasses import dataclass

from keras import ops

from keras_babysit.probes.probe import weight_penalty

RISING = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine", "true_pos")
FALLING = ("loss", "error", "mae", "mse", "rmse", "msle", "mape", "crossentropy", "divergence")
"""Parts of names of metrics by which their direction is known."""


@dataclass(frozen=True)
class Objective:
    """A quantity that `evaluate` returns, and which way is better.

    The loss is taken without the penalties on weights: they are equal on training and validation
    data, say nothing about how well it generalises, and would draw the search towards none.

    Args:
        name: `"val_loss"` or `"val_"` and the name of a metric.
        direction: `"min"` or `"max"`.
    """

    name: str
    direction: str

    @property
    def key(self):
        """The name under which `evaluate` returns it."""
        return self.name.removeprefix("val_")

    @property
    def sign(self):
        """1 if low is good, -1 if high is."""
        return 1 if self.direction == "min" else -1

    def score(self, model, examples, batch_size):
        """Return the objective of a model on `(x, y, sample_weight)`."""
        x, y, sample_weight = examples
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        found = model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True, **options)
        return self.read(model, found)

    def read(self, model, logs):
        """Return the objective from what `evaluate` returned.

        Raises:
            ValueError: If it is not there.
        """
        if self.key not in logs:
            raise ValueError(
                f"Argument `objective` must be one of {[f'val_{name}' for name in logs]}, which "
                f"the model logs. Received: objective={self.name!r}. Compile the model with that "
                "metric, or choose another."
            )
        value = float(logs[self.key])
        if self.key != "loss":
            return value
        return value - float(ops.convert_to_numpy(weight_penalty(model)))


def read_objective(name, direction="auto"):
    """Return the `Objective` of a name; its direction is read off the name where that tells.

    Raises:
        ValueError: If the name does not begin with `val_`, or the direction is unknown.
    """
    if not isinstance(name, str) or not name.startswith("val_"):
        raise ValueError(
            'Argument `objective` must be "val_loss" or "val_" and the name of a metric: trials '
            f"are compared on examples that they were not trained on. Received: objective={name!r}"
        )
    if direction not in ("auto", "min", "max"):
        raise ValueError(
            f'Argument `direction` must be "auto", "min" or "max". Received: {direction!r}'
        )
    if direction == "auto":
        direction = _direction(name.removeprefix("val_").lower())
    if direction is None:
        raise ValueError(
            "The direction of a metric must be known. Received: "
            f'objective={name!r}, direction="auto". Give direction="min" or "max".'
        )
    return Objective(name, direction)


def _direction(key):
    if any(part in key for part in FALLING):
        return "min"
    return "max" if any(part in key for part in RISING) else None
