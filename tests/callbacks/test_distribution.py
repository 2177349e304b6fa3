"""Many devices and many workers: in processes of their own, because devices are split at the start.

One machine plays all of them; what goes between the workers goes over its loopback.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

import keras
import pytest

BACKEND = keras.backend.backend()
TIMEOUT_SECONDS = 300  # a worker that waits for the others waits for ever

MIRRORED = """
    import numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras, keras_babysit as kb

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.arange(64) % 2

    def train(callbacks):
        keras.utils.set_random_seed(3)
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5)]
            model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, "softmax")])
            model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=callbacks)
        return model.get_weights()

    bare = train([])
    blind, given = kb.Babysitter(every=1, verbose=0), kb.Babysitter((x, y), every=1, verbose=0)
    for sitter in (blind, given):
        assert all(np.array_equal(a, b) for a, b in zip(bare, train([sitter])))
        assert sitter.history.facts.broke_off is None, sitter.history.facts
    assert [one.rule for one in blind.findings] == ["not_watched"], blind.findings
    assert {one.rule for one in given.findings} <= {"uninformative_inputs"}  # random labels
    assert given.history.last("loss/batch") > 0 and given.history.targets("updates/ratio")
"""

HOST_DEVICES = """
    import os, sys
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    import jax, keras, numpy as np
    import keras_babysit as kb

    assert jax.device_count() == 2
    if sys.argv[1] == "data":
        distribution = keras.distribution.DataParallel()
    else:
        mesh = keras.distribution.DeviceMesh((1, 2), ["batch", "model"])
        layout = keras.distribution.LayoutMap(mesh)
        layout[".*dense.*kernel"] = (None, "model")
        distribution = keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.arange(64) % 2

    def train(callbacks, distribution=distribution):
        keras.distribution.set_distribution(distribution)
        keras.utils.set_random_seed(3)
        layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5)]
        model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=32, epochs=2, verbose=0, callbacks=callbacks)
        devices = {len(weight.value.sharding.device_set) for weight in model.weights}
        assert devices == {1 if distribution is None else 2}
        return model.get_weights()

    bare = train([])
    default, often = kb.Babysitter(verbose=0), kb.Babysitter(every=1, verbose=0)
    for sitter in (default, often):
        assert all(np.array_equal(a, b) for a, b in zip(bare, train([sitter])))
        assert sitter.history.facts.broke_off is None, sitter.history.facts
        assert sitter.history.targets("updates/ratio")
    assert len(often.history.targets("activations/mean")) == 2
    assert {one.rule for one in often.findings} <= {"uninformative_inputs"}  # random labels

    one = kb.Babysitter(every=1, verbose=0)
    train([one], None)
    for quantity in ("loss/batch", "gradients/norm", "weights/norm", "updates/ratio"):
        targets = often.history.targets(quantity)
        assert len(targets) == len(one.history.targets(quantity))
        for here, there in zip(targets, one.history.targets(quantity)):
            seen = [s.history.series(quantity, t).values for s, t in ((often, here), (one, there))]
            assert len(seen[0]) and np.allclose(*seen, rtol=1e-4), (quantity, seen)
"""

WORKERS = {
    "tensorflow": """
        os.environ["TF_CONFIG"] = json.dumps(
            {
                "cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]},
                "task": {"type": "worker", "index": index},
            }
        )
        import tensorflow as tf
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        import keras
        from keras.src.backend.tensorflow import trainer
        scope, sees_batches = strategy.scope, False

        def mean(values, strategy, reduction):
            return keras.tree.map_structure(lambda v: strategy.reduce("MEAN", v, None), values)

        def prepare(model, x, y):
            # Keras 3.15 cannot train on several workers: it builds on the mean of the batches, and
            # takes the mean of a loss over an axis that a scalar lacks. Both are fixed here.
            with strategy.scope():
                model._symbolic_build(data_batch=(x[:8], y[:8]))
            model._maybe_symbolic_build = lambda **arguments: None
            trainer.reduce_per_replica = mean
    """,
    "jax": """
        import jax
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{ports[0]}", 2, index)
        import keras
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(auto_shard_dataset=False)
        )
        scope, sees_batches, prepare = contextlib.nullcontext, True, lambda model, x, y: None
    """,
    "torch": """
        import torch
        torch.distributed.init_process_group(
            "gloo", init_method=f"tcp://127.0.0.1:{ports[0]}", rank=index, world_size=2
        )
        import keras
        scope, sees_batches, prepare = contextlib.nullcontext, True, lambda model, x, y: None
    """,
}

WORKER_START = """
    import contextlib, json, os, sys
    index, ports, folder = int(sys.argv[1]), sys.argv[2].split(","), f"{sys.argv[3]}/{sys.argv[1]}"
