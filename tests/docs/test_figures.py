"""README's figures of the sample model are those of the artifact that is shipped."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def row(name: str, figures: dict) -> str:
    point = figures["operating_point"]
    shares = [point["recall"], point["needless"], figures["accuracy"]]
    return f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"


def test_readme_tells_the_sample_models_figures():
    """`make sample-model` writes them into eval_results.json; whoever makes it anew has to tell the new ones."""
    results = json.loads((ROOT / "artifacts" / "sample" / "eval_results.json").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert row("fp32", results["precisions"]["fp32"]) in readme
    assert row("int8", results["precisions"]["int8"]) in readme
    assert row("TF-IDF + logistic regression", results["tfidf_logistic_regression"]) in readme
