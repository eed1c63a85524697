"""
data -> fit -> graphs -> operate -> evaluate -> report -> export, each from files to files: see training/run_folder.py.

A step reads what those before it left, so that any of them can be done again alone.
"""
