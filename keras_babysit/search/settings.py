"""What all workers and all sessions of one study must have in common."""

import zlib

from keras_babysit.search.data import fingerprint


def read_settings(objective, seed, folds, examples, space, model, fit_arguments):
    """Return the settings of a study: short values and checksums, by what they are of.

    Args:
        objective: The `Objective`.
        seed: Seed of the search.
        folds: Row numbers of each fold.
        examples: The `Examples`.
        space: The search space by name.
        model: The default model.
        fit_arguments: Further arguments of `Model.fit`.
    """
    arguments = {name: _plain(value) for name, value in sorted(fit_arguments.items())}
    return {
        "objective": objective.name,
        "seed": seed,
        "folds": fingerprint(folds),
        "data": _checksum(examples.checksum),
        "search space": {name: repr(one) for name, one in sorted(space.items())},
        "default model": _checksum(zlib.crc32(_describe(model).encode())),
        "fit arguments": arguments,
    }


def _checksum(code):
    return f"checksum {code:08x}"


def _plain(value):
    """Return a value in a form that another process finds equal: no addresses of objects."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return getattr(value, "__name__", type(value).__name__)


def _describe(model):
    """Return layers, weights, optimizer and loss as text.

    Names of layers are left out: they are numbered through by the process.
    """
    layers = [(type(one).__name__, _config(one.get_config)) for one in model._flatten_layers()]
    weights = [tuple(variable.shape) for variable in model.variables]
    return repr((layers, weights, _config(model.get_compile_config)))


def _config(get_config):
    """Return a configuration without names; None where it cannot be had, as of a user's class."""
    try:
        return _without_names(get_config())
    except Exception:
        return None


def _without_names(config):
    if isinstance(config, dict):
        return {
            str(key): _without_names(value)
            for key, value in sorted(config.items(), key=str)
            if key not in ("name", "layers", "input_layers", "output_layers", "build_config")
        }
    if isinstance(config, list | tuple):
        return [_without_names(one) for one in config]
    return _plain(config)
