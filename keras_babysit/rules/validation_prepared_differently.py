"""Validation data that was prepared in another way than the training data."""

import math

from keras_babysit.actions import SPLIT, StandardizeInputs
from keras_babysit.facts import ComparisonFacts, ShiftFacts
from keras_babysit.findings import Finding, Remedy, Severity
from keras_babysit.history import History
from keras_babysit.rules._checks import require_above
from keras_babysit.rules._split import DRIFT, REMOVE_TREND, costs, has_drifted, is_worse
from keras_babysit.rules._texts import number, percent
from keras_babysit.rules._wilson import wilson_lower_bound
from keras_babysit.rules.rule import rule

STANDARD_RANGES = ((0, 1), (-1, 1), (0, 255), (-0.5, 0.5), (-128, 127))
"""Ranges to which inputs are scaled on purpose, each end reached by some entry."""

NEAR_END = 0.01
"""Fraction of a range by which the data may miss its ends: a sample may lack the extremes."""

MAX_MISFIT, CHANCE, MOST_CHANCE = 0.1, 1.63, 0.1
"""Largest difference of the distributions once their ranges are mapped onto each other, beside what
chance adds: 1.63 sqrt(1/n + 1/m) at a level of 1 % (Kolmogorov-Smirnov), at most 0.1."""

MOST, FEW = 0.8, 0.2
"""Fractions of the columns that are standardized where all are meant to be, and where none is."""

ADJACENT = 0.15
"""Distance, as a fraction of the smaller range, up to which the range of the validation data begins
where that of the training data ends: a trend over time."""

FAR = 3.0
"""Standard deviations between the means from which on a difference counts if the network is also
worse on the validation data. A linear trend over time, of which the last part is held out, reaches
less than 2.5."""

WORSE = 0.1
"""Difference of the errors from which on such a network is worse: the limit of `overfitting`."""

NEW_TOKENS, KNOWN_TOKENS = 0.5, 0.25
"""Fraction of the tokens that are new in the validation data, where at most the second one is new
from one half of the training examples to the other: another vocabulary, not rare words."""

PREDICTS, AT_CHANCE = 0.5, 0.75
"""Fractions of the error of a constant prediction up to which words predict the class of training
examples, and above which they do not predict that of validation examples at all."""

MIN_CONSTANT = 0.1
"""Error of a constant prediction that is needed for the two to be apart: rarer classes are too
few."""

ORDERS = {
    "channels": "The colour channels of the {name} are in reverse order",
    "columns": "The columns of the {name} are in another order",
    "up-down": "The {name} are upside down",
    "left-right": "The {name} are mirrored from left to right",
    "transposed": "The rows and columns of the {name} are swapped",
    "time": "The steps of the {name} are in reverse order",
}


@rule(
    title="Validation data prepared differently",
    explains=(
        "overfitting",
        "validation_not_paired",
        "uninformative_inputs",
        "validation_better_than_train",
    ),
    needs=("facts/comparison",),
    silent=(
        "without validation data",
        "on fewer than 32 examples of either kind",
        "for differences that occur between users or over time",
    ),
)
def validation_prepared_differently(
    history: History, *, ratio: float = 10.0, offset: float = 5.0
) -> list[Finding]:
    """Report validation data on another scale, with another range, or with its axes in other order.

    A common cause is a validation pipeline without a step of the training pipeline: the division by
    255, the standardization, the conversion from BGR to RGB. The network was never trained on such
    inputs, and regularization does not help.

    Reads `history.facts.comparison`, which compares the two reference samples. One of these must
    hold, beyond chance:

    - the sizes differ by the factor `ratio`, in the median of the columns,
    - the means differ by `offset` standard deviations of the training data, in the median of the
      columns,
    - each has one of the ranges to which inputs are scaled on purpose, such as [0, 1] and [-1, 1],
      another one than the other, and the distributions agree once the ranges do,
    - one is standardized, and the other has such a range, or has hardly a standardized column and
      one of ten columns whose size differs by the factor `ratio`,
    - the means agree only with the columns, colour channels, image axes or time steps in another
      order,
    - half of the tokens do not occur in the training data, although its own halves share theirs,
    - the words of a text predict the class of other training examples, and not at all that of
      validation examples: a tokenizer that was fitted twice gives words other numbers,
    - the means differ by 3 standard deviations, and the network is worse on the validation data.

    If the range of the validation data begins where that of the training data ends, or if inputs
    and targets have both moved by a standard deviation, the data has a trend. Then only a
    difference of size, range, order or vocabulary is a WARNING. A trend is a NOTE, and only if the
    network is worse there. Smaller differences occur between
    users, over time and through augmentation, and are silent. The targets are compared in the same
    way if they are numbers.

    Args:
        history: The history of the run.
        ratio: Factor between the sizes from which on it is reported, above 1. A linear trend over
            time changes them by at most 2.
        offset: Distance of the means in standard deviations, above 0. At 5 at most 4 % of the
            training data lie as far from their mean (Chebyshev).

    Returns:
        A WARNING for each affected array; a NOTE if the network is as good on the validation data,
        and while it is no better than a constant prediction on the training data.

    Raises:
        ValueError: If `ratio` is not above 1, or `offset` not above 0.

    Example:
        >>> history = History()
        >>> shift = ShiftFacts(size_ratio=180.0, train_low=-1, train_high=1, low=0, high=255)
        >>> history.note(comparison=ComparisonFacts(inputs=(shift,)))
        >>> validation_prepared_differently(history)[0].severity.name
        'WARNING'

    Reference:
        Rabanser et al., "Failing Loudly: An Empirical Study of Methods for Detecting Dataset
        Shift", arXiv:1810.11953, on two-sample tests per dimension; McCallum and Nigam, "A
        comparison of event models for naive Bayes text classification", 1998, on words.
    """
    require_above("ratio", ratio, 1)
    require_above("offset", offset, 0)
    compared = history.facts.comparison
    found, is_drift = [], has_drifted(history)
    for name, group, noun in (
        ("inputs", compared.inputs, "validation inputs"),
        ("targets", compared.targets, "validation targets"),
    ):
        for index, shift in enumerate(group):
            if _continues(shift):
                found += _about_trend(history, f"{name}[{index}]", shift, noun, offset)
                continue
            message = (
                _about_size(shift, noun, ratio)
                or _about_range(compared, shift, noun, ratio)
                or ("" if is_drift else _about_offset(history, shift, noun, offset))
                or _about_order(shift, noun)
                or _about_tokens(shift)
                or (_about_words(compared) if name == "inputs" else "")
            )
            if message:
                found.append(_finding(history, f"{name}[{index}]", shift, message))
            elif is_drift and name == "inputs":
                found += _about_drift(history, f"{name}[{index}]", shift, noun)
    return found


