import keras

from keras_babysit.backends import backend
from keras_babysit.history import History
from keras_babysit.probes.description import Description
from keras_babysit.probes.facts import regularization
from keras_babysit.probes.probe import Probe, weight_names
from tests.probes.parts import X, Y, network, reference

PLANNED = {"epochs": 3, "steps": 10}


def described(model, history, sample):
    return Description(model, history, planned=PLANNED, reference=sample)


def test_a_run_is_described_by_its_first_batch():
    model, history = network(), History()
    sample = reference(history=history)
    description = described(model, history, sample)
    assert not description.has_run
    description.describe_run((X[:32], Y[:32], None), weight_names(model), 32)
    assert description.has_run
    assert description.batch_size == 32
    assert sample.needed == 320  # the examples of an epoch: a verdict on dead units needs no more


def test_layers_that_change_examples_at_random_are_known():
    inner = keras.Sequential([keras.layers.RandomFlip(name="flip"), keras.layers.Rescaling(2.0)])
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), inner, keras.layers.RandomContrast(0.1, name="contrast")]
    )
    model.compile("sgd", "mse")
    assert regularization(model).augmentations == ("flip", "contrast")
    assert regularization(network()).augmentations == ()


def test_the_data_are_described_again_while_more_of_them_come():
    model, history = network(), History()
    sample = reference(train=200, history=history)
    description = described(model, history, sample)
    seen = []
    description.describe_run((X[:32], Y[:32], None), weight_names(model), 32)
    for _ in range(2):
        seen.append(history.facts.data.examples)
        description.describe_data()
    description.describe_data((X[:100], Y[:100], None))
    seen.append(history.facts.data.examples)
    assert seen == [32, 200, 200]


def test_the_first_probe_shows_layers_their_weights_and_outputs():
    model, history = network(), History()
    names, batch = weight_names(model), (X[:32], Y[:32], None)
    description = described(model, history, reference(history=history))
    description.describe_run(batch, names, len(batch[0]))
    assert description.outputs == ()
    probe = Probe(model, is_compiled=False)
    probe(backend.state(model, None), batch)
    description.describe_network(probe, names)
    description.note_compilation(False)
    facts = history.facts
    assert list(facts.layers) == ["hidden", "last"]
    assert facts.layers["last"].role == "output"
    assert facts.weights["hidden/kernel"].layer == "hidden"
    assert description.outputs[0].form == "categorical"
    assert facts.is_compiled is False
