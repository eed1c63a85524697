import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from training import run
from training.feasible import require_arguments

pytestmark = [pytest.mark.train, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "training" / "sample" / "train-w1.jsonl"
RECIPE = """
name = "several"
output = "artifact"

[data]
train = ["train.jsonl"]
validation_share = 0.2

[data.limits]
max_cut = 1

[model]
vocab_size = 300
lower_case = true
max_length = 32

[model.config]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
position_buckets = 8
initializer_range = 0.2
hidden_dropout_prob = 0.0
attention_probs_dropout_prob = 0.0
pooler_dropout = 0.0

[pretrain.arguments]
num_train_epochs = 1
max_steps = 4

[fit]
average_last = 0.5
label_smoothing = 0.1

[fit.arguments]
num_train_epochs = 2
per_device_train_batch_size = {batch}
per_device_eval_batch_size = 10
eval_steps = 0.2
gradient_accumulation_steps = 2
learning_rate = 1e-2
logging_steps = 4

[promise]
recall = 0.5
confidence = 0.8
"""

STEPS = """
import os
import signal
import sys
from pathlib import Path
from tests.training.interrupted import after_checkpoint
from tests.training.test_processes import do_steps
from training import processes
from training.fitting.resumable import ResumableTrainer
if {kill_at} and processes.is_main():
    ResumableTrainer._save_checkpoint = after_checkpoint({kill_at}, lambda: os.kill(os.getpid(), signal.SIGKILL))
do_steps(Path(sys.argv[1]), said := [])
print(*said, sep="\\n")
"""

IMPATIENT = """
import os
import time
from datetime import timedelta
import torch.distributed as together
from accelerate import PartialState
from torch.distributed.distributed_c10d import _set_pg_timeout
from training import processes
PartialState(cpu=True)
together.barrier()
_set_pg_timeout(timedelta(seconds=1))
said = processes.decided(lambda: time.sleep(2) or "all was read")
os.write(1, f"{said}\\n".encode())  # at once, for both write to one pipe
"""


def fitted(folder: Path, batch: int, processes: int, kill_at: int = 0) -> tuple[list[str], dict]:
    """
    What `data` and `fit` said and left, in so many processes of `torchrun`; if asked for, the main one was killed when
    that step's checkpoint was there, and all were started again.
    """
    folder.mkdir()
    (folder / "train.jsonl").write_bytes(b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:200]))
    (folder / "recipe.toml").write_text(RECIPE.format(batch=batch))
    if kill_at:
        died = launched(folder, STEPS.format(kill_at=kill_at), processes)
        assert "Signal 9 (SIGKILL)" in died.stderr, died.stderr
    if processes == 1:
        do_steps(folder / "recipe.toml", said := [])
    else:
        said = finished(folder, STEPS.format(kill_at=0), processes)
    state = json.loads((folder / "artifact.run" / "fit" / "model" / "trainer_state.json").read_text())
    return said, state


def do_steps(recipe: Path, said: list[str]) -> None:
    job = run.job(recipe, said.append)
    require_arguments(job.recipe)
    for step in ("data", "fit"):
        run.finish(job, step)


def finished(folder: Path, program: str, processes: int) -> list[str]:
    done = launched(folder, program, processes)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def launched(folder: Path, program: str, processes: int) -> subprocess.CompletedProcess[str]:
    (folder / "steps.py").write_text(program)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}")
    command = [sys.executable, *launcher, str(folder / "steps.py"), str(folder / "recipe.toml")]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False)


def test_two_processes_learn_what_one_does_though_killed_in_between(tmp_path):
    """
    Half the batch each: the same losses, of validation too, told and written once; those after kill -9 among them.
    """
    said, together = fitted(tmp_path / "two", 4, 2, kill_at=12)
    _, alone = fitted(tmp_path / "one", 8, 1)

    def losses(state):
        names = ("loss", "eval_loss", "train_loss")
        return [entry[name] for entry in state["log_history"] for name in names if name in entry]

    assert losses(together) == pytest.approx(losses(alone), abs=1e-3)
    assert len(losses(alone)) == 5 + 5 + 1
    assert together["max_steps"] == alone["max_steps"] == 20
    assert "fit: model goes on from checkpoint-12" in said
    assert len([line for line in said if re.match(r"fit: step \d+ of 20, epoch", line)]) == 2  # of steps 16 and 20


def test_the_others_wait_as_long_as_it_takes(tmp_path):
    """
    The main process may read for an hour, and what the Trainer makes of them gives up after minutes: a second, here.
    """
    assert finished(tmp_path, IMPATIENT, 2) == ["all was read"] * 2