def _about_size(shift: ShiftFacts, noun: str, limit: float) -> str:
    ratio = shift.size_ratio
    if ratio is None or 1 / limit < ratio < limit:
        return ""
    is_larger = ratio > 1
    times = ratio if is_larger else 1 / ratio
    how = f"{number(times, 3)} times {'as large as' if is_larger else 'smaller than'}"
    return f"The {noun} are about {how} the training {noun.split()[1]}{_ranges(shift)}."


def _about_range(compared: ComparisonFacts, shift: ShiftFacts, noun: str, ratio: float) -> str:
    if shift.train_low is None or shift.train_high is None:
        return ""
    if shift.low is None or shift.high is None:
        return ""
    train = _standard_range(shift.train_low, shift.train_high)
    validation = _standard_range(shift.low, shift.high)
    if train and validation:
        is_other = train != validation and _is_same_form(compared, shift)
    else:
        is_other = _is_unlike(
            shift.train_standardized, shift.standardized, validation, shift, ratio
        )
        is_other |= _is_unlike(shift.standardized, shift.train_standardized, train, shift, ratio)
    if not is_other:
        return ""
    return f"The {noun} are scaled differently from the training {noun.split()[1]}{_ranges(shift)}."


def _is_unlike(
    one: float | None,
    other: float | None,
    range_of_other: tuple[float, float] | None,
    shift: ShiftFacts,
    ratio: float,
) -> bool:
    """Return whether the one data is standardized, and the other is not, by far."""
    if one is None or other is None or one < MOST or other > FEW:
        return False
    return range_of_other is not None or (shift.largest_ratio or 1.0) >= ratio


def _continues(shift: ShiftFacts) -> bool:
    """Return whether the validation data begins where the training data ends."""
    if shift.train_low is None or shift.train_high is None:
        return False
    if shift.low is None or shift.high is None:
        return False
    span = min(shift.train_high - shift.train_low, shift.high - shift.low)
    near = ADJACENT * span
    rises = abs(shift.low - shift.train_high) <= near and shift.high > shift.train_high
    falls = abs(shift.high - shift.train_low) <= near and shift.low < shift.train_low
    return span > 0 and (rises or falls)


def _about_trend(
    history: History, target: str, shift: ShiftFacts, noun: str, limit: float
) -> list[Finding]:
    if (shift.offset or 0.0) < min(limit, FAR) or not is_worse(history, WORSE):
        return []
    return [
        _trend(
            target,
            shift,
            f"The {noun} continue beyond the training {noun.split()[1]}{_ranges(shift)}. "
            "The network was not trained on such values.",
        )
    ]


