"""
A smoke run of each benchmark of speed, without the others' environments: it ends, and its last line has what ran.

No time is tested.
"""

import gzip
import json
import math
import os
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("torch")

from click.testing import CliRunner

from benchmarks import apps, checkpoint, gpu, model, overhead, scale, soak, stream
from benchmarks.paced import poisson
from benchmarks.products import useful_flops
from benchmarks.texts import MAX_LENGTH, SAMPLE, lengths, texts
from benchmarks.through_kafka import rate
from consumer.cpu_backend import BY_OPENVINO, is_computable
from consumer.errors import LimitError
from consumer.tokenization import Tokenizer
from training.fitting.model import config_from_scratch

pytestmark = [pytest.mark.train, pytest.mark.timeout(300)]

# optimum's environment is apart.
BF16 = [model.INT8_BF16] if is_computable(BY_OPENVINO) else []
ALONE = ("pipeline", model.ONE_SCALE, "shikyu fp32", "shikyu int8", *BF16)


@pytest.fixture
def told_by(cluster, monkeypatch):
    """What a benchmark's command says in its last line: at a tiny model's size, in the Kafka of all tests."""

    def told(benchmark, *options):
        monkeypatch.setattr(benchmark, "Cluster", lambda _: nullcontext(cluster))
        done = CliRunner().invoke(benchmark.main, ["--size", "tiny", *options], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.strip().splitlines()[-1])

    return told


