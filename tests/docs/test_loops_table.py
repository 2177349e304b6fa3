"""Every cell of the table in docs/loops.md that says what is measured in which kind of training.

A program of each column is run with and without what a cell asks for; a quantity must exist where
the cell says so, and nowhere else.
"""

import functools
import pathlib

import pytest

import keras_babysit as kb
from tests.docs.watched import BACKEND, PROGRAMS, STEPS, other_loop, two_optimizers

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "loops.md"
FIT, OWN, ON_BATCH, OTHER = PROGRAMS

GIVEN = {
    FIT: [set()],
    OWN: [set(), {"test_step"}, {"compute_loss"}, {"compiled loss"}],
    ON_BATCH: [set(), {"validate"}, {"validate", "logs"}],
    OTHER: [set(), {"validate"}, {"loss"}, {"loss", "validate"}, {"validate", "logs"}],
}
"""What the programs of each column are given. One with an own step that is given nothing has no
validation data, as Keras could not evaluate it."""

SCORED = "by `test_step`, a `compute_loss` of your own, or the compiled loss"
LOGS = 'with `validate(..., logs={"val_loss": ...})`'
DONATED = "yes; on JAX unless the step donates its batch"
BATCHES_ALONE = (
    "yes; on the batches of the measurements alone if the step does not call the model on its "
    "argument `x`"
)
IN_NAME = 'if the step returns one number, or a dictionary with "loss" in a name'
RETURNED = 'each number with "loss" in its name that the step returns or a layer adds'
ANY_OPTIMIZER = "those that an optimizer of Keras or of `torch.optim` gets"

MEANING = {
    "yes": [set()],
    "no": [],
    "after `validate`": [{"validate"}],
    "with `loss`": [{"loss"}],
    "with `loss`, after `validate`": [{"loss", "validate"}],
    "with a compiled loss": [{"compiled loss"}],
    "with a `CallbackList`": [{"callback_list"}],
    SCORED: [{"test_step"}, {"compute_loss"}, {"compiled loss"}],
    LOGS: [{"validate", "logs"}],
    # These are there in any case; what they say further is tested below.
    "as `test_step` returns it": [set()],
    "those that an optimizer gets": [set()],
    "of each optimizer": [set()],
    "of optimizers of Keras and of `torch.optim`": [set()],
    ANY_OPTIMIZER: [set()],
    RETURNED: [set()],
    IN_NAME: [set()],
    BATCHES_ALONE: [set()],
    DONATED: [set()],
}
"""What a cell asks for: one of several sets; none where it says no."""


def table():
    """Return the cells of the table by row and column."""
    lines = PAGE.read_text("utf-8").split("## What is measured in which kind of training")[1]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines.split("\n## ")[0].splitlines()
        if line.startswith("|")
    ]
    head, _, *body = rows
    return {name: dict(zip(head[1:], cells, strict=True)) for name, *cells in body}


def has(quantity, *targets):
    """Return a function that says whether a quantity was measured of some targets."""

    def exists(sitter):
        found = set(sitter.history.targets(quantity))
        return found >= set(targets) if targets else bool(found)

    return exists


def describes_data(sitter):
    facts, history = sitter.history.facts, sitter.history
    return bool(facts.data.examples and history.targets("inputs/rms") and facts.weights) and bool(
        history.targets("targets/most_frequent") and history.targets("weights/norm")
    )


def measures_last_state(sitter):
    return sitter.history.series("weights/norm", "head/kernel").steps[-1] == STEPS


KERNELS = ("hidden/kernel", "twice/kernel", "head/kernel")
ROWS = {
    "inputs, targets and weights": describes_data,
    "layers and outputs, each call of a layer apart": has(
        "activations/std", "hidden", "twice", "twice#2", "head"
    ),
    "gradients": has("gradients/norm", *KERNELS),
    "updates of the weights": has("updates/ratio", *KERNELS),
    "loss": has("loss/batch", ""),
    "learning rate": has("optimizer/learning_rate", ""),
    "dead units": has("activations/dead_fraction", "hidden"),
    "score of the training data": has("score/loss", "train"),
    "score of the validation data": has("score/loss", "validation"),
    "baselines, error rates": lambda sitter: (
        has("reference/constant_error", "train")(sitter) and has("score/error", "train")(sitter)
    ),
    "validation data beside the training data": lambda sitter: bool(
        sitter.history.facts.comparison.validation_examples
    ),
    "validation loss of each epoch": has("logs/val_loss"),
    "measurement after the last step": measures_last_state,
}
"""How each row shows in a history."""

