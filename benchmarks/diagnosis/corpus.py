"""Programs of published fault benchmarks, built from the facts in `corpus.json`."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn import datasets

from benchmarks.diagnosis import data
from benchmarks.diagnosis.labels import label_of_case
from benchmarks.diagnosis.program import Program, Run, Split, seed_everything

FACTS = json.loads((Path(__file__).parent / "corpus.json").read_text(encoding="utf-8"))


def programs() -> list[Program]:
    """Return every case as a program."""
    return [
        Program(
            id=case["id"],
            family=case["family"],
            part="corpus",
            label=label_of_case(case),
            build=functools.partial(build, case),
            peers=case["peers"],
        )
        for case in FACTS["cases"]
    ]


def build(case: Mapping[str, Any]) -> Run:
    """Return the compiled model of one case, its data and the arguments of `fit`."""
    rng = seed_everything(case["seed"])
    split = data.as_floats(read_data(case["data"], rng))
    fit = {k: v for k, v in case["fit"].items() if k in ("batch_size", "epochs")}
    if "validation_split" in case["fit"]:
        kept = round(len(split.x) * (1 - case["fit"]["validation_split"]))
        split = data.head(split.x, split.y, kept)
    layers = [make_layer(spec) for spec in unroll(case["layers"])]
    model = keras.Sequential([keras.Input(split.x.shape[1:]), *layers])
    model.compile(
        make_optimizer(case["optimizer"]),
        LOSSES.get(case["loss"], lambda: case["loss"])(),
        metrics=case["metrics"] or None,
    )
    return Run(model, split, fit)


LOSSES = {
    "binary_crossentropy_from_logits": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    "label_smoothing": lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
}


def make_optimizer(spec: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    settings = dict(spec)
    kind = getattr(keras.optimizers, settings.pop("name"))
    rate = settings["learning_rate"]
    if isinstance(rate, Mapping):
        schedule = getattr(keras.optimizers.schedules, rate["schedule"])
        settings["learning_rate"] = schedule(**{k: v for k, v in rate.items() if k != "schedule"})
    return kind(**settings)


# ------------------------------------------------------------------------------------- layers


def unroll(specs: list[Any]) -> Iterator[Any]:
    """Yield the layers; `{"times": n, "layers": [...]}` is repeated n times."""
    for spec in specs:
        if isinstance(spec, Mapping):
            for _ in range(spec["times"]):
                yield from unroll(spec["layers"])
        else:
            yield spec


def make_layer(spec: Any) -> keras.layers.Layer:
    """Return a layer: `"relu"` is an activation, `"Flatten"` a layer, `["Dense", 5]` one of 5."""
    if isinstance(spec, str):
        kind = getattr(keras.layers, spec, None) if spec[0].isupper() else None
        return kind() if kind else keras.layers.Activation(spec)
    name, settings = spec
    kind = getattr(keras.layers, name)
    if not isinstance(settings, Mapping):
        return kind(settings)
    return kind(**{key: read_setting(key, value) for key, value in settings.items()})


def read_setting(key: str, value: Any) -> Any:
    if key.endswith("_initializer"):
        known = FACTS["initializers"].get(value)
        if known is None:
            return value
        kind = getattr(keras.initializers, known["name"])
        return kind(**{k: v for k, v in known.items() if k != "name"})
    if key.endswith("_regularizer"):
        return keras.regularizers.L1L2(**value)
    return value


# --------------------------------------------------------------------------------------- data


def read_data(spec: Mapping[str, Any], rng: np.random.Generator) -> Split:
    settings = dict(spec)
    name = settings.pop("name")
    if name in ("digits", "breast_cancer", "diabetes", "wine"):
        settings["one_hot_labels"] = settings.pop("one_hot", False)
        return data.bundled(name, **settings)
    if name in ("circle", "blob"):
        return {"circle": data.circle, "blob": data.blob}[name]()
    return GENERATED[name](rng, **settings)


def read_iris(rng: Any, *, test: float, scale: str = "none") -> Split:
    return data.bundled("iris", scale=scale, one_hot_labels=True, fraction=test, seed=2)


def ones_and_zeros(rng: Any, *, n: int) -> Split:
    def pair(count: int) -> tuple[Any, Any]:
        y = np.repeat([1.0, 0.0], count)
        return np.repeat(y[:, None], 128, axis=1), y

    return Split(*pair(n), *pair(100))


def linear_of_three(rng: np.random.Generator, *, n: int) -> Split:
    x = 1e4 * rng.random((n + n // 10, 3))
    y = x @ [2.0, 1.0, 0.5] + 2.2
    return data.head(x, y[:, None], n)


def truth_table(rng: Any, *, x: Any, y: Any, repeat: int = 1) -> Split:
    return Split(*(np.tile(np.array(a, float), (repeat, 1)) for a in (x, y)))


def multilabel(rng: Any, *, n: int, features: int, classes: int) -> Split:
    x, y = datasets.make_multilabel_classification(
        n_samples=n, n_features=features, n_classes=classes, random_state=3
    )
    return data.hold_out(x, y.ravel() if classes == 1 else y, 0.2)


def noise_pair(rng: np.random.Generator) -> Split:
    return Split(rng.random((1000, 5, 1)), rng.random((1000, 5, 1)))


def two_squares(rng: np.random.Generator, *, fixed: bool = False) -> Split:
    """Return points of two squares, sorted by class; the fixed version shuffles them."""
    n = 200 if fixed else 100
    low, high = rng.uniform(0.2, 0.4, (n, 2)), rng.uniform(0.5, 0.7, (n, 2))
    if fixed:
        order = rng.permutation(2 * n)
        return Split(np.concatenate([low, high])[order], np.repeat([0.0, 1.0], n)[order])
    x = np.stack([low, high], axis=1).reshape(-1, 2)
    return Split(x, data.one_hot(np.tile([0, 1], n)))


def averages(rng: np.random.Generator) -> Split:
    x = rng.integers(0, 101, (10_000, 2)) / 100
    return Split(x, x.mean(axis=1))


GENERATED = {
    "iris": read_iris,
    "ones_zeros": ones_and_zeros,
    "linear3": linear_of_three,
    "xor": truth_table,
    "multilabel": multilabel,
    "noise_pair": noise_pair,
    "two_squares": two_squares,
    "averages": averages,
    "sine": data.sine,
    "noise_labels": data.noisy_labels,
    "imbalanced": data.imbalanced,
    "parity_sequence": data.sequences,
    "tokens": data.tokens,
    "wide_target": data.wide_target,
    "spirals": data.spirals,
}
