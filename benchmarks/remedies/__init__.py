"""Measures whether remedies work: applied mechanically to faulty programs, and tried."""
