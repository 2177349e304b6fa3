"""Compare the speed of each layer with that of the layer it replaces: `make bench-layers`.

    KERAS_BACKEND=tensorflow python benchmarks/layers.py [--rounds 60] [--only whitening]

A compiled step runs forward and backward, without and with XLA, on a GPU if there is one. Each
round times our layer and its peer one after the other, so that both run under the same load. The
table shows the median ratio of their times and its quartiles. Below 1 our layer is faster.

`--profile` prints the time of each operation of the rows without XLA instead, on TensorFlow.
"""

import argparse
import collections
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_babysit.layers import (
    ChannelPReLU,
    ManualBatchNormalization,
    Maxout,
    MaxoutConv2D,
    MaxPieces,
    Whitening,
)

Timed = Callable[[], Any]
SMALL_IMAGES, LARGE_IMAGES = (64, 28, 28, 32), (32, 56, 56, 64)


class Contest(NamedTuple):
    """Two layers, their input shape, and the largest ratio of times that is aimed for."""

    name: str
    shape: tuple[int, ...]
    ours: Callable[[], list[keras.layers.Layer]]
    peer: Callable[[], list[keras.layers.Layer]]
    aim: float | None


def take_max(units: int, pieces: int, *sizes: int) -> list[keras.layers.Layer]:
    """Return a reshape and a max, which `MaxPieces` replaces."""
    maximum = keras.layers.Lambda(lambda z: ops.max(z, axis=-1), output_shape=(*sizes, units))
    return [keras.layers.Reshape((*sizes, units, pieces)), maximum]


CONTESTS = [
    *(
        Contest(f"ChannelPReLU / {name}", shape, lambda: [ChannelPReLU()], peer, aim)
        for shape in (SMALL_IMAGES, LARGE_IMAGES)
        for name, peer, aim in (
            (
                "PReLU(shared_axes=[1, 2])",
                lambda: [keras.layers.PReLU(shared_axes=[1, 2])],
                1 / 1.5,
            ),
            ("ReLU", lambda: [keras.layers.ReLU()], None),
        )
    ),
    *(
        Contest(
            f"Maxout(512, {k}) / Dense + reshape + max",
            (512, 512),
            lambda k=k: [Maxout(512, k)],
            lambda k=k: [keras.layers.Dense(512 * k), *take_max(512, k)],
            1.0,
        )
        for k in (2, 4)
    ),
    Contest(
        "Maxout(512, 2) / Dense(512)",
        (512, 512),
        lambda: [Maxout(512, 2)],
        lambda: [keras.layers.Dense(512)],
        None,
    ),
    Contest(
        "MaxoutConv2D(32, 3) / Conv2D + reshape + max",
        SMALL_IMAGES,
        lambda: [MaxoutConv2D(32, 3, padding="same")],
        lambda: [keras.layers.Conv2D(64, 3, padding="same"), *take_max(32, 2, 28, 28)],
        1.0,
    ),
    Contest(
        "MaxPieces(2) / reshape + max",
        SMALL_IMAGES,
        lambda: [MaxPieces(2)],
        lambda: take_max(16, 2, 28, 28),
        1.0,
    ),
    *(
        Contest(
            "ManualBatchNormalization / BatchNormalization",
            shape,
            lambda: [ManualBatchNormalization()],
            lambda: [keras.layers.BatchNormalization()],
            1.05,
        )
        for shape in ((512, 512), SMALL_IMAGES, LARGE_IMAGES)
    ),
]


def training_step(layers: list[keras.layers.Layer], x: np.ndarray, jit_compile: bool) -> Timed:
    """Return a forward and backward pass in training mode, with gradients of inputs and weights."""
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    inputs = ops.convert_to_tensor(x)
    upstream = ops.convert_to_tensor(np.random.default_rng(1).normal(size=model(x).shape), x.dtype)
    make = {"tensorflow": tensorflow_step, "jax": jax_step, "torch": torch_step}
    return make[keras.backend.backend()](model, inputs, upstream, jit_compile)


