"""Grid search."""

import itertools

from keras_babysit.search.base_search_cv import BaseSearchCV
from keras_babysit.search.grid import grid_cells, grid_values
from keras_babysit.search.phases import NEW, REPEAT, Phase


class GridSearchCV(BaseSearchCV):
    """Grid search with cross-validation: one trial for each combination of values.

    The space must be finite: `Choice`, `Boolean`, `Int`, and `Float` with a `step`. A conditional
    hyperparameter adds combinations only where its condition holds. What a hypermodel's own `fit`
    asks for is part of the grid: before the first trial `fit` is called once per combination with a
    model whose `fit` returns at once, with an empty history.

    Args:
        hypermodel: See `BaseSearchCV`.
        objective: See `BaseSearchCV`.
        max_trials: Largest number of combinations to accept; None for no limit.
        **kwargs: Further arguments of `BaseSearchCV`.

    Raises:
        ValueError: In `fit`, before the first trial: if a `Float` has no step, or if there are more
            combinations than `max_trials`. In a trial: if it asks for a hyperparameter that was not
            asked for before the first one.

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

    def _phases(self, space, ask, rungs):
        for dimension in space.values():
            grid_values(dimension)
        limit = None if self.max_trials is None else self.max_trials + 1
        grid = list(itertools.islice(grid_cells(ask), limit))
        if self.max_trials is not None and len(grid) > self.max_trials:
            raise ValueError(
                "The grid must have at most `max_trials` combinations. Received: "
                f"max_trials={self.max_trials}, and more combinations than that. Raise "
                "`max_trials`, or search fewer values."
            )
        cells = Phase(NEW, 0, 0, len(grid), grid, is_exhaustive=True)
        repeats = [Phase(REPEAT, 0, 0, self.reruns)] if self.reruns else []
        return [cells, *repeats]
