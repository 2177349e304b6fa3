"""Measures on one GPU what monitoring costs and that it changes nothing: `make bench-gpu`.

    python -m benchmarks.gpu [--minutes 8] [--backends tensorflow jax torch] [--small]
    python -m benchmarks.gpu table

It installs nothing, needs no network, and ends after `--minutes` with what it has. Each backend
runs in processes of its own, in the environment `.venv`, `.venv-jax` or `.venv-torch` where there
is one, else in that of this process; one that cannot be imported, or sees no GPU, is named and left
out.

- **cost**: ResNet50, a transformer, an LSTM and a GAN with its own training step, with batches
  that fill a GPU; with `jit_compile=True` and without it where both exist. After a `fit` that
  compiles the step, plain and monitored runs of the same compiled model take turns. The first
  monitored run includes what starts the measurements, the later ones do not.
- **identity**: fresh models train on with deterministic operations, plain and monitored at every
  third step; all weights and losses must be the same bits.
- **findings**: three programs, two of them with a fault, are trained on the GPU and on the CPU; the
  findings (rule, severity, target) must be the same.

`--small` runs the same on a CPU with tiny networks in about a minute: a test of this script, not a
measurement. Results are appended to `.cost/gpu.jsonl`; `table` prints them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".cost" / "gpu.jsonl"
ENVIRONMENTS = {"tensorflow": ".venv", "jax": ".venv-jax", "torch": ".venv-torch"}
PARTS = ("cost", "identity", "findings")
SHARES = {"cost": 0.7, "identity": 0.2, "findings": 0.1}
"""Of the time of a backend."""

PAIRS = 3
RUN_SECONDS = {False: 5.0, True: 0.3}
"""Length of a run, by whether it is `--small`."""

DETERMINISTIC = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
    "TF_DETERMINISTIC_OPS": "1",
}


# ------------------------------------------------------------------------- in a measured process


def has_gpu(backend):
    """Return whether a backend sees a GPU, and its name."""
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    if backend == "jax":
        import jax

        found = [one for one in jax.devices() if one.platform != "cpu"]
        return found[0].device_kind if found else None
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0])["device_name"] if found else None


def peak_mebibytes(backend, is_gpu):
    """Return the peak of the memory so far: of the GPU, without one of the process."""
    if not is_gpu:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    if backend == "torch":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    if backend == "jax":
        import jax

        return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20


def be_deterministic(backend):
    """Use deterministic operations only."""
    if backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
    elif backend == "tensorflow":
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(0)
        tf.config.experimental.enable_op_determinism()


def networks(is_small):
    """Return by name a function that makes a model, and one that makes its data."""
    import keras
    import numpy as np
    from keras import layers

    from benchmarks import networks as shared
    from benchmarks.foreign.own_steps import Gan

    side, width, length, filters = (32, 16, 16, 4) if is_small else (128, 512, 256, 128)

    def resnet():
        if is_small:
            return shared.cnn()
        return keras.applications.ResNet50(
            weights=None, input_shape=(side, side, 3), classes=shared.CLASSES
        )

    def gan():
        up = {"strides": 2, "padding": "same", "activation": "leaky_relu"}
        generator = keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(7 * 7 * filters),
                layers.Reshape((7, 7, filters)),
                layers.Conv2DTranspose(filters, 4, **up),
                layers.Conv2DTranspose(filters, 4, **up),
                layers.Conv2D(1, 5, padding="same", activation="sigmoid"),
            ]
        )
        discriminator = keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(filters, 4, **up),
                layers.Conv2D(filters, 4, **up),
                layers.Flatten(),
                layers.Dense(1),
            ]
        )
        return Gan(generator, discriminator)

    def transformer():
        depth = 1 if is_small else 6
        return shared.transformer(depth, width, 8 if width > 16 else 2, length)

    rng = np.random.default_rng(0)

    def images(count):
        x = rng.normal(size=(count, side, side, 3)).astype("float32")
        return x, rng.integers(0, shared.CLASSES, count)

    def tokens(count):
        x = rng.integers(0, shared.WORDS, (count, length)).astype("int32")
        return x, x[:, 0] % shared.CLASSES

    def pictures(count):
        return (rng.uniform(size=(count, 28, 28, 1)).astype("float32"),)

    sizes = {"resnet50": 256, "transformer": 128, "lstm": 512, "gan": 512}
    made = {
        "resnet50": (resnet, images),
        "transformer": (transformer, tokens),
        "lstm": (lambda: shared.lstm(width, length), tokens),
        "gan": (gan, pictures),
    }
    return {name: (*made[name], 16 if is_small else sizes[name]) for name in made}


def compiled(make, jit):
    """Return a compiled model from a fixed seed."""
    import keras

    from benchmarks.foreign.own_steps import Gan

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = make()
    if isinstance(model, Gan):
        model.compile(1e-4)
        model.jit_compile = jit
    else:
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=jit)
    return model


def timed(model, data, size, epochs, callbacks):
    """Return the seconds of one `fit`; all of it is computed by then, as the losses are read."""
    start = time.perf_counter()
    model.fit(*data, batch_size=size, epochs=epochs, verbose=0, callbacks=callbacks)
    return time.perf_counter() - start


def measure_cost(backend, is_small, is_gpu, deadline):
    """Yield what monitoring costs, network by network, until there is no time for another one."""
    import keras_babysit as kb

    modes = {"tensorflow": (True, False), "jax": (True,), "torch": (False,)}[backend]
    longest = 0.0
    for name, (make, read, size) in networks(is_small).items():
        for jit in modes:
            start = time.monotonic()
            if start + longest > deadline:
                yield {"network": name, "jit": jit, "skipped": "no time left"}
                continue
            data = read(8 * size)
            model = compiled(make, jit)
            timed(model, data, size, 1, [])  # compiles
            epochs = max(1, round(RUN_SECONDS[is_small] / timed(model, data, size, 1, [])))
            plain, watched, sitters = [], [], []
            before = peak_mebibytes(backend, is_gpu)
            for _ in range(PAIRS):
                plain.append(timed(model, data, size, epochs, []))
                sitters.append(kb.Babysitter(verbose=0))
                watched.append(timed(model, data, size, epochs, sitters[-1:]))
            yield {
                "network": name,
                "jit": jit,
                "batch_size": size,
                "steps": 8 * epochs,
                "step_ms": 1e3 * statistics.median(plain) / (8 * epochs),
                "plain": plain,
                "watched": watched,
                "reported": [one.overhead.seconds for one in sitters],
                "probes": [one.overhead.probes for one in sitters],
                "layers": len(sitters[0].history.facts.layers),
                "notices": [one.message for one in sitters[0].verdict.not_checked][:3],
                "broke_off": sitters[0].history.facts.broke_off,
                "memory_plain": before,
                "memory_growth": peak_mebibytes(backend, is_gpu) - before,
            }
            longest = max(longest, time.monotonic() - start)


def measure_identity(backend, is_small, is_gpu, deadline):
    """Yield whether a monitored run leaves the same bits as a plain one."""
    import keras
    import numpy as np

    import keras_babysit as kb

    del is_gpu
    longest = 0.0
    for name, (make, read, size) in networks(is_small).items():
        start = time.monotonic()
        if start + longest > deadline:
            yield {"network": name, "skipped": "no time left"}
            continue
        size = min(size, 64)
        data, left = read(6 * size), []
        for callbacks in ([], [], [kb.Babysitter(every=3, verbose=0)]):
            model = compiled(make, "auto")
            history = model.fit(
                *data, batch_size=size, epochs=2, shuffle=False, verbose=0, callbacks=callbacks
            )
            losses = [value for values in history.history.values() for value in values]
            weights = [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]
            left.append([*weights, np.array(losses)])
        first, again, watched = left
        yield {
            "network": name,
            "is_deterministic": all(map(np.array_equal, first, again)),
            "is_identical": all(map(np.array_equal, first, watched)),
        }
        longest = max(longest, time.monotonic() - start)


def measure_findings(backend, is_small, is_gpu, deadline):
    """Yield the findings of three small programs."""
    import keras
    import numpy as np

    import keras_babysit as kb
    from benchmarks import networks as shared

    del backend, is_small, is_gpu, deadline
    x, y = shared.vectors(np.random.default_rng(0), 2048)

    def dead(model):
        layer = model.layers[0]
        layer.bias.assign(keras.ops.full(layer.bias.shape, -100.0))

    programs = {"healthy": ("adam", None), "dead": ("adam", dead), "too fast": (1e4, None)}
    for name, (optimizer, break_it) in programs.items():
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        model = shared.mlp()
        if not isinstance(optimizer, str):
            optimizer = keras.optimizers.SGD(optimizer)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        if break_it:
            break_it(model)
        sitter = kb.Babysitter(verbose=0)
        model.fit(x, y, epochs=4, verbose=0, callbacks=[sitter])
        found = [(one.rule, one.severity.name, one.target) for one in sitter.findings]
        yield {"program": name, "findings": sorted(found)}


def child(part, backend, is_small, seconds):
    """Run one part on one backend, and print its results as lines of JSON."""
    deadline = time.monotonic() + seconds
    import keras

    name = has_gpu(backend)
    print(json.dumps({"device": name or "CPU", "keras": keras.__version__}), flush=True)
    if name is None and not is_small and "CUDA_VISIBLE_DEVICES" not in os.environ:
        return
    if part == "identity":
        be_deterministic(backend)
    measure = {"cost": measure_cost, "identity": measure_identity, "findings": measure_findings}
    try:
        for one in measure[part](backend, is_small, name is not None, deadline):
            print(json.dumps(one), flush=True)
    except Exception as error:  # an operation that has no deterministic form, or memory
        print(json.dumps({"failed": f"{type(error).__name__}: {str(error)[:300]}"}), flush=True)


# ----------------------------------------------------------------------------- in the main process


def run_part(part, backend, is_small, seconds, *, on_cpu=False):
    """Return the results of one part on one backend; those that came in time."""
    folder = ROOT / ENVIRONMENTS[backend] / "bin" / "python"
    python = str(folder) if folder.exists() else sys.executable
    settings = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    settings |= DETERMINISTIC if part == "identity" else {}
    if on_cpu:
        settings |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    arguments = ["child", part, backend, "--seconds", str(seconds)]
    process = subprocess.Popen(
        [python, "-m", "benchmarks.gpu", *arguments, *(["--small"] if is_small else [])],
        cwd=ROOT,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ended = []
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        ended = [{"failed": "ended before the rest: no time left"}]
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")] + ended
    if process.returncode and not found:
        found = [{"failed": (errors.strip().splitlines() or ["unknown"])[-1][:300]}]
    return found


def measure_all(backends, is_small, minutes):
    """Return all results, and write each part down as soon as it is there."""
    end = time.monotonic() + 60 * minutes
    records, left = [], list(backends)
    while left:
        backend = left.pop(0)
        share = (end - time.monotonic()) / (len(left) + 1)
        for part in PARTS:
            results = run_part(part, backend, is_small, SHARES[part] * share)
            device = next((one["device"] for one in results if "device" in one), None)
            record = {"backend": backend, "part": part, "device": device, "small": is_small}
            record |= {"machine": platform.processor() or platform.machine(), "results": results}
            if part == "findings" and device not in (None, "CPU"):
                record["on_cpu"] = run_part(
                    part, backend, is_small, max(20.0, SHARES[part] * share), on_cpu=True
                )
            records.append(record)
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(*lines_of(record), sep="\n", flush=True)
            if part == PARTS[0] and (device is None or (device == "CPU" and not is_small)):
                break
    return records


def lines_of(record):
    """Yield a record in lines for people."""
    backend, device = record["backend"], record["device"]
    failed = [one["failed"] for one in record["results"] if "failed" in one]
    if device is None:
        yield f"{backend}, {record['part']}: not available ({'; '.join(failed) or 'no answer'})"
        return
    if device == "CPU" and not record["small"]:
        yield f"{backend}: no GPU"
        return
    yield f"{backend}, {record['part']}, on {device}:"
    for one in record["results"]:
        yield from _lines_of_result(one, record)
    yield from (f"  failed: {one}" for one in failed)


def _lines_of_result(one, record):
    if "skipped" in one:
        yield f"  {one['network']}: {one['skipped']}"
    elif record["part"] == "cost" and "plain" in one:
        ratios = [w / p for p, w in zip(one["plain"], one["watched"], strict=True)]
        xla = ", XLA" if one["jit"] else ""
        yield (
            f"  {one['network']}{xla}: {one['step_ms']:.1f} ms per step of {one['batch_size']}; "
            f"monitored / plain {', '.join(f'{r:.3f}' for r in ratios)} in runs of {one['steps']} "
            f"steps; reported {', '.join(f'{r:.2f}' for r in one['reported'])} s, "
            f"{one['probes']} measurements of {one['layers']} layers; memory "
            f"{one['memory_plain']:.0f} + {one['memory_growth']:.0f} MiB"
        )
        yield from (f"    {text}" for text in one["notices"])
        if one["broke_off"]:
            yield f"    broke off: {one['broke_off']}"
    elif record["part"] == "identity" and "is_identical" in one:
        same = "the same bits" if one["is_identical"] else "OTHER BITS"
        plain = "" if one["is_deterministic"] else " (two plain runs differ as well)"
        yield f"  {one['network']}: {same}{plain}"
    elif record["part"] == "findings" and "program" in one:
        cpu = [r for r in record.get("on_cpu", []) if r.get("program") == one["program"]]
        rules = ", ".join(rule for rule, *_ in one["findings"]) or "nothing"
        beside = "" if not cpu else f", on the CPU {'the same' if cpu[0] == one else cpu[0]}"
        yield f"  {one['program']}: {rules}{beside}"


def main(arguments=None):
    """Run the command; return the records."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", nargs="*", default=["run"])
    parser.add_argument("--backends", nargs="+", choices=ENVIRONMENTS, default=[*ENVIRONMENTS])
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(arguments)
    command, *rest = options.command
    if command == "child":
        child(*rest, options.small, options.seconds)
        return []
    if command == "table":
        records = [json.loads(line) for line in RESULTS.read_text().splitlines()]
        for record in records:
            print(*lines_of(record), sep="\n")
        return records
    return measure_all(options.backends, options.small, options.minutes)


if __name__ == "__main__":
    main()
