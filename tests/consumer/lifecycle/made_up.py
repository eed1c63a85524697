"""Versions of the tiny artifact: the same weights, another name and, where asked, another threshold."""

import json
import shutil
from pathlib import Path

TINY = Path(__file__).parents[2] / "artifacts" / "tiny"


def version(folder: Path, name: str, threshold: float | None = None) -> Path:
    """A whole artifact in folder/name; with `threshold` 0 it decides that everything is urgent."""
    made = Path(shutil.copytree(TINY, folder / name))
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["version"] = name
    for served in manifest["precisions"].values():
        served["threshold"] = served["threshold"] if threshold is None else threshold
    (made / "manifest.json").write_text(json.dumps(manifest))
    return made
