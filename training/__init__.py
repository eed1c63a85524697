"""From labelled messages to the artifact that the consumer serves."""

import os

# As consumer.engine says it; training's modules may load ONNX Runtime before that one does.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
