"""The storage of trials, in which no trial is lost when a worker dies."""

import contextlib
import time
import warnings

import optuna
import sqlalchemy.exc
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState

MAX_OUTAGE_SECONDS = 600
"""How long a worker waits for a database that is not available."""

BUSY_TIMEOUT_SECONDS = 60
"""How long a worker waits while another one writes to SQLite or creates the tables."""


def open_storage(url, *, heartbeat_interval=60, max_retries=2):
    """Open a database of trials that repeats the trial of a worker that died.

    A worker records a heartbeat every `heartbeat_interval` seconds. If it misses two of them, its
    trial is given to another worker. Several processes may open a new database at the same time: a
    process that meets half-created tables tries again.

    Args:
        url: SQLAlchemy URL: `"sqlite:///search.db"` for the processes of one machine,
            `"postgresql+psycopg://user@host/database"` for several machines.
        heartbeat_interval: Seconds between two heartbeats, at least 1.
        max_retries: How often a trial is repeated after its worker died, at least 0.

    Returns:
        An `optuna.storages.RDBStorage`.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If `url` is not a string.

    Example:
        >>> open_storage("sqlite:///:memory:", heartbeat_interval=1).get_heartbeat_interval()
        1
    """
    if not isinstance(url, str):
        raise TypeError(f"Argument `url` must be a string. Received: {type(url).__name__}")
    if heartbeat_interval < 1 or max_retries < 0:
        raise ValueError(
            "`heartbeat_interval >= 1` and `max_retries >= 0` must hold. Received: "
            f"heartbeat_interval={heartbeat_interval}, max_retries={max_retries}"
        )
    is_sqlite = url.startswith("sqlite")
    options = (
        {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}}
        if is_sqlite
        else {"pool_pre_ping": True}
    )
    end = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            with ignore_experimental_warning():
                return optuna.storages.RDBStorage(
                    url,
                    engine_kwargs=options,
                    heartbeat_interval=int(heartbeat_interval),
                    grace_period=2 * int(heartbeat_interval),
                    heartbeat_stale_trial_callback=(
                        optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=max_retries)
                    ),
                )
        except sqlalchemy.exc.DatabaseError:  # another process is creating the tables
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def read_storage(storage, *, heartbeat_interval=60, max_retries=2, allow_lost_trials=False):
    """Return the storage for an argument `storage` of a search.

    Raises:
        ValueError: If it cannot detect that a worker died.
        TypeError: If it has another type.
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
    if not retries_stale_trials(storage) and not allow_lost_trials:
        raise ValueError(
            "Argument `storage` must be able to repeat the trial of a dead worker, which needs "
            f"heartbeats and a callback. Received: {type(storage).__name__} without them. Pass the "
            "URL of the database or the result of kb.search.open_storage(url), or accept that "
            "trials may be lost with allow_lost_trials=True."
        )
    return storage


def retries_stale_trials(storage):
    """Return whether a storage detects that a worker died, and repeats its trial."""
    interval = getattr(storage, "get_heartbeat_interval", lambda: None)()
    return bool(interval) and storage.get_heartbeat_stale_trial_callback() is not None


class StaleTrials:
    """Gives the trials of dead workers to living ones, while a worker waits.

    Optuna does so only when a worker asks for a new trial. It recognizes a dead worker by its last
    heartbeat, so it never notices one that was killed before its first heartbeat. Here a heartbeat
    is recorded on behalf of any trial that has been running for long. If its worker is alive, it
    records further ones; if not, the trial becomes stale.

    Args:
        study: The Optuna study.
        storage: Its storage.
    """

    def __init__(self, study, storage):
        self._study = study
        self._storage = storage
        self._since = {}  # when a running trial was first seen; infinity after its heartbeat

    def reclaim(self, trials):
        """Fail and re-enqueue the stale ones of `trials`."""
        with ignore_experimental_warning():
            optuna.storages.fail_stale_trials(self._study)
        storage = self._storage
        if not retries_stale_trials(storage):
            return
        patience = 2 * storage.get_heartbeat_interval()
        for trial in trials:
            if trial.state != TrialState.RUNNING:
                continue
            since = self._since.setdefault(trial.number, time.monotonic())
            if time.monotonic() - since > patience:
                self._since[trial.number] = float("inf")
                storage.record_heartbeat(self._id(trial))

    def _id(self, trial):
        study = self._storage.get_study_id_from_name(self._study.study_name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, trial.number)


def retry_on_storage_fault(call, *, patience=MAX_OUTAGE_SECONDS, pause=0.5):
    """Return what `call` returns, and repeat it while the database is not available.

    Args:
        call: A function without arguments that may be called several times.
        patience: Seconds after which the exception is raised.
        pause: Seconds before the first repetition. It doubles each time, up to 5.
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
    """Return whether a database failure caused an exception."""
    faults = (StorageInternalError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
    return any(isinstance(link, faults) for link in _chain(error))


def is_lost_trial(error):
    """Return whether an exception means that the trial was given to another worker."""
    return any(isinstance(link, UpdateFinishedTrialError) for link in _chain(error))


@contextlib.contextmanager
def ignore_experimental_warning():
    """Suppress Optuna's warning that heartbeats are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _chain(error):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen
