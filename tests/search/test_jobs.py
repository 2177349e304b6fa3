"""Workers that `n_jobs` starts: processes of this machine, and those of a cluster."""

import os
import signal
import threading
import time

import joblib
import pytest

import keras_babysit as kb
from tests.search.models import blobs, build

pytestmark = pytest.mark.any_backend

QUIET = {"objective": "val_accuracy", "cv": 2, "seed": 0, "verbose": 0, "heartbeat_interval": 1}


def in_log(folder):
    """Return a build function that notes which process runs each model."""

    def logged(hp):
        with open(folder / str(os.getpid()), "a") as log:
            log.write("model\n")
        time.sleep(0.2)  # leaves the others a part of the trials
        return build(hp)

    return logged


def kill_a_worker(folder, dead):
    """Kill the first process, other than this one, that builds its second model."""
    while not dead:
        for path in folder.iterdir():
            if int(path.name) != os.getpid() and len(path.read_text().split()) > 2:
                os.kill(int(path.name), signal.SIGKILL)
                dead.append(int(path.name))
                return
        time.sleep(0.02)


def run(folder, storage, trials=6):
    """Run a search with two workers, one of which is killed; return it and the dead process."""
    dead = []
    thread = threading.Thread(target=kill_a_worker, args=(folder, dead), daemon=True)
    thread.start()
    search = kb.search.RandomizedSearchCV(
        in_log(folder), **QUIET, max_trials=trials, n_jobs=2, **storage
    ).fit(*blobs(30), epochs=1)
    thread.join(60)
    return search, dead


def check(search, dead, trials=6):
    assert dead
    assert [r.state for r in search.records_] == ["complete"] * trials
    assert len({r.params["learning_rate"] for r in search.records_}) == trials


@pytest.mark.slow
def test_local_workers_lose_nothing_if_one_is_killed(tmp_path):
    search, dead = run(tmp_path, {})
    check(search, dead)
    assert len(search.study_.trials) >= 6  # the study is in memory now
    pids = {int(path.name) for path in tmp_path.iterdir()}
    assert len(pids - {os.getpid()}) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["dask", "ray"])
def test_workers_of_a_cluster_lose_nothing_if_one_is_killed(cluster, tmp_path):
    library = pytest.importorskip({"dask": "distributed", "ray": "ray"}[cluster])
    logs = tmp_path / "logs"
    logs.mkdir()
    storage = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "s"}
    if cluster == "dask":
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with (
            library.LocalCluster(**options) as one,
            library.Client(one),
            joblib.parallel_config("dask"),
        ):
            check(*run(logs, storage))
    else:
        from ray.util.joblib import register_ray

        register_ray()
        library.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            with joblib.parallel_config("ray"):
                check(*run(logs, storage))
        finally:
            library.shutdown()


def test_a_cluster_needs_a_database(monkeypatch):
    monkeypatch.setattr("keras_babysit.search.parallel._backend_name", lambda: "dask")
    monkeypatch.setattr("keras_babysit.search.base_search_cv.worker_count", lambda jobs: 2)
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=1, n_jobs=2)
    with pytest.raises(ValueError, match=r"database that all of them reach.*'dask'.*postgresql"):
        search.fit(*blobs(30), epochs=1)


def test_a_worker_starts_no_workers_within_the_context_of_the_cluster(tmp_path):
    from keras_babysit.search import parallel

    storage = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "s"}
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=1, **storage)
    with joblib.parallel_config("loky", n_jobs=2), search._shared(2) as given:
        assert parallel.worker_count(search.n_jobs) == 2
        assert parallel.worker_count(given["n_jobs"]) == 1
    search.storage.engine.dispose()


def test_workers_share_the_trials_in_one_process(tmp_path):
    """What each worker does, run in this process: joblib's sequential backend."""
    from keras_babysit.search import parallel

    with joblib.parallel_config("threading", n_jobs=1):
        assert parallel.worker_count(None) == 1
    storage = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "study_name": "s"}
    search = kb.search.RandomizedSearchCV(build, **QUIET, max_trials=2, **storage)
    given = search.get_params() | {"n_jobs": 1}
    x, y = blobs(30)
    data = {"x": x, "y": y, "groups": None, "sample_weight": None}
    parallel._work(lambda: type(search)(**given), data, {"epochs": 1})
    before = search.fit(x, y, epochs=1)
    assert len(before.study_.trials) == 2  # the worker had run all of them
    search.storage.engine.dispose()
