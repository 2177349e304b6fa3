"""What each backend module offers: the few things that Keras does not abstract.

`keras_babysit.testing.backends` checks a module against this protocol.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from keras_babysit.typing import Batch, Tensor

Arguments = tuple[Any, ...]
"""The arguments with which Keras calls a train or test function; each backend has its own."""

Values = tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]]
"""Values of a model's variables as `(trainable, other, optimizer)`. `other` is all that is neither
trainable nor the optimizer's, the metrics last."""


class Feed(Protocol):
    """Takes the batches of every step of one run and hands them on; made with `Feed()`."""

    def take(self, arguments: Arguments, count: int) -> tuple[list[Batch], Arguments]:
        """Take the batches of a step and hand them on, at as low a cost as the backend allows.

        Args:
            arguments: What Keras calls its train function with.
            count: Number of batches of one call (`steps_per_execution`), at least 1.

        Returns:
            Up to `count` batches, none where they cannot be seen or the data are over, and the
            arguments that hand the same batches on.
        """

    def optimizer_value(self, arguments: Arguments, variable: Any, index: int) -> Tensor:
        """Return a copy of one optimizer variable as it is before a step.

        Args:
            arguments: What Keras calls its train function with.
            variable: The variable; the same one in every call on one `Feed`.
            index: Its index in the third group of `Values`.
        """


class Sandbox(Protocol):
    """Runs training steps of a model inside `fit` and leaves no trace of them.

    Made with `Sandbox(model, function, feed, arguments)`: `function` is Keras' own train function,
    `feed` the `Feed` that took the batches, `arguments` those of the step that comes next, None
    between epochs. It is a context manager: on leaving, the variables, the gradients and the random
    state are what they were, also after an error.
    """

    def __enter__(self) -> "Sandbox":
        """Remember what must be put back."""

    def __exit__(self, *error: object) -> None:
        """Put everything back."""

    def load(self, values: Values) -> None:
        """Start from these values; must be called before the first `step`."""

    def step(self, batches: Sequence[Batch]) -> Any:
        """Train on these batches in one call and return the logs."""

    def values(self) -> Values:
        """Return copies of what the variables are after the steps so far."""

    def attached(self) -> AbstractContextManager[None]:
        """Return a context in which the model's variables hold the values of the sandbox."""


