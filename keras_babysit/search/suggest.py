"""Conversion between the dimensions of a search space and Optuna's parameters."""

from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from keras_babysit.search.space import Choice


def suggest(trial, dimension):
    """Sample a dimension with an Optuna trial, and return the value.

    A reverse-log range is sampled as `mirror - value`, and a range with steps as the number of
    steps. The names of these parameters in Optuna say so.
    """
    name = parameter_name(dimension)
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(name, dimension.values)
    if _is_counted(dimension):
        return dimension.value_at(trial.suggest_int(name, *dimension.indices))
    low, high = dimension.inner
    if dimension.is_int:
        step = {"step": int(dimension.step)} if dimension.step else {}
        value = trial.suggest_int(name, int(low), int(high), log=dimension.is_log, **step)
    else:
        value = trial.suggest_float(name, low, high, log=dimension.is_log)
    return dimension.tidy(_mirror(dimension, value))


def distribution_of(dimension):
    """Return the distribution from which `suggest` samples a dimension."""
    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.values)
    if _is_counted(dimension):
        return IntDistribution(*dimension.indices)
    low, high = dimension.inner
    if dimension.is_int:
        step = int(dimension.step) if dimension.step else 1
        return IntDistribution(int(low), int(high), log=dimension.is_log, step=step)
    return FloatDistribution(low, high, log=dimension.is_log)


def suggest_from(trial, name, distribution):
    """Return what an Optuna trial suggests for a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
    return trial.suggest_int(
        name, distribution.low, distribution.high, log=distribution.log, step=distribution.step
    )


def stored(dimension, value):
    """Return the number that Optuna stores for `value`; the inverse of `suggest`."""
    if isinstance(dimension, Choice):
        return value
    if _is_counted(dimension):
        return dimension.index_of(value)
    low, high = dimension.inner
    return min(max(_mirror(dimension, value), low), high)  # `tidy` may have moved it by 1e-12


def parameter_name(dimension):
    """Return the name of a dimension in Optuna."""
    if isinstance(dimension, Choice):
        return dimension.name
    if _is_counted(dimension):
        unit = "factors" if dimension.is_log else "steps"
        return f"{dimension.name} ({unit} of {dimension.step:g})"
    if dimension.sampling == "reverse_log":
        return f"{dimension.mirror:g} - {dimension.name}"
    return dimension.name


def _is_counted(dimension):
    return dimension.step is not None and (dimension.is_log or not dimension.is_int)


def _mirror(dimension, value):
    return dimension.mirror - value if dimension.sampling == "reverse_log" else value
