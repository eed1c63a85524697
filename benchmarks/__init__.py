"""The main job on real input, and what it costs."""
