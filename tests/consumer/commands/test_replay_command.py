"""What `shikyu replay` and `shikyu backfill` say of arguments that they can't take: at once, and without Kafka."""

import pytest

from consumer.cli import main
from tests.service.process import TINY

NOWHERE = ("--kafka", "bootstrap.servers=127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--by-duration", "7"), "--by-duration '7' is no duration: write 7d, 12h or 1h30m"),
        (("--from-datetime", "yesterday"), "--from-datetime 'yesterday' is no time: write 2026-11-28"),
        (("--from-offsets", "0"), "is not [TOPIC/]PARTITION:START[-END], such as 0:1200"),
        (("--partitions", "5-1"), "--partitions '5-1' is no list of partitions: write 0,2 or 0-5"),
        (("--run", "a b"), "--run 'a b' is no run id: 1 to 64 letters"),
        (("--max-rate", "nan"), "Invalid value for '--max-rate': 'nan' is no number"),
        (("--form-datetime", "2026-11-20"), "did you mean --from-datetime?"),
        (("new-model",), "there is no command 'new-model'"),
        (("--by-duration", "7d", "list"), "--by-duration stands before `list`, which would not hear of it"),
        (("--run", "one", "cancel", "other"), "--run stands before `cancel`, which would not hear of it"),
        (("--config", "shikyu.toml", "list"), "--config stands before `list`"),
    ],
)
def test_what_a_replay_cannot_take_is_told(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shikyu.toml").write_text("")

    assert main(["replay", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("command", [("replay",), ("replay", "--dry-run"), ("dead-letters", "retry"), ("backfill",)])
def test_a_model_that_is_not_there_is_told_before_kafka_is_asked(command, tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    files = [str(tmp_path / "a.jsonl")] if command == ("backfill",) else []

    assert main([*command, *files, "--model-artifact", str(tmp_path / "no-model"), *NOWHERE]) == 4
    assert "no-model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Missing argument 'FILES...'"),
        (("nowhere.jsonl",), "Path 'nowhere.jsonl' does not exist"),
        (("b.csv",), "b.csv is named like none of the files that can be read; they end in .jsonl"),
        (("a.jsonl", "a.jsonl"), "a.jsonl is given twice"),
        (("a.jsonl", "--to", "a.jsonl"), "Directory 'a.jsonl' is a file"),
        (("a.jsonl", "--to", "out", "--to-live"), "--to and --to-live don't go together"),
        (("a.jsonl", "--ray", "auto"), "--ray is for Parquet alone: give --to FOLDER as well"),
        (("a.jsonl", "--part-rows", "9"), "--part-rows is for Parquet alone: give --to FOLDER as well"),
        (("a.jsonl", "--to", "out", "--ray-workers", "3"), "--ray-workers are a Ray cluster's: give --ray ADDRESS"),
        (("a.jsonl", "--to", "out", "--run", "live"), "--run 'live' is no run id"),
        (("a.jsonl", "--by-duration", "7d"), "there is no flag --by-duration"),
    ],
)
def test_what_a_backfill_cannot_take_is_told(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "b.csv").touch()

    assert main(["backfill", *arguments, "--model-artifact", str(TINY), *NOWHERE]) == 2
    assert told in capsys.readouterr().err
