"""What the tests of the parts of a monitor have in common."""

import keras
import numpy as np

from keras_babysit.history import History
from keras_babysit.probes.example_choice import ExampleChoice
from keras_babysit.samples import ReferenceSample
from keras_babysit.samples.batch_size import BatchSize
from keras_babysit.schedule import Plan, Schedule

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1000, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")


class Clock:
    """Tells the seconds that it is given."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def started(every="auto", **options):
    """Return a started schedule whose clock stands still."""
    schedule = Schedule(every, clock=Clock(), **options)
    schedule.start(planned_steps=1000)
    return schedule


def planned(**options):
    """Return a schedule with this plan."""
    schedule = started()
    schedule.plan = Plan(**options)
    return schedule


def network(batch_size=None, compiled=True):
    given = keras.Input(batch_shape=(batch_size, 4))
    hidden = keras.layers.Dense(3, "relu", name="hidden")(given)
    model = keras.Model(given, keras.layers.Dense(2, "softmax", name="last")(hidden))
    if compiled:
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
    return model


def reference(train=0, validation=0, history=None):
    """Return a reference sample of so many examples."""
    sample = ReferenceSample(history or History())
    for part, count in ((sample.train, train), (sample.validation, validation)):
        if count:
            part.add(0, (X[:count], Y[:count], None))
    return sample


def choice_for(model, sample, schedule=None):
    """Return an `ExampleChoice` and the `BatchSize` that it goes by."""
    batch_size = BatchSize(model)
    return ExampleChoice(sample, batch_size, schedule or started()), batch_size
