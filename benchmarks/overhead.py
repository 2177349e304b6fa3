"""Measures the cost of monitoring, and that of common alternatives: `make bench-overhead`.

    python -m benchmarks.overhead run [--rows mlp cnn ...] [--backends tensorflow jax torch]
        [--pairs 2] [--seconds 45] [--peers] [--peer-seconds 6] [--until 16:05] [--environments DIR]
    python -m benchmarks.overhead table [--write]

A pair is two runs of the same `fit`, plain and monitored, in separate processes. They run side by
side on one core and their CPU time is compared, so that a busy or slow machine affects both. The
time from the call of `fit` to its return counts, including compilation but not imports. Each `fit`
has as many steps as take `--seconds` of CPU time, twice that in wall time, in ten epochs with
validation data. Rows take turns, so that an interrupted measurement has pairs of every row. With
`--peers`, alternatives run next to a plain run as well, in shorter runs.

Pin the process to an idle core: `taskset -c 0 python -m benchmarks.overhead run`. Results are
appended to `.cost/overhead.jsonl`; `table` prints them and, with `--write`, puts them into
docs/cost.md.
"""

import argparse
import contextlib
import datetime
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".cost" / "overhead.jsonl"
PAGE = ROOT / "docs" / "cost.md"
BACKENDS = {"tensorflow": ".venv", "jax": ".venv-jax", "torch": ".venv-torch"}
ROWS = ("mlp", "cnn", "resnet50", "transformer", "lstm")
EPOCHS = 10
PACE_SECONDS = 2.0
"""Time for measuring how long a step takes."""

PEERS = {
    "empty": "a callback whose `on_train_batch_begin` does nothing",
    "tensorboard": "`keras.callbacks.TensorBoard(histogram_freq=1)`",
    "numerics": "`tf.debugging.enable_check_numerics()`",
    "naive": "every layer's output and weight read at every step",
}
ON_TENSORFLOW = ("tensorboard", "numerics")
"""Peers that require TensorFlow; they are measured on its backend only."""


# In the measured process; only here are Keras and the backend imported.


