import numpy as np
import pytest

from training.data import Labelled
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.run_folder import OPERATING_POINT, RunFolder
from training.steps.report import found_in

pytestmark = pytest.mark.train


def messages(*sources: str) -> Labelled:
    rows, names = len(sources), sorted(set(sources))
    return Labelled(
        [f"text {row}" for row in range(rows)],
        np.arange(rows) % 5,
        np.zeros(rows, dtype=np.int32),
        sources=np.array([names.index(source) for source in sources], dtype=np.int16),
        source_weights=dict.fromkeys(names, 1.0),
    )


def test_messages_are_counted_by_class_and_by_source(tmp_path):
    """
    In every split that is there, whatever source it lacks.
    """
    folder, train = RunFolder(tmp_path), messages(*["own"] * 4, *["public"] * 6)
    splits.write(Prepared(train, train, None, messages(*["own"] * 5), 0, []), folder)
    folder.write_json(OPERATING_POINT, {"chosen": {}})

    found = found_in(folder)

    assert found.counts == {"train": [2] * 5, "test": [1] * 5}
    assert found.sources == {"own": {"train": 4, "test": 5}, "public": {"train": 6, "test": 0}}
