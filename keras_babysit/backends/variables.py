"""The variables of a model, for the backends' files: in which groups, and how to change them."""

import contextlib
import itertools

import keras


def groups(model):
    """Return the variables of a model as `(trainable, other, optimizer)`.

    `other` is all that is neither, the metrics last. The optimizer that `compile` was given comes
    first among those of a model.
    """
    other = [*model.non_trainable_variables, *model.metrics_variables]
    optimizer = flat(one.variables for one in optimizers(model))
    return model.trainable_variables, other, optimizer


def optimizers(model):
    """Return the optimizer that `compile` was given, if any, and those that a model has beside it.

    A GAN has one for each part. On JAX the state of a step holds one optimizer alone.
    """
    given = getattr(model, "optimizer", None)  # a model of a loop may not be compiled
    found = {id(given): given} if given else {}
    if keras.backend.backend() != "jax":
        for value in vars(model).values():
            some = value.values() if isinstance(value, dict) else value
            some = list(some) if isinstance(value, dict | list | tuple) else [value]
            found |= {id(one): one for one in some if isinstance(one, keras.optimizers.Optimizer)}
    return list(found.values())


def flat(grouped):
    """Return the entries of all groups as one list."""
    return list(itertools.chain(*grouped))


def assign(model, values):
    """Give the variables of a model other values, in the same groups."""
    for variable, value in zip(flat(groups(model)), flat(values), strict=True):
        variable.assign(value)


def stride(size, count):
    """Return the distance of about `count` entries that are spread over `size`.

    It is odd: kernels are mostly a power of two wide, and the entries would lie in a few columns.
    """
    return max(1, size // count) | 1


class InPlace:
    """What backends have in common whose variables hold their values while `fit` runs.

    Args:
        read: Function that returns what this process can compute with of a variable's value.
    """

    def __init__(self, read):
        self._read = read

    def state(self, model, arguments):
        """Return `(trainable, other, optimizer)` values of the variables of `model`."""
        del arguments
        return tuple(map(self._values, groups(model)))

    def trained(self, model, result):
        """Return the values of the trainable variables after a training step."""
        del result
        return self._values(model.trainable_variables)

    def _values(self, variables):
        return [self._read(variable.value) for variable in variables]

    def exchange(self, model, arguments, values):
        """Give the variables of `model` other values; return the arguments of the next step."""
        assign(model, values)
        return arguments

    def logs(self, result):
        """Return what a training step returned of losses and metrics."""
        return result


class InPlaceSandbox:
    """Runs training steps on the variables themselves and puts them back exactly.

    For the backends of `InPlace`. A subclass has two of their functions, `state` and `copy`, as
    static methods.
    """

    def __init__(self, model, function, feed, arguments):
        del arguments
        self._model, self._function, self._feed = model, function, feed

    def __enter__(self):
        self._saved = self.values()
        return self

    def __exit__(self, *error):
        assign(self._model, self._saved)

    def values(self):
        """Return copies of what the variables are now."""
        return tuple(map(self.copy, self.state(self._model, None)))

    def load(self, values):
        """Start from these values, as `state` returns them."""
        assign(self._model, values)

    def step(self, batches):
        """Train on these batches and return the logs."""
        return self._function(*self._feed.hand(batches))

    @contextlib.contextmanager
    def attached(self):
        """Have the values of the sandbox in the variables, as they are here."""
        yield
