"""Two sources and a test, with something of everything that can be wrong with messages; each text says SECRET."""

import json
import random
from pathlib import Path
from typing import Any

from training.recipe import Recipe

SECRET = "canary7f3a"
MOODS = {1: "awful", 2: "bad", 3: "so so", 4: "good", 5: "great"}
EACH = 10  # messages of a class
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def recipe(**changed: Any) -> Recipe:
    own = {"text": "body", "stars": "mood", "labels": {word: stars for stars, word in MOODS.items()}, "weight": 3}
    sources = [
        {"name": "own", "train": ["own.jsonl"], **own},
        {"name": "public", "train": ["public.jsonl"], "test": ["test.jsonl"]},
    ]
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    given = {
        "name": "made-up",
        "output": "artifact",
        "data": {"sources": sources},
        "model": {"vocab_size": 120, "max_length": 128, "config": sizes},
        "promise": {"recall": 0.5, "confidence": 0.5},
        **changed,
    }
    return Recipe.model_validate(given)


def written(folder: Path) -> None:
    """
    own.jsonl: 50 messages, 2 without a text, 1 with a mood that nobody knows, 1 copy, 1 near copy with other stars.
    public.jsonl: 52 messages, the first two of them also in test.jsonl, which has 12.
    """
    own = [{"body": text("own", number, stars), "mood": MOODS[stars]} for number in range(EACH) for stars in MOODS]
    near = f"{own[1]['body']} again"
    own += [{"body": None, "mood": "bad"}, {"body": "  ", "mood": "bad"}, {"body": SECRET, "mood": SECRET}]
    own += [own[0], {"body": near, "mood": "great"}]
    shared, test, public = (
        [{"text": text(where, number, stars), "stars": stars} for number in range(count) for stars in MOODS]
        for where, count in (("shared", 1), ("test", 2), ("public", EACH))
    )
    shared = shared[::4]
    write(folder / "own.jsonl", own)
    write(folder / "public.jsonl", shared + public)
    write(folder / "test.jsonl", shared + test)


def text(where: str, number: int, stars: int) -> str:
    """Ten words that stand nowhere else."""
    generator = random.Random(f"{where} {number} {stars}")
    return " ".join([SECRET, *("".join(generator.choices(LETTERS, k=7)) for _ in range(10))])


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
