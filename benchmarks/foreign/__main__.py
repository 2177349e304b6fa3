"""Run the benchmark: `python benchmarks/foreign watch`, then the same with `table`.

`watch` trains every architecture of `keras.applications` and the model kinds of `kinds.py` for a
few steps with a `Babysitter`, each in a separate process with a time limit, and stores a recording
per model in `.foreign/<backend>/`; models with a recording are skipped. `table` prints what was
measured, what was not, and each warning. `shut` tests whether units that are inactive for the few
examples of a model are inactive for many.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
if os.environ["KERAS_BACKEND"] == "jax":  # compilation dominates the time of a few steps
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    os.environ.setdefault("XLA_FLAGS", flags)

sys.path[0] = str(Path(__file__).parents[2])

if __name__ == "__main__":
    from benchmarks.foreign.cli import main

    main()
