"""The workers of a search with `n_jobs`: processes of this machine, or tasks of a cluster."""

import contextlib
import os
import tempfile
import threading

import joblib

from keras_babysit.search.storage import open_storage

POLL_SECONDS = 1.0
"""Seconds between two updates of the progress bar while workers run."""

LOCAL_BACKENDS = ("loky", "multiprocessing", "threading", "sequential")


def worker_count(n_jobs):
    """Return the number of workers for an argument `n_jobs`, as joblib counts them.

    Within `joblib.parallel_config("dask")` or `"ray"`, -1 is the number of cores of the cluster.
    """
    _, configured = joblib.parallel.get_active_backend()
    if n_jobs is None:
        n_jobs = configured or (1 if _is_local() else -1)
    return joblib.effective_n_jobs(n_jobs)


def check_backend(is_in_memory):
    """Check that several workers can run, and can reach the trials.

    Raises:
        ValueError: If they are threads, or run elsewhere and the trials are in memory.
    """
    if _backend_name() == "threading":
        raise ValueError(
            "Workers must be processes, because each one sets random seeds that threads share. "
            "Received: joblib's backend 'threading'. Use \"loky\", or n_jobs=1."
        )
    if is_in_memory and not _is_local():
        raise ValueError(
            "With workers of a cluster, the trials must be in a database that all of them reach. "
            f"Received: storage=None within joblib's backend {_backend_name()!r}. Pass "
            'storage="postgresql+psycopg://user@host/database" and a study_name.'
        )


@contextlib.contextmanager
def shared_storage(interval, retries):
    """Open a database in a temporary folder, for the workers of this machine.

    Yields:
        Its URL, the storage, and a folder for checkpoints.
    """
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{os.path.join(folder, 'search.db')}"
        storage = open_storage(url, heartbeat_interval=interval, max_retries=retries)
        try:
            yield url, storage, os.path.join(folder, "checkpoints")
        finally:
            storage.engine.dispose()


def run_workers(search, count, data, fit_arguments, max_retries):
    """Run workers of a search until all trials are finished.

    If a worker dies, joblib may end the others with it. They are started again, at most
    `max_retries` times; the trial that died with its worker is repeated.

    Args:
        search: Function without arguments that returns a search for a worker. It is pickled.
        count: Number of workers.
        data: The data arguments of `fit`, by name.
        fit_arguments: Further arguments of `Model.fit`.
        max_retries: How often to start the workers again.
    """
    for _ in range(1 + max_retries):
        jobs = (joblib.delayed(_work)(search, data, fit_arguments) for _ in range(count))
        try:
            joblib.Parallel(n_jobs=count, batch_size=1)(jobs)
            return
        except Exception as error:
            if not _is_death(error):
                raise


@contextlib.contextmanager
def watching(update):
    """Call a function every second in a thread of its own."""
    is_over = threading.Event()

    def watch():
        while not is_over.wait(POLL_SECONDS):
            update()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _work(search, data, fit_arguments):
    """Run trials as one of the workers. It returns nothing: the trials are in the database."""
    from keras_babysit.errors import SearchFailedError

    with contextlib.suppress(SearchFailedError):  # the process that started it says so
        search().fit(**data, **fit_arguments)


def _is_death(error):
    """Return whether an exception means that a worker process died."""
    names = {name for one in _chain(error) for name in (k.__name__ for k in type(one).__mro__)}
    return bool(names & {"TerminatedWorkerError", "BrokenProcessPool", "KilledWorker"}) or bool(
        names & {"WorkerCrashedError", "RayActorError"}
    )


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__


def _is_local():
    return _backend_name() in LOCAL_BACKENDS


def _backend_name():
    backend, _ = joblib.parallel.get_active_backend()
    return type(backend).__name__.removesuffix("Backend").removesuffix("Distributed").lower()
