"""A worker whose trials only wait. The tests kill it, stop it and outlive it.

It is a process of its own, forked from a server that has imported all of this once.
"""

import os
import sys
import time
from pathlib import Path

from keras_babysit.search.cross_validation import Fold
from keras_babysit.search.fidelity import Fidelity, stages
from keras_babysit.search.objective import read_objective
from keras_babysit.search.phases import plan_phases
from keras_babysit.search.rounds import Steering
from keras_babysit.search.sampler import read_pruner, read_sampler
from keras_babysit.search.storage import open_storage
from keras_babysit.search.study import open_study, require_same_settings
from keras_babysit.search.worker import Plan, Worker

RETRIES = 20  # on a busy machine a living worker may miss heartbeats too


class WaitingValidation:
    """Replaces `CrossValidation`; the score is a distance in the learning rate.

    Args:
        log: File that `pid number fold` is written to at the start of each fold.
        holds_from: How many trials it runs before one that lasts until the file `log`-resume
            exists. None for no such trial.
    """

    ladder = stages([Fidelity(2, None)])
    worker = None  # that runs it

    def __init__(self, log, holds_from):
        self.log = log
        self.holds_from = holds_from
        self.resume = Path(f"{log}-resume")
        self.trials = 0

    def run(self, hp, key, stages, **_):
        self.trials += 1
        number = self.worker._number
        for fold in range(2):
            rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
            with self.log.open("a") as log:  # written after the parameters are stored
                log.write(f"{os.getpid()} {number} {fold}\n")
            if self.holds_from is not None and self.trials > self.holds_from:
                _wait_for(self.resume)
            yield Fold(score=abs(rate - 0.03), train_score=0.0, examples=10)


def _wait_for(path):
    while not path.exists():
        time.sleep(0.02)


def work(url, trials, rounds, log, errors, holds_from, go):
    """Run trials of the study at `url` until all are finished, as a process does.

    Writes what goes wrong to `errors`. With `go` it waits for that file, so that several workers
    open the database at once.
    """
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    Path(f"{log}-ready-{os.getpid()}").touch()
    if go is not None:
        _wait_for(go)
    storage = open_storage(url, heartbeat_interval=1, max_retries=RETRIES)
    study = open_study(
        storage,
        "test",
        direction="minimize",
        sampler=read_sampler("random", 0),
        pruner=read_pruner(None),
    )
    require_same_settings(study, {"seed": 0})
    phases = plan_phases([trials // rounds] * rounds, [0] * rounds, 0)
    plan = Plan(phases, Steering(), 0.5, RETRIES, False)
    validation = WaitingValidation(log, holds_from)
    worker = Worker(
        study,
        storage,
        plan,
        validation,
        read_objective("val_loss"),
        on_change=lambda *_: None,
        on_trial=lambda record: None,
    )
    validation.worker = worker
    worker.run()
