"""The bundle: what somebody else needs to see the bad value, in one folder."""

from __future__ import annotations

import importlib.resources
import json
import platform
import re
import shlex
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_babysit.actions import LOOKS
from keras_babysit.backends import backend
from keras_babysit.backends.untouched import untouched_random_state
from keras_babysit.findings import Remedy
from keras_babysit.history import to_jsonable
from keras_babysit.typing import Tensor

if TYPE_CHECKING:
    from keras_babysit.recorder.fault import Fault
    from keras_babysit.recorder.replay import BadStep
    from keras_babysit.recorder.ring import KeptStep

NOT_SAVED = (
    "The model is not in this bundle: its .keras file cannot be loaded without your code "
    "({reason}). Its weights and its optimizer are in state.npz."
)

OWN_MODEL = " --model MODULE:FUNCTION"
"""What the command needs where the model is not in the bundle."""

MAX_FOLDER_NAME = 100
"""Characters of a model's name in that of its bundle: a file name holds 255 bytes."""


def write(
    parent: Any, name: str, *, model: Any, box: Any, bad: BadStep, fault: Fault, limit: float
) -> Any:
    """Write a bundle and return its folder.

    It is written under another name and renamed when it is whole.

    Args:
        parent: Folder for bundles.
        name: Name of the bundle; a number is added where that is taken.
        model: The model in `fit`.
        box: An entered `backend.Sandbox`.
        bad: The `BadStep`.
        fault: The `Fault` in it.
        limit: Loss above which a step counts as exploded.

    Raises:
        OSError: If it cannot be written; nothing is left of it then.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    try:
        _fill(folder, model, box, bad, fault, limit)
        folder.chmod(0o755)
        return folder.rename(_free(parent, name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def remedy(folder: Any) -> Remedy:
    """Return the remedy that reproduces what a bundle holds."""
    command = f"python {shlex.quote(str(folder / 'reproduce.py'))}"
    if (folder / "model.keras").exists():
        text = (
            "Reproduce it: the bundle holds the model, the batch and a script that shows the value."
        )
        return Remedy(text, command, no_change_because=LOOKS)
    text = (
        "Reproduce it: the bundle holds the batch, the weights and a script that shows the value. "
        "You provide the model: MODULE:FUNCTION returns it, compiled."
    )
    return Remedy(text, command + OWN_MODEL, no_change_because=LOOKS)


def _fill(folder: Any, model: Any, box: Any, bad: BadStep, fault: Fault, limit: float) -> None:
    box.load(bad.before)
    with box.attached():
        reason, imports = _save_model(folder / "model.keras", model)
    if reason is not None:
        (folder / "model.keras").unlink(missing_ok=True)
    facts = {
        "format": 1,
        **_facts_of(fault),
        "loss": bad.loss,
        "limit": limit,
        **_environment(),
        "model": "model.keras" if reason is None else None,
        "note": "" if reason is None else NOT_SAVED.format(reason=reason),
        "imports": imports,
        "state": _save_state(folder / "state.npz", model, bad, is_whole=reason is not None),
        "structure": _save_batch(folder / "batch.npz", bad.kept),
    }
    text = json.dumps(to_jsonable(facts), indent=1, allow_nan=False)
    (folder / "bundle.json").write_text(text + "\n", encoding="utf-8")
    script = importlib.resources.files("keras_babysit.recorder").joinpath("reproduce.py")
    (folder / "reproduce.py").write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "README.txt").write_text(_readme(facts), encoding="utf-8")


def _facts_of(fault: Fault) -> dict[str, Any]:
    return {
        "finding": fault.message,
        "quantity": fault.quantity,
        "target": fault.target,
        "step": fault.step,
        "epoch": fault.epoch,
        "batch": fault.batch,
        "example": fault.example,
    }


def _environment() -> dict[str, Any]:
    versions = {"python": platform.python_version(), "keras": keras.version()}
    return {
        "backend": keras.backend.backend(),
        "versions": versions | backend.versions(),
        "floatx": keras.config.floatx(),
    }


def _save_state(path: Any, model: Any, bad: BadStep, *, is_whole: bool) -> dict[str, int]:
    """Write what model.keras does not hold, all if `is_whole`; return how many arrays by group."""
    trainable, other, optimizer = bad.before
    count = len(model.optimizer.variables) if model.optimizer else 0
    state = {"other": other[: len(model.non_trainable_variables)]}
    if optimizer[count:]:
        state["beside"] = optimizer[count:]
    if is_whole:
        state |= {"trainable": trainable, "optimizer": optimizer[:count]}
    _save(path, {f"{name}{i}": v for name, vs in state.items() for i, v in enumerate(vs)})
    return {name: len(values) for name, values in state.items()}


def _save_batch(path: Any, kept: KeptStep) -> dict[str, Any]:
    """Write the batch and the random state of a step; return the structure of the batch."""
    arrays: dict[str, Any] = {}
    batch = keras.utils.unpack_x_y_sample_weight(kept.batches[0])
    parts = dict(zip(("x", "y", "weight"), batch, strict=True))
    structures = {name: structure(part, name, arrays) for name, part in parts.items()}
    arrays |= {f"random{index}": one for index, one in enumerate(kept.random or [])}
    _save(path, arrays)
    return structures


def _save_model(path: Any, model: Any) -> tuple[str | None, list[Any]]:
    """Save the model; return why it can't be loaded by others, None if it can, and its modules."""
    try:
        with warnings.catch_warnings():  # what can't be saved is reported below
            warnings.simplefilter("ignore")
            model.save(path)
        with zipfile.ZipFile(path) as file:
            modules = _modules(json.loads(file.read("config.json")))
        with untouched_random_state(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = keras.models.load_model(path)
    except OSError:
        raise
    except Exception as error:
        first, *_ = str(error).strip().splitlines() or ["no reason given"]
        return f"{type(error).__name__}: {first[:200]}", []
    if "__main__" in modules:
        return "it has classes of your script", []
    if model.loss is not None and again.loss is None:
        return "its loss is not in the file", []
    return None, sorted(modules)


def _modules(config: Any) -> set[str]:
    """Return the modules that a model's configuration needs, other than Keras'."""
    found = set()
    if isinstance(config, list):
        for entry in config:
            found |= _modules(entry)
    if isinstance(config, dict):
        module = config.get("module")
        if "class_name" in config and isinstance(module, str):
            root = module.split(".")[0]
            found |= {module} - ({module} if root in ("keras", "builtins") else set())
        for entry in config.values():
            found |= _modules(entry)
    return found


def structure(tensors: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Return the structure of a part of a batch as JSON; its leaves go to `arrays`.

    Args:
        tensors: Nested tuples, lists and dictionaries of tensors, or None.
        name: Start of the names of its arrays.
        arrays: A dictionary of arrays by name, to which the leaves are added.

    Example:
        >>> arrays = {}
        >>> structure({"a": np.zeros(2)}, "x", arrays), list(arrays)
        ({'dict': {'a': {'array': 'x_a'}}}, ['x_a'])
    """
    if tensors is None:
        return None
    if isinstance(tensors, dict):
        return {"dict": {k: structure(v, f"{name}_{k}", arrays) for k, v in tensors.items()}}
    if isinstance(tensors, list | tuple):
        kind = "tuple" if isinstance(tensors, tuple) else "list"
        return {kind: [structure(v, f"{name}_{i}", arrays) for i, v in enumerate(tensors)]}
    while name in arrays:  # {"a": {"b": ...}, "a_b": ...}
        name += "_"
    arrays[name] = tensors
    return {"array": name}


def _save(path: Any, arrays: dict[str, Any]) -> None:
    """Write arrays to an `.npz`, without pickle."""
    plain: dict[str, Any] = {name: _plain(value) for name, value in arrays.items()}
    np.savez(path, **plain)


def _plain(value: Tensor) -> np.ndarray:
    array = np.asarray(backend.to_numpy(value))
    if array.dtype.name == "bfloat16":  # numpy has none of its own
        return array.astype("float32")
    return array.astype("S") if array.dtype.kind == "O" else array  # text; what else raises here


def _free(parent: Any, name: str) -> Any:
    """Return a path in `parent` that is not taken."""
    path, number = parent / name, 1
    while path.exists():
        number += 1
        path = parent / f"{name}-{number}"
    return path


def slug(text: str) -> str:
    """Return `text` as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_.")[:MAX_FOLDER_NAME] or "model"


def _readme(facts: dict[str, Any]) -> str:
    how = "python reproduce.py" + ("" if facts["model"] else OWN_MODEL)
    return f"""{facts["finding"]}

To reproduce it: {how}

model.keras   the model right before the bad step, with its optimizer
batch.npz     the batch of that step
state.npz     seeds, moving averages, and optimizers beside that of `compile`; without model.keras
              also the weights and the optimizer
bundle.json   what was found, where, and the versions
{facts["note"]}
"""