def _about_drift(history: History, target: str, shift: ShiftFacts, noun: str) -> list[Finding]:
    offset = shift.offset or 0.0
    if offset < DRIFT or not is_worse(history, WORSE):
        return []
    return [
        _trend(
            target,
            shift,
            f"The {noun} are {number(offset, 2)} standard deviations away from the training "
            f"{noun.split()[1]}{_ranges(shift)}. The targets moved as well, as in a series whose "
            "level changes over time.",
        )
    ]


def _trend(target: str, shift: ShiftFacts, message: str) -> Finding:
    return Finding(
        rule="validation_prepared_differently",
        severity=Severity.NOTE,
        target=target,
        message=message,
        evidence={"offset": shift.offset},
        remedies=(REMOVE_TREND,),
        reference="Rabanser et al., Failing Loudly, arXiv:1810.11953",
    )


def _standard_range(low: float, high: float) -> tuple[float, float] | None:
    for ends in STANDARD_RANGES:
        near = NEAR_END * (ends[1] - ends[0])
        if abs(low - ends[0]) <= near and abs(high - ends[1]) <= near:
            return ends
    return None


def _is_same_form(compared: ComparisonFacts, shift: ShiftFacts) -> bool:
    counts = (compared.train_examples, compared.validation_examples)
    chance = CHANCE * math.sqrt(sum(1 / count for count in counts if count))
    return shift.misfit is not None and shift.misfit <= MAX_MISFIT + min(MOST_CHANCE, chance)


def _about_offset(history: History, shift: ShiftFacts, noun: str, limit: float) -> str:
    offset = shift.offset
    if offset is None or offset < min(limit, FAR):
        return ""
    if offset < limit and not is_worse(history, WORSE):
        return ""
    return (
        f"The {noun} are {number(offset, 3)} standard deviations away from the training "
        f"{noun.split()[1]}{_ranges(shift)}."
    )


def _about_order(shift: ShiftFacts, noun: str) -> str:
    text = ORDERS.get(shift.order or "")
    return f"{text.format(name=noun)}: put back, they match the training data." if text else ""


def _about_tokens(shift: ShiftFacts) -> str:
    new, within = shift.unseen_fraction, shift.unseen_within
    if new is None or within is None or new < NEW_TOKENS or within > KNOWN_TOKENS:
        return ""
    return (
        f"{percent(new)} of the tokens in the validation inputs do not occur in the training "
        f"inputs. Between two halves of the training inputs it is {percent(within)}."
    )


def _about_words(compared: ComparisonFacts) -> str:
    within, across = compared.word_error_within, compared.word_error
    constant = compared.word_constant_error
    if within is None or across is None or constant is None or constant < MIN_CONSTANT:
        return ""
    low = wilson_lower_bound(across, compared.word_examples)
    if within > PREDICTS * constant or low <= AT_CHANCE * constant:
        return ""
    return (
        "The token ids of the validation inputs seem to stand for other words than in the "
        "training inputs. A classifier on tokens is wrong for "
        f"{percent(within)} of held-out training examples, but for {percent(across)} of the "
        "validation examples."
    )


def _ranges(shift: ShiftFacts) -> str:
    """Return the ranges of both, as the end of a sentence."""
    ends = (shift.low, shift.high, shift.train_low, shift.train_high)
    if None in ends:
        return ""
    low, high, train_low, train_high = (number(end, 3) for end in ends if end is not None)
    return f": [{low}, {high}] instead of [{train_low}, {train_high}]"


def _finding(history: History, target: str, shift: ShiftFacts, message: str) -> Finding:
    known = {
        "size_ratio": shift.size_ratio,
        "offset": shift.offset,
        "order": shift.order,
        "unseen_tokens": shift.unseen_fraction,
    }
    return Finding(
        rule="validation_prepared_differently",
        severity=Severity.WARNING if costs(history) else Severity.NOTE,
        target=target,
        message=message,
        evidence={name: value for name, value in known.items() if value is not None},
        remedies=(_prepare_alike(target), *_inside(target, shift)),
        reference="Rabanser et al., Failing Loudly, arXiv:1810.11953",
    )


def _prepare_alike(target: str) -> Remedy:
    name = target[0].replace("i", "x").replace("t", "y")
    return Remedy(
        "Preprocess validation data like training data: the same functions, the same statistics.",
        f"print({name}.dtype, {name}.min(), {name}.max(), {name}.mean())\n"
        f"print({name}_val.dtype, {name}_val.min(), {name}_val.max(), {name}_val.mean())  "
        f"# {name}_val: your validation {target.split('[')[0]}",
        no_change_because=SPLIT,
    )


def _inside(target: str, shift: ShiftFacts) -> list[Remedy]:
    if target.startswith("targets") or shift.order or shift.unseen_fraction is not None:
        return []
    return [
        Remedy(
            "Or scale inside the model, and pass both to `fit` unscaled.",
            change=StandardizeInputs(),
        )
    ]