def tensorflow_step(model: keras.Model, x: Any, upstream: Any, jit_compile: bool) -> Timed:
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def step(x: Any, upstream: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
        sources = [x, *(w.value for w in model.trainable_weights)]
        return y, tape.gradient(y, sources, output_gradients=upstream)

    return lambda: step(x, upstream)[1][0][:1].numpy()


def jax_step(model: keras.Model, x: Any, upstream: Any, jit_compile: bool) -> Timed:
    import jax

    state = [v.value for v in model.non_trainable_variables]

    @jax.jit
    def step(x: Any, weights: Any, state: Any, upstream: Any) -> Any:
        def forward(x: Any, weights: Any) -> Any:
            return model.stateless_call(weights, state, x, training=True)

        y, pull_back, state = jax.vjp(forward, x, weights, has_aux=True)
        return y, state, pull_back(upstream)

    weights = [v.value for v in model.trainable_variables]
    return lambda: jax.block_until_ready(step(x, weights, state, upstream))


def torch_step(model: keras.Model, x: Any, upstream: Any, jit_compile: bool) -> Timed:
    import torch

    x.requires_grad_(True)
    sources = [x, *(w.value for w in model.trainable_weights)]

    def step() -> Any:
        gradients = torch.autograd.grad(model(x, training=True), sources, upstream)
        return gradients[0][:1].cpu()

    return step


def seconds(run: Timed) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(ours: Timed, peer: Timed, rounds: int) -> tuple[float, np.ndarray]:
    """Return our median time in seconds, and the quartiles of the ratio of times."""
    for run in (ours, peer, ours, peer):
        run()  # traces, compiles and warms up
    pairs = np.array([(seconds(ours), seconds(peer)) for _ in range(rounds)])
    return float(np.median(pairs[:, 0])), np.percentile(pairs[:, 0] / pairs[:, 1], (25, 50, 75))


def report(name: str, shape: tuple[int, ...], mode: str, result: Any, aim: float | None) -> None:
    ours, (low, median, high) = result
    verdict = (
        ""
        if aim is None
        else f"<= {aim:.2f} {'yes' if round(median, 2) <= round(aim, 2) else 'NO'}"
    )
    size = " x ".join(map(str, shape))
    print(
        f"{name:46} {size:18} {mode:10} {ours * 1e3:8.2f}  {median:5.2f}  "
        f"{low:.2f}-{high:.2f}  {verdict}",
        flush=True,
    )


def bench_layers(rounds: int, only: str) -> None:
    modes = {"tensorflow": (False, True), "jax": (True,), "torch": (False,)}
    for contest in CONTESTS:
        if only not in contest.name.lower():
            continue
        x = np.random.default_rng(0).normal(size=contest.shape).astype("float32")
        for jit_compile in modes[keras.backend.backend()]:
            ours = training_step(contest.ours(), x, jit_compile)
            peer = training_step(contest.peer(), x, jit_compile)
            result = compare(ours, peer, rounds)
            mode = "XLA" if jit_compile else "no XLA"
            report(contest.name, contest.shape, mode, result, contest.aim)


def operations(run: Timed, count: int = 20) -> dict[str, float]:
    """Return the time of each operation of a compiled step in ms, the longest first."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    run()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(count):
                run()
        [trace] = Path(folder).rglob("*.xplane.pb")
        planes = xplane_pb2.XSpace.FromString(trace.read_bytes()).planes
    spent: collections.Counter[str] = collections.Counter()
    for plane in planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            if "sequential" in name:
                spent[name.replace("gradient_tape", "backward")] += event.duration_ps
    return {name: total / 1e9 / count for name, total in spent.most_common()}


def profile_layers(only: str) -> None:
    for contest in CONTESTS:
        if only not in contest.name.lower():
            continue
        x = np.random.default_rng(0).normal(size=contest.shape).astype("float32")
        for name, layers in zip(
            contest.name.split(" / "), (contest.ours(), contest.peer()), strict=True
        ):
            print(f"{name}, {' x '.join(map(str, contest.shape))}")
            for operation, taken in operations(training_step(layers, x, False)).items():
                if taken >= 0.05:
                    print(f"  {taken:6.2f} ms  {operation}")


def bench_whitening(rounds: int) -> None:
    """Compare `adapt`, always in float64, with scikit-learn in the precision of the data."""
    from sklearn.decomposition import PCA

    for dtype in ("float64", "float32", "uint8"):
        x = np.random.default_rng(0).normal(128, 30, size=(50_000, 784)).clip(0, 255).astype(dtype)
        result = compare(
            lambda x=x: Whitening("pca").adapt(x), lambda x=x: PCA(whiten=True).fit(x), rounds
        )
        report("Whitening.adapt / PCA(whiten=True).fit", x.shape, dtype, result, 1.0)


def measure_accuracy() -> None:
    """Print the largest error of normalized outputs if the mean is far above the deviation."""
    x = np.random.default_rng(0).normal(1e4, 1e-2, size=(256, 3)).astype("float32")
    exact = x.astype("float64")
    expected = (exact - exact.mean(axis=0)) / np.sqrt(exact.var(axis=0) + 1e-3)
    for layer in (ManualBatchNormalization(), keras.layers.BatchNormalization()):
        outputs = ops.convert_to_numpy(layer(x, training=True))
        error = np.abs(outputs - expected).max()
        print(f"{type(layer).__name__} at mean 1e4, std 1e-2: largest error {error:.0e}")


def environment() -> str:
    return f"Keras {keras.__version__} on {keras.backend.backend()}, {ops.zeros(1).device}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60, help="number of timed pairs per row")
    parser.add_argument("--only", default="", help="run rows whose name contains this")
    parser.add_argument("--profile", action="store_true", help="print the time of operations")
    arguments = parser.parse_args()
    print(environment())
    if arguments.profile:
        profile_layers(arguments.only.lower())
        return
    print(f"{'ours / peer':46} {'shape':18} {'mode':10} {'ours, ms':>8}  ratio  quartiles  aim")
    only = arguments.only.lower()
    bench_layers(arguments.rounds, only)
    if only in "batchnormalization":
        measure_accuracy()
    if only in "whitening":
        bench_whitening(max(arguments.rounds // 6, 3))


if __name__ == "__main__":
    main()