@pytest.mark.parametrize("count", [10, 200])
def test_texts_have_the_lengths_that_are_asked_for(count):
    """Of the sample's words, to the token; however many there are, and in no order of length."""
    shares = np.zeros(MAX_LENGTH)
    shares[[6, 49, 127]] = 0.2, 0.5, 0.3
    words = Tokenizer((SAMPLE / "tokenizer.json").read_bytes(), 1000)

    found = [len(each.ids) for each in words.encode(texts(shares, count, seed=1))]

    assert Counter(found) == {7: count // 5, 50: count // 2, 128: count * 3 // 10}
    assert found != sorted(found)
    assert lengths().sum() == pytest.approx(1)


def test_lengths_are_those_of_one_s_own_texts_where_there_are_some(monkeypatch, tmp_path):
    """By a tokenizer of their own words."""
    for split in ("train", "test"):
        with gzip.open(tmp_path / f"{split}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps({"text": " ".join(["late"] * count)}) + "\n" for count in (1, 1, 3, 200))
    monkeypatch.setenv("REVIEWS", str(tmp_path))
    lengths.cache_clear()
    try:
        shares = lengths()
    finally:
        lengths.cache_clear()

    assert sorted(share for share in shares if share) == [0.25, 0.25, 0.5]
    assert shares[-1] == 0.25


def test_useful_operations_are_those_of_the_products():
    """Of one text of 3 tokens, two layers: counted by hand."""
    config = config_from_scratch(
        {"hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}, 10
    )
    first = 3 * (4 * 16 + 2 * 4 * 8) + 2 * 9 * 4 + 2 * 3 * 5 * 4
    last = 3 * 2 * 16 + 2 * 16 + 2 * 4 * 8 + 4 * 3 * 4

    assert useful_flops(config, [3]) == 2 * (first + last + 16)


def test_a_fourth_of_the_texts_are_as_long_as_all():
    """In the order that they came in."""
    sizes = np.random.default_rng(0).integers(3, 128, 400).tolist()

    quarter = model.quarter_of(sizes)

    assert quarter == sorted(quarter)
    assert len(quarter) == 100
    assert np.mean([sizes[place] for place in quarter]) == pytest.approx(np.mean(sizes), rel=0.02)


def test_the_model_s_benchmark_runs():
    """Small, and without the others' engines."""
    named = [option for kind in ALONE for option in ("--contender", kind)]
    done = CliRunner().invoke(model.main, ["--size", "tiny", "--texts", "12", "--rounds", "1", *named])

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(told["versions"]) == set(ALONE)
    assert {name.partition(",")[0] for name in told["rates"]} == {name.partition(",")[0] for name in ALONE}
    assert set(told["share_of_product"]) == {"fp32", "int8"}
    assert all(math.isfinite(rate) and rate > 0 for rates in told["rates"].values() for rate in rates)
    assert told["bytes"]["model_quantized.onnx"] < told["bytes"]["model.onnx"] / 2


def test_one_contender_alone_can_be_asked():
    """What it would be held against is left out."""
    done = CliRunner().invoke(
        model.main, ["--size", "tiny", "--texts", "12", "--rounds", "1", "--contender", model.ONE_SCALE]
    )

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(told["rates"]) == {f"{model.ONE_SCALE}, {model.SORTED}"}
    assert told["ratios"] == told["share_of_product"] == {}


def test_a_contender_whose_environment_is_not_there_says_how_to_make_it(monkeypatch, tmp_path):
    """Before anything is made for it."""
    monkeypatch.setattr(model, "OPTIMUM", tmp_path / ".venv-optimum" / "bin" / "python")

    done = CliRunner().invoke(model.main, ["--contender", "optimum int8"])

    assert done.exit_code == 1
    assert "make .venv-optimum/made" in done.output


def test_the_gpu_s_benchmark_runs():
    """On a CPU, of which it says so."""
    few = ["--rounds", "1", "--timed", "40", "--texts", "40", "--compare", "40"]
    done = CliRunner().invoke(gpu.main, ["--size", "tiny", "--device", "cpu", *few], catch_exceptions=False)

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(told["rates"]) == {gpu.THEIRS, gpu.OURS}
    assert told["no_numbers"] == 0
    assert told["same_labels"] > 0.9
    assert "no GPU" in told["gpu"]


def test_the_gpu_s_benchmark_puts_each_text_s_logits_in_its_place(monkeypatch, tmp_path):
    """However many are tokenized while the others are computed."""
    ours = gpu.Ours(checkpoint.artifact(tmp_path / "artifact", "tiny"), "cpu", "fp32", 256)
    some = texts(lengths(), 40, seed=0)
    together = ours.logits(some)

    monkeypatch.setattr(gpu, "GPU_MAX_BATCH_RECORDS", 16)

    np.testing.assert_allclose(ours.logits(some), together, atol=1e-5)


@pytest.mark.kafka
def test_the_overhead_s_benchmark_runs(told_by, monkeypatch):
    """Small, and with each way around the model; the stream's batches are as large as those of the model alone."""
    places = []

    def shikyu(cluster, folder, place):
        places.append(place)
        return apps.shikyu(cluster, folder, place)

    monkeypatch.setitem(overhead.WAYS, overhead.WITH_THE_MODEL, shikyu)

    told = told_by(overhead, "--rounds", "1", "--no-quix", "--slow", "6000", "--fast", "6000", "--gpu", "20000")

    ways = {*overhead.WAYS, "20,000 a second beside us"} - {overhead.QUIX}
    assert set(told["rates"]) == {overhead.ALONE, *ways}
    assert all(rate > 0 for rates in told["rates"].values() for rate in rates)
    assert [place.options for place in places] == [
        ("--batching-max-batch-tokens", str(most)) for most in told["max_batch_tokens"]
    ]
    assert len(places) == 1


@pytest.mark.kafka
def test_the_stream_s_benchmark_runs(told_by, monkeypatch):
    """Small, without Quix Streams, whose environment is apart; of ours alone at a load, for the others start again."""
    monkeypatch.setattr(stream, "TIMED", (stream.SHIKYU,))
    told = told_by(stream, "--rounds", "1", "--no-quix", "--records", "2400", "--seconds", "1")

    others = (stream.POLL_LOOP, *BF16)
    assert set(told["rates"]) == {stream.SHIKYU, *others}
    assert set(told["seconds"]) == {stream.SHIKYU}
    ours = told["rates"][stream.SHIKYU][0]
    assert told["ratios"] == {
        f"shikyu int8 / {each}": pytest.approx(ours / told["rates"][each][0], abs=0.001) for each in others
    }
    assert all(0 < each["p50"] <= each["p99"] for loads in told["seconds"].values() for each in loads.values())


def test_a_rate_leaves_out_what_came_with_the_first_window():
    """Ten at once, and twenty in the two seconds after them."""
    assert rate([1000] * 10 + [1000 + 100 * number for number in range(1, 21)]) == 10
    with pytest.raises(LimitError, match="the 3 records that count were answered in one window"):
        rate([5, 6, 7])


def test_a_rate_leaves_out_what_came_while_windows_grew():
    """Ten a second at first, then twenty a second, and the window in which that begins."""
    slow = [100 * number for number in range(10)]
    fast = [1000 + 50 * number for number in range(40)]

    assert rate(slow + fast, after=10) == pytest.approx(20, rel=0.05)


def test_moments_of_a_load_are_as_many_as_it_says_on_average():
    """And one, where there would be none."""
    moments = poisson(20, 50)

    assert 900 < len(moments) < 1100
    assert moments == sorted(moments)
    assert moments[-1] < 50
    assert poisson(1e-6, 1) == [0.0]


@pytest.mark.kafka
def test_the_scale_s_benchmark_runs(told_by, monkeypatch):
    """Small, with one of each, and two of the ways to share a machine."""
    monkeypatch.setattr(scale, "ON_ONE_MACHINE", scale.ON_ONE_MACHINE[:2])
    few = ["--rounds", "1", "--partitions", "20", "--tokens", "16", "--backlog", "5000"]
    told = told_by(scale, "--records", "600", *few)

    together = [what for what, *_ in scale.ON_ONE_MACHINE]
    assert [row["what"] for row in told["rows"]] == [*together, "16 tokens each", "20 partitions", "a backlog of 5,000"]
    assert all(row["rates"] == [row["rate"]] for row in told["rows"])
    assert all(row["rate"] > 0 and row["commit_ms"] > 0 for row in told["rows"])
    assert all(0 < row["shared_out_mb"] <= row["resident_mb"] for row in told["rows"])


@pytest.mark.kafka
def test_the_soak_s_benchmark_runs(told_by, monkeypatch):
    """A few seconds of it; what memory does in them is not what it is about."""
    judged = []
    monkeypatch.setattr(soak, "require_flat", lambda *growth: judged.append(growth))
    monkeypatch.setattr(soak, "require_kept", judged.append)

    told = told_by(soak, "--minutes", "0.1", "--records", "4500")

    assert told["rate"] > 0
    assert list(told["thirds"]) == list(soak.THIRDS)
    assert all(each["messages"] > 0 and each["resident_mb"] > 50 for each in told["thirds"].values())
    assert len(judged) == 2


def test_thirds_are_of_when_a_text_was_sent():
    """One slow answer in the middle, and memory that grows in the last."""
    found = soak.thirds([1, 2, 11, 12, 21, 22], [0.1, 0.1, 9.0, 9.0, 0.2, 0.2], [(5, 100), (15, 100), (25, 110)], 30)

    assert [each.messages for each in found] == [2, 2, 2]
    assert [each.p50_s for each in found] == pytest.approx([0.1, 9.0, 0.2])
    assert [each.resident_mb for each in found] == [100, 100, 110]


def test_a_load_that_was_not_kept_is_told():
    """A backlog's times and memory say nothing of the load."""
    kept = soak.Third(500, 0.2, 3.0, 100)
    soak.require_kept([kept, kept, kept])
    with pytest.raises(
        LimitError, match=r"half of the messages of the last third took longer than 5\.1 s: the load was"
    ):
        soak.require_kept([kept, kept, soak.Third(500, 5.1, 9.0, 100)])


def test_nobody_is_called_and_nothing_is_kept(tmp_path):
    """By ONNX Runtime, which the benchmarks may load before the consumer's own room does."""
    environment = os.environ | {"HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)

    subprocess.run(
        [sys.executable, "-c", "import benchmarks, onnxruntime"], cwd=checkpoint.ROOT, env=environment, check=True
    )

    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_memory_and_times_that_grow_are_told():
    """By two percent and by half they may, and no more."""
    soak.require_flat(0.02, 0.5)
    with pytest.raises(LimitError, match=r"memory grew by 2\.1% from the middle third"):
        soak.require_flat(0.021, 0)
    with pytest.raises(LimitError, match=r"p99 grew by 51% from the middle third"):
        soak.require_flat(0, 0.51)
