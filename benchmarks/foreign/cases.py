"""All foreign models, the quickest to watch first."""

from benchmarks.foreign import architectures, kinds
from benchmarks.foreign.case import Case

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


def _place(name: str) -> int:
    return next((i for i, start in enumerate(ORDER) if name.startswith(start)), len(ORDER))


def names() -> list[str]:
    """Return the names of all cases."""
    return [*kinds.CASES, *sorted(architectures.names(), key=_place)]


def find(name: str) -> Case:
    """Return the case of that name."""
    known = kinds.CASES | {case.name: case for case in architectures.cases()}
    return known[name]
