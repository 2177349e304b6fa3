"""Every combination, cross-validated."""

import itertools

from keras_babysit.search.base_search_cv import BaseSearchCV
from keras_babysit.search.grid import cells, values_of


class GridSearchCV(BaseSearchCV):
    """Tries every combination of a finite space.

    Finite are `Choice`, `Boolean`, `Int`, and a `Float` with a `step`. Parameters that are asked
    for under a condition add their values only where it holds.

    Args:
        hypermodel: See `BaseSearchCV`.
        objective: See `BaseSearchCV`.
        max_trials: Largest number of combinations to put up with; None is any.
        **kwargs: Further arguments of `BaseSearchCV`.

    Raises:
        ValueError: When `fit` is called, before the first trial: if a `Float` has no step, or if
            there are more combinations than `max_trials`.

    Example:
        >>> def build(hp):
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     model.compile(keras.optimizers.SGD(hp.Choice("learning_rate", [0.01, 0.1])), "mse")
        ...     return model
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> search = GridSearchCV(build, objective="val_loss", cv=2, seed=0, verbose=0)
        >>> search.fit(x, x.sum(axis=1, keepdims=True), epochs=3).best_params_
        {'learning_rate': 0.1}
    """

    def __init__(self, hypermodel, *, objective, max_trials=None, **kwargs):
        super().__init__(hypermodel, objective=objective, **kwargs)
        self.max_trials = max_trials

    def _rounds(self, space):
        for dimension in space.values():
            values_of(dimension)
        limit = None if self.max_trials is None else self.max_trials + 1
        grid = list(itertools.islice(cells(self.hypermodel.build), limit))
        if self.max_trials is not None and len(grid) > self.max_trials:
            raise ValueError(
                "The grid must not have more combinations than `max_trials`. Received: "
                f"max_trials={self.max_trials}. Raise it, or take fewer values."
            )
        return [{(0, place): cell for place, cell in enumerate(grid)}]
