"""Every measured quantity, defined once: what it is of, its unit, title, scale, computation.

The history refuses a name that is not defined here, so that a typing error is an error and not a
silent rule. `docs/quantities.md`, the heat maps, the histograms in TensorBoard and the titles of
all charts come from these definitions. A third party defines its own with `register_quantity`.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import functools
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType

from keras_babysit.errors import UnknownQuantityError


class Of(enum.StrEnum):
    """What a quantity is measured of: its target."""

    LAYER = "layer"
    """A layer; the target is its path."""
    WEIGHT = "weight"
    """A trainable variable; the target is its name, e.g. `"dense/kernel"`."""
    DATA = "data"
    """One array of a batch; the target is `"inputs[0]"`, `"targets[0]"` and so on."""
    OUTPUT = "output"
    """An output of the model; the target is `"outputs[0]"` and so on."""
    SPLIT = "split"
    """The training or the validation data; the target is `"train"` or `"validation"`."""
    RUN = "run"
    """The whole model at one moment of the run; the target is `""`."""
    UNKNOWN = "unknown"
    """Of a quantity that a recording holds and this process does not define."""


class Scale(enum.StrEnum):
    """How a quantity is drawn."""

    LINEAR = "linear"
    """From its smallest value to its largest."""
    LOG = "log"
    """By its logarithm: its values are positive and span orders of magnitude."""
    FRACTION = "fraction"
    """From 0 to 1."""


@dataclass(frozen=True)
class Quantity:
    """The definition of one measured quantity, or of a family of them.

    Args:
        name: `"group/what"`, e.g. `"activations/std"`. A `*` after the slash stands for any text
            and makes it a family: `"score/*"` covers every metric.
        of: What it is measured of: an `Of`, or its text, e.g. `"layer"`.
        title: The name for people, which leads in charts; a `*` in it is what the `*` of the name
            stands for.
        computed: How it is computed, on one line.
        unit: Its unit; `""` for a pure number and for what has the unit of the data.
        scale: How it is drawn: a `Scale`, or its text, e.g. `"log"`.
        per_unit: Whether it is a vector with one entry per unit, not a number.
        has_histogram: Whether TensorBoard gets a histogram of its units; only where `per_unit`.

    Raises:
        ValueError: If the name is not `"group/what"`, if `title` or `computed` is not one line of
            text, if `of` or `scale` is not known, or if a number is to have a histogram.

    Example:
        >>> quantity = Quantity("mine/rank", "weight", "Effective rank", "entropy of the spectrum")
        >>> quantity.group, quantity.of, quantity.scale
        ('mine', <Of.WEIGHT: 'weight'>, <Scale.LINEAR: 'linear'>)
    """

    name: str
    of: Of | str
    title: str
    computed: str
    _: KW_ONLY
    unit: str = ""
    scale: Scale | str = Scale.LINEAR
    per_unit: bool = False
    has_histogram: bool = False

    def __post_init__(self) -> None:
        group, _, what = self.name.partition("/")
        if not group or not what or "*" in group or what.count("*") > 1:
            raise ValueError(
                'Argument `name` must be "group/what", with at most one * after the slash. '
                f"Received: name={self.name!r}"
            )
        for field in ("title", "computed"):
            text = getattr(self, field)
            if len(text.splitlines()) != 1 or not text.strip():
                raise ValueError(
                    f"Argument `{field}` must be one line of text. Received: {field}={text!r}"
                )
        for field, kind in (("of", Of), ("scale", Scale)):
            object.__setattr__(self, field, _member_of(kind, field, getattr(self, field)))
        if self.has_histogram and not self.per_unit:
            raise ValueError(
                "Argument `has_histogram` must be False for a quantity that is one number. "
                "Received: has_histogram=True, per_unit=False. Set `per_unit=True`."
            )

    @property
    def group(self) -> str:
        """What stands before the slash, e.g. `"activations"`."""
        return self.name.partition("/")[0]

    @property
    def is_family(self) -> bool:
        """Whether it covers every name that fits its pattern."""
        return "*" in self.name

    @property
    def heading(self) -> str:
        """The title with the unit, as charts show it."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def _member_of(kind: type[enum.StrEnum], field: str, value: str) -> enum.StrEnum:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(one.value) for one in kind if one is not Of.UNKNOWN)
        raise ValueError(
            f"Argument `{field}` must be one of {known}. Received: {field}={value!r}"
        ) from None


