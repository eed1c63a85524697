"""Drift without labels: whether messages, and what the model makes of them, are still as where it was measured."""
