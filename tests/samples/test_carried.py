"""Whether a further run trains on the data of the run before it."""

import numpy as np
import pytest

from keras_babysit.history import History
from keras_babysit.samples.carried import MAX_CARRIED_BYTES, Carried, SameData
from keras_babysit.samples.earlier import Earlier
from keras_babysit.samples.reference_sample import ReferenceSample
from keras_babysit.samples.sample import Sample

SIZE, STEPS, VALIDATION = 32, 8, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(SIZE * STEPS, 4)).astype("float32")
Y = RNG.integers(0, 3, len(X))
W = np.ones(len(X), "float32")
X_VAL = RNG.normal(size=(SIZE * VALIDATION, 4)).astype("float32")
Y_VAL = RNG.integers(0, 3, len(X_VAL))


def run(data, validation, earlier=None, *, limit=None, steps=STEPS):
    """Return what a run of one epoch keeps, and how many batches it took for that."""
    history = History()
    history.note(examples_per_epoch=len(data[0]))
    reference, taken = ReferenceSample(history), 0
    if limit:
        reference.train.max_examples = limit
    reference.begin(earlier, steps)
    order = np.random.default_rng(taken).permutation(len(data[0]))
    for step in range(steps):
        # A batch of a measured step is seen in any case.
        if (reference.is_carried or not reference.train.wants(step)) and step not in (0, 1, 2, 4):
            continue
        rows = order[step * SIZE : (step + 1) * SIZE]
        reference.take_train_batch(step, 0, tuple(part[rows] for part in data))
        taken += 1
    count = -(-len(validation[0]) // SIZE)
    for index in range(count):
        if reference.wants_validation_batch(index):
            part = slice(index * SIZE, (index + 1) * SIZE)
            reference.take_validation_batch(index, (*(one[part] for one in validation), None))
            taken += 1
    reference.end_validation(count)
    return reference, taken


def after(reference):
    return reference.as_earlier((), steps=STEPS)


@pytest.mark.parametrize("limit", [None, 128])
def test_the_same_data_are_not_kept_again(limit):
    first, taken = run((X, Y, W), (X_VAL, Y_VAL), limit=limit)
    assert not first.is_carried
    second, again = run((X, Y, W), (X_VAL, Y_VAL), after(first))
    assert second.is_carried
    assert second.train is first.train
    assert second.validation is first.validation
    assert again == 4 + 2 < taken
    third, _ = run((X, Y, W), (X_VAL, Y_VAL), after(second))
    assert third.train is first.train


OTHERS = {
    "inputs": ((X + 1, Y, W), (X_VAL, Y_VAL)),
    "scale": ((255 * X, Y, W), (X_VAL, Y_VAL)),
    "targets": ((X, RNG.permutation(Y), W), (X_VAL, Y_VAL)),
    "weights": ((X, Y, 2 * W), (X_VAL, Y_VAL)),
    "validation inputs": ((X, Y, W), (X_VAL * 255, Y_VAL)),
    "validation targets": ((X, Y, W), (X_VAL, (Y_VAL + 1) % 3)),
    "more validation": ((X, Y, W), (np.tile(X_VAL, (2, 1)), np.tile(Y_VAL, 2))),
}


@pytest.mark.parametrize("limit", [None, 128])
@pytest.mark.parametrize("name", OTHERS)
def test_other_data_are_kept_anew(name, limit):
    first, _ = run((X, Y, W), (X_VAL, Y_VAL), limit=limit)
    second, _ = run(*OTHERS[name], after(first))
    assert not second.is_carried
    kept = second.train.batch(9999)
    known = {row.tobytes() for row in OTHERS[name][0][0]}
    assert all(row.tobytes() in known for row in kept[0])
    if not name.startswith(("validation", "more")):
        assert len(second.train) == len(X)
    assert second.known_comparison is None
    assert second.neighbours is not first.neighbours


def test_a_sample_that_holds_few_of_many_examples_is_used_again_once_enough_are_found():
    first, _ = run((X, Y, W), (X_VAL, Y_VAL), limit=SIZE)  # one in eight
    second, taken = run((X, Y, W), (X_VAL, Y_VAL), after(first))
    assert second.is_carried
    assert taken == 3 + 1 + 2  # 96 examples, of which 12 are expected, and the one at step 4


@pytest.mark.parametrize("is_same", [True, False])
def test_in_the_same_order_only_batches_that_were_kept_must_be_known(is_same):
    parts = [
        (X[start : start + SIZE], Y[start : start + SIZE], None) for start in range(0, 256, SIZE)
    ]
    kept = Sample()
    kept.add(0, parts[0])
    kept.add(5, parts[5])
    same = SameData(Carried(kept, Sample(), STEPS, 0.5, 0, 0, None, {}))
    for step in range(STEPS):
        x, y, _ = parts[step]
        same.note_train((x, y, None) if is_same else (x + 1, y, None), step)
    assert same.has_train == is_same


def test_another_number_of_steps_is_another_run():
    first, _ = run((X, Y, W), (X_VAL, Y_VAL))
    second, _ = run((X[: SIZE * 4], Y[: SIZE * 4], W), (X_VAL, Y_VAL), after(first), steps=4)
    assert not second.is_carried


def test_what_was_compared_is_known_in_the_next_run():
    first, _ = run((X, Y, W), (X_VAL, Y_VAL))
    first.comparison = ("facts", "comparison")
    first.neighbours["output"] = "answers"
    second, _ = run((X, Y, W), (X_VAL, Y_VAL), after(first))
    assert second.known_comparison == ("facts", "comparison")
    assert second.neighbours == {"output": "answers"}


def test_without_validation_data_the_training_examples_are_used_again():
    none = (X_VAL[:0], Y_VAL[:0])
    first, _ = run((X, Y, W), none)
    second, _ = run((X, Y, W), none, after(first))
    assert second.is_carried
    assert len(second.validation) == 0


def test_each_run_checks_another_batch_of_the_validation_data():
    first, _ = run((X, Y, W), (X_VAL, Y_VAL))
    changed = X_VAL.copy()
    changed[-1] += 1.0  # in the last batch
    found = []
    for _ in range(VALIDATION - 1):
        second, _ = run((X, Y, W), (changed, Y_VAL), after(first))
        found.append(second.is_carried)
        first = second if second.is_carried else first
    assert not all(found)


@pytest.mark.parametrize("why", ["no-epoch", "large", "length-unknown"])
def test_nothing_is_carried_on(why):
    columns = MAX_CARRIED_BYTES // (4 * len(X)) + 1 if why == "large" else 4
    x = np.zeros((len(X), columns), "float32")
    first, _ = run((x, Y, W), (X_VAL, Y_VAL))
    if why == "length-unknown":
        first._history.note(examples_per_epoch=None)
    earlier = first.as_earlier((), steps=None if why == "no-epoch" else STEPS)
    assert isinstance(earlier, Earlier)
    assert earlier.carried is None
