"""What is known of a run and does not change from step to step, as frozen dataclasses.

The probes fill in a `RunFacts`, rules, sinks and the dashboard read it. Every field has a default
that means "not known", so that rules can judge a run of which little is known, and so that a
record that another version wrote can still be read.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

VERSION = 2
"""Version of what `RunFacts.to_json` writes; the first one was a nested dictionary."""

Role = Literal["hidden", "output"]
ActivationKind = Literal["rectifier", "squashing", "open"]
Form = Literal["categorical", "binary", "margin", "distance", "other"]
Distance = Literal["squared", "absolute", "huber", "squared_logarithmic"]
Demands = Literal["not_negative", "not_zero", "several"]
Reduction = Literal["mean", "sum"]
CallbackAction = Literal["stops", "saves", "lowers_learning_rate"]
Extreme = Literal["min", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFacts:
    """One layer that is measured.

    Args:
        class_name: Name of its class, e.g. `"Dense"`.
        activation: Name of its activation; None if it has none, a linear one, or if not known.
        activation_kind: `"rectifier"` if the activation is flat on one side, `"squashing"` if on
            both, `"open"` if on none; None if it does not work entry by entry, or is not known.
        role: `"output"` for the last layer with weights and all after it, else `"hidden"`.
        units: Size of its output, or number of its filters.
        parameters: Number of its weights' entries.
        momentum: Of a batch normalization: how slowly its averages follow, in [0, 1].
        normalized: Of a layer or group normalization, or of a `Normalization` over all columns
            together: the values of an example that share a mean or a scale; None if not known.
        steps: Steps of the sequences that a recurrent, convolutional or attention layer gets.
        is_masked: Whether a recurrent layer gets a mask with them.
        reads_last: Whether a recurrent layer returns only what it holds after the last step.
        is_stateful: Whether a recurrent layer goes on where the batch before ended.
        image: Height and width of the images that a two-dimensional convolution gets.
        channels: Their number of channels.
        network: Name of the network that it belongs to, among several that a training step of the
            user's calls one by one, as a generator and a discriminator; None if there is one.
    """

    class_name: str | None = None
    activation: str | None = None
    activation_kind: ActivationKind | None = None
    role: Role | None = None
    units: int | None = None
    parameters: int | None = None
    momentum: float | None = None
    normalized: int | None = None
    steps: int | None = None
    is_masked: bool | None = None
    reads_last: bool | None = None
    is_stateful: bool | None = None
    image: tuple[int, ...] | None = None
    channels: int | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFacts:
    """One trainable weight.

    Args:
        layer: Path of the layer it belongs to.
        size: Number of its entries, 0 if not known.
        is_kernel: Whether it mixes the units that go in, as a matrix does and a bias does not.
        has_unknown_gradient: Whether a real step moved it although its measured gradient is 0: the
            measurement does not reach it.
        dtype: Name of its data type, e.g. `"float32"`.
    """

    layer: str | None = None
    size: int = 0
    is_kernel: bool = False
    has_unknown_gradient: bool = False
    dtype: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFacts:
    """One output of the model and its loss.

    Args:
        target: Path of the layer that makes it, `""` if not known.
        form: What its loss expects: `"categorical"` (one class of many), `"binary"` (yes or no),
            `"margin"` (a hinge), `"distance"` (a number), or `"other"`, which may be anything.
        from_logits: Whether a categorical or binary loss expects logits.
        is_sparse: Whether a categorical loss expects class numbers, not one-hot rows.
        normalizes: Whether a categorical loss divides probabilities by their sum, as Keras' do.
        distance: How the residual of a number counts in the loss: `"squared"`, `"absolute"`,
            `"huber"` (squared up to `delta`, absolute beyond) or `"squared_logarithmic"`.
        delta: Residual from which on a Huber loss grows linearly, above 0.
        demands: What a loss of numbers asks of them beside being numbers: `"not_negative"`,
            `"not_zero"` of one that divides by the target, or `"several"` of one that compares
            directions.
        columns: Size of the output's last axis.
        shape: Shape of the output for one example.
        low: Least value that the last activation can give, -inf if there is no bound.
        high: Largest value that it can give, inf if there is no bound.
        is_distribution: Whether each row of the output is a distribution: in [0, 1], of sum 1.
        normalized_axes: Axes over which its values sum to 1, the examples being axis 0, where that
            is not the last axis alone; empty otherwise.
        label_smoothing: Fraction of each target that its loss replaces by the same probability for
            every class, in [0, 1].
        is_own: Whether the loss is a function of the user's, whose form was read off its values.
        mixes_examples: Whether each prediction meets the target of every example of the batch.
        prefers_errors: Whether a loss of the user's is lower for wrong answers than for right ones.
        falls_without_bound: Whether such a loss falls to minus infinity as the predictions leave
            the targets.
        not_finite_at: An output value within `low` and `high` at which such a loss, or its
            gradient, is not finite.
        is_swapped: Whether such a loss is a crossentropy with the prediction as the truth, and the
            truth as the prediction.
    """

    target: str = ""
    form: Form = "other"
    from_logits: bool | None = None
    is_sparse: bool = False
    normalizes: bool = True
    distance: Distance | None = None
    delta: float = 1.0
    demands: Demands | None = None
    columns: int | None = None
    shape: tuple[int, ...] | None = None
    low: float | None = None
    high: float | None = None
    is_distribution: bool | None = None
    normalized_axes: tuple[int, ...] = ()
    label_smoothing: float = 0.0
    is_own: bool = False
    mixes_examples: bool | None = None
    prefers_errors: bool | None = None
    falls_without_bound: bool | None = None
    not_finite_at: float | None = None
    is_swapped: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFacts:
    """One array of inputs, as far as it was kept; in the data's own units.

    Args:
        dtype: Name of its data type, e.g. `"float32"`.
        shape: Shape of one example.
        rms: Root mean square of its entries.
        low: Least entry.
        high: Largest entry.
        offset: How far off-center the columns are: the median over those that vary of the absolute
            mean over the standard deviation, a pure number.
        mean_over_std: The same of all columns together: the root mean square of their means over
            that of their standard deviations, of those that vary. One large column decides it.
        features: Number of columns, of a table only.
        constant_features: How many of its columns never change and are no background.
        first_constant: Index of the first of these.
        equal_fraction: Fraction of the examples that have one and the same input although their
            targets differ, in [0, 1]; None if that is not known, or no mistake.
        target_column: Index of a column that holds the target: its values and those of the target
            correspond one to one and in order.
        later_column: Index of a column, or of a feature of sequences, that is a function of targets
            before and after its row.
        code_column: Index of a column of few values that tell the target, but not by their size.
        code_values: How many different values it has.
        code_explains: Fraction of the variance of the target that these explain (omega squared).
        code_error: Error of a table of the mean target of each of them: the error rate for two
            classes, else the unexplained variance.
        marked_columns: How many of its columns hold a number that stands for missing values; of
            tables and of sequences of features only.
        first_marked: Index of the first of these.
        marker: The number in that column.
        marked_fraction: Fraction of the entries of that column that are the marker.
        unmarked_low: Least of its other entries.
        unmarked_high: Largest of its other entries.
        small_columns: How many columns of a table have an interquartile range below 1 % of the
            largest one, without those that are mostly one value.
        first_small: Index of the first of these.
        largest_column: Index of the column with the largest interquartile range.
        small_spread: Interquartile range of the first of these, as a fraction of the largest.
        small_unexplained: Unexplained variance of the target, fitted linearly on these columns
            alone, 1 if they say nothing of it; None if the target is not a single array.
        small_error_rate: Fraction of wrong classes of a linear model on these columns alone, in
            [0, 1]; None if the targets are not classes.
        is_whole: Whether every entry is a whole number; of sequences only.
        common_token: The most frequent token, padding apart; of sequences of whole numbers from 0
            on only.
        common_fraction: Fraction of the tokens that are this one, padding apart.
        is_wrapped: Whether they are 8-bit integers whose arithmetic wrapped around; None if there
            are too few entries.
        is_reshaped: Whether they are images with channels first that were reshaped to channels
            last; None if they are no colour images.
        padded_in_front: Fraction of all steps of sequences that are 0 before the data begin.
        padded_behind: Fraction of all steps of sequences that are 0 after the data end.
    """

    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    rms: float | None = None
    low: float | None = None
    high: float | None = None
    offset: float | None = None
    mean_over_std: float | None = None
    features: int | None = None
    constant_features: int | None = None
    first_constant: int | None = None
    equal_fraction: float | None = None
    target_column: int | None = None
    later_column: int | None = None
    code_column: int | None = None
    code_values: int | None = None
    code_explains: float | None = None
    code_error: float | None = None
    marked_columns: int | None = None
    first_marked: int | None = None
    marker: float | None = None
    marked_fraction: float | None = None
    unmarked_low: float | None = None
    unmarked_high: float | None = None
    small_columns: int | None = None
    first_small: int | None = None
    largest_column: int | None = None
    small_spread: float | None = None
    small_unexplained: float | None = None
    small_error_rate: float | None = None
    is_whole: bool | None = None
    common_token: int | None = None
    common_fraction: float | None = None
    is_wrapped: bool | None = None
    is_reshaped: bool | None = None
    padded_in_front: float | None = None
    padded_behind: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """One array of targets, as far as it was kept; in the data's own units.

    Args:
        dtype: Name of its data type, e.g. `"int64"`.
        shape: Shape of the target of one example.
        low: Least entry.
        high: Largest entry.
        percentile_1: The value below which 1 % of the entries lie.
        percentile_99: The value below which 99 % of the entries lie.
        columns: Entries of one target.
        mean: Mean of all entries.
        std: Standard deviation of all entries.
        sum_low: Least sum of the entries of one target.
        sum_high: Largest sum of the entries of one target.
        is_whole: Whether every entry is a whole number.
        is_binary: Whether every entry is 0 or 1.
        is_one_hot: Whether each target is a row of zeros with a single 1.
        largest_fraction: Fraction of the examples that are of the most frequent class, in [0, 1];
            None if the targets are no classes.
        stretch: Consecutive examples that were counted together to see whether the data are
            shuffled; None if there were too few.
        largest_fraction_of_stretch: Like `largest_fraction`, within one stretch, the mean of all.
        classes: The classes, ascending; empty if the targets are no classes, or more than 32.
        class_fractions: Fraction of the examples that are of each class, in [0, 1].
        class_weights: Mean weight of the examples of each class; empty without sample weights.
        on_padding: Fraction of the steps that lie on padded steps of an input, in [0, 1]; None if
            targets have no such steps, or differ there.
        padded_input: Index of that input.
        next_of_input: Index of the input whose next step is the target of each step; None if it is
            not so of any.
    """

    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    low: float | None = None
    high: float | None = None
    percentile_1: float | None = None
    percentile_99: float | None = None
    columns: int | None = None
    mean: float | None = None
    std: float | None = None
    sum_low: float | None = None
    sum_high: float | None = None
    is_whole: bool | None = None
    is_binary: bool | None = None
    is_one_hot: bool | None = None
    largest_fraction: float | None = None
    stretch: int | None = None
    largest_fraction_of_stretch: float | None = None
    classes: tuple[float, ...] = ()
    class_fractions: tuple[float, ...] = ()
    class_weights: tuple[float, ...] = ()
    on_padding: float | None = None
    padded_input: int | None = None
    next_of_input: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """The examples of training or validation data that were kept, in the order in which they came.

    Args:
        examples: How many were kept.
        different_examples: How many of them differ, counted up to 32.
        is_weighted: Whether they have sample weights.
        weight_low: Least sample weight.
        weight_high: Largest sample weight.
        inputs: The arrays of inputs.
        targets: The arrays of targets.
    """

    examples: int | None = None
    different_examples: int | None = None
    is_weighted: bool | None = None
    weight_low: float | None = None
    weight_high: float | None = None
    inputs: tuple[InputFacts, ...] = ()
    targets: tuple[TargetFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFacts:
    """One array of the validation data beside the same array of the training data.

    Sizes and offsets are the ends of their 99.7 % intervals that are nearest to no difference, so
    that a difference that chance explains is none.

    Args:
        size_ratio: Root mean square of the validation data over that of the training data, the
            median over the columns.
        largest_ratio: Factor by which one of ten columns differs in its root mean square, at least
            1.
        offset: Distance of the means in standard deviations of the training data, the median over
            the columns, at least 0.
        train_low: Least entry of the training data.
        train_high: Largest entry of the training data.
        low: Least entry of the validation data.
        high: Largest entry of the validation data.
        misfit: Largest difference of the two distribution functions of all entries, in [0, 1], once
            the range of the validation data is mapped to that of the training data.
        train_standardized: Fraction of the columns of the training data, of those that vary, that
            have about mean 0 and standard deviation 1.
        standardized: The same of the validation data.
        order: What must be done to the axes of the validation data to fit the training data:
            `"channels"`, `"columns"`, `"up-down"`, `"left-right"`, `"transposed"` or `"time"`; None
            if nothing fits better than the order they have.
        unseen_fraction: Of tokens, the fraction of those in the validation data that are not in the
            training examples, in [0, 1].
        unseen_within: The same of one half of the training examples beside the other.
    """

    size_ratio: float | None = None
    largest_ratio: float | None = None
    offset: float | None = None
    train_low: float | None = None
    train_high: float | None = None
    low: float | None = None
    high: float | None = None
    misfit: float | None = None
    train_standardized: float | None = None
    standardized: float | None = None
    order: str | None = None
    unseen_fraction: float | None = None
    unseen_within: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFacts:
    """The kept validation examples beside the kept training examples.

    Args:
        train_examples: Number of training examples.
        validation_examples: Number of validation examples.
        inputs: One comparison per array of inputs.
        targets: One per array of targets that are numbers.
        copies: Validation examples whose inputs are also those of a training example; None where
            inputs may be equal by chance.
        near_copies: Validation examples that are far closer to a training example than training
            examples are to each other, copies left out; None where that is not known.
        near_within: Training examples that are as close to another one.
        near_examples: Number of examples of either kind among which near copies were searched.
        between: Validation windows of a series that share at least half of their steps with a
            training window that begins earlier, and with one that begins later; None if the inputs
            are no windows.
        grouped: Validation examples with training examples in their group, where examples come in
            small groups of similar ones; None if they do not.
        grouped_examples: Number of validation examples among which these were searched.
        error_with_group: Error of the nearest training example on them: the fraction of wrong
            classes, or the unexplained variance.
        error_without_group: The same of the nearest training example of another group.
        group_stderr: Standard error of the difference of these errors.
        fitted_input: Index of the array of inputs with a column whose relation to the target of the
            training data is lost on the validation data.
        fitted_column: Index of this column.
        fitted_train: Fraction of the variance of the training targets that a line by this column
            explains.
        fitted_validation: Fraction of that of the validation targets that the same line explains.
        word_error_within: Of texts, the error rate of a naive Bayes classifier that is fitted to
            one half of the training examples, on the other half.
        word_error: Its error rate on the validation examples.
        word_constant_error: That of their most frequent class.
        word_examples: Number of validation examples on which these are counted.
        seen_before: Validation examples that the model was trained on in an earlier run of the same
            process, and not in this one; None if there was none, or if its weights changed since.
        earlier_part: Fraction of the training examples of that run that are known, in (0, 1].
        earlier_loss: Loss before the first step of that run.
    """

    train_examples: int | None = None
    validation_examples: int | None = None
    inputs: tuple[ShiftFacts, ...] = ()
    targets: tuple[ShiftFacts, ...] = ()
    copies: int | None = None
    near_copies: int | None = None
    near_within: int | None = None
    near_examples: int | None = None
    between: int | None = None
    grouped: int | None = None
    grouped_examples: int | None = None
    error_with_group: float | None = None
    error_without_group: float | None = None
    group_stderr: float | None = None
    fitted_input: int | None = None
    fitted_column: int | None = None
    fitted_train: float | None = None
    fitted_validation: float | None = None
    word_error_within: float | None = None
    word_error: float | None = None
    word_constant_error: float | None = None
    word_examples: int | None = None
    seen_before: int | None = None
    earlier_part: float | None = None
    earlier_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regularization:
    """What the model and its optimizer have against overfitting.

    Args:
        dropout: Rate of each dropout layer, in [0, 1).
        batch_normalizations: Number of batch normalization layers.
        penalized_weights: Number of weights with a penalty such as L2.
        weight_decay: Weight decay of the optimizer, 0 for none.
        augmentations: Names of the layers that change examples at random in training, such as
            `"random_flip"`.
    """

    dropout: tuple[float, ...] = ()
    batch_normalizations: int = 0
    penalized_weights: int = 0
    weight_decay: float = 0.0
    augmentations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFacts:
    """One callback of the run that stops it, saves the model or changes the learning rate.

    Args:
        class_name: Name of its class, e.g. `"EarlyStopping"`.
        action: What it does: `"stops"`, `"saves"` or `"lowers_learning_rate"`.
        monitor: What it monitors, as the logs name it; None if it monitors nothing.
        looks_for: The end that it takes for the better one: `"min"` or `"max"`.
        better: The better end of what it monitors, as the loss or the metric says.
        patience: Epochs without an improvement after which it acts.
        restores_best: Whether it puts back the weights of the epoch that it takes for the best, or
            saves the model of that epoch only.
    """

    class_name: str | None = None
    action: CallbackAction | None = None
    monitor: str | None = None
    looks_for: Extreme | None = None
    better: Extreme | None = None
    patience: int | None = None
    restores_best: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFacts:
    """The schedule of the learning rate, which counts optimizer steps.

    Args:
        class_name: Name of its class, e.g. `"CosineDecay"`.
        decay_steps: Steps after which it has decayed; None if it has no such number.
        done: Steps of the optimizer before this run: a second `fit` goes on where one ended.
        highest: Largest learning rate from step 0 to the end of the run.
        planned: The learning rate at the start of the run, after each tenth of it, and at its end;
            empty if the length of the run is not known.
    """

    class_name: str | None = None
    decay_steps: int | None = None
    done: int | None = None
    highest: float | None = None
    planned: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerFacts:
    """What is set in the optimizer beside the learning rate.

    Args:
        clipnorm: Largest norm of the gradient of one weight.
        clipvalue: Largest entry of a gradient.
        global_clipnorm: Largest norm of all gradients together.
        epsilon: What an adaptive optimizer adds to its denominator.
        accumulates: Steps whose gradients it sums before the weights change.
        momentum: Part of its velocity that an optimizer keeps per step; None for one without, or
            whose momentum is an average of gradients, as Adam's.
        nesterov: Whether a step is the one that the next velocity would make.
    """

    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    epsilon: float | None = None
    accumulates: int | None = None
    momentum: float | None = None
    nesterov: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What is known of a run; replaced as more becomes known (`History.note`), never changed.

    Args:
        started: When `fit` began, local time in ISO 8601, e.g. `"2026-03-01T14:05:00+01:00"`.
        model: Name of the model; None before the first measurement of a run.
        backend: Name of Keras' backend.
        versions: Version of each package by its name.
        optimizer: Name of the optimizer's class.
        learning_rate_schedule: Name of the class of the schedule that the optimizer holds; None if
            its learning rate is a number, or not known.
        loss: Name of the loss; of several outputs all names, separated by commas.
        batch_size: Examples of one step.
        epochs: Planned number of epochs.
        steps_per_epoch: Planned number of steps of an epoch.
        examples_per_epoch: Examples that one epoch takes.
        parameters: Number of the entries of all weights, frozen ones included.
        dtype_policy: Name of the model's policy, e.g. `"mixed_float16"`.
        is_made_of_layers: Whether the model computes with Keras' own layers only.
        linear_layers: Names of the layers with a kernel that are together one linear map of the
            inputs; empty if there are fewer than two, or if something between them is not linear.
        is_compiled: Whether the probes are compiled.
        layers: The measured layers by their path, in the order in which they are called.
        weights: The trainable weights by their name, in the order of the model; None if not known.
        untracked_weights: Paths of the trainable weights that the model uses although they do not
            belong to it, so that they are neither trained nor saved.
        frozen_adapters: Paths of the layers whose low-rank adapters (LoRA) are frozen; empty unless
            those of all layers are.
        has_own_step: Whether the model has a `train_step` of its own.
        leaves_out_penalties: Whether that step ignores the weight penalties of the layers; None
            without penalties, and where it is not known.
        optimizer_weights: Names of the weights that each optimizer updates, by the name of the
            optimizer; empty for a single one.
        outputs: The outputs of the model, in its order.
        loss_reduction: Whether the loss of a batch is the mean over its examples or their sum; None
            if it is neither, or not known.
        data: The training examples that were kept.
        validation: The validation examples that were kept.
        comparison: The latter beside the former.
        regularization: What the model has against overfitting.
        callbacks: The callbacks that stop the run, save it or lower its learning rate.
        optimizer_settings: What is set in the optimizer beside the learning rate.
        schedule: The schedule of the learning rate.
        optimizer_steps_before: Steps that the optimizer had done before this run; None for 0.
        optimizer_resets: Runs of this model in a row, up to this one, that went on with its weights
            but began with an optimizer that was reset.
        recurring_fraction: Fraction of the training examples that came again in a later epoch, in
            [0, 1].
        repeated_batches: Fraction of the batches of the first epoch that hold the examples of an
            earlier one, in [0, 1].
        moved_fraction: Fraction of the repeated examples that came at another position in a later
            epoch, in [0, 1]; only looked for where a layer is stateful.
        worker: Index of this worker, where several train together.
        workers: How many workers train together; None for one alone.
        rules: Names of the rules that judge the run; None if not known.
        is_own_loop: Whether a loop of the user's trains the model, rather than `fit`.
        is_hardly_measured: Whether the layers were measured too rarely to judge all of them.
        has_ended: Whether `fit` came to its end.
        stopped_by: Class name of the callback that ended `fit` before its last planned epoch, `""`
            if it is not known which did; None if none did.
        broke_off: Why the callback stopped measuring before the run's end, None if it did not.

    Example:
        >>> facts = RunFacts(epochs=3, layers={"dense": LayerFacts(role="hidden")})
        >>> facts.to_json()
        {'epochs': 3, 'layers': {'dense': {'role': 'hidden'}}}
        >>> RunFacts.from_json(facts.to_json()) == facts
        True
    """

    started: str | None = None
    model: str | None = None
    backend: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    optimizer: str | None = None
    learning_rate_schedule: str | None = None
    loss: str | None = None
    batch_size: int | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    examples_per_epoch: int | None = None
    parameters: int | None = None
    dtype_policy: str | None = None
    is_made_of_layers: bool | None = None
    linear_layers: tuple[str, ...] = ()
    is_compiled: bool | None = None
    layers: Mapping[str, LayerFacts] = field(default_factory=dict)
    weights: Mapping[str, WeightFacts] | None = None
    untracked_weights: tuple[str, ...] = ()
    frozen_adapters: tuple[str, ...] = ()
    has_own_step: bool | None = None
    leaves_out_penalties: bool | None = None
    optimizer_weights: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: tuple[OutputFacts, ...] = ()
    loss_reduction: Reduction | None = None
    data: DataFacts = field(default_factory=DataFacts)
    validation: DataFacts = field(default_factory=DataFacts)
    comparison: ComparisonFacts = field(default_factory=ComparisonFacts)
    regularization: Regularization = field(default_factory=Regularization)
    callbacks: tuple[CallbackFacts, ...] = ()
    optimizer_settings: OptimizerFacts = field(default_factory=OptimizerFacts)
    schedule: ScheduleFacts = field(default_factory=ScheduleFacts)
    optimizer_steps_before: int | None = None
    optimizer_resets: int | None = None
    recurring_fraction: float | None = None
    repeated_batches: float | None = None
    moved_fraction: float | None = None
    worker: int | None = None
    workers: int | None = None
    rules: tuple[str, ...] | None = None
    is_own_loop: bool | None = None
    is_hardly_measured: bool | None = None
    has_ended: bool = False
    stopped_by: str | None = None
    broke_off: str | None = None

    def knows(self, name: str) -> bool:
        """Return whether something is known beyond the default of the field `name`.

        Raises:
            AttributeError: If there is no field of that name.

        Example:
            >>> RunFacts(epochs=3).knows("epochs"), RunFacts().knows("data")
            (True, False)
        """
        kind: type = type(self)
        return bool(getattr(self, name) != dict(_defaults(kind)).get(name))

    def is_kernel(self, weight: str) -> bool:
        """Return whether a weight is a kernel: as its layer says, else as its name says.

        Args:
            weight: Name of the weight, e.g. `"dense/kernel"`. Weights that are not described, as in
                a recording of an older version, go by the end of it.

        Example:
            >>> facts = RunFacts(weights={"mine/w": WeightFacts(is_kernel=True)})
            >>> facts.is_kernel("mine/w"), RunFacts().is_kernel("dense/bias")
            (True, False)
        """
        known = (self.weights or {}).get(weight)
        return weight.endswith("kernel") if known is None else known.is_kernel

    def to_json(self) -> dict[str, Any]:
        """Return what is known as a JSON object.

        Fields that are not known are left out. Infinities become strings: strict JSON has none.
        """
        found: dict[str, Any] = _encode(self)
        return found

    @classmethod
    def from_json(cls, record: Mapping[str, Any], *, version: int = VERSION) -> Self:
        """Return the facts that `to_json` made `record` of.

        Keys that are not known, as a newer version may write them, are passed over; a value that
        does not fit its field is taken as not known, and so is NaN.

        Args:
            record: A JSON object.
            version: Format version of the file it comes from. Version 1 wrote nested dictionaries
                under partly other names.
        """
        made: Self = _read_dataclass(cls, record if version > 1 else _from_version_1(record))
        return made


