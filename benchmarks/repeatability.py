"""Measures whether the same program gives the same findings on a busy machine.

    python -m benchmarks.repeatability run [--backends torch tensorflow jax] [--programs 60]
        [--busy 0 4 8] [--repeats 3] [--steps 600] [--results FILE] [--environments DIR]
    python -m benchmarks.repeatability table [--results FILE]

`run` trains programs of the diagnosis benchmark with the default `Babysitter`: 20 healthy ones of
60, drawn by a hash of their ids. Each is trained `--repeats` times beside each number of processes
that do nothing but compute. One process trains all programs one after the other. A run ends after
`--steps` steps and not after a time, so that only the load differs.

Two runs are identical if they have the same findings: rule, severity and target. `table` prints the
fraction of the programs whose runs are all identical, and lists the others. Results are appended to
`.cost/repeatability.jsonl`, also those of an interrupted measurement.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".cost" / "repeatability.jsonl"
BACKENDS = {"tensorflow": ".venv", "jax": ".venv-jax", "torch": ".venv-torch"}
PROGRAMS = 60
HEALTHY_FRACTION = 1 / 3
BUSY = (0, 4, 8)
REPEATS = 3
STEPS = 600


# In the measured process; only here are Keras and the backend imported.


def draw(count):
    """Return `count` programs, a third of them healthy, drawn by a hash of their ids."""
    from benchmarks.diagnosis.record import all_programs

    programs = [p for p in all_programs() if p.label.is_scored and not p.label.is_harmless]
    drawn = sorted(programs, key=lambda p: hashlib.sha256(p.id.encode()).digest())
    healthy = round(count * HEALTHY_FRACTION)
    return [
        *[p for p in drawn if p.label.is_healthy][:healthy],
        *[p for p in drawn if not p.label.is_healthy][: count - healthy],
    ]


def findings_of(program, steps):
    """Train a program and return what was found, and what the measurements cost."""
    import keras

    from keras_babysit import Babysitter

    class Limit(keras.callbacks.Callback):
        done = 0

        def on_train_batch_end(self, batch, logs=None):
            self.done += 1
            self.model.stop_training = self.model.stop_training or self.done >= steps

    policy = keras.config.dtype_policy()
    try:
        sitter = Babysitter(verbose=0)
        program.build().train(sitter, Limit())
        found = sorted({(f.rule, f.severity.name, f.target or "") for f in sitter.findings})
        overhead, broke_off = sitter.overhead, sitter.history.facts.broke_off
    except Exception as error:
        return {"findings": [["raised", type(error).__name__, ""]]}
    finally:
        keras.config.set_dtype_policy(policy)
    return {
        "findings": found,
        "probes": overhead.probes,
        "seconds": round(overhead.seconds, 2),
        "wall": round(overhead.wall_seconds, 2),
        "broke_off": broke_off,
    }


def train(arguments):
    """Train the programs one after the other and print a line of JSON for each."""
    for program in draw(arguments.programs):
        found = findings_of(program, arguments.steps)
        where = {"program": program.id, "is_healthy": program.label.is_healthy}
        print(json.dumps(where | found), flush=True)


# In the process that starts the others.


@contextlib.contextmanager
def beside(count):
    """Keep `count` processes busy meanwhile."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def run(arguments):
    """Train the programs on each backend, beside each number of processes."""
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    for repeat in range(arguments.repeats):
        for backend in arguments.backends:
            for count in arguments.busy:
                with beside(count):
                    records = run_once(backend, arguments)
                    for record in records:
                        record |= {"backend": backend, "busy": count, "repeat": repeat}
                        with arguments.results.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(record) + "\n")
    print(table(read(arguments.results)))


def run_once(backend, arguments):
    """Yield one record per program, as they are trained."""
    python = Path(arguments.environments, BACKENDS[backend], "bin", "python")
    command = [str(python), "-m", "benchmarks.repeatability", "train"]
    command += ["--programs", str(arguments.programs), "--steps", str(arguments.steps)]
    variables = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    variables.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        variables.setdefault(name, "1")  # sums in another order are another program
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, text=True, stdout=subprocess.PIPE
    ) as process:
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line)


def read(path):
    """Return all stored records."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def table(records):
    """Return one line per backend, and one per program whose runs differ."""
    runs = defaultdict(list)
    for record in records:
        runs[record["backend"], record["program"]].append(record)
    lines = []
    for backend in dict.fromkeys(backend for backend, _ in runs):
        mine = {name: found for (where, name), found in runs.items() if where == backend}
        alike = [name for name, found in mine.items() if len(variants(found)) == 1]
        counts = {len(found) for found in mine.values()}
        lines.append(
            f"{backend}: identical findings in {len(alike)} of {len(mine)} programs "
            f"({len(alike) / len(mine):.2f}), {min(counts)} to {max(counts)} runs each"
        )
        for name in sorted(set(mine) - set(alike)):
            lines += [f"  {name}", *differences(mine[name])]
    return "\n".join(lines)


def variants(found):
    """Return the different lists of findings of some runs."""
    return {json.dumps(record["findings"]) for record in found}


def differences(found):
    """Return a line per run with the findings that not all runs have."""
    common = set.intersection(*({tuple(f) for f in record["findings"]} for record in found))
    lines = []
    for record in sorted(found, key=lambda r: (r["busy"], r["repeat"])):
        more = [" ".join(f).strip() for f in record["findings"] if tuple(f) not in common]
        lines.append(
            f"    {record['busy']} busy: {record.get('probes', '?')} measurements, "
            f"{', '.join(more) or 'nothing more'}"
        )
    return lines


def main():
    """Measure, or print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--programs", type=int, default=PROGRAMS)
    shared.add_argument("--steps", type=int, default=STEPS)
    shared.add_argument("--results", type=Path, default=RESULTS)
    one = commands.add_parser("run", parents=[shared])
    one.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    one.add_argument("--busy", nargs="+", type=int, default=BUSY)
    one.add_argument("--repeats", type=int, default=REPEATS)
    one.add_argument(
        "--environments", default=ROOT, help="folder with .venv, .venv-jax and .venv-torch"
    )
    commands.add_parser("train", parents=[shared])
    commands.add_parser("table", parents=[shared])
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments)
    elif arguments.command == "train":
        train(arguments)
    else:
        print(table(read(arguments.results)))


if __name__ == "__main__":
    main()
