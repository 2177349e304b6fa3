"""The Optuna study of a search: one for all rounds and all workers."""

import contextlib
import time

import optuna
import sqlalchemy.exc

from keras_babysit.search.storage import outlasting

RACE_SECONDS = 30
"""How long two workers that make the same study at once may get into each other's way."""


def open_study(storage, name, *, direction, sampler, pruner):
    """Return the study of this name, made if it is not there yet."""
    end = time.monotonic() + RACE_SECONDS
    while True:
        try:
            return optuna.create_study(
                storage=storage,
                study_name=name,
                direction=direction,
                sampler=sampler,
                pruner=pruner,
                load_if_exists=True,
            )
        except (sqlalchemy.exc.DatabaseError, optuna.exceptions.StorageInternalError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def agree(study, terms):
    """Write down what all workers of a study must have in common, or compare it.

    Args:
        study: The study.
        terms: Values by name.

    Raises:
        ValueError: If the study was begun on other terms.
    """
    known = outlasting(lambda: study.user_attrs)
    for name, value in terms.items():
        if name not in known:
            outlasting(lambda name=name, value=value: study.set_user_attr(name, value))
        elif known[name] != value:
            raise ValueError(
                f"All workers of a study must have the same {name}. Received: {value}, while study "
                f"{study.study_name!r} was begun with {known[name]}. Use another study_name."
            )


@contextlib.contextmanager
def silent():
    """Keep Optuna's own log of every trial from the terminal; ours shows the same."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