_defined: dict[str, Quantity] = {}

QUANTITIES: Mapping[str, Quantity] = MappingProxyType(_defined)
"""All definitions by name, a family under its pattern: those of the package, then the others'."""


def get(name: str) -> Quantity:
    """Return the definition of a quantity.

    Args:
        name: The whole name, e.g. `"activations/std"` or `"score/accuracy"`.

    Raises:
        UnknownQuantityError: If neither a quantity nor a family of that name is defined.

    Example:
        >>> get("score/accuracy").title
        'accuracy'
        >>> get("activations/dead_fracton")
        Traceback (most recent call last):
        keras_babysit.errors.UnknownQuantityError: Unknown quantity 'activations/dead_fracton'. ...
    """
    found = _defined.get(name) or _in_a_family(name)
    if found is None:
        nearest = difflib.get_close_matches(name, _defined, n=1, cutoff=0.0)
        raise UnknownQuantityError(
            f"Unknown quantity {name!r}. The nearest known name is {nearest[0]!r}. Define a "
            "quantity of your own with keras_babysit.register_quantity."
        )
    return found


def describe(name: str) -> Quantity:
    """Return the definition of a quantity; one that is not defined here is spelled out.

    A recording may hold what only the process that wrote it defines, or another version.

    Example:
        >>> describe("gradients/norm").title, describe("mine/rank_of_kernel").title
        ('Gradient norm', 'Mine: rank of kernel')
    """
    found = _defined.get(name) or _in_a_family(name)
    if found is not None:
        return found
    group, _, what = name.partition("/")
    title = f"{group}: {what}" if what else group
    return _named(_OPAQUE, name, title.replace("_", " ").capitalize())


def register_quantity(quantity: Quantity, *, replace: bool = False) -> None:
    """Define a quantity of your own, so that a history takes it and charts can name it.

    Call it where your rule or probe is imported. To define it again in the same way does nothing.
    A recording needs no definition to be read: there an undefined name is spelled out.

    Args:
        quantity: The definition.
        replace: Whether to replace an earlier definition of your own, as in a notebook.

    Raises:
        ValueError: If the name is defined in another way already, and, even with `replace`, if
            the package itself defines it; or if `of` is `"unknown"`.

    Example:
        >>> register_quantity(
        ...     Quantity("mine/rank", "weight", "Effective rank", "entropy of the spectrum")
        ... )
        >>> get("mine/rank").title
        'Effective rank'
    """
    name = quantity.name
    if quantity.of is Of.UNKNOWN:
        raise ValueError(f"A registered quantity must say what it is of. Received: {quantity}")
    known = _defined.get(name)
    if known == quantity:
        return
    if any(name == one.name for one in SHIPPED):
        raise ValueError(
            f"A quantity of the package cannot be redefined. Received: name={name!r}. "
            "Use a group of your own, as in 'mine/what'."
        )
    if known is not None and not replace:
        raise ValueError(
            f"A quantity can be defined in one way only. Received: name={name!r}, defined as "
            f"{known.title!r} and as {quantity.title!r}. Pass `replace=True` to replace it."
        )
    _defined[name] = quantity
    _in_a_family.cache_clear()


@functools.lru_cache(maxsize=1024)
def _in_a_family(name: str) -> Quantity | None:
    """Return the definition of a member of a family; the longest pattern that fits wins."""
    families = [one for one in list(_defined.values()) if one.is_family]
    for family in sorted(families, key=lambda one: len(one.name), reverse=True):
        before, _, after = family.name.partition("*")
        fits = name.startswith(before) and name.endswith(after)
        if fits and len(name) >= len(before) + len(after):
            what = name[len(before) : len(name) - len(after)]
            return _named(family, name, family.title.replace("*", what))
    return None


