"""`make bench-recalibrate`: the memory of `recalibrate` beside that of `predict`.

    python -m benchmarks.recalibration [--backends torch jax] [--write]

Each number is the peak memory of a process of its own that reads the same images with the same
network in batches of the same size. `recalibrate` may take 200 MB more than `predict`. `--write`
puts the table into docs/layers.md.
"""

import argparse
import os
import resource
import subprocess
import sys
import time

from benchmarks.overhead import BACKENDS, ROOT, write

PAGE = ROOT / "docs" / "layers.md"
EXAMPLES, BATCH_SIZE, SIDE = 96, 32, 64
ALLOWED = 200.0  # MB


def network(kind):
    """Return a network of four convolutions, each with a batch normalization."""
    from keras import Input, Sequential, layers

    from keras_babysit.layers import ManualBatchNormalization

    norm = {"keras": layers.BatchNormalization, "ours": ManualBatchNormalization}[kind]
    hidden = []
    for filters in (32, 32, 64, 64):
        hidden += [layers.Conv2D(filters, 3, padding="same"), norm(), layers.ReLU()]
    last = [layers.GlobalAveragePooling2D(), layers.Dense(10)]
    return Sequential([Input((SIDE, SIDE, 3)), *hidden, *last])


def measure(what, kind):
    """Run one of the two on images, and print the peak memory in MB and the seconds."""
    import numpy as np

    from keras_babysit.layers import recalibrate

    x = np.random.default_rng(0).normal(size=(EXAMPLES, SIDE, SIDE, 3)).astype("float32")
    model = network(kind)
    start = time.perf_counter()
    if what == "predict":
        model.predict(x, batch_size=BATCH_SIZE, verbose=0)
    else:
        recalibrate(model, x, batch_size=BATCH_SIZE)
    taken = time.perf_counter() - start
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, taken)


def in_process(backend, what, kind):
    """Return peak memory and seconds of one measurement in a new process."""
    python = ROOT / BACKENDS[backend] / "bin" / "python"
    command = [python, "-m", "benchmarks.recalibration", "--measure", what, kind]
    environment = os.environ | {"KERAS_BACKEND": backend}
    out = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return [float(word) for word in out.split()[-2:]]


def table(backends):
    """Measure, and return the results as Markdown."""
    lines = [["backend", "batch normalization", "`predict`", "`recalibrate`", "more"], ["---"] * 5]
    for backend in backends:
        for kind, name in (("keras", "Keras'"), ("ours", "`ManualBatchNormalization`")):
            plain, _ = in_process(backend, "predict", kind)
            ours, _ = in_process(backend, "recalibrate", kind)
            verdict = "" if ours - plain <= ALLOWED else f", above {ALLOWED:g}"
            lines.append(
                [
                    backend,
                    name,
                    f"{plain:,.0f} MB",
                    f"{ours:,.0f} MB",
                    f"{ours - plain:+,.0f} MB{verdict}",
                ]
            )
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    text = table(arguments.backends)
    print(text)
    if arguments.write:
        write(text, "recalibration", PAGE)


if __name__ == "__main__":
    main()
