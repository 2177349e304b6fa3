"""Measures what the rows of the rules' table would notice: mutants of ten rules.

    KERAS_BACKEND=torch python -m benchmarks.mutation [--rules dead_units overfitting] [--list]

A mutant is a rule with one change to its code: a comparison, an arithmetic or logical operator, a
number or a truth value is another one, or a condition is negated. The operators are those of Cosmic
Ray. A mutant is killed if a row of `tests/rules/table.py` then has another severity than it should
have, if the rule raises an error, or if the section of the rule in docs/messages.md changes: the
tests compare all three. Decorators are left as they are, for they hold no logic.

Ten rules are drawn by a hash of their names; `--list` prints the mutants that live. Some of these
cannot be killed, because they do the same as the rule (`>= 0` in place of `> 0`, where 0 never
occurs). Cosmic Ray's own runner starts the tests anew for every mutant, hundreds of times here;
this one runs the rows of the rules in one process, which takes a minute or two.
"""

import argparse
import ast
import hashlib
import inspect
import sys
import types
import warnings

from cosmic_ray import plugins
from cosmic_ray.mutating import mutate_code

from keras_babysit.findings import CONDITIONS
from keras_babysit.rules import DEFAULT_RULES
from tests.rules.table import TABLE
from tools.messages_page import section

RULES = 10
COMPARISONS = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")
OPPOSITES = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul")
OPERATORS = [
    *(f"ReplaceComparisonOperator_{a}_{b}" for a in COMPARISONS for b in COMPARISONS if a != b),
    *(f"ReplaceBinaryOperator_{one}" for one in OPPOSITES),
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
    "AddNot",
    "NumberReplacer",
]


def drawn():
    """Return the names of `RULES` rules, the same ones every time."""
    return sorted(DEFAULT_RULES.names, key=lambda n: hashlib.sha256(n.encode()).digest())[:RULES]


def logic(source):
    """Return what of the code can matter: not comments, decorators, how arguments are passed."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            given = node.args
            given.args = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            given.defaults = [*given.defaults, *given.kw_defaults]
            given.posonlyargs, given.kwonlyargs, given.kw_defaults = [], [], []
    return ast.dump(tree)


def mutants(source):
    """Yield the operator and the code of every mutant, each logic once."""
    seen = {logic(source)}
    for name in OPERATORS:
        operator = plugins.get_operator(f"core/{name}")()
        occurrence = 0
        while (mutated := mutate_code(source, operator, occurrence)) is not None:
            occurrence += 1
            try:
                what = logic(mutated)
            except SyntaxError:
                continue
            if what not in seen:
                seen.add(what)
                yield name, mutated


def rows_of(rule):
    """Return the histories of a rule, with the severities that they must have."""
    return [(made, wanted) for one, made, wanted in TABLE.values() if one is rule]


def behaviour(rule, rows):
    """Return what the tests compare, or None if a row is not as it should be."""
    found = []
    for made, wanted in rows:
        findings = rule(made)
        if [one.severity for one in findings] != ([] if wanted is None else [wanted]):
            return None
        found.extend(findings)
    return section(CONDITIONS[rule.__name__], found)


def file_of(rule):
    return inspect.getsourcefile(inspect.unwrap(rule))


def compiled(source, original):
    """Return the rule of the same name from other code."""
    module = types.ModuleType(original.__module__)
    exec(compile(source, file_of(original), "exec"), module.__dict__)
    CONDITIONS.add(original.condition)  # the decorator has registered that of the mutant
    return getattr(module, original.__name__)


def judge(rule, *, list_all):
    """Return how many mutants of a rule are killed, and how many there are."""
    with open(file_of(rule), encoding="utf-8") as file:
        source = file.read()
    rows, killed, total = rows_of(rule), 0, 0
    wanted = behaviour(rule, rows)
    for name, mutated in mutants(source):
        total += 1
        try:
            alive = behaviour(compiled(mutated, rule), rows) == wanted
        except Exception:
            alive = False
        killed += not alive
        if alive and list_all:
            print(f"{rule.__name__}: {name}: {difference(source, mutated)}")
    return killed, total


def difference(source, mutated):
    """Return the line that was changed, before and after."""
    pairs = zip(source.splitlines(), mutated.splitlines(), strict=False)
    one, other = next((a, b) for a, b in pairs if a != b)
    return f"{one.strip()}  ->  {other.strip()}"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("--rules", nargs="+", default=drawn(), choices=DEFAULT_RULES.names)
    parser.add_argument("--list", action="store_true", help="print the mutants that live")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # mutants divide by zero
    of_all = [0, 0]
    for name in options.rules:
        rule = next(one for one in DEFAULT_RULES if one.__name__ == name)
        killed, total = judge(rule, list_all=options.list)
        of_all[0] += killed
        of_all[1] += total
        print(f"{name:28} {killed:4} of {total:4} killed ({killed / max(total, 1):.2f})")
        sys.stdout.flush()
    print(f"{'all':28} {of_all[0]:4} of {of_all[1]:4} killed ({of_all[0] / of_all[1]:.2f})")


if __name__ == "__main__":
    main()