"""

WORKER = """
    import numpy as np
    import keras_babysit as kb

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.arange(64) % 2

    def train(callbacks):
        keras.utils.set_random_seed(3)
        with scope():
            layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5)]
            model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, "softmax")])
            model.compile("adam", "sparse_categorical_crossentropy")
        prepare(model, x, y)
        model.fit(
            x, y, batch_size=16, epochs=2, verbose=0, callbacks=callbacks, validation_data=(x, y)
        )
        return model.get_weights()

    class Ear:
        def __init__(self):
            self.calls = []

        def on_start(self, history):
            self.calls.append("start")

        def on_measurements(self, measurements):
            self.calls.append("measurements")

        def on_events(self, events):
            self.calls.append("events")

        def on_end(self, report):
            self.calls.append("end")

    bare = train([])
    for probe in [None] if sees_batches else [None, (x, y)]:
        ear = Ear()
        sitter = kb.Babysitter(
            probe,
            every=1,
            log_dir=folder,
            record=folder,
            rescue=True,
            stop_on="note",
            sinks=[ear],
        )
        assert all(np.array_equal(a, b) for a, b in zip(bare, train([sitter])))
        facts, rules = sitter.history.facts, {one.rule for one in sitter.findings}
        assert facts.broke_off is None, facts
        assert (facts.worker, facts.workers) == (index, 2)
        if index:
            (note,) = sitter.findings
            assert (note.rule, len(sitter.history)) == ("not_watched", 0)
            assert "worker 1 of 2" in note.message and "Worker 0" in note.message
            assert ear.calls == [] and not os.path.exists(folder)
            continue
        is_blind = probe is None and not sees_batches
        expected = {"not_done", "not_watched"} if is_blind else {"not_done"}
        known = {"uninformative_inputs", "leakage"}  # random labels, validated on the same examples
        assert rules - known == expected, rules
        assert {"start", "measurements", "end"} <= {*ear.calls} and os.listdir(folder)
        if not is_blind:
            assert len(sitter.history.series("loss/batch")) == 9
            assert len(sitter.history.targets("activations/mean")) == 2
            assert sitter.history.last("score/loss", "train") > 0
"""

SPLIT_WEIGHTS = """
    mesh = keras.distribution.DeviceMesh((1, 2), ["batch", "model"])
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*dense.*kernel"] = (None, "model")
    keras.distribution.set_distribution(
        keras.distribution.ModelParallel(
            layout_map=layout, batch_dim_name="batch", auto_shard_dataset=False
        )
    )
    import numpy as np
    import keras_babysit as kb

    keras.utils.set_random_seed(3)
    x, y = np.ones((32, 4), "float32"), np.arange(32) % 2
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    sitter = kb.Babysitter(every=1, verbose=0)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[sitter])
    (note,) = sitter.findings
    assert note.rule == "not_watched" and sitter.history.facts.broke_off is None
    assert index or "split over several processes" in note.message
"""


def script(*parts):
    return [sys.executable, "-c", "".join(textwrap.dedent(part) for part in parts)]


def run_workers(program, folder):
    """Run two processes that find each other by two free ports; return what each has printed."""
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = ",".join(str(one.getsockname()[1]) for one in sockets)
    for one in sockets:
        one.close()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(4)]
        workers = [
            subprocess.Popen(
                [*program, str(index), ports, str(folder)],
                stdout=files[index],
                stderr=files[2 + index],
            )
            for index in range(2)
        ]
        _wait_for_all_or_a_failure(workers)
        for file in files:
            file.seek(0)
        *printed, first, second = (file.read() for file in files)
    codes = [worker.returncode for worker in workers]
    assert codes == [0, 0], f"{codes}\n{first[-3000:]}\n--- second worker:\n{second[-3000:]}"
    return printed


def _wait_for_all_or_a_failure(workers):
    """Wait until all have ended, one has failed, or it takes too long; then end the rest."""
    end = time.monotonic() + TIMEOUT_SECONDS
    try:
        while time.monotonic() < end and {worker.poll() for worker in workers} <= {None, 0}:
            if all(worker.poll() == 0 for worker in workers):
                return
            time.sleep(0.1)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_mirrored_replicas_train_as_if_alone():
    subprocess.run(script(MIRRORED), check=True, timeout=TIMEOUT_SECONDS)


@pytest.mark.skipif(BACKEND != "jax", reason="keras.distribution is JAX's")
@pytest.mark.parametrize("split", ["data", "model"])
def test_host_devices_are_measured_as_one_device(split):
    subprocess.run([*script(HOST_DEVICES), split], check=True, timeout=TIMEOUT_SECONDS)


@pytest.mark.parametrize(
    "backend",
    # TensorFlow's workers take more than a minute to start and trace.
    [pytest.param(BACKEND, marks=[pytest.mark.slow] if BACKEND == "tensorflow" else [])],
)
def test_the_first_worker_alone_reports(backend, tmp_path):
    program = script(WORKER_START, WORKERS[backend], WORKER)
    first, second = run_workers(program, tmp_path)
    assert "keras-babysit" in first
    assert "keras-babysit" not in second
    assert "not_watched" not in second


@pytest.mark.skipif(BACKEND != "jax", reason="keras.distribution is JAX's")
def test_weights_split_over_processes_are_left_alone(tmp_path):
    run_workers(script(WORKER_START, WORKERS["jax"], SPLIT_WEIGHTS), tmp_path)
