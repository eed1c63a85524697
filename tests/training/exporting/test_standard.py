"""A plain ONNX in Triton's layout."""

import json

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import transformers
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from consumer.artifact import read_manifest
from consumer.decide import prior_shift, urgencies
from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import ClassShares, Description
from tests.tiny_artifact import TEXTS, random_model, tiny_tokenizer
from tests.tiny_padded import random_padded
from training.exporting import standard

pytestmark = pytest.mark.train

TYPES = {"TYPE_INT64": "tensor(int64)", "TYPE_FP32": "tensor(float)"}


def model_config():
    """Triton's ModelConfig message, as far as it is used here, to read config.pbtxt as Triton does."""
    proto = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference", syntax="proto3")
    kinds = proto.enum_type.add(name="DataType")
    for name, number in {"TYPE_INVALID": 0, "TYPE_INT64": 9, "TYPE_FP32": 11}.items():
        kinds.value.add(name=name, number=number)
    field = descriptor_pb2.FieldDescriptorProto
    text, whole, kind, message = field.TYPE_STRING, field.TYPE_INT64, field.TYPE_ENUM, field.TYPE_MESSAGE
    of_kind = ".inference.DataType"
    tensor = {"name": (1, text, ""), "data_type": (2, kind, of_kind)}
    messages = {
        "ModelInput": tensor | {"dims[]": (4, whole, "")},
        "ModelOutput": tensor | {"dims[]": (3, whole, ""), "label_filename": (4, text, "")},
        "ModelDynamicBatching": {},
        "ModelParameter": {"string_value": (1, text, "")},
        "Entry": {"key": (1, text, ""), "value": (2, message, ".inference.ModelParameter")},
        "ModelConfig": {
            "name": (1, text, ""),
            "max_batch_size": (4, field.TYPE_INT32, ""),
            "input[]": (5, message, ".inference.ModelInput"),
            "output[]": (6, message, ".inference.ModelOutput"),
            "dynamic_batching": (11, message, ".inference.ModelDynamicBatching"),
            "parameters[]": (14, message, ".inference.Entry"),
            "backend": (17, text, ""),
        },
    }
    for name, fields in messages.items():
        made = proto.message_type.add(name=name)
        for title, (number, type_, of) in fields.items():
            label = field.LABEL_REPEATED if title.endswith("[]") else field.LABEL_OPTIONAL
            made.field.add(name=title.removesuffix("[]"), number=number, type=type_, type_name=of or None, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))()


@pytest.fixture(scope="module")
def words():
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def description(words):
    from pathlib import Path

    manifest = read_manifest(Path(__file__).parents[2] / "artifacts" / "tiny")
    return Description(**{name: getattr(manifest, name) for name in Description.model_fields})


@pytest.fixture(scope="module", params=["deberta-v2", "roberta"])
def model(request, words):
    return random_model(len(words)) if request.param == "deberta-v2" else random_padded("roberta", pad_token_id=0)


@pytest.fixture(scope="module")
def files(model, words, description):
    return standard.standard(model, words.backend_tokenizer.to_str().encode(), description)


def test_config_pbtxt_says_what_the_graph_takes_and_gives(files, description):
    """Names, types and dimensions but the batch's, as ONNX Runtime finds them."""
    config = text_format.Parse(files["config.pbtxt"].decode(), model_config())
    session = onnxruntime.InferenceSession(files["1/model.onnx"])
    kinds = config.DESCRIPTOR.file.enum_types_by_name["DataType"].values_by_number

    for declared, found in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        assert [each.name for each in declared] == [each.name for each in found]
        assert [TYPES[kinds[each.data_type].name] for each in declared] == [each.type for each in found]
        dims = [[-1 if isinstance(each, str) else each for each in one.shape[1:]] for one in found]
        assert [list(each.dims) for each in declared] == dims
    assert (config.name, config.backend, config.max_batch_size) == (description.name, "onnxruntime", 64)
    assert config.HasField("dynamic_batching")


