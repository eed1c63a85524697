"""What a new model is promoted by: a replay of what was answered live, and the flips between the two."""

import json
import shutil
from pathlib import Path

import pytest

from tests.service.process import TINY, shikyu

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


def with_threshold(folder: Path, threshold: float) -> Path:
    """The tiny artifact as a later version, which finds more or fewer messages urgent."""
    shutil.copytree(TINY, folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["version"] = "2"
    manifest["precisions"]["int8"]["threshold"] = threshold
    path.write_text(json.dumps(manifest))
    return folder


def test_a_replay_by_another_model_shows_its_flips(past, replay, start_live, options, tmp_path):
    """Counted from the live answers' own urgencies; a limit that is not met is exit code 5."""
    words = ["refund", "broken", "thanks", "smoke", "invoice", "late", "great", "never", "again"]
    texts = [" ".join(words[n % 9 :] + words[: n % 7]) + str(n) for n in range(200)]
    past.produce_values([json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts)])
    start_live(200)
    live = past.events("")
    urgencies = sorted(event["urgency"] for event in live.values())
    before = next(iter(live.values()))["threshold"]
    threshold = (urgencies[99] + urgencies[100]) / 2
    became = {
        "urgent": sum(before > each >= threshold for each in urgencies),
        "routine": sum(threshold > each >= before for each in urgencies),
    }
    model = with_threshold(tmp_path / "later", threshold)
    assert replay("--run", "later", "--model-artifact", str(model)).ended() == 0

    output = tmp_path / "flips.json"
    flags = where(past, options)
    done = shikyu("flips", "--run", "later", "--json", str(output), "--max-flip-share", "0", *flags)

    assert done.returncode == 5, done.stderr
    found = json.loads(output.read_text())
    assert found["sides"]["is"]["replay"] == {"state": "done", "records": 200, "left": 0}
    flips = found["flips"]
    assert sum(became.values()) > 0
    assert {to: flips[f"to_{to}"]["messages"] for to in became} == became


def where(past, options: list[str]) -> list[str]:
    """What answers are found by, and the runs."""
    flags = {
        "--kafka": f"bootstrap.servers={past.bootstrap}",
        "--output-urgent": past.topics["urgent"],
        "--output-routine": past.topics["routine"],
        "--dead-letters-topic": past.topics["dead"],
        "--output-format": "json",
    }
    return [word for pair in flags.items() for word in pair] + options[-2:]
