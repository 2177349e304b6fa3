"""Checks of what a backend module does with the steps of `fit`."""

import warnings

import keras
import numpy as np

from keras_babysit.backends.variables import groups
from keras_babysit.probes.intercept import intercept

BATCH_SIZE, STEPS = 4, 3
X = np.random.default_rng(0).normal(size=(BATCH_SIZE * STEPS, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class AtEachStep(keras.callbacks.Callback):
    """Runs `before(step, arguments)`, which returns arguments, and `after(step, result)`."""

    def __init__(self, before=lambda step, arguments: arguments, after=lambda step, result: None):
        super().__init__()
        self._before, self._after = before, after

    def on_train_batch_begin(self, batch, logs=None):
        intercept(
            self.model,
            "train_function",
            lambda arguments: (self._before(batch, arguments), None),
            lambda known, result: self._after(batch, result),
        )


def make_model():
    """Return a compiled model with a metric, moving averages and random numbers, and slots."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)]
    )
    model.add(layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.1), "mse", metrics=["mae"], jit_compile=False)
    return model


def fit(model, *callbacks, data=None, **arguments):
    """Train for one epoch and return all values of the model's variables as arrays."""
    if data is None:
        data, arguments = X, {"y": Y, "batch_size": BATCH_SIZE} | arguments
    model.fit(data, shuffle=False, verbose=0, callbacks=list(callbacks), **arguments)
    return [
        keras.ops.convert_to_numpy(variable.value) for group in groups(model) for variable in group
    ]


def check_states_are_grouped_as_the_variables(backend):
    """Inside a step, where JAX keeps them in its arguments, and between epochs."""
    model, sizes, values = make_model(), [], []

    def before(step, arguments):
        if step == 1:
            state = backend.state(model, arguments)
            sizes.append([len(group) for group in state])
            values.append([np.array(backend.to_numpy(value)) for value in state[0]])
        return arguments

    def after(step, result):
        if step == 0:
            values.append([np.array(backend.to_numpy(v)) for v in backend.trained(model, result)])

    whole = fit(model, AtEachStep(before, after))
    assert sizes == [[len(group) for group in groups(model)]]
    _assert_equal(*values)
    state = backend.state(model, None)
    _assert_equal([backend.to_numpy(value) for group in state for value in group], whole)


def check_copies_outlive_the_next_step(backend):
    model = make_model()
    start, kept = [np.array(value) for value in model.get_weights()], {}

    def before(step, arguments):
        if step == 0:
            trainable = backend.state(model, arguments)[0]
            kept["copy"] = backend.copy(trainable)
            kept["part"] = backend.subsample(trainable, 10**6)
        return arguments

    fit(model, AtEachStep(before))
    expected = [start[0], start[1]]
    for copies in kept.values():
        _assert_equal([backend.to_numpy(value) for value in copies[:2]], expected)


def check_borrowed_batches_are_handed_on(backend):
    """`fit` trains on the very same batches, and draws none twice, from arrays and generators."""
    for make in (lambda: None, Counted):
        plain, ours = make(), make()
        expected, seen = fit(make_model(), data=plain), []

        def before(step, arguments):
            if step != 1:  # some steps are not looked at
                return arguments
            batches, arguments = backend.borrow(arguments, 1)
            seen.extend(_inputs(backend, batch) for batch in batches)  # noqa: B023
            return arguments

        found = fit(make_model(), AtEachStep(before), data=ours)
        _assert_equal(found, expected)
        _assert_equal(seen, [X[BATCH_SIZE : 2 * BATCH_SIZE]])
        assert ours is None or ours.drawn == plain.drawn


def check_a_feed_takes_the_batches_of_every_step(backend):
    for make in (lambda: None, Counted):
        expected, feed, seen = fit(make_model(), data=make()), backend.Feed(), []

        def before(step, arguments):
            batches, arguments = feed.take(arguments, 1)  # noqa: B023
            seen.extend(_inputs(backend, batch) for batch in batches)  # noqa: B023
            return arguments

        _assert_equal(fit(make_model(), AtEachStep(before), data=make()), expected)
        _assert_equal(seen, list(X.reshape(STEPS, BATCH_SIZE, 3)))


def check_a_feed_reads_optimizer_variables(backend):
    model, feed, seen = make_model(), backend.Feed(), []
    rate = model.optimizer.learning_rate

    def before(step, arguments):
        index = [one is rate for one in groups(model)[2]].index(True)
        seen.append(float(backend.to_numpy(feed.optimizer_value(arguments, rate, index))))
        return arguments

    fit(model, AtEachStep(before))
    np.testing.assert_allclose(seen, [0.1] * STEPS, rtol=1e-6)


def check_exchanged_values_are_trained_on(backend):
    """Inside a step and between epochs."""
    model, seen = make_model(), []
    model.optimizer.learning_rate = 0.0

    def doubled(state):
        return ([2 * backend.to_numpy(value) for value in state[0]], *state[1:])

    def before(step, arguments):
        if step == 1:
            state = backend.state(model, arguments)
            values = doubled(tuple(backend.copy(group) for group in state))
            seen.append(values[0])
            arguments = backend.exchange(model, arguments, values)
        return arguments

    fit(model, AtEachStep(before))
    _assert_equal([backend.to_numpy(value) for value in backend.state(model, None)[0]], seen[0])
    values = doubled(tuple(backend.copy(group) for group in backend.state(model, None)))
    assert backend.exchange(model, None, values) is None
    _assert_equal([backend.to_numpy(value) for value in backend.state(model, None)[0]], values[0])


def check_a_sandbox_leaves_no_trace(backend):
    """Steps in it are those of `fit`, and `fit` goes on as if there had been none."""
    expected, found, real = fit(make_model()), [], []
    model, feed = make_model(), backend.Feed()

    def before(step, arguments):
        function = model.train_function
        batches, arguments = feed.take(arguments, 1)
        if step == 1:
            start = tuple(backend.copy(group) for group in backend.state(model, arguments))
            random = backend.random_state()
            with backend.Sandbox(model, function, feed, arguments) as box:
                for _ in range(2):
                    box.load(start)
                    backend.set_random_state(random)
                    assert np.isfinite(_loss(backend, box.step(batches)))
                    found.append([np.array(backend.to_numpy(v)) for v in box.values()[0]])
                with box.attached():
                    _assert_equal([backend.to_numpy(v.value) for v in groups(model)[0]], found[-1])
        return arguments

    def after(step, result):
        if step == 1:
            real.extend(np.array(backend.to_numpy(v)) for v in backend.trained(model, result))

    _assert_equal(fit(model, AtEachStep(before, after)), expected)
    for trained in found:
        _assert_close(trained, real)


def check_a_sandbox_leaves_no_trace_after_an_error(backend):
    expected, model, feed = fit(make_model()), make_model(), backend.Feed()

    def before(step, arguments):
        function = model.train_function
        batches, arguments = feed.take(arguments, 1)
        if step == 0:  # the first step of TensorFlow still makes variables
            return arguments
        start = tuple(backend.copy(group) for group in backend.state(model, arguments))
        try:
            with backend.Sandbox(model, function, feed, arguments) as box:
                box.load(start)
                box.step(batches)
                raise KeyError("inside")
        except KeyError:
            return arguments

    _assert_equal(fit(model, AtEachStep(before)), expected)


def check_logs_hold_the_loss(backend):
    losses = []

    def after(step, result):
        losses.append(_loss(backend, backend.logs(result)))

    fit(make_model(), AtEachStep(after=after))
    assert len(losses) == STEPS
    assert np.isfinite(losses).all()


def check_the_end_of_the_data_is_announced_or_not(backend):
    """Counted on a generator, whose length Keras does not know."""
    model, begun = make_model(), []

    class Count(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            begun.append(batch)

    def batches():
        for step in range(STEPS):
            rows = slice(step * BATCH_SIZE, (step + 1) * BATCH_SIZE)
            yield X[rows], Y[rows]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns about data that end sooner than it expected
        model.fit(batches(), shuffle=False, verbose=0, callbacks=[Count()])
    assert len(begun) == STEPS + backend.ANNOUNCES_THE_END


def check_a_process_trains_alone(backend):
    model = make_model()
    assert backend.workers(model) == (0, 1)
    assert backend.is_whole(model)


class Counted(keras.utils.PyDataset):
    """Counts how often a batch is drawn."""

    def __init__(self):
        super().__init__()
        self.drawn = 0

    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        self.drawn += 1
        rows = slice(index * BATCH_SIZE, (index + 1) * BATCH_SIZE)
        return X[rows], Y[rows]


def _inputs(backend, batch):
    return np.array(backend.to_numpy(keras.tree.flatten(batch)[0]))


def _loss(backend, logs):
    return float(np.mean(backend.to_numpy(logs["loss"])))


def _assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def _assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


CHECKS = {
    "state": check_states_are_grouped_as_the_variables,
    "copies-outlive-a-step": check_copies_outlive_the_next_step,
    "borrow": check_borrowed_batches_are_handed_on,
    "feed": check_a_feed_takes_the_batches_of_every_step,
    "feed-optimizer-value": check_a_feed_reads_optimizer_variables,
    "exchange": check_exchanged_values_are_trained_on,
    "sandbox": check_a_sandbox_leaves_no_trace,
    "sandbox-after-an-error": check_a_sandbox_leaves_no_trace_after_an_error,
    "logs": check_logs_hold_the_loss,
    "end-of-data": check_the_end_of_the_data_is_announced_or_not,
    "workers": check_a_process_trains_alone,
}
