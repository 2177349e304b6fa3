"""The score that a search minimizes or maximizes."""

import contextlib
import functools
from dataclasses import dataclass

from keras_babysit.probes.weight_penalties import without_weight_penalties
from keras_babysit.shadow import shadowed

MAXIMIZED = ("acc", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine", "true_pos")
MINIMIZED = ("loss", "error", "mae", "mse", "rmse", "msle", "mape", "crossentropy", "divergence")
"""Parts of metric names from which the direction is inferred."""


_FUNCTION = "_test_function_without_penalties"
"""Attribute of a model that keeps its compiled function for a loss without penalties."""


@dataclass(frozen=True)
class Objective:
    """A value from `Model.evaluate`, and whether to minimize or maximize it.

    The loss is taken without weight penalties: they are the same on training and validation data,
    and a search over their strength would always choose the weakest.

    Args:
        name: `"val_loss"`, or `"val_"` and the name of a metric.
        direction: `"min"` or `"max"`.
    """

    name: str
    direction: str

    @property
    def key(self):
        """Name of the value in the logs of `Model.evaluate`."""
        return self.name.removeprefix("val_")

    @property
    def sign(self):
        """1 if a low score is good, -1 if a high score is good."""
        return 1 if self.direction == "min" else -1

    def score(self, model, examples, batch_size):
        """Return the objective of a model on `(x, y, sample_weight)`."""
        return self.evaluate(model, examples, batch_size)[self.key]

    def evaluate(self, model, examples, batch_size):
        """Return all values of `Model.evaluate` by name, the loss without weight penalties.

        Raises:
            ValueError: If the objective is not among them.
        """
        x, y, sample_weight = examples
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        options |= {"batch_size": batch_size, "verbose": 0, "return_dict": True}
        with without_weight_penalties(model) as has_any, _own_function(model, has_any):
            logs = model.evaluate(x, y, **options)
        if self.key not in logs:
            raise ValueError(
                "Argument `objective` must be one of the values that the model reports: "
                f"{[f'val_{name}' for name in logs]}. Received: objective={self.name!r}. Compile "
                "the model with that metric, or choose another objective."
            )
        return {name: float(value) for name, value in logs.items()}


@contextlib.contextmanager
def _own_function(model, is_needed):
    """Let `evaluate` use a compiled function of its own: that of `fit` includes the penalties."""
    if not is_needed:
        yield
        return
    step = functools.partial(model.test_step)  # JAX keeps what it compiled for an equal function
    function = vars(model).get(_FUNCTION)
    with shadowed(model, "test_function", function), shadowed(model, "test_step", step):
        yield
        object.__setattr__(model, _FUNCTION, model.test_function)


def read_objective(name, direction="auto"):
    """Return the `Objective` of this name, with its direction inferred for `"auto"`.

    Raises:
        ValueError: If the name does not begin with `"val_"`, or the direction is unknown.
    """
    if not isinstance(name, str) or not name.startswith("val_"):
        raise ValueError(
            'Argument `objective` must be "val_loss", or "val_" and the name of a metric, because '
            f"trials are compared on validation data. Received: objective={name!r}"
        )
    if direction not in ("auto", "min", "max"):
        raise ValueError(
            f'Argument `direction` must be "auto", "min" or "max". Received: {direction!r}'
        )
    if direction == "auto":
        direction = _direction(name.removeprefix("val_").lower())
    if direction is None:
        raise ValueError(
            "The direction of an objective must be known. Received: "
            f'objective={name!r}, direction="auto". Pass direction="min" or direction="max".'
        )
    return Objective(name, direction)


def read_refit(refit, objective, metrics):
    """Return the `Objective` by which the final model is chosen; None for the search's own choice.

    Args:
        refit: The argument of a search: True, False or the name of a metric.
        objective: The `Objective` of the search.
        metrics: All values that the model reports, by name.

    Raises:
        ValueError: If the model does not report the metric, or its direction is unknown.
    """
    if not isinstance(refit, str):
        return None
    known = sorted(f"val_{name}" for name in metrics)
    if refit not in known:
        raise ValueError(
            "Argument `refit` must be True, False, or one of the values that the model reports: "
            f"{known}. Received: refit={refit!r}"
        )
    if refit == objective.name:
        return objective
    direction = _direction(refit.removeprefix("val_").lower())
    if direction is None:
        raise ValueError(
            f"The direction of `refit` must be known. Received: refit={refit!r}. Pass it as "
            'objective with direction="min" or direction="max".'
        )
    return Objective(refit, direction)


def _direction(key):
    if any(part in key for part in MINIMIZED):
        return "min"
    return "max" if any(part in key for part in MAXIMIZED) else None
