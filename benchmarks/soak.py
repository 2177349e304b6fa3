"""Monitors many runs for a long time: `make soak MINUTES=30 BACKEND=torch`.

    KERAS_BACKEND=torch python benchmarks/soak.py --minutes 30 --fits 1000
        [--models 100] [--without-faults]

First trains one small model many times in this process, and prints the memory after each tenth of
the fits. Then injects the faults (`FAULTS`, including slow ones) once. Then tests random models on
random data (`tests/callbacks/test_any_model.py`) and rules on random histories
(`tests/rules/test_any_history.py`) with new seeds until the time is over.
"""

import argparse
import gc
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROPERTIES = ("tests/callbacks/test_any_model.py", "tests/rules/test_any_history.py")
FAULTS = ("tests/callbacks/test_injected_faults.py", "tests/callbacks/test_leaks.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--fits", type=int, default=1000)
    parser.add_argument(
        "--models", type=int, default=100, help="models per round, and ten times as many histories"
    )
    parser.add_argument("--without-faults", action="store_true")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    fit_again_and_again(options.fits)
    if not options.without_faults:
        test(FAULTS)
    models = 0
    while time.monotonic() < end:
        test(PROPERTIES, BABYSIT_EXAMPLES=str(options.models))
        models += options.models
        print(f"{models} models, {10 * models} histories: no failure", flush=True)


def test(files: tuple[str, ...], **environment: str) -> None:
    """Run tests in a separate process; a failure ends this process too."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)


def fit_again_and_again(fits: int) -> None:
    """Print the memory of this process during `fits` monitored fits of one model."""
    import keras
    import numpy as np

    import keras_babysit as kb

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=keras.backend.backend() != "jax")
    x = np.ones((6, 4), "float32")
    print("| fits | resident memory, MiB | objects |\n|---|---|---|")
    for number in range(fits + 1):
        if number % max(1, fits // 10) == 0:
            gc.collect()
            print(f"| {number} | {resident():.1f} | {len(gc.get_objects()):,} |", flush=True)
        model.fit(x, x[:, :1], verbose=0, callbacks=[kb.Babysitter(verbose=0)])


def resident() -> float:
    """Return the resident memory of this process in MiB, from Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    main()
