"""Formulas on arrays: the functions and rows of their gates, shapes, sweeps, passes, checks and slips."""
