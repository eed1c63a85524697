"""What was measured, as the files of a run's folder and of the artifact hold it."""

from collections.abc import Mapping

from consumer.manifest import Description
from training.data import Labelled
from training.evaluating.checked import kept_on
from training.evaluating.findings import by_precision, columns_of, findings
from training.evaluating.reference_metrics import of_predictions
from training.evaluating.results import Results
from training.preparing.prepare import Prepared
from training.scoring.baseline import learned

TFIDF = "tfidf_logistic_regression"


def eval_results(
    description: Description, messages: Prepared, results: Results, on_calibration: Mapping[str, float | int]
) -> dict[str, object]:
    """
    eval_results.json, which goes into the artifact: so it holds no text, and no value of a customer's columns.

    The reference run's metrics on the calibration messages, then the test messages by precision and way to decide.
    """
    test = messages.test
    return {
        **on_calibration,
        "test_rows": 0 if test is None else len(test),
        "training_messages_dropped_for_standing_in_the_test": messages.dropped,
        "precisions": {name: each.as_json() for name, each in results.precisions.items()},
        "agreement_with_fp32": dict(results.agreement),
        "largest_difference_from_fp32": dict(results.largest_difference),
        TFIDF: {**results.baseline.as_json(), "train_rows": len(learned(messages.train))} if results.baseline else None,
        "served": results.served,
        f"gain_over_{TFIDF}": results.gain.as_json() if results.gain else None,
        "promises": {
            name: served.promise.model_dump() if served.promise else None
            for name, served in description.precisions.items()
        },
    }


def prediction_results(description: Description, test: Labelled, results: Results) -> dict[str, object]:
    """prediction_results.json: fp32 under the reference run's names; by operating point under a key of their own."""
    points = {
        name: {
            "threshold": description.precisions[name].threshold,  # type: ignore[index]  # its keys are precisions'
            "accuracy": each.accuracy,
            "loss": each.loss,
            **each.as_json()["operating_point"],  # type: ignore[dict-item]
        }
        for name, each in results.precisions.items()
    }
    temperature = description.precisions["fp32"].temperature
    return {**of_predictions(results.answers["fp32"], test.labels, temperature), "operating_point": points}


def evaluation(description: Description, test: Labelled, results: Results) -> dict[str, object]:
    """evaluation.json: everything but texts and row numbers; `verdicts` by precision and slice are those of `check`."""
    assert results.tokens is not None
    assert results.beside is not None
    columns = columns_of(test, results.tokens)
    served = {name: description.precisions[name].promise for name in results.answers}  # type: ignore[index]  # its keys
    promised = {name: promise for name, promise in served.items() if promise}
    verdicts = kept_on(results.answers, test.labels, test.columns, promised)
    return {
        **by_precision({name: findings(each, test.labels, columns) for name, each in results.answers.items()}),
        TFIDF: findings(results.beside, test.labels, columns).as_json(),
        "verdicts": {name: {value: one.as_json() for value, one in each.items()} for name, each in verdicts.items()},
        "served": results.served,
        f"gain_over_{TFIDF}": results.gain.as_json() if results.gain else None,
        "agreement_with_fp32": dict(results.agreement),
        "largest_difference_from_fp32": dict(results.largest_difference),
    }
