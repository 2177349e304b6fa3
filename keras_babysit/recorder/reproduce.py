"""Show the bad value that this bundle holds.

    python reproduce.py [--import MODULE] [--model MODULE:FUNCTION]

It needs keras, numpy and the backend of the run, which `bundle.json` names; `KERAS_BACKEND` chooses
another one. It exits with 0 if it reproduced the bad value, else with 1.
"""

import argparse
import contextlib
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: Any = None, arguments: Any = None) -> int:
    """Rebuild model and batch, run the one bad step and say what is bad in it."""
    folder = Path(__file__).resolve().parent if folder is None else Path(folder)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--import", dest="module", help="module with your own layers and losses")
    parser.add_argument("--model", help="MODULE:FUNCTION that returns your model, compiled")
    options = parser.parse_args(arguments)
    sys.path.insert(0, os.getcwd())

    bundle = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    os.environ.setdefault("KERAS_BACKEND", bundle["backend"])
    print(bundle["finding"])
    _compare_versions(bundle)
    model = _model(folder, bundle, options)
    arrays = _arrays(folder / "batch.npz")
    x, y, weight = (tensors(bundle["structure"][name], arrays) for name in ("x", "y", "weight"))
    restore(model, folder, bundle, x, y, weight)
    with _random_state(arrays):
        is_there = _show_data(bundle, x, y, weight) | _show_layers(model, bundle, x)
    with _random_state(arrays):
        is_there |= _show_step(model, bundle, x, y, weight)
    print("Reproduced." if is_there else "Not reproduced: no value is bad here.")
    return 0 if is_there else 1


def _compare_versions(bundle: dict[str, Any]) -> None:
    import keras

    here = {"python": platform.python_version(), "keras": keras.__version__}
    with contextlib.suppress(ImportError):
        backend = importlib.import_module(keras.backend.backend())
        here[keras.backend.backend()] = str(backend.__version__)
    for name, version in bundle["versions"].items():
        if here.get(name) != version:
            print(f"Recorded with {name} {version}; here: {here.get(name) or 'not used'}.")
    keras.config.set_floatx(bundle["floatx"])


def _model(folder: Path, bundle: dict[str, Any], options: Any) -> Any:
    import keras

    for name in [*bundle["imports"], *([options.module] if options.module else [])]:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise SystemExit(
                f"The model needs the module {name}, which cannot be imported: {error}"
            ) from error
    if options.model:
        module, _, function = options.model.partition(":")
        return getattr(importlib.import_module(module), function)()
    if bundle["model"] is None:
        raise SystemExit(f"{bundle['note']}\nRun: python reproduce.py --model MODULE:FUNCTION")
    return keras.models.load_model(folder / bundle["model"])


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def tensors(structure: Any, arrays: Any) -> Any:
    """Return tensors in the structure of the batch."""
    import keras

    if structure is None:
        return None
    ((kind, inner),) = structure.items()
    if kind == "array":
        array = arrays[inner]
        is_text = array.dtype.kind in "SU"
        return array if is_text else keras.ops.convert_to_tensor(array)
    if kind == "dict":
        return {key: tensors(value, arrays) for key, value in inner.items()}
    values = [tensors(value, arrays) for value in inner]
    return tuple(values) if kind == "tuple" else values


def restore(model: Any, folder: Path, bundle: dict[str, Any], x: Any, y: Any, weight: Any) -> None:
    """Give the model the values of the run from before the bad step."""
    state = _arrays(folder / "state.npz")
    if not model.built:
        with contextlib.suppress(NotImplementedError):  # a model without `call`, as a GAN
            model(x)
    known = bundle["state"]
    is_unlike = known.get("optimizer") != len(_groups(model)["optimizer"])
    if model.optimizer and not model.optimizer.built and is_unlike:
        model.optimizer.build(model.trainable_variables)
    if known.get("beside", 0) != len(_groups(model)["beside"]):
        _build_in_a_step(model, x, y, weight)
    groups = _groups(model)
    for name, count in known.items():
        if len(groups[name]) != count:
            raise SystemExit(
                f"The model must have {count} {name} variables. Received: {len(groups[name])}"
            )
        for index, variable in enumerate(groups[name]):
            variable.assign(state[f"{name}{index}"])


def _groups(model: Any) -> Any:
    """Return the variables of a model by what they belong to, as `state.npz` has them."""
    return {
        "trainable": model.trainable_variables,
        "other": model.non_trainable_variables,
        "optimizer": model.optimizer.variables if model.optimizer else [],
        "beside": [variable for one in _beside(model) for variable in one.variables],
    }


def _beside(model: Any) -> Any:
    """Return the optimizers that a model has beside that of `compile`, as a GAN."""
    import keras

    found: dict[int, Any] = {}
    for value in vars(model).values():
        some = value.values() if isinstance(value, dict) else value
        some = list(some) if isinstance(value, dict | list | tuple) else [value]
        found |= {id(one): one for one in some if isinstance(one, keras.optimizers.Optimizer)}
    return [one for one in found.values() if one is not model.optimizer]


def _build_in_a_step(model: Any, x: Any, y: Any, weight: Any) -> None:
    """Have the optimizers built that only the model's own step builds; leave all else as it was."""
    import keras

    groups = _groups(model)
    variables = [*groups["trainable"], *groups["other"], *groups["optimizer"]]
    values = [keras.ops.convert_to_numpy(variable.value) for variable in variables]
    model.train_on_batch(x, y, sample_weight=weight)
    model.reset_metrics()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


