"""How deep a measurement goes into a network: one state with named transitions."""

import enum
from dataclasses import dataclass

import keras

from keras_babysit.backends import backend
from keras_babysit.errors import DepthTransitionError


class Reach(enum.Enum):
    """What is measured of a network."""

    NOT_MEASURED = "layers not measured"
    """Only what the host sees of each step: its batch, its loss and the weights."""

    UNCOMPILED = "uncompiled"
    """The layers too, operation by operation: it starts at once and runs slowly."""

    COMPILED = "compiled"
    """The layers too, as one compiled graph: it starts slowly and runs fast."""


class Layers(enum.Enum):
    """Which layers a probe reads."""

    INNERMOST = "innermost"
    OUTERMOST = "outermost"
    NONE = "none"


@dataclass(frozen=True)
class Scope:
    """What one probe covers.

    Args:
        layers: The layers that it reads.
        has_loss: Whether it computes the loss and the gradients, where the model has a plain loss.
        has_call: Whether it calls the model at all, or reads data and weights only.
        missing: What is left out, as a notice names it; empty for the whole.
    """

    layers: Layers = Layers.INNERMOST
    has_loss: bool = True
    has_call: bool = True
    missing: str = ""


SCOPES = (
    Scope(),
    Scope(Layers.OUTERMOST, missing="Layers inside other layers"),
    Scope(has_loss=False, missing="Loss and gradients"),
    Scope(Layers.OUTERMOST, has_loss=False, missing="Loss, gradients and inner layers"),
    Scope(Layers.NONE, has_loss=False, missing="Loss, gradients and layers"),
    Scope(
        Layers.NONE,
        has_loss=False,
        has_call=False,
        missing="Loss, gradients, layers and outputs",
    ),
)
"""What a probe covers, and what it falls back to, one after the other, where it fails."""


class Depth:
    """Holds how deep a probe goes into a network, and allows only the transitions named here.

    Args:
        reach: The `Reach` to start from.
        can_compile: Whether a probe of this model can be compiled.
        starts_compiled: Whether `start` leads to a compiled probe.
        fallbacks: Number of fallbacks taken so far, from 0 to 5.

    Attributes:
        reach: The current `Reach`.
        can_compile: Whether a probe of this model can be compiled.

    Example:
        >>> depth = Depth()
        >>> depth.start()
        >>> depth.fall_back()
        >>> depth
        Depth(Reach.UNCOMPILED, can_compile=True, starts_compiled=False, fallbacks=1)
        >>> depth.compile()
        >>> print(depth)
        compiled, without: layers inside other layers
    """

    def __init__(
        self, reach=Reach.NOT_MEASURED, *, can_compile=True, starts_compiled=False, fallbacks=0
    ):
        self.reach = Reach(reach)
        self.can_compile = can_compile
        self._starts_compiled = starts_compiled
        self._fallbacks = fallbacks

    @classmethod
    def at_start(cls, model, *, is_budgeted):
        """Return the depth at the start of a run.

        Args:
            model: A compiled `keras.Model`.
            is_budgeted: Whether a budget decides when to measure; otherwise the layers are
                measured from the first step on.
        """
        # JAX compiles each operation by itself if not all of them at once.
        is_jax = keras.backend.backend() == "jax"
        # A model that is run eagerly may be one that no graph can hold.
        can_compile = backend.CAN_COMPILE and (is_jax or not model.run_eagerly)
        depth = cls(
            can_compile=can_compile,
            starts_compiled=can_compile and (is_jax or not is_budgeted),
        )
        if not is_budgeted:
            depth.start()
        return depth

    @property
    def measures_layers(self):
        """Whether more is measured than what the host sees."""
        return self.reach is not Reach.NOT_MEASURED

    @property
    def is_compiled(self):
        """Whether the probe is compiled, or will be once it starts."""
        starts_compiled = self.reach is Reach.NOT_MEASURED and self._starts_compiled
        return starts_compiled or self.reach is Reach.COMPILED

    @property
    def scope(self):
        """The `Scope` of a probe."""
        return SCOPES[self._fallbacks]

    @property
    def can_fall_back(self):
        """Whether there is a smaller scope left to try."""
        return self._fallbacks + 1 < len(SCOPES)

    def start(self):
        """Measure the layers from now on."""
        self._require(Reach.NOT_MEASURED)
        self.reach = Reach.COMPILED if self._starts_compiled else Reach.UNCOMPILED

    def compile(self):
        """Compile the probe from now on, or from its start on."""
        self._require(Reach.NOT_MEASURED, Reach.UNCOMPILED)
        if not self.can_compile:
            raise DepthTransitionError(
                f"`compile` must be called only where `can_compile` holds. Received: {self!r}"
            )
        if self.reach is Reach.NOT_MEASURED:
            self._starts_compiled = True
        else:
            self.reach = Reach.COMPILED

    def fall_back(self):
        """Go on to the next smaller scope."""
        if not self.can_fall_back:
            raise DepthTransitionError(
                f"`fall_back` must be called only where `can_fall_back` holds. Received: {self!r}"
            )
        self._fallbacks += 1

    def _require(self, *reaches):
        if self.reach not in reaches:
            allowed = " or ".join(map(str, reaches))
            raise DepthTransitionError(
                f"The transition must start from {allowed}. Received: {self!r}"
            )

    def __repr__(self):
        return (
            f"Depth({self.reach}, can_compile={self.can_compile}, "
            f"starts_compiled={self._starts_compiled}, fallbacks={self._fallbacks})"
        )

    def __str__(self):
        missing = self.scope.missing
        without = f", without: {missing[0].lower()}{missing[1:]}" if missing else ""
        return self.reach.value + without
