"""Writes the dashboards: python -m deploy.grafana"""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import model, on_call

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = {"on-call.json": on_call.dashboard, "model.json": model.dashboard}


def written(name: str) -> str:
    """The file's text."""
    return JSONEncoder(sort_keys=True, indent=2).encode(DASHBOARDS[name]()) + "\n"


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / each).write_text(written(each), encoding="utf-8")
