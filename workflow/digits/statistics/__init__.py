"""Measures, intervals, significance, and the predictions that they are computed from."""
