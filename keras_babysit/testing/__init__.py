"""Conformance suites that a third party's rule, sink or layer can run."""
