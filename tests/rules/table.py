"""Histories made by hand: what each rule says to them, or that it must not say anything."""

import dataclasses
import math

import numpy as np

from keras_babysit import rules
from keras_babysit.facts import (
    CallbackFacts,
    ComparisonFacts,
    DataFacts,
    InputFacts,
    LayerFacts,
    OptimizerFacts,
    OutputFacts,
    Regularization,
    ScheduleFacts,
    ShiftFacts,
    TargetFacts,
    WeightFacts,
)
from keras_babysit.findings import Severity
from keras_babysit.history import History, Measurement


def history(series, **facts):
    """Return a history of `{(quantity, target): values}`, one value per step."""
    made = History()
    made.note(**facts)
    for (quantity, target), points in series.items():
        for step, value in enumerate(points):
            made.append(Measurement(step, step, quantity, target, value))
    return made


def layer(quantity, values, kind="rectifier", role="hidden"):
    known = LayerFacts(activation_kind=kind, role=role)
    return history({(quantity, "dense"): values}, layers={"dense": known})


def with_wins(made, shares):
    """Add how often each piece of a maxout layer of 20 units is the maximum."""
    made.append(Measurement(3, 0, "activations/piece_share", "dense", np.tile(shares, 20)))
    return made


def born_dead(fraction=0.7, first=None, start=2.3, error=0.1, losses=(0.1,)):
    """Return a layer whose units are dead, as many of them before the first step, or `first`."""
    at_first = fraction if first is None else first
    gates = (np.arange(20) >= 20 * at_first).astype(float)
    made = layer("activations/dead_fraction", [fraction] * 4)
    made.append(Measurement(0, 0, "activations/gate_max", "dense", gates))
    for name, value in (("loss/start", start), ("loss/constant", 2.3)):
        made.append(Measurement(0, 0, name, "", value))
    for loss in losses:
        made.append(Measurement(3, 3, "logs/loss", "", loss))
    known = {"score/error": error, "score/error_stderr": 0.01, "score/loss": losses[-1]}
    for name, value in (known | {"reference/constant_error": 0.5}).items():
        made.append(Measurement(3, 3, name, "train", value))
    return made


def born_dead_by(bias):
    """Return a layer of dead units behind a kernel of norm 4 and a bias of a norm."""
    made = born_dead(error=0.4)
    made.note(
        layers={
            "first": LayerFacts(class_name="Dense", units=20, role="hidden"),
            "dense": LayerFacts(activation_kind="rectifier", role="hidden"),
        },
        weights={
            "first/kernel": WeightFacts(layer="first", size=200, is_kernel=True),
            "first/bias": WeightFacts(layer="first", size=20),
        },
    )
    for name, norm in (("first/kernel", 4.0), ("first/bias", bias)):
        made.append(Measurement(0, 0, "weights/norm", name, norm))
    return made


def shut(looks, dead=(), gradients=None, opened_at=None, different=64, **facts):
    """Return a network with a layer of which no unit is active, as a short run shows it.

    Args:
        looks: Number of measurements.
        dead: What is known of its dead units, one value for each of the latest measurements.
        gradients: Norms of the gradients of each kernel; None for all 0.
        opened_at: A measurement in which its units were active.
        different: Number of different examples.
        facts: Further facts of the run.
    """
    names = [f"{name}/kernel" for name in "abc"]
    made = network(
        {"gradients/norm": dict(zip(names, gradients or [[0.0] * looks] * 3, strict=True))}
    )
    hidden = LayerFacts(activation_kind="rectifier", role="hidden", units=4)
    made.note(
        layers=dict(made.facts.layers) | {"b": hidden},
        data=DataFacts(different_examples=different),
        batch_size=32,
        **facts,
    )
    for step in range(looks):
        gates = np.full(4, float(step == opened_at), np.float32)
        made.append(Measurement(step, 0, "activations/gate_max", "b", gates))
    for step, fraction in enumerate(dead, looks - len(dead)):
        made.append(Measurement(step, 0, DEAD, "b", fraction))
    return made


def of_examples(different, series):
    return history(series, data=DataFacts(examples=64, different_examples=different))


def solved(quantity, target):
    """Return a history in which a layer looks bad and the loss is next to nothing."""
    return history(
        {
            (quantity, target): [0.8] * 5,
            ("loss/start", ""): [2.3],
            ("logs/loss", ""): [0.5, 1e-2, 1e-4],
        },
        layers={target: LayerFacts(activation_kind="rectifier", role="hidden")},
    )


DENSE = LayerFacts(class_name="Dense", role="hidden", units=64)
DEAD, SATURATED = "activations/dead_fraction", "activations/saturated_fraction"
FLAT = [0.693] * 8
FALLING = [0.69 - 0.05 * step for step in range(8)]
ALIVE = [[0.0] * 6, [0.0] * 6, [1.0] * 6]
"""Gradients of three kernels, of which the last one trains."""


def losses(start, batches=(), epochs=(), constant=None, ratio=None):
    """Return a history of losses: a constant prediction's, and an update ratio, where known."""
    known = {("loss/constant", ""): constant, ("updates/ratio", "dense/kernel"): ratio}
    return history(
        {("loss/start", ""): [start], ("loss/batch", ""): batches, ("logs/loss", ""): epochs}
        | {key: [value] for key, value in known.items() if value is not None}
    )


def of_classes(made, columns):
    """Return the history as one of a crossentropy of so many classes."""
    made.note(outputs=(OutputFacts(form="categorical", columns=columns),))
    return made


def of_an_own_loss(made):
    """Return the history as one of a loss that may be anything."""
    made.note(outputs=(OutputFacts(form="other"),))
    return made


def with_targets(made, distance, std, outputs=1):
    """Return the history as one of numbers of that standard deviation."""
    made.note(
        outputs=(OutputFacts(form="distance", distance=distance),) * outputs,
        data=DataFacts(targets=(TargetFacts(mean=0.0, std=std),) * outputs),
    )
    return made


def scores(train, validation=(), error=0.01, name="error", **more):
    series = {
        (f"score/{name}", "train"): train,
        (f"score/{name}_stderr", "train"): [error] * len(train),
        (f"score/{name}", "validation"): validation,
        (f"score/{name}_stderr", "validation"): [error] * len(validation),
    }
    return series | {(quantity, "train"): values for quantity, values in more.items()}


SURELY_BETTER = {"constant_advantage": 0.02, "constant_advantage_stderr": 0.005}
NO_BETTER = {"constant_advantage": 0.0, "constant_advantage_stderr": 0.02}


def poor(error, reference, losses, epochs=8, done=None, beside_validation=(), logged=(), **more):
    series = scores(error, **more) | {
        ("logs/loss", ""): logged,
        ("score/loss", "train"): losses,
        ("score/loss_stderr", "train"): [0.001] * len(losses),
        ("loss/start", ""): [0.7],
    }
    for target, values in (("train", reference), ("validation", dict(beside_validation))):
        for name, value in values.items():
            series[f"reference/{name}", target] = [value] * len(error)
    made = history(series, epochs=epochs)
    if done:
        made.note(has_ended=True)
    return made


def with_constant(loss, made):
    """Return a history in which a constant prediction was measured to have that loss."""
    made.append(Measurement(0, 0, "loss/constant", "", loss))
    return made


def callback(class_name="EarlyStopping", action="stops", monitor="val_loss", better="min", **more):
    """Return the facts of a callback that looks for the better end, unless told otherwise."""
    known = {"looks_for": better, "patience": 3, "restores_best": True} | more
    return CallbackFacts(
        class_name=class_name, action=action, monitor=monitor, better=better, **known
    )


def monitoring(**changes):
    return history({}, callbacks=(callback(), callback(**changes)))


def stopped(train, validation=(), by="EarlyStopping", error=0.1, epochs=60, **of_callback):
    """Return a history of a run that a callback ended early, with its losses by epoch."""
    made = poor([error] * len(train), {"constant_error": 0.5}, train, epochs, logged=train)
    for epoch, loss in enumerate(validation):
        made.append(Measurement(epoch, epoch, "logs/val_loss", "", loss))
    known = (callback(**of_callback),) if by == "EarlyStopping" else ()
    made.note(has_ended=True, stopped_by=by, callbacks=known)
    return made


def planned(*rates, highest=0.1, stops=False, **known):
    """Return a history of a schedule with its rates over the run."""
    known = {"class_name": "CosineDecay", "decay_steps": 20, "done": 0} | known
    made = history({}, epochs=20, steps_per_epoch=44)
    made.note(schedule=ScheduleFacts(highest=highest, planned=rates, **known))
    made.note(callbacks=(callback(),) if stops else ())
    return made


def decaying(*rates, losses=FLAT, error=0.5, epochs=40, steps=1, by=None, **reference):
    """Return a history of a poor fit by epoch, with a learning rate that changes."""
    made = poor([error] * 8, {"constant_error": 0.5} | reference, losses, epochs, logged=losses)
    for epoch, rate in enumerate(rates):
        made.append(Measurement(epoch * steps, epoch, "optimizer/learning_rate", "", rate))
    if by:
        known = callback(by, "lowers_learning_rate", patience=2 if by != "Own" else None)
        made.note(callbacks=(known,))
    made.note(steps_per_epoch=steps)
    return made


def without(made, *groups):
    """Return the history without the quantities whose names begin so."""
    kept = History()
    kept.facts = made.facts
    kept.extend(m for m in made if not m.quantity.startswith(groups))
    return kept


def standing(ratios, gradient=0.1, rate=0.01, norm=1.0, optimizer="SGD", settings=None, **facts):
    """Return a history of the kernels of a network, with the update ratio of each step."""
    kernels = [f"{name}/kernel" for name in "abc"]
    steps = {name: [ratio] * 4 for name, ratio in zip(kernels, ratios, strict=True)}
    made = network(
        {
            "updates/ratio": steps,
            "gradients/norm": dict.fromkeys(kernels, [gradient] * 4),
            "weights/norm": dict.fromkeys(kernels, [norm] * 4),
            "optimizer/learning_rate": {"": [rate] * 4},
        }
    )
    made.note(optimizer=optimizer, optimizer_settings=OptimizerFacts(**settings or {}), **facts)
    return made


def in_batches_of(size, series):
    """Return the history of `network` for batches of so many examples."""
    made = network(series)
    made.note(batch_size=size)
    return made


def given_last(bias=0.0, norms=(1.0, 2.0, 3.0), network="encoder"):
    """Return a history of three layers, of which an optimizer is given the last one only."""
    made = standing([0.0, 0.0, 1e-3], has_own_step=True)
    made = without(without(made, "gradients/norm"), "weights/norm")
    made.note(
        layers={
            name: LayerFacts(role="hidden", network="head" if name == "c" else network)
            for name in "abc"
        }
    )
    for step in range(3):
        made.append(Measurement(step, step, "gradients/norm", "c/kernel", 1.0))
    for name, norm in zip("abc", norms, strict=True):
        made.append(Measurement(3, 3, "weights/norm", f"{name}/kernel", norm))
        made.append(Measurement(3, 3, "weights/norm", f"{name}/bias", bias))
    return made


def called_on(inputs, data=(0.5, 0.4, 0.6, 0.5), size=2, **facts):
    """Return a history of the inputs of networks, as their mean, deviation and spread."""
    series = {("inputs/mean", "inputs[0]"): list(data)}
    for target, values in inputs.items():
        for name, value in zip(("mean", "std", "spread"), values, strict=True):
            points = value if isinstance(value, list) else [value] * 4
            series[f"networks/input_{name}", target] = points
        series["networks/input_size", target] = [float(size)] * 4
    return history(series, **facts)


def applied_at_the_end():
    """Return a history of gradients that are applied once in a while, not in a measured step."""
    made = without(standing([0.0] * 3), "gradients/norm")
    for name in "abc":
        made.append(Measurement(7, 7, "gradients/norm", f"{name}/kernel", 0.1))
    return made


def in_triplets(orders, inputs=0.8):
    """Return a history of how often first and second of a triplet are the closer ones."""
    return history(
        {
            ("networks/pair_order", "embedding"): orders,
            ("networks/input_pair_order", "embedding"): [inputs] * len(orders),
        }
    )


def in_pairs(orders, inputs=0.8):
    """Return a history of how often pairs with the larger label are the closer ones."""
    return history(
        {
            ("networks/label_order", "embedding"): orders,
            ("networks/input_label_order", "embedding"): [inputs] * len(orders),
        }
    )


def noisy_code(exchanged=(2.0, 2.1, 2.5, 1.9), **noise):
    """Return a history of what is added to the mean of a code."""
    series = {(f"code/noise_{name}", "mu, logvar"): values for name, values in noise.items()}
    return history(series | {("code/noise_std", "logvar, mu"): list(exchanged)})


def averaged(norms, *, is_copy=True, epochs=4, lags=None):
    """Return a history of a network that no optimizer updates."""
    return history(
        {
            ("averages/norm", "teacher"): norms,
            ("averages/untrained_copy", "teacher"): [float(is_copy)] + [0.0] * (len(norms) - 1),
            ("averages/lag", "teacher"): lags or [1.0 + step for step in range(len(norms))],
        },
        epochs=epochs,
        steps_per_epoch=1,
    )


def still_from_now_on(made):
    """Return the history with four more steps that move no kernel."""
    for step in range(10, 14):
        for name in "abc":
            made.append(Measurement(step, step, "updates/ratio", f"{name}/kernel", 0.0))
    return made


def at_rates(rates, made):
    """Return the history with other learning rates."""
    made = without(made, "optimizer/learning_rate")
    for step, rate in enumerate(rates):
        made.append(Measurement(step, step, "optimizer/learning_rate", "", rate))
    return made


def clipped(optimizer="SGD", gradient=1.0, losses=(2.3,) * 50, ratio=1e-6, epsilon=None, **limits):
    """Return a history of a network that hardly moves, with a limit on its gradients."""
    made = network({"gradients/norm": by_kernel(gradient, gradient, gradient, times=len(losses))})
    made.note(epochs=4, steps_per_epoch=25, optimizer=optimizer)
    made.note(optimizer_settings=OptimizerFacts(epsilon=epsilon, **limits))
    for one in moving(ratio, list(losses)):
        made.append(one)
    return made


def ended_short(room, advantage=0.4):
    """Return a run that learned slowly under a limit, and how much longer steps may be."""
    losses = [2.3 - 0.03 * step for step in range(50)]
    made = clipped(clipvalue=1e-4, losses=losses, ratio=1e-3)
    made.note(epochs=50, steps_per_epoch=1)
    for one in behind_neighbours(advantage, losses[::7]):
        made.append(dataclasses.replace(one, step=one.step + 42, epoch=one.epoch + 42))
    for end in ("", "_low", "_high"):
        made.append(Measurement(49, 49, f"optimizer/headroom{end}", "", room))
    return made


def tuned(start, early, epochs=(), classes=10, form="categorical"):
    """Return a history of a run that begins with a trained network."""
    made = losses(start, [start, *early], epochs)
    made.note(outputs=(OutputFacts(form=form, columns=classes),), optimizer="Adam")
    made.append(Measurement(0, 0, "optimizer/learning_rate", "", 1e-3))
    return made


def in_precision(policy, epsilon, optimizer="Adam"):
    settings = OptimizerFacts(epsilon=epsilon)
    return history({}, dtype_policy=policy, optimizer=optimizer, optimizer_settings=settings)


def weights_in(dtype, made):
    """Return the history as one of a model whose weights have a data type of their own."""
    made.note(weights={"dense/kernel": WeightFacts(layer="dense", size=9, dtype=dtype)})
    return made


def coarse(*fractions, gradient=0.1, rate=1e-3, settings=None):
    """Return a history of the fractions of the entries of kernels that steps leave unchanged."""
    made = standing([1e-5] * 3, gradient, rate, settings=settings, dtype_policy="bfloat16")
    for name, fraction in zip("abc", fractions, strict=True):
        for step in range(4):
            made.append(
                Measurement(step, step, "updates/unchanged_fraction", f"{name}/kernel", fraction)
            )
    return made


def averages(moved, *, trainable=True, steps=(0, 30), names="ab", **facts):
    """Return a history of the averages of two batch normalizations."""
    made = history({}, **facts)
    lag = "normalization/mean_lag" if trainable else "normalization/frozen_variance"
    for step in steps:
        for name in names:
            made.append(Measurement(step, 0, "normalization/averages_moved", name, moved))
            made.append(Measurement(step, 0, lag, name, 1.0))
    return made


def frozen_norm(variance, shift=0.1, moved=3.0):
    """Return a history of what arrives at a frozen batch normalization."""
    values = {"frozen_variance": variance, "frozen_shift": shift, "averages_moved": moved}
    return history({(f"normalization/{name}", "bn"): [one] * 3 for name, one in values.items()})


def never_trained(*biases, moved=(), trains=10):
    """Return a history of frozen layers: the norms of their biases, and how far averages moved."""
    series = {("weights/frozen_bias_norm", f"f{i}"): [one] for i, one in enumerate(biases)}
    for index, one in enumerate(moved):
        series["normalization/frozen_variance", f"n{index}"] = [1.0]
        series["normalization/averages_moved", f"n{index}"] = [one]
    names = [target for _, target in series]
    head = WeightFacts(layer="head", size=trains, is_kernel=True)
    return history(
        series,
        layers=dict.fromkeys(names, LayerFacts(role="hidden")),
        weights={"head/kernel": head},
        parameters=1000,
    )


def recurring(class_name, activation, loss=math.nan, **known):
    """Return a history of a recurrent layer and of a loss that ends so."""
    made = losses(0.7, [0.7, 0.69, 0.68, loss, loss, loss])
    known = {"class_name": class_name, "activation": activation, "units": 16} | known
    made.note(layers={"rnn": LayerFacts(role="hidden", **known)})
    made.append(Measurement(2, 2, "activations/std", "rnn", 4e6))
    return made


def output(form, data=None, **facts):
    linear = {"target": "dense", "form": form, "low": -math.inf, "high": math.inf, "columns": 1}
    known = DataFacts(examples=500, targets=(TargetFacts(**data or {}),))
    return history({}, outputs=(OutputFacts(**(linear | facts)),), data=known)


CENTRED = {"low": -2.5, "high": 2.6, "percentile_1": -2.0, "percentile_99": 2.1}
COUNTS = {"low": 0.0, "high": 9.0, "percentile_1": 0.0, "percentile_99": 7.0}
PRICES = {"low": 12.0, "high": 900.0, "percentile_1": 15.0, "percentile_99": 700.0}


def measured_between(low, high, made):
    """Return a history in which the values of the first output were also measured."""
    made.append(Measurement(0, 0, "outputs/min", "outputs[0]", low))
    made.append(Measurement(0, 0, "outputs/max", "outputs[0]", high))
    return made


def data(examples=500, inputs=None, targets=None):
    """Return a history of the facts of an array of inputs, of targets, or of both."""
    known = {} if inputs is None else {"inputs": (InputFacts(**inputs),)}
    known |= {} if targets is None else {"targets": (TargetFacts(**targets),)}
    return history({}, data=DataFacts(examples=examples, **known))


PADDED = {"features": 9, "constant_features": 5, "first_constant": 4, "low": 0.0, "high": 99.0}


def beside_tokens(dtype, value, high=None, constant=8, tokens=99):
    """Return a history of two inputs: tokens up to a number, and one with constant columns."""
    made = InputFacts(
        dtype=dtype,
        low=value,
        high=value if high is None else high,
        features=8,
        constant_features=constant,
        first_constant=0,
    )
    known = InputFacts(
        dtype="int32",
        low=1.0,
        high=tokens,
        features=8,
        constant_features=0,
    )
    return history({}, data=DataFacts(examples=500, inputs=(known, made)))


def repeated(largest_fraction):
    """Return a history of inputs that are all the same, and how many targets are."""
    table = InputFacts(features=9, constant_features=9, first_constant=0, low=0.0, high=5.0)
    targets = (TargetFacts(largest_fraction=largest_fraction, low=0.0, high=1.0),)
    known = DataFacts(examples=500, different_examples=1, inputs=(table,), targets=targets)
    return history({}, data=known)


def rising(validation, start=1.0, train=None, error=0.0):
    """Return a history of validation losses by epoch, and of training losses that fall."""
    train = train or [0.5 - 0.01 * epoch for epoch in range(len(validation))]
    return history(
        scores(train, validation, error=error, name="loss") | {("loss/start", ""): [start]}
    )


def stretches(of_all, of_stretch):
    """Return a history of the fraction of the most frequent class, of all and of 32 in a row."""
    return data(
        targets={
            "largest_fraction": of_all,
            "largest_fraction_of_stretch": of_stretch,
            "stretch": 32,
        }
    )


def only_one_class(form, *, kept=500, total=None):
    made = data(kept, targets={"largest_fraction": 1.0})
    made.note(outputs=(OutputFacts(form=form),), epochs=2, steps_per_epoch=1)
    made.note(examples_per_epoch=total)
    made.append(Measurement(2, 1, "logs/loss", "", 0.1))
    return made


def frozen(error):
    """Return a history of a network of which one layer trains, where neighbours err by 0.05."""
    beside = {"neighbour_advantage": error - 0.05, "neighbour_advantage_stderr": 0.02}
    made = poor([error] * 8, {"constant_error": 0.5, "neighbour_error": 0.05} | beside, FLAT)
    kernel = WeightFacts(layer="last", size=10, is_kernel=True)
    made.note(weights={"last/kernel": kernel}, parameters=100)
    return made


def rare(auc, error=0.04, answers=1.0, beside_validation=()):
    """Return a history of a network that has come to rest at saying no to 96 % of no."""
    fractions = {"largest_share": answers, "targets_largest_share": 0.96}
    ranks = {"auc": auc, "auc_stderr": error}
    made = poor([0.04] * 8, {}, FLAT)
    for target, values in (("train", fractions | ranks), ("validation", dict(beside_validation))):
        for name, value in values.items():
            for step in range(8):
                made.append(Measurement(step, step, f"predictions/{name}", target, value))
    made.note(data=DataFacts(examples=500, targets=(TargetFacts(largest_fraction=0.96),)))
    return made


def answered(fraction, of):
    return {"largest_share": fraction, "targets_largest_share": of}


def unseen(fraction, epoch, fraction_of_stretch=None):
    """Return a history that kept all of the training data, or a tenth with so much order."""
    made = stretches(0.1, fraction_of_stretch)
    made.note(epochs=9, examples_per_epoch=500 if fraction_of_stretch is None else 5000)
    made.append(Measurement(5, epoch, "targets/unseen_share", "validation", fraction))
    return made


def beside(made=None, *, examples=500, kind="inputs", **shift):
    """Return a history of how the first array of validation data differs from the training data."""
    made = made or history({})
    known = {kind: (ShiftFacts(**shift),)}
    made.note(
        comparison=ComparisonFacts(train_examples=examples, validation_examples=examples, **known)
    )
    return made


def drifted(made, inputs, targets):
    """Return a history whose validation inputs and targets are so many deviations away."""
    shifts = {"inputs": (ShiftFacts(offset=inputs),), "targets": (ShiftFacts(offset=targets),)}
    made.note(comparison=ComparisonFacts(train_examples=500, validation_examples=500, **shifts))
    return made


BYTES = {"train_low": 0, "train_high": 1, "low": 0, "high": 255}
SIGNED = {"train_low": -1, "train_high": 1, "low": 0, "high": 1, "size_ratio": 0.5}
LATER = {"train_low": -1.7, "train_high": 1.6, "low": 1.6, "high": 2.5, "size_ratio": 3.5}
LEARNED = {
    (f"reference/constant_advantage{end}", target): [value] * 3
    for end, value in (("", 0.4), ("_stderr", 0.02))
    for target in ("train", "validation")
}
GOOD = scores([0.05] * 3, [0.05] * 3) | LEARNED
GAP = scores([0.05] * 3, [0.2] * 3) | LEARNED
BAD = scores([0.05] * 3, [0.5] * 3)


def copied(copies, *, examples=800, total=800, **near):
    compared = ComparisonFacts(
        train_examples=examples, validation_examples=200, copies=copies, **near
    )
    return history({}, comparison=compared, examples_per_epoch=total)


def stream(first, later, quantity="inputs/rms", target="inputs[0]"):
    """Return a history of what single batches of the first and of later epochs are like."""
    made = history({})
    for step, value in enumerate([*first, *later]):
        epoch = max(0, step - len(first) + 1)
        if quantity == "inputs/spread":
            made.append(Measurement(step, epoch, "inputs/rms", target, 1.0))
        made.append(Measurement(step, epoch, quantity, target, value))
    return made


def earlier(seen, start, loss=2.3, part=1.0):
    compared = ComparisonFacts(
        validation_examples=200, seen_before=seen, earlier_part=part, earlier_loss=loss
    )
    return history({("loss/start", ""): [start]}, comparison=compared)


def weighted(fractions, weights, held_out=(), examples=500):
    """Return a history of classes with these frequencies and weights."""
    classes = tuple(float(index) for index in range(len(fractions)))
    leaf = TargetFacts(
        classes=classes,
        class_fractions=fractions,
        class_weights=weights,
        largest_fraction=max(fractions),
    )
    validation = TargetFacts(classes=classes, class_fractions=held_out)
    return history(
        {("logs/loss", ""): [0.3, 0.2]},
        data=DataFacts(
            examples=examples,
            is_weighted=True,
            weight_low=min(weights),
            weight_high=max(weights),
            targets=(leaf,),
        ),
        validation=DataFacts(targets=(validation,) if held_out else ()),
    )


def unvalidated(fraction, epoch, fraction_of_stretch=None):
    made = unseen(0.0, epoch, fraction_of_stretch)
    made.append(Measurement(5, epoch, "targets/unvalidated_share", "train", fraction))
    return made


def arriving(size, *, mean=0.0, std=1.0, spread=None, offset=0.0, in_all=None, examples=500):
    """Return a history of inputs of a size, and of what they make in the one hidden layer."""
    made = network({})
    leaf = InputFacts(rms=size, offset=offset, mean_over_std=offset if in_all is None else in_all)
    made.note(data=DataFacts(examples=examples, inputs=(leaf,)))
    for name, value in (
        ("mean", mean),
        ("std", std),
        ("spread", std if spread is None else spread),
    ):
        made.append(Measurement(0, 0, f"activations/{name}", "a", value))
    return made


def small(linear, error, *, output=("distance", "squared"), step=80, kind="Dense", together=None):
    """Return a history of a table with small columns, and of the error late in the run."""
    made = network({})
    form, distance = output
    leaf = InputFacts(
        rms=1.0,
        small_columns=3,
        first_small=1,
        largest_column=0,
        small_spread=1e-4,
        small_unexplained=linear,
        small_error_rate=linear,
    )
    made.note(
        data=DataFacts(examples=500, inputs=(leaf,), targets=(TargetFacts(shape=(1,)),)),
        outputs=(OutputFacts(form=form, distance=distance),),
    )
    made.note(layers={"a": LayerFacts(class_name=kind, role="hidden", normalized=together)})
    for name in ("mean", "std", "spread"):
        made.append(Measurement(0, 0, f"activations/{name}", "a", 0.5))
    made.note(epochs=10, steps_per_epoch=10)
    for name, value in (("error", error), ("error_stderr", 0.02)):
        made.append(Measurement(step, 0, f"score/{name}", "train", value))
    return made


def into(kind, made):
    """Return a history whose first layer is of a kind."""
    first = next(iter(made.facts.layers))
    layers = {first: dataclasses.replace(made.layer(first), class_name=kind)}
    made.note(layers=made.facts.layers | layers)
    return made


def rescaled(made):
    """Return a history of inputs in [0, 1] that a layer of the model scales again."""
    (leaf,) = made.facts.data.inputs
    inputs = (dataclasses.replace(leaf, low=0.0, high=1.0),)
    scaling = {"rescaling": LayerFacts(class_name="Rescaling", role="hidden", parameters=0)}
    made.note(
        layers=scaling | dict(made.facts.layers),
        data=dataclasses.replace(made.facts.data, inputs=inputs),
    )
    return made


def stuck(error, losses, epochs):
    """Return a run of one step per epoch with a saturated layer, its errors and its losses."""
    made = poor(error, {"constant_error": 0.5}, losses, epochs=epochs, logged=losses)
    made.note(
        layers={"dense": LayerFacts(activation_kind="squashing", role="hidden")},
        steps_per_epoch=1,
    )
    for step in range(len(error)):
        made.append(Measurement(step, step, SATURATED, "dense", 0.9))
    return made


def regression(mean, std, at=0.1):
    made = output("distance", data={"mean": mean, "std": std})
    made.append(Measurement(0, 0, "outputs/mean", "outputs[0]", at))
    made.append(Measurement(0, 0, "outputs/std", "outputs[0]", 0.7))
    return made


def narrow(std, error=3.0):
    """Return a run at its end on targets that vary by a number around a half."""
    made = regression(0.5, std)
    series = scores([error] * 3) | scores([0.5] * 3, name="loss")
    series |= {("reference/constant_error", "train"): [1.0] * 3}
    for (quantity, target), values in series.items():
        for epoch, value in enumerate(values):
            made.append(Measurement(epoch, epoch, quantity, target, value))
    made.note(has_ended=True, epochs=3, steps_per_epoch=1)
    return made


def later(made, mean, std):
    """Add where the output of `regression` has come to."""
    made.append(Measurement(300, 3, "outputs/mean", "outputs[0]", mean))
    made.append(Measurement(300, 3, "outputs/std", "outputs[0]", std))
    return made


def with_loss(made, start, end):
    """Add the loss before the first step and the mean of an epoch to the history of a run."""
    made.append(Measurement(0, 0, "loss/start", "", start))
    made.append(Measurement(300, 3, "logs/loss", "", end))
    return made


