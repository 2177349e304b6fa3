"""PCA and ZCA whitening."""

import math
import numbers
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_babysit.layers._adapted import Adapted
from keras_babysit.layers._batches import blocks
from keras_babysit.layers._eigen import (
    components_for_fraction,
    full_eigenpairs,
    randomized_eigenpairs,
)
from keras_babysit.layers._running_covariance import RunningCovariance
from keras_babysit.typing import Shape, Tensor

MODES = ("pca", "zca")
SOLVERS = ("full", "randomized")

RELATIVE_EPSILON = 1e-8
"""Part of the largest variance that is added to the variances by default: a deviation of 1e-4 of
the largest one shrinks by 0.7, and float32 rounds at 1e-7 of it."""


@keras.saving.register_keras_serializable(package="keras_babysit")
class Whitening(Adapted):
    """Whitening: transform the inputs to uncorrelated features with unit variance.

    With eigenvectors `V` and eigenvalues `λ` of the training set's covariance:

    - `mode="pca"`: `y = (x - mean) @ V / sqrt(λ + epsilon)`
    - `mode="zca"`: the same, rotated back by `@ V.T`. Of all whitening transforms it changes the
      inputs least, so images still look like images.
    - `mode="pca", whiten=False`: `y = (x - mean) @ V`, plain principal components
    - `standardize=True`: `(x - mean) / std` takes the place of `x - mean`, and `V` and `λ` are
      those of the correlation. Features of very different scales need it, as in tables: in their
      covariance the small ones are lost beside the large ones. Pixels have one scale.

    The covariance is exact: it is computed in float64 in one pass over the data. For d features it
    needs `8 * d²` bytes, and a few blocks of that size, whatever the number of examples. Parts of
    the data can be adapted separately and combined with `merge`.

    Directions without variance (constant or duplicate features, or fewer examples than features)
    become 0. These are the ones whose `λ` is below rounding error, `d * 2.2e-16` of the largest.
    Signs follow scikit-learn: the largest entry of each direction is positive.

    Cost per example: `2 * d * k` FLOPs for PCA with k components, and twice that for ZCA. `adapt`
    needs `n * d²` FLOPs, and `O(d³)` once for the eigenvectors. `make bench-layers` compares it
    with scikit-learn.

    Args:
        mode: `"zca"` or `"pca"`.
        components: Number of directions to keep: an int of at least 1, a fraction of the variance
            in (0, 1) to explain, or None for all. `adapt` replaces a fraction by the number of
            directions that explain it.
        epsilon: Added to the variances, at least 0. A larger value amplifies noise less in
            directions of small variance. None means 1e-8 of the largest variance, so that the
            scale of the data does not matter.
        whiten: Whether to scale to unit variance. False is possible with `mode="pca"` only.
        standardize: Whether to divide each feature by its standard deviation first. A constant
            feature becomes 0.
        ddof: Variances are divided by `n - ddof`. None means 1 for PCA, as in scikit-learn, and 0
            for ZCA, as in Keras' `ImageDataGenerator`.
        solver: `"full"` computes all eigenvectors. `"randomized"` approximates the first
            `components`, an int, with scikit-learn's `randomized_svd` in `O(d² * components)`. Use
            it to keep few components of many features.
        seed: Random seed of the randomized solver.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Input shape:
        `(batch_size, ...)` of known sizes, flattened to d features. Integers are accepted.

    Output shape:
        `(batch_size, components)` for PCA, the input shape for ZCA, in the compute dtype. Weights
        and arithmetic are float32.

    Raises:
        ValueError: If an argument is out of range.
        ImportError: In `adapt`, if `solver="randomized"` and scikit-learn is not installed.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(1000, 2)) @ np.array([[3.0, 2.0], [0.0, 1.0]])
        >>> layer = Whitening().adapt(x)
        >>> np.allclose(np.cov(ops.convert_to_numpy(layer(x)), rowvar=False), np.eye(2), atol=2e-3)
        True

    Reference:
        Bell & Sejnowski, "The 'independent components' of natural scenes are edge filters",
        Vision Research 37, 1997.
        Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, appendix A.
    """

    def __init__(
        self,
        mode: str = "zca",
        components: int | float | None = None,
        *,
        epsilon: float | None = None,
        whiten: bool = True,
        standardize: bool = False,
        ddof: int | None = None,
        solver: str = "full",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"Argument `mode` must be one of {MODES}. Received: mode={mode!r}")
        if not whiten and mode == "zca":
            raise ValueError("Argument `whiten` must be True for ZCA. Received: whiten=False")
        if epsilon is not None and not epsilon >= 0:
            raise ValueError(f"Argument `epsilon` must be at least 0. Received: {epsilon=}")
        if ddof not in (None, 0, 1):
            raise ValueError(f"Argument `ddof` must be None, 0 or 1. Received: ddof={ddof!r}")
        if solver not in SOLVERS:
            raise ValueError(
                f"Argument `solver` must be one of {SOLVERS}. Received: solver={solver!r}"
            )
        self.mode = mode
        self.components = _valid_components(components, solver)
        self.epsilon = epsilon
        self.whiten = whiten
        self.standardize = standardize
        self.ddof = ddof
        self.solver = solver
        self.seed = seed

    @property
    def _is_fraction(self) -> bool:
        return isinstance(self.components, float)

    def build(self, input_shape: Shape) -> None:
        """Create the weights for the directions that are kept."""
        if self._is_fraction:
            raise ValueError(
                "The layer must be adapted before it is built if `components` is a fraction, "
                f"because their number depends on the data. Received: components={self.components}"
            )
        features = math.prod(self._build_state_shape(input_shape))
        count = features if self.components is None else int(self.components)
        if count > features:
            raise ValueError(
                f"Argument `components` must be at most the number of features, {features}. "
                f"Received: components={count}"
            )
        self.mean = self._add_state("mean", (features,))
        self.deviation = self._add_state("deviation", (features,)) if self.standardize else None
        self.directions = self._add_state("directions", (count, features))
        self.explained_variance = self._add_state("explained_variance", (count,))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the whitened inputs."""
        x = ops.reshape(ops.cast(inputs, self._state_dtype), (-1, self.mean.shape[0]))
        x = x - self.mean
        if self.deviation is not None:
            x = x / self.deviation
        y = ops.matmul(x, ops.transpose(self.directions))
        if self.whiten:
            y = y * self._scale(-0.5)
        if self.mode == "zca":
            y = ops.reshape(ops.matmul(y, self.directions), (-1, *self._built_state_shape))
        return ops.cast(y, self.compute_dtype)

    def inverse(self, outputs: Tensor) -> Tensor:
        """Return the inputs that the layer maps to `outputs`.

        Along directions that were dropped or have no variance, the result is the mean.

        Args:
            outputs: Tensor or array of the output shape.

        Returns:
            A tensor of the input shape, in float32.
        """
        y = ops.convert_to_tensor(outputs, dtype=self._state_dtype)
        if self.mode == "zca":
            y = ops.reshape(y, (-1, self.mean.shape[0]))
            y = ops.matmul(y, ops.transpose(self.directions))
        if self.whiten:
            y = y * self._scale(0.5)
        x = ops.matmul(y, self.directions)
        if self.deviation is not None:
            x = x * self.deviation
        return ops.reshape(x + self.mean, (-1, *self._built_state_shape))

    def _scale(self, power: float) -> Tensor:
        """Return `(λ + epsilon) ** power`, and 0 for directions without variance."""
        variance = ops.convert_to_tensor(self.explained_variance)
        has_variance = ops.not_equal(variance, 0.0)  # NaN, before `adapt`, stays NaN
        epsilon = RELATIVE_EPSILON * ops.max(variance) if self.epsilon is None else self.epsilon
        safe = ops.where(has_variance, variance + epsilon, 1.0)
        return ops.where(has_variance, safe**power, 0.0)

    def _state_shape(self, shape: Shape) -> Shape:
        return tuple(shape[1:])

    def _examples(
        self, arrays: Iterable[np.ndarray], shape: tuple[int, ...]
    ) -> Iterator[np.ndarray]:
        # Products of blocks this large are as fast as a single product over all rows.
        features = math.prod(shape[1:])
        flat = (array.reshape(len(array), features) for array in arrays)
        return blocks(flat, rows=max(4 * features, 8192))

    def _new_statistics(self) -> RunningCovariance:
        return RunningCovariance()

    def _solve(self, statistics: RunningCovariance) -> dict[str, np.ndarray]:
        ddof = self.ddof if self.ddof is not None else int(self.mode == "pca")
        covariance = statistics.covariance(ddof)
        state = {"mean": statistics.mean}
        variances = np.diag(covariance)
        _require_float32(np.sqrt(variances) if self.standardize else variances)
        if self.standardize:
            # What float32 makes of the inputs, it makes of a deviation below their last digit.
            deviation = np.sqrt(variances)
            noise = np.abs(statistics.mean) * float(np.finfo("float32").eps)
            deviation = np.where(deviation > noise, deviation, np.inf)
            covariance = covariance / np.multiply.outer(deviation, deviation)
            state["deviation"] = np.where(np.isinf(deviation), 1.0, deviation)
        if self.solver == "randomized" and isinstance(self.components, int):
            variances, directions = randomized_eigenpairs(covariance, self.components, self.seed)
        else:
            variances, directions = full_eigenpairs(covariance)
        count = self.components
        if isinstance(count, float):
            count = self.components = components_for_fraction(variances, count)
        return {
            **state,
            "directions": directions[:count],
            "explained_variance": variances[:count],
        }

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape for ZCA, `(batch_size, components)` for PCA."""
        if self.mode == "zca":
            return input_shape
        known = self.components if isinstance(self.components, int) else None
        sizes = [size for size in input_shape[1:] if size is not None]
        if known is None and len(sizes) == len(input_shape) - 1:
            known = math.prod(sizes)
        return (input_shape[0], known)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "mode": self.mode,
            "components": self.components,
            "epsilon": self.epsilon,
            "whiten": self.whiten,
            "standardize": self.standardize,
            "ddof": self.ddof,
            "solver": self.solver,
            "seed": self.seed,
        }


