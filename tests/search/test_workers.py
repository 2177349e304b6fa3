"""Workers are killed, frozen and cut off from the database, and no trial is lost."""

import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

from keras_babysit.search.slots import SLOT, SURPLUS, counted_trials, slot_of
from keras_babysit.search.storage import open_storage
from tests.search.postgres import INSTALLED, REASON, Postgres
from tests.search.worker_process import RETRIES, work

pytestmark = pytest.mark.any_backend

# Keras takes seconds to import: a server imports it once, and forks a process per worker.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([work.__module__])
PATIENCE = 180.0  # seconds after which the test fails


@pytest.fixture(scope="module")
def server():
    if not INSTALLED:
        pytest.skip(REASON)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        server = Postgres(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def crew(request, tmp_path):
    """A search on a new database, and the processes that work on it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'search.db'}"
    else:
        server = request.getfixturevalue("server")
        url = server.url
        _empty(url)
    crew = Crew(url, tmp_path)
    yield crew
    crew.end()


class Crew:
    """Starts workers, and reports what they are doing."""

    def __init__(self, url, folder):
        self.url = url
        self.folder = folder
        self.log = folder / "log"
        self.workers = []

    def start_worker(self, trials=8, rounds=1, holds_from=None, go=None):
        errors = self.folder / f"errors-{len(self.workers)}"
        arguments = (self.url, trials, rounds, self.log, errors, holds_from, go)
        worker = PROCESSES.Process(target=work, args=arguments)
        worker.start()
        self.workers.append(worker)
        return worker

    def lines(self):
        """Return `(pid, trial, fold)` of every fold that was started."""
        text = self.log.read_text() if self.log.exists() else ""
        return [
            tuple(map(int, line.split()))
            for line in text.splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def wait_for_trial_of(self, worker, at_least=1):
        """Return the number of the current trial of `worker`, once it started `at_least` trials."""
        wait_until(lambda: len({n for pid, n, _ in self.lines() if pid == worker.pid}) >= at_least)
        return [n for pid, n, _ in self.lines() if pid == worker.pid][-1]

    def freeze(self, worker):
        """Stop a worker between two transactions, so that it does not hold the database's lock."""
        engine = sqlalchemy.create_engine(self.url)
        while True:
            os.kill(worker.pid, signal.SIGSTOP)
            time.sleep(0.6)
            if not _is_held(engine):
                break
            os.kill(worker.pid, signal.SIGCONT)
            time.sleep(0.1)
        engine.dispose()

    def resume(self):
        """End the trials that are held."""
        Path(f"{self.log}-resume").touch()

    def kill(self, *workers):
        for worker in workers:
            worker.kill()
            worker.join()

    def finish(self, *workers):
        for worker in workers:
            worker.join(PATIENCE)
            index = self.workers.index(worker)
            assert worker.exitcode == 0, (self.folder / f"errors-{index}").read_text()[-3000:]

    def end(self):
        self.kill(*self.workers)

    def trials(self):
        storage = open_storage(self.url)
        trials = optuna.load_study(study_name="test", storage=storage).get_trials()
        storage.engine.dispose()
        return trials

    def check(self, count):
        """Check that every slot has exactly one complete trial."""
        trials = self.trials()
        settled = counted_trials(trials, RETRIES)
        assert len(settled) == count
        assert {trial.state for trial in settled.values()} == {TrialState.COMPLETE}
        complete = [slot_of(t) for t in trials if t.state == TrialState.COMPLETE]
        assert len(complete) == len(set(complete))
        return trials


def wait_until(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def _is_held(engine):
    """Return whether a transaction has been open for half a second."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            text = (
                "select count(*) from pg_stat_activity where state = 'idle in transaction' "
                "and state_change < now() - interval '0.5 seconds'"
            )
            return connection.execute(sqlalchemy.text(text)).scalar() > 0
        try:
            connection.exec_driver_sql("pragma busy_timeout = 500")
            # In SQLite readers block commits too, so a shared lock is not enough.
            connection.exec_driver_sql("begin exclusive")
        except sqlalchemy.exc.OperationalError:
            return True
        connection.rollback()
        return False


def _empty(url):
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("drop schema public cascade"))
        connection.execute(sqlalchemy.text("create schema public"))
    engine.dispose()


def test_a_killed_worker_loses_nothing(crew):
    victim = crew.start_worker(rounds=2, holds_from=1)
    number = crew.wait_for_trial_of(victim, at_least=2)
    other = crew.start_worker(rounds=2)
    crew.wait_for_trial_of(other)
    crew.kill(victim)
    crew.finish(other)
    trials = crew.check(8)
    assert trials[number].state == TrialState.FAIL
    again = [t for t in trials if slot_of(t) == slot_of(trials[number]) and t.number > number]
    assert again[-1].params == trials[number].params


def test_the_death_of_the_last_worker_is_detected(crew):
    victim = crew.start_worker(trials=2, holds_from=0)
    number = crew.wait_for_trial_of(victim)
    other = crew.start_worker(trials=2)
    crew.wait_for_trial_of(other)
    crew.kill(victim)
    crew.finish(other)
    assert crew.check(2)[number].state == TrialState.FAIL


def test_a_death_before_the_first_heartbeat_is_detected(crew):
    crew.finish(crew.start_worker(trials=2))  # it creates the study
    storage = optuna.storages.RDBStorage(crew.url)
    study = optuna.load_study(study_name="test", storage=storage)
    study.enqueue_trial({}, user_attrs={SLOT: [0, 2]})
    number = study.ask().number  # then it died: heartbeats begin with the objective
    storage.engine.dispose()
    crew.finish(crew.start_worker(trials=3))
    assert crew.check(3)[number].state == TrialState.FAIL


def test_a_frozen_worker_wakes_up_and_goes_on(crew):
    victim = crew.start_worker(holds_from=0)
    number = crew.wait_for_trial_of(victim)
    crew.freeze(victim)
    crew.finish(crew.start_worker())
    crew.resume()
    os.kill(victim.pid, signal.SIGCONT)
    crew.finish(victim)
    assert crew.check(8)[number].state == TrialState.FAIL  # the other one could not wait for it


def test_three_workers_open_a_fresh_database_at_once(crew):
    go = crew.folder / "go"
    workers = [crew.start_worker(trials=6, go=go) for _ in range(3)]
    wait_until(lambda: len(list(crew.folder.glob("log-ready-*"))) == 3)
    go.touch()
    crew.finish(*workers)
    crew.check(6)


def test_a_search_goes_on_after_all_workers_died(crew):
    for _ in range(2):
        crew.wait_for_trial_of(crew.start_worker(rounds=2, holds_from=1), at_least=2)
    crew.kill(*crew.workers)
    done = {trial.number for trial in crew.trials() if trial.state == TrialState.COMPLETE}
    assert len(done) == 2
    before = len(crew.lines())
    crew.finish(crew.start_worker(rounds=2))
    crew.check(8)
    assert done.isdisjoint(number for _, number, _ in crew.lines()[before:])


def test_a_restart_of_the_database_is_survived(server, tmp_path):
    _empty(server.url)
    crew = Crew(server.url, tmp_path)
    try:
        for _ in range(2):
            crew.wait_for_trial_of(crew.start_worker(holds_from=1), at_least=2)
        server.stop()
        crew.resume()
        time.sleep(1.0)  # both meet the database that is away
        server.start()
        crew.finish(*crew.workers)
        trials = crew.check(8)
        assert not [t for t in trials if t.state == TrialState.RUNNING and SURPLUS in t.user_attrs]
    finally:
        crew.end()
