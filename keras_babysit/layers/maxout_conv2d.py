"""2D maxout convolution."""

import keras

from keras_babysit.layers._maxout_conv import MaxoutConv


@keras.saving.register_keras_serializable(package="keras_babysit")
class MaxoutConv2D(MaxoutConv, keras.layers.Conv2D):
    """2D convolution whose output channels are the maximum of several filters.

    `y[..., f] = max over p of (x * W)[..., f, p] + b[f, p]`. It is `Maxout` with shared weights.

    Cost: one convolution, as of `Conv2D(filters * pieces)`, and `pieces - 1` comparisons per
    output. `pieces` numbers per output are kept for the backward pass.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of the window, or one number for a square.
        pieces: Number of filters per output channel, at least 2.
        activation: Keras activation after the maximum; None for none.
        kernel_initializer: Keras initializer. None uses
            `VariancePreserving(activation, pieces=pieces)`.
        **kwargs: Other arguments of `keras.layers.Conv2D`, with the same meaning:
            `strides`, `padding`, `data_format`, `dilation_rate`, `groups`, `use_bias`,
            initializers, regularizers, constraints, `name`, `dtype`.

    Input shape:
        `(batch_size, height, width, channels)`, or `(batch_size, channels, height, width)` for
        `data_format="channels_first"`; images of any size.

    Output shape:
        That of `Conv2D(filters)`, in the compute dtype.

    Raises:
        ValueError: If `pieces` is below 2, or if `keras.layers.Conv2D` raises it.

    Example:
        >>> tuple(MaxoutConv2D(8, 3, padding="same")(np.ones((1, 10, 10, 4))).shape)
        (1, 10, 10, 8)

    Reference:
        Goodfellow et al., "Maxout Networks", arXiv:1302.4389, 2013.
    """
