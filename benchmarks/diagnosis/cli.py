"""The commands: record, judge, list, check, validate, answers, sample, backends."""

import argparse
from pathlib import Path

from benchmarks.diagnosis import backends, judge, outcomes, record, sample
from benchmarks.diagnosis.program import PARTS
from benchmarks.diagnosis.reports import REPORTS, answers, section, validity
from tools import rules_page

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks/diagnosis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--part", choices=PARTS, action="append", help=", ".join(PARTS))
    shared.add_argument("--only", action="append", default=[], help="id, part of an id, or pattern")
    shared.add_argument("--every", type=int, default=1, metavar="N", help="every N-th program")
    shared.add_argument("--jobs", type=int, default=1, metavar="N", help="number of processes")
    shared.add_argument(
        "--folder", type=Path, default=record.FOLDER, help="folder of the recordings"
    )
    one = commands.add_parser(
        "record", parents=[shared], help="train programs that have no recording"
    )
    one.add_argument("--again", action="store_true", help="record all programs again")
    one.add_argument("--measure-every", type=int, metavar="N", help="measure every N steps")
    one.add_argument("--same-start", type=Path, metavar="FOLDER", help="folder of initial weights")
    one = commands.add_parser(
        "judge", parents=[shared], help="replay the rules and print the results"
    )
    one.add_argument("--list", action="store_true", help="list every miss and false alarm")
    one.add_argument("--write", action="store_true", help="write the pages of docs/")
    commands.add_parser("list", parents=[shared], help="print the programs and their labels")
    one = commands.add_parser(
        "check", parents=[shared], help="train without Babysitter: is a fault harmful?"
    )
    one.add_argument("--again", action="store_true", help="measure all programs again")
    one = commands.add_parser(
        "validate", help="train the reports without Babysitter: is the faulty program worse?"
    )
    one.add_argument("--only", action="append", default=[], metavar="NAME", help="name of a report")
    one.add_argument("--again", action="store_true", help="measure all reports again")
    one = commands.add_parser(
        "answers", parents=[shared], help="judge the recordings of the reports and write the page"
    )
    one.add_argument("--label", default="now", help="what the state of the code is called")
    one.add_argument("--code", help="commit of the code; without it nothing is stored")
    one.add_argument("--healthy", type=Path, help="folder of the runs of healthy programs")
    one.add_argument(
        "--replay", action="store_true", help="judge the measurements by the rules of today"
    )
    one.add_argument("--order", type=int, default=0, help="where it stands in the tables")
    commands.add_parser("sample", parents=[shared], help="write the recordings that CI replays")
    one = commands.add_parser(
        "backends", parents=[shared], help="compare the findings on 20 programs"
    )
    one.add_argument("--backend", choices=backends.PYTHONS, action="append")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run one command."""
    options = parse(arguments)
    if options.command == "validate":
        validity.validate(
            [r for r in REPORTS.values() if r.name in (options.only or REPORTS)],
            again=options.again,
        )
        return
    programs = record.choose(
        record.all_programs(),
        parts=options.part or PARTS,
        only=options.only,
        every=options.every,
    )
    COMMANDS[options.command](programs, options)


def run_record(programs: list, options: argparse.Namespace) -> None:
    how = record.How(options.folder, options.measure_every or "auto", options.same_start)
    record.record_all(programs, how, jobs=options.jobs, again=options.again)


def run_judge(programs: list, options: argparse.Namespace) -> None:
    programs = without_reports(programs)  # judged by `answers`, against words
    verdicts, missing = judge.judge(programs, folder=options.folder, jobs=options.jobs)
    if options.write:
        elsewhere = backends.report(backends.choose(programs))
        PAGE.write_text(judge.page(verdicts, missing, elsewhere), encoding="utf-8")
        rules_page.write_counts(judge.rule_counts(verdicts))
    print(judge.report(verdicts, missing))
    if options.list:
        print(judge.listing(verdicts))


def without_reports(programs: list) -> list:
    return [program for program in programs if program.part != "reports"]


def run_list(programs: list, options: argparse.Namespace) -> None:
    for program in programs:
        label = program.label
        wanted = ", ".join(sorted(label.names)) or "healthy"
        extra = "" if label.is_scored else " (not scored)"
        extra += " (harmless)" if label.is_harmless else ""
        print(f"{program.id:44} {program.part:8} {program.half:8} {wanted}{extra}")


def run_check(programs: list, options: argparse.Namespace) -> None:
    outcomes.check(programs, again=options.again)


def run_answers(programs: list, options: argparse.Namespace) -> None:
    judged = answers.judge(programs, options.folder, is_replayed=options.replay)
    about = record.environment() | {name: getattr(options, name) for name in ABOUT}
    if options.code:
        healthy = answers.judge_healthy(
            programs, options.healthy or options.folder, is_replayed=options.replay
        )
        print(answers.save(f"{options.label}-{about['backend']}", about, judged, healthy))
        section.write()
    print(section.summary({"about": about, "answers": judged}))


ABOUT = ("label", "code", "order")


def run_sample(programs: list, options: argparse.Namespace) -> None:
    others = without_reports(programs)  # their test half must not be read in the tests
    print("\n".join(sample.write(others, folder=options.folder)))


def run_backends(programs: list, options: argparse.Namespace) -> None:
    backends.run(programs, options.backend or list(backends.PYTHONS))


COMMANDS = {
    "record": run_record,
    "judge": run_judge,
    "list": run_list,
    "check": run_check,
    "answers": run_answers,
    "sample": run_sample,
    "backends": run_backends,
}
