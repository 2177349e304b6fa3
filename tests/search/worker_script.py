"""A worker whose trials only sleep. The tests kill it, stop it and outlive it.

    python worker_script.py URL TRIALS ROUNDS SECONDS LOG [GO]

Writes `pid number fold` to LOG at the start of each fold. With GO it waits for that file, so that
several workers open the database at once.
"""

import os
import sys
import time
from pathlib import Path

from keras_babysit.search.cross_validation import Fold
from keras_babysit.search.objective import read_objective
from keras_babysit.search.rounds import Steering
from keras_babysit.search.sampler import read_pruner, read_sampler
from keras_babysit.search.storage import open_storage
from keras_babysit.search.study import open_study, require_same_settings
from keras_babysit.search.worker import Plan, Worker

RETRIES = 20  # on a busy machine a living worker may miss heartbeats too


class Sleeper:
    """Replaces `CrossValidation`; the score is a distance in the learning rate."""

    folds = (None, None)

    def __init__(self, seconds, log):
        self.seconds = seconds
        self.log = log

    def run(self, hp, number, *, may_stop):
        for fold in range(2):
            rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
            with self.log.open("a") as log:  # written after the parameters are stored
                log.write(f"{os.getpid()} {number} {fold}\n")
            time.sleep(self.seconds)
            yield Fold(score=abs(rate - 0.03), train_score=0.0, examples=10)


def main(url, trials, rounds, seconds, log, go=None):
    Path(f"{log}-ready-{os.getpid()}").touch()
    while go is not None and not Path(go).exists():
        time.sleep(0.01)
    study = open_study(
        open_storage(url, heartbeat_interval=2, max_retries=RETRIES),
        "test",
        direction="minimize",
        sampler=read_sampler("random", 0),
        pruner=read_pruner(None),
    )
    require_same_settings(study, {"seed": 0})
    slots = [{(r, i): {} for i in range(int(trials) // int(rounds))} for r in range(int(rounds))]
    plan = Plan(slots, Steering(), 0.5, RETRIES, False)
    worker = Worker(
        study,
        plan,
        Sleeper(float(seconds), Path(log)),
        read_objective("val_loss"),
        on_change=lambda records: None,
        on_trial=lambda record: None,
    )
    worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
