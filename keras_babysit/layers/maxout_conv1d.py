"""1D maxout convolution."""

from typing import Any

import keras
from keras import ops

from keras_babysit.layers._maxout_conv import MaxoutConv
from keras_babysit.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_babysit")
class MaxoutConv1D(MaxoutConv, keras.layers.Conv1D):
    """1D convolution whose output channels are the maximum of several filters.

    `y[..., f] = max over p of (x * W)[..., f, p] + b[f, p]`. It is `Maxout` with shared weights.

    Cost: one convolution, as of `Conv1D(filters * pieces)`, and `pieces - 1` comparisons per
    output. `pieces` numbers per output are kept for the backward pass.

    Args:
        filters: Number of output channels.
        kernel_size: Length of the window.
        pieces: Number of filters per output channel, at least 2.
        activation: Keras activation after the maximum; None for none.
        kernel_initializer: Keras initializer. None uses
            `VariancePreserving(activation, pieces=pieces)`.
        **kwargs: Other arguments of `keras.layers.Conv1D`, with the same meaning:
            `strides`, `padding` (also `"causal"`), `data_format`, `dilation_rate`, `groups`,
            `use_bias`, initializers, regularizers, constraints, `name`, `dtype`.

    Input shape:
        `(batch_size, steps, channels)`, or `(batch_size, channels, steps)` for
        `data_format="channels_first"`; any number of steps.

    Output shape:
        That of `Conv1D(filters)`, in the compute dtype.

    Raises:
        ValueError: If `pieces` is below 2, or if `keras.layers.Conv1D` raises it.

    Example:
        >>> tuple(MaxoutConv1D(8, 3, pieces=2)(np.ones((1, 10, 4))).shape)
        (1, 8, 8)

    Reference:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389, 2013.
    """

    def convolution_op(self, inputs: Tensor, kernel: Any) -> Any:
        """Convolve, with padding on the left for `padding="causal"`."""
        padding = self.padding
        if padding == "causal":
            left = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            steps_axis = 1 if self.data_format == "channels_last" else 2
            inputs = ops.pad(inputs, [(left if i == steps_axis else 0, 0) for i in range(3)])
            padding = "valid"
        return ops.conv(
            inputs,
            kernel,
            strides=list(self.strides),
            padding=padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