class _MisfitError(ValueError):
    """A value that a field cannot hold."""


_Reader = Callable[[Any], Any]


def _encode(value: Any) -> Any:
    """Return a fact as strict JSON can hold it; fields at their default are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        known = ((name, getattr(value, name), unset) for name, unset in _defaults(type(value)))
        return {name: _encode(fact) for name, fact, unset in known if fact != unset}
    if isinstance(value, Mapping):
        return {str(key): _encode(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(entry) for entry in value]
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@functools.cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """Return the name and the default of each field of a dataclass of this module."""
    nothing = kind()
    return tuple((one.name, getattr(nothing, one.name)) for one in fields(kind))


@functools.cache
def _reader(hint: Any) -> _Reader:
    """Return the function that reads a value of a type from JSON, or raises a `_MisfitError`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return functools.partial(_read_dataclass, hint)
    if origin in (Union, UnionType):  # of a type and None
        (kind,) = (one for one in arguments if one is not NoneType)
        return _or_none(_reader(kind))
    if origin is tuple:
        return functools.partial(_read_tuple, _reader(arguments[0]))
    if origin is Mapping:
        return functools.partial(_read_mapping, _reader(arguments[1]))
    if origin is Literal:
        return functools.partial(_read_literal, arguments)
    return _SCALARS[hint]