def _require_float32(values: np.ndarray) -> None:
    """Raise a ValueError if float32 cannot hold the largest of the variances or deviations."""
    largest = float(np.nan_to_num(values, nan=np.inf, posinf=np.inf).max(initial=0.0))
    limits = np.finfo("float32")
    if largest != 0 and not limits.tiny <= largest <= limits.max:
        raise ValueError(
            "Argument `data` must have variances within the range of float32, "
            f"{limits.tiny:.2g} to {limits.max:.2g}; with `standardize=True`, deviations. "
            f"Received: up to {largest:.2g}. Scale the data first."
        )


def _valid_components(components: int | float | None, solver: str) -> int | float | None:
    is_whole = isinstance(components, numbers.Integral) and not isinstance(components, bool)
    is_count = is_whole and components is not None and components >= 1
    is_fraction = isinstance(components, numbers.Real) and 0 < components < 1
    if not (components is None or is_count or is_fraction):
        raise ValueError(
            "Argument `components` must be None, an int of at least 1 or a fraction in (0, 1). "
            f"Received: components={components!r}"
        )
    if solver == "randomized" and not is_count:
        raise ValueError(
            'Argument `components` must be an int if `solver="randomized"`. '
            f"Received: components={components!r}"
        )
    if components is None:
        return None
    return int(components) if is_count else float(components)
