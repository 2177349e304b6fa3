"""Which variables and which loss a model has, and whether they are still the same ones."""

from typing import Any

from keras_babysit.backends.protocol import Values


class Layout:
    """The variables and the compiled loss of a model at one moment.

    A callback may freeze layers, compile the model again or add a metric while `fit` runs. What was
    traced for the model as it was then fits no more.

    Args:
        model: A built `keras.Model`.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> layout = Layout(model)
        >>> layout.is_current, layout.has_same_weights
        (True, True)
        >>> model.layers[0].trainable = False
        >>> layout.is_current, layout.has_same_weights
        (False, False)
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._loss: Any
        self._weights, self._others, self._loss, self._metrics = _parts(model)

    @property
    def has_same_weights(self) -> bool:
        """Whether the trainable variables are the same ones."""
        return _are_same(self._weights, self._model.trainable_variables)

    @property
    def has_same_loss(self) -> bool:
        """Whether the model was not given another loss."""
        return _parts(self._model)[2] is self._loss

    @property
    def is_current(self) -> bool:
        """Whether variables, loss and metrics are the same ones."""
        weights, others, loss, metrics = _parts(self._model)
        return (
            loss is self._loss
            and metrics is self._metrics
            and _are_same(self._weights, weights)
            and _are_same(self._others, others)
        )

    def fits(self, state: Values) -> bool:
        """Return whether there is a value for each variable.

        On JAX `fit` keeps the values of an epoch, and those do not know what came in between.

        Args:
            state: Values as `backend.state` returns them.
        """
        return len(state[0]) == len(self._weights) and len(state[1]) == len(self._others)


def _parts(
    model: Any,
) -> tuple[list[Any], list[Any], Any, Any]:
    others = [*model.non_trainable_variables, *model.metrics_variables]
    loss, metrics = (getattr(model, name, None) for name in ("_compile_loss", "_compile_metrics"))
    return list(model.trainable_variables), others, loss, metrics


def _are_same(first: list[Any], second: list[Any]) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))
