"""
optimum's export of the checkpoint in FOLDER, in fp32 and in int8 by its settings for VNNI, as FOLDER/optimum/*.onnx.

    python benchmarks/optimum_files.py FOLDER        # in the environment of locks/optimum.txt
"""

import sys
from pathlib import Path

from optimum.exporters.onnx import main_export  # type: ignore[import-not-found]
from optimum.onnxruntime import ORTQuantizer  # type: ignore[import-not-found]
from optimum.onnxruntime.configuration import AutoQuantizationConfig  # type: ignore[import-not-found]


def main(folder: Path) -> None:
    made = folder / "optimum"
    main_export(str(folder), output=made, task="text-classification", framework="pt", opset=18, do_validation=False)
    quantizer = ORTQuantizer.from_pretrained(made, file_name="model.onnx")
    quantizer.quantize(
        save_dir=made, quantization_config=AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
