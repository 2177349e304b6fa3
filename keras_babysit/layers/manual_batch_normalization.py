"""Batch normalization, step by step."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_babysit.layers._batches import batches
from keras_babysit.layers._recording import recording, require_finite, without_gradients
from keras_babysit.layers._running_moments import RunningMoments
from keras_babysit.typing import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_babysit")
class ManualBatchNormalization(keras.layers.Layer):
    """Batch normalization whose `call` shows each step of the formula.

    In training, per channel, over the batch and all positions:

    1. `mean = E[x]`
    2. `variance = E[(x - mean)²]`
    3. `x_hat = (x - mean) / sqrt(variance + epsilon)`
    4. `y = gamma * x_hat + beta`
    5. `moving = momentum * moving + (1 - momentum) * batch`, for mean and variance

    In inference, and in training while `trainable = False`, steps 3 and 4 use the moving averages.

    The layer has the arguments of `keras.layers.BatchNormalization` and the same weights in the
    same order, and computes the same outputs, gradients and moving averages. Two things differ:

    - It is accurate if the mean is far above the standard deviation. Keras on PyTorch computes
      `E[x²] - E[x]²`, and on TensorFlow `x * scale - mean * scale`; both lose significant digits.
    - `recalibrate` replaces the moving averages by the statistics of the whole training set.

    Cost per element: about 10 FLOPs forward. A compiler that fuses the steps reads the inputs 3
    times, once for each mean and once to normalize, and writes the outputs once. `make
    bench-layers` compares it with Keras' layer.

    Args:
        axis: The channel axis; 1 for images with channels first.
        momentum: Weight of the old value in a moving average, in [0, 1].
        epsilon: Added to the variance, above 0.
        center: Whether to add `beta`.
        scale: Whether to multiply by `gamma`.
        beta_initializer: Keras initializer of `beta`.
        gamma_initializer: Keras initializer of `gamma`.
        moving_mean_initializer: Keras initializer of the moving mean.
        moving_variance_initializer: Keras initializer of the moving variance.
        beta_regularizer: Keras regularizer of `beta`.
        gamma_regularizer: Keras regularizer of `gamma`.
        beta_constraint: Keras constraint of `beta`.
        gamma_constraint: Keras constraint of `gamma`.
        renorm: Whether to use batch renormalization. In training, `x_hat * r + d` replaces `x_hat`,
            where `r` and `d` convert to the normalization by the moving averages.
        renorm_clipping: Limits of `r` and `d`, a dictionary of `"rmin"`, `"rmax"` and `"dmax"`.
        renorm_momentum: `momentum` of the averages for `r` and `d`.
        synchronized: Whether to compute the statistics over the batches of all replicas;
            TensorFlow only.
            TensorFlow only.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor of any rank, of known size along `axis`.
        training: Whether to use the statistics of the batch and to update the moving averages.
        mask: Boolean tensor of the shape of the inputs without their last axis. Positions where it
            is False are not part of the statistics.

    Input shape:
        `(batch_size, ..., channels)`.

    Output shape:
        Same shape as the input, in the compute dtype. Statistics are float32 or better, also in
        mixed precision.

    Raises:
        ValueError: If `momentum` is outside [0, 1], `epsilon` is not above 0, `renorm_clipping` has
            unknown keys or contradictory limits, or `synchronized` is True on a backend other than
            TensorFlow.

    Example:
        >>> layer = ManualBatchNormalization()
        >>> y = layer(np.array([[1.0], [3.0]]), training=True)
        >>> ops.convert_to_numpy(y).round(2).tolist()
        [[-1.0], [1.0]]

    Reference:
        Ioffe & Szegedy, "Batch Normalization", arXiv:1502.03167, 2015.
        Ioffe, "Batch Renormalization", arXiv:1702.03275, 2017.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"Argument `momentum` must be in [0, 1]. Received: {momentum=}")
        if not epsilon > 0:
            raise ValueError(f"Argument `epsilon` must be above 0. Received: {epsilon=}")
        if synchronized and keras.backend.backend() != "tensorflow":
            raise ValueError(
                "Argument `synchronized` must be False on backends other than TensorFlow. "
                f"Received: synchronized={synchronized}"
            )
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.moving_mean_initializer = keras.initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = keras.initializers.get(moving_variance_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.renorm = renorm
        self.renorm_clipping = _valid_clipping(renorm_clipping or {})
        self.renorm_momentum = float(renorm_momentum)
        self.synchronized = synchronized
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create gamma, beta and the moving averages, with one entry per channel."""
        rank, axis = len(input_shape), self.axis % len(input_shape)
        channels = input_shape[axis]
        self._channels = (channels,)
        self._reduced_axes = tuple(i for i in range(rank) if i != axis)
        self._broadcast_shape = tuple(channels if i == axis else 1 for i in range(rank))
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=(channels,),
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=(channels,),
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )
        self._build_averages()
        self.input_spec = keras.InputSpec(ndim=rank, axes={self.axis: channels})

    def _build_averages(self) -> None:
        initial_mean = self.moving_mean_initializer
        initial_variance = self.moving_variance_initializer

        def initial_stddev(shape: tuple[int, ...], dtype: Any = None) -> Tensor:
            return ops.sqrt(_copy_of(initial_variance)(shape, dtype=dtype))

        averages = {"moving_mean": initial_mean, "moving_variance": initial_variance}
        if self.renorm:
            averages["moving_stddev"] = initial_stddev
            averages["renorm_mean"] = _copy_of(initial_mean)
            averages["renorm_stddev"] = initial_stddev
        for name, initializer in averages.items():
            average = self.add_weight(
                name=name,
                shape=self._channels,
                initializer=initializer,
                trainable=False,
                autocast=False,
            )
            setattr(self, name, average)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """Normalize `inputs`."""
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        if training and self.trainable:
            y = self._normalize_by_batch(x, mask)
        else:
            y = self._normalize_by_averages(x)
        return ops.cast(y, self.compute_dtype)

    def _normalize_by_averages(self, x: Tensor) -> Tensor:
        gamma, beta = self._gamma_and_beta(x)
        stddev = ops.sqrt(self._broadcast(self.moving_variance, x) + self.epsilon)
        x_hat = (x - self._broadcast(self.moving_mean, x)) / stddev
        return gamma * x_hat + beta

    def _normalize_by_batch(self, x: Tensor, mask: Tensor) -> Tensor:
        # Subtract an origin near the mean. The result is of the size of the standard deviation, so
        # float32 keeps its significant digits however large the mean is.
        origin = ops.stop_gradient(self._mean(x[:1], None if mask is None else mask[:1]))
        x = x - origin

        mean = self._mean(x, mask)  # 1
        # The gradient through this mean is zero: deviations from the mean sum to zero.
        variance = self._mean(ops.square(x - ops.stop_gradient(mean)), mask)  # 2
        stddev = ops.sqrt(variance + self.epsilon)
        gamma, beta = self._gamma_and_beta(x)
        if self.renorm:
            r, d = self._renorm_corrections(origin + mean, stddev)
            gamma, beta = gamma * r, gamma * d + beta
        self._update_averages(origin + mean, variance, stddev)  # 5

        # 3 and 4, gamma * (x - mean) / stddev + beta, with one product and one sum per element.
        scale = gamma / stddev
        return x * scale + (beta - mean * scale)

    def _mean(self, x: Tensor, mask: Tensor = None) -> Tensor:
        """Return the mean per channel, in a shape that broadcasts against `x`."""
        axes = self._reduced_axes
        if mask is not None:
            _require_mask_rank(mask, x)
            counts = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), ops.shape(x))
            total = ops.sum(ops.where(counts, x, 0), axes, keepdims=True)
            count = ops.sum(ops.cast(counts, x.dtype), axes, keepdims=True)
            return total / (count + keras.config.epsilon())
        if self.synchronized:
            return ops.moments(x, axes, keepdims=True, synchronized=True)[0]
        return ops.mean(x, axes, keepdims=True)

    def _gamma_and_beta(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gamma = 1.0 if self.gamma is None else self._broadcast(self.gamma, x)
        beta = 0.0 if self.beta is None else self._broadcast(self.beta, x)
        return gamma, beta

    def _broadcast(self, vector: Tensor, x: Tensor) -> Tensor:
        return ops.reshape(ops.cast(vector, x.dtype), self._broadcast_shape)

    def _renorm_corrections(self, mean: Tensor, stddev: Tensor) -> tuple[Tensor, Tensor]:
        """Return `r` and `d`, which convert to the normalization by the averages, clipped."""
        stddev_average = ops.maximum(self._broadcast(self.renorm_stddev, mean), self.epsilon**0.5)
        r = stddev / stddev_average
        d = (mean - self._broadcast(self.renorm_mean, mean)) / stddev_average
        limits = self.renorm_clipping
        r = ops.clip(r, limits.get("rmin", 0.0), limits.get("rmax", np.inf))
        d = ops.clip(d, -limits.get("dmax", np.inf), limits.get("dmax", np.inf))
        return ops.stop_gradient(r), ops.stop_gradient(d)

    def _update_averages(self, mean: Tensor, variance: Tensor, stddev: Tensor) -> None:
        self._move(self.moving_mean, mean, self.momentum)
        if not self.renorm:
            self._move(self.moving_variance, variance, self.momentum)
            return
        self._move(self.renorm_mean, mean, self.renorm_momentum)
        self._move(self.renorm_stddev, stddev, self.renorm_momentum)
        moved = self._move(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(ops.relu(ops.square(moved) - self.epsilon))

    def _move(self, average: keras.Variable, value: Tensor, momentum: float) -> Tensor:
        """Assign `momentum * average + (1 - momentum) * value`, and return it."""
        value = ops.reshape(value, average.shape)
        moved = momentum * ops.cast(average, value.dtype) + (1 - momentum) * value
        average.assign(moved)
        return moved

    def recalibrate(
        self, dataset: Any, model: keras.layers.Layer | None = None, *, steps: int | None = None
    ) -> Self:
        """Replace the moving averages by the exact statistics of a data set.

        The moving averages cover some hundred batches, with weights that were still changing. In
        inference, the layer should use mean and variance of the training set under the final
        weights. This method computes them, in float64 and one pass. If a model has several such
        layers, use `keras_babysit.layers.recalibrate`, which begins with the one nearest to the
        input: each layer changes the inputs of the next ones.

        Args:
            dataset: The training set: an array, or batches as `tf.data.Dataset`,
                `keras.utils.PyDataset`, PyTorch `DataLoader`, generator or list. If batches are
                `(x, y)`, `x` is used.
            model: The model that contains the layer. It runs on `dataset` in inference mode. None
                if `dataset` holds the inputs of the layer itself.
            steps: Number of batches to read; None for all.

        Returns:
            The layer.

        Raises:
            ValueError: If no example reached the layer, its inputs are not finite, or `dataset` is
                infinite while `steps` is None.
        """
        moments = RunningMoments()
        with recording(self, moments), without_gradients():
            for inputs in batches(dataset, steps=steps):
                (model or self)(inputs, training=False)
        if not moments.count:
            raise ValueError(
                "Argument `dataset` must hold examples that reach the layer. Received: no example"
            )
        require_finite(self, moments)
        self.moving_mean.assign(moments.mean)
        self.moving_variance.assign(moments.variance)
        if self.renorm:
            self.moving_stddev.assign(np.sqrt(moments.variance + self.epsilon))
        return self

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return `input_shape`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": keras.initializers.serialize(self.beta_initializer),
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": keras.initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": keras.initializers.serialize(
                self.moving_variance_initializer
            ),
            "beta_regularizer": keras.regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": keras.regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": keras.constraints.serialize(self.beta_constraint),
            "gamma_constraint": keras.constraints.serialize(self.gamma_constraint),
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }


def _copy_of(initializer: Any) -> Any:
    """Return a fresh initializer: one that is used for a second weight warns of equal values."""
    if isinstance(initializer, keras.initializers.Initializer):
        return initializer.clone()
    return initializer


def _require_mask_rank(mask: Tensor, x: Tensor) -> None:
    if len(mask.shape) != len(x.shape) - 1:
        raise ValueError(
            "Argument `mask` must have one axis less than the inputs. "
            f"Received: mask.shape={mask.shape}, inputs.shape={x.shape}"
        )


def _valid_clipping(limits: dict[str, float]) -> dict[str, float]:
    if set(limits) - {"dmax", "rmax", "rmin"}:
        raise ValueError(
            "Argument `renorm_clipping` may have the keys 'rmin', 'rmax' and 'dmax' only. "
            f"Received: renorm_clipping={limits}"
        )
    if limits.get("rmin", 0.0) > limits.get("rmax", np.inf) or limits.get("dmax", 0.0) < 0:
        raise ValueError(
            f"`rmin <= rmax` and `dmax >= 0` must hold. Received: renorm_clipping={limits}"
        )
    return limits
