"""`Report`: a public report of a failed training, rebuilt as a faulty and a repaired program."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from benchmarks.diagnosis.program import seed_everything

SHOWN = (
    "arccos-of-one",
    "class-weights-of-unknown-keys",
    "early-stopping-in-the-wrong-direction",
    "frozen-base-wrong-inputs",
    "labels-in-folder-order",
    "loss-broadcasts",
    "loss-broadcasts-in-own-step",
    "loss-summed-over-the-batch",
    "mask-hides-data",
    "one-head-dominates",
    "padding-in-the-score",
    "plateau-callback-lowers-the-rate",
    "step-without-training-flag",
    "validation-prepared-differently",
)
"""Reports that served as examples while rules were written."""

SECOND = (
    "all-weights-start-at-zero",
    "attends-to-the-padding",
    "averages-that-never-move",
    "classes-numbered-differently",
    "divergence-with-the-wrong-sign",
    "divided-by-a-maximum-of-zero",
    "encoder-left-out-of-the-update",
    "epsilon-of-one",
    "features-cut-off-the-gradient",
    "fraction-to-keep-is-dropped",
    "frequent-class-at-weight-zero",
    "gradients-never-cleared",
    "gradients-too-small-for-half",
    "layers-that-nobody-tracks",
    "loudness-scaled-away",
    "missing-labels-as-nan",
    "momentum-of-another-library",
    "normalized-over-the-steps",
    "one-example-fills-the-batch",
    "one-file-after-the-other",
    "overlap-of-logits",
    "percentage-of-targets-that-are-zero",
    "rate-of-adadelta-from-another-optimizer",
    "relu-output-of-negative-targets",
    "rounded-before-the-comparison",
    "scaled-target-among-the-covariates",
    "sigmoid-rebuilds-larger-values",
    "softmax-over-the-batch",
    "split-drawn-again-every-epoch",
    "survival-of-raw-features",
    "warm-up-longer-than-the-training",
    "weight-penalty-too-strong",
)
"""The second set: reports that were written after the rules of the first set, in `second`."""

KINDS = (
    "output and loss",
    "own loss",
    "own training step",
    "own layer",
    "data preparation",
    "leakage",
    "sequences and masks",
    "attention",
    "fine-tuning",
    "batch normalization",
    "settings of the run",
    "class weights",
    "several outputs",
    "generative and metric learning",
    "precision",
)
"""The kinds of reports, for the table by kind."""

EVERYWHERE = ("tensorflow", "torch", "jax")


@dataclass
class Training:
    """A compiled model, the arguments of its `fit`, and how the result is scored.

    Args:
        model: The compiled model.
        fit: All arguments of `fit`, with the data and the callbacks of the program.
        score: Given the logs of the training, returns a number that is higher for a better or a
            less misleading result: 1 is perfect, and 0 is a constant prediction or chance.
        loop: Trains instead of one `fit`, given the callbacks; for programs with several.
    """

    model: keras.Model
    fit: dict[str, Any]
    score: Callable[[dict[str, list[float]]], float]
    loop: Callable[[list[Any]], keras.callbacks.History] | None = None

    @property
    def planned(self) -> int | None:
        """The number of optimizer steps; None if it is not known in advance."""
        x, size = self.fit.get("x"), self.fit.get("batch_size", 32)
        arrays = x if isinstance(x, list) else list(x.values()) if isinstance(x, dict) else [x]
        if not isinstance(arrays[0], np.ndarray):
            return None
        count = int(len(arrays[0]) * (1 - self.fit.get("validation_split", 0)))
        return int(self.fit["epochs"]) * -(-count // size)

    def train(self, *callbacks: Any) -> keras.callbacks.History:
        """Call `fit` without output, the callbacks of the program first."""
        every = [*self.fit.get("callbacks", ()), *callbacks]
        if self.loop is not None:
            return self.loop(every)
        return self.model.fit(**self.fit | {"callbacks": every, "verbose": 0})


@dataclass(frozen=True)
class Report:
    """A public report and the program that rebuilds it.

    Args:
        name: What went wrong, in a few words.
        address: The public thread.
        kind: One of `KINDS`.
        story: What went wrong, in one or two sentences.
        make: Returns the repaired or the faulty program, given a random generator.
        backends: Backends on which the program runs.
        pretrains: Whether building it trains something first.
    """

    name: str
    address: str
    kind: str
    story: str
    make: Callable[[bool, np.random.Generator], Training] = field(repr=False, compare=False)
    backends: tuple[str, ...] = EVERYWHERE
    pretrains: bool = False

    def build(self, *, is_repaired: bool, seed: int = 0) -> Training:
        """Return the program, seeded."""
        return self.make(is_repaired, seed_everything(seed))


REPORTS: dict[str, Report] = {}
"""All reports by name, filled by the decorator."""


def report(
    address: str,
    kind: str,
    *,
    backends: tuple[str, ...] = EVERYWHERE,
    pretrains: bool = False,
) -> Callable[..., Any]:
    """Register a function as the program of a report.

    Its name is the name of the report and its docstring the story.
    """
    if kind not in KINDS:
        raise ValueError(f"Unknown kind {kind!r}. Available kinds: {', '.join(KINDS)}")

    def register(make: Callable[[bool, np.random.Generator], Training]) -> Any:
        name = make.__name__.replace("_", "-")
        if name in REPORTS:
            raise ValueError(f"Two reports are named {name!r}")
        story = " ".join((make.__doc__ or "").split())
        REPORTS[name] = Report(name, address, kind, story, make, backends, pretrains)
        return make

    return register
