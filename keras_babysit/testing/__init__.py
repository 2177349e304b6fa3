"""Conformance suites: run the checks of our rules, sinks, layers, initializers on your own.

Each module has a table of named `CHECKS` and `parametrize_checks`, a decorator for a pytest test.
They need pytest; nothing else of the package imports them.
"""
