"""Our initializers, each in the configurations that the shipped suite checks."""

import keras

from keras_babysit import initializers
from keras_babysit.testing.initializers import FAN_IN, FAN_OUT, InitializerCase

CASES = {
    "He": InitializerCase(
        lambda seed: initializers.He(seed=seed),
        2 / FAN_IN,
        invalid=(
            ({"mode": "fan_avg"}, "`mode` must be one of"),
            ({"distribution": "normal"}, "`distribution` must be one of"),
        ),
    ),
    "He-fan-out": InitializerCase(lambda seed: initializers.He("fan_out", seed=seed), 2 / FAN_OUT),
    "SmallRandom": InitializerCase(
        lambda seed: initializers.SmallRandom(seed=seed),
        0.01**2,
        depends_on_fans=False,
        invalid=(({"stddev": 0.0}, "`stddev` must be above 0"),),
    ),
    "VariancePreserving": InitializerCase(
        lambda seed: initializers.VariancePreserving("relu", seed=seed),
        2 / FAN_IN,
        invalid=(
            ({"pieces": 0}, "`pieces` must be at least 1"),
            ({"mode": "fan_in"}, "`mode` must be one of"),
            ({"activation": "softmax"}, "on each element separately"),
            ({"activation": keras.ops.zeros_like}, "finite, non-zero second moment"),
        ),
    ),
    "VariancePreserving-layer-backward-uniform": InitializerCase(
        lambda seed: initializers.VariancePreserving(
            keras.layers.LeakyReLU(0.5), mode="backward", distribution="uniform", seed=seed
        ),
        2 / (1 + 0.5**2) / FAN_OUT,
    ),
    "VariancePreserving-maxout": InitializerCase(
        lambda seed: initializers.VariancePreserving(pieces=2, seed=seed), 1 / FAN_IN
    ),
    "Xavier": InitializerCase(
        lambda seed: initializers.Xavier(seed=seed),
        1 / FAN_IN,
        invalid=(({"mode": "fan_out"}, "`mode` must be one of"),),
    ),
    "Xavier-paper": InitializerCase(
        lambda seed: initializers.Xavier("fan_avg", distribution="truncated_normal", seed=seed),
        2 / (FAN_IN + FAN_OUT),
    ),
}
