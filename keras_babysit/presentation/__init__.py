"""Presentation: words, numbers, grouping and drawing, shared by sinks, dashboard and checks."""
