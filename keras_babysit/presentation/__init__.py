"""Wording, numbers, grouping and chart data, shared by sinks, dashboard and checks."""
