"""The trials that a search consists of, as a queue in its Optuna study.

Each trial to run is a *slot*, `(phase, index)`. Workers add a waiting trial for every empty slot,
and Optuna hands each waiting trial to one worker. If two workers add trials for the same slot at
once, the trial with the lower number counts, and the other one is dropped before it trains. So no
worker coordinates the others, and each of them may die at any time.
"""

from optuna.trial import TrialState

from keras_babysit.search.record import (
    COMPLETE,
    FAILED,
    PARTIAL,
    PRUNED,
    RUNNING,
    STOPPED,
    Record,
)
from keras_babysit.search.space import from_json

SLOT, PARAMS, SPACE = "slot", "params", "space"
KEY, ROUND, CONTINUES, REPEATS = "key", "round", "continues", "repeats"
SURPLUS, RAISED, ERROR = "surplus", "raised", "error"
"""User attributes that say why a trial failed: its slot has another trial, an exception ended the
search, or an exception was tolerated. A failed trial without any of them died with its worker."""

STATES = {
    TrialState.COMPLETE: COMPLETE,
    TrialState.PRUNED: PRUNED,
    TrialState.FAIL: FAILED,
    TrialState.RUNNING: RUNNING,
}


class SurplusError(Exception):
    """Another trial counts in the slot of this one."""


def counted_trials(trials, max_retries):
    """Return the trial that counts in each slot, by slot.

    Args:
        trials: All `FrozenTrial`s of a study.
        max_retries: How often a trial is repeated after its worker died.
    """
    found, deaths = {}, {}
    for trial in sorted(trials, key=lambda t: t.number):
        slot = slot_of(trial)
        if slot is None or SURPLUS in trial.user_attrs or RAISED in trial.user_attrs:
            continue
        if trial.state == TrialState.FAIL and ERROR not in trial.user_attrs:
            deaths.setdefault(slot, []).append(trial)
        else:
            found.setdefault(slot, trial)
    for slot, dead in deaths.items():
        if slot not in found and len(dead) > max_retries:
            found[slot] = dead[-1]
    return found


def fill_slot(study, slot, assignment, params, round_number):
    """Add a waiting trial for a slot.

    Args:
        study: The study.
        slot: The slot.
        assignment: Its `Assignment`.
        params: Hyperparameters in the form in which Optuna stores them; `{}` lets the sampler
            choose.
        round_number: The round to which the trial counts.
    """
    known = {SLOT: list(slot), KEY: list(assignment.key), ROUND: round_number}
    if assignment.continues is not None:
        known[CONTINUES] = assignment.continues
    if assignment.repeats is not None:
        known[REPEATS] = assignment.repeats
    study.enqueue_trial(params, user_attrs=known)


def slot_of(trial):
    """Return the slot of a trial; None if it has none."""
    slot = trial.user_attrs.get(SLOT)
    return None if slot is None else tuple(slot)


def read_record(trial, sign):
    """Return the `Record` of a trial of the study."""
    known = trial.user_attrs
    state = STATES[trial.state]
    if state == PRUNED and known.get("is_stopped"):
        state = STOPPED
    if state == PRUNED and known.get("is_partial"):
        state = PARTIAL
    slot = slot_of(trial)
    return Record(
        number=trial.number,
        round=known.get(ROUND, slot[0]),
        state=state,
        params=known.get(PARAMS, trial.params),
        space={name: from_json(one) for name, one in known.get(SPACE, {}).items()},
        scores=tuple(known.get("scores", ())),
        rung_scores=tuple(known.get("rung_scores", ())),
        train_scores=tuple(known.get("train_scores", ())),
        epochs=tuple(known.get("epochs", ())),
        seconds=tuple(known.get("seconds", ())),
        sign=sign,
        cause="error" if ERROR in known else known.get("cause", ""),
        message=known.get(ERROR, known.get("message", "")),
        step=known.get("step", 0),
        findings=tuple(known.get("findings", ())),
        traits=known.get("traits", {}),
        examples=known.get("examples", 0),
        phase=slot[0],
        key=tuple(known.get(KEY, (*slot, 0))),
        continues=known.get(CONTINUES),
        repeats=known.get(REPEATS),
        metrics={name: tuple(values) for name, values in known.get("metrics", {}).items()},
    )
