"""How a fault is said."""

import pytest

from keras_babysit.findings import Remedy
from keras_babysit.recorder.fault import Fault


def fault(**more):
    return Fault("output", "dense", 34, 1, 3, more.pop("example", None), "It is bad", **more)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (fault(), "It is bad in batch 3 of epoch 2."),
        (fault(example=0), "It is bad in batch 3 of epoch 2, example 0."),
        (fault(numbers="largest input 4e4"), "It is bad in batch 3 of epoch 2: largest input 4e4."),
        (
            fault(example=5, although="the loss is finite", numbers="7 entries"),
            "It is bad in batch 3 of epoch 2, example 5, although the loss is finite: 7 entries.",
        ),
    ],
    ids=["where", "example", "numbers", "all"],
)
def test_its_message_is_one_sentence(fault, message):
    assert fault.message == message


def test_its_finding_names_the_step_and_the_way_to_reproduce_it_first():
    show, cure = Remedy("Reproduce it."), Remedy("Scale the inputs.")
    found = fault(remedies=(cure,), evidence={"entries": 7}).finding(show, {"replayed_calls": 6})
    assert found.remedies == (show, cure)
    assert found.evidence == {
        "quantity": "output",
        "bad_step": 34,
        "entries": 7,
        "replayed_calls": 6,
    }
    assert fault(remedies=(cure,)).finding(None, {}).remedies == (cure,)
