"""Where the trials of a search are kept, so that no worker's death loses any."""

import contextlib
import time
import warnings

import optuna
import sqlalchemy.exc
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState

PATIENCE_SECONDS = 600
"""How long a database may be away before a worker gives up."""

BUSY_SECONDS = 60
"""How long a write to SQLite waits for that of another worker."""


def open_storage(url, *, heartbeat_interval=60, max_retries=2):
    """Open a database of trials in which the trial of a dead worker is tried again.

    A running trial says every `heartbeat_interval` seconds that it is alive. One that was silent
    for twice as long is given to another worker. Several processes may open a fresh database at
    once: what one finds half made it opens again.

    Args:
        url: As SQLAlchemy has it: `"sqlite:///search.db"` for the processes of one machine,
            `"postgresql+psycopg://user@host/database"` for many machines.
        heartbeat_interval: Seconds between two signs of life, at least 1.
        max_retries: How often the trial of a dead worker is tried again, at least 0.

    Returns:
        An `optuna.storages.RDBStorage`.

    Raises:
        ValueError: If one of the numbers is out of range.
        TypeError: If `url` is no string.

    Example:
        >>> open_storage("sqlite:///:memory:", heartbeat_interval=1).get_heartbeat_interval()
        1
    """
    if not isinstance(url, str):
        raise TypeError(f"Argument `url` must be a string. Received: {type(url).__name__}")
    if heartbeat_interval < 1 or max_retries < 0:
        raise ValueError(
            "Arguments must be `heartbeat_interval >= 1` and `max_retries >= 0`. Received: "
            f"heartbeat_interval={heartbeat_interval}, max_retries={max_retries}"
        )
    is_sqlite = url.startswith("sqlite")
    options = {"connect_args": {"timeout": BUSY_SECONDS}} if is_sqlite else {"pool_pre_ping": True}
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with quiet():
                return optuna.storages.RDBStorage(
                    url,
                    engine_kwargs=options,
                    heartbeat_interval=int(heartbeat_interval),
                    grace_period=2 * int(heartbeat_interval),
                    heartbeat_stale_trial_callback=(
                        optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=max_retries)
                    ),
                )
        except sqlalchemy.exc.DatabaseError:  # another process is making the tables right now
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def read_storage(storage, *, heartbeat_interval, max_retries, allow_lost_trials):
    """Return the storage that the argument of a search stands for.

    Raises:
        ValueError: If it cannot notice the death of a worker.
        TypeError: If it is of another kind.
    """
    if storage is None:
        return optuna.storages.InMemoryStorage()
    if isinstance(storage, str):
        return open_storage(storage, heartbeat_interval=heartbeat_interval, max_retries=max_retries)
    if not isinstance(storage, optuna.storages.BaseStorage):
        raise TypeError(
            "Argument `storage` must be None, the URL of a database, or an Optuna storage. "
            f"Received: {type(storage).__name__}"
        )
    if not retries_the_dead(storage) and not allow_lost_trials:
        raise ValueError(
            "The storage must be able to try the trial of a dead worker again, which takes "
            f"heartbeats and a callback. Received: {type(storage).__name__} without them. Pass its "
            "URL, or what kb.search.open_storage(url) returns; allow_lost_trials=True takes it as "
            "it is."
        )
    return storage


def retries_the_dead(storage):
    """Return whether a storage notices that a worker died, and gives its trial to another."""
    interval = getattr(storage, "get_heartbeat_interval", lambda: None)()
    return bool(interval) and storage.get_heartbeat_stale_trial_callback() is not None


class Reaper:
    """Gives the trials of dead workers to the living; `study.ask` does it only before a trial.

    Optuna knows the dead by their last sign of life, and takes a worker that was killed between
    its `ask` and its first sign for alive for ever. So one sign is given in place of whoever has
    been at a trial for long: the living go on giving theirs, and the dead are found by it.

    Args:
        study: The Optuna study.
    """

    def __init__(self, study):
        self._study = study
        self._since = {}  # when a running trial was first seen; infinity once the sign is given

    def reap(self, trials):
        """Look for the dead among those that are at one of `trials`."""
        with quiet():
            optuna.storages.fail_stale_trials(self._study)
        storage = self._study._storage
        if not retries_the_dead(storage):
            return
        patience = 2 * storage.get_heartbeat_interval()
        for trial in trials:
            if trial.state != TrialState.RUNNING:
                continue
            since = self._since.setdefault(trial.number, time.monotonic())
            if time.monotonic() - since > patience:
                self._since[trial.number] = float("inf")
                storage.record_heartbeat(trial._trial_id)


def outlasting(call, *, patience=PATIENCE_SECONDS, pause=0.5):
    """Return what `call` returns, however often the database has to be waited for.

    Args:
        call: A function without arguments that may be called again.
        patience: Seconds after which the fault is raised.
        pause: Seconds before the first new attempt; it doubles up to 5.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return call()
        except Exception as error:
            if not is_storage_fault(error) or time.monotonic() > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


def is_storage_fault(error):
    """Return whether a database that is away, or was, lies behind an exception."""
    faults = (StorageInternalError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
    return any(isinstance(link, faults) for link in _chain(error))


def is_lost_trial(error):
    """Return whether an exception means that the trial was given to another worker meanwhile."""
    return any(isinstance(link, UpdateFinishedTrialError) for link in _chain(error))


@contextlib.contextmanager
def quiet():
    """Keep Optuna from calling heartbeats experimental each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _chain(error):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen
