"""KerasTuner's `hp`, without KerasTuner."""

import contextlib
import copy

from keras_babysit.search.space import Choice, Range


class HyperParameters:
    """Provides values to a build function, with the methods and arguments of KerasTuner's `hp`.

    Build functions for KerasTuner run unchanged, including conditional scopes and name scopes. In
    a conditional scope whose condition does not hold, every value is None and is not recorded.

    Args:
        choose: Function that takes a `Range` or `Choice` and returns a value. It is called once for
            each name. None returns the default of each, which is the lowest or first value unless
            given.

    Attributes:
        values: Values so far, by name.
        space: `Range` or `Choice` of each searched hyperparameter, by name. `Fixed` values are not
            part of it.
        unmet: `(parent, values)` of each conditional scope whose condition did not hold.

    Example:
        >>> hp = HyperParameters()
        >>> hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        0.0001
        >>> hp.Choice("optimizer", ["adam", "sgd"])
        'adam'
        >>> with hp.conditional_scope("optimizer", ["sgd"]):
        ...     print(hp.Float("momentum", 0.0, 0.9))
        None

    Reference:
        O'Malley et al., KerasTuner, https://keras.io/keras_tuner/api/hyperparameters/
    """

    def __init__(self, choose=None):
        self._choose = choose or (lambda dimension: dimension.default_value)
        self._scopes = []
        self._conditions = []
        self.values = {}
        self.space = {}
        self.unmet = []

    def Float(
        self,
        name,
        min_value,
        max_value,
        step=None,
        sampling="linear",
        default=None,
        parent_name=None,
        parent_values=None,
    ):
        """Return a floating-point number from `min_value` to `max_value`.

        Args:
            name: Name of the hyperparameter.
            min_value: Smallest value.
            max_value: Largest value, inclusive.
            step: Distance between two values; for log sampling, the factor between them.
            sampling: `"linear"`, `"log"`, or `"reverse_log"`, which is denser near `max_value`.
            default: Value of the default model, which is built before the first trial.
            parent_name: Name of a hyperparameter that this one depends on.
            parent_values: Values of the parent for which this one is active.

        Raises:
            ValueError: See `keras_babysit.search.space.Range`.
        """
        given = (float(min_value), float(max_value), step, sampling or "linear", False, default)
        return self._ask(name, parent_name, parent_values, Range, *given)

    def Int(
        self,
        name,
        min_value,
        max_value,
        step=None,
        sampling="linear",
        default=None,
        parent_name=None,
        parent_values=None,
    ):
        """Return an integer from `min_value` to `max_value`, with the arguments of `Float`."""
        given = (int(min_value), int(max_value), step, sampling or "linear", True, default)
        return self._ask(name, parent_name, parent_values, Range, *given)

    def Choice(
        self, name, values, ordered=None, default=None, parent_name=None, parent_values=None
    ):
        """Return one of `values`. `ordered` is accepted for compatibility and has no effect."""
        return self._ask(name, parent_name, parent_values, Choice, values, default)

    def Boolean(self, name, default=False, parent_name=None, parent_values=None):
        """Return True or False."""
        return self._ask(name, parent_name, parent_values, Choice, (False, True), default)

    def Fixed(self, name, value, parent_name=None, parent_values=None):
        """Return `value`, and record it among the values of the trial."""
        with self._condition(parent_name, parent_values):
            if not all(self._conditions):
                return None
            return self.values.setdefault(self._full(name), value)

    @contextlib.contextmanager
    def conditional_scope(self, parent_name, parent_values):
        """Activate the hyperparameters inside only if the parent has one of these values."""
        values = parent_values if isinstance(parent_values, list | tuple) else [parent_values]
        holds = self.values.get(self._full(parent_name)) in values
        if not holds and all(self._conditions):
            self.unmet.append((self._full(parent_name), tuple(values)))
        self._conditions.append(holds)
        try:
            yield
        finally:
            self._conditions.pop()

    @contextlib.contextmanager
    def name_scope(self, name):
        """Prefix the names of the hyperparameters inside with `name/`."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def get(self, name):
        """Return the value of a hyperparameter.

        Raises:
            KeyError: If the hyperparameter was not declared, or is inactive in this trial.
        """
        return self.values[self._full(name)]

    def is_active(self, name):
        """Return whether the hyperparameter was declared and is active in this trial."""
        return self._full(name) in self.values

    def copy(self):
        """Return an independent copy."""
        other = copy.copy(self)
        other.values, other.space = dict(self.values), dict(self.space)
        return other

    __getitem__ = get
    __contains__ = is_active

    def _ask(self, name, parent_name, parent_values, kind, *given):
        with self._condition(parent_name, parent_values):
            full = self._full(name)
            if not all(self._conditions):
                return None
            if full not in self.values:
                dimension = kind(full, *given)
                self.values[full] = self._choose(dimension)
                self.space[full] = dimension
            return self.values[full]

    def _condition(self, parent_name, parent_values):
        if parent_name is None:
            return contextlib.nullcontext()
        return self.conditional_scope(parent_name, parent_values)

    def _full(self, name):
        return "/".join([*self._scopes, name])
