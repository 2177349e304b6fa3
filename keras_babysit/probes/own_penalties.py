"""Whether a training step of the user's leaves out the penalties of the layers."""

import contextlib
import types

import keras

from keras_babysit.shadow import shadowed

READS_PENALTIES = frozenset({"losses", "compute_loss", "return_losses", "super"})
"""Names that code reads to get the penalties: `compute_loss` of Keras adds them itself, and so may
the method of a parent class."""

MAX_DEPTH = 4
"""How far functions that the step calls are followed."""


def leaves_out_penalties(model):
    """Return whether the model has weight penalties and its own training step never reads them.

    The code of the step is searched for the names that lead to the penalties, and so are the
    methods of its class and the functions that it names. None without penalties, with Keras' own
    step, and where the code cannot be read.

    Args:
        model: A built `keras.Model`.
    """
    step = getattr(type(model), "train_step", None)
    if step is keras.Model.train_step or not isinstance(step, types.FunctionType):
        return None
    if not any(v.regularizer is not None for v in model.trainable_variables):
        return None
    try:
        return not _reads(step, type(model), set(), MAX_DEPTH)
    except Exception:  # code of any kind: what cannot be read is not known
        return None


@contextlib.contextmanager
def tapped_regularizers(model, receive):
    """Let `receive` get the ids of the variables whose penalty is computed inside this context.

    Keras computes it from the regularizer of the variable; code of one's own may do so from that of
    the layer, `layer.kernel_regularizer`.

    Args:
        model: The model.
        receive: Called with a list of ids.
    """
    with contextlib.ExitStack() as stack:
        for variable in model.trainable_variables:
            if variable.regularizer is not None:
                tap = _noting(variable.regularizer, [id(variable)], receive)
                stack.enter_context(shadowed(variable, "_regularizer", tap))
        for layer in model._flatten_layers():
            ids = [id(variable) for variable in layer.trainable_variables]
            for name, value in list(vars(layer).items()):
                if name.endswith("regularizer") and callable(value):
                    tap = _noting(value, ids, receive)
                    stack.enter_context(shadowed(layer, name, tap))
        yield


def _noting(regularizer, ids, receive):
    def penalty(weights):
        receive(ids)
        return regularizer(weights)

    return penalty


def _reads(function, owner, seen, depth):
    if function in seen or depth == 0:
        return False
    seen.add(function)
    names = _names(function.__code__)
    if names & READS_PENALTIES:
        return True
    known = [function.__globals__.get(name) for name in names]
    known += [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    modules = [one for one in known if isinstance(one, types.ModuleType)]
    called = [getattr(place, name, None) for place in (owner, *modules) for name in names]
    return any(
        _reads(one, owner, seen, depth - 1)
        for one in map(_plain, [*known, *called])
        if one is not None and not one.__module__.startswith("keras.")
    )


def _names(code):
    """Return the names that code and the functions inside it read."""
    found = set(code.co_names)
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            found |= _names(one)
        elif isinstance(one, str):  # getattr(self, "losses")
            found.add(one)
        elif isinstance(one, tuple):  # names of arguments
            found.update(part for part in one if isinstance(part, str))
    return found


def _plain(thing):
    """Return the function behind a decorator, None for anything but a function of Python."""
    thing = getattr(thing, "__wrapped__", getattr(thing, "python_function", thing))
    return thing if isinstance(thing, types.FunctionType) and thing.__module__ else None


def _is_filled(cell):
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
