"""Measures how the cost of a probe grows with the network: `make bench-scale`.

    KERAS_BACKEND=tensorflow python -m benchmarks.scale run [--cases resnet50 mlp-500 ...]
    python -m benchmarks.scale table [--write]

Each case runs in a separate process. Measured are the time of a training step, of the first
compiled probe including tracing and compilation, of a later probe with and without gradients, of an
uncompiled probe, and the growth of the peak memory of the process. Times are CPU times, so that a
busy machine hardly matters. Results are appended to `.cost/scale.jsonl`.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np

from benchmarks import networks
from benchmarks.networks import Network, images, sentences, vectors
from benchmarks.overhead import ROOT, write
from keras_babysit.backends import backend
from keras_babysit.probes import Probe
from keras_babysit.probes.taps import leaves

RESULTS = ROOT / ".cost" / "scale.jsonl"
LOOKS = 5


def mlp(units, depth):
    return lambda: networks.mlp(units, depth)


CASES = {
    "resnet50": Network(networks.resnet50, images),
    "efficientnetb0": Network(networks.efficientnet, images),
    "transformer-12": Network(lambda: networks.transformer(depth=12), sentences),
    "lstm": Network(networks.lstm, sentences),
    "mlp-500": Network(mlp(64, 500), vectors),
    **{f"layers-{n}": Network(mlp(64, n), vectors) for n in (5, 20, 80)},
    **{f"units-{n}": Network(mlp(n, 5), vectors) for n in (64, 256, 1024)},
    **{f"batch-{n}": Network(networks.cnn, images, n) for n in (32, 128, 512)},
}
"""Networks by name, then series of cases: layers, units of five layers, examples per step."""


def seconds(function):
    """Return the CPU time of each of some calls, except the first one."""
    times = []
    for _ in range(LOOKS + 1):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return times[0], statistics.median(times[1:])


def peak():
    """Return the peak memory of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def probe_seconds(model, batch, **options):
    """Return the seconds of the first probe and of a later one."""
    call = {"takes_gradients": options.pop("takes_gradients", True)}
    probe = Probe(model, **options)
    state = backend.state(model, None)
    return seconds(lambda: probe(state, batch, **call))


def measure(name):
    """Print the results of one case as a line of JSON."""
    network = CASES[name]
    x, y = network.data(np.random.default_rng(0), network.batch_size)
    model = network.compiled()
    _, step = seconds(lambda: model.train_on_batch(x, y))
    batch = tuple(map(backend.to_tensor, (x[:256], y[:256])))
    batch = (*batch, None)
    before = peak()
    start, probe = probe_seconds(model, batch, is_compiled=True)
    grown = peak() - before
    _, forward = probe_seconds(model, batch, is_compiled=True, takes_gradients=False)
    found = {
        "case": name,
        "backend": keras.backend.backend(),
        "layers": len(leaves(model)),
        "parameters": model.count_params(),
        "batch": network.batch_size,
        "step": step,
        "start": start,
        "probe": probe,
        "forward": forward,
        "memory": grown,
    }
    if keras.backend.backend() == "tensorflow":
        _, found["uncompiled"] = probe_seconds(model, batch, is_compiled=False)
    print(json.dumps(found), flush=True)


def run(cases):
    """Measure each case in a separate process."""
    RESULTS.parent.mkdir(exist_ok=True)
    for case in cases:
        command = [sys.executable, "-m", "benchmarks.scale", "measure", case]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        print(*lines or [done.stderr[-2000:]], flush=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


def table():
    """Return the latest results of each case as Markdown."""
    latest = {}
    for line in Path(RESULTS).read_text("utf-8").splitlines():
        record = json.loads(line)
        latest[record["case"], record["backend"]] = record
    heads = ["case", "backend", "layers", "parameters", "training step", "first probe"]
    heads += ["probe", "probe / step", "forward only", "uncompiled", "memory"]
    lines = [" | ".join(heads), " | ".join(["---"] * len(heads))]
    order = {name: index for index, name in enumerate(CASES)}
    for (case, name), r in sorted(latest.items(), key=lambda item: order[item[0][0]]):
        uncompiled = f"{1e3 * r['uncompiled']:.0f} ms" if "uncompiled" in r else "-"
        cells = [case, name, str(r["layers"]), f"{r['parameters']:,}", f"{1e3 * r['step']:.1f} ms"]
        cells += [f"{r['start']:.2f} s", f"{1e3 * r['probe']:.1f} ms"]
        cells += [f"{r['probe'] / r['step']:.1f}", f"{1e3 * r['forward']:.1f} ms", uncompiled]
        lines.append(" | ".join([*cells, f"{r['memory'] / 2**20:.0f} MiB"]))
    return "\n".join(f"| {line} |" for line in lines)


def main():
    """Measure, or print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    two = commands.add_parser("table")
    two.add_argument("--write", action="store_true")
    three = commands.add_parser("measure")
    three.add_argument("case")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments.cases)
    elif arguments.command == "measure":
        measure(arguments.case)
    else:
        print(table())
        if arguments.write:
            write(table(), "scale")


if __name__ == "__main__":
    main()
