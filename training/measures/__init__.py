"""Figures and their intervals, of plain arrays."""
