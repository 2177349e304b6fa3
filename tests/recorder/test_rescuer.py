"""What a rescue says and restores, from an incident that is made up."""

from dataclasses import replace

import numpy as np
import pytest

import keras_babysit as kb
from keras_babysit.backends import backend
from keras_babysit.recorder.health import Health, RunHealth
from keras_babysit.recorder.incident import Incident
from keras_babysit.recorder.replay import BadStep
from keras_babysit.recorder.rescuer import Rescuer
from keras_babysit.recorder.ring import KeptStep
from keras_babysit.recorder.snapshot import Position, on_host
from keras_babysit.recorder.vitals import learning_rate_index
from tests.recorder import faulty

NOW = Position(call=9, step=9, epoch=0)
RATE = np.float32(0.5)


class TrainsOne:
    """Stands for a replay that trains on one step and then meets something bad."""

    steps, is_identical = 7, True

    def go_on(self, values, epoch, steps):
        return values, 1


def model_and_values():
    model, _, _ = faulty.nan_input()
    model.optimizer.build(model.trainable_variables)
    return model, on_host(backend.state(model, None))


def incident_of(values, *, reason="Nobody knows why.", is_located=True):
    later = [KeptStep(step, step, 0, step, [None]) for step in (6, 7, 8)]
    bad = BadStep(later[0], None, None, None, False) if is_located else None
    return Incident(
        good=values, good_step=6, bad=bad, reason=reason, later=later, replay=TrainsOne()
    )


def restore(rescue, health=None, incident=None, rate=RATE):
    """Return the only finding, the restored values and the model."""
    model, values = model_and_values()
    findings = []
    rescuer = Rescuer(model, rescue, health=health or RunHealth(), report=findings.append)
    incident = incident(values) if incident else incident_of(values)
    restored = rescuer.restore(incident, NOW, rate)
    (finding,) = findings
    return finding, restored, model


def rate_in(model, values):
    return float(values[2][learning_rate_index(model)])


def test_a_rescue_that_continues_says_what_it_did():
    finding, restored, model = restore(kb.Rescue(lr_factor=0.5))
    assert finding.message == (
        "Restored the state of step 6, skipped batch 6 and trained again on 1 of 2 batches since. "
        "Learning rate lowered from 0.5 to 0.25. Rescue 1 of 3. Nobody knows why."
    )
    assert finding.target == "batch 6 of epoch 1"
    assert finding.evidence == {
        "rescues": 1,
        "replayed_calls": 7,
        "replay_is_identical": True,
        "learning_rate": 0.25,
    }
    assert rate_in(model, restored) == 0.25


def test_a_learning_rate_that_is_kept_is_not_mentioned():
    finding, restored, model = restore(kb.Rescue(lr_factor=1.0, skip_batch=False))
    assert finding.message == (
        "Restored the state of step 6 and trained again on 1 of 3 batches since. "
        "Rescue 1 of 3. Nobody knows why."
    )
    assert rate_in(model, restored) == 0.5  # what callbacks made of it, not what it was then


@pytest.mark.parametrize(
    ("good_step", "is_located", "done"),
    [
        (6, False, "Restored the state of step 6. Training on 3 batches since is lost."),
        (8, False, "Restored the state of step 8. Training on 1 batch since is lost."),
        (9, False, "Restored the state of step 9."),
        (8, True, "Restored the state of step 8 and skipped batch 6."),
    ],
    ids=["three-lost", "one-lost", "none-lost", "only-the-skipped-one"],
)
def test_what_cannot_be_trained_on_again_is_lost_and_said_so(good_step, is_located, done):
    def incident(values):
        made = incident_of(values, is_located=is_located)
        return replace(made, good_step=good_step, later=[], replay=None)

    finding, _, _ = restore(kb.Rescue(lr_factor=1.0), incident=incident)
    assert finding.message == f"{done} Rescue 1 of 3. Nobody knows why."


def test_after_the_last_rescue_it_stops():
    health = RunHealth(Health.LOST, rescues=3, rescued_at=8)
    finding, restored, model = restore(kb.Rescue(), health)
    assert finding.message == (
        "Restored the state of step 6 (weights, optimizer, seeds) and stopped training. "
        "Nobody knows why."
    )
    assert finding.evidence["rescues"] == 3
    assert rate_in(model, restored) == 0.5


@pytest.mark.parametrize("rescue", [kb.Rescue(), kb.Rescue(max_times=0)])
def test_without_a_good_state_nothing_is_restored(rescue):
    finding, restored, _ = restore(
        rescue, incident=lambda values: incident_of(None, is_located=False)
    )
    assert restored is None
    assert finding.message == (
        "Stopped training; no good state was kept to restore. Nobody knows why."
    )
    assert finding.target == "step 9"


def test_under_a_schedule_the_restored_values_keep_their_own():
    finding, _, _ = restore(kb.Rescue(lr_factor=1.0), rate=None)
    assert "learning_rate" not in finding.evidence


@pytest.mark.parametrize(
    ("rescues", "skip_batch", "is_located", "skipped"),
    [(0, True, True, 6), (0, False, True, None), (0, True, False, None), (3, True, True, None)],
    ids=["skips", "tries-again", "not-located", "stops"],
)
def test_the_batch_that_is_skipped(rescues, skip_batch, is_located, skipped):
    health = RunHealth(rescues=rescues, rescued_at=1 if rescues else None)
    rescuer = Rescuer(None, kb.Rescue(skip_batch=skip_batch), health=health, report=pytest.fail)
    assert rescuer.skipped_step(incident_of(None, is_located=is_located)) == skipped