def test_the_graph_answers_as_the_checkpoint(files, model, words):
    """From transformers' own batch, by its own names."""
    batch = words(list(TEXTS), padding=True, return_tensors="pt")
    session = onnxruntime.InferenceSession(files["1/model.onnx"])

    found = session.run(None, {name: batch[name].numpy() for name in ("input_ids", "attention_mask")})[0]

    expected = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.detach().numpy()
    assert np.abs(found - expected).max() <= 2e-5


def test_what_else_it_takes_to_answer_lies_beside_it(files, words, description, tmp_path):
    """The classes in the logits' order, the tokenizer, and the threshold."""
    assert files["labels.txt"].decode().split() == list(description.labels)
    (tmp_path / "tokenizer.json").write_bytes(files["tokenizer.json"])
    theirs = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert theirs(TEXTS[0])["input_ids"] == words(TEXTS[0])["input_ids"]
    assert parameters(files["config.pbtxt"].decode()) == {
        "max_length": description.max_length,
        "pad_token_id": 0,
        "temperature": description.precisions["fp32"].temperature,
        "prior_shift": list(prior_shift(description.class_shares)),
        "threshold": description.precisions["fp32"].threshold,
    }


def parameters(config: str) -> dict[str, float | list[float]]:
    read = text_format.Parse(config, model_config())
    return {each.key: json.loads(each.value.string_value) for each in read.parameters}


def test_urgency_is_reckoned_from_the_parameters_alone(description):
    """As the consumer gives it, for other live shares than training's, and two stars that count a tenth."""
    training, live = (0.3, 0.2, 0.2, 0.2, 0.1), (0.05, 0.1, 0.15, 0.3, 0.4)
    shares = ClassShares(training=training, live=live, unsatisfied_weight=0.1)
    precisions = {"fp32": description.precisions["fp32"].model_copy(update={"temperature": 1.7})}
    declared = description.model_copy(update={"class_shares": shares, "precisions": precisions})
    logits = np.random.default_rng(0).normal(0, 5, (50, 5)).astype(np.float32)

    told = parameters(standard.config(declared, pad_id=0))
    powers = np.exp(logits.astype(np.float64) / told["temperature"] + told["prior_shift"])
    found = powers[:, :2].sum(axis=1) / powers.sum(axis=1)

    assert found == pytest.approx(urgencies(logits, 1.7, prior_shift(shares)), abs=1e-12)
    assert 0 < (found >= told["threshold"]).sum() < 50


def test_a_repository_keeps_its_other_models(files, tmp_path):
    """One model's folder is written whole; one that is there is replaced when it is said, and nothing else ever."""
    (tmp_path / "other").mkdir()
    folder = standard.write_standard(tmp_path, "tiny", files)

    assert (folder / "1" / "model.onnx").read_bytes() == files["1/model.onnx"]
    with pytest.raises(ArtifactError, match="tiny exists: name another folder, or say --replace"):
        standard.write_standard(tmp_path, "tiny", files)
    standard.write_standard(tmp_path, "tiny", {**files, "labels.txt": b"new"}, replace=True)
    assert (folder / "labels.txt").read_bytes() == b"new"
    with pytest.raises(ArtifactError, match=r"other holds no config\.pbtxt"):
        standard.write_standard(tmp_path, "other", files, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "tiny"]


def test_a_place_where_nothing_can_be_written_is_told(files, tmp_path):
    """As when a file has the repository's name."""
    (tmp_path / "file").touch()

    with pytest.raises(SurroundingsError, match="cannot be written"):
        standard.write_standard(tmp_path / "file", "tiny", files)


def test_a_graph_that_answers_otherwise_is_never_written(words, description, monkeypatch):
    """It is held against the checkpoint before anything is."""
    other = standard.padded_onnx(random_model(len(words), seed=7))
    monkeypatch.setattr(standard, "padded_onnx", lambda model: other)

    with pytest.raises(ArtifactError, match="from the deberta-v2's own"):
        standard.standard(random_model(len(words)), b"{}", description)
