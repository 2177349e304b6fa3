"""Our layers, each in the configurations that the shipped suite checks."""

from keras_babysit import layers
from keras_babysit.testing.layers import LayerCase

IMAGES = (4, 6, 6, 4), (3, 9, 5, 4)
SEQUENCES = (4, 7, 4), (3, 5, 4)
VECTORS = (6, 4), (3, 4)
FIXED_IMAGES = (4, 3, 2, 2), (5, 3, 2, 2)

CASES = {
    "ChannelPReLU": LayerCase(
        layers.ChannelPReLU,
        IMAGES,
        invalid=(
            ({"shared": "pixel"}, "`shared` must be one of"),
            ({"axis": 0}, "`axis` must not be the batch axis"),
            ({"bounded": True, "alpha_initializer": 1.7}, r"must be in \[0, 1\]"),
            ({"bounded": True, "alpha_constraint": "non_neg"}, "`alpha_constraint` must be None"),
        ),
    ),
    "ChannelPReLU-per-layer-bounded": LayerCase(
        lambda: layers.ChannelPReLU("layer", bounded=True), SEQUENCES
    ),
    "ChannelPReLU-per-element": LayerCase(lambda: layers.ChannelPReLU("element"), FIXED_IMAGES),
    "ManualBatchNormalization": LayerCase(
        layers.ManualBatchNormalization,
        SEQUENCES,
        invalid=(
            ({"momentum": 1.5}, r"`momentum` must be in \[0, 1\]"),
            ({"epsilon": 0.0}, "`epsilon` must be above 0"),
            ({"renorm": True, "renorm_clipping": {"max": 1.0}}, "may have the keys"),
            ({"renorm": True, "renorm_clipping": {"rmin": 2.0, "rmax": 1.0}}, "rmin <= rmax"),
        ),
    ),
    "ManualBatchNormalization-renorm": LayerCase(
        lambda: layers.ManualBatchNormalization(
            renorm=True, renorm_clipping={"rmin": 0.5, "rmax": 2.0, "dmax": 1.0}
        ),
        VECTORS,
    ),
    "Maxout": LayerCase(
        lambda: layers.Maxout(5, pieces=3, kernel_regularizer="l2"),
        SEQUENCES,
        invalid=(
            ({"units": 0}, "`units` must be at least 1"),
            ({"units": 2, "pieces": 1}, "`pieces` must be at least 2"),
        ),
    ),
    "MaxoutConv1D": LayerCase(
        lambda: layers.MaxoutConv1D(4, 3, pieces=3, padding="causal", dilation_rate=2),
        SEQUENCES,
        passes_masks=False,
        invalid=(
            ({"filters": 2, "kernel_size": 3, "pieces": 0}, "`pieces` must be at least 2"),
            (
                {"filters": 2, "kernel_size": 3, "activation": "softmax"},
                "on each element separately",
            ),
        ),
    ),
    "MaxoutConv2D": LayerCase(
        lambda: layers.MaxoutConv2D(4, 3, padding="same", strides=2, groups=2, activation="tanh"),
        IMAGES,
        passes_masks=False,
        invalid=(({"filters": 2, "kernel_size": 3, "pieces": 1}, "`pieces` must be at least 2"),),
    ),
    "MaxPieces": LayerCase(
        layers.MaxPieces,
        IMAGES,
        invalid=(
            ({"pieces": 1}, "`pieces` must be at least 2"),
            ({"axis": 0}, "`axis` must not be the batch axis"),
        ),
    ),
    "Whitening": LayerCase(
        layers.Whitening,
        FIXED_IMAGES,
        passes_masks=False,
        invalid=(
            ({"mode": "ica"}, "`mode` must be one of"),
            ({"components": 0}, "`components` must be"),
            ({"components": 1.5}, "`components` must be"),
            ({"epsilon": -1e-3}, "`epsilon` must be at least 0"),
            ({"whiten": False}, "`whiten` must be True"),
            ({"ddof": 2}, "`ddof` must be"),
            ({"solver": "svd"}, "`solver` must be one of"),
            ({"solver": "randomized"}, "`components` must be an int"),
        ),
    ),
    "Whitening-pca-fraction": LayerCase(
        lambda: layers.Whitening("pca", 0.8), VECTORS, passes_masks=False
    ),
    "ZeroCenter": LayerCase(
        layers.ZeroCenter,
        IMAGES,
        invalid=(({"axis": 0}, "`axis` must not be the batch axis"),),
    ),
    "ZeroCenter-mean-image": LayerCase(lambda: layers.ZeroCenter(axis=None), FIXED_IMAGES),
}
