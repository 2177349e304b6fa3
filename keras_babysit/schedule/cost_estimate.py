"""What training and measuring one network costs, estimated from what is fixed."""

import math
from dataclasses import dataclass, replace

MULTIPLY_ADDS_PER_SECOND, ACCELERATION = 1e10, 100.0
"""Of one core of a CPU: float32, 8 lanes, a few GHz, at about a third of the peak. Only ratios
between work and what is done once matter much, so a faster machine changes little. An accelerator
does: it has a hundred times that and more, but does not trace or compile faster."""

OPERATION_SECONDS = 1e-4
"""A layer of a compiled pass, or of a training step, however small: some operations of some
microseconds each, forward and backward."""

FAST_MACHINE = 4.0
"""A machine may be so many times as fast as the nominal one: the budget is to hold there as well,
although tracing, rules and sinks do not become faster alike."""

STEP_SECONDS = 1e-3
"""What Keras itself takes for a step: to fetch a batch, dispatch a call and update the metrics."""

CALL_SECONDS = 5e-4
"""A call of an uncompiled layer that nothing is read of: the dispatch of Keras, and operations."""

TRAINING_PASSES = 3
"""Work of a training step in forward passes: the backward pass computes two products for each."""

READING = 1.25
"""Work of a probe in training steps on as many examples: it reduces what each layer returns."""

REPEAT_FRACTION = 0.7
"""Fraction of an uncompiled start that every further uncompiled pass takes: its operations."""

FORWARD_FRACTION = 0.4
"""What a probe without a backward pass takes of one with it, to start and for each operation."""

SCORE_FRACTION = 0.5
"""What a score takes of a probe, to start and for each operation: it has no backward pass and reads
only the gates of the layers."""

HEADROOM_PASSES = 10
"""Forward passes of a measurement of the headroom: before the step, at eight multiples of its
update, and what copying the weights takes. Most runs need fewer."""

LOOK_SECONDS = 0.02
"""What a look takes beside the probe: the rules, the sinks and the update of the weights."""

KEEP_SECONDS = 3e-3
"""To take a batch for the reference sample, and to hand it on to the step: least on PyTorch."""

COMPARE_SECONDS = 0.1
"""To compare the kept validation examples with the training examples, and both with neighbours."""


@dataclass(frozen=True)
class Mode:
    """How a probe is run.

    Args:
        is_compiled: Whether as one compiled graph.
        takes_gradients: Whether with a backward pass, where there is a loss.
    """

    is_compiled: bool
    takes_gradients: bool = True


