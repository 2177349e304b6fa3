"""What does a worker's loop cost with many trials in one study? Time and memory per size.

    python benchmarks/search_scale.py [--trials 1000 3000 10000] [--sqlite]

The trials train nothing: the time is that of Optuna and of the loop. Each size runs in a process of
its own. The seconds are those of CPU time.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import optuna

from keras_babysit.search.cross_validation import Fold
from keras_babysit.search.fidelity import Fidelity, stages
from keras_babysit.search.objective import read_objective
from keras_babysit.search.phases import plan_phases
from keras_babysit.search.rounds import Steering
from keras_babysit.search.sampler import read_pruner, read_sampler
from keras_babysit.search.storage import read_storage
from keras_babysit.search.study import open_study
from keras_babysit.search.worker import Plan, Worker


class Nothing:
    """Replaces `CrossValidation`."""

    ladder = stages([Fidelity(1, None)])

    def run(self, hp, key, stages, **_):
        """Yield a score that depends on one hyperparameter."""
        rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
        yield Fold(score=abs(rate - 0.03), train_score=0.0, examples=1)


def run(trials, url):
    """Run that many trials and print what they took."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = read_storage(url)
    study = open_study(
        storage,
        "scale",
        direction="minimize",
        sampler=read_sampler("random", 0),
        pruner=read_pruner(None),
    )
    plan = Plan(plan_phases([trials], [0], 0), Steering(), 0.5, 2, False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    worker = Worker(
        study,
        storage,
        plan,
        Nothing(),
        read_objective("val_loss"),
        on_change=lambda *_: None,
        on_trial=lambda record: None,
    )
    worker.run()
    seconds = time.process_time() - start
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert len(worker.records()) == trials
    where = "SQLite" if url else "memory"
    print(
        f"{trials:7,} trials in {where}: {seconds:7.1f} s, {1e3 * seconds / trials:6.2f} ms per "
        f"trial; {memory:6.0f} MB, {1024 * memory / trials:5.1f} kB per trial",
        flush=True,
    )


def main():
    """Run each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 3000, 10000])
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    for trials in chosen.trials:
        if not chosen.alone:
            options = ["--sqlite"] if chosen.sqlite else []
            command = [sys.executable, __file__, "--alone", "--trials", str(trials), *options]
            subprocess.run(command, check=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            run(trials, f"sqlite:///{Path(folder) / 'search.db'}" if chosen.sqlite else None)


if __name__ == "__main__":
    main()
