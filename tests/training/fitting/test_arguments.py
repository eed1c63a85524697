import pytest

from consumer.errors import SettingsError
from training.fitting import option_names
from training.fitting.arguments import known, training_arguments

pytestmark = pytest.mark.train


def made(tmp_path, *, validated: bool = True, **options):
    return training_arguments("fit.arguments", tmp_path, options, validated=validated)


def test_with_validation_messages_the_best_of_ten_checkpoints_is_kept(tmp_path):
    """
    By needless answers, of which fewer are better; saved when evaluated. Without them, checkpoints are for going on.
    """
    arguments = made(tmp_path)

    assert (arguments.eval_strategy, arguments.eval_steps, arguments.save_steps) == ("steps", 0.1, 0.1)
    assert (arguments.load_best_model_at_end, arguments.greater_is_better) == (True, False)
    assert made(tmp_path, validated=False).load_best_model_at_end is False


def test_what_the_recipe_says_wins(tmp_path):
    """
    Accuracy is better when greater, and an evaluation an epoch is a checkpoint an epoch.
    """
    arguments = made(tmp_path, eval_strategy="epoch", metric_for_best_model="eval_accuracy")

    assert (arguments.save_strategy, arguments.greater_is_better) == ("epoch", True)
    assert made(tmp_path, eval_strategy="no").load_best_model_at_end is False


@pytest.mark.parametrize(
    ("validated", "options", "told"),
    [
        (False, {"eval_strategy": "epoch"}, "no validation messages"),
        (True, {"metric_for_best_model": "f1"}, "'f1': it is one of needless_at_recall, accuracy, loss"),
        (True, {"report_to": "no-such-tracker"}, "'no-such-tracker', which is not installed here"),
        (True, {"load_best_model_at_end": True, "save_strategy": "epoch"}, "out of range"),
        (False, {"per_device_train_batch_size": 0}, "per_device_train_batch_size is 0: it must be at least 1"),
        (False, {"gradient_accumulation_steps": -1}, "gradient_accumulation_steps is -1"),
        (False, {"learning_rate": float("nan")}, "learning_rate is nan: it must be a finite number"),
        (False, {"learning_rate": -1.0}, "learning_rate is -1.0: it must be at least 0"),
        (False, {"num_train_epochs": -1}, "num_train_epochs is -1"),
        (False, {"max_steps": 0}, "max_steps is 0: leave it out"),
        (False, {"adam_beta1": 1.0}, "adam_beta1 is 1.0: it must be below 1"),
        (False, {"seed": -1}, "seed is -1"),
        (False, {"label_smoothing_factor": 0.1}, r"would change nothing here: say \[fit\] label_smoothing"),
        (False, {"deepspeed": "no-such.json"}, "out of range: .*deepspeed"),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(tmp_path, validated, options, told):
    """
    With the recipe's section and the value.
    """
    with pytest.raises(SettingsError, match=told):
        made(tmp_path, validated=validated, **options)


def test_the_names_that_are_read_without_transformers_are_its_own():
    """
    Else an option that it takes were refused, or a misspelt one be found out a minute later.
    """
    assert option_names.written() == known()