@dataclass(frozen=True)
class CostEstimate:
    """The costs of one network on one backend, in seconds of a nominal machine.

    They depend on the network, the batch size and the backend only. A real machine may be several
    times as fast or as slow: that changes what training takes as well.

    Args:
        layers: Number of layers that compute, a recurrent one counted for several.
        multiply_adds: Work of a forward pass of one example.
        batch_size: Examples of a training step.
        compiled_start: Seconds of the first compiled probe; None if none can be compiled.
        uncompiled_start: Seconds of the first uncompiled one; None if all must be compiled.
        is_accelerated: Whether an accelerator computes.
        has_forward: Whether a probe can do without a backward pass.
        has_backward: Whether a probe that can do without one is to take it.
        is_kept: Whether the compiled probe is left over from an earlier run.
        is_carried: Whether the reference sample is.

    Example:
        >>> estimate = CostEstimate(layers=3, multiply_adds=1e6, compiled_start=0.3)
        >>> round(estimate.step, 4), round(estimate.probe(Mode(is_compiled=True), 32), 4)
        (0.0027, 0.0324)
    """

    layers: int
    multiply_adds: float = 0.0
    batch_size: int = 32
    compiled_start: float | None = None
    uncompiled_start: float | None = None
    is_accelerated: bool = False
    has_forward: bool = True
    has_backward: bool = True
    is_kept: bool = False
    is_carried: bool = False

    @property
    def modes(self) -> list[Mode]:
        """The modes that are possible, the one that shows most first."""
        possible = [
            *([Mode(True)] if self.compiled_start is not None else []),
            *([Mode(False)] if self.uncompiled_start is not None else []),
        ]
        forward = [replace(mode, takes_gradients=False) for mode in possible]
        if not self.has_forward:
            return possible
        return possible + forward if self.has_backward else forward

    @property
    def step(self) -> float:
        """Seconds of a training step on a fast machine, of which the budget is a fraction."""
        work = TRAINING_PASSES * self._work(self.batch_size)
        return (STEP_SECONDS + work + OPERATION_SECONDS * self.layers) / FAST_MACHINE

    def start(self, mode: Mode | None) -> float:
        """Return the seconds that the first probe takes beyond the others."""
        if mode is None or (mode.is_compiled and self.is_kept):
            return 0.0
        if mode.is_compiled:
            whole = self.compiled_start or 0.0
        else:
            whole = (1 - REPEAT_FRACTION) * (self.uncompiled_start or 0.0)
        return whole * (1.0 if mode.takes_gradients else FORWARD_FRACTION)

    def probe(self, mode: Mode | None, examples: int) -> float:
        """Return the seconds of a probe and of what follows from it, after the first one."""
        if mode is None:
            return LOOK_SECONDS
        part = 1.0 if mode.takes_gradients else FORWARD_FRACTION
        passes = READING * (TRAINING_PASSES if mode.takes_gradients else 1)
        return LOOK_SECONDS + part * self._operations(mode) + passes * self._work(examples)

    def first(self, examples: int) -> float:
        """Return the seconds of the first probe in the cheapest mode, infinity if there is none."""
        costs = (self.start(mode) + self.probe(mode, examples) for mode in self.modes)
        return min(costs, default=math.inf)

    def forward(self, examples: int) -> float:
        """Return the seconds of a forward pass that reads nothing of the layers."""
        is_compiled = self.uncompiled_start is None
        each = OPERATION_SECONDS if is_compiled else CALL_SECONDS
        return each * self.layers + self._work(examples)

    def score_start(self, mode: Mode) -> float:
        """Return the seconds that the first score takes beyond the others."""
        if not mode.is_compiled or self.is_kept:
            return 0.0
        return SCORE_FRACTION * (self.compiled_start or 0.0)

    def score(self, mode: Mode, examples: int) -> float:
        """Return the seconds of a score of `examples` training and as many validation examples."""
        return LOOK_SECONDS + SCORE_FRACTION * self._operations(mode) + 2 * self._work(examples)

    def behaviour(self, mode: Mode, examples: int, passes: int) -> float:
        """Return the seconds of some forward passes that are compared."""
        start = FORWARD_FRACTION * (self.compiled_start or 0.0) if mode.is_compiled else 0.0
        each = SCORE_FRACTION * self._operations(mode) + self._work(examples)
        return (0.0 if self.is_kept else start) + passes * each

    def headroom_start(self, mode: Mode) -> float:
        """Return the seconds that the first measurement of the headroom takes beyond the others."""
        if not mode.is_compiled or self.is_kept:
            return 0.0
        return FORWARD_FRACTION * (self.compiled_start or 0.0)

    def headroom(self, mode: Mode, examples: int) -> float:
        """Return the seconds of a measurement of the headroom: some forward passes."""
        each = SCORE_FRACTION * self._operations(mode) + self._work(examples)
        return HEADROOM_PASSES * each

    def keeping(self, examples: int) -> float:
        """Return the seconds of keeping so many examples, and of what is done once in any run."""
        kept = -(-examples // max(1, self.batch_size))
        whole = KEEP_SECONDS * kept + COMPARE_SECONDS
        return LOOK_SECONDS + (0.0 if self.is_carried else whole)

    def is_small_pass(self, examples: int) -> bool:
        """Return whether the work on so many examples is less than the operations' own cost."""
        return self._work(examples) < self._operations(Mode(is_compiled=False))

    def _operations(self, mode: Mode) -> float:
        if mode.is_compiled:
            return READING * OPERATION_SECONDS * self.layers
        return REPEAT_FRACTION * (self.uncompiled_start or 0.0)

    def _work(self, examples: int) -> float:
        speed = MULTIPLY_ADDS_PER_SECOND * (ACCELERATION if self.is_accelerated else 1.0)
        return examples * self.multiply_adds / speed
