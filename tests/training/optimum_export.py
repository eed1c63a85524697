"""
optimum's export of the checkpoints in FOLDERS, as FOLDER/optimum/model.onnx; runs in .venv-optimum.

    python tests/training/optimum_export.py FOLDERS
"""

import sys
from pathlib import Path

from optimum.exporters.onnx import main_export

for folder in map(Path, sys.argv[1:]):
    main_export(
        str(folder),
        output=folder / "optimum",
        task="text-classification",
        framework="pt",
        opset=18,
        do_validation=False,
    )
