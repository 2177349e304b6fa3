"""All foreign models, fastest first."""

from benchmarks.foreign import architectures, kinds
from benchmarks.foreign.foreign_model import ForeignModel

ORDER = (
    "VGG",
    "MobileNet",
    "ResNet50",
    "Xception",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B",
    "ConvNeXtTiny",
    "InceptionV3",
    "NASNetMobile",
    "ResNet",
    "EfficientNetB1",
    "EfficientNetB",
    "DenseNet",
    "ConvNeXtSmall",
    "InceptionResNetV2",
    "EfficientNetV2",
    "ConvNeXt",
)


def _rank(name: str) -> int:
    return next((i for i, start in enumerate(ORDER) if name.startswith(start)), len(ORDER))


def names() -> list[str]:
    """Return the names of all models."""
    return [*kinds.CASES, *sorted(architectures.names(), key=_rank)]


def find(name: str) -> ForeignModel:
    """Return the model with a given name."""
    known = kinds.CASES | {case.name: case for case in architectures.cases()}
    return known[name]