@contextlib.contextmanager
def _random_state(arrays: Any) -> Iterator[None]:
    """Start from the random state of the run where the backend has one: PyTorch."""
    if "random0" in arrays and os.environ["KERAS_BACKEND"] == "torch":
        import torch

        torch.random.set_rng_state(torch.as_tensor(arrays["random0"]))
    yield


def _show_data(bundle: dict[str, Any], x: Any, y: Any, weight: Any) -> bool:
    import keras

    found = False
    for name, part in (("inputs", x), ("targets", y), ("sample_weight", weight)):
        for index, leaf in enumerate(keras.tree.flatten(part)):
            if leaf is None or isinstance(leaf, np.ndarray):
                continue
            found |= _show(f"{name}[{index}]", _host(leaf))
    return found and bundle["quantity"] in ("input", "target")


def _show_layers(model: Any, bundle: dict[str, Any], x: Any) -> bool:
    """Show the first layer whose output is not finite, or the one whose output exploded."""
    import keras

    seen: list[Any] = []

    def tap(layer: Any) -> Any:
        call = layer.call

        def tapped(*args: Any, **kwargs: Any) -> Any:
            outputs = call(*args, **kwargs)
            given = _host(args[0]) if args else None
            ys = [y for y in keras.tree.flatten(outputs) if hasattr(y, "dtype")]
            seen.extend((layer.name, given, _host(y)) for y in ys)
            return outputs

        layer.call = tapped

    layers = _leaves(model)
    for layer in layers:
        tap(layer)
    try:
        model(x, training=True)
    except NotImplementedError:
        print("The model has no `call`: its layers cannot be run one by one.")
    finally:
        for layer in layers:
            del layer.__dict__["call"]
    is_layer_meant = bundle["quantity"] in ("input", "output")
    # What was found comes first: other layers may give what is not finite by design.
    seen.sort(key=lambda one: one[0] != bundle["target"].split("#")[0])
    for name, given, y in seen:
        is_bad = y.dtype.kind == "f" and not np.isfinite(y).all()
        if is_bad or (bundle["quantity"] == "exploded" and name == bundle["target"]):
            _show(f"{name} input", given, is_asked=True)
            _show(f"{name} output", y, is_asked=True)
            return is_bad and is_layer_meant
    return False


def _leaves(model: Any) -> list[Any]:
    import keras

    found, opaque = [], (keras.layers.RNN, keras.layers.TimeDistributed)

    def visit(layer: Any) -> None:
        inner = [
            one
            for one in layer._flatten_layers(include_self=False, recursive=False)
            if not isinstance(one, keras.metrics.Metric)
        ]
        if isinstance(layer, opaque) or not inner:
            found.append(layer)
            return
        for one in inner:
            visit(one)

    visit(model)
    unique = {id(layer): layer for layer in found if layer is not model}
    return [one for one in unique.values() if not isinstance(one, keras.layers.InputLayer)]


def _show_step(model: Any, bundle: dict[str, Any], x: Any, y: Any, weight: Any) -> bool:
    """Run the one training step and show its loss and what it made of the weights."""
    if not getattr(model, "compiled", False):
        print("The model is not compiled: the training step cannot be run.")
        return False
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    were_bad = [_count_bad(_host(variable.value)) for variable in variables]  # by design
    logs = model.train_on_batch(x, y, sample_weight=weight, return_dict=True)
    loss = float(logs.get("loss", np.nan))
    print(f"loss of this batch: {loss:.6g}")
    is_ruined = False
    for variable, were in zip(variables, were_bad, strict=True):
        value = _host(variable.value)
        bad = _count_bad(value)
        if bad > were:
            is_ruined = True
            print(f"{variable.path} after the step: {bad} of {value.size} entries are not finite")
    if bundle["quantity"] == "exploded":
        return bool(loss > bundle["limit"] or not np.isfinite(loss))
    return is_ruined or ("loss" in logs and not np.isfinite(loss))


def _show(name: str, array: Any, is_asked: bool = False) -> bool:
    """Print an array's range and what is not finite in it; return whether anything is."""
    if array is None or array.dtype.kind != "f":
        return False
    bad = ~np.isfinite(array)
    if not bad.any() and not is_asked:
        return False
    finite = array[~bad]
    span = f"from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "no finite entry"
    line = f"{name}: shape {array.shape}, {span}"
    if bad.any():
        first = tuple(np.argwhere(bad)[0])
        where = f" in example {first[0]}" if first else ""
        count = int(bad.sum())
        noun = "entry" if count == 1 else "entries"
        line += f", {count} {noun} not finite: {array[first]}{where}"
    print(line)
    return bool(bad.any())


def _count_bad(array: Any) -> int:
    return int(np.sum(~np.isfinite(array))) if array.dtype.kind == "f" else 0


def _host(tensor: Any) -> Any:
    import keras

    if not hasattr(tensor, "dtype"):
        return None
    array = np.asarray(keras.ops.convert_to_numpy(tensor))
    return array.astype("float32") if array.dtype.name in ("bfloat16", "float16") else array


if __name__ == "__main__":
    sys.exit(main())
