"""What remedies do, as data: each action names one change of a program and prints its code.

Actions are pure: rules state them, findings carry them to JSON and back, and `remedies/` carries
them out. To add one: a frozen dataclass on `Action` in the file of what it changes, its name below,
and its change of the same name in `keras_babysit.remedies`.
"""

from keras_babysit.actions.action import Action, as_code
from keras_babysit.actions.data import (
    BinaryTargets,
    CenterInputs,
    DropSampleWeights,
    FitTargets,
    IgnorePadding,
    KeepOrder,
    RemoveConstantFeatures,
    RemoveFeature,
    RemoveNonFinite,
    RenumberClasses,
    ScaleInputs,
    Shuffle,
    StandardizeInputs,
    StandardizeTargets,
)
from keras_babysit.actions.fit import BalanceClasses, ScaleBatchSize, SetCallback, TrainLonger
from keras_babysit.actions.layers import (
    AddHiddenLayer,
    AppendLayer,
    MaskPadding,
    NormalizeActivations,
    OfLayers,
    ReplaceLayers,
    RescaleOutputs,
    ScalePenalties,
    ScaleWeights,
    SetActivation,
    SetDropout,
    SetDtype,
    SetInitializer,
    SetLayerArguments,
    SetOutput,
    UnfreezeLayers,
    UnmaskPadding,
)
from keras_babysit.actions.losses import (
    AverageLoss,
    NegateLoss,
    SetFocalLoss,
    SetFromLogits,
    SetLoss,
    SetLossWeights,
)
from keras_babysit.actions.optimizer import (
    ClipGradients,
    KeepLearningRate,
    ScaleLearningRate,
    ScaleLoss,
    SetOptimizer,
    SetOptimizerArguments,
    StretchSchedule,
    WarmUp,
)
from keras_babysit.actions.reasons import (
    CONNECTIONS,
    DATA,
    LOOKS,
    NEW_CODE,
    ORDER_OF_CALLS,
    OWN_CODE,
    SAVES,
    SPLIT,
    TASK,
    WEIGHTS,
)

ACTIONS: dict[str, type[Action]] = {
    one.__name__: one
    for one in (
        AddHiddenLayer,
        AppendLayer,
        AverageLoss,
        BalanceClasses,
        BinaryTargets,
        CenterInputs,
        ClipGradients,
        DropSampleWeights,
        FitTargets,
        IgnorePadding,
        KeepLearningRate,
        KeepOrder,
        MaskPadding,
        NegateLoss,
        NormalizeActivations,
        RemoveConstantFeatures,
        RemoveFeature,
        RemoveNonFinite,
        RenumberClasses,
        ReplaceLayers,
        RescaleOutputs,
        ScaleBatchSize,
        ScaleInputs,
        ScaleLearningRate,
        ScaleLoss,
        ScalePenalties,
        ScaleWeights,
        SetActivation,
        SetCallback,
        SetDropout,
        SetDtype,
        SetFocalLoss,
        SetFromLogits,
        SetInitializer,
        SetLayerArguments,
        SetLoss,
        SetLossWeights,
        SetOptimizer,
        SetOptimizerArguments,
        SetOutput,
        Shuffle,
        StandardizeInputs,
        StandardizeTargets,
        StretchSchedule,
        TrainLonger,
        UnfreezeLayers,
        UnmaskPadding,
        WarmUp,
    )
}
"""All actions by name, which is their `kind` in JSON."""


def action_from_json(record: dict[str, object]) -> Action | None:
    """Return the action from the JSON object that `to_json` returned.

    None if its kind or one of its arguments is not known, as in the record of another version.

    Example:
        >>> action_from_json(ScaleLearningRate(0.1).to_json())
        ScaleLearningRate(factor=0.1, rate=None, schedule='')
    """
    kind = ACTIONS.get(str(record.get("kind")))
    arguments = {name: _frozen(value) for name, value in record.items() if name != "kind"}
    try:
        return kind(**arguments) if kind else None
    except TypeError:
        return None


def _frozen(value: object) -> object:
    """Return a value as actions hold it: tuples for lists, NaN and infinities for their names."""
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


__all__ = [
    "ACTIONS",
    "CONNECTIONS",
    "DATA",
    "LOOKS",
    "NEW_CODE",
    "ORDER_OF_CALLS",
    "OWN_CODE",
    "SAVES",
    "SPLIT",
    "TASK",
    "WEIGHTS",
    "Action",
    "AddHiddenLayer",
    "AppendLayer",
    "AverageLoss",
    "BalanceClasses",
    "BinaryTargets",
    "CenterInputs",
    "ClipGradients",
    "DropSampleWeights",
    "FitTargets",
    "IgnorePadding",
    "KeepLearningRate",
    "KeepOrder",
    "MaskPadding",
    "NegateLoss",
    "NormalizeActivations",
    "OfLayers",
    "RemoveConstantFeatures",
    "RemoveFeature",
    "RemoveNonFinite",
    "RenumberClasses",
    "ReplaceLayers",
    "RescaleOutputs",
    "ScaleBatchSize",
    "ScaleInputs",
    "ScaleLearningRate",
    "ScaleLoss",
    "ScalePenalties",
    "ScaleWeights",
    "SetActivation",
    "SetCallback",
    "SetDropout",
    "SetDtype",
    "SetFocalLoss",
    "SetFromLogits",
    "SetInitializer",
    "SetLayerArguments",
    "SetLoss",
    "SetLossWeights",
    "SetOptimizer",
    "SetOptimizerArguments",
    "SetOutput",
    "Shuffle",
    "StandardizeInputs",
    "StandardizeTargets",
    "StretchSchedule",
    "TrainLonger",
    "UnfreezeLayers",
    "UnmaskPadding",
    "WarmUp",
    "action_from_json",
    "as_code",
]
