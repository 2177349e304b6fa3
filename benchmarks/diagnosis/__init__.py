"""Measures how well the rules diagnose: labelled programs, their recordings, and verdicts."""