def _read_dataclass(kind: type, record: Any) -> Any:
    """Return an instance of a dataclass; of what is no JSON object one that knows nothing."""
    if not isinstance(record, Mapping):
        return kind()
    found = {}
    for name, read in _field_readers(kind):
        if name in record:
            try:
                found[name] = read(record[name])
            except _MisfitError:
                continue  # the default says that it is not known
    return kind(**found)


@functools.cache
def _field_readers(kind: type) -> tuple[tuple[str, _Reader], ...]:
    hints = get_type_hints(kind)
    return tuple((one.name, _reader(hints[one.name])) for one in fields(kind))


def _or_none(read: _Reader) -> _Reader:
    return lambda value: None if value is None else read(value)


def _read_tuple(read: _Reader, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _MisfitError
    return tuple(read(entry) for entry in value)


def _read_mapping(read: _Reader, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _MisfitError
    return {str(key): read(entry) for key, entry in value.items()}


def _read_literal(allowed: Iterable[str], value: Any) -> str:
    if value not in allowed:
        raise _MisfitError
    return str(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise _MisfitError
    return value


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _MisfitError
    return value


def _read_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _MisfitError
    return value


def _read_float(value: Any) -> float:
    """Return a number, which JSON may have as a string: `"inf"` and `"-inf"`."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise _MisfitError
    return number


_SCALARS: Mapping[Any, _Reader] = MappingProxyType(
    {str: _read_text, bool: _read_bool, int: _read_int, float: _read_float}
)

_RUN_NAMES = {"examples": "examples_per_epoch", "recurring_share": "recurring_fraction"}
_LAYER_NAMES = {"class": "class_name", "kind": "activation_kind"}
_TARGET_NAMES = {
    "low_1": "percentile_1",
    "high_99": "percentile_99",
    "largest_share": "largest_fraction",
    "largest_share_of_stretch": "largest_fraction_of_stretch",
}


def _from_version_1(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of format version 1 under the names of version 2."""
    found = _renamed(record, _RUN_NAMES)
    if isinstance(layers := found.get("layers"), Mapping):
        found["layers"] = {path: _renamed(one, _LAYER_NAMES) for path, one in layers.items()}
    if isinstance(data := found.get("data"), Mapping):
        targets = data.get("targets")
        if isinstance(targets, list | tuple):
            data = {**data, "targets": [_renamed(one, _TARGET_NAMES) for one in targets]}
        found["data"] = data
    if isinstance(loss := found.get("loss"), list | tuple | Mapping):
        found["loss"] = names_of(loss)
    return found


def _renamed(record: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a JSON object with other keys, an empty one of anything else."""
    if not isinstance(record, Mapping):
        return {}
    return {names.get(key, key): value for key, value in record.items()}


def output_name(outputs: Sequence[OutputFacts], index: int) -> str:
    """Return the name of one output among several: the path of its layer, if no other has it.

    Example:
        >>> output_name((OutputFacts(target="age"), OutputFacts()), 0)
        'age'
        >>> output_name((OutputFacts(target="age"), OutputFacts()), 1)
        'outputs[1]'
    """
    names = [one.target for one in outputs]
    is_unique = index < len(names) and bool(names[index]) and names.count(names[index]) == 1
    return names[index] if is_unique else f"outputs[{index}]"


def names_of(thing: Any) -> str | None:
    """Return nested lists and dictionaries of names, as `compile` takes losses, in one line.

    Example:
        >>> names_of({"a": "mse", "b": ["mae", None]})
        'a mse, b mae, None'
    """
    if thing is None or isinstance(thing, str):
        return thing
    if isinstance(thing, Mapping):
        return ", ".join(f"{key} {names_of(entry)}" for key, entry in thing.items())
    return ", ".join(str(names_of(entry)) for entry in thing)
