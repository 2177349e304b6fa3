"""`make bench-remedies`: carries out the first remedy of the first finding, and tries remedies.

    python -m benchmarks.remedies first --programs 40
    python -m benchmarks.remedies tried --programs 6 --healthy 4
    python -m benchmarks.remedies bases
    python -m benchmarks.remedies intervals
    python -m benchmarks.remedies table --write

Results are kept in `results.json` after every program, and programs with a result are left out.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "torch")


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remedies", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("first", help="carry out the first remedy of the first finding")
    tried = commands.add_parser("tried", help="call kb.try_remedies")
    for one in (first, tried):
        one.add_argument("--programs", type=int, help="number of faulty programs; all by default")
        one.add_argument("--seconds", type=float, help="only programs that train in this time")
        one.add_argument("--again", action="store_true", help="measure all of them again")
        one.add_argument("--minutes", type=float, default=600, help="start no program after that")
    tried.add_argument("--healthy", type=int, default=0, help="number of healthy programs")
    tried.add_argument(
        "--trainings", type=int, default=40, help="budget of a trial, in times of one training"
    )
    spread = commands.add_parser("intervals", help="measure how often intervals hold")
    spread.add_argument("--examples", type=int, default=700, help="only programs with so few")
    spread.add_argument("--minutes", type=float, default=600, help="start no program after that")
    bases = commands.add_parser("bases", help="train the healthy bases, and judge by them")
    bases.add_argument("--minutes", type=float, default=600, help="start no program after that")
    table = commands.add_parser("table", help="print the results")
    table.add_argument("--write", action="store_true", help="write docs/remedies.md")
    options = parser.parse_args()
    if options.command == "table":
        from benchmarks.remedies import table as tables

        print(tables.write() if options.write else tables.text())
        return
    if options.command == "intervals":
        from benchmarks.remedies import intervals

        intervals.measure(options.examples, options.minutes)
        return
    if options.command == "bases":
        from benchmarks.remedies import bases as healthy_ones

        healthy_ones.measure(options.minutes)
        return
    from benchmarks.remedies import first as carried_out
    from benchmarks.remedies import tried as trials

    if options.command == "first":
        carried_out.measure(options.programs, options.seconds, options.minutes, again=options.again)
    else:
        trials.measure(
            options.programs,
            options.seconds,
            options.healthy,
            options.trainings,
            options.minutes,
            again=options.again,
        )


if __name__ == "__main__":
    main()