def _named(quantity: Quantity, name: str, title: str) -> Quantity:
    """Return a definition under the name of a metric or of a recording, which may be any text."""
    named = dataclasses.replace(quantity, title=" ".join(title.split()) or "?")
    object.__setattr__(named, "name", name)
    return named


_OPAQUE = Quantity("unknown/*", Of.UNKNOWN, "*", "not defined in this process")

SHIPPED = (
    # The run.
    Quantity(
        "loss/start",
        Of.RUN,
        "Loss before the first step",
        "loss of the first batch before any step; with tiny batches the median of the first few",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/batch",
        Of.RUN,
        "Batch loss",
        "loss of the measured batch as it is trained on, weight penalty included",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/penalty",
        Of.RUN,
        "Weight penalty",
        "sum of the weight regularizers; part of the batch loss",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/added",
        Of.RUN,
        "Losses added by layers",
        "sum of what layers add in their call (`add_loss`, activity regularizers); part of the "
        "batch loss; only where a layer adds any",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/constant",
        Of.RUN,
        "Loss of a constant prediction",
        "loss of the measured batch if every example gets the mean output over the batch; not with "
        "a `compute_loss` of one's own",
        scale=Scale.LOG,
    ),
    Quantity(
        "losses/*",
        Of.RUN,
        "*, of one step",
        "a loss of the measured batch that a training step of the user's returns, or that a layer "
        "adds",
        scale=Scale.LOG,
    ),
    Quantity(
        "optimizer/learning_rate",
        Of.RUN,
        "Learning rate",
        "as used in the step",
        scale=Scale.LOG,
    ),
    Quantity(
        "optimizer/headroom",
        Of.RUN,
        "Headroom of the learning rate",
        "smallest multiple of the optimizer's own next update at which the loss of the same batch, "
        "in training mode, is above its value before the step: below 1 the step overshoots; 32 "
        "stands for 32 or more",
        scale=Scale.LOG,
    ),
    Quantity(
        "optimizer/headroom_low",
        Of.RUN,
        "Headroom of the learning rate, lower end",
        "lower end of the 95 % interval of the headroom over the examples of the batch",
        scale=Scale.LOG,
    ),
    Quantity(
        "optimizer/headroom_high",
        Of.RUN,
        "Headroom of the learning rate, upper end",
        "upper end of that interval",
        scale=Scale.LOG,
    ),
    Quantity(
        "optimizer/loss_scale",
        Of.RUN,
        "Loss scale",
        "factor of the loss in mixed precision; only where it is not 1",
        scale=Scale.LOG,
    ),
    Quantity(
        "logs/*",
        Of.RUN,
        "*, as reported by Keras",
        "what Keras reports at the end of an epoch: a running mean over changing weights, "
        "or `val_*` at the epoch's end",
    ),
    # Layers.
    Quantity(
        "activations/dead_fraction",
        Of.LAYER,
        "Dead units, fraction of the layer",
        "units whose gate was ~0 for every example of the recent measurements, over at least "
        "1,024 examples where the data has as many",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "activations/saturated_fraction",
        Of.LAYER,
        "Saturated units, fraction of the layer",
        "units that are flat, at either end, for more than half of the examples",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "activations/dead_piece_fraction",
        Of.LAYER,
        "Dead pieces, fraction of the maxout layer",
        "pieces that were the maximum for no recent example",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "activations/std",
        Of.LAYER,
        "Activation, standard deviation",
        "over all examples, positions and units of the output",
        scale=Scale.LOG,
    ),
    Quantity(
        "activations/mean",
        Of.LAYER,
        "Activation, mean",
        "over all examples, positions and units of the output",
    ),
    Quantity(
        "activations/spread",
        Of.LAYER,
        "Activation, standard deviation over the examples",
        "per unit over examples and positions, then the root mean square over the units: "
        "0 if every example gives the same output",
        scale=Scale.LOG,
    ),
    Quantity(
        "activations/nonfinite",
        Of.LAYER,
        "Activation, entries that are not finite",
        "entries of the output that are NaN or infinite",
        unit="entries",
    ),
    Quantity(
        "activations/slope_low",
        Of.LAYER,
        "PReLU, smallest slope",
        "least of the learnt slopes of the negative side",
    ),
    Quantity(
        "activations/slope_high",
        Of.LAYER,
        "PReLU, largest slope",
        "largest of the learnt slopes of the negative side",
    ),
    Quantity(
        "activations/gate",
        Of.LAYER,
        "Gate",
        "mean over the examples of the activation's slope, relative to its steepest",
        scale=Scale.FRACTION,
        per_unit=True,
        has_histogram=True,
    ),
    Quantity(
        "activations/gate_max",
        Of.LAYER,
        "Widest gate",
        "largest slope that any example had, relative to the steepest",
        scale=Scale.FRACTION,
        per_unit=True,
    ),
    Quantity(
        "activations/saturated_low",
        Of.LAYER,
        "Saturated at the low end, fraction of the examples",
        "examples for which a squashing unit is flat at its low end",
        scale=Scale.FRACTION,
        per_unit=True,
    ),
    Quantity(
        "activations/saturated_high",
        Of.LAYER,
        "Saturated at the high end, fraction of the examples",
        "examples for which a squashing unit is flat at its high end",
        scale=Scale.FRACTION,
        per_unit=True,
    ),
    Quantity(
        "activations/piece_share",
        Of.LAYER,
        "Maxout piece, fraction of the examples",
        "examples for which the piece is the maximum",
        scale=Scale.FRACTION,
        per_unit=True,
    ),
    Quantity(
        "normalization/mean_lag",
        Of.LAYER,
        "Batch norm, distance of the moving mean",
        "distance from the mean of the batch, root mean square over the channels",
        unit="standard deviations of the batch",
        scale=Scale.LOG,
    ),
    Quantity(
        "normalization/variance_lag",
        Of.LAYER,
        "Batch norm, distance of the moving variance",
        "mean over the channels of |ln(moving variance / variance of the batch)|",
        unit="natural logarithm",
        scale=Scale.LOG,
    ),
    Quantity(
        "attention/logit_max",
        Of.LAYER,
        "Attention, largest logit",
        "largest absolute product of query and key, scaled, of a few examples; masked ones left "
        "out",
        scale=Scale.LOG,
    ),
    Quantity(
        "attention/entropy",
        Of.LAYER,
        "Attention, entropy of a head",
        "mean over the queries of the entropy of the weights, relative to that of equal weights",
        scale=Scale.FRACTION,
        per_unit=True,
    ),
    Quantity(
        "embeddings/cut_fraction",
        Of.LAYER,
        "Embedding, indices with a fraction",
        "numbers that an Embedding layer gets and that are not whole: it cuts off their fraction",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "masks/fraction",
        Of.LAYER,
        "Masked steps",
        "steps of all examples that the mask of an Embedding or Masking layer leaves out",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "masks/hidden_fraction",
        Of.LAYER,
        "Masked steps between visible ones",
        "masked steps of those between the first and the last visible step of an example",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "masks/hiding_examples",
        Of.LAYER,
        "Examples with a masked step between visible ones",
        "examples in which a masked step lies between two visible ones",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "masks/empty_examples",
        Of.LAYER,
        "Examples that are masked throughout",
        "examples without any visible step",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "masks/visible_std",
        Of.LAYER,
        "Visible steps, standard deviation",
        "over all entries that a Masking layer leaves visible: 0 if they are all equal",
    ),
    Quantity(
        "normalization/averages_moved",
        Of.LAYER,
        "Batch norm, distance of the averages from their initial values",
        "Euclidean distance of the moving means from 0 and the moving variances from 1",
        scale=Scale.LOG,
    ),
    Quantity(
        "normalization/frozen_variance",
        Of.LAYER,
        "Frozen batch norm, variance of what it normalizes",
        "variance of the batch over the moving variance, mean over the channels: about 1 when the "
        "inputs are those that it was trained on",
        scale=Scale.LOG,
    ),
    Quantity(
        "normalization/frozen_shift",
        Of.LAYER,
        "Frozen batch norm, shift of what it normalizes",
        "distance of the batch mean from the moving mean, root mean square over the channels",
        unit="moving standard deviations",
        scale=Scale.LOG,
    ),
    Quantity(
        "weights/frozen_bias_norm",
        Of.LAYER,
        "Bias of a frozen layer, norm",
        "Euclidean norm: 0 as long as a bias of zeros was never trained",
        scale=Scale.LOG,
    ),
    # Weights.
    Quantity(
        "gradients/norm",
        Of.WEIGHT,
        "Gradient norm",
        "Euclidean norm of the gradient of the batch loss; not finite if an entry is not",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/left_out",
        Of.LAYER,
        "Added loss that the step leaves out",
        "loss that a layer of a trained network added in a training step of one's own, which never "
        "read it",
    ),
    Quantity(
        "loss/penalties_unread",
        Of.RUN,
        "Weight penalties that the step leaves out",
        "fraction of the updated weights with a penalty whose penalty a training step of one's own "
        "never computed",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "random/fixed_seed",
        Of.RUN,
        "Fixed seed of random numbers",
        "integer with which a function, the target, draws random numbers for each example in a "
        "training step of one's own",
    ),
    Quantity(
        "networks/input_mean",
        Of.RUN,
        "Input of a network, mean",
        "over all entries of one input of a network that a training step of one's own calls",
    ),
    Quantity(
        "networks/input_std",
        Of.RUN,
        "Input of a network, standard deviation",
        "over all entries of one input of a network that a training step of one's own calls",
    ),
    Quantity(
        "networks/input_spread",
        Of.RUN,
        "Input of a network, standard deviation over the examples",
        "root mean square over the entries of an example; 0 if all examples have the same input",
    ),
    Quantity(
        "networks/pair_order",
        Of.RUN,
        "Triplets, first and second embedding closer",
        "of a network that a step calls three times, fraction of the examples whose first and "
        "second output are closer than first and third; ties count half",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "networks/input_pair_order",
        Of.RUN,
        "Triplets, first and second input closer",
        "the same of its inputs",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "networks/equal_pairs",
        Of.RUN,
        "Triplets, anchor and positive equal",
        "of a network that a step calls three times, fraction of the examples whose first and "
        "second input are equal, and their outputs too",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "networks/label_order",
        Of.RUN,
        "Pairs, larger label closer",
        "of a network that a step calls twice, how often the outputs of a pair with the larger of "
        "two labels are closer than those of a pair with the smaller one; ties count half",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "networks/input_label_order",
        Of.RUN,
        "Pairs, larger label closer as inputs",
        "the same of its inputs",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "pairs/equal_closer",
        Of.OUTPUT,
        "Pairs that count as equal, closer as inputs",
        "where an output is a distance of two inputs, how often the inputs of a pair are closer "
        "whose label is the one for which the loss takes equal inputs as right; ties count half",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "networks/input_size",
        Of.RUN,
        "Input of a network, entries of an example",
        "number of entries of one example of one input of a network that a training step of one's "
        "own calls",
    ),
    Quantity(
        "code/noise_first",
        Of.RUN,
        "Noise of a code, first entry",
        "of (z - mean) / exp(log_variance / 2), for the outputs of two linear layers, the target, "
        "and a tensor z of their shape that a later layer receives",
    ),
    Quantity(
        "code/noise_mean",
        Of.RUN,
        "Noise of a code, mean",
        "the same, mean over all entries",
    ),
    Quantity(
        "code/noise_std",
        Of.RUN,
        "Noise of a code, standard deviation",
        "the same, standard deviation over all entries",
    ),
    Quantity(
        "code/divergence_alone",
        Of.RUN,
        "Variance of a code is trained by the divergence alone",
        "for a linear layer whose output is decoded as it is, cosine between the gradient of "
        "another one on the same input and that of the divergence from a normal prior",
    ),
    Quantity(
        "averages/lag",
        Of.RUN,
        "Distance of an average from its network",
        "norm of the difference between the weights of a network that no optimizer updates and of "
        "a trained one of the same shapes, before or after a step, whichever is larger, by that of "
        "the update; d / (1 - d) for a moving average of decay d whose updates do not change",
    ),
    Quantity(
        "averages/norm",
        Of.RUN,
        "Norm of an average",
        "norm of all weights of a network that no optimizer updates, after a step",
    ),
    Quantity(
        "averages/untrained_copy",
        Of.RUN,
        "Average is an untrained copy",
        "1 if that network has the weights of the trained one, and all its vectors are 0 or 1 as "
        "before any training, else 0",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "gradients/applied_before",
        Of.RUN,
        "Gradients that were applied before",
        "1 if the gradients of a step contain those of an earlier step, which its optimizer has "
        "applied already, else 0; on PyTorch, in a training step of one's own",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "metrics/updates",
        Of.RUN,
        "Updates of a metric that Keras does not reset",
        "values in a mean that a training step of one's own returns and that is not among the "
        "metrics of the model, before the step",
        scale=Scale.LOG,
    ),
    Quantity(
        "updates/ratio",
        Of.WEIGHT,
        "Update ratio of one step",
        "norm of the change by one real step, relative to the norm of the weight (of a large "
        "one about 65,000 entries); about 1e-3 when healthy",
        scale=Scale.LOG,
    ),
    Quantity(
        "updates/unchanged_fraction",
        Of.WEIGHT,
        "Entries that a step leaves unchanged, fraction of the weight",
        "entries with the very same value before and after one real step; only of weights in half "
        "precision",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "weights/norm",
        Of.WEIGHT,
        "Weight norm",
        "Euclidean norm; not finite if an entry is not",
        scale=Scale.LOG,
    ),
    Quantity(
        "weights/unit_spread",
        Of.WEIGHT,
        "Distance of the units from their mean",
        "norm of a kernel less the mean of its units, relative to its norm; only of kernels "
        "whose units began equal",
        scale=Scale.LOG,
    ),
    # Data and outputs.
    *(
        quantity
        for group, noun in (("inputs", "Input"), ("targets", "Target"))
        for quantity in (
            Quantity(f"{group}/mean", Of.DATA, f"{noun}, mean", "over the array in the batch"),
            Quantity(
                f"{group}/std",
                Of.DATA,
                f"{noun}, standard deviation",
                "over the array in the batch",
                scale=Scale.LOG,
            ),
            Quantity(
                f"{group}/nonfinite",
                Of.DATA,
                f"{noun}, entries that are not finite",
                "entries of the array in the batch that are NaN or infinite",
                unit="entries",
            ),
            Quantity(
                f"{group}/nonfinite_example",
                Of.DATA,
                f"{noun}, first example that is not finite",
                "its index in the batch; only of batches that hold one",
                unit="index",
            ),
        )
    ),
    Quantity(
        "outputs/mean", Of.OUTPUT, "Output, mean", "over the examples and columns of the batch"
    ),
    Quantity(
        "outputs/std",
        Of.OUTPUT,
        "Output, standard deviation",
        "over the examples and columns of the batch",
        scale=Scale.LOG,
    ),
    Quantity(
        "outputs/spread",
        Of.OUTPUT,
        "Output, standard deviation over the examples",
        "per column over the examples, then the root mean square over the columns",
        scale=Scale.LOG,
    ),
    Quantity("outputs/min", Of.OUTPUT, "Output, minimum", "over the batch"),
    Quantity("outputs/max", Of.OUTPUT, "Output, maximum", "over the batch"),
    Quantity(
        "inference/batch_dependence",
        Of.OUTPUT,
        "Dependence on the rest of the batch",
        "largest change of an output, in inference mode, when the other examples of its batch "
        "change",
        unit="standard deviations of the output",
        scale=Scale.LOG,
    ),
    Quantity(
        "inference/later_inputs",
        Of.OUTPUT,
        "Dependence on later steps",
        "largest change of an output at a step when only later steps of the input change; only "
        "where the target is the next step of the input",
        unit="standard deviations of the output",
        scale=Scale.LOG,
    ),
    Quantity(
        "inference/later_than_target",
        Of.OUTPUT,
        "Dependence on steps after the target",
        "the same where the target is the token of the same step of the input: 0 if the model sees "
        "its target and nothing after it",
        unit="standard deviations of the output",
        scale=Scale.LOG,
    ),
    Quantity(
        "inference/order",
        Of.OUTPUT,
        "Dependence on the order",
        "largest change of an output when the steps of the input are permuted, and those of the "
        "output with them; only of models with attention layers",
        unit="standard deviations of the output",
        scale=Scale.LOG,
    ),
    Quantity(
        "padding/loss_change",
        Of.OUTPUT,
        "Change of the loss with the answers on padding",
        "change of the loss, as a fraction of it, when only the predictions on padded steps "
        "change: 0 if padding does not count",
        scale=Scale.LOG,
    ),
    # Scores of training and validation data.
    Quantity(
        "score/*",
        Of.SPLIT,
        "*",
        "the metric, in inference mode with the same weights, on up to 1,024 examples each of "
        "training and validation data",
    ),
    Quantity(
        "score/*_stderr",
        Of.SPLIT,
        "*, standard error",
        "standard error of the score over its slices",
    ),
    Quantity(
        "score/loss",
        Of.SPLIT,
        "loss",
        "as the other scores; without the weight penalty",
        scale=Scale.LOG,
    ),
    Quantity(
        "score/error",
        Of.SPLIT,
        "error rate, or unexplained variance",
        "fraction of wrong answers, or of unexplained variance (for absolute error and Huber: of "
        "what the best constant leaves), from loss, targets and predictions; not where labels are "
        "mixed or the loss is not known; examples of weight 0 are left out",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "score/error_stderr",
        Of.SPLIT,
        "error rate, or unexplained variance, standard error",
        "standard error of `score/error` over the examples",
    ),
    Quantity(
        "predictions/largest_share",
        Of.SPLIT,
        "Most frequent predicted class, fraction of the examples",
        "largest count of a predicted class",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "predictions/targets_largest_share",
        Of.SPLIT,
        "Most frequent true class, fraction of the examples",
        "largest count of a true class",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "predictions/spread",
        Of.SPLIT,
        "Predictions, standard deviation",
        "of predicted numbers: per column over the examples, then the root mean square",
        unit="standard deviations of the targets",
    ),
    Quantity(
        "predictions/auc",
        Of.SPLIT,
        "Area under the ROC curve",
        "fraction of pairs of a positive and a negative example that are ranked correctly; of "
        "several labels over the pairs of all",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "predictions/recall",
        Of.SPLIT,
        "Recall of rare positives",
        "fraction of the positives that are predicted as such, of all labels and positions "
        "together; only where at most a tenth are positive",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "predictions/auc_stderr",
        Of.SPLIT,
        "Area under the ROC curve, standard error",
        "standard error of the area where the ranking is random",
    ),
    Quantity(
        "reference/network_error",
        Of.SPLIT,
        "Error of the network, examples weighted",
        "`score/error` with examples weighted as in the loss; only where their weights differ",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "reference/network_error_stderr",
        Of.SPLIT,
        "Error of the network, examples weighted, standard error",
        "standard error over the examples",
    ),
    Quantity(
        "reference/constant_error",
        Of.SPLIT,
        "Error of the best constant prediction",
        "examples weighted as in the loss; not where a few outweigh all others",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "reference/constant_advantage",
        Of.SPLIT,
        "Advantage over a constant prediction",
        "error of the best constant prediction minus that of the network, per example, then the "
        "mean: above 0 the network is better",
    ),
    Quantity(
        "reference/constant_advantage_stderr",
        Of.SPLIT,
        "Advantage over a constant prediction, standard error",
        "standard error over the examples",
    ),
    Quantity(
        "reference/neighbour_error",
        Of.SPLIT,
        "Error of the 5-nearest-neighbour baseline",
        "each example left out of its own vote; training data only",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "reference/neighbour_advantage",
        Of.SPLIT,
        "Advantage of the 5-nearest-neighbour baseline",
        "error of the network minus that of the baseline, per example, then the mean: above 0 "
        "the baseline is better",
    ),
    Quantity(
        "reference/neighbour_advantage_stderr",
        Of.SPLIT,
        "Advantage of the 5-nearest-neighbour baseline, standard error",
        "standard error over the examples",
    ),
    Quantity(
        "inputs/rms",
        Of.DATA,
        "Size of a batch of inputs",
        "root mean square of the entries of up to 64 examples of one batch",
        scale=Scale.LOG,
    ),
    Quantity(
        "inputs/spread",
        Of.DATA,
        "Spread of a batch of inputs",
        "standard deviation over up to 64 examples of one batch, root mean square of the entries",
        scale=Scale.LOG,
    ),
    Quantity(
        "targets/most_frequent",
        Of.DATA,
        "Most frequent target of a batch",
        "fraction of up to 64 examples of one batch that have the most frequent target",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "reference/last_value_error",
        Of.SPLIT,
        "Error of the last value",
        "of repeating the last value of the input; only where the inputs are windows of a series",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "reference/last_value_advantage",
        Of.SPLIT,
        "Advantage of the last value",
        "error of the network minus that of the last value, per example, then the mean: above 0 "
        "the last value is better",
    ),
    Quantity(
        "reference/last_value_advantage_stderr",
        Of.SPLIT,
        "Advantage of the last value, standard error",
        "standard error over the examples",
    ),
    Quantity(
        "targets/unseen_share",
        Of.SPLIT,
        "Unseen classes, fraction of the validation examples",
        "validation examples whose class is less than a tenth as frequent in the training data",
        scale=Scale.FRACTION,
    ),
    Quantity(
        "targets/unvalidated_share",
        Of.SPLIT,
        "Unvalidated classes, fraction of the training examples",
        "training examples whose class does not occur in the validation data",
        scale=Scale.FRACTION,
    ),
    # What `check` measures before training.
    Quantity(
        "loss/initial",
        Of.RUN,
        "Initial loss",
        "`check`: loss of the model as it is given, penalties off",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/chance",
        Of.RUN,
        "Loss at chance",
        "`check`: loss of a prediction that ignores the inputs",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/label_frequencies",
        Of.RUN,
        "Loss of the label frequencies",
        "`check`: loss of predicting the frequency of each class",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/penalty_on",
        Of.RUN,
        "Loss with penalties",
        "`check`: loss of the model as it is given",
        scale=Scale.LOG,
    ),
    Quantity(
        "loss/penalty_off",
        Of.RUN,
        "Loss without penalties",
        "`check`: the same with every regularizer and `add_loss` off",
        scale=Scale.LOG,
    ),
    Quantity(
        "overfit/loss",
        Of.RUN,
        "Lowest loss on a few examples",
        "`check`: after training a copy of the model on a handful of examples",
        scale=Scale.LOG,
    ),
    Quantity(
        "modes/difference",
        Of.RUN,
        "Difference of training and inference mode",
        "`check`: distance of the mean output in training mode from that in inference mode",
        unit="standard deviations of the output",
        scale=Scale.LOG,
    ),
    Quantity(
        "modes/noise",
        Of.LAYER,
        "Noise added in training mode",
        "`check`: mean square of what a random layer changes",
        unit="mean square of its input",
        scale=Scale.LOG,
    ),
    Quantity(
        "signal/std",
        Of.LAYER,
        "Signal at the start, standard deviation",
        "`check`: of the layer's units over the examples, before training",
        scale=Scale.LOG,
    ),
    Quantity(
        "signal/gradient_norm",
        Of.LAYER,
        "Gradient at the start, norm",
        "`check`: of the loss with respect to the layer's output, before training",
        scale=Scale.LOG,
    ),
    Quantity(
        "gradients/relative_error",
        Of.WEIGHT,
        "Relative error of the gradient",
        "`check`: largest difference of the analytic from the numeric gradient",
        scale=Scale.LOG,
    ),
)
"""What the package itself measures, in the order of the docs."""

_defined.update({quantity.name: quantity for quantity in SHIPPED})
