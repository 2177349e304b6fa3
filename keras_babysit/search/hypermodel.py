"""The models to search over: a function `hp -> model`, or a KerasTuner `HyperModel`."""

import inspect

import keras

from keras_babysit.errors import NotCompiledError
from keras_babysit.search.hyper_parameters import HyperParameters
from keras_babysit.shadow import shadowed


class Hypermodel:
    """Builds and trains models from a build function or a KerasTuner `HyperModel`.

    Args:
        given: A function `hp -> compiled keras.Model`, or an object with a method `build(hp)` and
            optionally a method `fit(hp, model, *args, **kwargs)`.

    Raises:
        TypeError: If it is neither.
    """

    def __init__(self, given):
        self._build = getattr(given, "build", given)
        self._fit = getattr(given, "fit", None)
        if not callable(self._build) or isinstance(given, keras.Model):
            raise TypeError(
                "Argument `hypermodel` must be a function `hp -> compiled model`, or an object "
                f"with a method `build(hp)`. Received: {type(given).__name__}"
            )

    def build(self, hp):
        """Return a compiled model.

        Raises:
            TypeError: If the build function does not return a Keras model.
            NotCompiledError: If the model is not compiled.
        """
        model = self._build(hp)
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"The hypermodel must return a keras.Model. Received: {type(model).__name__}"
            )
        if not model.compiled:
            raise NotCompiledError(
                "The hypermodel must return a compiled model. Received: "
                f"model={model.name!r}. Call `model.compile(optimizer, loss)` in it."
            )
        return model

    def fit(self, hp, model, x, y, **arguments):
        """Train the model, with the hypermodel's own `fit` where it has one."""
        if self._fit is None:
            return model.fit(x, y, **arguments)
        return self._fit(hp, model, x, y, **arguments)

    def check_fit(self, model, arguments):
        """Check that `fit` of the model has these arguments. One of the hypermodel may have any.

        Raises:
            TypeError: If it has no such argument.
        """
        known = inspect.signature(model.fit).parameters
        takes_any = any(one.kind == one.VAR_KEYWORD for one in known.values())
        unknown = sorted(set(arguments) - set(known))
        if unknown and not takes_any and self._fit is None:
            raise TypeError(
                f"Further arguments of `fit` must be those of `Model.fit`: {sorted(known)}. "
                f"Received: {unknown}"
            )

    def ask_all(self, hp, examples, fit_arguments):
        """Build a model, and call the hypermodel's own `fit` if it has one: it may ask for more.

        `Model.fit` returns at once meanwhile, with an empty history.

        Args:
            hp: The `HyperParameters` that answer.
            examples: `(x, y, sample_weight)` of a few examples.
            fit_arguments: Further arguments of `Model.fit`.
        """
        model = self.build(hp)
        if self._fit is None:
            return
        x, y, sample_weight = examples
        arguments = {"verbose": 0} | fit_arguments | {"callbacks": []}
        if sample_weight is not None:
            arguments["sample_weight"] = sample_weight
        with shadowed(model, "fit", lambda *args, **kwargs: keras.callbacks.History()):
            self._fit(hp, model, x, y, **arguments)

    def discover_space(self):
        """Return the default model, and all dimensions of the search space by name.

        The build function is run with default values first. It is then run once for each
        conditional scope that was inactive, with a value of the parent that activates the scope.
        """
        hp = HyperParameters()
        model = self.build(hp)
        space, asked, to_ask = dict(hp.space), set(), list(hp.unmet)
        while to_ask:
            parent, values = to_ask.pop()
            if (parent, values) in asked:
                continue
            asked.add((parent, values))
            other = HyperParameters(_choosing(parent, values[0]))
            self.build(other)
            space = {**other.space, **space}
            to_ask += other.unmet
        return model, space


def _choosing(name, value):
    return lambda dimension: value if dimension.name == name else dimension.default_value
