"""All combinations of a search space, including conditional ones."""

from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.space import Choice
from keras_babysit.search.suggest import parameter_name, stored


def grid_cells(ask):
    """Yield the hyperparameters of each cell of the grid, in the form in which Optuna stores them.

    The function is run once per cell. Each time it receives the next combination of values,
    so later hyperparameters may depend on the values of earlier ones.

    Args:
        ask: Function that asks the `HyperParameters` that it is called with for values, such as a
            build function. Exceptions from it are ignored here: they are raised again when the
            trial of that cell runs.

    Raises:
        ValueError: If a dimension has infinitely many values.

    Example:
        >>> def build(hp):
        ...     if hp.Choice("optimizer", ["adam", "sgd"]) == "sgd":
        ...         hp.Choice("momentum", [0.0, 0.9])
        >>> list(grid_cells(build))[1:]
        [{'optimizer': 'sgd', 'momentum': 0.0}, {'optimizer': 'sgd', 'momentum': 0.9}]
    """
    path = []  # for each value asked for, the index of the value that is returned
    while True:
        asked = []
        _ask_for_cell(ask, path, asked)
        del path[len(asked) :]
        yield {
            parameter_name(dimension): stored(dimension, values[index])
            for index, (dimension, values) in zip(path, asked, strict=True)
        }
        while path and path[-1] + 1 == len(asked[len(path) - 1][1]):
            path.pop()
        if not path:
            return
        path[-1] += 1


def grid_values(dimension):
    """Return the values of a dimension in a grid, as a list.

    Raises:
        ValueError: If there are infinitely many.
    """
    values = list(dimension.values) if isinstance(dimension, Choice) else dimension.values
    if values is None:
        raise ValueError(
            f"A grid must have finitely many values. Received: {dimension.code()} without a step. "
            "Pass a `step` (for log sampling, the factor between two values), or use hp.Choice."
        )
    return values


def _ask_for_cell(ask, path, asked):
    infinite = []

    def choose(dimension):
        try:
            values = grid_values(dimension)
        except ValueError as error:
            infinite.append(error)
            raise
        if len(asked) == len(path):
            path.append(0)
        asked.append((dimension, values))
        return values[path[len(asked) - 1]]

    try:
        ask(HyperParameters(choose))
    except Exception:
        if infinite:
            raise infinite[0] from None
