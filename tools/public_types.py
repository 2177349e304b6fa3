"""A user's script: `make lint` runs `mypy --strict` on it, as where the package is installed.

`assert_type` fails where a public name is `Any`, which an untyped one would be.
"""

from typing import Any, assert_type

import keras_babysit as kb
from keras_babysit.history import Overhead


def train(model: Any, x: Any, y: Any) -> list[kb.Finding]:
    """Fit a model with each of the callbacks, and return what the last one found."""
    sitter = kb.Babysitter((x, y), every=10, stop_on=kb.Severity.ERROR, rescue=kb.Rescue())
    others = [
        kb.callbacks.DeadUnits(threshold=0.6),
        kb.callbacks.LossExplosion(factor=4.0),
        kb.callbacks.Saturation(patience=2),
        kb.callbacks.TrainValGap(gap=0.2, verbose=0),
        kb.Babysitter(rules=["dead_units", kb.rules.plateau, own_rule], log_dir="logs"),
    ]
    model.fit(x, y, callbacks=[sitter, *others])
    assert_type(sitter.history, kb.History)
    assert_type(sitter.history.points("loss/batch"), list[kb.Measurement])
    assert_type(sitter.overhead, Overhead)
    assert_type(sitter.verdict, kb.Verdict)
    assert_type(sitter.report(), kb.Report)
    assert_type(sitter.report().to_json(), str)
    assert_type(others[0].findings[0], kb.Finding)
    return sitter.findings


def own_rule(history: kb.History) -> list[kb.Finding]:
    """Judge a history as a rule of one's own does."""
    others = kb.rules.ask(kb.rules.dead_units, history)
    assert_type(others, list[kb.Finding])
    assert_type(kb.rules.dead_units(history), list[kb.Finding])
    assert_type(kb.DEFAULT_RULES.without("dead_units").names, list[str])
    remedy = kb.Remedy("Lower the learning rate.", code="model.optimizer.learning_rate = 0.01")
    return [kb.Finding("own_rule", kb.Severity.NOTE, "fc1", "A message.", remedies=(remedy,))]


def improve(model: Any, x: Any) -> None:
    """Use layers, initializers and activations."""
    layer = kb.layers.Whitening(components=16).adapt(x)
    assert_type(layer, kb.layers.Whitening)
    assert_type(kb.layers.MaxPieces(2).compute_output_shape((None, 8)), tuple[int | None, ...])
    assert_type(kb.initializers.He().get_config(), dict[str, Any])
    assert_type(kb.activations.profile("relu", with_cost=False)[0].name, str)
    print(kb.initializers.lsuv(model, x))


def check(model: Any, x: Any, y: Any) -> None:
    """Check before training, with one's own check among them."""
    found = kb.check(model, x, y, checks=["initial_loss", own_check], sinks=[kb.sinks.Console()])
    assert_type(found.is_well, bool)
    assert_type(found.verdict, kb.Verdict)
    assert_type(found["initial_loss"].evidence, str)
    assert_type(kb.lr_range_test(model, x, y).suggestion, float | None)


def own_check(case: kb.checks.Case) -> kb.checks.CheckResult:
    """Check something as a function of one's own does."""
    return kb.checks.CheckResult(f"{len(case.data)} examples", [])
