"""Every combination of a space whose later parameters may depend on earlier ones."""

from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.search.space import Choice
from keras_babysit.search.suggest import parameter_name, stored


def cells(build):
    """Yield the parameters of each cell of the grid, as Optuna stores them.

    The build function is run once per cell: it asks for one value after the other, and is given
    the first combination that it was not given before.

    Args:
        build: Called with `HyperParameters`. What it raises is left to the trial of that cell.

    Raises:
        ValueError: If a dimension has no end of values.

    Example:
        >>> def build(hp):
        ...     if hp.Choice("optimizer", ["adam", "sgd"]) == "sgd":
        ...         hp.Choice("momentum", [0.0, 0.9])
        >>> list(cells(build))[1:]
        [{'optimizer': 'sgd', 'momentum': 0.0}, {'optimizer': 'sgd', 'momentum': 0.9}]
    """
    path = []  # for each value asked for, the place of the one that is given
    while True:
        met = []
        _walk(build, path, met)
        del path[len(met) :]
        yield {
            parameter_name(dimension): stored(dimension, values[place])
            for place, (dimension, values) in zip(path, met, strict=True)
        }
        while path and path[-1] + 1 == len(met[len(path) - 1][1]):
            path.pop()
        if not path:
            return
        path[-1] += 1


def values_of(dimension):
    """Return the values of a dimension in a grid.

    Raises:
        ValueError: If there is no end of them.
    """
    values = list(dimension.values) if isinstance(dimension, Choice) else dimension.values
    if values is None:
        raise ValueError(
            f"A grid must have finitely many values. Received: {dimension.code()} without a step. "
            "Give it a `step` (with log sampling the factor between two values), or make it a "
            "hp.Choice."
        )
    return values


def _walk(build, path, met):
    endless = []

    def choose(dimension):
        try:
            values = values_of(dimension)
        except ValueError as error:
            endless.append(error)
            raise
        if len(met) == len(path):
            path.append(0)
        met.append((dimension, values))
        return values[path[len(met) - 1]]

    try:
        build(HyperParameters(choose))
    except Exception:
        if endless:
            raise endless[0] from None