APART = {"flight recorder, rescue", "stopping"}
VALIDATION = {name for name in ROWS if "validation" in name}


@functools.cache
def watched(column, given):
    sitter = PROGRAMS[column](given)
    assert sitter.history.facts.broke_off is None
    return sitter


def test_the_table_has_the_rows_and_columns_that_are_checked():
    found = table()
    assert set(found) == set(ROWS) | APART
    assert all(list(cells) == list(PROGRAMS) for cells in found.values())


@pytest.mark.parametrize("column", PROGRAMS)
def test_a_quantity_exists_where_the_table_says_so_and_nowhere_else(column):
    wrong = []
    for given in map(frozenset, GIVEN[column]):
        sitter = watched(column, given)
        for row, exists in ROWS.items():
            if column == OWN and not given and row in VALIDATION:
                continue
            cell = table()[row][column]
            expected = any(needed <= given for needed in MEANING[cell])
            if exists(sitter) != expected:
                wrong.append((row, sorted(given), cell))
    assert not wrong


@pytest.mark.parametrize("column", PROGRAMS)
def test_the_recorder_works_where_the_table_says_so(column, tmp_path):
    cell = table()["flight recorder, rescue"][column]
    for given in [set(), {"callback_list"}] if column == ON_BATCH else [set()]:
        run = functools.partial(PROGRAMS[column], given, record=tmp_path, rescue=True)
        if any(needed <= given for needed in MEANING[cell]):
            assert run().session.recorder is not None
        else:
            with pytest.raises(ValueError, match="`record` and `rescue` must not be set in a loop"):
                run()


def always(history):
    """Report a run whatever it is."""
    return [kb.Finding("always", kb.Severity.ERROR, "", "Stop here.")] if history.step else []


@pytest.mark.parametrize("column", PROGRAMS)
def test_a_run_stops_as_the_table_says(column):
    sitter = PROGRAMS[column](set(), rules=[always], stop_on="ERROR")
    stops = {"yes": "fit", "`sitter.should_stop`": "loop"}[table()["stopping"][column]]
    if stops == "loop":
        assert sitter.should_stop
        assert sitter.history.step == STEPS  # the loop decides
    else:
        assert sitter.model.stop_training
        assert sitter.history.step < STEPS


# ----------------------------------------------------------------- what single cells say further


def test_of_a_step_of_ones_own_each_loss_and_each_optimizer_is_measured():
    cells = table()
    assert cells["loss"][OWN] == RETURNED
    losses = watched(OWN, frozenset()).history.quantities()
    assert {"losses/loss", "losses/size_loss"} <= set(losses)
    assert cells["learning rate"][OWN] == "of each optimizer"
    rates = set(two_optimizers().history.targets("optimizer/learning_rate"))
    assert rates == ({""} if BACKEND == "jax" else {"generator", "discriminator"})


@pytest.mark.parametrize("column", [FIT, ON_BATCH])
def test_other_steps_have_one_loss(column):
    assert not any(
        name.startswith("losses/") for name in watched(column, frozenset()).history.quantities()
    )


def test_a_validation_loss_is_that_of_the_test_step():
    assert table()["validation loss of each epoch"][OWN] == "as `test_step` returns it"
    of_the_step, of_the_compiled_loss = (
        watched(OWN, frozenset({kind})).history.last("logs/val_loss")
        for kind in ("test_step", "compiled loss")
    )
    assert of_the_step == pytest.approx(of_the_compiled_loss, rel=1e-3)


@pytest.mark.skipif(BACKEND != "torch", reason="the other backends have no optimizers of their own")
def test_optimizers_of_torch_are_measured_as_those_of_keras():
    cells = table()
    assert cells["gradients"][OTHER] == ANY_OPTIMIZER
    assert cells["learning rate"][OTHER] == "of optimizers of Keras and of `torch.optim`"
    sitter = other_loop(set(), kind="torch-optimizer")
    for name in ("gradients", "updates of the weights", "learning rate"):
        assert ROWS[name](sitter)
