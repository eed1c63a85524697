"""The dashboards as they are committed, panel by panel."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"


@dataclass(frozen=True)
class Query:
    board: str
    panel: str
    ref: str
    expr: str

    @property
    def place(self) -> tuple[str, str, str]:
        return self.board, self.panel, self.ref

    def __str__(self) -> str:
        return f"{self.board}: {self.panel} {self.ref}"


def boards() -> dict[str, dict]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def queries() -> list[Query]:
    return [
        Query(name.removesuffix(".json"), panel["title"], target["refId"], target["expr"])
        for name, board in boards().items()
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]
