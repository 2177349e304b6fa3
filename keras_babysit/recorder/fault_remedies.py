"""What to do about a fault that the flight recorder located."""

from keras_babysit.actions import (
    LOOKS,
    OWN_CODE,
    ClipGradients,
    RemoveNonFinite,
    ScaleLearningRate,
    SetDtype,
    SetFromLogits,
    StandardizeInputs,
)
from keras_babysit.findings import Remedy

INSPECT_BATCH = Remedy("Inspect this batch.", no_change_because=LOOKS)
LOWER_RATE = Remedy("Lower the learning rate.", change=ScaleLearningRate(0.1))
CLIP_GRADIENTS = Remedy("Clip the gradients.", change=ClipGradients())
SCALE_INPUTS = Remedy("Scale the inputs.", change=StandardizeInputs())
CLEAN_DATA = Remedy("Remove or impute the examples that are not finite.", change=RemoveNonFinite())
USE_LOGITS = Remedy(
    "Compute the loss from logits: the logarithm of a softmax or sigmoid output of 0 is infinite.",
    change=SetFromLogits(True, "SparseCategoricalCrossentropy", removes_activation=True),
)
AVOID_INFINITE_SLOPE = Remedy(
    "Keep the arguments of sqrt, norm and pow away from 0, where their derivative is infinite.",
    "keras.ops.sqrt(x + keras.config.epsilon())",
    no_change_because=OWN_CODE,
)
STAY_IN_DOMAIN = Remedy(
    "Keep the arguments of log, sqrt, division and exp inside their domain.",
    "keras.ops.log(keras.ops.maximum(x, keras.config.epsilon()))",
    no_change_because=OWN_CODE,
)
COMPUTE_WIDER = Remedy(
    "Compute this layer in float32, or use bfloat16: float16 overflows above 65,504.",
    change=SetDtype(policy="float32", alternative="mixed_bfloat16"),
)


def for_overflow(dtype: str) -> list[Remedy]:
    """Return remedies for values beyond the range of `dtype`, a name."""
    if dtype == "float16":
        return [COMPUTE_WIDER, SCALE_INPUTS]
    return [LOWER_RATE, STAY_IN_DOMAIN]
