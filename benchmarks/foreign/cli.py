"""The commands: watch, one, table, shut, healthy."""

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.foreign import tables

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".foreign"
PAGE = ROOT / "docs" / "foreign.md"


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python benchmarks/foreign", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("watch", help="record models that have no recording")
    one.add_argument("--only", action="append", help="name or pattern")
    one.add_argument("--again", action="store_true", help="record models again")
    one.add_argument("--seconds", type=int, default=900, help="time limit per model")
    one.add_argument("--epochs", type=int, default=1, help="epochs of 4 steps each")
    one.add_argument("--every", type=int, help="measure every N steps, regardless of the cost")
    one.add_argument("--together", action="store_true", help="all in this process, for small ones")
    one = commands.add_parser("one", help="record one model in this process")
    one.add_argument("--epochs", type=int, default=1)
    one.add_argument("--every", type=int)
    one.add_argument("name")
    one.add_argument("--alone", action="store_true", help="train without Babysitter")
    one = commands.add_parser("table", help="replay the rules and print the results")
    one.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    one = commands.add_parser(
        "shut", help="print the fraction of ReLU units that no example activates"
    )
    one.add_argument("name", help="name of a model that takes images")
    one = commands.add_parser("healthy", help="train healthy programs and count false alarms")
    one.add_argument("name", nargs="*", help="names of programs; without any, all of them")
    one.add_argument("--short", action="store_true", help="also for one epoch each")
    one.add_argument("--out", type=Path, help="file of JSON lines to append the results to")
    options = parser.parse_args()
    runs = {
        "watch": run_watch,
        "one": run_one,
        "table": run_table,
        "shut": run_shut,
        "healthy": run_healthy,
    }
    runs[options.command](options)


def run_watch(options: argparse.Namespace) -> None:
    from benchmarks.foreign import cases

    for name in cases.names():
        is_wanted = any(fnmatch.fnmatch(name, pattern) for pattern in options.only or ["*"])
        if is_wanted and (options.again or not _is_known(name)):
            (watch_here if options.together else watch_in_a_process)(name, options)
            print(tables.row(tables.read(path_of(name))), flush=True)


def run_one(options: argparse.Namespace) -> None:
    from benchmarks.foreign import cases
    from benchmarks.foreign.watch import prepare, train, watch

    case = cases.find(options.name)
    if options.alone:
        train(prepare(case), case, [], options.epochs)
    else:
        watch(case, path_of(options.name), options.epochs, options.every)


def run_table(options: argparse.Namespace) -> None:
    page = tables.page(FOLDER, PAGE.read_text(encoding="utf-8") if PAGE.exists() else "")
    if options.write:
        PAGE.write_text(page, encoding="utf-8")
    print(page)


def run_shut(options: argparse.Namespace) -> None:
    from benchmarks.foreign import cases
    from benchmarks.foreign.shut import shut

    print(shut(cases.find(options.name)))


def run_healthy(options: argparse.Namespace) -> None:
    from benchmarks.foreign.healthy import run

    run.run(options.name, [None, 1] if options.short else [None], options.out)


def path_of(name: str) -> Path:
    return FOLDER / os.environ["KERAS_BACKEND"] / f"{name}.jsonl.gz"


def _is_known(name: str) -> bool:
    return path_of(name).exists() or tables.failure_of(path_of(name)).exists()


def watch_here(name: str, options: argparse.Namespace) -> None:
    """Record one model in this process, or store the reason why that failed."""
    import keras

    from benchmarks.foreign import cases
    from benchmarks.foreign.watch import watch

    keras.utils.clear_session()
    failure = tables.failure_of(path_of(name))
    failure.unlink(missing_ok=True)
    try:
        watch(cases.find(name), path_of(name), options.epochs, options.every)
    except Exception as error:
        failure.parent.mkdir(parents=True, exist_ok=True)
        why = f"{type(error).__name__}: {str(error)[:250]}"
        failure.write_text(json.dumps({"name": name, "failed": " ".join(why.split())}))


def watch_in_a_process(name: str, options: argparse.Namespace) -> None:
    """Record one model, or store the reason why that failed."""
    command = [sys.executable, str(Path(__file__).parent), "one", name]
    command += ["--epochs", str(options.epochs)]
    command += ["--every", str(options.every)] if options.every else []
    seconds = options.seconds
    failure = tables.failure_of(path_of(name))
    failure.parent.mkdir(parents=True, exist_ok=True)
    failure.unlink(missing_ok=True)
    try:
        subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        failure.write_text(json.dumps({"name": name, "failed": f"not finished in {seconds} s"}))
    except subprocess.CalledProcessError as error:
        errors = re.findall(r"^[\w.]*(?:Error|Exception|Interrupt): .*", error.stderr, re.MULTILINE)
        why = errors[-1][:300] if errors else f"exit {error.returncode}"
        alone = subprocess.run([*command, "--alone"], stderr=subprocess.DEVNULL, timeout=seconds)
        where = "fails without Babysitter too" if alone.returncode else "fails with Babysitter only"
        failure.write_text(json.dumps({"name": name, "failed": f"{where}: {why}"}))
