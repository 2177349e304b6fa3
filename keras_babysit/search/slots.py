"""The trials that a search is to make, as a queue in its study.

Each trial to be made is a *slot*, `(round, place)`. Workers put a waiting trial into every slot
that is empty, and Optuna hands each waiting trial to one worker. Should two workers fill a slot at
once, the trial with the lower number counts and the other is given back before it costs anything.
So nobody has to be in charge, and a worker may die at any point.
"""

from optuna.trial import TrialState

from keras_babysit.search.record import COMPLETE, FAILED, PRUNED, RUNNING, STOPPED, Record
from keras_babysit.search.space import from_json

SLOT, PARAMS, SPACE = "slot", "params", "space"
SURPLUS, RAISED, ERROR = "surplus", "raised", "error"
"""Why a trial failed: given back; an exception that ended the search; or one that was put up with.
A failed trial without any of these died with its worker."""

STATES = {
    TrialState.COMPLETE: COMPLETE,
    TrialState.PRUNED: PRUNED,
    TrialState.FAIL: FAILED,
    TrialState.RUNNING: RUNNING,
}


class SurplusError(Exception):
    """The slot of a trial has another one."""


def settle(trials, max_retries):
    """Return the trial that counts in each slot.

    Args:
        trials: All `FrozenTrial`s of a study.
        max_retries: How often a slot is tried again after a worker died.
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


def top_up(study, trials, wanted, max_retries):
    """Put a waiting trial into each wanted slot that has none.

    Args:
        study: The study.
        trials: Its trials.
        wanted: Parameters by slot, as Optuna stores them; `{}` lets the sampler choose.
        max_retries: See `settle`.

    Returns:
        Whether a slot was filled.
    """
    taken = settle(trials, max_retries)
    empty = [slot for slot in wanted if slot not in taken]
    for slot in empty:
        study.enqueue_trial(wanted[slot], user_attrs={SLOT: list(slot)})
    return bool(empty)


def slot_of(trial):
    """Return the slot of a trial, None if it has none."""
    slot = trial.user_attrs.get(SLOT)
    return None if slot is None else tuple(slot)


def read_records(trials, max_retries, sign):
    """Return the trials that count and have begun as `Record`s, in the order of their numbers."""
    counted = settle(trials, max_retries).values()
    begun = [trial for trial in counted if trial.state != TrialState.WAITING]
    return [read_record(trial, sign) for trial in sorted(begun, key=lambda t: t.number)]


def read_record(trial, sign):
    """Return what a study knows of a trial as a `Record`."""
    known = trial.user_attrs
    state = STATES[trial.state]
    is_stopped = state == PRUNED and known.get("is_stopped")
    return Record(
        number=trial.number,
        round=slot_of(trial)[0],
        state=STOPPED if is_stopped else state,
        params=known.get(PARAMS, trial.params),
        space={name: from_json(one) for name, one in known.get(SPACE, {}).items()},
        scores=tuple(known.get("scores", ())),
        train_scores=tuple(known.get("train_scores", ())),
        sign=sign,
        cause="error" if ERROR in known else known.get("cause", ""),
        message=known.get(ERROR, known.get("message", "")),
        step=known.get("step", 0),
        findings=tuple(known.get("findings", ())),
        traits=known.get("traits", {}),
        examples=known.get("examples", 0),
    )


def waiting(trials):
    """Return whether a trial waits for a worker."""
    return any(trial.state == TrialState.WAITING for trial in trials)
