"""The Optuna study of a search. All rounds and all workers share it."""

import contextlib
import time

import optuna
import sqlalchemy.exc

from keras_babysit.search.storage import retry_on_storage_fault

CREATE_TIMEOUT_SECONDS = 30
"""How long to retry if several workers create the same study at once."""


def open_study(storage, name, *, direction, sampler, pruner):
    """Return the study of this name, and create it if it does not exist."""
    end = time.monotonic() + CREATE_TIMEOUT_SECONDS
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


def has_same_settings(study, settings):
    """Return whether none of the settings differs from a recorded one."""
    known = retry_on_storage_fault(lambda: study.user_attrs)
    return all(known.get(name, value) == value for name, value in settings.items())


def require_same_settings(study, settings):
    """Record the settings of a study, or compare them with the recorded ones.

    Args:
        study: The study.
        settings: Values by name.

    Raises:
        ValueError: If the study was started with other settings.
    """
    known = retry_on_storage_fault(lambda: study.user_attrs)
    for name, value in settings.items():
        if name not in known:
            retry_on_storage_fault(lambda name=name, value=value: study.set_user_attr(name, value))
        elif known[name] != value:
            now, before = _differing(value, known[name])
            raise ValueError(
                f"A study must be continued with the same {name}, because its trials are compared "
                f"with each other. Received: {now}, while study {study.study_name!r} was started "
                f"with {before}. Use another study_name."
            )


def _differing(now, before):
    """Return two values as text; of dictionaries, only what differs."""
    if not (isinstance(now, dict) and isinstance(before, dict)):
        return str(now), str(before)
    keys = [key for key in now | before if now.get(key) != before.get(key)]
    return tuple(
        ", ".join(f"{key}={one[key]}" if key in one else f"no {key}" for key in keys)
        for one in (now, before)
    )


@contextlib.contextmanager
def quiet_optuna_log():
    """Suppress Optuna's own log of every trial, which the progress bar replaces."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
