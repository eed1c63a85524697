"""The main job on real input, and what it costs."""

import os

# As in consumer.engine: here something may load ONNX Runtime before that does, also in a program that is started.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