class Backend(Protocol):
    """The functions of a backend module. Modules implement it; there is no class of it."""

    CAN_COMPILE: bool
    """Whether `compile` makes a difference, so that compiling is a choice."""

    COMPILES_EACH_SIZE: bool
    """Whether each number of examples is a compilation of its own."""

    ANNOUNCES_THE_END: bool
    """Whether Keras announces a step before it finds that data of unknown length are over."""

    Feed: Callable[[], Feed]
    Sandbox: Callable[..., Sandbox]

    def versions(self) -> dict[str, str]:
        """Return the version of the backend by its name."""

    def workers(self, model: Any) -> tuple[int, int]:
        """Return the rank of this process, from 0, among those that train together, and how many.

        Returns:
            `(0, 1)` for a process that trains alone.
        """

    def is_whole(self, model: Any) -> bool:
        """Return whether this process alone can read all weights of `model`."""

    def value_and_grad(
        self, function: Callable[[Sequence[Tensor]], tuple[Tensor, Any]], values: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, Any], list[Tensor]]:
        """Return `(scalar, auxiliary), gradients` of `function` at `values`.

        Args:
            function: Called with `values`; returns a scalar and anything else.
            values: Tensors to differentiate by.

        Returns:
            What the function returned, and for each value a dense gradient of its shape; zeros for
            a value that the scalar does not depend on.
        """

    def gradients_of_variables(
        self, function: Callable[[], Tensor], variables: Sequence[Any]
    ) -> list[Tensor] | None:
        """Return the gradients of a scalar by the variables themselves, not by tensors in place.

        Layers that compute with a variable past its value in a `keras.StatelessScope`, or that
        compute again in the backward pass, have a gradient by these alone.

        Args:
            function: Called without arguments; returns the scalar.
            variables: Variables of Keras.

        Returns:
            A gradient for each variable, zeros where there is none; None where the backend has no
            other gradients than those of `value_and_grad`.
        """

    def derivative(self, function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
        """Return the elementwise derivative of `function` at `z`, 0 where it does not depend on it.

        It can be called inside a graph that is traced, and keeps no gradient itself.
        """

    def eagerly(self) -> AbstractContextManager[Any]:
        """Return a context in which operations run immediately, also while a graph is traced."""

    def compile(
        self, function: Callable[..., Any], *examples: Any, varies: Sequence[int] = ()
    ) -> Callable[..., Any]:
        """Return `function` as one compiled graph.

        Args:
            function: A pure function of nested tensors.
            examples: Arguments like those that it will be called with, in shape and dtype.
            varies: Indices of the arguments whose tensors may come with another first axis.
        """

    def copy(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Return copies of `values` that the next training step cannot overwrite."""

    def subsample(self, values: Sequence[Tensor], count: int) -> list[Tensor]:
        """Return copies of `values`, of the large ones a part.

        Args:
            values: Tensors of any shape.
            count: A value with more entries comes as a vector of about so many, evenly spaced.

        Returns:
            The same entries of a value of the same shape each time.
        """

    def wait(self, values: Any) -> None:
        """Return when `values`, nested tensors, are computed."""

    def to_tensor(self, array: Any) -> Tensor:
        """Return an array or variable's value as a tensor on the device of the variables."""

    def to_numpy(self, tensor: Any) -> np.ndarray:
        """Return the exact values of a tensor or array on the host; they may share its memory.

        The dtype stays where numpy has it. bfloat16 becomes float32 on PyTorch and the extension
        type `bfloat16` elsewhere. To compute with the numbers use `backends.to_array`.
        """

    def is_dense(self, tensor: Any) -> bool:
        """Return whether a tensor or array has one value per entry: not sparse, nor ragged."""

    def densify(self, tensor: Any) -> Any:
        """Return a sparse tensor as a dense one; a dense or a ragged one as it is."""

    def first_units(self, tensor: Tensor, count: int) -> np.ndarray:
        """Return the first `count` entries of the last axis, on the host."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error says that there is not enough memory, on a device or the host."""

    def borrow(
        self,
        arguments: Arguments,
        count: int,
        *,
        fetching: Callable[[], AbstractContextManager[Any]] = ...,
    ) -> tuple[list[Batch], Arguments]:
        """Take up to `count` batches of a step and hand the very same batches on.

        Args:
            arguments: What Keras calls its train or test function with.
            count: Number of batches, at least 1.
            fetching: Makes a context for the time that the data themselves take. `fit` would have
                to wait for it as well, so it is not a cost of monitoring.

        Returns:
            The batches, none where they cannot be seen or the data are over, and the arguments that
            hand them on. Nothing is retraced and nothing is drawn twice.

        Raises:
            Exception: What the data raise.
        """

    def state(self, model: Any, arguments: Arguments | None) -> Values:
        """Return the values of the model's variables.

        Args:
            model: The model.
            arguments: What Keras calls its train function with; None between epochs.
        """

    def trained(self, model: Any, result: Any) -> list[Tensor]:
        """Return the values of the trainable variables after a step that returned `result`."""

    def exchange(self, model: Any, arguments: Arguments | None, values: Values) -> Arguments | None:
        """Give the variables other values.

        Args:
            model: The model.
            arguments: What the step that comes next is called with; None between epochs.
            values: The values, grouped as `state` returns them.

        Returns:
            The arguments to call that step with instead.
        """

    def random_state(self) -> Any:
        """Return the backend's own random state, None where Keras does not draw on it."""

    def set_random_state(self, state: Any) -> None:
        """Put back what `random_state` returned."""

    def keep_hidden_state(self, model: Any) -> AbstractContextManager[Any]:
        """Return a context that leaves what layers hold and Keras does not track as it was.

        These are variables, buffers and random generators of the backend itself, and the random
        numbers of operations that run immediately.
        """

    def keep(self, value: Any) -> Callable[[], None] | None:
        """Return a function that puts a value back as it is now; None for other kinds of values.

        It knows `keras.Variable` and what the backend itself changes in place: variables, tensors,
        gradients and random generators.

        Args:
            value: Anything.
        """

    def is_walked(self, value: Any) -> bool:
        """Return whether an object of the backend holds state in its attributes.

        Modules and optimizers of the backend itself do.
        """

    def uncompiled(self) -> AbstractContextManager[Any]:
        """Return a context in which compiled functions run again as they are written.

        They run operation by operation, or are compiled anew for this context only. What stands in
        for a method inside this context is called, and graphs that were compiled before are kept.
        """

    def hand_out(self, receive: Callable[[Tensor], None], tensor: Tensor) -> None:
        """Call `receive` with the value of a tensor, also from inside a graph.

        A tensor whose value cannot leave its graph is not handed out. On leaving `uncompiled`, all
        have arrived.
        """

    def is_recomputing(self) -> bool:
        """Return whether a backward pass computes again what the forward pass did not keep."""

    def own(self, tensor: Tensor) -> Tensor:
        """Return a copy of an argument that a step may overwrite; other arguments as they are."""

    def dense(self, gradient: Any) -> Tensor:
        """Return a gradient as a tensor, also where it comes as some rows."""

    def modules_in(self, layer: Any) -> list[tuple[str, Any]]:
        """Return the innermost modules of the backend that a Keras layer wraps, with their paths.

        They are in the order in which they are held; empty for other layers.
        """

    def tapped_module(
        self, module: Any, receive: Callable[[tuple[Any, ...], Any], None]
    ) -> AbstractContextManager[None]:
        """Return a context in which `receive` gets the arguments and the output of each call.

        Args:
            module: One that `modules_in` returned.
            receive: Called with both after each call.
        """

    def is_optimizer(self, value: Any) -> bool:
        """Return whether a value is an optimizer of the backend itself, not one of Keras."""

    def applied_by(
        self, optimizer: Any, receive: Callable[[list[tuple[Tensor, Any]]], None]
    ) -> AbstractContextManager[None]:
        """Return a context in which an optimizer of the backend itself hands over its gradients.

        Args:
            optimizer: One for which `is_optimizer` holds.
            receive: Called with pairs of a gradient, or None, and the parameter that it is of,
                before each step.
        """

    def summed_gradients(self, variables: Sequence[Any]) -> AbstractContextManager[Any]:
        """Return a context in which it is known what the gradients of variables are a sum of.

        Args:
            variables: Variables of Keras.

        Returns:
            A context that yields a function. Given variables whose gradients an optimizer is about
            to apply, it says whether they contain gradients from before the context: True, False,
            or None where that is not known or there were none. None in place of the function on a
            backend that does not sum up gradients.
        """

    def without_gradients(self) -> AbstractContextManager[Any]:
        """Return a context in which operations keep nothing for a backward pass."""

    def logs(self, result: Any) -> Any:
        """Return what a train function returned of losses and metrics."""

    def has_accelerator(self) -> bool:
        """Return whether a GPU or another accelerator computes, rather than the CPU."""

    def shared(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a pure function of tensors that graphs share: traced once per shape if possible.

        A graph that calls it for each of many weights is then smaller, and compiles faster.
        """

    def start_seconds(self, layers: int, is_compiled: bool) -> float:
        """Return about how many seconds the first probe of a network takes, tracing included.

        Args:
            layers: Number of layers.
            is_compiled: Whether the probe is compiled.
        """
