"""Run the benchmark: `python benchmarks/diagnosis record`, then the same with `judge`.

`record` trains every program once and stores the measurements of the default `Babysitter` in
`.diagnosis/`; programs with a recording are skipped. `judge` replays the rules over the recordings,
in milliseconds each, and prints recall and false alarms. `--part`, `--only` and `--every` select
programs.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")  # programs are small, and several run in parallel

sys.path[0] = str(Path(__file__).parents[2])

if __name__ == "__main__":
    from benchmarks.diagnosis.cli import main

    main()
