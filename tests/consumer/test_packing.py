"""A batch as one row of tokens, and the indices that lay it out as a grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.packing import ABSENT, Distances, log_bucket, pack, position_rows

V3 = Distances(256, 512)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_every_token_stands_once_and_in_its_text_s_row(lengths):
    """The grid holds each text from its left edge on; what is absent is biased away, and nothing else."""
    texts = [np.arange(100 * row, 100 * row + length) for row, length in enumerate(lengths)]

    packed = pack(texts, V3)

    grid = packed["token_ids"][packed["row_of_cell"]]
    absent = packed["score_bias"][:, 0, 0, :] == ABSENT
    for row, text in enumerate(texts):
        assert grid[row][~absent[row]].tolist() == text.tolist()
    assert grid.reshape(-1)[packed["cell_of_row"]].tolist() == np.concatenate(texts).tolist()
    assert packed["token_ids"][packed["first_rows"]].tolist() == [text[0] for text in texts]
    assert packed["position_rows"].shape == (2 * grid.shape[1] - 1,)


@pytest.mark.parametrize(("longest", "width"), [(1, 4), (4, 4), (5, 8), (512, 512)])
def test_a_grid_is_a_multiple_of_four_wide(longest, width):
    """What is left over of a group of four would be summed in another order; absent neighbours have no say."""
    packed = pack([np.arange(longest), np.array([7])], V3)

    assert packed["row_of_cell"].shape == (2, width)
    assert packed["score_bias"][1, 0, 0].tolist() == [0.0] + [ABSENT] * (width - 1)


@pytest.mark.parametrize("texts", [[], [np.array([1, 2]), np.array([], dtype=np.int64)]])
def test_nothing_cannot_be_packed(texts):
    """Every text has its special tokens; one without any is a mistake of ours."""
    with pytest.raises(ValueError, match="at least one"):
        pack(texts, V3)


def test_positions_run_from_far_behind_to_far_ahead_and_stop_at_the_ends():
    """Distances beyond the largest share the outermost embedding."""
    rows = position_rows(1000, V3)

    assert rows[999] == 256
    assert (rows[998], rows[1000]) == (257, 255)
    assert (rows[0], rows[-1]) == (511, 0)
    assert (np.diff(rows) <= 0).all()


def test_without_buckets_every_distance_has_its_own_embedding():
    """Up to the largest relative position."""
    assert position_rows(4, Distances(0, 3)).tolist() == [5, 5, 4, 3, 2, 1, 0]


@pytest.mark.train
@pytest.mark.parametrize(("buckets", "maximum"), [(256, 512), (32, 128), (8, 8), (50, 333), (4, 100)])
def test_buckets_are_transformers_to_the_last_distance(buckets, maximum):
    """At a bucket's edge rounding decides, so it is done in the same order and precision."""
    torch = pytest.importorskip("torch")
    from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

    distance = np.arange(-2 * maximum, 2 * maximum + 1)

    theirs = make_log_bucket_position(torch.from_numpy(distance), buckets, maximum).long().numpy()

    assert log_bucket(distance, Distances(buckets, maximum)).tolist() == theirs.tolist()


@pytest.mark.parametrize(
    ("config", "distances"),
    [
        ({"position_buckets": 256, "max_relative_positions": -1, "max_position_embeddings": 512}, V3),
        ({"position_buckets": -1, "max_relative_positions": 64}, Distances(0, 64)),
        ({}, Distances(0, 512)),
    ],
)
def test_distances_are_read_from_config_json(config, distances):
    """With transformers' own defaults where it says nothing."""
    assert Distances.of(config) == distances


@pytest.mark.parametrize("config", [{"position_buckets": 2}, {"position_buckets": 600}, {"max_relative_positions": 1}])
def test_distances_that_make_no_sense_are_refused(config):
    """They would be a division by zero in the middle of the first message."""
    with pytest.raises(ValueError, match="must be"):
        Distances.of(config)