def quick(rate, steps=420):
    made = regression(90.0, 80.0)
    made.note(optimizer="Adam", epochs=steps // 7, steps_per_epoch=7)
    made.append(Measurement(0, 0, "optimizer/learning_rate", "", rate))
    return made


def network(series, **regularization):
    """Return the history of a network of three layers: `{quantity: {target: values}}`."""
    flat = {(q, target): v for q, targets in series.items() for target, v in targets.items()}
    return history(
        flat,
        layers=dict.fromkeys("abc", LayerFacts(role="hidden")),
        weights={
            f"{name}/{kind}": WeightFacts(layer=name, size=size, is_kernel=kind == "kernel")
            for name in "abc"
            for kind, size in (("kernel", 100), ("bias", 10))
        },
        regularization=Regularization(**regularization),
    )


def fading(*spreads, names="abc", first=0, shut=None, saturated=None):
    """Return a history of the signal of hidden layers, one value for three measurements or a list.

    Args:
        spreads: The signals, in the order of the layers.
        names: The layers in their order.
        first: The first measured step.
        shut: Fraction of the five units of the first layer that no example activates.
        saturated: Fraction of saturated units of the first layer.
    """
    made = network({})
    made.note(layers={name: LayerFacts(role="hidden") for name in names})
    known = [one if isinstance(one, list) else [one] * 3 for one in spreads]
    for name, values in zip(names, known, strict=False):
        for step, value in enumerate(values, first):
            made.append(Measurement(step, 0, "activations/spread", name, value))
    if shut is not None:
        gates = (np.arange(5) >= 5 * shut).astype(np.float32)
        made.append(Measurement(made.step, 0, "activations/gate_max", names[0], gates))
    if saturated is not None:
        made.append(Measurement(made.step, 0, SATURATED, names[0], saturated))
    return made


def alike(*steps, spread=0.0, names="a", role="hidden"):
    """Return a history of how far apart the units of layers are at some steps; the first is tanh.

    Args:
        steps: The measured steps.
        spread: How far apart the units are.
        names: The layers.
        role: What the layers are.
    """
    series = History()
    kinds = ["squashing", *["rectifier"] * (len(names) - 1)]
    series.note(
        layers={
            name: LayerFacts(role=role, activation_kind=kind)
            for name, kind in zip(names, kinds, strict=True)
        },
        weights={f"{n}/kernel": WeightFacts(layer=n, size=9, is_kernel=True) for n in names},
    )
    for name in names:
        for step in steps:
            series.append(Measurement(step, 0, "weights/unit_spread", f"{name}/kernel", spread))
    return series


def with_embedding(made, name):
    """Return the history of a network of which one layer is an embedding."""
    layers = dict(made.facts.layers) | {name: LayerFacts(class_name="Embedding", role="hidden")}
    made.note(layers=layers)
    return made


def by_kernel(*norms, times=4, kind="kernel"):
    return {f"{n}/{kind}": [norm] * times for n, norm in zip("abc", norms, strict=True)}


def attention(norms):
    """Return the history of gradients by layer, those of an attention in between."""
    parts = ("query", "key", "value")
    return history(
        {("gradients/norm", f"{name}/kernel"): [norm] * 4 for name, norm in norms.items()},
        layers={
            name: LayerFacts(role="hidden", class_name="EinsumDense" if name in parts else "Dense")
            for name in norms
        },
        weights={
            f"{name}/kernel": WeightFacts(layer=name, size=100, is_kernel=True) for name in norms
        },
    )


def moving(ratio, losses, rates=None, more=None):
    """Return a history of update ratios and losses, one for each step."""
    ratios = ratio if isinstance(ratio, list) else [ratio] * len(losses)
    series = {
        ("updates/ratio", "a/kernel"): ratios,
        ("loss/start", ""): losses[:1],
        ("loss/batch", ""): losses,
        ("optimizer/learning_rate", ""): rates or [0.01] * len(losses),
    }
    made = history(series | (more or {}), epochs=4, steps_per_epoch=25)
    made.epoch = 0
    return made


def warming_up(rates, error):
    """Return a history of learning rates, one for each step, and of the error at the end."""
    made = moving(1e-3, [2.3] * len(rates), rates)
    values = {"score/error": error, "score/error_stderr": 0.01, "reference/constant_error": 0.9}
    for name, value in values.items():
        made.append(Measurement(99, 3, name, "train", value))
    return made


def of_steps(planned, made):
    """Return the history as one of a run of so many steps, or of an unknown number."""
    made.note(epochs=planned and 1, steps_per_epoch=planned)
    return made


def knowing(errors, constant=None):
    """Return a history of short steps, of errors, and of that of a constant prediction."""
    more = {("score/error", "train"): errors, ("score/error_stderr", "train"): [0.01] * len(errors)}
    if constant is not None:
        more["reference/constant_error", "train"] = [constant]
    return moving(1e-6, [0.1] * 50, more=more)


def moving_at(steps, ratio, losses):
    """Return a history of losses, and of update ratios at some steps."""
    made = without(moving(ratio, losses), "updates/")
    for step in steps:
        made.append(Measurement(step, 0, "updates/ratio", "a/kernel", ratio))
    return made


def from_tiny_weights(made):
    """Return the history as one of a kernel whose entries began near 0."""
    made.note(weights={"a/kernel": WeightFacts(layer="a", size=100, is_kernel=True)})
    made.append(Measurement(0, 0, "weights/norm", "a/kernel", 0.05))
    return made


def bearing(made, *measured):
    """Return the history with the headroom at steps 0, 1, 4, 16, ...: value and interval each."""
    for index, values in enumerate(measured):
        step = 4 ** (index - 1) if index else 0
        for end, value in zip(("", "_low", "_high"), values, strict=True):
            made.append(Measurement(step, 0, f"optimizer/headroom{end}", "", value))
    return made


def slopes(low, high, loss=0.5):
    quantities = {"activations/slope_low": low, "activations/slope_high": high}
    series = {(name, "prelu"): [value] * 3 for name, value in quantities.items()}
    return history(series | {("loss/start", ""): [0.7], ("logs/loss", ""): [loss] * 3})


def stack(mean, std, is_factor=False):
    names = [f"dense_{index}" for index in range(5)]
    series = {("activations/mean", n): [mean] * 3 for n in names}
    series |= {("activations/std", n): [std] * 3 for n in names}
    layers = dict.fromkeys(names, LayerFacts(activation_kind="squashing", role="hidden"))
    if is_factor:
        product = LayerFacts(class_name="Multiply", role="hidden")
        after = {f"{name}_times": product for name in names}
        layers = {n: (layers | after)[n] for name in names for n in (name, f"{name}_times")}
    return history(series, layers=layers)


def far_off(start, size):
    """Return a history of ten classes, with a first loss and a size of the last hidden layer."""
    made = network({"activations/std": {"a": [1.0] * 3, "b": [size] * 3}})
    made.note(outputs=(OutputFacts(target="c", form="categorical", columns=10),))
    made.append(Measurement(2, 2, "loss/start", "", start))
    return made


def shattered(made):
    """Add a first step that leaves little of the weights."""
    made.append(Measurement(0, 0, "updates/ratio", "a/kernel", 7.0))
    return made


def dying(first, later=1e-3, dead=0.9):
    """Return a history of a loss that falls while units die after steps of a size."""
    more = {("activations/dead_fraction", "a"): [0.0] + [dead] * 29}
    made = moving([first] * 10 + [later] * 20, [2.4 / (1 + step) for step in range(30)], more=more)
    made.note(layers={"a": LayerFacts(activation_kind="rectifier", role="hidden")})
    return made


def began_with_few(made):
    """Let the first batch be 32 of 1,024 examples, which differ more than their mean moved."""
    again = History()
    again.facts = made.facts
    again.note(batch_size=32, data=DataFacts(examples=1024))
    for point in made:
        is_error = point.quantity == "score/loss_stderr"
        again.append(dataclasses.replace(point, value=0.015) if is_error else point)
    return again


def fits_in_training_mode(made):
    made.append(Measurement(7, 7, "normalization/mean_lag", "bn", 0.5))
    made.append(Measurement(7, 7, "logs/loss", "", 0.01))
    return made


def lagging(lag, inference, steps_since=0, variance=0.1):
    series = {
        ("normalization/mean_lag", "bn"): [lag] * 8,
        ("normalization/variance_lag", "bn"): [variance] * 8,
        ("loss/start", ""): [2.3],
        ("logs/loss", ""): [0.1] * 8,
        ("loss/penalty", ""): [0.0] * 8,
    } | scores([inference] * 8, name="loss")
    made = history(series, epochs=7, steps_per_epoch=1)
    made.append(Measurement(7 + steps_since, 7, "logs/loss", "", 0.1))
    return made


def without_fresh_score(made, val_loss=None):
    again = History()
    again.facts = made.facts
    for point in made:
        if not point.quantity.startswith("score") or point.step < 2:
            again.append(point)
    if val_loss is not None:
        again.append(Measurement(7, 7, "logs/val_loss", "", val_loss))
    return again


def penalised(fraction, error, neighbours=None):
    beside = {} if neighbours is None else {"error": neighbours, "advantage": error - neighbours}
    series = {
        ("loss/penalty", ""): [fraction] * 8,
        ("loss/batch", ""): [1.0] * 8,
        ("reference/constant_error", "train"): [0.9] * 8,
    }
    for name, value in beside.items():
        series[f"reference/neighbour_{name}", "train"] = [value] * 8
        series["reference/neighbour_advantage_stderr", "train"] = [0.01] * 8
        series["score/loss", "train"] = [1.0] * 8
    return history(series | scores([error] * 8), epochs=8, steps_per_epoch=1)


def answers(predicted, true):
    return {
        "predictions/largest_share": [predicted] * 8,
        "predictions/targets_largest_share": [true] * 8,
    }


def resting(ratio, rate=None):
    made = poor([0.5] * 8, {"constant_error": 0.5}, [0.5] * 8)
    made.append(Measurement(8, 7, "updates/ratio", "a/kernel", ratio))
    return made if rate is None else at_rate(rate, made)


def at_rate(rate, made):
    """Add the learning rate of the latest step."""
    made.append(Measurement(made.step, made.epoch, "optimizer/learning_rate", "", rate))
    return made


def slow():
    """Return a history of short steps under a penalty, whose loss falls to the end."""
    made = poor([0.5] * 8, {"constant_error": 0.5}, FALLING)
    made.append(Measurement(8, 7, "updates/ratio", "a/kernel", 1e-6))
    made.note(regularization=Regularization(penalized_weights=2))
    return at_rate(1e-4, made)


def shrunk(made):
    """Add kernels of which hardly anything is left."""
    for epoch, norm in ((0, 9.0), (7, 0.1)):
        made.append(Measurement(8, epoch, "weights/norm", "a/kernel", norm))
    return made


def saturating(made):
    """Let most units of the hidden layer be saturated before the first step."""
    made.append(Measurement(0, 0, "activations/saturated_fraction", "a", 0.9))
    return made


def in_float16(made):
    made.note(dtype_policy="mixed_float16")
    return made


def too_large():
    """Return a history of finite outputs whose square is infinite."""
    made = layer("activations/std", [math.inf])
    made.append(Measurement(0, 0, "loss/batch", "", math.inf))
    return made


def own_loss(reduction=None, *, optimizer="SGD", ratio=1e-3, losses=(), inputs=1, **facts):
    """Return a history of a loss of one's own, of steps of a size, and of losses."""
    made = moving(ratio, list(losses) or [2.0 - 0.1 * step for step in range(12)])
    made.note(
        loss_reduction=reduction,
        batch_size=64,
        optimizer=optimizer,
        outputs=(OutputFacts(**{"target": "dense", "low": 0.0, "high": 1.0} | facts),),
        data=DataFacts(examples=64, inputs=(InputFacts(),) * inputs),
    )
    return made


def of_numbers(made, is_whole=False):
    """Return the history with targets that are real numbers, after the first epoch."""
    made.epoch = 1
    made.note(data=dataclasses.replace(made.facts.data, targets=(TargetFacts(is_whole=is_whole),)))
    return made


def with_errors(error, constant, made, auc=None):
    """Add how the network compares with a constant prediction."""
    values = {"score/error": error, "score/error_stderr": 0.01}
    values |= {"reference/constant_error": constant}
    values |= {"reference/constant_advantage": constant - error}
    values |= {"reference/constant_advantage_stderr": 0.01}
    values |= {} if auc is None else {"predictions/auc": auc, "predictions/auc_stderr": 0.02}
    for name, value in values.items():
        made.append(Measurement(made.step, made.epoch, name, "train", value))
    return made


def penalised_weights(made):
    made.note(regularization=Regularization(penalized_weights=2))
    return made


def not_finite(made):
    """Add a loss that is NaN while all outputs are finite."""
    made.append(Measurement(made.step + 1, made.epoch, "loss/batch", "", math.nan))
    return made


WRONG = {"prefers_errors": True, "falls_without_bound": False}
NEGATIVE = [-0.1 * step for step in range(12)]


def heads(gradients, errors, *, epochs=8, beaten=()):
    """Return a history of two outputs with their gradients, and errors beside one of 0.5."""
    names = ("age", "mood")
    series = {
        ("score/loss", "train"): [1.0] * 8,
        ("score/loss_stderr", "train"): [0.01] * 8,
        ("logs/loss", ""): [1.0] * 8,
    }
    for name, gradient, error in zip(names, gradients, errors, strict=True):
        series["gradients/norm", f"{name}/kernel"] = [gradient] * 8
        if error is not None:
            better = [0.5 - error] * 8
            better[3:4] = [0.2] if name in beaten else better[3:4]
            series["reference/constant_advantage", f"train/{name}"] = better
            series["reference/constant_advantage_stderr", f"train/{name}"] = [0.02] * 8
    return history(
        series,
        epochs=epochs,
        steps_per_epoch=1,
        outputs=tuple(OutputFacts(target=name) for name in names),
        weights={
            f"{name}/kernel": WeightFacts(layer=name, size=8, is_kernel=True) for name in names
        },
    )


def rare_labels(recall, auc, mean=0.04, columns=12, form="binary"):
    """Return a history of many labels, of which few are 1, at the end of a run."""
    made = poor([0.04] * 8, {}, FLAT)
    for name, value in {"recall": recall, "auc": auc, "auc_stderr": 0.02}.items():
        for step in range(8):
            made.append(Measurement(step, step, f"predictions/{name}", "train", value))
    known = TargetFacts(is_binary=True, is_one_hot=False, columns=columns, mean=mean)
    made.note(data=DataFacts(examples=500, targets=(known,)), outputs=(OutputFacts(form=form),))
    return made


def padded(fraction, change, inputs=1, index=None, targets=1):
    """Return a history of targets on padding, and how the loss changes with the answers there.

    The first input holds tokens, the others features; `index` is the padded one, else the last.
    """
    target = TargetFacts(on_padding=fraction, padded_input=inputs - 1 if index is None else index)
    leaves = (InputFacts(shape=(60,)), *[InputFacts(shape=(60, 3))] * (inputs - 1))[:inputs]
    made = history({("padding/loss_change", "outputs[0]"): [change]})
    made.note(data=DataFacts(inputs=leaves, targets=(target,) * targets))
    return made


def masking(kind, *, hidden, hiding, empty=0.0, visible_std=0.4, whole=False, features=1):
    """Return a history of a layer that masks steps of sequences."""
    series = {"hidden_fraction": hidden, "hiding_examples": hiding, "empty_examples": empty}
    series |= {"visible_std": visible_std} if kind == "Masking" else {}
    return history(
        {(f"masks/{name}", "mask"): [value] for name, value in series.items()},
        layers={"mask": LayerFacts(class_name=kind)},
        data=DataFacts(inputs=(InputFacts(shape=(40, features), is_whole=whole),)),
    )


def reading(padded_behind, steps=60, **facts):
    """Return a history of an LSTM that reads padded sequences of 60 steps."""
    known = {"steps": steps, "is_masked": False, "reads_last": True, "class_name": "LSTM"} | facts
    return history(
        {},
        layers={"lstm": LayerFacts(**known)},
        data=DataFacts(inputs=(InputFacts(shape=(60,), padded_behind=padded_behind),)),
    )


def one_step(steps, class_name="LSTM", moved=None, **facts):
    lstm = LayerFacts(class_name=class_name, steps=steps, **facts)
    return history({}, layers={"lstm": lstm}, moved_fraction=moved)


def in_turn(first, second, **facts):
    """Return a history of an LSTM and a convolution after it, each with its number of steps."""
    lstm = LayerFacts(class_name="LSTM", steps=first)
    conv = LayerFacts(class_name="Conv1D", steps=second, **facts)
    return history({}, layers={"lstm": lstm, "conv1d": conv})


def forecast(*, network, last, validation=None, epochs=8):
    """Return a history of the error of a forecast and of the last value, on one or both parts."""
    errors = {"train": network} | ({} if validation is None else {"validation": validation})
    series = {("score/loss", "train"): FLAT, ("logs/loss", ""): FLAT}
    for target, error in errors.items():
        series |= {
            ("score/error", target): [error] * 8,
            ("reference/constant_error", target): [1.0] * 8,
            ("reference/last_value_error", target): [last] * 8,
            ("reference/last_value_advantage", target): [error - last] * 8,
            ("reference/last_value_advantage_stderr", target): [0.01] * 8,
        }
    return history(series, epochs=epochs)


def at_half(made, *, better):
    """Let half of the run be over, with a network better than a constant one by so much."""
    made.note(epochs=4, steps_per_epoch=10)
    for name, value in (("score/error", 0.5 - better), ("score/error_stderr", 0.01)):
        made.append(Measurement(20, 1, name, "train", value))
    made.append(Measurement(20, 1, "reference/constant_error", "train", 0.5))
    for name, value in (("", better), ("_stderr", 0.01)):
        made.append(Measurement(20, 1, f"reference/constant_advantage{name}", "train", value))
    return made


def beside_the_sample(epochs, sample, *, reduction="mean", **facts):
    """Return a history of the loss of each epoch, and of the kept examples after it."""
    series = {
        ("logs/loss", ""): epochs,
        ("score/loss", "train"): sample,
        ("score/loss_stderr", "train"): [0.01] * len(sample),
    }
    return history(series, loss_reduction=reduction, **facts)


def updated(counts, steps=10):
    """Return a history of the updates of a metric by step."""
    made = history({}, steps_per_epoch=steps)
    for step, count in counts:
        made.append(Measurement(step, step // steps, "metrics/updates", "loss", count))
    return made


def growing_penalty(made):
    """Return the history with a penalty that is most of its loss at the end."""
    for step, value in enumerate((0.05, 0.1, 0.3, 0.39)):
        made.append(Measurement(step, step, "loss/penalty", "", value))
    return made


def unscaled_loss(gradient, *, scale=None, policy="mixed_float16"):
    """Return a history of gradients in mixed precision, of that size per entry."""
    series = {("gradients/norm", "a/kernel"): [8 * gradient] * 3}
    if scale is not None:
        series["optimizer/loss_scale", ""] = [scale] * 3
    return history(
        series,
        dtype_policy=policy,
        layers={"a": LayerFacts(class_name="Dense")},
        weights={"a/kernel": WeightFacts(layer="a", size=64, is_kernel=True)},
    )


def continued(start, *, constant, steps, train=None, validation=None):
    """Return a history of a model whose optimizer had done steps, and of its first scores."""
    made = history(
        {
            ("loss/start", ""): [start],
            ("loss/constant", ""): [constant],
            ("reference/constant_error", "validation"): [0.5],
        },
        optimizer_steps_before=steps,
    )
    errors = {} if train is None else {"train": train, "validation": validation}
    for target, error in errors.items():
        for name, value in (("score/error", error), ("score/error_stderr", 0.02)):
            made.append(Measurement(10, 0, name, target, value))
    return made


def starting(ratio, *, better, rates=(1e-3, 1e-3), optimizer="Adam", has_attention=True, **facts):
    """Return a history of a run whose first steps changed the weights by a fraction."""
    made = history(
        {
            ("updates/ratio", "a/kernel"): [ratio, ratio / 2, ratio / 4],
            ("optimizer/learning_rate", ""): rates,
            ("attention/logit_max", "attention"): [1.0] * has_attention,
        },
        layers={"a": LayerFacts(class_name="Dense")},
        weights={"a/kernel": WeightFacts(layer="a", size=64, is_kernel=True)},
        optimizer=optimizer,
        **facts,
    )
    return at_half(made, better=better)


def adding(values, *, better, penalty=None):
    """Return a history of what layers add to a loss of 2."""
    series = {("loss/added", ""): values, ("loss/batch", ""): [2.5] * len(values)}
    if penalty is not None:
        series["loss/penalty", ""] = [penalty] * len(values)
    return at_half(history(series), better=better)


def embedding(spreads, *, every=10, labels=None, form="other", size=1.0):
    """Return a history of the spread of embeddings of unit size, one value every few steps."""
    made = history(
        {},
        outputs=(OutputFacts(target="dense", form=form, columns=8),),
        data=DataFacts(targets=(TargetFacts(**(labels or {"columns": 1, "is_whole": True})),)),
    )
    for index, spread in enumerate(spreads):
        for name, value in (("spread", spread), ("std", 0.8 * size), ("mean", 0.6 * size)):
            made.append(Measurement(every * index, 0, f"outputs/{name}", "outputs[0]", value))
    return made


def attending(logit, entropies):
    """Return a history of the largest logit and the entropies of the heads of one layer."""
    entropies = np.array(entropies, np.float32)
    series = {
        ("attention/logit_max", "attention"): [logit] * 4,
        ("attention/entropy", "attention"): [entropies] * 4,
    }
    return history(series)


def updated_by(made, ratio):
    """Return a history with the update ratio of a kernel."""
    made.note(weights={"a/kernel": WeightFacts(layer="a", size=64, is_kernel=True)})
    made.append(Measurement(20, 1, "updates/ratio", "a/kernel", ratio))
    return made


def beginning(made, start, *, constant):
    """Return a history with its first loss, and that of a constant prediction."""
    made.append(Measurement(0, 0, "loss/start", "", start))
    made.append(Measurement(0, 0, "loss/constant", "", constant))
    return made


def depending(on, change, **facts):
    """Return a history of how much the one output changes when something else does."""
    return history({(f"inference/{on}", "outputs[0]"): [change]}, **facts)


def at_chance(
    advantage, error, *, target="train", has_ended=True, ranked=None, steps=1000, **reference
):
    """Return a run of one epoch with its advantage over a constant prediction's error of 0.5."""
    known = reference | {
        "constant_error": 0.5,
        "constant_advantage": advantage,
        "constant_advantage_stderr": error,
    }
    series = {(f"reference/{name}", target): [value] for name, value in known.items()}
    series |= {(f"predictions/{name}", target): [v] for name, v in (ranked or {}).items()}
    made = history(
        series | {("score/loss", "train"): [0.69]},
        epochs=4 if not has_ended else 1,
        steps_per_epoch=steps,
        has_ended=has_ended,
    )
    made.append(Measurement(steps, 0, "loss/batch", "", 0.69))
    return made


def unknown_loss(batches, constants):
    """Return the losses of late batches under a loss of the user's, and those of their means."""
    made = history({}, has_ended=True, epochs=1, steps_per_epoch=200)
    for step, (loss, constant) in enumerate(zip(batches, constants, strict=True)):
        made.append(Measurement(196 + step, 0, "loss/batch", "", loss))
        made.append(Measurement(196 + step, 0, "loss/constant", "", constant))
    return made


def own_step(accuracy=None, losses=()):
    """Return a run with a training step of the user's, of which only the logs are known."""
    series = {("logs/loss", ""): losses}
    if accuracy is not None:
        series["logs/accuracy", ""] = [accuracy] * 5
    data = DataFacts(examples=1000, targets=(TargetFacts(largest_fraction=0.5),))
    made = history(series, data=data, epochs=5, steps_per_epoch=200, has_ended=True)
    made.append(Measurement(1000, 4, "loss/batch", "", 0.69))
    return made


def measured_by(metric, value, *, error, form="categorical", from_logits=None):
    """Return a run whose metric and error were measured on the same examples."""
    is_number = form == "distance"
    known = TargetFacts(shape=(), is_whole=not is_number, is_binary=form == "binary")
    made = history(
        scores([error])
        | {(f"score/{metric}", "train"): [value], ("reference/constant_error", "train"): [0.9]},
        outputs=(OutputFacts(target="dense", form=form, from_logits=from_logits),),
        data=DataFacts(targets=(known,)),
    )
    made.note(epochs=1, steps_per_epoch=1, has_ended=True)
    made.append(Measurement(1, 1, "loss/batch", "", 0.5))
    return made


def marked(run, error=0.45, columns=3, marker=-999.0, **leaf):
    """Return a run on a table in which a number stands for missing values."""
    measured = {("reference/constant_error", "train"): [0.5]}
    made = history(scores([error] * 3) | measured, **run)
    leaf = InputFacts(
        features=8,
        marked_columns=columns,
        first_marked=0,
        marker=marker,
        marked_fraction=0.08,
        unmarked_low=0.5,
        unmarked_high=17.0,
        low=min(0.5, marker),
        **leaf,
    )
    known = {"words": LayerFacts(class_name="Embedding")} if leaf.is_whole else {}
    made.note(data=DataFacts(examples=500, inputs=(leaf,)), layers=known)
    return made


def coded(error, run=None, **leaf):
    """Return a run at its end on a table with codes of 40 categories."""
    series = scores([error] * 3) | scores([0.5] * 3, name="loss")
    made = history(series, has_ended=True, epochs=3, steps_per_epoch=1)
    made.note(**(run or {}))
    known = {"code_column": 2, "code_values": 40, "code_explains": 0.7, "code_error": 0.3} | leaf
    made.note(data=DataFacts(examples=500, inputs=(InputFacts(**known),)))
    return made


def of_tokens(fraction, layer="Embedding", error=0.45):
    """Return a run at its end on texts of which a fraction of the tokens is the same one."""
    measured = {("reference/constant_error", "train"): [0.5]}
    made = history(scores([error] * 3) | measured, has_ended=True)
    leaf = InputFacts(is_whole=True, common_token=1, common_fraction=fraction)
    made.note(data=DataFacts(inputs=(leaf,)), layers={"words": LayerFacts(class_name=layer)})
    return made


def of_shapes(made, wanted, form="distance"):
    """Return the shapes of an output and of its targets."""
    output = OutputFacts(target="dense", form=form, shape=made)
    return history({}, outputs=(output,), data=DataFacts(targets=(TargetFacts(shape=wanted),)))


def of_images(shape, image, channels, **known):
    """Return images, and what a convolution takes them for."""
    layers = {"conv2d": LayerFacts(class_name="Conv2D", image=image, channels=channels)}
    leaf = InputFacts(shape=shape, **known)
    return history({}, layers=layers, data=DataFacts(inputs=(leaf,)))


def of_targets(form="distance", **known):
    """Return targets of a whole run."""
    return history(
        {},
        epochs=1,
        has_ended=True,
        outputs=(OutputFacts(target="dense", form=form),),
        data=DataFacts(examples=64, targets=(TargetFacts(**known),)),
    )


def validated(validation, *, neighbours=0.1, unseen=0.0):
    """Return a run that fits its training data, with its error on the validation data."""
    measured = {
        ("score/error", "train"): 0.05,
        ("score/error", "validation"): validation,
        ("reference/constant_error", "train"): 0.9,
        ("reference/constant_error", "validation"): 0.9,
        ("reference/neighbour_error", "train"): neighbours,
        ("reference/constant_advantage", "validation"): 0.9 - validation,
        ("targets/unseen_share", "validation"): unseen,
    }
    errors = [key for key in measured if key[0] in ("score/error", "reference/constant_advantage")]
    measured |= {(f"{name}_stderr", target): 0.01 for name, target in errors}
    return history({key: [value] * 3 for key, value in measured.items()})


def drawn_again(steps, batches=(0.1, 0.8) * 4, recurring=0.1):
    """Return a loss that jumps, of epochs that draw other examples."""
    made = history(
        {("loss/start", ""): [0.7], ("logs/loss", ""): [0.3, 0.6] * 4, ("loss/batch", ""): batches}
    )
    made.note(recurring_fraction=recurring, steps_per_epoch=steps)
    return made


def going_on(made):
    """Return a history of which three quarters are to come."""
    made.note(epochs=4 * (made.epoch + 1), has_ended=False)
    return made


def validated_numbers(*errors, has_ended=False):
    """Return a run on numbers that fits its training data, with its errors on validation data."""
    made = validated(0.9)
    values = {
        "score/error": errors,
        "score/error_stderr": [0.02] * len(errors),
        "reference/constant_advantage": [0.9 - one for one in errors],
    }
    left = [one for one in made.quantities() if one not in values]
    numbers = {
        (name, target): [made.last(name, target)] * 3
        for name in left
        for target in made.targets(name)
    }
    numbers |= {(name, "validation"): list(some) for name, some in values.items()}
    numbers |= {("score/error", "train"): [0.05] * 3, ("score/error_stderr", "train"): [0.01] * 3}
    data = DataFacts(targets=(TargetFacts(columns=1, is_whole=False, is_binary=False),))
    return history(numbers, outputs=(OutputFacts(form="distance"),), data=data, has_ended=has_ended)


def ended(steps, losses, error=0.45, neighbours=None):
    """Return a run that ended after so many steps, perhaps with the error of the neighbours."""
    known = {"constant_error": 0.5}
    if neighbours is not None:
        known |= {"neighbour_error": neighbours, "neighbour_advantage": error - neighbours}
        known |= {"neighbour_advantage_stderr": 0.01}
    made = poor([error] * 8, known, losses, logged=losses)
    made.append(Measurement(steps, 7, "loss/batch", "", losses[-1]))
    made.note(has_ended=True)
    return made


def numbered(count, metric="accuracy", form="distance", others=()):
    """Return a run on the numbers of classes, perhaps with outputs of another kind."""
    known = TargetFacts(classes=tuple(map(float, range(count))))
    rest = [OutputFacts(target=name, form="categorical", columns=3) for name in others]
    return history(
        {(f"logs/{metric}", ""): [0.1] * 3},
        outputs=(OutputFacts(target="dense", form=form, columns=1), *rest),
        data=DataFacts(targets=(known, *[TargetFacts()] * len(rest))),
    )


def normalizing(*sizes, kind="LayerNormalization"):
    """Return layers that normalize so many values together."""
    layers = {
        f"norm_{index}": LayerFacts(class_name=kind, normalized=size)
        for index, size in enumerate(sizes)
    }
    return history({}, layers=layers)


def layered(activation, last=None):
    """Return three layers, the hidden ones with an activation."""
    layers = {
        name: LayerFacts(
            class_name="Dense",
            activation=last if name == "c" else activation,
            role="output" if name == "c" else "hidden",
            parameters=80,
        )
        for name in "abc"
    }
    weights = {f"{name}/kernel": WeightFacts(layer=name, size=64, is_kernel=True) for name in "abc"}
    return history({}, layers=layers, weights=weights, is_made_of_layers=True)


def adversarial(discriminator, generator):
    """Return the losses of two networks that play against each other."""
    return history({("logs/d_loss", ""): discriminator, ("logs/g_loss", ""): generator})


def generated(spreads, units=2, beside=1):
    """Return the spread of the outputs of a network beside another one."""
    layers = {
        "g/out": LayerFacts(network="g", units=units),
        "d/out": LayerFacts(network="d", units=beside),
    }
    made = history(
        {("activations/spread", "g/out"): spreads, ("inputs/spread", "inputs[0]"): [1.0]},
        layers=layers,
    )
    made.append(Measurement(20, 5, "loss/batch", "", 1.0))
    return made


def playing(
    g, d=1e-3, networks=("g", "d"), logs=("logs/d_loss", "logs/g_loss"), gradient=None, **facts
):
    """Return the update ratios of a generator and a discriminator, and of what else plays."""
    ratios = dict(zip(networks, (g, d, 0.0), strict=False))
    layers = {f"{one}/out": LayerFacts(network=one, role="hidden", units=8) for one in networks}
    weights = {
        f"{one}/out/kernel": WeightFacts(layer=f"{one}/out", size=64, is_kernel=True)
        for one in networks
    }
    series = {("updates/ratio", f"{one}/out/kernel"): [ratios[one]] * 4 for one in networks}
    for one in networks if gradient else ():
        series["gradients/norm", f"{one}/out/kernel"] = [gradient] * 4
    return history(
        series | {(name, ""): [1.0, 0.9] for name in logs},
        layers=layers,
        weights=weights,
        has_own_step=True,
        is_made_of_layers=True,
        **facts,
    )


def coding(divergence, spread, name="kl_loss", layer="encoder/z_mean", **known):
    """Return the divergence in the logs of an autoencoder, and the spread of its code."""
    return history(
        {(f"logs/{name}", ""): divergence, ("activations/spread", layer): [spread] * 4},
        epochs=len(divergence),
        steps_per_epoch=1,
        **known,
    )


def split_with(**found):
    """Return the comparison of 800 training examples with 200 validation examples."""
    compared = ComparisonFacts(train_examples=800, validation_examples=200, **found)
    return history({}, comparison=compared, examples_per_epoch=800)


def of_words(within, across, constant=0.5):
    """Return how wrong words are about the class, within the training data and beyond."""
    return {
        "word_error_within": within,
        "word_error": across,
        "word_constant_error": constant,
        "word_examples": 200,
    }


def in_groups(count=200, with_group=0.01, without=0.4, stderr=0.03):
    """Return validation examples in groups of training examples, and what these give away."""
    return split_with(
        grouped=count,
        grouped_examples=200,
        error_with_group=with_group,
        error_without_group=without,
        group_stderr=stderr,
    )


def ending_in(class_name, form):
    """Return a network with dropout and a last layer of a class, for a loss of a form."""
    return history(
        {},
        layers={
            "drop": LayerFacts(class_name="Dropout", role="hidden"),
            "last": LayerFacts(class_name=class_name, role="output"),
        },
        outputs=(OutputFacts(target="last", form=form),),
    )


def reversed_by(ranked, losses=tuple(FALLING), accuracy=None, constant=None):
    """Return a run on yes and no, with the ranks of its answers or its accuracy."""
    count = len(losses)
    series = {} if constant is None else {("loss/constant", ""): [constant]}
    for name, value in ranked.items():
        values = value if isinstance(value, list) else [value] * count
        series[f"predictions/{name}", "train"] = values
    series["logs/loss", ""] = list(losses)
    if accuracy is not None:
        series["logs/accuracy", ""] = [accuracy] * count
    known = TargetFacts(is_binary=True, largest_fraction=0.5)
    return history(series, data=DataFacts(examples=400, targets=(known,)))


def reversed_at_first(ratio):
    """Return a run on yes and no that begins with the wrong ranks, and takes steps this long."""
    series = {
        ("predictions/auc", "train"): [0.1] * 4,
        ("predictions/auc_stderr", "train"): [0.02] * 4,
        ("logs/loss", ""): [0.74, 0.72, 0.71, 0.7],
    }
    made = moving(ratio, [0.74] * 50, more=series)
    made.note(data=DataFacts(examples=400, targets=(TargetFacts(is_binary=True),)))
    made.epoch = 3
    return made


def drifting(means, policy):
    """Return the mean logit of ten classes over time."""
    output = OutputFacts(target="dense", form="categorical", from_logits=True, columns=10)
    series = {("outputs/mean", "outputs[0]"): list(map(float, means))}
    return history(series, outputs=(output,), dtype_policy=policy)


def of_different(examples, made):
    """Return the history as one of so many different examples."""
    made.note(data=DataFacts(different_examples=examples))
    return made


def of_layer(made, **known):
    """Return the history of `layer` with more facts of the layer."""
    made.note(layers={"dense": dataclasses.replace(made.layer("dense"), **known)})
    return made


def with_parameters(count, made):
    made.note(parameters=count)
    return made


def regularized(made, **known):
    made.note(regularization=Regularization(**known))
    return made


def same_for_all(spread=0.0, size=1.0, *, std=None, steps=range(9), names=()):
    """Return a history of one output: its spread over the examples, and its size."""
    made = history({}, outputs=tuple(OutputFacts(target=name) for name in names))
    known = {"spread": spread, "mean": size} | ({} if std is None else {"std": std})
    for step in steps:
        for name, value in known.items():
            made.append(Measurement(step, step, f"outputs/{name}", "outputs[0]", value))
    return made


def predicting(*fractions, true=0.5, epochs=8, names=()):
    """Return a history of the fraction of one class in the latest predictions."""
    known = {"predictions/largest_share": fractions}
    if true is not None:
        known["predictions/targets_largest_share"] = [true]
    made = poor([0.5] * 8, {}, FLAT, epochs, **known)
    made.note(outputs=tuple(OutputFacts(target=name) for name in names))
    return made


def varying(*spreads):
    """Return a history of the latest spreads of predicted numbers."""
    return poor([1.0] * 8, NO_BETTER, FLAT, **{"predictions/spread": spreads})


def behind_neighbours(advantage, losses=FLAT):
    """Return a history of a network worse than its neighbours by so much, exactly."""
    known = {"constant_error": 0.9, "neighbour_error": 0.5 - advantage}
    known |= {"neighbour_advantage": advantage, "neighbour_advantage_stderr": 0.0}
    return poor([0.5] * 8, known, losses)


def scored_once(epochs):
    """Return a history of a whole run with a single score, in its last epoch."""
    made = history({}, epochs=epochs, steps_per_epoch=1)
    for one in poor([0.5], {"constant_error": 0.5}, [0.693]):
        made.append(dataclasses.replace(one, step=epochs, epoch=epochs - 1))
    return made


def stepping(*ratios, rate=6e-4):
    """Return a history of a poor fit, with the update ratio of each step."""
    made = poor([0.5] * 8, {"constant_error": 0.5}, FLAT)
    for step, ratio in enumerate(ratios):
        made.append(Measurement(step, step, "updates/ratio", "a/kernel", ratio))
    made.note(weights={"a/kernel": WeightFacts(layer="a", size=9, is_kernel=True)})
    return at_rate(rate, made)


def measured(made, *points):
    """Return the history with more measurements: step, epoch, quantity, target, value."""
    for point in points:
        made.append(Measurement(*point))
    return made


def late_batches(*steps):
    """Return a history of 200 steps, with losses of batches like those of their means."""
    made = history({}, has_ended=True, epochs=1, steps_per_epoch=200)
    made.append(Measurement(200, 0, "optimizer/learning_rate", "", 1e-3))
    for step in steps:
        made.append(Measurement(step, 0, "loss/batch", "", 1.0))
        made.append(Measurement(step, 0, "loss/constant", "", 1.0))
    return made


def with_penalties(made, penalty, added=0.0):
    """Return the history of a loss that includes a penalty and what layers add."""
    made.append(Measurement(200, 0, "loss/penalty", "", penalty))
    made.append(Measurement(200, 0, "loss/added", "", added))
    return made


def of_frequencies(made, *fractions, examples=1000):
    """Return the history with the most frequent class of each output, and how many examples."""
    targets = tuple(TargetFacts(largest_fraction=one) for one in fractions)
    made.note(data=DataFacts(examples=examples, targets=targets))
    return made


TABLE = {
    "rare-labels-given-up": (rules.class_imbalance, rare_labels(0.0, 0.5), Severity.WARNING),
    "rare-labels-ranked-well": (rules.class_imbalance, rare_labels(0.0, 0.8), Severity.NOTE),
    "rare-labels-found": (rules.class_imbalance, rare_labels(0.3, 0.5), Severity.NOTE),
    "labels-of-which-a-third-holds": (rules.class_imbalance, rare_labels(0.0, 0.5, 0.3), None),
    "one-of-many-classes-at-each-step": (
        rules.class_imbalance,
        rare_labels(0.0, 0.5, form="categorical"),
        None,
    ),
    "one-head-dominates": (rules.dominant_output, heads((24, 0.5), (0.3, 0.5)), Severity.WARNING),
    "heads-alike": (rules.dominant_output, heads((3, 0.5), (0.3, 0.5)), None),
    "the-small-head-is-learned": (rules.dominant_output, heads((24, 0.5), (0.3, 0.1)), None),
    "the-small-head-was-learned": (
        rules.dominant_output,
        heads((24, 0.5), (0.3, 0.5), beaten=("mood",)),
        None,
    ),
    "the-error-of-the-small-head-is-not-known": (
        rules.dominant_output,
        heads((24, 0.5), (0.3, None)),
        None,
    ),
    "one-head-dominates-early": (
        rules.dominant_output,
        heads((24, 0.5), (0.3, 0.5), epochs=40),
        None,
    ),
    "summed-and-steps-that-fit": (rules.summed_loss, own_loss("sum"), Severity.NOTE),
    "summed-and-steps-too-long": (
        rules.summed_loss,
        own_loss("sum", ratio=0.5, losses=[2.4] * 12),
        Severity.WARNING,
    ),
    "long-steps-of-a-mean": (
        rules.summed_loss,
        own_loss("mean", ratio=0.5, losses=[2.4] * 12),
        None,
    ),
    "neither-sum-nor-mean": (rules.summed_loss, own_loss(None), None),
    "summed-under-adam": (rules.summed_loss, own_loss("sum", optimizer="Adam"), None),
    "summed-beside-a-penalty": (
        rules.summed_loss,
        penalised_weights(own_loss("sum", optimizer="Adam")),
        Severity.NOTE,
    ),
    "broadcast": (
        rules.loss_mixes_examples,
        own_loss(mixes_examples=True),
        Severity.WARNING,
    ),
    "broadcast-and-learned-all-the-same": (
        rules.loss_mixes_examples,
        with_errors(0.1, 0.5, own_loss(mixes_examples=True)),
        Severity.NOTE,
    ),
    "broadcast-and-not-learned": (
        rules.loss_mixes_examples,
        with_errors(0.48, 0.5, own_loss(mixes_examples=True)),
        Severity.WARNING,
    ),
    "paired": (rules.loss_mixes_examples, own_loss(mixes_examples=False), None),
    "mixing-not-known": (rules.loss_mixes_examples, own_loss(), None),
    "a-sign-flipped-without-bound": (
        rules.inverted_loss,
        own_loss(prefers_errors=True, falls_without_bound=True),
        Severity.ERROR,
    ),
    "a-sign-flipped-and-worse-than-constant": (
        rules.inverted_loss,
        with_errors(0.9, 0.5, own_loss(losses=NEGATIVE, **WRONG), auc=0.1),
        Severity.ERROR,
    ),
    "a-difference-without-square": (
        rules.inverted_loss,
        own_loss(mixes_examples=True, falls_without_bound=True),
        Severity.ERROR,
    ),
    "no-mean-of-distances": (
        rules.loss_mixes_examples,
        own_loss(mixes_examples=True, falls_without_bound=True),
        None,
    ),
    "a-sign-flipped-on-real-numbers": (
        rules.inverted_loss,
        of_numbers(own_loss(losses=NEGATIVE, **WRONG)),
        Severity.WARNING,
    ),
    "a-sign-flipped-on-real-numbers-at-first": (
        rules.inverted_loss,
        of_numbers(own_loss(losses=[0.0] * 12, **WRONG)),
        Severity.NOTE,
    ),
    "a-sign-flipped-on-labels": (
        rules.inverted_loss,
        of_numbers(own_loss(losses=NEGATIVE, **WRONG), is_whole=True),
        Severity.NOTE,
    ),
    "a-score-as-the-loss": (
        rules.inverted_loss,
        with_errors(0.9, 0.5, own_loss(**WRONG)),
        Severity.WARNING,
    ),
    "lower-for-wrong-answers-so-far-unharmed": (
        rules.inverted_loss,
        with_errors(0.51, 0.5, own_loss(**WRONG)),
        Severity.NOTE,
    ),
    "lower-for-wrong-answers-but-ranked-well": (
        rules.inverted_loss,
        with_errors(0.9, 0.5, own_loss(**WRONG), auc=0.8),
        Severity.NOTE,
    ),
    "a-distance-of-two-inputs": (
        rules.inverted_loss,
        with_errors(0.9, 0.5, own_loss(inputs=2, **WRONG)),
        None,
    ),
    "a-negative-likelihood": (
        rules.inverted_loss,
        own_loss(losses=NEGATIVE, prefers_errors=False, falls_without_bound=True),
        None,
    ),
    "a-logarithm-without-epsilon": (
        rules.loss_at_limit,
        own_loss(not_finite_at=0.0),
        Severity.NOTE,
    ),
    "a-logarithm-that-reached-its-end": (
        rules.loss_at_limit,
        not_finite(own_loss(not_finite_at=0.0)),
        Severity.ERROR,
    ),
    "not-finite-for-another-reason": (rules.loss_at_limit, not_finite(own_loss()), None),
    "half-zero-but-alive": (rules.dead_units, layer(DEAD, [0.0] * 9), None),
    "a-tenth-dead": (rules.dead_units, layer(DEAD, [0.1] * 9), None),
    "a-fifth-dead-is-a-note": (rules.dead_units, layer(DEAD, [0.25] * 9), Severity.NOTE),
    "died-late": (rules.dead_units, layer(DEAD, [0, 0, 0.6, 0.7, 0.7]), Severity.WARNING),
    "died-through": (rules.dead_units, layer(DEAD, [0, 1.0, 1.0, 1.0]), Severity.ERROR),
    "dead-once": (rules.dead_units, layer(DEAD, [0, 0, 0.9]), None),
    "came-back": (rules.dead_units, layer(DEAD, [0.9, 0.9, 0.9, 0.1, 0.1, 0.1]), None),
    "dead-in-a-problem-that-is-solved": (rules.dead_units, solved(DEAD, "dense"), Severity.NOTE),
    "dead-before-the-first-step": (rules.dead_units, born_dead(error=0.4), Severity.WARNING),
    "dead-before-the-first-step-of-a-network-that-learns": (
        rules.dead_units,
        born_dead(),
        Severity.NOTE,
    ),
    "dead-twice-and-once-more-in-the-same-step": (
        rules.dead_units,
        measured(layer(DEAD, [0.8] * 2), (1, 1, DEAD, "dense", 0.8)),
        None,
    ),
    "dead-by-biases": (rules.dead_units, born_dead_by(100.0), Severity.WARNING),
    "dead-with-small-biases": (rules.dead_units, born_dead_by(0.5), Severity.WARNING),
    "dead-before-the-first-step-of-fine-tuning": (
        rules.dead_units,
        born_dead(start=0.2),
        Severity.NOTE,
    ),
    "dead-before-the-first-step-of-fine-tuning-that-fits-poorly": (
        rules.dead_units,
        born_dead(start=0.2, error=0.5, losses=[0.2] * 6),
        Severity.WARNING,
    ),
    "dead-before-the-first-step-of-fine-tuning-that-has-just-begun": (
        rules.dead_units,
        going_on(born_dead(start=0.2, error=0.5, losses=[0.2] * 6)),
        Severity.NOTE,
    ),
    "dead-before-the-first-step-of-fine-tuning-that-still-learns": (
        rules.dead_units,
        born_dead(start=1.9, error=0.5, losses=[1.9, 1.6, 1.3, 1.1, 0.9, 0.8]),
        Severity.NOTE,
    ),
    "dead-before-the-first-step-of-a-network-that-knows-little": (
        rules.dead_units,
        born_dead(start=2.2, error=0.5, losses=[2.2, 1.6, 1.4, 1.3, 1.25, 1.2]),
        Severity.WARNING,
    ),
    "dead-through-before-the-first-step-of-fine-tuning": (
        rules.dead_units,
        born_dead(1.0, start=0.2),
        Severity.ERROR,
    ),
    "died-in-fine-tuning": (
        rules.dead_units,
        born_dead(first=0.1, start=0.2, error=0.4),
        Severity.WARNING,
    ),
    "dead-for-both-of-two-examples": (
        rules.dead_units,
        of_different(2, layer(DEAD, [0.8] * 5)),
        None,
    ),
    "all-dead-for-both-of-two-examples": (
        rules.dead_units,
        of_different(2, layer(DEAD, [1.0] * 5)),
        Severity.ERROR,
    ),
    "all-dead-in-a-short-run": (
        rules.dead_units,
        shut(6, dead=[1.0], gradients=ALIVE),
        Severity.ERROR,
    ),
    "some-dead-in-a-short-run": (rules.dead_units, shut(6, dead=[0.7], gradients=ALIVE), None),
    "all-dead-but-active-a-moment-ago": (
        rules.dead_units,
        shut(6, dead=[1.0], gradients=ALIVE, opened_at=4),
        None,
    ),
    "all-dead-in-the-latest-three": (
        rules.dead_units,
        shut(6, dead=[1.0], gradients=ALIVE, opened_at=2),
        Severity.ERROR,
    ),
    "all-dead-twice-so-far": (rules.dead_units, shut(2, dead=[1.0]), None),
    "all-dead-in-a-run-of-two-measurements": (
        rules.dead_units,
        shut(2, dead=[1.0], has_ended=True),
        Severity.ERROR,
    ),
    "all-dead-and-nothing-moves": (rules.dead_units, shut(3), Severity.ERROR),
    "all-dead-and-nothing-moves-twice-so-far": (rules.dead_units, shut(2), None),
    "all-dead-and-nothing-moves-in-a-run-of-two-measurements": (
        rules.dead_units,
        shut(2, has_ended=True),
        Severity.ERROR,
    ),
    "all-dead-for-a-few-examples-while-others-train": (
        rules.dead_units,
        shut(6, gradients=ALIVE),
        None,
    ),
    "all-dead-for-a-few-examples-and-moved-before": (
        rules.dead_units,
        shut(6, gradients=[[1.0, *[0.0] * 5]] * 3),
        None,
    ),
    "nothing-moves-although-units-were-active": (rules.dead_units, shut(6, opened_at=0), None),
    "all-dead-and-nothing-moves-for-equal-examples": (
        rules.dead_units,
        shut(6, different=2),
        None,
    ),
    "open-on-both-sides": (rules.dead_units, layer(DEAD, [0.9] * 5, kind="open"), None),
    "no-probe-yet": (rules.dead_units, history({}), None),
    "stuck-at-an-end": (
        rules.saturated_units,
        layer(SATURATED, [0.8] * 4, kind="squashing"),
        Severity.WARNING,
    ),
    "all-stuck": (
        rules.saturated_units,
        layer(SATURATED, [1.0] * 4, kind="squashing"),
        Severity.WARNING,
    ),
    "stuck-and-learns-nothing": (
        rules.saturated_units,
        stuck([0.5] * 4, [0.7] * 4, epochs=4),
        Severity.WARNING,
    ),
    "stuck-and-learns-a-quarter": (
        rules.saturated_units,
        stuck([0.26] * 4, [0.5] * 4, epochs=4),
        Severity.WARNING,
    ),
    "stuck-and-learns-all-the-same": (
        rules.saturated_units,
        stuck([0.1] * 4, [0.3] * 4, epochs=4),
        Severity.NOTE,
    ),
    "stuck-and-still-early": (
        rules.saturated_units,
        stuck([0.4] * 3, [0.68, 0.6, 0.5], epochs=40),
        Severity.NOTE,
    ),
    "stuck-early-and-nothing-moves": (
        rules.saturated_units,
        stuck([0.5] * 4, [0.7] * 4, epochs=40),
        Severity.WARNING,
    ),
    "a-third-stuck": (rules.saturated_units, layer(SATURATED, [0.3] * 4, kind="squashing"), None),
    "sure-classifier": (
        rules.saturated_units,
        layer(SATURATED, [1.0] * 4, kind="squashing", role="output"),
        None,
    ),
    "explodes": (
        rules.loss_explosion,
        losses(2.3026, [2.3026] + [51.237] * 11),
        Severity.ERROR,
    ),
    "explodes-hopelessly": (rules.loss_explosion, losses(2.3, [2.3, 5e3, 6e4]), Severity.ERROR),
    "overshoots-at-first": (rules.loss_explosion, losses(2.3, [2.3, 50, 60, 20]), None),
    "one-spike": (rules.loss_explosion, losses(2.3, [2.3, 50, 2.0]), None),
    "mean-of-an-epoch": (rules.loss_explosion, losses(2.3, [2.3], [7.5]), Severity.ERROR),
    "mean-of-a-short-epoch": (
        rules.loss_explosion,
        history({("loss/start", ""): [2.3], ("logs/loss", ""): [7.5, 2.0]}, steps_per_epoch=3),
        None,
    ),
    "density-that-began-near-zero": (
        rules.loss_explosion,
        losses(0.1, [0.1, -0.2, 0.5, 0.6, 0.4]),
        None,
    ),
    "large-from-the-start": (rules.loss_explosion, losses(5e4, [5e4, 4e4, 3e4], [3e4]), None),
    "trained-before-and-shaken": (
        rules.loss_explosion,
        losses(1e-3, [1e-3] + [1.1] * 11, [1.1], constant=2.3),
        None,
    ),
    "trained-before-and-half-is-lost": (
        rules.loss_explosion,
        losses(1e-3, [1e-3] + [1.2] * 11, [1.2], constant=2.3),
        Severity.ERROR,
    ),
    "trained-before-and-worse-than-nothing": (
        rules.loss_explosion,
        losses(1e-3, [1e-3, 5e3, 6e4], constant=2.3),
        Severity.ERROR,
    ),
    "new-and-three-times-a-constant-prediction": (
        rules.loss_explosion,
        losses(2.3, [2.3] + [6.8] * 11, [6.8], constant=2.2),
        None,
    ),
    "trained-halfway-with-batches-far-apart": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.5, 0.2, 0.9, 0.3, 1.4, 0.2, 0.8], [1.4], constant=1.0),
        None,
    ),
    "batches-far-apart-and-worse-than-nothing": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.5, 0.2, 0.9, 0.3, 1.4, 0.2, 0.8], [3.1], constant=1.0),
        Severity.ERROR,
    ),
    "trained-halfway-with-batches-alike": (
        rules.loss_explosion,
        losses(0.1, [0.1] * 8, [0.6], constant=1.0),
        Severity.ERROR,
    ),
    "classes-trained-before-by-their-number": (
        rules.loss_explosion,
        of_classes(losses(1e-3, [1e-3], [0.6]), 4),
        None,
    ),
    "classes-trained-before-and-forgotten": (
        rules.loss_explosion,
        of_classes(losses(1e-3, [1e-3], [1.4], constant=9.0), 4),
        Severity.ERROR,
    ),
    "numbers-trained-before-by-their-spread": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [1.9]), "squared", std=2.0),
        None,
    ),
    "numbers-trained-before-and-forgotten": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [2.1]), "squared", std=2.0),
        Severity.ERROR,
    ),
    "first-batch-without-the-rare-large-targets": (
        rules.loss_explosion,
        with_targets(losses(1.4, [1.4], [5.5], constant=1.4), "squared", std=2.2),
        None,
    ),
    "new-and-beyond-the-spread-of-all-targets": (
        rules.loss_explosion,
        with_targets(losses(1.4, [1.4], [15.0], constant=1.4), "squared", std=2.2),
        Severity.ERROR,
    ),
    "absolute-errors-trained-before": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [0.9]), "absolute", std=2.0),
        None,
    ),
    "no-constant-prediction-and-weights-that-stay": (
        rules.loss_explosion,
        losses(1e-3, [1e-3] + [0.4] * 11, [0.4], ratio=0.02),
        None,
    ),
    "no-constant-prediction-and-weights-overwritten": (
        rules.loss_explosion,
        losses(1e-3, [1e-3] + [0.4] * 11, [0.4], ratio=0.8),
        Severity.ERROR,
    ),
    "a-likelihood-of-ones-own": (
        rules.loss_explosion,
        of_an_own_loss(losses(0.4, [0.4] + [4.0] * 11, [4.0], constant=0.4, ratio=0.02)),
        None,
    ),
    "a-loss-of-ones-own-and-weights-overwritten": (
        rules.loss_explosion,
        of_an_own_loss(losses(0.4, [0.4] + [4.0] * 11, [4.0], constant=0.4, ratio=0.8)),
        Severity.ERROR,
    ),
    "not-a-number-although-nothing-is-known": (
        rules.loss_explosion,
        losses(1e-3, [1e-3, math.nan], ratio=0.02),
        Severity.ERROR,
    ),
    "not-a-number": (rules.loss_explosion, losses(2.3, [2.3, math.nan]), Severity.ERROR),
    "explodes-after-steps-longer-than-borne": (
        rules.loss_explosion,
        bearing(losses(2.3, [2.3] + [50] * 11), (2.0, 1.5, 3.0), (0.9, 0.7, 1.0), (0.6, 0.4, 0.8)),
        Severity.ERROR,
    ),
    "explodes-for-eleven-steps": (
        rules.loss_explosion,
        losses(2.3, [2.3] + [50] * 12),
        Severity.ERROR,
    ),
    "explodes-for-nine-steps": (
        rules.loss_explosion,
        losses(2.3, [2.3] + [50] * 10),
        None,
    ),
    "explodes-to-the-limit": (
        rules.loss_explosion,
        losses(2.0, [2.0] + [6.0] * 11),
        None,
    ),
    "explodes-to-thirty-times-the-limit": (
        rules.loss_explosion,
        losses(2.0, [2.0, 180.0, 180.0]),
        None,
    ),
    "explodes-to-more-than-thirty-times-the-limit": (
        rules.loss_explosion,
        losses(2.0, [2.0, 2.0, 2.0, 181.0, 181.0]),
        Severity.ERROR,
    ),
    "one-spike-at-the-end": (
        rules.loss_explosion,
        losses(2.3, [2.3, 2.3, 5e4]),
        None,
    ),
    "mean-of-an-epoch-at-the-limit": (
        rules.loss_explosion,
        losses(2.0, [2.0], [6.0]),
        None,
    ),
    "mean-of-two-short-epochs": (
        rules.loss_explosion,
        history({("loss/start", ""): [2.3], ("logs/loss", ""): [2.0, 7.5, 8.0]}, steps_per_epoch=5),
        Severity.ERROR,
    ),
    "mean-of-a-short-epoch-is-infinite": (
        rules.loss_explosion,
        history({("loss/start", ""): [2.3], ("logs/loss", ""): [2.0, math.inf]}, steps_per_epoch=5),
        Severity.ERROR,
    ),
    "small-losses-before-the-end-of-an-epoch": (
        rules.loss_explosion,
        losses(1e-3, [1e-3] * 3),
        None,
    ),
    "began-at-zero": (
        rules.loss_explosion,
        losses(0.0, [0.0] + [5.0] * 11),
        None,
    ),
    "began-below-zero": (
        rules.loss_explosion,
        losses(-1.0, [5.0] * 11),
        None,
    ),
    "began-with-nothing-finite": (
        rules.loss_explosion,
        losses(math.nan, [5.0] * 11),
        None,
    ),
    "began-with-an-unknown-loss": (
        rules.loss_explosion,
        history({("loss/batch", ""): [5.0] * 11}),
        None,
    ),
    "no-constant-prediction-and-weights-half-overwritten": (
        rules.loss_explosion,
        losses(1e-3, [1e-3] + [0.4] * 11, [0.4], ratio=0.5),
        None,
    ),
    "trained-halfway-with-five-batches-far-apart": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.5, 0.2, 0.9, 0.3], [1.4], constant=1.0),
        Severity.ERROR,
    ),
    "trained-halfway-with-six-batches-far-apart": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.5, 0.2, 0.9, 0.3, 1.4], [1.4], constant=1.0),
        None,
    ),
    "trained-halfway-with-batches-of-loss-zero": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.0] * 5, [0.6], constant=1.0),
        Severity.ERROR,
    ),
    "batches-that-differ-by-a-factor-of-two": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.2] * 5, [0.77], constant=1.0),
        None,
    ),
    "batches-that-differ-by-a-factor-of-two-and-worse-than-that": (
        rules.loss_explosion,
        losses(0.1, [0.1, 0.2] * 5, [0.8], constant=1.0),
        Severity.ERROR,
    ),
    "small-numbers-trained-before-under-huber": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [0.06]), "huber", std=0.5),
        None,
    ),
    "small-numbers-forgotten-under-huber": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [0.066]), "huber", std=0.5),
        Severity.ERROR,
    ),
    "large-numbers-trained-before-under-huber": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [1.9]), "huber", std=4.0),
        None,
    ),
    "large-numbers-forgotten-under-huber": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [2.1]), "huber", std=4.0),
        Severity.ERROR,
    ),
    "numbers-of-unknown-spread-trained-before": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [0.1], ratio=0.02), "squared", std=None),
        None,
    ),
    "numbers-of-two-outputs-trained-before": (
        rules.loss_explosion,
        with_targets(losses(1e-3, [1e-3], [0.1], ratio=0.8), "squared", std=2.0, outputs=2),
        Severity.ERROR,
    ),
    "negative-loss": (rules.loss_explosion, losses(-1.0, [-5.0, 4.0, 5.0]), None),
    "exploded-and-came-back": (rules.loss_explosion, losses(2.3, [50, 60, 2, 1], [1.5]), None),
    "nan-in-the-inputs": (
        rules.non_finite_inputs,
        history({("inputs/nonfinite", "inputs[0]"): [0, 2], ("logs/loss", ""): [math.nan]}),
        Severity.ERROR,
    ),
    "nan-in-a-batch-that-was-only-kept": (
        rules.non_finite_inputs,
        history(
            {
                ("targets/nonfinite", "targets[0]"): [1],
                ("weights/norm", "dense/kernel"): [1.0, math.nan],
            }
        ),
        Severity.ERROR,
    ),
    "gaps-that-the-loss-leaves-out": (
        rules.non_finite_inputs,
        history(
            {
                ("targets/nonfinite", "targets[0]"): [9, 8],
                ("loss/batch", ""): [0.7, 0.6],
                ("logs/loss", ""): [0.6, 0.5, 0.5],
            }
        ),
        None,
    ),
    "gaps-that-are-left-out-before-an-explosion": (
        rules.non_finite_inputs,
        history(
            {
                ("targets/nonfinite", "targets[0]"): [9, 8],
                ("loss/batch", ""): [0.7, 0.6, 50.0, math.inf],
                ("weights/norm", "dense/kernel"): [1.0, 1.0, 9.0, 1e9],
            }
        ),
        None,
    ),
    "nan-in-the-inputs-is-no-explosion": (
        rules.loss_explosion,
        history(
            {
                ("inputs/nonfinite", "inputs[0]"): [0, 2],
                ("loss/start", ""): [2.3],
                ("loss/batch", ""): [math.nan, math.nan],
            }
        ),
        None,
    ),
    "all-finite": (
        rules.non_finite_values,
        history({("inputs/nonfinite", "inputs[0]"): [0, 0], ("logs/loss", ""): [1.0]}),
        None,
    ),
    "skipped-by-the-loss-scale": (
        rules.non_finite_values,
        history(
            {
                ("gradients/norm", "dense/kernel"): [math.inf],
                ("optimizer/loss_scale", ""): [32768.0],
            }
        ),
        None,
    ),
    "wide-gap": (
        rules.overfitting,
        history(scores([0.0] * 3, [0.3] * 3)),
        Severity.WARNING,
    ),
    "wide-gap-to-a-series-that-drifted": (
        rules.overfitting,
        drifted(history(scores([0.0] * 3, [0.3] * 3)), 1.0, 1.0),
        Severity.NOTE,
    ),
    "wide-gap-at-the-end": (
        rules.overfitting,
        history(scores([0.2, 0.0], [0.22, 0.3]), epochs=1, steps_per_epoch=1),
        Severity.WARNING,
    ),
    "wide-gap-in-spite-of-dropout": (
        rules.overfitting,
        history(
            scores([0.0] * 3, [0.3] * 3),
            regularization=Regularization(dropout=(0.3,), weight_decay=1e-4),
        ),
        Severity.WARNING,
    ),
    "wide-gap-once": (
        rules.overfitting,
        history(scores([0.2, 0.0], [0.22, 0.3]), epochs=20, steps_per_epoch=1),
        None,
    ),
    "gap-before-anything-is-learnt": (
        rules.overfitting,
        history(
            scores([0.65] * 3, [0.93] * 3) | {("reference/constant_error", "train"): [0.65] * 3}
        ),
        None,
    ),
    "usual-gap": (rules.overfitting, history(scores([0.0] * 3, [0.04] * 3)), None),
    "wide-but-unsure": (rules.overfitting, history(scores([0.0] * 3, [0.3] * 3, error=0.2)), None),
    "validation-loss-rises": (
        rules.overfitting,
        history(
            scores([1.5, 0.5, 0.2, 0.1, 0.05], [1.6, 0.9, 1.3, 1.5, 1.6], name="loss")
            | {("loss/start", ""): [2.3]}
        ),
        Severity.WARNING,
    ),
    "validation-loss-wobbles": (
        rules.overfitting,
        history(
            scores([1.5, 0.5, 0.2, 0.1, 0.05], [1.6, 0.9, 0.92, 0.91, 0.93], name="loss")
            | {("loss/start", ""): [2.3]}
        ),
        None,
    ),
    "no-better-than-a-constant": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT),
        Severity.WARNING,
    ),
    "neighbours-do-better": (
        rules.underfitting,
        poor(
            [0.3] * 8,
            {
                "constant_error": 0.5,
                "neighbour_error": 0.05,
                "neighbour_advantage": 0.25,
                "neighbour_advantage_stderr": 0.02,
            },
            FLAT,
        ),
        Severity.WARNING,
    ),
    "neighbours-do-better-than-what-is-learnt": (
        rules.underfitting,
        poor(
            [0.2] * 8,
            {
                "constant_error": 0.5,
                "neighbour_error": 0.05,
                "neighbour_advantage": 0.15,
                "neighbour_advantage_stderr": 0.02,
            },
            FLAT,
        ),
        Severity.NOTE,
    ),
    "slow-regularized-and-still-falling": (rules.underfitting, slow(), Severity.WARNING),
    "frozen-and-a-bit-behind-the-neighbours": (rules.underfitting, frozen(error=0.2), None),
    "frozen-and-of-no-use": (rules.underfitting, frozen(error=0.4), Severity.WARNING),
    "noise-that-nobody-can-learn": (
        rules.underfitting,
        poor(
            [0.3] * 8,
            {
                "constant_error": 0.5,
                "neighbour_error": 0.35,
                "neighbour_advantage": -0.05,
                "neighbour_advantage_stderr": 0.02,
            },
            FLAT,
        ),
        None,
    ),
    "too-early-to-tell": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, epochs=100),
        None,
    ),
    "ended-early": (
        rules.underfitting,
        poor([0.5] * 51, {"constant_error": 0.5}, [0.693] * 51, epochs=200, done=True),
        Severity.WARNING,
    ),
    "ended-early-while-falling": (
        rules.underfitting,
        poor([0.5] * 12, {"constant_error": 0.5}, [0.69 - 0.03 * s for s in range(12)], 100, True),
        None,
    ),
    "ended-at-once": (
        rules.underfitting,
        poor([0.5] * 5, {"constant_error": 0.5}, FLAT[:5], epochs=100, done=True),
        None,
    ),
    "still-falling": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FALLING, epochs=12),
        None,
    ),
    "weak-but-surely-better": (
        rules.underfitting,
        poor([0.98] * 8, {"constant_error": 1.0} | SURELY_BETTER, FLAT),
        None,
    ),
    "own-loss-that-weighs-a-rare-label": (
        rules.underfitting,
        of_an_own_loss(with_constant(1.15, poor([0.2] * 8, {"constant_error": 0.04}, FLAT))),
        None,
    ),
    "own-loss-no-better-than-that-of-a-constant": (
        rules.underfitting,
        of_an_own_loss(with_constant(0.7, poor([0.2] * 8, {"constant_error": 0.04}, FLAT))),
        Severity.WARNING,
    ),
    "plain-loss-with-more-errors-than-a-constant": (
        rules.underfitting,
        of_classes(with_constant(1.15, poor([0.2] * 8, {"constant_error": 0.04}, FLAT)), 2),
        Severity.WARNING,
    ),
    "no-yardstick": (rules.underfitting, poor([0.5] * 8, {}, FLAT), None),
    "gap-of-exactly-a-tenth-that-is-sure": (
        rules.overfitting,
        history(scores([0.1] * 4, [0.2] * 4, error=0.0)),
        Severity.WARNING,
    ),
    "gap-below-the-limit": (
        rules.overfitting,
        history(scores([0.1] * 4, [0.19] * 4, error=0.0)),
        None,
    ),
    "gap-of-a-network-that-learned-little": (
        rules.overfitting,
        history(scores([0.45] * 4, [0.9] * 4) | {("reference/constant_error", "train"): [0.5]}),
        None,
    ),
    "gap-of-a-network-that-learned-something": (
        rules.overfitting,
        history(scores([0.44] * 4, [0.9] * 4) | {("reference/constant_error", "train"): [0.5]}),
        Severity.WARNING,
    ),
    "gap-of-a-network-that-has-learned-by-now": (
        rules.overfitting,
        history(
            scores([0.5, 0.5, 0.5, 0.1], [0.9] * 4) | {("reference/constant_error", "train"): [0.5]}
        ),
        Severity.WARNING,
    ),
    "loss-rose-by-a-quarter-of-the-fall": (
        rules.overfitting,
        rising([0.5, 0.625, 0.625, 0.625]),
        Severity.WARNING,
    ),
    "loss-rose-by-less-than-a-fifth-of-the-fall": (
        rules.overfitting,
        rising([0.5, 0.59, 0.59, 0.59]),
        None,
    ),
    "loss-rose-in-two-epochs": (
        rules.overfitting,
        rising([0.5, 0.625, 0.625]),
        Severity.WARNING,
    ),
    "loss-rose-in-one-epoch": (
        rules.overfitting,
        rising([0.5, 0.45, 0.625]),
        None,
    ),
    "loss-rose-in-the-latest-epoch-only": (
        rules.overfitting,
        rising([0.5, 0.5, 0.5, 0.625]),
        None,
    ),
    "loss-rose-in-the-latest-two-epochs": (
        rules.overfitting,
        rising([0.5, 0.51, 0.51, 0.625, 0.625]),
        Severity.WARNING,
    ),
    "loss-rose-but-is-uncertain": (
        rules.overfitting,
        rising([0.5, 0.625, 0.625, 0.625], error=0.1),
        None,
    ),
    "loss-rose-where-nothing-was-learned": (
        rules.overfitting,
        rising([0.5, 0.625, 0.625, 0.625], start=0.5),
        None,
    ),
    "loss-rose-above-a-start-that-was-better": (
        rules.overfitting,
        rising([0.5, 0.625, 0.625, 0.625], start=0.4),
        None,
    ),
    "loss-rose-from-an-unknown-start": (
        rules.overfitting,
        without(rising([0.5, 0.625, 0.625, 0.625]), "loss/start"),
        None,
    ),
    "loss-rose-on-training-data-as-well": (
        rules.overfitting,
        rising([0.5, 0.625, 0.625, 0.625], train=[0.5, 0.5, 0.5, 0.5]),
        None,
    ),
    "loss-of-large-numbers-rose-little": (
        rules.overfitting,
        rising([5.0, 5.5, 5.5, 5.5], start=10.0),
        None,
    ),
    "gap-instead": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, validation=[0.8] * 8),
        None,
    ),
    "neither-network-nor-neighbours": (
        rules.uninformative_inputs,
        poor([0.5] * 8, {"constant_error": 0.5, "neighbour_error": 0.49} | NO_BETTER, FLAT),
        Severity.WARNING,
    ),
    "skewed-but-surely-better": (
        rules.uninformative_inputs,
        poor(
            [0.95] * 8,
            {"constant_error": 1.0, "neighbour_error": 1.1, "constant_advantage": 0.05}
            | {"constant_advantage_stderr": 0.01},
            FLAT,
        ),
        None,
    ),
    "weak-signal-on-few-examples": (
        rules.uninformative_inputs,
        poor(
            [0.65] * 8,
            {"constant_error": 0.75, "neighbour_error": 0.74, "constant_advantage": 0.1}
            | {"constant_advantage_stderr": 0.06},
            FLAT,
        ),
        None,
    ),
    "weak-signal-that-is-sure-at-last": (
        rules.uninformative_inputs,
        poor(
            [0.71] * 8,
            {"constant_error": 0.75, "neighbour_error": 0.74, "constant_advantage": 0.04}
            | {"constant_advantage_stderr": 0.02},
            FLAT,
        ),
        None,
    ),
    "no-signal-on-few-examples": (
        rules.uninformative_inputs,
        poor(
            [0.71] * 8,
            {"constant_error": 0.75, "neighbour_error": 0.74, "constant_advantage": 0.04}
            | {"constant_advantage_stderr": 0.06},
            FLAT,
        ),
        Severity.WARNING,
    ),
    "fits-by-heart-what-does-not-carry-over": (
        rules.uninformative_inputs,
        poor(
            [0.2] * 8,
            {"constant_error": 0.5, "neighbour_error": 0.49},
            FLAT,
            validation=[0.5] * 8,
            beside_validation={"constant_error": 0.5} | NO_BETTER,
        ),
        Severity.WARNING,
    ),
    "better-than-its-neighbours": (
        rules.uninformative_inputs,
        poor(
            [0.2] * 8,
            {"constant_error": 0.5, "neighbour_error": 0.49, "constant_advantage": 0.3}
            | {"constant_advantage_stderr": 0.01},
            FLAT,
        ),
        None,
    ),
    "neighbours-know": (
        rules.uninformative_inputs,
        poor([0.5] * 8, {"constant_error": 0.5, "neighbour_error": 0.1} | NO_BETTER, FLAT),
        None,
    ),
    "finite-inputs": (
        rules.non_finite_inputs,
        history({("inputs/nonfinite", "inputs[0]"): [0, 0]}),
        None,
    ),
    "weights-went-bad": (
        rules.non_finite_values,
        history({("weights/norm", "dense/kernel"): [1.0, 1.0, math.nan, math.nan]}),
        Severity.ERROR,
    ),
    "activations-overflowed-in-float16": (
        rules.non_finite_values,
        in_float16(layer("activations/nonfinite", [0, 3])),
        Severity.ERROR,
    ),
    "gradient-went-bad": (
        rules.non_finite_values,
        history({("loss/batch", ""): [1.0, 1.0], ("gradients/norm", "a/kernel"): [1.0, math.nan]}),
        Severity.ERROR,
    ),
    "loss-went-bad": (
        rules.non_finite_values,
        history({("loss/batch", ""): [1.0, math.nan]}),
        Severity.ERROR,
    ),
    "loss-went-bad-between-measurements": (
        rules.non_finite_values,
        history({("loss/batch", ""): [1.0], ("logs/loss", ""): [1.0, 1.0, math.nan]}),
        Severity.ERROR,
    ),
    "loss-of-outputs-too-large-to-square": (rules.non_finite_values, too_large(), Severity.ERROR),
    "weights-went-bad-under-a-loss-scale": (
        rules.non_finite_values,
        history(
            {("weights/norm", "dense/kernel"): [1.0, math.nan], ("optimizer/loss_scale", ""): [2.0]}
        ),
        Severity.ERROR,
    ),
    "activations-went-bad-under-a-loss-scale": (
        rules.non_finite_values,
        history({("activations/nonfinite", "dense"): [0, 3], ("optimizer/loss_scale", ""): [2.0]}),
        Severity.ERROR,
    ),
    "one-activation-went-bad": (
        rules.non_finite_values,
        history({("activations/nonfinite", "dense"): [0, 1]}),
        Severity.ERROR,
    ),
    "all-values-are-finite": (
        rules.non_finite_values,
        history({("activations/nonfinite", "dense"): [0, 0], ("loss/batch", ""): [1.0, 2.0]}),
        None,
    ),
    "gradient-overflowed-under-a-loss-scale": (
        rules.non_finite_values,
        history(
            {("gradients/norm", "a/kernel"): [1.0, math.inf], ("optimizer/loss_scale", ""): [2.0]}
        ),
        None,
    ),
    "gradient-went-bad-under-a-loss-scale-of-one": (
        rules.non_finite_values,
        history(
            {("gradients/norm", "a/kernel"): [1.0, math.inf], ("optimizer/loss_scale", ""): [1.0]}
        ),
        Severity.ERROR,
    ),
    "loss-of-yes-and-no-went-bad": (
        rules.non_finite_values,
        history({("loss/batch", ""): [1.0, math.nan]}, outputs=(OutputFacts(form="binary"),)),
        Severity.ERROR,
    ),
    "loss-of-one-hot-classes-went-bad": (
        rules.non_finite_values,
        history(
            {("loss/batch", ""): [1.0, math.nan]},
            outputs=(OutputFacts(form="categorical", is_sparse=False),),
        ),
        Severity.ERROR,
    ),
    "loss-of-numbers-went-bad": (
        rules.non_finite_values,
        history({("loss/batch", ""): [1.0, math.nan]}, outputs=(OutputFacts(form="distance"),)),
        Severity.ERROR,
    ),
    "loss-of-the-first-of-two-outputs-went-bad": (
        rules.non_finite_values,
        history(
            {("loss/batch", ""): [1.0, math.nan]},
            outputs=(OutputFacts(form="binary"), OutputFacts(form="categorical")),
        ),
        Severity.ERROR,
    ),
    "loss-of-one-hot-and-sparse-classes-went-bad": (
        rules.non_finite_values,
        history(
            {("loss/batch", ""): [1.0, math.nan]},
            outputs=(
                OutputFacts(form="categorical", is_sparse=False),
                OutputFacts(form="categorical", is_sparse=True),
            ),
        ),
        Severity.ERROR,
    ),
    "loss-that-is-no-crossentropy-went-bad": (
        rules.non_finite_values,
        history({("loss/batch", ""): [1.0, math.nan]}, loss="mean_squared_error"),
        Severity.ERROR,
    ),
    "loss-of-small-outputs-went-bad": (
        rules.non_finite_values,
        history(
            {("loss/batch", ""): [1.0, math.nan]} | {("activations/std", "a"): [1.0, 1.0]},
            layers={"a": DENSE},
        ),
        Severity.ERROR,
    ),
    "loss-of-a-state-too-large-to-square": (
        rules.non_finite_values,
        into("LSTM", too_large()),
        Severity.ERROR,
    ),
    "labels-from-1": (
        rules.labels_out_of_range,
        output("categorical", data={"low": 1.0, "high": 10.0}, is_sparse=True, columns=10),
        Severity.ERROR,
    ),
    "labels-from-0": (
        rules.labels_out_of_range,
        output("categorical", data={"low": 0.0, "high": 9.0}, is_sparse=True, columns=10),
        None,
    ),
    "minus-one-and-one": (
        rules.labels_out_of_range,
        output("binary", data={"low": -1.0, "high": 1.0}),
        Severity.ERROR,
    ),
    "two-labels-in-a-row": (
        rules.labels_out_of_range,
        output(
            "categorical",
            columns=5,
            data={"low": 0, "high": 1, "sum_low": 1.0, "sum_high": 2.0, "columns": 5},
        ),
        Severity.WARNING,
    ),
    "softmax-over-one": (
        rules.output_loss_mismatch,
        output("binary", low=0, high=1, is_distribution=True, columns=1),
        Severity.ERROR,
    ),
    "logits-not-told": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, columns=3),
        Severity.ERROR,
    ),
    "logits-not-told-to-binary": (
        rules.output_loss_mismatch,
        output("binary", from_logits=False),
        Severity.ERROR,
    ),
    "logits-not-told-to-a-loss-of-ones-own": (
        rules.output_loss_mismatch,
        output("binary", from_logits=False, is_own=True),
        Severity.WARNING,
    ),
    "logits-of-classes-not-told-to-a-loss-of-ones-own": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, columns=3, is_own=True),
        Severity.WARNING,
    ),
    "a-logarithmic-error-of-targets-below-0": (
        rules.output_loss_mismatch,
        output("other", data=CENTRED, demands="not_negative"),
        Severity.WARNING,
    ),
    "counts-that-were-centred": (
        rules.output_loss_mismatch,
        output("other", data=CENTRED, demands="not_negative", low=0.0),
        Severity.WARNING,
    ),
    "a-logarithmic-error-of-counts": (
        rules.output_loss_mismatch,
        output("other", data=COUNTS, demands="not_negative"),
        None,
    ),
    "a-percentage-of-targets-of-both-signs": (
        rules.output_loss_mismatch,
        output("other", data=CENTRED, demands="not_zero"),
        Severity.WARNING,
    ),
    "a-percentage-of-counts-with-zeros": (
        rules.output_loss_mismatch,
        output("other", data=COUNTS, demands="not_zero"),
        Severity.WARNING,
    ),
    "a-percentage-of-prices": (
        rules.output_loss_mismatch,
        output("other", data=PRICES, demands="not_zero"),
        None,
    ),
    "a-direction-of-one-number": (
        rules.output_loss_mismatch,
        output("other", demands="several"),
        Severity.ERROR,
    ),
    "a-direction-of-an-embedding": (
        rules.output_loss_mismatch,
        output("other", columns=8, demands="several"),
        None,
    ),
    "tanh-for-a-probability": (
        rules.output_loss_mismatch,
        output("binary", from_logits=False, low=-1, high=1),
        Severity.ERROR,
    ),
    "softmax-twice": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=True, low=0, high=1, is_distribution=True, columns=3),
        Severity.WARNING,
    ),
    "sigmoid-twice": (
        rules.output_loss_mismatch,
        output("binary", from_logits=True, low=0, high=1),
        Severity.WARNING,
    ),
    "sigmoids-as-logits": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=True, low=0, high=1, columns=3),
        Severity.WARNING,
    ),
    "sigmoids-for-one-of-many": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, low=0, high=1, columns=3),
        Severity.NOTE,
    ),
    "sigmoids-that-nothing-divides": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, low=0, high=1, columns=3, normalizes=False),
        Severity.ERROR,
    ),
    "one-number-for-ten-outputs": (
        rules.output_loss_mismatch,
        output("distance", columns=10, data={"columns": 1}),
        Severity.ERROR,
    ),
    "ten-numbers-for-ten-outputs": (
        rules.output_loss_mismatch,
        output("distance", columns=10, data={"columns": 10}),
        None,
    ),
    "softmax-over-rows": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, low=0, high=1, columns=3, normalized_axes=(1,)),
        Severity.WARNING,
    ),
    "softmax-over-all-pixels": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, low=0, high=1, columns=3, normalized_axes=(1, 2)),
        Severity.WARNING,
    ),
    "attention-of-logits": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=True, columns=3, normalized_axes=(1,)),
        None,
    ),
    "mean-of-all-epochs": (
        rules.metric_not_reset,
        updated([(4, 4), (9, 9), (15, 15), (22, 22), (38, 38)]),
        Severity.WARNING,
    ),
    "mean-of-each-epoch": (
        rules.metric_not_reset,
        updated([(4, 4), (9, 9), (15, 5), (22, 2), (38, 8)]),
        None,
    ),
    "mean-in-the-second-epoch": (
        rules.metric_not_reset,
        updated([(4, 4), (9, 9), (12, 12), (14, 14)]),
        None,
    ),
    "mean-of-examples": (
        rules.metric_not_reset,
        updated([(4, 128), (9, 288), (15, 160), (38, 256)]),
        None,
    ),
    "normalized-alone": (rules.normalized_alone, normalizing(64, 1), Severity.WARNING),
    "normalized-alone-twice": (rules.normalized_alone, normalizing(1, 1), Severity.WARNING),
    "normalized-to-signs": (
        rules.normalized_alone,
        normalizing(1, kind="RMSNormalization"),
        Severity.WARNING,
    ),
    "normalized-together": (rules.normalized_alone, normalizing(64, None), None),
    "tokens-between-0-and-1": (
        rules.fractional_indices,
        history({("embeddings/cut_fraction", "words"): [0.98]}),
        Severity.WARNING,
    ),
    "tokens-as-floats": (
        rules.fractional_indices,
        history({("embeddings/cut_fraction", "words"): [0.0]}),
        None,
    ),
    "labels-smoothed-away": (
        rules.label_smoothing_too_high,
        output("categorical", from_logits=True, columns=10, label_smoothing=0.9),
        Severity.WARNING,
    ),
    "yes-and-no-smoothed-away": (
        rules.label_smoothing_too_high,
        output("binary", from_logits=False, label_smoothing=0.5),
        Severity.WARNING,
    ),
    "labels-smoothed": (
        rules.label_smoothing_too_high,
        output("categorical", from_logits=False, columns=10, label_smoothing=0.2),
        None,
    ),
    "softmax-for-several-labels": (
        rules.output_loss_mismatch,
        output(
            "binary",
            from_logits=False,
            low=0,
            high=1,
            is_distribution=True,
            columns=3,
            data={"sum_high": 2.0},
        ),
        Severity.WARNING,
    ),
    "squared-error-of-a-softmax": (
        rules.output_loss_mismatch,
        output(
            "distance",
            low=0,
            high=1,
            is_distribution=True,
            columns=3,
            data={"is_one_hot": True, "percentile_1": 0, "percentile_99": 1, "columns": 3},
        ),
        Severity.NOTE,
    ),
    "softmax": (
        rules.output_loss_mismatch,
        output("categorical", from_logits=False, low=0, high=1, is_distribution=True, columns=3),
        None,
    ),
    "logits": (rules.output_loss_mismatch, output("binary", from_logits=True), None),
    "relu-below-zero": (
        rules.output_loss_mismatch,
        output(
            "distance", low=0, data={"percentile_1": -2, "percentile_99": 2, "low": -3, "high": 3}
        ),
        Severity.ERROR,
    ),
    "linear": (
        rules.output_loss_mismatch,
        output("distance", data={"percentile_1": -2, "percentile_99": 2, "low": -3, "high": 3}),
        None,
    ),
    "unknown-output": (
        rules.output_loss_mismatch,
        output("binary", from_logits=False, low=None, high=None),
        None,
    ),
    "unknown-output-that-stays-in-the-unit-interval": (
        rules.output_loss_mismatch,
        measured_between(0.1, 0.9, output("binary", from_logits=False, low=None, high=None)),
        None,
    ),
    "unknown-output-that-leaves-the-unit-interval": (
        rules.output_loss_mismatch,
        measured_between(-0.4, 0.9, output("binary", from_logits=False, low=None, high=None)),
        Severity.ERROR,
    ),
    "two-constant-columns": (
        rules.constant_features,
        data(inputs={"features": 9, "constant_features": 2, "first_constant": 3}),
        Severity.NOTE,
    ),
    "nothing-but-constants": (
        rules.constant_features,
        data(inputs={"features": 9, "constant_features": 9, "first_constant": 0}),
        Severity.ERROR,
    ),
    "images-that-are-all-black": (
        rules.constant_features,
        data(inputs={"dtype": "uint8", "shape": (8, 8, 1), "low": 0.0, "high": 0.0, "rms": 0.0}),
        Severity.ERROR,
    ),
    "images-with-a-white-pixel": (
        rules.constant_features,
        data(inputs={"dtype": "uint8", "shape": (8, 8, 1), "low": 0.0, "high": 1.0, "rms": 0.1}),
        None,
    ),
    "most-examples-equal": (
        rules.constant_features,
        data(inputs={"low": 0.0, "high": 1.0, "equal_fraction": 0.97}),
        Severity.WARNING,
    ),
    "some-examples-equal": (
        rules.constant_features,
        data(inputs={"low": 0.0, "high": 1.0, "equal_fraction": 0.3}),
        Severity.NOTE,
    ),
    "few-examples-equal": (
        rules.constant_features,
        data(inputs={"low": 0.0, "high": 1.0, "equal_fraction": 0.1}),
        None,
    ),
    "constant-in-few": (
        rules.constant_features,
        data(10, inputs={"features": 9, "constant_features": 2, "first_constant": 3}),
        None,
    ),
    "padding-mask-of-ones": (rules.constant_features, beside_tokens(dtype="int32", value=1), None),
    "segments-of-zeros": (rules.constant_features, beside_tokens(dtype="bool", value=0), None),
    "constant-condition": (
        rules.constant_features,
        beside_tokens(dtype="float32", value=0),
        Severity.NOTE,
    ),
    "constant-number-that-is-no-mask": (
        rules.constant_features,
        beside_tokens(dtype="int32", value=3),
        Severity.NOTE,
    ),
    "beside-an-input-that-is-constant-too": (
        rules.constant_features,
        beside_tokens(dtype="int32", value=1, tokens=1),
        Severity.ERROR,
    ),
    "half-a-table-constant-beside-another": (
        rules.constant_features,
        beside_tokens(dtype="float32", value=0, high=3.0, constant=4),
        Severity.WARNING,
    ),
    "one-example-repeated": (
        rules.constant_features,
        repeated(largest_fraction=1.0),
        Severity.NOTE,
    ),
    "one-input-with-different-targets": (
        rules.constant_features,
        repeated(largest_fraction=0.5),
        Severity.ERROR,
    ),
    "padded-tokens": (
        rules.constant_features,
        data(inputs=PADDED | {"dtype": "int64"}),
        Severity.NOTE,
    ),
    "half-a-table-constant": (
        rules.constant_features,
        data(inputs=PADDED | {"dtype": "float32"}),
        Severity.WARNING,
    ),
    "one-class-of-twenty": (
        rules.class_imbalance,
        data(targets={"largest_fraction": 0.95}),
        Severity.NOTE,
    ),
    "only-yes": (rules.class_imbalance, only_one_class("binary"), Severity.WARNING),
    "only-yes-of-few": (
        rules.class_imbalance,
        only_one_class("binary", kept=299, total=5000),
        Severity.NOTE,
    ),
    "only-yes-of-few-but-all": (
        rules.class_imbalance,
        only_one_class("binary", kept=299, total=299),
        Severity.WARNING,
    ),
    "only-yes-of-many": (
        rules.class_imbalance,
        only_one_class("binary", kept=300, total=5000),
        Severity.WARNING,
    ),
    "placeholders": (rules.class_imbalance, only_one_class("other"), None),
    "rare-and-given-up": (rules.class_imbalance, rare(auc=0.51), Severity.WARNING),
    "rare-and-too-few-to-tell": (rules.class_imbalance, rare(0.51, error=0.2), Severity.NOTE),
    "rare-and-hardly-ever-answered": (
        rules.class_imbalance,
        rare(0.8, answers=0.97, beside_validation=answered(0.95, of=0.8)),
        Severity.WARNING,
    ),
    "rare-and-answered-nearly-as-often": (
        rules.class_imbalance,
        rare(0.8, answers=0.97, beside_validation=answered(0.906, of=0.898)),
        Severity.NOTE,
    ),
    "rare-and-ranked": (rules.class_imbalance, rare(auc=0.8), Severity.NOTE),
    "padding-counts": (rules.padding_in_loss, padded(0.91, 3.0), Severity.WARNING),
    "padding-of-half-the-steps-counts": (rules.padding_in_loss, padded(0.5, 0.2), Severity.WARNING),
    "padding-of-a-third-of-the-steps-counts": (
        rules.padding_in_loss,
        padded(0.3, 0.2),
        Severity.NOTE,
    ),
    "padding-of-a-few-steps-counts": (rules.padding_in_loss, padded(0.19, 0.2), None),
    "padding-is-masked": (rules.padding_in_loss, padded(0.91, 0.0), None),
    "padding-is-masked-up-to-rounding": (rules.padding_in_loss, padded(0.91, 1e-7), None),
    "padding-changes-the-loss-by-no-more-than-rounding": (
        rules.padding_in_loss,
        padded(0.91, 1e-5),
        None,
    ),
    "padding-of-a-fifth-of-the-steps-counts": (
        rules.padding_in_loss,
        padded(0.2, 0.2),
        Severity.NOTE,
    ),
    "padding-of-nearly-half-the-steps-counts": (
        rules.padding_in_loss,
        padded(0.49, 0.2),
        Severity.NOTE,
    ),
    "padding-before-the-first-score": (
        rules.padding_in_loss,
        without(padded(0.91, 3.0), "padding/"),
        None,
    ),
    "padding-of-an-unknown-fraction": (rules.padding_in_loss, padded(None, 3.0), None),
    "padding-of-one-of-two-targets": (rules.padding_in_loss, padded(0.91, 3.0, targets=2), None),
    "padding-of-targets-that-are-not-known": (
        rules.padding_in_loss,
        padded(0.91, 3.0, targets=0),
        None,
    ),
    "padding-of-inputs-that-are-not-known": (
        rules.padding_in_loss,
        padded(0.91, 3.0, inputs=0, index=0),
        Severity.WARNING,
    ),
    "padding-of-the-first-of-two-inputs": (
        rules.padding_in_loss,
        padded(0.91, 3.0, inputs=2, index=0),
        Severity.WARNING,
    ),
    "padding-of-the-last-of-three-inputs": (
        rules.padding_in_loss,
        padded(0.91, 3.0, inputs=3),
        Severity.WARNING,
    ),
    "padding-in-front-of-features": (
        rules.padding_in_loss,
        padded(0.91, 3.0, inputs=2),
        Severity.WARNING,
    ),
    "mask-hides-a-word": (
        rules.masked_data,
        masking("Embedding", hidden=0.2, hiding=0.9),
        Severity.WARNING,
    ),
    "mask-hides-a-word-now-and-then": (
        rules.masked_data,
        masking("Embedding", hidden=0.02, hiding=0.9),
        None,
    ),
    "mask-hides-a-word-of-few-texts": (
        rules.masked_data,
        masking("Embedding", hidden=0.2, hiding=0.49),
        None,
    ),
    "mask-of-padding": (rules.masked_data, masking("Embedding", hidden=0.0, hiding=0.0), None),
    "mask-leaves-one-value": (
        rules.masked_data,
        masking("Masking", hidden=0.5, hiding=1.0, visible_std=0.0),
        Severity.WARNING,
    ),
    "mask-hides-whole-numbers": (
        rules.masked_data,
        masking("Masking", hidden=0.5, hiding=1.0, whole=True),
        Severity.WARNING,
    ),
    "mask-hides-zeros-of-one-series": (
        rules.masked_data,
        masking("Masking", hidden=0.3, hiding=1.0),
        Severity.NOTE,
    ),
    "mask-skips-missing-steps": (
        rules.masked_data,
        masking("Masking", hidden=0.3, hiding=1.0, features=4),
        None,
    ),
    "mask-hides-whole-examples": (
        rules.masked_data,
        masking("Masking", hidden=0.0, hiding=0.0, empty=0.6, features=4),
        Severity.WARNING,
    ),
    "padding-read-last": (rules.unmasked_padding, reading(0.9), Severity.WARNING),
    "padding-read-last-by-a-gru": (
        rules.unmasked_padding,
        reading(0.2, class_name="GRU"),
        Severity.WARNING,
    ),
    "padding-read-last-that-a-gru-remembers-across": (
        rules.unmasked_padding,
        reading(0.16, steps=60, class_name="GRU"),
        None,
    ),
    "some-padding-read-last": (rules.unmasked_padding, reading(0.3), Severity.NOTE),
    "padding-read-last-and-learnt": (
        rules.unmasked_padding,
        at_half(reading(0.9), better=0.3),
        Severity.NOTE,
    ),
    "little-padding-read-last": (rules.unmasked_padding, reading(0.15), None),
    "padding-read-last-with-a-mask": (
        rules.unmasked_padding,
        reading(0.9, is_masked=True),
        None,
    ),
    "padding-read-by-a-layer-that-returns-all-steps": (
        rules.unmasked_padding,
        reading(0.9, reads_last=False),
        None,
    ),
    "padding-of-another-input": (rules.unmasked_padding, reading(0.9, steps=30), None),
    "one-step": (rules.single_time_step, one_step(1), Severity.WARNING),
    "one-step-of-a-convolution": (
        rules.single_time_step,
        one_step(1, class_name="Conv1D"),
        Severity.NOTE,
    ),
    "one-step-at-a-time": (rules.single_time_step, one_step(1, is_stateful=True), None),
    "two-steps": (rules.single_time_step, one_step(2), None),
    "one-step-is-left-for-a-later-layer": (rules.single_time_step, in_turn(20, 1), None),
    "one-step-in-two-layers": (rules.single_time_step, in_turn(1, 1), Severity.WARNING),
    "one-step-before-a-stateful-layer": (
        rules.single_time_step,
        in_turn(1, 1, is_stateful=True),
        Severity.WARNING,
    ),
    "one-step-of-an-output-that-is-repeated": (
        rules.single_time_step,
        in_turn(1, 20),
        Severity.WARNING,
    ),
    "no-layer-for-sequences": (rules.single_time_step, one_step(None), None),
    "sees-the-next-step": (
        rules.sees_later_steps,
        depending("later_inputs", 1.7),
        Severity.WARNING,
    ),
    "copies-the-step-that-is-its-target": (
        rules.sees_later_steps,
        depending("later_than_target", 0.0),
        Severity.WARNING,
    ),
    "fills-in-tokens-from-both-sides": (
        rules.sees_later_steps,
        depending("later_than_target", 0.3),
        None,
    ),
    "sees-the-next-step-up-to-rounding": (
        rules.sees_later_steps,
        depending("later_inputs", 5e-4),
        None,
    ),
    "sees-the-next-step-up-to-the-rounding-of-16-bits": (
        rules.sees_later_steps,
        depending("later_inputs", 0.05, dtype_policy="mixed_bfloat16"),
        None,
    ),
    "depends-on-the-batch": (
        rules.batch_dependence,
        depending("batch_dependence", 0.6),
        Severity.WARNING,
    ),
    "depends-on-the-batch-up-to-rounding": (
        rules.batch_dependence,
        depending("batch_dependence", 5e-4),
        None,
    ),
    "depends-on-the-batch-up-to-the-rounding-of-16-bits": (
        rules.batch_dependence,
        depending("batch_dependence", 0.05, dtype_policy="mixed_float16"),
        None,
    ),
    "attention-without-positions": (
        rules.order_ignored,
        at_half(depending("order", 3e-7), better=-0.01),
        Severity.NOTE,
    ),
    "attention-without-positions-that-needs-none": (
        rules.order_ignored,
        at_half(depending("order", 3e-7), better=0.3),
        None,
    ),
    "attention-with-positions": (
        rules.order_ignored,
        at_half(depending("order", 0.02), better=-0.01),
        None,
    ),
    "attention-in-16-bits": (
        rules.order_ignored,
        at_half(depending("order", 3e-7, dtype_policy="float16"), better=-0.01),
        None,
    ),
    "shuffled-batches-of-a-stateful-layer": (
        rules.shuffled_state,
        one_step(9, is_stateful=True, moved=1.0),
        Severity.WARNING,
    ),
    "batches-of-a-stateful-layer-in-order": (
        rules.shuffled_state,
        one_step(9, is_stateful=True, moved=0.0),
        None,
    ),
    "half-of-the-batches-of-a-stateful-layer-in-order": (
        rules.shuffled_state,
        one_step(9, is_stateful=True, moved=0.4),
        None,
    ),
    "shuffled-batches-of-other-layers": (
        rules.shuffled_state,
        one_step(9, is_stateful=False, moved=1.0),
        None,
    ),
    "forecast-like-the-last-value": (
        rules.no_better_than_last_value,
        forecast(network=0.11, last=0.1),
        Severity.NOTE,
    ),
    "forecast-far-worse-than-the-last-value": (
        rules.no_better_than_last_value,
        forecast(network=0.3, last=0.1),
        Severity.WARNING,
    ),
    "forecast-far-worse-on-validation-data-alone": (
        rules.no_better_than_last_value,
        forecast(network=0.08, last=0.1, validation=0.3),
        Severity.NOTE,
    ),
    "forecast-worse-on-training-data-alone": (
        rules.no_better_than_last_value,
        forecast(network=0.3, last=0.1, validation=0.05),
        None,
    ),
    "forecast-better-than-the-last-value": (
        rules.no_better_than_last_value,
        forecast(network=0.05, last=0.1),
        None,
    ),
    "series-that-does-not-persist": (
        rules.no_better_than_last_value,
        forecast(network=0.7, last=0.6),
        None,
    ),
    "forecast-of-a-run-that-has-begun": (
        rules.no_better_than_last_value,
        forecast(network=0.3, last=0.1, epochs=40),
        None,
    ),
    "heads-look-at-one-position": (
        rules.attention_collapse,
        at_half(attending(300.0, [1e-4, 1e-3]), better=-0.01),
        Severity.WARNING,
    ),
    "heads-look-at-one-position-and-it-learns": (
        rules.attention_collapse,
        at_half(attending(300.0, [1e-4, 1e-3]), better=0.2),
        None,
    ),
    "heads-look-at-one-position-before-the-first-step": (
        rules.attention_collapse,
        beginning(at_half(attending(300.0, [1e-4, 1e-3]), better=0.2), 0.8, constant=0.7),
        Severity.WARNING,
    ),
    "heads-of-a-trained-network-look-at-one-position": (
        rules.attention_collapse,
        beginning(at_half(attending(300.0, [1e-4, 1e-3]), better=0.2), 0.1, constant=0.7),
        None,
    ),
    "one-head-looks-at-one-position": (
        rules.attention_collapse,
        at_half(attending(300.0, [1e-4, 0.4]), better=-0.01),
        None,
    ),
    "heads-look-at-one-of-two-positions": (
        rules.attention_collapse,
        at_half(attending(8.0, [1e-3, 1e-3]), better=-0.01),
        None,
    ),
    "attention-logits-diverge": (
        rules.attention_collapse,
        attending(2e4, [0.0, 0.0]),
        Severity.WARNING,
    ),
    "attention-logits-are-large": (rules.attention_collapse, attending(9e3, [0.0, 0.0]), None),
    "heads-weight-all-alike": (
        rules.attention_collapse,
        at_half(attending(1e-3, [1.0, 0.9999]), better=-0.01),
        Severity.NOTE,
    ),
    "heads-weight-all-alike-after-long-updates": (
        rules.attention_collapse,
        updated_by(at_half(attending(1e-3, [1.0, 0.9999]), better=-0.01), 0.06),
        Severity.NOTE,
    ),
    "heads-weight-all-alike-as-drawn": (
        rules.attention_collapse,
        updated_by(at_half(attending(1e-3, [1.0, 0.9999]), better=-0.01), 0.04),
        None,
    ),
    "heads-weight-all-alike-and-it-learns": (
        rules.attention_collapse,
        at_half(attending(1e-3, [1.0, 0.9999]), better=0.2),
        None,
    ),
    "heads-weight-nearly-alike": (
        rules.attention_collapse,
        at_half(attending(0.1, [1.0, 0.99]), better=-0.01),
        None,
    ),
    "embeddings-collapse": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.3, 0.02, 0.01, 0.01]),
        Severity.WARNING,
    ),
    "embeddings-shrink-to-0": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.3, 0.02, 0.01, 0.01], size=1e-3),
        Severity.WARNING,
    ),
    "embeddings-shrink-to-the-margin": (
        rules.collapsed_embeddings,
        embedding([50.0, 20.0, 0.6, 0.6, 0.6], size=1e-3),
        None,
    ),
    "embeddings-collapsed-once": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.01, 0.4, 0.4, 0.01]),
        None,
    ),
    "embeddings-of-one-cloud": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.2, 0.06, 0.06, 0.06]),
        None,
    ),
    "embeddings-that-began-close-together": (
        rules.collapsed_embeddings,
        embedding([0.04, 0.01, 0.01, 0.01, 0.01]),
        None,
    ),
    "embeddings-of-the-first-steps": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.01, 0.01, 0.01], every=2),
        None,
    ),
    "numbers-around-a-large-mean": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.3, 0.02, 0.01, 0.01], labels={"columns": 8, "is_whole": False}),
        None,
    ),
    "a-known-loss-of-class-numbers": (
        rules.collapsed_embeddings,
        embedding([0.5, 0.3, 0.02, 0.01, 0.01], form="categorical"),
        None,
    ),
    "last-classes-set-aside": (rules.unseen_classes, unseen(0.9, epoch=1), Severity.WARNING),
    "sorted-and-at-its-first-classes": (rules.unseen_classes, unseen(0.9, epoch=0), None),
    "sorted-and-kept-in-part": (
        rules.unseen_classes,
        unseen(0.9, epoch=1, fraction_of_stretch=0.9),
        None,
    ),
    "kept-in-part-at-random": (
        rules.unseen_classes,
        unseen(0.9, epoch=1, fraction_of_stretch=0.2),
        Severity.WARNING,
    ),
    "validation-bytes": (
        rules.validation_prepared_differently,
        beside(size_ratio=250.0, **BYTES),
        Severity.WARNING,
    ),
    "validation-bytes-scaled-inside": (
        rules.validation_prepared_differently,
        beside(history(GOOD), size_ratio=250.0, **BYTES),
        Severity.NOTE,
    ),
    "validation-bytes-and-a-gap": (
        rules.validation_prepared_differently,
        beside(history(GAP), size_ratio=250.0, **BYTES),
        Severity.WARNING,
    ),
    "validation-divided-twice": (
        rules.validation_prepared_differently,
        beside(size_ratio=1 / 255),
        Severity.WARNING,
    ),
    "validation-nine-times-as-large": (
        rules.validation_prepared_differently,
        beside(size_ratio=9.0),
        None,
    ),
    "validation-in-fractions": (
        rules.validation_prepared_differently,
        beside(misfit=0.02, **SIGNED),
        Severity.WARNING,
    ),
    "validation-without-the-value-minus-one": (
        rules.validation_prepared_differently,
        beside(misfit=0.4, **SIGNED),
        None,
    ),
    "validation-min-max-scaled": (
        rules.validation_prepared_differently,
        beside(
            train_standardized=1.0,
            standardized=0.0,
            train_low=-3.2,
            train_high=4.1,
            low=0.0,
            high=1.0,
        ),
        Severity.WARNING,
    ),
    "validation-not-standardized": (
        rules.validation_prepared_differently,
        beside(
            train_standardized=1.0,
            standardized=0.1,
            train_low=-3.2,
            train_high=4.1,
            low=0.1,
            high=1600.0,
            largest_ratio=40.0,
        ),
        Severity.WARNING,
    ),
    "validation-standardized-in-part": (
        rules.validation_prepared_differently,
        beside(
            train_standardized=1.0,
            standardized=0.5,
            train_low=-3.2,
            train_high=4.1,
            low=-3.0,
            high=1600.0,
            largest_ratio=40.0,
        ),
        None,
    ),
    "validation-far-away": (
        rules.validation_prepared_differently,
        beside(offset=6.0),
        Severity.WARNING,
    ),
    "validation-away-and-worse": (
        rules.validation_prepared_differently,
        beside(history(BAD), offset=3.5),
        Severity.WARNING,
    ),
    "validation-away": (rules.validation_prepared_differently, beside(offset=3.5), None),
    "validation-of-other-users": (
        rules.validation_prepared_differently,
        beside(history(BAD), offset=1.5, size_ratio=1.8),
        None,
    ),
    "validation-later-and-worse": (
        rules.validation_prepared_differently,
        beside(history(BAD), offset=3.5, **LATER),
        Severity.NOTE,
    ),
    "validation-later": (rules.validation_prepared_differently, beside(offset=8.0, **LATER), None),
    "validation-drifted-with-its-targets": (
        rules.validation_prepared_differently,
        drifted(history(BAD), 6.0, 6.0),
        Severity.NOTE,
    ),
    "validation-drifted-a-little": (
        rules.validation_prepared_differently,
        drifted(history(BAD), 0.9, 0.9),
        None,
    ),
    "validation-moved-without-its-targets": (
        rules.validation_prepared_differently,
        drifted(history(BAD), 6.0, 0.9),
        Severity.WARNING,
    ),
    "validation-blue-first": (
        rules.validation_prepared_differently,
        beside(order="channels"),
        Severity.WARNING,
    ),
    "validation-other-words": (
        rules.validation_prepared_differently,
        beside(unseen_fraction=0.9, unseen_within=0.05),
        Severity.WARNING,
    ),
    "validation-rare-words": (
        rules.validation_prepared_differently,
        beside(unseen_fraction=0.9, unseen_within=0.8),
        None,
    ),
    "validation-targets-unscaled": (
        rules.validation_prepared_differently,
        beside(kind="targets", size_ratio=120.0),
        Severity.WARNING,
    ),
    "held-out-a-single-class": (
        rules.unvalidated_classes,
        unvalidated(0.9, epoch=1),
        Severity.WARNING,
    ),
    "held-out-a-single-class-so-far": (rules.unvalidated_classes, unvalidated(0.9, epoch=0), None),
    "held-out-without-a-rare-class": (rules.unvalidated_classes, unvalidated(0.1, epoch=1), None),
    "held-out-of-a-sorted-part": (
        rules.unvalidated_classes,
        unvalidated(0.9, epoch=1, fraction_of_stretch=0.9),
        None,
    ),
    "divided-in-each-epoch": (
        rules.data_stream_changes,
        stream([120, 124, 118], [0.47, 0.0018]),
        Severity.WARNING,
    ),
    "multiplied-in-each-epoch": (
        rules.data_stream_changes,
        stream([0.5, 0.6, 0.4], [130, 30_000]),
        Severity.WARNING,
    ),
    "divided-and-read-once-more": (
        rules.data_stream_changes,
        stream([0.5, *[120.0] * 8], [0.47, 0.0018]),
        Severity.WARNING,
    ),
    "now-and-then-as-small": (
        rules.data_stream_changes,
        stream([0.5, 0.4, *[120.0] * 8], [0.47, 0.0018]),
        None,
    ),
    "zeros-in-later-epochs": (
        rules.data_stream_changes,
        stream([1.1, 0.9, 1.0], [0.0, 0.0]),
        Severity.WARNING,
    ),
    "one-example-in-later-epochs": (
        rules.data_stream_changes,
        stream([1.1, 0.9, 1.0], [0.0, 0.0], "inputs/spread"),
        Severity.WARNING,
    ),
    "one-class-in-later-epochs": (
        rules.data_stream_changes,
        stream([0.2, 0.3, 0.2], [1.0, 1.0], "targets/most_frequent", "targets[0]"),
        Severity.WARNING,
    ),
    "one-class-at-first-too": (
        rules.data_stream_changes,
        stream([0.2, 1.0, 0.2], [1.0, 1.0], "targets/most_frequent", "targets[0]"),
        None,
    ),
    "one-class-in-small-batches": (
        rules.data_stream_changes,
        stream([0.75, 0.8, 0.7], [1.0, 1.0], "targets/most_frequent", "targets[0]"),
        None,
    ),
    "one-odd-batch": (rules.data_stream_changes, stream([1.1, 0.9, 1.0], [30.0, 1.0]), None),
    "harder-with-time": (rules.data_stream_changes, stream([1.1, 0.9, 1.0], [9.0, 10.0]), None),
    "heavy-tails": (rules.data_stream_changes, stream([1.1, 90.0, 1.0], [40.0, 80.0]), None),
    "zeros-from-the-start": (rules.data_stream_changes, stream([0.0] * 3, [1.0, 1.0]), None),
    "first-epoch-of-two-steps-seen": (rules.data_stream_changes, stream([1, 1], [99, 99]), None),
    "third-of-validation-copied": (rules.leakage, copied(60), Severity.WARNING),
    "few-copies-in-a-small-part": (
        rules.leakage,
        copied(20, total=50_000),
        Severity.WARNING,
    ),
    "three-percent-copied": (rules.leakage, copied(6), None),
    "two-copies-in-a-small-part": (rules.leakage, copied(2, total=50_000), None),
    "equal-by-chance": (rules.leakage, copied(None), None),
    "near-copies": (
        rules.leakage,
        copied(0, near_copies=40, near_within=1, near_examples=200),
        Severity.WARNING,
    ),
    "near-copies-everywhere": (
        rules.leakage,
        copied(0, near_copies=40, near_within=30, near_examples=200),
        None,
    ),
    "words-of-another-tokenizer": (
        rules.validation_prepared_differently,
        split_with(inputs=(ShiftFacts(),), **of_words(0.1, 0.5)),
        Severity.WARNING,
    ),
    "words-of-the-same-tokenizer": (
        rules.validation_prepared_differently,
        split_with(inputs=(ShiftFacts(),), **of_words(0.1, 0.2)),
        None,
    ),
    "words-that-say-little": (
        rules.validation_prepared_differently,
        split_with(inputs=(ShiftFacts(),), **of_words(0.4, 0.5)),
        None,
    ),
    "words-of-a-rare-class": (
        rules.validation_prepared_differently,
        split_with(inputs=(ShiftFacts(),), **of_words(0.01, 0.05, constant=0.05)),
        None,
    ),
    "windows-split-at-random": (rules.related_examples, split_with(between=190), Severity.WARNING),
    "windows-split-in-time": (rules.related_examples, split_with(between=0), None),
    "a-few-windows-between": (rules.related_examples, split_with(between=9), None),
    "no-windows-and-no-groups": (rules.related_examples, split_with(copies=0), None),
    "people-on-both-sides": (rules.related_examples, in_groups(), Severity.WARNING),
    "some-people-on-both-sides": (rules.related_examples, in_groups(count=30), None),
    "groups-that-give-nothing-away": (rules.related_examples, in_groups(with_group=0.35), None),
    "target-varies-within-groups": (
        rules.related_examples,
        in_groups(with_group=0.15, without=0.4),
        None,
    ),
    "groups-that-may-give-nothing-away": (rules.related_examples, in_groups(stderr=0.2), None),
    "copies-that-are-windows-too": (
        rules.related_examples,
        split_with(between=190, copies=60),
        None,
    ),
    "smoothed-with-the-future": (
        rules.inputs_from_later_steps,
        data(inputs={"later_column": 7, "shape": (8,)}),
        Severity.WARNING,
    ),
    "validation-smoothed-with-the-future": (
        rules.inputs_from_later_steps,
        history({}, validation=DataFacts(inputs=(InputFacts(later_column=0, shape=(8, 1)),))),
        Severity.WARNING,
    ),
    "smoothed-with-the-past": (
        rules.inputs_from_later_steps,
        data(inputs={"shape": (8,)}),
        None,
    ),
    "next-fold-of-the-same-model": (
        rules.trained_on_validation_data,
        earlier(160, 0.2),
        Severity.WARNING,
    ),
    "next-fold-known-in-part": (
        rules.trained_on_validation_data,
        earlier(8, 0.2, part=0.05),
        Severity.WARNING,
    ),
    "next-fold-of-a-run-that-learned-nothing": (
        rules.trained_on_validation_data,
        earlier(160, 2.1),
        None,
    ),
    "continued-on-the-same-split": (rules.trained_on_validation_data, earlier(0, 0.2), None),
    "continued-with-a-few-repeats": (rules.trained_on_validation_data, earlier(6, 0.2), None),
    "loss-of-the-earlier-run-unknown": (
        rules.trained_on_validation_data,
        earlier(160, 0.2, loss=None),
        None,
    ),
    "column-is-the-target": (
        rules.target_in_inputs,
        data(inputs={"target_column": 0}),
        Severity.WARNING,
    ),
    "column-is-the-target-of-a-few": (
        rules.target_in_inputs,
        data(examples=20, inputs={"target_column": 0}),
        None,
    ),
    "no-column-is-the-target": (rules.target_in_inputs, data(inputs={"rms": 1.0}), None),
    "weights-of-no-class": (
        rules.weights_without_effect,
        weighted((0.96, 0.04), (1.0, 1.0)),
        Severity.WARNING,
    ),
    "weights-equal-on-balanced-classes": (
        rules.weights_without_effect,
        weighted((0.6, 0.4), (1.0, 1.0)),
        None,
    ),
    "weights-for-the-rare": (
        rules.weights_without_effect,
        weighted((0.96, 0.04), (1.0, 24.0), held_out=(0.96, 0.04)),
        None,
    ),
    "weight-0-for-one-of-two-classes": (
        rules.weights_without_effect,
        weighted((0.7, 0.3), (1.0, 0.0)),
        Severity.WARNING,
    ),
    "weight-0-for-a-class-that-is-validated": (
        rules.weights_without_effect,
        weighted((0.4, 0.3, 0.3), (1.0, 1.0, 0.0), held_out=(0.4, 0.3, 0.3)),
        Severity.WARNING,
    ),
    "weight-0-for-a-class-that-nobody-counts": (
        rules.weights_without_effect,
        weighted((0.4, 0.3, 0.3), (1.0, 1.0, 0.0)),
        None,
    ),
    "weights-for-the-frequent": (
        rules.weights_without_effect,
        weighted((0.8, 0.2), (0.8, 0.2)),
        Severity.WARNING,
    ),
    "weights-after-resampling": (
        rules.weights_without_effect,
        weighted((0.5, 0.5), (1.0, 16.0), held_out=(0.95, 0.05)),
        Severity.WARNING,
    ),
    "weights-more-than-balance": (
        rules.weights_without_effect,
        weighted((0.5, 0.5), (1.0, 16.0), held_out=(0.75, 0.25)),
        None,
    ),
    "weights-by-cost": (
        rules.weights_without_effect,
        weighted((0.5, 0.5), (1.0, 16.0), held_out=(0.5, 0.5)),
        None,
    ),
    "weights-of-zero": (
        rules.weights_without_effect,
        weighted((0.5, 0.5), (0.0, 0.0)),
        Severity.ERROR,
    ),
    "weights-of-few": (
        rules.weights_without_effect,
        weighted((0.9, 0.1), (1.0, 1.0), examples=60),
        None,
    ),
    "one-stray-class": (rules.unseen_classes, unseen(0.01, epoch=1), None),
    "balanced": (rules.class_imbalance, data(targets={"largest_fraction": 0.6}), None),
    "class-by-class": (
        rules.unshuffled_data,
        stretches(0.1, 0.9),
        Severity.WARNING,
    ),
    "shuffled": (
        rules.unshuffled_data,
        stretches(0.1, 0.2),
        None,
    ),
    "shuffled-and-nearly-one-class": (
        rules.unshuffled_data,
        stretches(0.95, 0.96),
        None,
    ),
    "too-few-to-have-an-order": (
        rules.unshuffled_data,
        data(targets={"largest_fraction": 0.1}),
        None,
    ),
    "pixels-to-255": (rules.unscaled_inputs, arriving(120.0, std=80.0), Severity.WARNING),
    "pixels-to-255-saturate-a-layer": (
        rules.unscaled_inputs,
        saturating(arriving(120.0, std=0.9)),
        Severity.WARNING,
    ),
    "pixels-normalised-inside": (rules.unscaled_inputs, arriving(120.0, std=0.8), None),
    "straight-into-gates": (
        rules.unscaled_inputs,
        into("LSTM", arriving(1000.0, std=0.7)),
        Severity.WARNING,
    ),
    "into-a-dense-layer-that-scales": (
        rules.unscaled_inputs,
        into("Dense", arriving(1000.0, std=0.7)),
        None,
    ),
    "standardised": (rules.unscaled_inputs, arriving(1.0, std=0.8), None),
    "tiny": (rules.unscaled_inputs, arriving(0.001, std=0.001), Severity.WARNING),
    "scaled-by-hand-and-in-the-model": (
        rules.unscaled_inputs,
        rescaled(arriving(0.5, std=0.001)),
        Severity.WARNING,
    ),
    "scaled-in-the-model": (rules.unscaled_inputs, rescaled(arriving(0.5, std=0.4)), None),
    "small-initial-weights": (rules.unscaled_inputs, arriving(0.5, std=0.001), None),
    "all-zeros-in-the-first-example": (
        rules.unscaled_inputs,
        arriving(0.0, std=0.0, examples=1),
        None,
    ),
    "far-off-centre": (
        rules.unscaled_inputs,
        arriving(5.0, mean=4.0, std=0.5, spread=0.1, offset=40.0),
        Severity.WARNING,
    ),
    "one-column-far-larger-than-all-others": (
        rules.unscaled_inputs,
        arriving(0.4, mean=4.0, std=0.5, spread=0.1, offset=2.0, in_all=400.0),
        Severity.WARNING,
    ),
    "one-column-somewhat-larger": (
        rules.unscaled_inputs,
        arriving(0.4, mean=4.0, std=0.5, spread=0.1, offset=2.0, in_all=9.0),
        None,
    ),
    "far-off-by-its-own-bias": (
        rules.unscaled_inputs,
        arriving(1.0, mean=4.0, std=0.5, spread=0.1),
        None,
    ),
    "scaled-by-one-mean-and-the-network-sees-one-column": (
        rules.unscaled_inputs,
        small(0.3, 0.95),
        Severity.WARNING,
    ),
    "scaled-by-a-layer-over-all-columns": (
        rules.unscaled_inputs,
        small(0.3, 0.95, kind="Normalization", together=4),
        Severity.WARNING,
    ),
    "small-columns-of-classes": (
        rules.unscaled_inputs,
        small(0.1, 0.6, output=("categorical", None)),
        Severity.WARNING,
    ),
    "small-columns-are-learnt-all-the-same": (rules.unscaled_inputs, small(0.3, 0.31), None),
    "small-columns-without-information": (rules.unscaled_inputs, small(0.99, 1.0), None),
    "small-columns-early": (rules.unscaled_inputs, small(0.3, 0.95, step=20), None),
    "small-columns-of-absolute-errors": (
        rules.unscaled_inputs,
        small(0.5, 0.74, output=("distance", "absolute")),
        None,
    ),
    "small-columns-scaled-by-a-layer": (
        rules.unscaled_inputs,
        small(0.3, 0.95, kind="BatchNormalization"),
        None,
    ),
    "small-columns-of-an-unknown-loss": (
        rules.unscaled_inputs,
        small(None, 0.95, output=("other", None)),
        None,
    ),
    "prices-in-thousands": (rules.unscaled_targets, regression(250.0, 80.0), Severity.WARNING),
    "prices-on-the-way": (
        rules.unscaled_targets,
        later(regression(250.0, 80.0), 240.0, 9.0),
        Severity.WARNING,
    ),
    "prices-reached": (rules.unscaled_targets, later(regression(250.0, 80.0), 240.0, 70.0), None),
    "prices-reached-and-left-again": (
        rules.unscaled_targets,
        later(later(regression(250.0, 80.0), 240.0, 70.0), 200.0, 9.0),
        None,
    ),
    "prices-approached-fast": (rules.unscaled_targets, later(quick(1e-3, 9000), 40.0, 9.0), None),
    "prices-approached-slowly": (
        rules.unscaled_targets,
        later(quick(1e-3, 2000), 2.0, 9.0),
        Severity.WARNING,
    ),
    "prices-approached-in-time": (
        rules.unscaled_targets,
        later(quick(1e-3, 2000), 30.0, 9.0),
        Severity.NOTE,
    ),
    "prices-overshot": (
        rules.unscaled_targets,
        later(quick(1e-3, 9000), 400.0, 9.0),
        Severity.WARNING,
    ),
    "prices-learnt-although-no-output-was-measured-since": (
        rules.unscaled_targets,
        with_loss(regression(250.0, 80.0), 6e4, 800.0),
        None,
    ),
    "prices-of-which-little-is-learnt": (
        rules.unscaled_targets,
        with_loss(regression(250.0, 80.0), 6e4, 6e3),
        Severity.WARNING,
    ),
    "returns-of-a-thousandth": (rules.unscaled_targets, narrow(1e-3), Severity.WARNING),
    "returns-of-a-tenth": (rules.unscaled_targets, narrow(0.1), None),
    "returns-of-a-thousandth-that-are-learned": (
        rules.unscaled_targets,
        narrow(1e-3, error=0.2),
        None,
    ),
    "prices-standardised": (rules.unscaled_targets, regression(0.0, 1.0), None),
    "prices-at-a-rate-for-prices": (rules.unscaled_targets, quick(5.0), None),
    "prices-at-a-usual-rate": (rules.unscaled_targets, quick(1e-3), Severity.NOTE),
    "prices-at-a-usual-rate-after-a-tenth": (
        rules.unscaled_targets,
        later(quick(1e-3), 2.0, 9.0),
        Severity.WARNING,
    ),
    "prices-better-than-a-constant": (
        rules.unscaled_targets,
        at_half(regression(250.0, 80.0), better=0.05),
        None,
    ),
    "began-at-their-mean": (rules.unscaled_targets, regression(250.0, 80.0, at=240.0), None),
    "all-units-alike": (
        rules.symmetric_units,
        network({"weights/unit_spread": {"a/kernel": [0.0] * 4}}),
        Severity.ERROR,
    ),
    "units-alike-after-two-steps": (
        rules.symmetric_units,
        alike(1, 2),
        Severity.ERROR,
    ),
    "units-alike-after-one-step": (
        rules.symmetric_units,
        alike(0, 1),
        None,
    ),
    "units-alike-in-the-one-measurement-at-step-49": (
        rules.symmetric_units,
        alike(49),
        None,
    ),
    "units-alike-in-the-one-measurement-at-step-50": (
        rules.symmetric_units,
        alike(50),
        Severity.ERROR,
    ),
    "units-alike-at-the-start-and-at-step-60": (
        rules.symmetric_units,
        alike(0, 60),
        Severity.ERROR,
    ),
    "units-alike-before-the-first-step": (
        rules.symmetric_units,
        alike(0),
        None,
    ),
    "units-alike-up-to-rounding": (
        rules.symmetric_units,
        alike(1, 2, spread=1e-6),
        Severity.ERROR,
    ),
    "units-nearly-alike": (
        rules.symmetric_units,
        alike(1, 2, spread=2e-6),
        None,
    ),
    "units-alike-in-two-layers": (
        rules.symmetric_units,
        alike(1, 2, names="ab"),
        Severity.ERROR,
    ),
    "units-alike-in-three-layers": (
        rules.symmetric_units,
        alike(1, 2, names="abc"),
        Severity.ERROR,
    ),
    "units-alike-in-four-layers": (
        rules.symmetric_units,
        alike(1, 2, names="abcd"),
        Severity.ERROR,
    ),
    "units-alike-in-the-output": (
        rules.symmetric_units,
        alike(1, 2, role="output"),
        None,
    ),
    "parted-at-once": (
        rules.symmetric_units,
        network({"weights/unit_spread": {"a/kernel": [0.0, 0.1, 0.2, 0.3]}}),
        None,
    ),
    "no-way-to-the-loss": (
        rules.no_gradient,
        network({"gradients/norm": {"a/kernel": [0.0] * 4, "b/kernel": [1.0] * 4}}),
        Severity.WARNING,
    ),
    "no-gradient-of-a-few-examples": (
        rules.no_gradient,
        in_batches_of(7, {"gradients/norm": {"a/kernel": [0.0] * 4, "b/kernel": [1.0] * 4}}),
        None,
    ),
    "no-gradient-of-enough-examples": (
        rules.no_gradient,
        in_batches_of(8, {"gradients/norm": {"a/kernel": [0.0] * 4, "b/kernel": [1.0] * 4}}),
        Severity.WARNING,
    ),
    "all-frozen": (rules.no_gradient, history({}, parameters=90, weights={}), Severity.ERROR),
    "no-gradient-at-all": (
        rules.no_gradient,
        network({"gradients/norm": {"a/kernel": [0.0] * 4, "b/kernel": [0.0] * 4}}),
        Severity.ERROR,
    ),
    "no-gradient-at-all-of-a-shut-network": (rules.no_gradient, shut(8), Severity.ERROR),
    "no-gradient-of-a-shut-network-so-far": (rules.no_gradient, shut(7), None),
    "no-gradient-of-a-shut-network-in-a-short-run": (
        rules.no_gradient,
        shut(2, has_ended=True),
        Severity.ERROR,
    ),
    "no-gradient-of-a-shut-part-in-a-short-run": (
        rules.no_gradient,
        shut(6, gradients=ALIVE, has_ended=True),
        None,
    ),
    "none-but-once": (
        rules.no_gradient,
        network({"gradients/norm": {"a/kernel": [0.1, 0, 0, 0], "b/kernel": [1.0] * 4}}),
        None,
    ),
    "nothing-moves": (rules.unmoved_weights, standing([0.0] * 3), Severity.ERROR),
    "nothing-moves-on-a-few-examples": (
        rules.unmoved_weights,
        standing([0.0] * 3, batch_size=7),
        None,
    ),
    "gradients-are-applied-where-nothing-was-measured": (
        rules.unmoved_weights,
        applied_at_the_end(),
        None,
    ),
    "moved-before": (rules.unmoved_weights, still_from_now_on(standing([1e-3] * 3)), None),
    "two-kernels-stand-still": (
        rules.unmoved_weights,
        standing([0.0, 0.0, 1e-3]),
        Severity.WARNING,
    ),
    "one-kernel-stands-still": (
        rules.unmoved_weights,
        standing([0.0, 1e-3, 1e-3], gradient=1e-3, optimizer="Adam"),
        Severity.WARNING,
    ),
    "own-step-leaves-one-out": (
        rules.unmoved_weights,
        standing([0.0, 1e-3, 1e-3], has_own_step=True),
        Severity.NOTE,
    ),
    "optimizer-of-the-last-layer-only": (rules.unmoved_weights, given_last(), Severity.WARNING),
    "optimizer-of-the-last-layer-of-a-trained-network": (
        rules.unmoved_weights,
        given_last(bias=0.3),
        None,
    ),
    "optimizer-beside-a-copy-of-its-weights": (
        rules.unmoved_weights,
        given_last(norms=(3.0, 3.0, 3.0)),
        None,
    ),
    "optimizer-beside-a-target-network": (
        rules.unmoved_weights,
        given_last(network="target_encoder"),
        None,
    ),
    "generator-stands-still": (rules.unmoved_weights, playing(0.0), Severity.ERROR),
    "generator-and-discriminator-move": (rules.unmoved_weights, playing(1e-3), None),
    "third-network-stands-still": (
        rules.unmoved_weights,
        playing(1e-3, networks=("g", "d", "features")),
        None,
    ),
    "teacher-stands-still": (
        rules.unmoved_weights,
        playing(0.0, networks=("teacher", "student"), logs=("logs/loss",)),
        None,
    ),
    "rate-of-zero": (rules.unmoved_weights, standing([0.0] * 3, rate=0.0), Severity.ERROR),
    "adam-moves-a-kernel-by-its-rate": (
        rules.unmoved_weights,
        standing([0.0] * 3, gradient=1e-3, rate=1e-4, optimizer="Adam"),
        Severity.ERROR,
    ),
    "sgd-moves-a-kernel-by-less": (
        rules.unmoved_weights,
        standing([0.0] * 3, gradient=1e-3, rate=1e-4),
        None,
    ),
    "adam-of-a-gradient-beside-its-epsilon": (
        rules.unmoved_weights,
        standing([0.0] * 3, gradient=1e-5, rate=1e-4, optimizer="Adam"),
        None,
    ),
    "adam-that-is-clipped-to-nothing": (
        rules.unmoved_weights,
        standing(
            [0.0] * 3, gradient=1e-3, rate=1e-4, optimizer="Adam", settings={"clipnorm": 1e-9}
        ),
        None,
    ),
    "all-move-a-bit": (rules.unmoved_weights, standing([1e-7] * 3), None),
    "gradient-of-zero": (rules.unmoved_weights, standing([0.0] * 3, gradient=0.0), None),
    "gradient-that-float32-loses": (
        rules.unmoved_weights,
        standing([0.0] * 3, gradient=1e-5, rate=0.01),
        None,
    ),
    "gradient-that-is-clipped-away": (
        rules.unmoved_weights,
        standing([0.0] * 3, settings={"clipnorm": 1e-5}),
        None,
    ),
    "gradient-that-is-accumulated": (
        rules.unmoved_weights,
        standing([0.0] * 3, settings={"accumulates": 4}),
        Severity.ERROR,
    ),
    "steps-that-are-skipped-for-an-overflow": (
        rules.unmoved_weights,
        standing([0.0] * 3, gradient=math.inf),
        None,
    ),
    "still-in-half-precision": (
        rules.unmoved_weights,
        standing([0.0] * 3, dtype_policy="bfloat16"),
        None,
    ),
    "warms-up-from-a-rate-of-zero": (
        rules.unmoved_weights,
        at_rates([0.0, 0.0, 0.01, 0.02], standing([1e-3] * 3)),
        None,
    ),
    "clips-the-norm-of-every-step": (
        rules.clipping_too_tight,
        clipped(clipnorm=1e-3),
        Severity.WARNING,
    ),
    "clips-the-whole-norm-of-every-step": (
        rules.clipping_too_tight,
        clipped(global_clipnorm=1e-3),
        Severity.WARNING,
    ),
    "clips-the-entries-of-every-step": (
        rules.clipping_too_tight,
        clipped(clipvalue=1e-4),
        Severity.WARNING,
    ),
    "clips-below-the-epsilon-of-adam": (
        rules.clipping_too_tight,
        clipped("Adam", epsilon=1e-7, clipnorm=1e-8),
        Severity.WARNING,
    ),
    "clips-every-step-of-a-run-that-ends-too-early": (
        rules.clipping_too_tight,
        ended_short(room=32.0),
        Severity.WARNING,
    ),
    "clips-steps-that-are-long-enough": (rules.clipping_too_tight, ended_short(room=9.0), None),
    "clips-a-network-that-fits": (
        rules.clipping_too_tight,
        ended_short(room=32.0, advantage=0.0),
        None,
    ),
    "clips-what-adam-scales": (
        rules.clipping_too_tight,
        clipped("Adam", epsilon=1e-7, clipnorm=1e-3),
        None,
    ),
    "clips-a-third-of-the-gradient": (rules.clipping_too_tight, clipped(clipnorm=0.3), None),
    "clips-while-it-learns": (
        rules.clipping_too_tight,
        clipped(clipnorm=1e-3, losses=[2.3 / (1 + step) for step in range(50)], ratio=1e-3),
        None,
    ),
    "clips-nothing": (rules.clipping_too_tight, clipped(), None),
    "fine-tuned-too-fast": (
        rules.pretrained_weights_lost,
        tuned(0.2, [1.5, 2.0, 1.8, 1.2]),
        Severity.WARNING,
    ),
    "fine-tuned-too-fast-and-not-back": (
        rules.pretrained_weights_lost,
        tuned(0.1, [0.9, 0.8, 0.7], [0.7, 0.3, 0.15], form="binary"),
        Severity.WARNING,
    ),
    "fine-tuned-too-fast-and-back": (
        rules.pretrained_weights_lost,
        tuned(0.2, [1.5, 2.0, 1.8, 1.2], [1.2, 0.4, 0.1]),
        None,
    ),
    "fine-tuned-with-care": (rules.pretrained_weights_lost, tuned(0.2, [0.25, 0.2, 0.3] * 3), None),
    "continued-from-a-loss-near-zero": (
        rules.pretrained_weights_lost,
        tuned(1e-4, [0.05, 0.1, 0.02] * 3),
        None,
    ),
    "trained-from-scratch": (rules.pretrained_weights_lost, tuned(1.5, [5.0, 6.0, 5.0] * 3), None),
    "one-hard-batch-of-a-trained-network": (
        rules.pretrained_weights_lost,
        tuned(0.2, [0.2, 2.0, 0.2, 0.3]),
        None,
    ),
    "adam-in-float16": (
        rules.epsilon_too_small,
        in_precision("float16", 1e-7),
        Severity.WARNING,
    ),
    "adam-in-float16-of-an-epsilon-in-between": (
        rules.epsilon_too_small,
        in_precision("float16", 1e-4),
        Severity.NOTE,
    ),
    "adam-in-float16-without-an-epsilon": (
        rules.epsilon_too_small,
        in_precision("float16", 0.0),
        Severity.WARNING,
    ),
    "adam-in-float16-of-a-larger-epsilon": (
        rules.epsilon_too_small,
        in_precision("float16", 1e-3),
        None,
    ),
    "adam-in-float16-at-the-smallest-root": (
        rules.epsilon_too_small,
        in_precision("float16", 2.0**-12),
        None,
    ),
    "sgd-in-float16": (rules.epsilon_too_small, in_precision("float16", None, "SGD"), None),
    "adam-on-layers-in-float16": (
        rules.epsilon_too_small,
        weights_in("float16", in_precision("float32", 1e-7)),
        Severity.WARNING,
    ),
    "adam-on-weights-in-float32": (
        rules.epsilon_too_small,
        weights_in("float32", in_precision("mixed_float16", 1e-7)),
        None,
    ),
    "adam-in-mixed-precision": (
        rules.epsilon_too_small,
        in_precision("mixed_float16", 1e-7),
        None,
    ),
    "adam-in-bfloat16": (rules.epsilon_too_small, in_precision("bfloat16", 1e-7), None),
    "adapters-frozen": (
        rules.frozen_adapters,
        history({}, frozen_adapters=("a", "b", "c", "d", "e")),
        Severity.WARNING,
    ),
    "adapters-of-which-some-train": (rules.frozen_adapters, history({}), None),
    "one-adapter-frozen": (
        rules.frozen_adapters,
        history({}, frozen_adapters=("a",)),
        Severity.WARNING,
    ),
    "three-adapters-frozen": (
        rules.frozen_adapters,
        history({}, frozen_adapters=("a", "b", "c")),
        Severity.WARNING,
    ),
    "crossentropy-with-swapped-arguments": (
        rules.swapped_loss_arguments,
        history({}, outputs=(OutputFacts(target="dense", is_swapped=True),)),
        Severity.WARNING,
    ),
    "crossentropy-in-the-right-order": (
        rules.swapped_loss_arguments,
        history({}, outputs=(OutputFacts(target="dense", is_swapped=False),)),
        None,
    ),
    "trained-before-and-not-scored": (
        rules.trained_on_validation_data,
        continued(1.8, constant=0.7, steps=400),
        None,
    ),
    "trained-before-on-inputs-of-another-scale": (
        rules.trained_on_validation_data,
        continued(1.8, constant=0.7, steps=400, train=0.15, validation=0.14),
        None,
    ),
    "trained-before-with-other-labels": (
        rules.trained_on_validation_data,
        continued(1.8, constant=0.7, steps=400, train=0.45, validation=0.35),
        None,
    ),
    "trained-on-other-data-before-and-perhaps-better-on-validation": (
        rules.trained_on_validation_data,
        continued(1.8, constant=0.7, steps=400, train=0.24, validation=0.2),
        Severity.NOTE,
    ),
    "trained-on-other-data-before-and-better-on-validation": (
        rules.trained_on_validation_data,
        continued(1.8, constant=0.7, steps=400, train=0.3, validation=0.1),
        Severity.WARNING,
    ),
    "continued-where-it-ended": (
        rules.trained_on_validation_data,
        continued(0.2, constant=0.7, steps=400, train=0.1, validation=0.1),
        None,
    ),
    "new-and-worse-than-a-constant": (
        rules.trained_on_validation_data,
        continued(1.8, constant=0.7, steps=None, train=0.3, validation=0.1),
        None,
    ),
    "transformer-at-the-full-rate": (
        rules.missing_warm_up,
        starting(0.04, better=-0.01),
        Severity.WARNING,
    ),
    "transformer-at-the-full-rate-that-explains-little": (
        rules.missing_warm_up,
        starting(0.04, better=0.1),
        Severity.NOTE,
    ),
    "transformer-at-the-full-rate-that-learns": (
        rules.missing_warm_up,
        starting(0.04, better=0.4),
        None,
    ),
    "transformer-that-warms-up": (
        rules.missing_warm_up,
        starting(0.04, better=-0.01, rates=(1e-5, 1e-3)),
        None,
    ),
    "transformer-whose-schedule-warms-up": (
        rules.missing_warm_up,
        starting(0.04, better=-0.01, schedule=ScheduleFacts(planned=(0.0, 1e-3, 1e-3))),
        None,
    ),
    "transformer-of-short-steps": (rules.missing_warm_up, starting(0.005, better=-0.01), None),
    "transformer-on-sgd": (
        rules.missing_warm_up,
        starting(0.04, better=-0.01, optimizer="SGD"),
        None,
    ),
    "mlp-at-the-full-rate": (
        rules.missing_warm_up,
        starting(0.04, better=-0.01, has_attention=False),
        None,
    ),
    "added-loss-has-won": (
        rules.regularization_dominates,
        adding([1.9, 1.5] + [0.001] * 8, better=0.01),
        Severity.WARNING,
    ),
    "added-loss-went-down-and-data-are-learnt": (
        rules.regularization_dominates,
        adding([1.9, 1.5] + [0.001] * 8, better=0.4),
        None,
    ),
    "added-loss-that-never-counted": (
        rules.regularization_dominates,
        adding([0.1, 0.1] + [0.001] * 8, better=0.01),
        None,
    ),
    "code-of-own-step-ignored": (
        rules.regularization_dominates,
        coding([0.8, 0.2, *[0.01] * 6], 0.03),
        Severity.WARNING,
    ),
    "code-in-use-at-a-small-weight": (
        rules.regularization_dominates,
        coding([0.8, 0.2, *[0.01] * 6], 0.7),
        None,
    ),
    "divergence-of-several-nats": (
        rules.regularization_dominates,
        coding([0.8, 2.0, *[6.0] * 6], 0.05),
        None,
    ),
    "divergence-of-what-is-not-known": (
        rules.regularization_dominates,
        coding([0.8, 0.2, *[0.01] * 6], 0.03, layer="encoder/dense_3"),
        None,
    ),
    "added-loss-is-most-of-the-loss": (
        rules.regularization_dominates,
        adding([1.9] * 10, better=0.01, penalty=0.0),
        Severity.WARNING,
    ),
    "loss-of-the-epoch-far-below-the-sample": (
        rules.data_stream_changes,
        beside_the_sample([3.0, 0.5, 1e-4, 1e-4], [4.0, 9.0, 20.0, 21.8]),
        Severity.WARNING,
    ),
    "loss-of-the-epoch-near-the-sample": (
        rules.data_stream_changes,
        beside_the_sample([3.0, 0.5, 0.1, 0.05], [2.0, 0.4, 0.1, 0.06]),
        None,
    ),
    "loss-that-falls-steeply": (
        rules.data_stream_changes,
        beside_the_sample([30.0, 3.0, 0.3, 0.03], [300.0, 40.0, 4.0, 0.4]),
        None,
    ),
    "penalty-that-grows": (
        rules.data_stream_changes,
        growing_penalty(beside_the_sample([3.0, 0.5, 0.4, 0.4], [2.0, 0.4, 0.3, 0.3])),
        None,
    ),
    "loss-of-the-epoch-that-is-a-sum": (
        rules.data_stream_changes,
        beside_the_sample([3.0, 0.5, 1e-4, 1e-4], [4.0, 9.0, 20.0, 21.8], reduction="sum"),
        None,
    ),
    "loss-of-the-epoch-with-batch-norms": (
        rules.data_stream_changes,
        beside_the_sample(
            [3.0, 0.5, 1e-4, 1e-4],
            [4.0, 9.0, 20.0, 21.8],
            regularization=Regularization(batch_normalizations=1),
        ),
        None,
    ),
    "column-from-its-own-target": (
        rules.column_from_targets,
        history(
            {},
            comparison=ComparisonFacts(
                fitted_input=0, fitted_column=4, fitted_train=0.6, fitted_validation=0.0
            ),
        ),
        Severity.WARNING,
    ),
    "columns-that-hold-on-validation-data": (
        rules.column_from_targets,
        history({}, comparison=ComparisonFacts(train_examples=800)),
        None,
    ),
    "cities-as-numbers": (rules.categories_as_numbers, coded(0.6), Severity.WARNING),
    "cities-as-numbers-learned": (rules.categories_as_numbers, coded(0.3), None),
    "cities-as-numbers-embedded": (
        rules.categories_as_numbers,
        coded(0.6, {"layers": {"cities": LayerFacts(class_name="Embedding")}}),
        None,
    ),
    "cities-as-numbers-too-early": (
        rules.categories_as_numbers,
        coded(0.6, {"has_ended": False, "epochs": 30}),
        None,
    ),
    "no-cities": (
        rules.categories_as_numbers,
        coded(0.6, code_column=None, code_values=None, code_explains=None, code_error=None),
        None,
    ),
    "words-unknown": (rules.dominant_token, of_tokens(0.9), Severity.WARNING),
    "words-unknown-that-cost-little": (
        rules.dominant_token,
        of_tokens(0.9, error=0.1),
        Severity.NOTE,
    ),
    "words-known": (rules.dominant_token, of_tokens(0.1), None),
    "counts-mostly-1": (rules.dominant_token, of_tokens(0.9, layer="Dense"), None),
    "missing-values-as-999": (
        rules.missing_value_markers,
        marked({"has_ended": True}),
        Severity.WARNING,
    ),
    "missing-values-as-999-in-the-first-half": (
        rules.missing_value_markers,
        marked({"has_ended": False, "epochs": 9, "steps_per_epoch": 1}),
        Severity.NOTE,
    ),
    "missing-values-as-999-at-half-time": (
        rules.missing_value_markers,
        marked({"has_ended": False, "epochs": 4, "steps_per_epoch": 1}),
        Severity.WARNING,
    ),
    "missing-values-that-cost-little": (
        rules.missing_value_markers,
        marked({"has_ended": True}, error=0.1),
        Severity.NOTE,
    ),
    "rare-words-as-the-last-token": (
        rules.missing_value_markers,
        marked({"has_ended": True}, marker=19_999.0, is_whole=True),
        None,
    ),
    "missing-values-as-999-beside-an-embedding": (
        rules.missing_value_markers,
        marked({"has_ended": True}, is_whole=True),
        Severity.WARNING,
    ),
    "missing-values-of-none": (
        rules.missing_value_markers,
        marked({"has_ended": True}, columns=0),
        None,
    ),
    "bytes-wrapped": (
        rules.wrapped_integers,
        data(inputs={"is_wrapped": True}),
        Severity.WARNING,
    ),
    "bytes-not-wrapped": (rules.wrapped_integers, data(inputs={"is_wrapped": False}), None),
    "loss-not-scaled-in-float16": (
        rules.missing_loss_scale,
        unscaled_loss(1e-8),
        Severity.WARNING,
    ),
    "loss-not-scaled-of-visible-gradients": (rules.missing_loss_scale, unscaled_loss(1e-4), None),
    "loss-scaled-in-float16": (rules.missing_loss_scale, unscaled_loss(1e-8, scale=2.0**15), None),
    "loss-not-scaled-in-bfloat16": (
        rules.missing_loss_scale,
        unscaled_loss(1e-8, policy="mixed_bfloat16"),
        None,
    ),
    "optimizer-reset-twice": (
        rules.optimizer_reset,
        history({}, optimizer="Adam", optimizer_resets=2),
        Severity.WARNING,
    ),
    "optimizer-reset-once": (
        rules.optimizer_reset,
        history({}, optimizer="Adam", optimizer_resets=1),
        None,
    ),
    "lost-in-bfloat16": (rules.lost_updates, coarse(0.99, 0.97, 0.5), Severity.WARNING),
    "arrives-in-bfloat16": (rules.lost_updates, coarse(0.2, 0.3, 0.95), None),
    "half-of-the-inputs-are-zero": (rules.lost_updates, coarse(0.6, 0.85, 0.3), None),
    "no-gradient-in-bfloat16": (rules.lost_updates, coarse(1.0, 1.0, 1.0, gradient=0.0), None),
    "no-rate-in-bfloat16": (rules.lost_updates, coarse(1.0, 1.0, 1.0, rate=0.0), None),
    "accumulated-in-bfloat16": (
        rules.lost_updates,
        coarse(1.0, 1.0, 1.0, settings={"accumulates": 2}),
        None,
    ),
    "uses-a-layer-of-a-function": (
        rules.untracked_weights,
        history({}, untracked_weights=("dense_9/kernel",)),
        Severity.WARNING,
    ),
    "uses-many-layers-of-a-function": (
        rules.untracked_weights,
        history({}, untracked_weights=tuple(f"dense_{i}/kernel" for i in range(5))),
        Severity.WARNING,
    ),
    "knows-all-its-layers": (rules.untracked_weights, history({}, untracked_weights=()), None),
    "averages-stay-where-they-began": (
        rules.batch_norm_not_updating,
        averages(0.0),
        Severity.WARNING,
    ),
    "averages-of-one-layer-stay": (
        rules.batch_norm_not_updating,
        averages(0.0, names="a"),
        Severity.WARNING,
    ),
    "averages-that-a-step-on-jax-may-drop": (
        rules.batch_norm_not_updating,
        averages(0.0, backend="jax", has_own_step=True),
        Severity.WARNING,
    ),
    "averages-move": (rules.batch_norm_not_updating, averages(0.1), None),
    "averages-before-ten-steps": (
        rules.batch_norm_not_updating,
        averages(0.0, steps=(0, 9)),
        None,
    ),
    "averages-of-frozen-layers": (
        rules.batch_norm_not_updating,
        averages(0.0, trainable=False),
        None,
    ),
    "scaled-twice-into-a-frozen-base": (
        rules.frozen_norm_mismatch,
        frozen_norm(1.5e-5),
        Severity.WARNING,
    ),
    "nothing-arrives-at-a-frozen-base": (
        rules.frozen_norm_mismatch,
        frozen_norm(0.0),
        Severity.WARNING,
    ),
    "not-scaled-into-a-frozen-base": (
        rules.frozen_norm_mismatch,
        frozen_norm(6e4),
        Severity.WARNING,
    ),
    "shifted-into-a-frozen-base": (
        rules.frozen_norm_mismatch,
        frozen_norm(1.0, shift=30.0),
        Severity.WARNING,
    ),
    "fits-a-frozen-base": (rules.frozen_norm_mismatch, frozen_norm(0.9), None),
    "of-less-contrast-than-a-frozen-base": (rules.frozen_norm_mismatch, frozen_norm(0.05), None),
    "of-more-contrast-than-a-frozen-base": (
        rules.frozen_norm_mismatch,
        frozen_norm(30.0, shift=4.0),
        None,
    ),
    "into-averages-that-were-never-trained": (
        rules.frozen_norm_mismatch,
        frozen_norm(6e4, moved=0.0),
        None,
    ),
    "frozen-and-never-trained": (
        rules.untrained_frozen_layers,
        never_trained(0.0, 0.0, moved=(0.0, 0.0)),
        Severity.WARNING,
    ),
    "frozen-and-pretrained": (
        rules.untrained_frozen_layers,
        never_trained(0.0, 0.4, moved=(2.0, 3.0)),
        None,
    ),
    "frozen-with-pretrained-averages": (
        rules.untrained_frozen_layers,
        never_trained(0.0, 0.0, 0.0, moved=(2.0,)),
        None,
    ),
    "frozen-random-projection": (
        rules.untrained_frozen_layers,
        never_trained(0.0, 0.0),
        None,
    ),
    "frozen-small-part": (
        rules.untrained_frozen_layers,
        never_trained(0.0, 0.0, 0.0, trains=600),
        None,
    ),
    "lstm-with-relu-explodes": (
        rules.unbounded_recurrence,
        recurring("LSTM", "relu"),
        Severity.WARNING,
    ),
    "linear-rnn-explodes": (
        rules.unbounded_recurrence,
        recurring("SimpleRNN", None),
        Severity.WARNING,
    ),
    "convolutional-lstm-with-relu-explodes": (
        rules.unbounded_recurrence,
        recurring("ConvLSTM2D", "relu"),
        Severity.WARNING,
    ),
    "lstm-with-relu-explodes-before-its-output-is-measured": (
        rules.unbounded_recurrence,
        without(recurring("LSTM", "relu"), "activations/"),
        Severity.WARNING,
    ),
    "gru-of-unknown-units-with-relu-explodes": (
        rules.unbounded_recurrence,
        recurring("GRU", "relu", units=None),
        Severity.WARNING,
    ),
    "lstm-with-relu-learns": (
        rules.unbounded_recurrence,
        recurring("LSTM", "relu", loss=0.5),
        None,
    ),
    "lstm-with-relu-explains-little": (
        rules.unbounded_recurrence,
        at_half(recurring("LSTM", "relu", loss=0.5), better=0.1),
        Severity.NOTE,
    ),
    "lstm-with-tanh-explains-little": (
        rules.unbounded_recurrence,
        at_half(recurring("LSTM", "tanh", loss=0.5), better=0.1),
        None,
    ),
    "lstm-with-tanh-explodes": (rules.unbounded_recurrence, recurring("LSTM", "tanh"), None),
    "dense-with-relu-explodes": (rules.unbounded_recurrence, recurring("Dense", "relu"), None),
    "lstm-with-its-own-function-explodes": (
        rules.unbounded_recurrence,
        recurring("LSTM", "<lambda>"),
        None,
    ),
    "stops-at-the-worst-epoch": (
        rules.wrong_monitor_direction,
        monitoring(monitor="val_auc", better="max", looks_for="min"),
        Severity.WARNING,
    ),
    "stops-at-the-largest-loss": (
        rules.wrong_monitor_direction,
        monitoring(looks_for="max", restores_best=False),
        Severity.WARNING,
    ),
    "saves-the-worst-epoch": (
        rules.wrong_monitor_direction,
        monitoring(class_name="ModelCheckpoint", action="saves", looks_for="max"),
        Severity.WARNING,
    ),
    "lowers-the-rate-while-it-improves": (
        rules.wrong_monitor_direction,
        monitoring(
            class_name="ReduceLROnPlateau",
            action="lowers_learning_rate",
            looks_for="max",
            restores_best=None,
        ),
        Severity.WARNING,
    ),
    "saves-every-epoch": (
        rules.wrong_monitor_direction,
        monitoring(action="saves", looks_for="max", restores_best=False),
        None,
    ),
    "looks-for-the-better-end": (
        rules.wrong_monitor_direction,
        monitoring(monitor="val_auc", better="max"),
        None,
    ),
    "looks-for-an-end-of-an-unknown-metric": (
        rules.wrong_monitor_direction,
        monitoring(monitor="val_mine", better=None, looks_for="max"),
        None,
    ),
    "monitors-nothing": (
        rules.wrong_monitor_direction,
        monitoring(monitor=None, looks_for=None),
        None,
    ),
    "ended-at-once-by-its-min-delta": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], [0.6, 0.5, 0.4]),
        Severity.WARNING,
    ),
    "ended-on-a-coarse-metric": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], [0.6, 0.5, 0.4], monitor="val_accuracy", better="max"),
        Severity.NOTE,
    ),
    "ended-on-a-coarse-metric-at-a-poor-fit": (
        rules.stopped_early,
        stopped([0.69] * 3 + [0.6, 0.5, 0.4], error=0.5, monitor="accuracy", better="max"),
        Severity.WARNING,
    ),
    "ended-by-an-own-callback-at-a-poor-fit": (
        rules.stopped_early,
        stopped([0.69, 0.67, 0.65], by="", error=0.5),
        Severity.WARNING,
    ),
    "ended-by-an-own-callback-at-its-goal": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], by=""),
        None,
    ),
    "ended-by-the-sitter": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], by="Babysitter", error=0.5),
        None,
    ),
    "ended-when-the-validation-loss-rose": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], [0.5, 0.51, 0.52]),
        None,
    ),
    "ended-on-a-plateau": (
        rules.stopped_early,
        stopped([0.6, 0.3, 0.2, 0.2, 0.199, 0.1985], [0.6, 0.3, 0.2, 0.2, 0.199, 0.1985]),
        None,
    ),
    "ended-past-half-of-its-epochs": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], [0.6, 0.5, 0.4], epochs=5),
        None,
    ),
    "ended-where-it-should": (
        rules.stopped_early,
        stopped([0.6, 0.5, 0.4], [0.6, 0.5, 0.4], by=None),
        None,
    ),
    "ended-when-solved": (
        rules.stopped_early,
        stopped([0.5, 0.1, 0.005], [0.5, 0.1, 0.005]),
        None,
    ),
    "decays-in-epochs": (
        rules.learning_rate_decays_early,
        planned(0.1, *[0.0] * 10),
        Severity.WARNING,
    ),
    "decays-in-half-of-the-run": (
        rules.learning_rate_decays_early,
        planned(0.1, 0.09, 0.06, 0.03, 0.01, *[1e-5] * 6, decay_steps=None),
        Severity.WARNING,
    ),
    "has-decayed-in-the-fit-before": (
        rules.learning_rate_decays_early,
        planned(*[0.0] * 11, done=100),
        Severity.WARNING,
    ),
    "decays-at-the-end": (
        rules.learning_rate_decays_early,
        planned(*[0.1 - 0.01 * tenth for tenth in range(11)]),
        None,
    ),
    "decays-past-half-of-the-run": (
        rules.learning_rate_decays_early,
        planned(*[0.1] * 6, *[0.0] * 5),
        None,
    ),
    "decays-to-a-small-rate": (
        rules.learning_rate_decays_early,
        planned(0.1, *[2e-4] * 10),
        None,
    ),
    "decays-and-restarts": (
        rules.learning_rate_decays_early,
        planned(0.1, *[0.0] * 4, 0.1, 0.05, *[0.0] * 4),
        None,
    ),
    "decays-before-it-may-be-stopped": (
        rules.learning_rate_decays_early,
        planned(0.1, *[0.0] * 10, stops=True),
        None,
    ),
    "warms-up-from-zero": (
        rules.learning_rate_decays_early,
        planned(0.0, 0.0, 0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02),
        None,
    ),
    "killed-by-a-callback": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.02, 5e-4, by="ReduceLROnPlateau"),
        Severity.WARNING,
    ),
    "killed-by-a-schedule-of-epochs": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.02, 5e-4, by="Own"),
        Severity.WARNING,
    ),
    "killed-while-nothing-is-scored": (
        rules.learning_rate_decays_early,
        without(decaying(0.1, 0.02, 5e-4), "score/", "reference/"),
        Severity.WARNING,
    ),
    "killed-to-nothing-while-the-loss-jitters": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.02, 5e-6, losses=FALLING),
        Severity.WARNING,
    ),
    "lowered-while-it-learns": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.02, 5e-4, losses=FALLING),
        None,
    ),
    "lowered-while-it-learns-and-nothing-is-scored": (
        rules.learning_rate_decays_early,
        without(decaying(0.1, 0.02, 5e-4, losses=FALLING), "score/", "reference/"),
        None,
    ),
    "lowered-at-a-good-fit": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.02, 5e-4, error=0.05, by="ReduceLROnPlateau"),
        None,
    ),
    "lowered-a-bit-at-a-poor-fit": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.02, 5e-3),
        None,
    ),
    "lowered-late": (
        rules.learning_rate_decays_early,
        decaying(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 5e-4, epochs=10),
        None,
    ),
    "raised-again": (
        rules.learning_rate_decays_early,
        decaying(0.1, 5e-4, 0.05),
        None,
    ),
    "hardly-moves": (rules.learning_rate_too_low, moving(1e-6, [2.3] * 50), Severity.WARNING),
    "warms-up-for-the-whole-run": (
        rules.learning_rate_too_low,
        warming_up([1e-6 * step for step in range(1, 101)], error=0.9),
        Severity.WARNING,
    ),
    "warms-up-for-the-whole-run-and-learns": (
        rules.learning_rate_too_low,
        warming_up([1e-6 * step for step in range(1, 101)], error=0.2),
        None,
    ),
    "warms-up-for-half-of-the-run": (
        rules.learning_rate_too_low,
        warming_up([1e-6 * min(step, 50) for step in range(1, 101)], error=0.9),
        None,
    ),
    "warms-up-to-what-it-bears": (
        rules.learning_rate_too_low,
        bearing(warming_up([1e-6 * step for step in range(1, 101)], error=0.9), (2.0, 1.5, 3.0)),
        None,
    ),
    "hardly-moves-but-falls": (
        rules.learning_rate_too_low,
        moving(5e-5, [2.3 - 0.02 * step for step in range(50)]),
        None,
    ),
    "moves-as-it-should": (rules.learning_rate_too_low, moving(1e-3, [2.3] * 50), None),
    "moves-a-tenth-of-what-it-should": (
        rules.learning_rate_too_low,
        moving(1e-4, [2.3] * 50),
        None,
    ),
    "moves-less-than-a-tenth-of-what-it-should": (
        rules.learning_rate_too_low,
        moving(0.99e-4, [2.3] * 50),
        Severity.WARNING,
    ),
    "moved-enough-once": (
        rules.learning_rate_too_low,
        moving([1e-3] + [1e-6] * 49, [2.3] * 50),
        None,
    ),
    "moves-not-at-all": (rules.learning_rate_too_low, moving(0.0, [2.3] * 50), None),
    "moves-in-the-first-step-only": (
        rules.learning_rate_too_low,
        moving([1e-6] + [0.0] * 49, [2.3] * 50),
        Severity.WARNING,
    ),
    "hardly-moves-in-two-measured-steps": (
        rules.learning_rate_too_low,
        moving([1e-6] * 2, [2.3] * 50),
        Severity.WARNING,
    ),
    "hardly-moves-in-the-one-measured-step": (
        rules.learning_rate_too_low,
        moving([1e-6], [2.3] * 50),
        None,
    ),
    "hardly-moves-until-step-20": (
        rules.learning_rate_too_low,
        moving(1e-6, [2.3] * 21),
        Severity.WARNING,
    ),
    "hardly-moves-until-step-19": (rules.learning_rate_too_low, moving(1e-6, [2.3] * 20), None),
    "hardly-moves-for-a-tenth-of-a-long-run": (
        rules.learning_rate_too_low,
        of_steps(1000, moving(1e-6, [2.3] * 101)),
        Severity.WARNING,
    ),
    "hardly-moves-for-less-than-a-tenth-of-a-long-run": (
        rules.learning_rate_too_low,
        of_steps(1000, moving(1e-6, [2.3] * 100)),
        None,
    ),
    "hardly-moves-for-20-steps-of-an-unknown-number": (
        rules.learning_rate_too_low,
        of_steps(None, moving(1e-6, [2.3] * 21)),
        Severity.WARNING,
    ),
    "hardly-moves-from-an-unknown-loss": (
        rules.learning_rate_too_low,
        without(moving(1e-6, [2.3] * 50), "loss/start"),
        None,
    ),
    "hardly-moves-to-an-unknown-loss": (
        rules.learning_rate_too_low,
        without(moving(1e-6, [2.3] * 50), "loss/batch"),
        None,
    ),
    "hardly-moves-from-a-loss-of-zero": (
        rules.learning_rate_too_low,
        moving(1e-6, [0.0] * 50),
        None,
    ),
    "hardly-moves-from-a-small-loss": (
        rules.learning_rate_too_low,
        moving(1e-6, [0.7] * 50),
        Severity.WARNING,
    ),
    "hardly-moves-from-a-negative-loss": (
        rules.learning_rate_too_low,
        moving(1e-6, [-0.5] * 50),
        None,
    ),
    "hardly-moves-at-an-unknown-learning-rate": (
        rules.learning_rate_too_low,
        without(moving(5e-5, [2.3] * 50), "optimizer/"),
        Severity.WARNING,
    ),
    "will-lose-a-fifth-by-the-end": (
        rules.learning_rate_too_low,
        moving(5e-5, [2.0] + [1.8] * 49),
        Severity.WARNING,
    ),
    "will-lose-a-third-by-the-end": (
        rules.learning_rate_too_low,
        moving(5e-5, [2.0] + [1.7] * 49),
        None,
    ),
    "lost-a-seventh-by-the-end": (
        rules.learning_rate_too_low,
        moving(5e-5, [2.0] + [1.7] * 100),
        Severity.WARNING,
    ),
    "lost-a-third-in-twice-the-planned-steps": (
        rules.learning_rate_too_low,
        moving(5e-5, [2.0] + [1.4] * 200),
        None,
    ),
    "lost-a-seventh-in-a-run-of-unknown-length": (
        rules.learning_rate_too_low,
        of_steps(None, moving(5e-5, [2.0] + [1.7] * 49)),
        Severity.WARNING,
    ),
    "lost-a-quarter-in-a-run-of-unknown-length": (
        rules.learning_rate_too_low,
        of_steps(None, moving(5e-5, [2.0] + [1.5] * 49)),
        None,
    ),
    "lost-a-third-in-a-run-of-unknown-length": (
        rules.learning_rate_too_low,
        of_steps(None, moving(5e-5, [2.0] + [1.4] * 49)),
        None,
    ),
    "kernels-will-move-by-a-thousandth": (
        rules.learning_rate_too_low,
        moving(1e-5, [2.0] + [1.4] * 49),
        None,
    ),
    "kernels-will-move-by-less-than-a-thousandth": (
        rules.learning_rate_too_low,
        moving(0.9e-5, [2.0] + [1.4] * 49),
        Severity.WARNING,
    ),
    "kernels-stand-still-in-a-run-of-unknown-length": (
        rules.learning_rate_too_low,
        of_steps(None, moving(1e-8, [2.0] + [1.4] * 49)),
        None,
    ),
    "warm-up-of-a-hundredth": (
        rules.learning_rate_too_low,
        moving(1e-6, [2.3] * 50, rates=[0.001] * 49 + [0.00101]),
        Severity.WARNING,
    ),
    "warm-up-in-the-latest-step": (
        rules.learning_rate_too_low,
        moving(1e-6, [2.3] * 50, rates=[0.001] * 49 + [0.0011]),
        None,
    ),
    "warm-up-in-the-first-step": (
        rules.learning_rate_too_low,
        moving(1e-6, [2.3] * 50, rates=[1.0] + [1.1] * 49),
        None,
    ),
    "kernels-stand-still": (
        rules.learning_rate_too_low,
        moving(1e-8, [2.3 - 0.02 * step for step in range(50)]),
        Severity.WARNING,
    ),
    "warm-up": (
        rules.learning_rate_too_low,
        moving(1e-6, [2.3] * 50, rates=[1e-6 * (1 + step) for step in range(50)]),
        None,
    ),
    "knows-its-task": (
        rules.learning_rate_too_low,
        knowing([0.02], 0.9),
        None,
    ),
    "knows-its-task-by-now": (
        rules.learning_rate_too_low,
        knowing([0.8, 0.8, 0.02], 0.9),
        None,
    ),
    "knows-half-of-its-task": (
        rules.learning_rate_too_low,
        knowing([0.5], 1.0),
        Severity.WARNING,
    ),
    "knows-nearly-half-of-its-task": (
        rules.learning_rate_too_low,
        knowing([0.5], 0.9),
        Severity.WARNING,
    ),
    "knows-a-bit-more-than-half-of-its-task": (
        rules.learning_rate_too_low,
        knowing([0.44], 0.9),
        None,
    ),
    "knows-its-task-beside-an-unknown-constant": (
        rules.learning_rate_too_low,
        knowing([0.02]),
        Severity.WARNING,
    ),
    "has-an-unknown-error": (
        rules.learning_rate_too_low,
        knowing([], 0.9),
        Severity.WARNING,
    ),
    "long-steps-and-no-fall": (
        rules.learning_rate_too_high,
        moving(0.3, [2.4] * 30),
        Severity.WARNING,
    ),
    "long-steps-that-help": (
        rules.learning_rate_too_high,
        moving(0.3, [2.4 / (1 + step) for step in range(30)]),
        None,
    ),
    "long-steps-that-kill": (
        rules.learning_rate_too_high,
        dying(0.3),
        Severity.WARNING,
    ),
    "units-that-die-of-something-else": (rules.learning_rate_too_high, dying(0.01), None),
    "grows-from-tiny-weights": (
        rules.learning_rate_too_high,
        moving([1 / (1 + step) for step in range(25)], [2.3] * 25),
        None,
    ),
    "long-first-steps": (rules.learning_rate_too_high, moving(0.3, [2.4] * 5), None),
    "twice-as-long-as-is-borne": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.4, 2.5]), (0.2, 0.1, 0.4)),
        Severity.WARNING,
    ),
    "steps-of-three-percent": (
        rules.learning_rate_too_high,
        moving(0.03, [2.4] * 120),
        None,
    ),
    "steps-of-more-than-three-percent": (
        rules.learning_rate_too_high,
        moving(0.0305, [2.4] * 120),
        Severity.WARNING,
    ),
    "steps-of-two-percent-for-long": (
        rules.learning_rate_too_high,
        moving(0.02, [2.4] * 200),
        None,
    ),
    "long-steps-that-growth-explains": (
        rules.learning_rate_too_high,
        moving(0.25, [2.4] * 15),
        None,
    ),
    "long-steps-that-growth-does-not-explain": (
        rules.learning_rate_too_high,
        moving(0.25, [2.4] * 16),
        Severity.WARNING,
    ),
    "long-steps-until-step-9": (
        rules.learning_rate_too_high,
        moving(0.45, [2.4] * 10),
        None,
    ),
    "long-steps-until-step-10": (
        rules.learning_rate_too_high,
        moving(0.45, [2.4] * 11),
        Severity.WARNING,
    ),
    "long-steps-in-the-three-measured": (
        rules.learning_rate_too_high,
        moving_at((20, 21, 22), 0.3, [2.4] * 30),
        Severity.WARNING,
    ),
    "long-steps-in-the-two-measured": (
        rules.learning_rate_too_high,
        moving_at((20, 21), 0.3, [2.4] * 30),
        None,
    ),
    "long-steps-of-which-the-first-two-are-growth": (
        rules.learning_rate_too_high,
        moving_at((0, 1, 10), 2.0, [2.4] * 30),
        None,
    ),
    "long-steps-of-four-times-the-weights": (
        rules.learning_rate_too_high,
        moving_at((0, 1, 10), 4.0, [2.4] * 30),
        Severity.WARNING,
    ),
    "long-steps-but-for-the-latest": (
        rules.learning_rate_too_high,
        moving([0.3] * 29 + [1e-3], [2.4] * 30),
        None,
    ),
    "long-steps-from-an-unknown-loss": (
        rules.learning_rate_too_high,
        without(moving(0.3, [2.4] * 30), "loss/start"),
        None,
    ),
    "long-steps-to-an-unknown-loss": (
        rules.learning_rate_too_high,
        moving([0.3] * 30, [2.4] * 2),
        None,
    ),
    "long-steps-and-three-measured-losses": (
        rules.learning_rate_too_high,
        moving([0.3] * 30, [2.4] * 3),
        Severity.WARNING,
    ),
    "long-steps-and-four-measured-losses": (
        rules.learning_rate_too_high,
        moving([0.3] * 30, [2.4] * 4),
        Severity.WARNING,
    ),
    "steps-of-unknown-length": (
        rules.learning_rate_too_high,
        without(moving(0.3, [2.4] * 30), "updates/"),
        None,
    ),
    "long-steps-from-a-loss-of-zero": (
        rules.learning_rate_too_high,
        moving(0.3, [0.0] * 30),
        None,
    ),
    "long-steps-from-a-negative-loss": (
        rules.learning_rate_too_high,
        moving(0.3, [-0.5] + [-0.1] * 29),
        None,
    ),
    "long-steps-from-a-small-loss": (
        rules.learning_rate_too_high,
        moving(0.3, [0.7] * 30),
        Severity.WARNING,
    ),
    "long-steps-and-a-fall-of-a-tenth": (
        rules.learning_rate_too_high,
        moving(0.3, [2.0] + [1.8] * 29),
        Severity.WARNING,
    ),
    "long-steps-and-a-fall-by-half": (
        rules.learning_rate_too_high,
        moving(0.3, [2.0] + [1.0] * 29),
        None,
    ),
    "long-steps-and-an-epoch-that-fell": (
        rules.learning_rate_too_high,
        moving(0.3, [2.4] * 30, more={("logs/loss", ""): [1.0]}),
        None,
    ),
    "a-long-first-step-and-an-explosion": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([0.3], [2.4] + [50] * 11)),
        Severity.WARNING,
    ),
    "long-first-steps-and-an-explosion": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([0.3] * 5 + [1e-3] * 10, [2.4] * 3 + [50] * 12)),
        Severity.WARNING,
    ),
    "first-steps-of-a-tenth-and-an-explosion": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([0.1] * 5 + [1e-3] * 10, [2.4] * 3 + [50] * 12)),
        None,
    ),
    "short-first-steps-and-an-explosion": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([0.05] * 5 + [1e-3] * 10, [2.4] * 3 + [50] * 12)),
        None,
    ),
    "a-long-step-after-the-first-ten-and-an-explosion": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([1e-3] * 10 + [0.3] + [1e-3] * 4, [2.4] * 3 + [50] * 12)),
        None,
    ),
    "long-first-steps-and-an-explosion-after-a-fall": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([0.3] * 5 + [1e-3] * 20, [2.4] * 3 + [1.0] * 10 + [50] * 12)),
        None,
    ),
    "long-first-steps-and-an-explosion-after-a-fall-to-half": (
        rules.learning_rate_too_high,
        with_constant(2.4, moving([0.3] * 5 + [1e-3] * 20, [2.4] * 3 + [1.2] * 10 + [50] * 12)),
        Severity.WARNING,
    ),
    "long-first-steps-that-kill-all-units": (
        rules.learning_rate_too_high,
        dying(0.3, dead=1.0),
        Severity.WARNING,
    ),
    "long-first-steps-that-kill-a-few-units": (
        rules.learning_rate_too_high,
        dying(0.3, dead=0.25),
        None,
    ),
    "first-steps-of-a-tenth-that-kill": (
        rules.learning_rate_too_high,
        dying(0.1),
        None,
    ),
    "short-first-steps-that-kill-and-long-ones-later": (
        rules.learning_rate_too_high,
        dying(0.05, later=0.3),
        None,
    ),
    "long-first-steps-of-tiny-weights-that-kill": (
        rules.learning_rate_too_high,
        from_tiny_weights(dying(0.3)),
        None,
    ),
    "overwritten-and-no-fall-in-two-epochs": (
        rules.learning_rate_too_high,
        moving([0.7] * 5 + [1e-3] * 25, [2.4] * 30, more={("logs/loss", ""): [2.4] * 2}),
        Severity.WARNING,
    ),
    "overwritten-and-no-fall-in-one-epoch": (
        rules.learning_rate_too_high,
        moving([0.7] * 5 + [1e-3] * 25, [2.4] * 30, more={("logs/loss", ""): [2.4]}),
        None,
    ),
    "overwritten-and-no-fall-in-a-tenth-of-the-run": (
        rules.learning_rate_too_high,
        moving([0.7] * 5 + [1e-3] * 6, [2.4] * 11, more={("logs/loss", ""): [2.4] * 2}),
        Severity.WARNING,
    ),
    "overwritten-and-no-fall-in-less-than-a-tenth-of-the-run": (
        rules.learning_rate_too_high,
        moving([0.7] * 5 + [1e-3] * 5, [2.4] * 10, more={("logs/loss", ""): [2.4] * 2}),
        None,
    ),
    "long-first-steps-and-no-fall-in-two-epochs": (
        rules.learning_rate_too_high,
        moving([0.3] * 5 + [1e-3] * 25, [2.4] * 30, more={("logs/loss", ""): [2.4] * 2}),
        None,
    ),
    "long-steps-and-twice-as-much-is-borne": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.4] * 30), (2.0, 1.5, 3.0)),
        Severity.WARNING,
    ),
    "long-steps-and-just-as-much-is-borne": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.4] * 30), (1.0, 0.7, 1.5)),
        Severity.WARNING,
    ),
    "twice-as-long-as-is-borne-from-a-small-loss": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [0.7]), (0.2, 0.1, 0.4)),
        Severity.WARNING,
    ),
    "twice-as-long-as-is-borne-from-a-loss-of-zero": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [0.0]), (0.2, 0.1, 0.4)),
        None,
    ),
    "twice-as-long-as-is-borne-before-a-batch": (
        rules.learning_rate_too_high,
        without(bearing(moving(0.3, [2.4]), (0.2, 0.1, 0.4)), "loss/batch"),
        None,
    ),
    "twice-as-long-as-is-borne-and-a-fall-of-a-tenth": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.0, 1.8]), (0.2, 0.1, 0.4)),
        Severity.WARNING,
    ),
    "perhaps-twice-as-long-as-is-borne": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.4]), (0.2, 0.1, 0.7)),
        None,
    ),
    "borne-again": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.4, 2.5]), (0.2, 0.1, 0.4), (0.6, 0.5, 0.8)),
        None,
    ),
    "too-long-but-falls": (
        rules.learning_rate_too_high,
        bearing(moving(0.3, [2.4, 1.9]), (0.4, 0.3, 0.45), (0.4, 0.3, 0.45)),
        None,
    ),
    "hardly-moves-but-bears-no-more": (
        rules.learning_rate_too_low,
        bearing(moving(1e-6, [2.3] * 50), (3.0, 2.0, 3.9)),
        None,
    ),
    "hardly-moves-and-bears-four-times-as-much": (
        rules.learning_rate_too_low,
        bearing(moving(1e-6, [2.3] * 50), (3.0, 2.0, 4.0)),
        Severity.WARNING,
    ),
    "hardly-moves-and-bears-more-than-before": (
        rules.learning_rate_too_low,
        bearing(moving(1e-6, [2.3] * 50), (3.0, 2.0, 3.9), (8.0, 6.0, 9.0)),
        Severity.WARNING,
    ),
    "hardly-moves-and-bears-26-times-an-unknown-learning-rate": (
        rules.learning_rate_too_low,
        bearing(without(moving(1e-6, [2.3] * 50), "optimizer/"), (26.0, 20.0, 30.0)),
        Severity.WARNING,
    ),
    "hardly-moves-and-bears-much-more": (
        rules.learning_rate_too_low,
        bearing(moving(1e-6, [2.3] * 50), (32.0, 32.0, 32.0)),
        Severity.WARNING,
    ),
    "half-of-itself-each-step": (
        rules.update_ratio,
        moving(0.5, [1.0] * 90),
        Severity.WARNING,
    ),
    "a-thousandth-each-step": (rules.update_ratio, moving(1e-3, [1.0] * 90), None),
    "a-tenth-of-itself-each-step": (
        rules.update_ratio,
        moving(0.1, [1.0] * 90),
        Severity.WARNING,
    ),
    "a-little-less-than-a-tenth-each-step": (
        rules.update_ratio,
        moving(0.099, [1.0] * 90),
        None,
    ),
    "half-of-itself-in-five-steps-from-step-50-on": (
        rules.update_ratio,
        moving(0.5, [1.0] * 55),
        Severity.WARNING,
    ),
    "half-of-itself-in-four-steps-from-step-50-on": (
        rules.update_ratio,
        moving(0.5, [1.0] * 54),
        None,
    ),
    "half-of-itself-except-for-the-latest-step": (
        rules.update_ratio,
        moving([0.5] * 89 + [0.05], [1.0] * 90),
        None,
    ),
    "half-of-itself-in-the-latest-five-steps": (
        rules.update_ratio,
        moving([0.05] * 85 + [0.5] * 5, [1.0] * 90),
        Severity.WARNING,
    ),
    "half-of-itself-at-an-unknown-learning-rate": (
        rules.update_ratio,
        without(moving(0.5, [1.0] * 90), "optimizer/"),
        Severity.WARNING,
    ),
    "grew-from-nothing": (
        rules.update_ratio,
        moving([1 / (1 + step) for step in range(90)], [1.0] * 90),
        None,
    ),
    "blows-up-by-depth": (
        rules.exploding_activations,
        network({"activations/std": {"a": [1.0] * 3, "b": [1e4] * 3}}),
        Severity.WARNING,
    ),
    "blown-up-by-the-first-step": (
        rules.exploding_activations,
        network(
            {
                "activations/std": {"a": [1.0, 1e4, 1e4], "b": [1.0, 1e4, 1e4]},
                "updates/ratio": {f"{name}/kernel": [7.0, 0.9, 0.2] for name in "abc"},
            }
        ),
        None,
    ),
    "blown-up-in-the-course-of-the-run": (
        rules.exploding_activations,
        network(
            {
                "activations/std": {"a": [1.0, 1e4, 1e4], "b": [1.0, 1e4, 1e4]},
                "updates/ratio": {f"{name}/kernel": [0.01, 0.02, 0.02] for name in "abc"},
            }
        ),
        Severity.WARNING,
    ),
    "one-layer-blown-up": (
        rules.exploding_activations,
        network({"activations/std": {"a": [5e4] * 3}}),
        Severity.WARNING,
    ),
    "grows-a-little-by-depth": (
        rules.exploding_activations,
        network({"activations/std": {"a": [1.0] * 3, "b": [20.0] * 3}}),
        None,
    ),
    "sure-of-wrong-answers-from-the-start": (
        rules.exploding_activations,
        far_off(start=500.0, size=100.0),
        Severity.WARNING,
    ),
    "sure-of-wrong-answers-and-shattered": (
        rules.exploding_activations,
        shattered(far_off(start=500.0, size=100.0)),
        Severity.WARNING,
    ),
    "far-off-for-another-reason": (
        rules.exploding_activations,
        far_off(start=500.0, size=1.0),
        None,
    ),
    "large-and-begins-well": (
        rules.exploding_activations,
        far_off(start=2.6, size=100.0),
        None,
    ),
    "fades-by-depth": (
        rules.collapsed_activations,
        fading(1.0, 1e-4, 1e-5),
        Severity.WARNING,
    ),
    "fades-to-a-thousandth": (rules.collapsed_activations, fading(1.0, 1e-3), None),
    "fades-to-less-than-a-thousandth": (
        rules.collapsed_activations,
        fading(1.0, 0.99e-3),
        Severity.WARNING,
    ),
    "fades-to-a-hundredth-of-a-small-signal": (
        rules.collapsed_activations,
        fading(0.1, 1e-3),
        None,
    ),
    "fades-to-a-thousandth-of-one-from-a-large-signal": (
        rules.collapsed_activations,
        fading(5.0, 1.5e-3),
        None,
    ),
    "fades-after-a-layer-at-a-thousandth": (
        rules.collapsed_activations,
        fading(1.0, 1e-3, 1e-5, names="acb"),
        Severity.WARNING,
    ),
    "fades-after-a-layer-at-a-hundredth-of-a-small-signal": (
        rules.collapsed_activations,
        fading(0.1, 1e-3, 1e-5, names="acb"),
        Severity.WARNING,
    ),
    "fades-later-than-before": (
        rules.collapsed_activations,
        fading([1.0] * 2, [1e-5, 1.0], [1e-5] * 2, names="acb"),
        Severity.WARNING,
    ),
    "fades-in-the-latest-measurement-only": (
        rules.collapsed_activations,
        fading([1.0] * 3, [1.0, 1.0, 1e-5]),
        None,
    ),
    "faded-in-the-latest-two-measurements": (
        rules.collapsed_activations,
        fading([1.0] * 3, [1.0, 1e-5, 1e-5]),
        Severity.WARNING,
    ),
    "fades-in-the-one-measurement-of-a-later-step": (
        rules.collapsed_activations,
        fading([1.0], [1e-5], first=7),
        None,
    ),
    "fades-before-the-first-step": (
        rules.collapsed_activations,
        fading([1.0], [1e-5]),
        Severity.WARNING,
    ),
    "fades-before-the-first-step-with-two-fifths-of-the-units-shut": (
        rules.collapsed_activations,
        fading([1.0], [1e-5], shut=0.4),
        Severity.WARNING,
    ),
    "fades-before-the-first-step-with-three-fifths-of-the-units-shut": (
        rules.collapsed_activations,
        fading([1.0], [1e-5], shut=0.6),
        None,
    ),
    "fades-before-the-first-step-with-two-fifths-of-the-units-saturated": (
        rules.collapsed_activations,
        fading([1.0], [1e-5], saturated=0.4),
        Severity.WARNING,
    ),
    "fades-before-the-first-step-with-most-units-saturated": (
        rules.collapsed_activations,
        fading([1.0], [1e-5], saturated=0.41),
        None,
    ),
    "fades-twice-with-most-units-saturated": (
        rules.collapsed_activations,
        fading([1.0] * 2, [1e-5] * 2, saturated=0.9),
        Severity.WARNING,
    ),
    "fades-to-nothing": (rules.collapsed_activations, fading(1.0, 0.0), None),
    "fades-after-a-layer-without-a-signal": (
        rules.collapsed_activations,
        fading(1.0, 0.0, 1e-5),
        None,
    ),
    "fades-after-a-layer-whose-signal-is-not-a-number": (
        rules.collapsed_activations,
        fading(1.0, math.nan, 1e-5),
        None,
    ),
    "fades-in-the-one-hidden-layer": (
        rules.collapsed_activations,
        fading(1e-5),
        None,
    ),
    "embedding-of-a-constant-mask": (
        rules.collapsed_activations,
        with_embedding(network({"activations/spread": {"a": [1.0] * 3, "b": [1e-9] * 3}}), "b"),
        None,
    ),
    "recovers-by-depth": (
        rules.collapsed_activations,
        network({"activations/spread": {"a": [1.0] * 3, "b": [1e-5] * 3, "c": [0.8] * 3}}),
        None,
    ),
    "gradient-lost-by-depth": (
        rules.vanishing_gradients,
        network({"gradients/norm": by_kernel(1e-6, 1e-3, 1.0)}),
        Severity.WARNING,
    ),
    "gradient-lost-for-biases-as-well": (
        rules.vanishing_gradients,
        network(
            {"gradients/norm": by_kernel(1e-6, 1e-3, 1.0) | by_kernel(1e-6, 1e-3, 1.0, kind="bias")}
        ),
        Severity.WARNING,
    ),
    "gradient-times-inputs-of-zero": (
        rules.vanishing_gradients,
        network(
            {"gradients/norm": by_kernel(1e-6, 1e-1, 1.0) | by_kernel(0.5, 0.5, 1.0, kind="bias")}
        ),
        None,
    ),
    "gradient-that-comes-and-goes": (
        rules.vanishing_gradients,
        network(
            {
                "gradients/norm": {
                    "a/kernel": [0.5, 1e-6, 0.5, 1e-6, 1e-6],
                    "b/kernel": [1e-1] * 5,
                    "c/kernel": [1.0] * 5,
                }
            }
        ),
        None,
    ),
    "gradient-lost-where-none-is-wanted": (
        rules.vanishing_gradients,
        network(
            {
                "gradients/norm": by_kernel(1e-9, 1e-6, 1e-3),
                "loss/start": {"": [2.3]},
                "logs/loss": {"": [0.5, 1e-3]},
            }
        ),
        None,
    ),
    "gradient-kept-by-depth": (
        rules.vanishing_gradients,
        network({"gradients/norm": by_kernel(0.01, 0.1, 1.0)}),
        None,
    ),
    "gradient-passes-queries-by": (
        rules.vanishing_gradients,
        attention({"query": 1e-6, "key": 1e-6, "value": 0.1, "c": 1.0}),
        None,
    ),
    "gradient-lost-before-an-attention": (
        rules.vanishing_gradients,
        attention({"a": 1e-6, "query": 1e-6, "value": 1e-3, "c": 1.0}),
        Severity.WARNING,
    ),
    "gradient-grows-by-depth": (
        rules.exploding_gradients,
        network({"gradients/norm": by_kernel(1e4, 10.0, 1.0)}),
        Severity.WARNING,
    ),
    "gradient-grows-by-depth-at-the-start-of-batch-norms": (
        rules.exploding_gradients,
        network({"gradients/norm": by_kernel(1e4, 10.0, 1.0)}, batch_normalizations=2),
        None,
    ),
    "gradient-grows-by-depth-and-stays-in-spite-of-batch-norms": (
        rules.exploding_gradients,
        network({"gradients/norm": by_kernel(1e4, 10.0, 1.0, times=8)}, batch_normalizations=2),
        Severity.WARNING,
    ),
    "gradient-of-a-steep-loss": (
        rules.exploding_gradients,
        network({"gradients/norm": by_kernel(1e6, 1e6, 1e6)}),
        None,
    ),
    "pieces-that-never-win": (
        rules.dead_pieces,
        layer("activations/dead_piece_fraction", [0.5] * 4),
        Severity.WARNING,
    ),
    "two-of-four-pieces-that-never-win": (
        rules.dead_pieces,
        with_wins(layer("activations/dead_piece_fraction", [0.5] * 4), [0.6, 0.4, 0.0, 0.0]),
        Severity.WARNING,
    ),
    "pieces-that-all-win": (
        rules.dead_pieces,
        layer("activations/dead_piece_fraction", [0.05] * 4),
        None,
    ),
    "steep-slopes": (rules.negative_slope_out_of_range, slopes(-2.5, 0.3), Severity.WARNING),
    "steep-slopes-of-a-solved-problem": (
        rules.negative_slope_out_of_range,
        slopes(-2.5, 0.3, loss=1e-4),
        Severity.NOTE,
    ),
    "slopes-below-zero": (rules.negative_slope_out_of_range, slopes(-0.1, 0.3), Severity.NOTE),
    "slopes-in-range": (rules.negative_slope_out_of_range, slopes(0.0, 0.9), None),
    "stack-of-sigmoids": (rules.not_zero_centered, stack(0.5, 0.1), Severity.NOTE),
    "sigmoids-as-factors": (rules.not_zero_centered, stack(0.5, 0.1, is_factor=True), None),
    "stack-of-tanh": (rules.not_zero_centered, stack(0.0, 0.6), None),
    "averages-lag": (rules.batch_norm_mismatch, lagging(5.0, 2.0), Severity.WARNING),
    "averages-lag-by-validation-data": (
        rules.batch_norm_mismatch,
        without_fresh_score(lagging(5.0, 2.0), val_loss=2.0),
        Severity.WARNING,
    ),
    "no-fresh-score-and-no-validation-data": (
        rules.batch_norm_mismatch,
        without_fresh_score(lagging(5.0, 2.0)),
        None,
    ),
    "averages-lagged-long-ago": (
        rules.batch_norm_mismatch,
        lagging(5.0, 2.0, steps_since=500),
        None,
    ),
    "variance-far-from-1-fades-slowly": (
        rules.batch_norm_mismatch,
        lagging(0.1, 2.0, variance=7.0, steps_since=400),
        Severity.WARNING,
    ),
    "began-with-a-lucky-batch": (
        rules.loss_not_decreasing,
        began_with_few(poor([0.3] * 8, {}, FLAT)),
        None,
    ),
    "fits-but-for-its-averages": (
        rules.underfitting,
        fits_in_training_mode(poor([0.9] * 8, {"constant_error": 0.9}, FLAT)),
        None,
    ),
    "averages-lag-without-harm": (rules.batch_norm_mismatch, lagging(5.0, 0.11), None),
    "penalty-is-everything": (
        rules.regularization_dominates,
        penalised(0.8, error=0.9),
        Severity.WARNING,
    ),
    "penalty-shrank-the-weights": (
        rules.regularization_dominates,
        shrunk(penalised(0.05, error=0.9)),
        Severity.WARNING,
    ),
    "penalty-behind-the-neighbours": (
        rules.regularization_dominates,
        penalised(0.8, error=0.36, neighbours=0.06),
        Severity.WARNING,
    ),
    "penalty-near-the-neighbours": (
        rules.regularization_dominates,
        penalised(0.8, error=0.36, neighbours=0.3),
        None,
    ),
    "penalty-of-a-good-fit": (rules.regularization_dominates, penalised(0.8, error=0.01), None),
    "same-for-all": (
        rules.constant_output,
        history(
            {
                ("outputs/spread", "outputs[0]"): [0.0] * 9,
                ("outputs/mean", "outputs[0]"): [1.0] * 9,
            }
        ),
        Severity.ERROR,
    ),
    "same-for-all-by-a-softmax-over-one-unit": (
        rules.constant_output,
        history(
            {
                ("outputs/spread", "outputs[0]"): [0.0] * 9,
                ("outputs/mean", "outputs[0]"): [1.0] * 9,
            },
            layers={"dense": LayerFacts(role="output", units=1, activation="softmax")},
        ),
        Severity.ERROR,
    ),
    "same-for-examples-that-are-the-same": (
        rules.constant_output,
        of_examples(
            1,
            {
                ("outputs/spread", "outputs[0]"): [0.0] * 9,
                ("outputs/mean", "outputs[0]"): [1.0] * 9,
            },
        ),
        None,
    ),
    "same-for-two-examples-that-differ": (
        rules.constant_output,
        of_examples(
            2,
            {
                ("outputs/spread", "outputs[0]"): [0.0] * 9,
                ("outputs/mean", "outputs[0]"): [1.0] * 9,
            },
        ),
        Severity.ERROR,
    ),
    "differs": (
        rules.constant_output,
        history(
            {
                ("outputs/spread", "outputs[0]"): [0.1] * 9,
                ("outputs/mean", "outputs[0]"): [1.0] * 9,
            }
        ),
        None,
    ),
    "one-class-for-all": (
        rules.constant_output,
        poor([0.5] * 8, {}, FLAT, **answers(1.0, 0.5)),
        Severity.WARNING,
    ),
    "one-class-is-most-of-it": (
        rules.constant_output,
        poor([0.05] * 8, {}, FLAT, **answers(1.0, 0.95)),
        None,
    ),
    "differs-as-little-as-can-be-told": (
        rules.constant_output,
        poor([0.98] * 8, SURELY_BETTER, FLAT, **{"predictions/spread": [0.04] * 8}),
        None,
    ),
    "one-number-for-all": (
        rules.constant_output,
        poor([1.0] * 8, NO_BETTER, FLAT, **{"predictions/spread": [0.04] * 8}),
        Severity.WARNING,
    ),
    "up-and-down": (
        rules.oscillating_loss,
        poor([0.5] * 10, {}, [0.3, 0.6] * 5),
        Severity.WARNING,
    ),
    "up-and-down-at-a-known-rate": (
        rules.oscillating_loss,
        at_rate(0.1, poor([0.5] * 10, {}, [0.3, 0.6] * 5)),
        Severity.WARNING,
    ),
    "up-and-down-of-what-is-learnt": (
        rules.oscillating_loss,
        poor([0.05, 0.06] * 5, {"constant_error": 0.5}, [0.3, 0.6] * 5),
        Severity.NOTE,
    ),
    "up-and-down-with-the-draw-of-each-epoch": (
        rules.oscillating_loss,
        drawn_again(steps=4),
        None,
    ),
    "up-and-down-by-more-than-the-draw-of-each-epoch": (
        rules.oscillating_loss,
        drawn_again(steps=100),
        Severity.WARNING,
    ),
    "up-and-down-by-who-knows-how-much-of-the-draw": (
        rules.oscillating_loss,
        drawn_again(steps=100, batches=()),
        None,
    ),
    "up-and-down-on-the-same-examples": (
        rules.oscillating_loss,
        drawn_again(steps=4, recurring=1.0),
        Severity.WARNING,
    ),
    "up-and-down-while-it-falls": (
        rules.oscillating_loss,
        poor([0.5] * 8, {}, [0.7, 0.5, 0.65, 0.45, 0.3, 0.4, 0.15, 0.3]),
        Severity.NOTE,
    ),
    "up-and-down-while-it-falls-a-little": (
        rules.oscillating_loss,
        poor([0.5] * 8, {}, [0.6, 0.35, 0.6, 0.35, 0.55, 0.3, 0.55, 0.3]),
        Severity.WARNING,
    ),
    "up-and-down-of-loss-and-answers": (
        rules.oscillating_loss,
        poor([0.05, 0.2] * 5, {"constant_error": 0.5}, [0.3, 0.6] * 5),
        Severity.WARNING,
    ),
    "up-and-down-far-below-a-constant-prediction": (
        rules.oscillating_loss,
        with_constant(9.0, poor([0.5] * 10, {}, [0.3, 0.6] * 5)),
        None,
    ),
    "small-jitter-of-a-density": (
        rules.oscillating_loss,
        history(
            {
                ("loss/start", ""): [0.1],
                ("logs/loss", ""): [-0.6, -1.02, -0.97] + [-1.02, -0.97] * 5,
            }
        ),
        None,
    ),
    "swings-of-a-density": (
        rules.oscillating_loss,
        history({("loss/start", ""): [0.1], ("logs/loss", ""): [-0.6, -1.0] + [-0.1, -1.0] * 5}),
        Severity.WARNING,
    ),
    "small-jitter": (rules.oscillating_loss, poor([0.5] * 10, {}, [0.30, 0.31] * 5), None),
    "stays-where-it-began": (
        rules.loss_not_decreasing,
        poor([0.5] * 8, {"constant_error": 0.5}, [0.7] * 8),
        Severity.WARNING,
    ),
    "stays-where-it-began-which-was-learnt-before": (
        rules.loss_not_decreasing,
        with_constant(1.5, poor([0.5] * 8, {"constant_error": 0.5}, [0.7] * 8)),
        None,
    ),
    "stays-where-it-began-and-had-learnt-little": (
        rules.loss_not_decreasing,
        with_constant(1.3, poor([0.5] * 8, {"constant_error": 0.5}, [0.7] * 8)),
        Severity.WARNING,
    ),
    "scored-on-more-than-a-batch-that-it-depends-on": (
        rules.loss_not_decreasing,
        poor([0.5] * 8, {"constant_error": 0.5}, [2.1] * 8, logged=[0.3] * 8),
        None,
    ),
    "nothing-to-learn": (
        rules.loss_not_decreasing,
        poor([0.5] * 8, {"constant_error": 0.5, "neighbour_error": 0.5}, [0.7] * 8),
        None,
    ),
    "left-its-start": (rules.loss_not_decreasing, poor([0.5] * 8, {}, FALLING), None),
    "no-activation-anywhere": (
        rules.linear_stack,
        history({}, linear_layers=("a", "b", "c"), layers={"a": DENSE}),
        Severity.NOTE,
    ),
    "one-linear-layer": (rules.linear_stack, history({}, linear_layers=()), None),
    "not-known-to-be-linear": (rules.linear_stack, history({}), None),
    "rests-with-tiny-steps": (rules.plateau, resting(1e-6), Severity.WARNING),
    "rests-with-huge-steps": (rules.plateau, resting(0.5, rate=0.1), Severity.WARNING),
    "rests-as-the-rate-has-decayed": (
        rules.plateau,
        at_rate(1e-18, at_rate(1e-2, resting(1e-18))),
        Severity.WARNING,
    ),
    "rests-with-healthy-steps": (rules.plateau, resting(1e-3), None),
    "validation-far-better": (
        rules.validation_better_than_train,
        history(scores([0.6, 0.5, 0.4], [0.3, 0.2, 0.1]), recurring_fraction=1.0),
        Severity.WARNING,
    ),
    "validation-far-better-and-who-knows": (
        rules.validation_better_than_train,
        history(scores([0.4] * 3, [0.1] * 3)),
        Severity.NOTE,
    ),
    "validation-far-better-than-augmented": (
        rules.validation_better_than_train,
        history(scores([0.4] * 3, [0.1] * 3), recurring_fraction=0.1),
        None,
    ),
    "validation-far-better-where-nothing-is-learnt": (
        rules.validation_better_than_train,
        history(
            scores([0.4] * 3, [0.1] * 3)
            | {
                ("reference/constant_advantage", "validation"): [0.0] * 3,
                ("reference/constant_advantage_stderr", "validation"): [0.01] * 3,
            },
            recurring_fraction=1.0,
        ),
        None,
    ),
    "validation-a-bit-better": (
        rules.validation_better_than_train,
        history(scores([0.4] * 3, [0.37] * 3)),
        None,
    ),
    "validation-surely-better-by-a-tenth": (
        rules.validation_better_than_train,
        history(scores([0.2] * 3, [0.1] * 3, error=0.0)),
        Severity.NOTE,
    ),
    "validation-better-by-less-than-a-tenth": (
        rules.validation_better_than_train,
        history(scores([0.2] * 3, [0.11] * 3, error=0.0)),
        None,
    ),
    "validation-far-better-in-two-epochs": (
        rules.validation_better_than_train,
        history(scores([0.4] * 2, [0.1] * 2)),
        None,
    ),
    "validation-far-better-in-the-latest-three-epochs": (
        rules.validation_better_than_train,
        history(scores([0.4] * 4, [0.4, 0.1, 0.1, 0.1])),
        Severity.NOTE,
    ),
    "validation-far-better-except-for-the-latest-epoch": (
        rules.validation_better_than_train,
        history(scores([0.4] * 4, [0.1, 0.1, 0.1, 0.4])),
        None,
    ),
    "validation-far-better-where-half-of-the-data-recur": (
        rules.validation_better_than_train,
        history(scores([0.4] * 3, [0.1] * 3), recurring_fraction=0.5),
        Severity.WARNING,
    ),
    "at-chance-after-one-epoch": (rules.not_learning, at_chance(0.0, 0.01), Severity.WARNING),
    "at-chance-after-a-few-steps": (
        rules.not_learning,
        at_chance(0.0, 0.01, steps=5),
        Severity.NOTE,
    ),
    "at-chance-but-neighbours-are-not": (
        rules.not_learning,
        at_chance(0.0, 0.1, neighbour_advantage=0.2, neighbour_advantage_stderr=0.02),
        Severity.WARNING,
    ),
    "at-chance-as-far-as-few-examples-tell": (
        rules.not_learning,
        at_chance(0.0, 0.1),
        Severity.NOTE,
    ),
    "hardly-better-than-chance": (rules.not_learning, at_chance(0.02, 0.005), Severity.NOTE),
    "hardly-better-but-ranks-well": (
        rules.not_learning,
        at_chance(0.02, 0.005, ranked={"auc": 0.8, "auc_stderr": 0.02}),
        None,
    ),
    "well-above-chance": (rules.not_learning, at_chance(0.3, 0.01), None),
    "one-of-two-outputs-at-chance": (
        rules.not_learning,
        at_chance(0.0, 0.01, target="train/kind"),
        Severity.WARNING,
    ),
    "at-chance-while-it-trains": (
        rules.not_learning,
        at_chance(0.0, 0.01, has_ended=False),
        None,
    ),
    "own-loss-of-the-mean-output": (
        rules.not_learning,
        unknown_loss([1.0, 1.0, 1.01, 0.99], [1.0] * 4),
        Severity.WARNING,
    ),
    "own-loss-below-that-of-the-mean-output": (
        rules.not_learning,
        unknown_loss([0.9, 0.92, 0.88, 0.9], [1.0] * 4),
        None,
    ),
    "own-loss-that-varies-too-much-to-tell": (
        rules.not_learning,
        unknown_loss([0.5, 1.5, 0.7, 1.3], [1.0] * 4),
        None,
    ),
    "own-step-with-an-accuracy-at-chance": (
        rules.not_learning,
        own_step(accuracy=0.5),
        Severity.WARNING,
    ),
    "own-step-with-an-accuracy-above-chance": (rules.not_learning, own_step(accuracy=0.8), None),
    "own-step-whose-loss-stays": (
        rules.not_learning,
        own_step(losses=[2.0, 2.01, 1.99, 2.0, 2.0]),
        Severity.NOTE,
    ),
    "own-step-whose-loss-falls": (
        rules.not_learning,
        own_step(losses=[2.0, 1.8, 1.6, 1.5, 1.4]),
        None,
    ),
    "ten-answers-per-example": (
        rules.metric_mismatch,
        measured_by("binary_accuracy", 0.93, error=0.4),
        Severity.WARNING,
    ),
    "threshold-of-a-probability-on-logits": (
        rules.metric_mismatch,
        measured_by("accuracy", 0.91, error=0.06, form="binary", from_logits=True),
        Severity.NOTE,
    ),
    "threshold-of-a-probability-on-logits-that-stay-small": (
        rules.metric_mismatch,
        measured_by("accuracy", 0.64, error=0.26, form="binary", from_logits=True),
        Severity.WARNING,
    ),
    "threshold-of-a-probability-on-logits-that-still-grow": (
        rules.metric_mismatch,
        going_on(measured_by("accuracy", 0.64, error=0.26, form="binary", from_logits=True)),
        Severity.NOTE,
    ),
    "exact-matches-of-numbers": (
        rules.metric_mismatch,
        measured_by("accuracy", 0.0, error=0.1, form="distance"),
        Severity.WARNING,
    ),
    "exact-matches-of-numbers-that-occur": (
        rules.metric_mismatch,
        measured_by("accuracy", 0.3, error=0.1, form="distance"),
        Severity.NOTE,
    ),
    "accuracy-of-classes": (rules.metric_mismatch, measured_by("accuracy", 0.6, error=0.4), None),
    "one-unit-for-three-targets": (
        rules.shapes_broadcast,
        of_shapes((1,), (3,)),
        Severity.WARNING,
    ),
    "a-prediction-per-step-for-one-target": (
        rules.shapes_broadcast,
        of_shapes((12, 1), (1,)),
        Severity.WARNING,
    ),
    "an-axis-of-one-more": (rules.shapes_broadcast, of_shapes((1,), ()), None),
    "shapes-of-a-crossentropy": (
        rules.shapes_broadcast,
        of_shapes((10,), (), form="categorical"),
        None,
    ),
    "channels-first-read-as-last": (
        rules.image_axes,
        of_images((3, 32, 32), (3, 32), 32),
        Severity.WARNING,
    ),
    "channels-last-read-as-first": (
        rules.image_axes,
        of_images((28, 28, 1), (28, 1), 28),
        Severity.WARNING,
    ),
    "channels-where-they-belong": (rules.image_axes, of_images((32, 32, 3), (32, 32), 3), None),
    "channels-moved-with-reshape": (
        rules.image_axes,
        of_images((16, 16, 3), (16, 16), 3, is_reshaped=True),
        Severity.WARNING,
    ),
    "channels-moved-with-reshape-before-dense-layers": (
        rules.image_axes,
        of_images((16, 16, 3), None, None, is_reshaped=True),
        None,
    ),
    "channels-moved-inside-the-model": (
        rules.image_axes,
        of_images((3, 32, 32), (32, 32), 3),
        None,
    ),
    "recordings-of-one-row": (rules.image_axes, of_images((1, 64, 128), (1, 64), 128), None),
    "targets-all-alike": (rules.constant_targets, of_targets(low=3.0, high=3.0), Severity.WARNING),
    "targets-of-one-class": (
        rules.constant_targets,
        of_targets(low=0.0, high=1.0, largest_fraction=1.0),
        Severity.WARNING,
    ),
    "targets-that-vary": (rules.constant_targets, of_targets(low=3.0, high=4.0), None),
    "targets-that-the-loss-ignores": (
        rules.constant_targets,
        of_targets(low=0.0, high=0.0, form="other"),
        None,
    ),
    "one-batch-again-and-again": (
        rules.repeated_batches,
        history(scores([0.0] * 4, [0.6] * 4), repeated_batches=1.0),
        Severity.WARNING,
    ),
    "all-data-in-one-batch": (
        rules.repeated_batches,
        history(scores([0.1] * 4, [0.12] * 4), repeated_batches=1.0),
        Severity.NOTE,
    ),
    "one-batch-again-and-again-in-a-loop": (
        rules.repeated_batches,
        history({}, repeated_batches=1.0, is_own_loop=True),
        Severity.NOTE,
    ),
    "batches-that-repeat-at-the-end": (
        rules.repeated_batches,
        history({("logs/val_loss", ""): [1.0]}, repeated_batches=0.1),
        None,
    ),
    "every-second-batch-repeats": (
        rules.repeated_batches,
        history({}, repeated_batches=0.5),
        Severity.NOTE,
    ),
    "nearly-every-second-batch-repeats": (
        rules.repeated_batches,
        history({}, repeated_batches=0.49),
        None,
    ),
    "batches-that-were-not-compared": (rules.repeated_batches, history({}), None),
    "validation-labels-in-another-order": (
        rules.validation_not_paired,
        validated(validation=0.9),
        Severity.WARNING,
    ),
    "validation-of-a-series-that-drifted": (
        rules.validation_not_paired,
        drifted(validated(0.9), 1.0, 1.0),
        None,
    ),
    "validation-of-other-inputs-at-chance": (
        rules.validation_not_paired,
        drifted(validated(0.9), 1.0, 0.9),
        Severity.WARNING,
    ),
    "validation-that-is-merely-harder": (rules.validation_not_paired, validated(0.5), None),
    "validation-at-chance-and-neighbours-too": (
        rules.validation_not_paired,
        validated(0.9, neighbours=0.88),
        None,
    ),
    "numbers-at-chance-on-validation-data": (
        rules.validation_not_paired,
        validated_numbers(1.8, 1.9),
        Severity.WARNING,
    ),
    "numbers-whose-error-still-falls": (
        rules.validation_not_paired,
        validated_numbers(1.9, 1.3),
        None,
    ),
    "numbers-of-one-epoch-so-far": (rules.validation_not_paired, validated_numbers(1.9), None),
    "numbers-of-one-epoch-in-all": (
        rules.validation_not_paired,
        validated_numbers(1.9, has_ended=True),
        Severity.WARNING,
    ),
    "validation-of-classes-never-trained": (
        rules.validation_not_paired,
        validated(0.9, unseen=0.9),
        None,
    ),
    "ten-steps-in-all": (rules.too_few_steps, ended(10, FALLING), Severity.WARNING),
    "ten-steps-were-enough": (rules.too_few_steps, ended(10, FALLING, error=0.1), None),
    "ten-steps-that-neighbours-beat-by-far": (
        rules.too_few_steps,
        ended(10, FALLING, error=0.2, neighbours=0.05),
        Severity.WARNING,
    ),
    "ten-steps-that-neighbours-hardly-beat": (
        rules.too_few_steps,
        ended(10, FALLING, error=0.2, neighbours=0.15),
        None,
    ),
    "a-thousand-steps": (rules.too_few_steps, ended(1000, FALLING), None),
    "few-steps-without-a-fall": (rules.too_few_steps, ended(10, FLAT), None),
    "class-numbers-as-numbers": (rules.classes_as_numbers, numbered(5), Severity.WARNING),
    "ratings-without-an-accuracy": (rules.classes_as_numbers, numbered(5, metric="mae"), None),
    "yes-and-no-as-numbers": (rules.classes_as_numbers, numbered(2), None),
    "class-numbers-of-one-of-several-outputs": (
        rules.classes_as_numbers,
        numbered(5, metric="dense_accuracy", others=("other",)),
        Severity.WARNING,
    ),
    "class-numbers-beside-the-accuracy-of-another-output": (
        rules.classes_as_numbers,
        numbered(5, metric="other_accuracy", others=("other",)),
        None,
    ),
    "class-numbers-and-a-softmax": (
        rules.classes_as_numbers,
        numbered(5, form="categorical"),
        None,
    ),
    "dropout-the-wrong-way-round": (
        rules.dropout_too_high,
        history({}, regularization=Regularization(dropout=(0.2, 0.95))),
        Severity.NOTE,
    ),
    "dropout-on-the-output": (
        rules.dropout_on_output,
        ending_in("Dropout", "categorical"),
        Severity.WARNING,
    ),
    "dropout-before-the-output": (
        rules.dropout_on_output,
        ending_in("Dense", "categorical"),
        None,
    ),
    "dropout-on-an-embedding": (rules.dropout_on_output, ending_in("Dropout", "other"), None),
    "dropout-of-a-half": (
        rules.dropout_too_high,
        history({}, regularization=Regularization(dropout=(0.5, 0.5))),
        None,
    ),
    "softmax-between-layers": (rules.hidden_softmax, layered("softmax"), Severity.NOTE),
    "softmax-at-the-end": (rules.hidden_softmax, layered("relu", last="softmax"), None),
    "own-step-without-the-penalties": (
        rules.penalties_left_out,
        history({}, leaves_out_penalties=True),
        Severity.WARNING,
    ),
    "own-step-without-what-a-layer-adds": (
        rules.penalties_left_out,
        history({("loss/left_out", "kl"): [0.7, 0.6]}),
        Severity.WARNING,
    ),
    "own-step-without-what-two-layers-add": (
        rules.penalties_left_out,
        history({("loss/left_out", "a"): [0.7], ("loss/left_out", "b"): [0.1]}),
        Severity.WARNING,
    ),
    "own-step-without-an-added-loss-of-zero": (
        rules.penalties_left_out,
        history({("loss/left_out", "kl"): [0.0, 0.0]}),
        None,
    ),
    "own-step-that-computes-no-penalty": (
        rules.penalties_left_out,
        history({("loss/penalties_unread", ""): [1.0, 1.0]}, leaves_out_penalties=False),
        Severity.WARNING,
    ),
    "own-step-that-computes-the-penalties-by-other-names": (
        rules.penalties_left_out,
        history({("loss/penalties_unread", ""): [0.0, 0.0]}, leaves_out_penalties=True),
        None,
    ),
    "own-step-that-leaves-out-some-penalties": (
        rules.penalties_left_out,
        history({("loss/penalties_unread", ""): [0.5, 0.5]}),
        None,
    ),
    "code-that-is-the-mean": (
        rules.code_without_noise,
        history({("code/divergence_alone", "z_mean"): [1.0, 1.0, 0.99995]}),
        Severity.WARNING,
    ),
    "mean-whose-neighbour-is-something-else": (
        rules.code_without_noise,
        history({("code/divergence_alone", "z_mean"): [0.3, 0.99, 0.9]}),
        None,
    ),
    "code-with-the-same-noise": (
        rules.repeated_noise,
        noisy_code(first=[0.42] * 4, mean=[0.03] * 4, std=[0.97] * 4),
        Severity.WARNING,
    ),
    "code-with-new-noise": (
        rules.repeated_noise,
        noisy_code(first=[0.42, -1.3, 0.8, 0.1], mean=[0.03] * 4, std=[0.97] * 4),
        None,
    ),
    "same-difference-that-is-no-noise": (
        rules.repeated_noise,
        noisy_code(first=[0.42] * 4, mean=[2.0] * 4, std=[0.2] * 4),
        None,
    ),
    "code-with-the-same-noise-of-layers-that-stand-still": (
        rules.repeated_noise,
        noisy_code(exchanged=[2.0] * 4, first=[0.42] * 4, mean=[0.03] * 4, std=[0.97] * 4),
        None,
    ),
    "number-that-is-constant": (
        rules.constant_time_step,
        called_on({"net[0]": ([0.5, 0.4, 0.6, 0.5], 1.0, 1.0), "net[1]": (0.0, 0.0, 0.0)}, size=1),
        Severity.WARNING,
    ),
    "mask-that-is-constant": (
        rules.constant_time_step,
        called_on({"net[0]": ([0.5, 0.4, 0.6, 0.5], 1.0, 1.0), "net[1]": (1.0, 0.0, 0.0)}, size=8),
        None,
    ),
    "average-never-updated": (
        rules.average_not_updated,
        averaged([9.0] * 4),
        Severity.WARNING,
    ),
    "average-that-follows": (rules.average_not_updated, averaged([9.0, 9.1, 9.2, 9.3]), None),
    "average-copied-once": (rules.average_not_updated, averaged([9.0, 9.0, 9.9, 9.9]), None),
    "average-of-a-long-run": (rules.average_not_updated, averaged([9.0] * 4, epochs=40), None),
    "average-of-an-endless-run": (
        rules.average_not_updated,
        averaged([9.0] * 4, epochs=None),
        None,
    ),
    "random-or-pretrained-target": (
        rules.average_not_updated,
        averaged([9.0] * 4, is_copy=False),
        None,
    ),
    "average-that-is-a-copy": (
        rules.average_without_memory,
        averaged([9.0, 9.1, 9.2, 9.3], lags=[0.01] * 4),
        Severity.WARNING,
    ),
    "average-that-is-a-copy-now-and-then": (
        rules.average_without_memory,
        averaged([9.0, 9.1, 9.2, 9.3], lags=[0.0, 1.0, 0.0, 1.0]),
        None,
    ),
    "average-of-decay-one-half": (
        rules.average_without_memory,
        averaged([9.0, 9.1, 9.2, 9.3], lags=[0.5, 0.9, 1.0, 1.0]),
        None,
    ),
    "triplets-of-one-example": (
        rules.anchor_is_positive,
        history({("networks/equal_pairs", "embedding"): [1.0, 1.0, 1.0]}),
        Severity.WARNING,
    ),
    "triplets-of-one-example-by-chance": (
        rules.anchor_is_positive,
        history({("networks/equal_pairs", "embedding"): [0.1, 0.0, 0.1]}),
        None,
    ),
    "triplets-of-one-example-in-one-batch": (
        rules.anchor_is_positive,
        history({("networks/equal_pairs", "embedding"): [0.0, 0.0, 1.0]}),
        None,
    ),
    "pairs-that-are-reversed": (
        rules.reversed_triplets,
        in_pairs([0.7, 0.5, 0.3, 0.2, 0.2, 0.1]),
        Severity.WARNING,
    ),
    "pairs-whose-larger-label-is-different-reversed": (
        rules.reversed_triplets,
        in_pairs([0.3, 0.5, 0.7, 0.8, 0.9, 0.9], inputs=0.2),
        Severity.WARNING,
    ),
    "pairs-whose-larger-label-is-different": (
        rules.reversed_triplets,
        in_pairs([0.3, 0.2, 0.1, 0.0, 0.0, 0.0], inputs=0.2),
        None,
    ),
    "pairs-that-are-learnt": (
        rules.reversed_triplets,
        in_pairs([0.7, 0.8, 0.9, 1.0, 1.0, 1.0]),
        None,
    ),
    "pairs-of-which-the-inputs-show-little": (
        rules.reversed_triplets,
        in_pairs([0.7, 0.5, 0.3, 0.2, 0.2, 0.1], inputs=0.6),
        None,
    ),
    "pairs-that-begin-in-the-other-order": (
        rules.reversed_triplets,
        in_pairs([0.4, 0.4, 0.3, 0.2, 0.2, 0.1]),
        None,
    ),
    "distances-of-reversed-labels": (
        rules.reversed_triplets,
        history({("pairs/equal_closer", "outputs[0]"): [0.25]}),
        Severity.WARNING,
    ),
    "distances-of-labels-that-fit": (
        rules.reversed_triplets,
        history({("pairs/equal_closer", "outputs[0]"): [0.75]}),
        None,
    ),
    "distances-of-which-the-inputs-show-little": (
        rules.reversed_triplets,
        history({("pairs/equal_closer", "outputs[0]"): [0.4]}),
        None,
    ),
    "own-step-with-the-penalties": (
        rules.penalties_left_out,
        history({}, leaves_out_penalties=False),
        None,
    ),
    "noise-of-a-fixed-seed": (
        rules.repeated_noise,
        history({("random/fixed_seed", "Sampling.call"): [42, 42]}),
        Severity.WARNING,
    ),
    "noise-of-a-seed-that-counts": (
        rules.repeated_noise,
        history({("random/fixed_seed", "Sampling.call"): [42, 43]}),
        None,
    ),
    "noise-that-a-generator-gets-again": (
        rules.repeated_noise,
        called_on({"generator[0]": (0.1, 1.0, 1.0)}),
        Severity.WARNING,
    ),
    "noise-again-because-the-data-are": (
        rules.repeated_noise,
        called_on({"generator[0]": (0.1, 1.0, 1.0)}, data=[0.5] * 4),
        None,
    ),
    "new-noise-for-a-generator": (
        rules.repeated_noise,
        called_on({"generator[0]": ([0.1, 0.0, -0.1, 0.2], 1.0, 1.0)}),
        None,
    ),
    "new-noise-beside-the-same-labels": (
        rules.repeated_noise,
        called_on(
            {"generator[0]": ([0.1, 0.0, -0.1, 0.2], 1.0, 1.0), "generator[1]": (0.1, 0.3, 0.3)}
        ),
        None,
    ),
    "the-same-grid-for-a-network": (
        rules.repeated_noise,
        called_on({"field[0]": (0.1, 1.0, 1.0)}),
        None,
    ),
    "time-step-of-zero": (
        rules.constant_time_step,
        called_on(
            {"denoiser[0]": ([0.1, 0.2, 0.3, 0.2], 1.0, 1.0), "denoiser[1]": (0.0, 0.0, 0.0)}
        ),
        Severity.WARNING,
    ),
    "time-step-of-zero-in-a-network-by-its-layer": (
        rules.constant_time_step,
        called_on(
            {"net[0]": ([0.1, 0.2, 0.3, 0.2], 1.0, 1.0), "net[1]": (0.0, 0.0, 0.0)},
            layers={"time_embedding": LayerFacts(network="net")},
        ),
        Severity.WARNING,
    ),
    "time-step-that-is-drawn": (
        rules.constant_time_step,
        called_on(
            {"denoiser[0]": ([0.1, 0.2, 0.3, 0.2], 1.0, 1.0), "denoiser[1]": ([3.0, 5.0] * 2, 2, 2)}
        ),
        None,
    ),
    "time-step-that-is-constant-in-one-call": (
        rules.constant_time_step,
        called_on(
            {
                "denoiser[0]": ([0.1, 0.2, 0.3, 0.2], 1.0, 1.0),
                "denoiser[1]": (0.0, 0.0, 0.0),
                "denoiser[0]#2": ([0.1, 0.2, 0.3, 0.2], 1.0, 1.0),
                "denoiser[1]#2": ([3.0, 5.0] * 2, 2.0, 2.0),
            }
        ),
        None,
    ),
    "mask-of-ones-in-another-network": (
        rules.constant_time_step,
        called_on({"encoder[0]": ([0.1, 0.2, 0.3, 0.2], 1.0, 1.0), "encoder[1]": (1.0, 0.0, 0.0)}),
        None,
    ),
    "triplets-are-turned-round": (
        rules.reversed_triplets,
        in_triplets([0.8, 0.4, 0.1, 0.0, 0.0]),
        Severity.WARNING,
    ),
    "triplets-that-were-mined": (
        rules.reversed_triplets,
        in_triplets([0.2, 0.6, 0.9, 1.0, 1.0], inputs=0.2),
        None,
    ),
    "triplets-with-the-negative-first": (
        rules.reversed_triplets,
        in_triplets([0.2, 0.1, 0.1, 0.0, 0.0], inputs=0.2),
        None,
    ),
    "triplets-that-are-learnt": (rules.reversed_triplets, in_triplets([0.8, 0.9, 1, 1, 1]), None),
    "triplets-of-which-the-inputs-show-nothing": (
        rules.reversed_triplets,
        in_triplets([0.7, 0.4, 0.1, 0.0, 0.0], inputs=0.5),
        None,
    ),
    "triplets-turned-round-in-one-measurement": (
        rules.reversed_triplets,
        in_triplets([0.8, 0.8, 0.8, 0.8, 0.1]),
        None,
    ),
    "gradients-are-never-set-to-zero": (
        rules.missing_zero_grad,
        history({("gradients/applied_before", ""): [1.0, 1.0]}),
        Severity.WARNING,
    ),
    "gradients-of-one-network-are-never-set-to-zero": (
        rules.missing_zero_grad,
        history(
            {
                ("gradients/applied_before", "d_optimizer"): [1.0, 1.0],
                ("gradients/applied_before", "g_optimizer"): [0.0, 0.0],
            }
        ),
        Severity.WARNING,
    ),
    "gradients-add-up-and-the-loss-rises": (
        rules.missing_zero_grad,
        history(
            {
                ("gradients/applied_before", ""): [1.0, 1.0],
                ("loss/start", ""): [2.3],
                ("loss/batch", ""): [2.3, 2.2, 2.4, 3.0, 3.1],
            }
        ),
        Severity.ERROR,
    ),
    "gradients-are-set-to-zero": (
        rules.missing_zero_grad,
        history({("gradients/applied_before", ""): [0.0, 0.0]}),
        None,
    ),
    "gradients-were-left-over-once": (
        rules.missing_zero_grad,
        history({("gradients/applied_before", ""): [1.0, 0.0, 1.0]}),
        None,
    ),
    "generator-step-trains-both": (
        rules.optimizers_overlap,
        history({}, optimizer_weights={"g": ("a", "b"), "d": ("b",)}),
        Severity.WARNING,
    ),
    "one-optimizer-per-network": (
        rules.optimizers_overlap,
        history({}, optimizer_weights={"g": ("a",), "d": ("b",)}),
        None,
    ),
    "optimizers-that-share-an-encoder": (
        rules.optimizers_overlap,
        history({}, optimizer_weights={"g": ("a", "e"), "d": ("b", "e")}),
        None,
    ),
    "generator-with-the-labels-of-samples": (
        rules.generator_not_opposed,
        adversarial([1.3, 0.3, 0.05, 0.01, 0.01], [0.7, 0.3, 0.05, 0.01, 0.01]),
        Severity.WARNING,
    ),
    "generator-that-loses": (
        rules.generator_not_opposed,
        adversarial([1.3, 0.3, 0.01, 0.01, 0.0], [0.7, 2.0, 6.0, 7.0, 9.0]),
        None,
    ),
    "generator-with-squared-errors-that-loses": (
        rules.generator_not_opposed,
        adversarial([0.5, 0.2, 0.09, 0.09, 0.09], [0.3, 0.2, 0.16, 0.2, 0.4]),
        None,
    ),
    "generator-of-a-critic": (
        rules.generator_not_opposed,
        adversarial([0.5, -0.2, 0.01, 0.01, 0.01], [0.3, 0.2, 0.01, 0.02, 0.01]),
        None,
    ),
    "teacher-is-trained-along": (
        rules.teacher_is_trained,
        playing(1e-3, networks=("teacher", "student"), logs=("logs/loss",), gradient=0.1),
        Severity.WARNING,
    ),
    "target-network-is-trained-along": (
        rules.teacher_is_trained,
        playing(1e-3, networks=("target_network", "online"), logs=("logs/loss",), gradient=0.1),
        Severity.WARNING,
    ),
    "teacher-is-not-trained": (
        rules.teacher_is_trained,
        playing(0.0, networks=("teacher", "student"), logs=("logs/loss",), gradient=0.1),
        None,
    ),
    "teacher-with-an-optimizer-of-its-own": (
        rules.teacher_is_trained,
        playing(
            1e-3,
            networks=("teacher", "student"),
            logs=("logs/loss",),
            gradient=0.1,
            optimizer_weights={"a": ("teacher/out/kernel",), "b": ("student/out/kernel",)},
        ),
        None,
    ),
    "networks-without-a-teacher": (
        rules.teacher_is_trained,
        playing(1e-3, networks=("encoder", "decoder"), logs=("logs/loss",), gradient=0.1),
        None,
    ),
    "discriminator-is-always-right": (
        rules.discriminator_won,
        adversarial([1.3, 0.3, 0.01, 0.01, 0.0], [0.7, 2.0, 6.0, 7.0, 9.0]),
        Severity.WARNING,
    ),
    "discriminator-in-balance": (
        rules.discriminator_won,
        adversarial([1.3, 1.2, 1.2, 1.1, 1.2], [0.7, 0.9, 1.0, 1.1, 1.0]),
        None,
    ),
    "critic-without-a-lower-end": (
        rules.discriminator_won,
        adversarial([0.1, -3.0, -4.0, -5.0, -5.0], [0.7, 4.0, 4.0, 5.0, 6.0]),
        None,
    ),
    "generator-of-one-sample": (
        rules.samples_alike,
        generated([0.5, 0.1, 0.01, 0.01, 0.01]),
        Severity.WARNING,
    ),
    "decoder-of-one-picture": (
        rules.samples_alike,
        generated([0.5, 0.1, 0.01, 0.01, 0.01], beside=8),
        Severity.WARNING,
    ),
    "generator-of-many-samples": (rules.samples_alike, generated([0.2] * 5), None),
    "discriminator-that-answers-one-half": (
        rules.samples_alike,
        generated([0.5, 0.1, 0.01, 0.01, 0.01], units=1),
        None,
    ),
    "ranks-the-wrong-way-round": (
        rules.reversed_answers,
        reversed_by({"auc": 0.1, "auc_stderr": 0.02}),
        Severity.WARNING,
    ),
    "ranks-the-wrong-way-round-before-it-learns": (
        rules.reversed_answers,
        reversed_by({"auc": 0.1, "auc_stderr": 0.02}, FLAT),
        None,
    ),
    "ranks-the-wrong-way-round-and-hardly-moves": (
        rules.reversed_answers,
        reversed_at_first(5e-5),
        None,
    ),
    "ranks-the-wrong-way-round-and-moves": (
        rules.reversed_answers,
        reversed_at_first(1e-3),
        Severity.WARNING,
    ),
    "ranks-a-bit-worse-than-a-guess": (
        rules.reversed_answers,
        reversed_by({"auc": 0.45, "auc_stderr": 0.02}),
        None,
    ),
    "ranks-the-wrong-way-round-and-recovers": (
        rules.reversed_answers,
        reversed_by({"auc": [0.1, 0.12, 0.15, 0.19], "auc_stderr": [0.02] * 4}),
        None,
    ),
    "accuracy-far-below-a-guess": (
        rules.reversed_answers,
        reversed_by({}, accuracy=0.1),
        Severity.WARNING,
    ),
    "accuracy-far-below-a-guess-with-a-loss-below-it": (
        rules.reversed_answers,
        reversed_by({}, accuracy=0.1, constant=1.01 * FALLING[-1]),
        Severity.WARNING,
    ),
    "first-weights-that-rank-the-wrong-way-round": (
        rules.reversed_answers,
        reversed_by({}, accuracy=0.1, constant=FALLING[-1]),
        None,
    ),
    "accuracy-of-a-guess": (rules.reversed_answers, reversed_by({}, accuracy=0.45), None),
    "last-step-is-the-target": (
        rules.target_in_inputs,
        history(
            {},
            data=DataFacts(examples=500, inputs=(InputFacts(target_column=11, shape=(12, 1)),)),
        ),
        Severity.WARNING,
    ),
    "logits-drift-in-half-precision": (
        rules.output_logits_diverge,
        drifting([0, -5, -20, -60, -150, -300, -310, -320], "mixed_bfloat16"),
        Severity.WARNING,
    ),
    "logits-drift-in-full-precision": (
        rules.output_logits_diverge,
        drifting([0, -5, -20, -60, -150, -300, -310, -320], "float32"),
        Severity.NOTE,
    ),
    "logits-large-from-the-start": (
        rules.output_logits_diverge,
        drifting([-200] * 8, "mixed_bfloat16"),
        None,
    ),
    "two-fifths-dead-exactly": (rules.dead_units, layer(DEAD, [0.4] * 3), Severity.WARNING),
    "just-below-two-fifths-dead": (rules.dead_units, layer(DEAD, [0.39] * 3), Severity.NOTE),
    "a-fifth-dead-exactly": (rules.dead_units, layer(DEAD, [0.2] * 3), Severity.NOTE),
    "just-below-a-fifth-dead": (rules.dead_units, layer(DEAD, [0.19] * 3), None),
    "dead-ends-of-a-squashing-layer": (
        rules.dead_units,
        layer(DEAD, [0.9] * 5, kind="squashing"),
        None,
    ),
    "dead-for-ten-examples": (
        rules.dead_units,
        of_different(10, layer(DEAD, [0.8] * 5)),
        Severity.WARNING,
    ),
    "dead-for-nine-examples": (rules.dead_units, of_different(9, layer(DEAD, [0.8] * 5)), None),
    "all-dead-and-nothing-moves-for-ten-examples": (
        rules.dead_units,
        shut(6, different=10),
        Severity.ERROR,
    ),
    "all-dead-and-nothing-moves-for-nine-examples": (
        rules.dead_units,
        shut(6, different=9),
        None,
    ),
    "all-dead-in-a-run-of-one-measurement": (
        rules.dead_units,
        shut(1, dead=[1.0], has_ended=True),
        None,
    ),
    "more-dead-before-the-first-step-of-fine-tuning-than-now": (
        rules.dead_units,
        born_dead(first=0.9, start=0.2),
        Severity.NOTE,
    ),
    "dead-in-fine-tuning-when-first-measured-late": (
        rules.dead_units,
        measured(
            without(born_dead(start=0.2, error=0.4), "activations/gate_max"),
            (2, 2, "activations/gate_max", "dense", (np.arange(20) >= 14).astype(float)),
        ),
        Severity.WARNING,
    ),
    "dead-in-a-recurrent-layer": (
        rules.dead_units,
        of_layer(layer(DEAD, [0.8] * 5), class_name="SimpleRNN", units=16),
        Severity.WARNING,
    ),
    "no-gradient-once": (
        rules.no_gradient,
        network({"gradients/norm": {"a/kernel": [0.0], "b/kernel": [1.0]}}),
        None,
    ),
    "no-gradient-twice": (
        rules.no_gradient,
        network({"gradients/norm": {"a/kernel": [0.0] * 2, "b/kernel": [1.0] * 2}}),
        Severity.WARNING,
    ),
    "gradients-of-a-model-of-known-size": (
        rules.no_gradient,
        with_parameters(330, network({"gradients/norm": {"a/kernel": [1.0] * 4}})),
        None,
    ),
    "no-parameters-at-all": (rules.no_gradient, history({}, parameters=0, weights={}), None),
    "same-for-all-from-the-sixth-step-on": (
        rules.constant_output,
        same_for_all(steps=range(5, 8)),
        Severity.ERROR,
    ),
    "same-for-all-from-the-fifth-step-on": (
        rules.constant_output,
        same_for_all(steps=range(4, 7)),
        None,
    ),
    "same-for-all-twice": (rules.constant_output, same_for_all(steps=(7, 8)), None),
    "same-for-all-up-to-rounding": (
        rules.constant_output,
        same_for_all(1e-5, 1.0),
        Severity.ERROR,
    ),
    "differs-by-more-than-rounding": (rules.constant_output, same_for_all(1.1e-5, 1.0), None),
    "small-output-differs-by-more-than-rounding": (
        rules.constant_output,
        same_for_all(0.7e-5, 0.5),
        None,
    ),
    "large-output-is-the-same-up-to-rounding": (
        rules.constant_output,
        same_for_all(5e-5, 10.0),
        Severity.ERROR,
    ),
    "same-for-all-beside-the-spread-of-its-columns": (
        rules.constant_output,
        same_for_all(1.5e-5, 1.0, std=1.0),
        Severity.ERROR,
    ),
    "same-for-all-of-an-output-with-a-name": (
        rules.constant_output,
        same_for_all(names=("head",)),
        Severity.ERROR,
    ),
    "same-for-all-of-the-first-of-two-outputs": (
        rules.constant_output,
        same_for_all(names=("head", "tail")),
        Severity.ERROR,
    ),
    "one-class-for-99-percent-three-times": (
        rules.constant_output,
        predicting(0.99, 0.99, 0.999, names=("head",)),
        Severity.WARNING,
    ),
    "one-class-for-98-percent": (rules.constant_output, predicting(0.98, 1.0, 1.0), None),
    "one-class-twice": (rules.constant_output, predicting(1.0, 1.0), None),
    "one-class-of-two-outputs": (
        rules.constant_output,
        predicting(1.0, 1.0, 1.0, names=("head", "tail")),
        Severity.WARNING,
    ),
    "one-class-that-is-nine-tenths": (
        rules.constant_output,
        predicting(1.0, 1.0, 1.0, true=0.9),
        None,
    ),
    "one-class-that-is-nearly-nine-tenths": (
        rules.constant_output,
        predicting(1.0, 1.0, 1.0, true=0.89),
        Severity.WARNING,
    ),
    "one-class-of-unknown-targets": (
        rules.constant_output,
        predicting(1.0, 1.0, 1.0, true=None),
        None,
    ),
    "one-class-early-in-the-run": (
        rules.constant_output,
        predicting(1.0, 1.0, 1.0, epochs=100),
        None,
    ),
    "one-class-a-long-time-ago": (
        rules.constant_output,
        measured(predicting(1.0, 1.0, 1.0), (40, 20, "optimizer/learning_rate", "", 1e-3)),
        None,
    ),
    "numbers-vary-by-less-than-a-twentieth": (
        rules.constant_output,
        varying(0.01, 0.02, 0.049),
        Severity.WARNING,
    ),
    "numbers-vary-by-a-twentieth": (rules.constant_output, varying(0.01, 0.02, 0.05), None),
    "numbers-varied-a-moment-ago": (rules.constant_output, varying(0.06, 0.02, 0.01), None),
    "numbers-hardly-vary-twice": (rules.constant_output, varying(0.01, 0.01), None),
    "numbers-vary-by-half": (rules.constant_output, varying(0.5, 0.5, 0.5), None),
    "no-better-than-a-constant-in-a-single-score-of-two-epochs": (
        rules.underfitting,
        scored_once(2),
        Severity.WARNING,
    ),
    "no-better-than-a-constant-in-a-single-epoch": (rules.underfitting, scored_once(1), None),
    "no-better-than-a-constant-once-in-a-run-of-unknown-length": (
        rules.underfitting,
        poor([0.5], {"constant_error": 0.5}, [0.693], None),
        None,
    ),
    "no-better-than-a-constant-twice-in-a-run-of-unknown-length": (
        rules.underfitting,
        poor([0.5] * 2, {"constant_error": 0.5}, [0.693] * 2, None),
        Severity.WARNING,
    ),
    "no-better-than-a-constant-with-a-gap": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, validation=[0.7] * 8),
        None,
    ),
    "no-better-than-a-constant-with-a-gap-that-is-not-sure": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, validation=[0.54] * 8),
        Severity.WARNING,
    ),
    "no-better-than-a-constant-with-a-gap-that-closed": (
        rules.underfitting,
        poor([0.5] * 8, {"constant_error": 0.5}, FLAT, validation=[*[0.7] * 7, 0.5]),
        Severity.WARNING,
    ),
    "behind-the-neighbours-by-more-than-a-twentieth": (
        rules.underfitting,
        behind_neighbours(0.06),
        Severity.WARNING,
    ),
    "behind-the-neighbours-by-less-than-a-twentieth": (
        rules.underfitting,
        behind_neighbours(0.04),
        None,
    ),
    "behind-the-neighbours-by-more-than-a-tenth-while-it-falls": (
        rules.underfitting,
        behind_neighbours(0.12, FALLING),
        Severity.WARNING,
    ),
    "behind-the-neighbours-by-less-than-a-tenth-while-it-falls": (
        rules.underfitting,
        behind_neighbours(0.09, FALLING),
        None,
    ),
    "poor-fit-of-short-steps": (rules.underfitting, stepping(1e-3, 1e-6), Severity.WARNING),
    "poor-fit-of-steps-that-became-long": (
        rules.underfitting,
        stepping(1e-6, 1e-3),
        Severity.WARNING,
    ),
    "poor-fit-of-steps-just-long-enough": (
        rules.underfitting,
        stepping(1e-4, 1e-4, rate=7e-4),
        Severity.WARNING,
    ),
    "poor-fit-without-steps": (
        rules.underfitting,
        stepping(0.0, 0.0, rate=8e-4),
        Severity.WARNING,
    ),
    "poor-fit-of-a-network-with-dropout": (
        rules.underfitting,
        regularized(
            measured(
                poor([0.5] * 8, {"constant_error": 0.5}, FLAT),
                (7, 7, "activations/std", "a", 1.0),
            ),
            dropout=(0.5,),
        ),
        Severity.WARNING,
    ),
    "nan-in-the-inputs-after-a-loss-that-was-nan-once": (
        rules.non_finite_inputs,
        history(
            {
                ("targets/nonfinite", "targets[0]"): [0, 8],
                ("loss/batch", ""): [math.nan, 0.6, 0.5],
                ("logs/loss", ""): [0.6, 0.5, 0.5],
            }
        ),
        None,
    ),
    "nan-in-the-inputs-that-spoils-a-later-epoch": (
        rules.non_finite_inputs,
        history(
            {
                ("inputs/nonfinite", "inputs[0]"): [0, 2],
                ("loss/batch", ""): [0.7, 0.6],
                ("logs/loss", ""): [0.7, 0.6, math.nan],
            }
        ),
        Severity.ERROR,
    ),
    "nan-in-the-inputs-and-in-the-loss-of-the-batch": (
        rules.non_finite_inputs,
        history(
            {
                ("inputs/nonfinite", "inputs[0]"): [0, 2],
                ("loss/batch", ""): [0.7, math.nan],
                ("logs/loss", ""): [0.7, 0.6, 0.5],
            }
        ),
        Severity.ERROR,
    ),
    "nan-in-the-second-of-two-inputs": (
        rules.non_finite_inputs,
        history(
            {
                ("inputs/nonfinite", "inputs[0]"): [0, 0],
                ("inputs/nonfinite", "inputs[1]"): [0, 1],
                ("loss/batch", ""): [0.7, math.nan],
            }
        ),
        Severity.ERROR,
    ),
    "nan-in-the-inputs-that-has-spoiled-nothing-so-far": (
        rules.non_finite_inputs,
        history({("inputs/nonfinite", "inputs[0]"): [2], ("loss/batch", ""): [0.7]}),
        None,
    ),
    "gradient-went-bad-under-a-loss-scale-below-one": (
        rules.non_finite_values,
        history(
            {("gradients/norm", "a/kernel"): [1.0, math.inf], ("optimizer/loss_scale", ""): [0.5]}
        ),
        Severity.ERROR,
    ),
    "weights-bad-before-the-first-step": (
        rules.non_finite_values,
        history({("weights/norm", "dense/kernel"): [math.nan, math.nan]}),
        Severity.ERROR,
    ),
    "loss-went-bad-before-any-measurement": (
        rules.non_finite_values,
        history({("logs/loss", ""): [1.0, math.nan]}),
        Severity.ERROR,
    ),
    "loss-went-bad-after-outputs-that-were-too-large-to-square": (
        rules.non_finite_values,
        history(
            {("loss/batch", ""): [1.0, math.nan], ("activations/std", "a"): [math.inf, 1.0]},
            layers={"a": DENSE},
        ),
        Severity.ERROR,
    ),
    "loss-went-bad-before-outputs-that-were-too-large-to-square": (
        rules.non_finite_values,
        measured(
            history({("loss/batch", ""): [1.0, math.nan]}, layers={"a": DENSE}),
            (2, 2, "activations/std", "a", math.inf),
        ),
        Severity.ERROR,
    ),
    "at-chance-after-100-steps": (
        rules.not_learning,
        at_chance(0.0, 0.01, steps=100),
        Severity.WARNING,
    ),
    "at-chance-after-99-steps": (
        rules.not_learning,
        at_chance(0.0, 0.01, steps=99),
        Severity.NOTE,
    ),
    "at-chance-on-validation-data-only": (
        rules.not_learning,
        at_chance(0.0, 0.01, target="validation"),
        None,
    ),
    "at-chance-on-test-data-only": (
        rules.not_learning,
        at_chance(0.0, 0.01, target="test"),
        None,
    ),
    "at-chance-as-just-enough-examples-tell": (
        rules.not_learning,
        at_chance(0.0, 0.025),
        Severity.WARNING,
    ),
    "at-chance-as-not-quite-enough-examples-tell": (
        rules.not_learning,
        at_chance(0.0, 0.026),
        Severity.NOTE,
    ),
    "better-than-chance-by-a-sixth": (rules.not_learning, at_chance(0.08, 0.005), None),
    "at-chance-after-it-was-better": (
        rules.not_learning,
        measured(
            at_chance(0.3, 0.01),
            (1000, 0, "reference/constant_advantage", "train", 0.0),
            (1000, 0, "reference/constant_advantage_stderr", "train", 0.01),
        ),
        Severity.WARNING,
    ),
    "at-chance-beside-an-unknown-error": (
        rules.not_learning,
        without(at_chance(0.0, 0.01), "reference/constant_error"),
        None,
    ),
    "at-chance-beside-a-constant-without-errors": (
        rules.not_learning,
        measured(at_chance(0.0, 0.01), (1000, 0, "reference/constant_error", "train", 0.0)),
        None,
    ),
    "at-chance-a-long-time-ago": (
        rules.not_learning,
        measured(at_chance(0.0, 0.01), (1000, 9, "optimizer/learning_rate", "", 1e-3)),
        None,
    ),
    "at-chance-beside-neighbours-that-may-be-better": (
        rules.not_learning,
        at_chance(0.0, 0.1, neighbour_advantage=0.02, neighbour_advantage_stderr=0.02),
        Severity.NOTE,
    ),
    "at-chance-beside-neighbours-of-unknown-spread": (
        rules.not_learning,
        at_chance(0.0, 0.1, neighbour_advantage=0.2),
        Severity.NOTE,
    ),
    "hardly-better-and-ranks-a-little": (
        rules.not_learning,
        at_chance(0.02, 0.005, ranked={"auc": 0.54, "auc_stderr": 0.005}),
        Severity.NOTE,
    ),
    "hardly-better-but-ranks-well-enough": (
        rules.not_learning,
        at_chance(0.02, 0.005, ranked={"auc": 0.56, "auc_stderr": 0.005}),
        None,
    ),
    "hardly-better-and-no-longer-ranks-well": (
        rules.not_learning,
        measured(
            at_chance(0.02, 0.005, ranked={"auc": 0.8, "auc_stderr": 0.005}),
            (1000, 0, "predictions/auc", "train", 0.54),
            (1000, 0, "predictions/auc_stderr", "train", 0.005),
        ),
        Severity.NOTE,
    ),
    "own-loss-of-three-batches": (
        rules.not_learning,
        unknown_loss([1.234567] * 3, [1.23456] * 3),
        Severity.WARNING,
    ),
    "own-loss-of-two-batches": (rules.not_learning, unknown_loss([1.0] * 2, [1.0] * 2), None),
    "own-loss-of-batches-from-three-quarters-on": (
        rules.not_learning,
        late_batches(150, 160, 170),
        Severity.WARNING,
    ),
    "own-loss-of-a-batch-before-three-quarters": (
        rules.not_learning,
        late_batches(149, 160, 170),
        None,
    ),
    "own-loss-with-a-penalty-and-what-layers-add": (
        rules.not_learning,
        with_penalties(unknown_loss([1.0] * 4, [1.0] * 4), 0.3, 0.2),
        Severity.WARNING,
    ),
    "own-loss-below-that-of-the-mean-output-but-for-a-penalty": (
        rules.not_learning,
        with_penalties(unknown_loss([0.985] * 4, [1.0] * 4), 0.5),
        None,
    ),
    "own-loss-a-bit-below-a-large-one-of-the-mean-output": (
        rules.not_learning,
        unknown_loss([3.95] * 4, [4.0] * 4),
        Severity.WARNING,
    ),
    "own-loss-that-is-all-penalty": (
        rules.not_learning,
        with_penalties(unknown_loss([1.1] * 4, [1.0] * 4), 1.0),
        None,
    ),
    "own-loss-that-varies-with-that-of-the-mean-output": (
        rules.not_learning,
        unknown_loss([0.5, 1.5, 0.7, 1.3], [0.5, 1.5, 0.7, 1.3]),
        Severity.WARNING,
    ),
    "own-loss-that-varies-a-bit-too-much-to-tell": (
        rules.not_learning,
        unknown_loss([0.981, 1.019] * 2, [1.0] * 4),
        None,
    ),
    "own-loss-that-varies-little-enough-to-tell": (
        rules.not_learning,
        unknown_loss([0.984, 1.016] * 2, [1.0] * 4),
        Severity.WARNING,
    ),
    "accuracy-surely-above-chance-by-a-little": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.503), 0.5, examples=10_000),
        Severity.WARNING,
    ),
    "accuracy-that-may-be-above-chance": (rules.not_learning, own_step(accuracy=0.53), None),
    "accuracy-at-chance-of-few-examples": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.5), 0.5, examples=100),
        Severity.NOTE,
    ),
    "accuracy-below-chance-of-few-examples": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.45), 0.5, examples=100),
        Severity.NOTE,
    ),
    "accuracy-of-zero": (rules.not_learning, own_step(accuracy=0.0), Severity.WARNING),
    "accuracy-in-percent": (rules.not_learning, own_step(accuracy=53.0), None),
    "accuracy-where-all-are-of-one-class": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.9), 1.0),
        None,
    ),
    "accuracy-of-two-outputs": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.5), 0.5, 0.5),
        None,
    ),
    "accuracy-beside-unknown-frequencies": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.5), None),
        None,
    ),
    "accuracy-of-an-unknown-number-of-examples": (
        rules.not_learning,
        of_frequencies(own_step(accuracy=0.5), 0.5, examples=None),
        None,
    ),
    "accuracy-above-chance-while-the-loss-stays": (
        rules.not_learning,
        own_step(accuracy=0.8, losses=[2.0] * 5),
        None,
    ),
    "accuracy-at-chance-while-the-loss-falls": (
        rules.not_learning,
        own_step(accuracy=0.5, losses=[2.0, 1.8, 1.6, 1.5, 1.4]),
        Severity.WARNING,
    ),
    "own-step-whose-loss-stays-below-one": (
        rules.not_learning,
        own_step(losses=[0.512345, 0.51, 0.511234, 0.52]),
        Severity.NOTE,
    ),
    "own-step-whose-loss-stays-for-three-epochs": (
        rules.not_learning,
        own_step(losses=[2.0] * 3),
        None,
    ),
    "own-step-whose-loss-fell-and-came-back": (
        rules.not_learning,
        own_step(losses=[2.0, 1.5, 2.0, 2.0, 2.0]),
        None,
    ),
    "own-step-whose-loss-rises": (
        rules.not_learning,
        own_step(losses=[1.5, 2.0, 2.0, 2.1, 2.2]),
        Severity.NOTE,
    ),
    "own-step-whose-loss-falls-by-a-fiftieth": (
        rules.not_learning,
        own_step(losses=[2.0, 2.0, 2.0, 2.0, 1.96]),
        Severity.NOTE,
    ),
    "own-step-whose-loss-is-zero": (rules.not_learning, own_step(losses=[0.0] * 5), None),
    "own-step-whose-loss-is-negative": (rules.not_learning, own_step(losses=[-0.5] * 5), None),
    "own-step-whose-loss-is-not-finite": (
        rules.not_learning,
        own_step(losses=[2.0, math.inf, 2.0, 2.0, 2.0]),
        None,
    ),
    "own-step-whose-loss-stays-above-that-of-the-mean-output": (
        rules.not_learning,
        measured(own_step(losses=[2.0] * 5), (9, 0, "loss/constant", "", 3.0)),
        None,
    ),
}