def empty():
    """Return a callback that does nothing, to measure what Keras takes to call one."""
    import keras

    class Empty(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            pass

    return Empty()


def naive(network, x):
    """Return a hand-written callback that computes all layer outputs at every step."""
    import keras
    import numpy as np

    class Naive(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            outputs = [layer.output for layer in self.model.layers[1:]]
            self.read = keras.Model(self.model.inputs, outputs)
            self.rows = []

        def on_train_batch_end(self, batch, logs=None):
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            values = [keras.ops.convert_to_numpy(y) for y in self.read(x[: network.batch_size])]
            values += self.model.get_weights()
            self.rows = [(v.mean(), v.std(), np.mean(v == 0)) for v in values]

    return Naive()


@contextlib.contextmanager
def watching(kind, network, x):
    """Yield the callbacks of one kind of run."""
    import keras

    if kind == "bare":
        yield []
    elif kind == "watched":
        import keras_babysit

        yield [keras_babysit.Babysitter()]
    elif kind == "empty":
        yield [empty()]
    elif kind == "tensorboard":
        with tempfile.TemporaryDirectory() as folder:
            yield [keras.callbacks.TensorBoard(folder, histogram_freq=1)]
    elif kind == "numerics":
        import tensorflow as tf

        tf.debugging.enable_check_numerics()
        try:
            yield []
        finally:
            tf.debugging.disable_check_numerics()
    else:
        yield [naive(network, x)]


def data(network, steps):
    """Return x, y and validation data for a number of steps per epoch."""
    import numpy as np

    rng = np.random.default_rng(0)
    size = steps * network.batch_size
    x, y = network.data(rng, size)
    return x, y, network.data(rng, max(network.batch_size, min(2048, size // 10)))


def pace(network):
    """Return the seconds per step, including validation, after compilation."""
    model, steps, spent = network.compiled(), 1, 0.0
    while spent < PACE_SECONDS:
        x, y, validation = data(network, steps)
        start = time.process_time()
        model.fit(x, y, batch_size=network.batch_size, validation_data=validation, verbose=0)
        spent = time.process_time() - start if steps > 1 else 0.0  # the first one compiles
        steps *= 4
    return 4 * spent / steps


def one_run(kind, network, steps, epochs):
    """Return the seconds of one `fit`, and the overhead that `Babysitter` reports."""
    x, y, validation = data(network, steps)
    with watching(kind, network, x) as callbacks:
        model = network.compiled()
        print("ready", flush=True)
        sys.stdin.readline()
        output = io.StringIO()
        wall, processor = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(output):
            history = model.fit(
                x,
                y,
                batch_size=network.batch_size,
                epochs=epochs,
                validation_data=validation,
                verbose=0,
                callbacks=callbacks,
            )
        found = {
            "kind": kind,
            "wall": time.perf_counter() - wall,
            "processor": time.process_time() - processor,
            "steps": steps * epochs,
            "loss": history.history["loss"][-1],
        }
    if kind == "watched":
        overhead, facts = callbacks[0].overhead, callbacks[0].history.facts
        found |= {"own": overhead.fraction, "probes": overhead.probes, "said": output.getvalue()}
        found |= {"broke_off": facts.broke_off}
    return found


def measure(row, kind, steps, epochs):
    """Print the time of one run as a line of JSON; with 0 steps, the time per step."""
    import keras
    import numpy as np

    from benchmarks.networks import NETWORKS

    network = NETWORKS[row]
    tiny = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    tiny.compile("adam", "mse")  # excludes the one-time costs of the first `fit` of a process
    tiny.fit(np.ones((8, 1)), np.ones((8, 1)), validation_data=(np.ones((8, 1)),) * 2, verbose=0)
    if steps:
        print(json.dumps(one_run(kind, network, steps, epochs)), flush=True)
    else:
        print(json.dumps({"kind": "pace", "seconds_per_step": pace(network)}), flush=True)


# In the process that starts the others.


def start(row, backend, kind, steps, epochs, environments):
    """Start a run in the environment of a backend; it waits once it is ready."""
    python = Path(environments, BACKENDS[backend], "bin", "python")
    command = [str(python), "-m", "benchmarks.overhead", "measure", row, kind]
    command += ["--steps", str(steps), "--epochs", str(epochs)]
    variables = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    variables.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, env=variables, text=True, **pipes)


def side_by_side(row, backend, kinds, steps, epochs, environments):
    """Run all kinds at the same time; return their records."""
    running = [start(row, backend, kind, steps, epochs, environments) for kind in kinds]
    for one in running:
        while steps and one.stdout.readline() not in ("ready\n", ""):
            pass
    for one in running:
        if one.poll() is None:
            one.stdin.write("go\n")
            one.stdin.flush()
    outputs = [one.communicate()[0] for one in running]
    return [json.loads(line) for text in outputs for line in text.splitlines() if line[:1] == "{"]


def results():
    """Return all stored records."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return [json.loads(line) for line in lines]


def keep(records, **where):
    """Append records to the file of results."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(where | record) + "\n")


def known_pace(row, backend, environments):
    """Return the seconds per step, from the latest plain run, or measured once and stored."""
    mine = [r for r in results() if (r["row"], r["backend"]) == (row, backend)]
    for record in reversed(mine):
        if record["kind"] == "bare" and record["what"] == "pair":
            return record["processor"] / record["steps"]
        if record["kind"] == "pace":
            return record["seconds_per_step"]
    found = side_by_side(row, backend, ["pace"], 0, 0, environments)
    keep(found, row=row, backend=backend)
    return found[0]["seconds_per_step"] if found else None


def run(arguments):
    """Measure the requested rows, in turns."""
    rows = [(row, backend) for row in arguments.rows for backend in arguments.backends]
    for row, backend in rows * arguments.pairs:
        seconds = known_pace(row, backend, arguments.environments)
        if seconds is None or arguments.pace_only:
            continue
        steps = max(1, round(arguments.seconds / EPOCHS / seconds))
        kinds, epochs = plan_peers(backend, steps * seconds, arguments.peer_seconds)
        if not arguments.peers:
            kinds, epochs = ["bare", "watched"], EPOCHS
        if is_late(arguments.until, epochs * steps * seconds * len(kinds)):
            print("no time left for", row, backend, flush=True)
            continue
        found = side_by_side(row, backend, kinds, steps, epochs, arguments.environments)
        what = "peers" if arguments.peers else "pair"
        keep(found, row=row, backend=backend, what=what, run=_run_id(), machine=_machine())
        print(row, backend, *(f"{r['kind']} {r['processor']:.1f} s" for r in found), flush=True)


def plan_peers(backend, epoch_seconds, seconds):
    """Return the peers of a backend, and the number of epochs of each."""
    return ["bare", *(p for p in PEERS if fits(p, backend))], max(1, round(seconds / epoch_seconds))


def is_late(until, duration):
    """Return whether something of a given duration would end after a time of day."""
    if until is None:
        return False
    hours, minutes = map(int, until.split(":"))
    now = datetime.datetime.now()
    return now + datetime.timedelta(seconds=duration) > now.replace(hour=hours, minute=minutes)


def fits(peer, backend):
    """Return whether a peer runs on a backend."""
    return backend == "tensorflow" or peer not in ON_TENSORFLOW


def _run_id():
    return datetime.datetime.now().isoformat(timespec="seconds")


def _machine():
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    return model or platform.processor() or platform.machine()


def ratios(records, kind):
    """Return the CPU time of each run of a kind, relative to the plain run next to it."""
    found = []
    for run_id in dict.fromkeys(r["run"] for r in records if "run" in r):
        beside = {r["kind"]: r for r in records if r.get("run") == run_id}
        if "bare" in beside and kind in beside:
            found.append(beside[kind]["processor"] / beside["bare"]["processor"])
    return found


def shown(values, digits):
    """Return median and range of some ratios, as text."""
    if not values:
        return ""
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(records):
    """Return the table as Markdown."""
    heads = [
        "network",
        "backend",
        "pairs",
        "plain",
        "monitored / plain",
        "reported overhead",
        "probes",
    ]
    heads += ["empty callback", "TensorBoard", "check_numerics", "hand-written, every step"]
    lines = [" | ".join(heads), " | ".join(["---"] * len(heads))]
    for row in ROWS:
        for backend in BACKENDS:
            mine = [r for r in records if (r["row"], r["backend"]) == (row, backend)]
            watched = [r for r in mine if r["kind"] == "watched"]
            if watched:
                lines.append(" | ".join(cells(row, backend, mine, watched)))
    return "\n".join(f"| {line} |" for line in lines)


def cells(row, backend, mine, watched):
    """Return the cells of one line of the table."""
    bare = [r["processor"] for r in mine if r["kind"] == "bare" and r["what"] == "pair"]
    peers = [shown(ratios(mine, p), 2) if fits(p, backend) else "-" for p in PEERS]
    return [
        row,
        backend,
        str(len(watched)),
        f"{statistics.median(bare):.0f} s",
        f"**{shown(ratios(mine, 'watched'), 3)}**",
        f"{statistics.median(r['own'] for r in watched):.1%}",
        f"{statistics.median(r['probes'] for r in watched):.0f}",
        *peers,
    ]


def write(text, mark, page=PAGE):
    """Insert a table between its marks in a page."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, rest = page.read_text("utf-8").split(begin)
    page.write_text(f"{before}{begin}{text}\n{end}{rest.split(end)[1]}", "utf-8")


def main():
    """Measure, or print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    one.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    one.add_argument("--pairs", type=int, default=2)
    one.add_argument("--seconds", type=float, default=45.0)
    one.add_argument("--peers", action="store_true")
    one.add_argument("--peer-seconds", type=float, default=6.0)
    one.add_argument("--pace-only", action="store_true")
    one.add_argument("--until", help="do not start runs that would end later, such as 16:05")
    one.add_argument(
        "--environments", default=ROOT, help="folder with .venv, .venv-jax and .venv-torch"
    )
    two = commands.add_parser("table")
    two.add_argument("--write", action="store_true")
    three = commands.add_parser("measure")
    three.add_argument("row")
    three.add_argument("kind")
    three.add_argument("--steps", type=int)
    three.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments)
    elif arguments.command == "measure":
        measure(arguments.row, arguments.kind, arguments.steps, arguments.epochs)
    else:
        print(table(results()))
        if arguments.write:
            write(table(results()), "overhead")


if __name__ == "__main__":
    main()
