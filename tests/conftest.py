"""What every test run needs: one thread, so that sums are the same twice, and no chatter."""

import gc
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
# Threads that report errors to a tracker's makers draw random numbers until the process ends, from
# the generator that seeds the networks of later tests.
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
flags = "--xla_cpu_multi_thread_eigen=false"
if os.environ["KERAS_BACKEND"] == "jax":  # most of the time goes into compiling for a single run
    flags += " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    # What one worker has compiled, the others load, and so does the next run of the tests.
    os.environ.setdefault(
        "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".jax_cache")
    )
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ.setdefault("XLA_FLAGS", flags)

import hypothesis  # noqa: E402
import pytest  # noqa: E402

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before tests are deselected by their marks
def pytest_collection_modifyitems(items):
    """Run what no backend makes a difference to where it is cheapest."""
    if os.environ["KERAS_BACKEND"] == "torch":
        return
    for item in items:
        if item.get_closest_marker("any_backend") and not item.get_closest_marker("each_backend"):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """Spare garbage collection the million objects of what is imported.

    Each walk over them takes half a second, and tests of leaks ask for many.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeded():
    """Start every test from the same seed and leave no policy behind."""
    import keras  # here: the process that hands tests to the workers needs none

    keras.utils.set_random_seed(7)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)
