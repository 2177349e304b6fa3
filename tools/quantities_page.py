"""Writes docs/quantities.md from the dictionary of quantities: `make docs-pages`."""

from pathlib import Path

from keras_babysit.quantities import SHIPPED, Of, Quantity, Scale

PAGE = Path(__file__).parents[1] / "docs" / "quantities.md"

OF = {
    Of.RUN: "run",
    Of.LAYER: "layer",
    Of.WEIGHT: "weight",
    Of.DATA: "input or target array",
    Of.OUTPUT: "output of the model",
    Of.SPLIT: "training or validation data",
}

BEFORE = """\
<!-- Generated from keras_babysit/quantities.py by `make docs-pages`; edit that file. -->
# What is measured

One measurement (a *probe*) is one pass forward and backward over at most 256 examples, in training
mode, as a pure function of the weights: nothing in the model changes. It runs right before a real
step, on the batch of that step (or on the examples given as `probe`), and its results reach the
host in one read. A score is one pass in inference mode over the reference sample.

The names are those in `sitter.history`, in TensorBoard (`babysit/<quantity>/<target>`) and in JSON
lines. They are defined once, in `keras_babysit/quantities.py`; the history refuses any other name
and suggests the nearest. A `*` stands for the name of a metric.
"""

AFTER = """
A *unit* is one channel of the channel axis; positions count as examples. The *gate* of a unit is
the slope of its activation, relative to the steepest. These layers have a gate: those with a fused
activation, `Activation`, `ReLU`, `LeakyReLU`, `PReLU`, `ELU` and the activations of this package,
inside nested and subclassed models too. What kind of activation a function is (flat on one side, on
both, on none) is read from its values, never from its name. Recurrent layers show their output
sequence only; an LSTM or GRU, whose output is a product, has no gate. Functions called directly in
the `call` of a subclassed model (`keras.ops.relu(x)`) cannot be seen.

## A quantity of your own

Register it where your rule or probe is imported. From then on a history takes it, a misspelt name
raises, and charts use your title and unit:

```python
import keras_babysit as kb

kb.register_quantity(
    kb.Quantity(
        "mine/effective_rank",
        "weight",
        "Effective rank",
        "exponential of the entropy of the singular values",
        scale="log",
    )
)
sitter.history.append(kb.Measurement(step, epoch, "mine/effective_rank", "dense/kernel", 12.5))
```

A recording of the run can be read without that definition, in another process or by `kb-report`:
the quantity is kept, its title is spelled out from its name, and it is drawn as a heat map where
its targets are layers or weights of the run.
"""

SCALES = {Scale.LINEAR: "linear", Scale.LOG: "logarithmic", Scale.FRACTION: "0 to 1"}


def page() -> str:
    """Return the page: a table for each group of quantities, in the order of the dictionary."""
    groups: dict[str, list[Quantity]] = {}
    for quantity in SHIPPED:
        groups.setdefault(quantity.group, []).append(quantity)
    tables = [_table(group, members) for group, members in groups.items()]
    return BEFORE + "".join(tables) + AFTER


def _table(group: str, members: list[Quantity]) -> str:
    rows = "".join(_row(quantity) for quantity in members)
    head = (
        "| quantity | of | title | unit | scale | how it is computed |\n|---|---|---|---|---|---|\n"
    )
    return f"\n## {group}\n\n{head}{rows}"


def _row(quantity: Quantity) -> str:
    of = f"{OF[quantity.of]}, per unit" if quantity.per_unit else OF[quantity.of]
    cells = (
        f"`{quantity.name}`",
        of,
        quantity.title,
        quantity.unit,
        SCALES[quantity.scale],
        quantity.computed,
    )
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
