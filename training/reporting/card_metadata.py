"""What the Hub reads at the top of an artifact's card: figures, data sets, licence, and texts to try it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from training.data.sources import Source
from training.recipe import SCRATCH, Recipe

Json = Mapping[str, Any]

TASK = "text-classification"
PRIVATE = "private"

# Written for this purpose: a customer's message is nowhere in an artifact.
WIDGET_TEXTS: Mapping[str, tuple[str, str, str]] = {
    "en": (
        "The heating has been off for nine days, two of your technicians never came, and now the line is dead too.",
        "It does what it should, though the lid sticks and the manual could be clearer.",
        "Ordered on Monday, here on Tuesday, and the colour is even nicer than in the picture. Thank you!",
    ),
    "de": (
        "Seit neun Tagen ist die Heizung aus, zwei Techniker kamen nicht, und jetzt geht niemand mehr ans Telefon.",
        "Tut, was es soll, nur klemmt der Deckel und die Anleitung könnte klarer sein.",
        "Montag bestellt, Dienstag da, und die Farbe ist noch schöner als auf dem Bild. Danke!",
    ),
    "es": (
        "Llevamos nueve días sin calefacción, dos técnicos no vinieron y ahora ya nadie contesta al teléfono.",
        "Hace lo que debe, aunque la tapa se atasca y el manual podría ser más claro.",
        "Lo pedí el lunes, llegó el martes y el color es aún más bonito que en la foto. ¡Gracias!",
    ),
    "fr": (
        "Neuf jours sans chauffage, deux techniciens qui ne sont pas venus, et plus personne ne répond au téléphone.",
        "Il fait ce qu'il doit, mais le couvercle coince et la notice pourrait être plus claire.",
        "Commandé lundi, reçu mardi, et la couleur est encore plus belle que sur la photo. Merci !",
    ),
}
WIDGET_TITLES = ("Very unsatisfied", "Neither", "Very satisfied")


@dataclass(frozen=True, slots=True)
class OnTheHub:
    """Which of a recipe's data sets and base models have a page there; folders of this machine have none."""

    data_sets: tuple[Source, ...] = ()
    base_model: str | None = None

    @classmethod
    def of(cls, recipe: Recipe, files: Path) -> "OnTheHub":
        """`files` is where the recipe's files are."""
        named = (source for source in recipe.data.all_sources if source.hub is not None)
        base = recipe.model.base
        return cls(
            tuple(source for source in named if not (files / str(source.hub)).is_dir()),
            None if base == SCRATCH or Path(base).exists() else base,
        )


def metadata(recipe: Recipe, figures: Json, evaluation: Json | None, hub: OnTheHub) -> ModelCardData:
    """`figures` is eval_results.json, `evaluation` evaluation.json."""
    return ModelCardData(
        library_name="transformers",
        pipeline_tag=TASK,
        language=list(recipe.card.language) or None,
        license=recipe.card.licence,
        base_model=hub.base_model,
        datasets=sorted({str(source.hub) for source in hub.data_sets}) or None,
        tags=["shikyu", "customer-support"],
        widget=widget(recipe.card.language),
        model_name=recipe.name,
        eval_results=eval_results(recipe, figures, evaluation, hub) or None,
    )


def widget(languages: Sequence[str]) -> list[dict[str, str]]:
    """Texts for the Hub's box, in the first of the `languages` that has any, else in English."""
    language = next((each for each in languages if each in WIDGET_TEXTS), "en")
    return [
        {"text": text, "example_title": title}
        for text, title in zip(WIDGET_TEXTS[language], WIDGET_TITLES, strict=True)
    ]


def eval_results(recipe: Recipe, figures: Json, evaluation: Json | None, hub: OnTheHub) -> list[EvalResult]:
    """Those of the checkpoint, which is fp32, on the test messages; none without any."""
    fp32 = figures["precisions"].get("fp32")
    if fp32 is None:
        return []
    point = fp32["operating_point"]
    metrics = [
        ("accuracy", fp32["accuracy"], "Accuracy"),
        ("loss", fp32["loss"], "Loss, after calibration"),
        ("recall", point["recall"], "Very unsatisfied messages that are answered, at the operating point"),
        ("needless", point["needless"], "Messages with 3 to 5 stars that are answered, at the operating point"),
    ]
    if evaluation:
        confusion = evaluation["precisions"]["fp32"]["confusion"]
        metrics += [
            ("f1", confusion["macro_f1"]["value"], "Macro F1"),
            ("mae", confusion["mean_absolute_error_stars"]["value"], "Mean absolute error in stars"),
        ]
    where = _tested_on(recipe, hub)
    return [
        EvalResult(task_type=TASK, metric_type=kind, metric_value=round(value, 4), metric_name=name, **where)
        for kind, value, name in metrics
    ]


def _tested_on(recipe: Recipe, hub: OnTheHub) -> dict[str, Any]:
    """The data set on the Hub if the test messages are its alone, else what they are called here."""
    with_test = [source for source in recipe.data.all_sources if source.test]
    if len(with_test) != 1 or with_test[0] not in hub.data_sets:
        return {"dataset_type": PRIVATE, "dataset_name": f"{recipe.name} test messages"}
    source = with_test[0]
    return {
        "dataset_type": source.hub,
        "dataset_name": source.name,
        "dataset_config": source.configuration,
        "dataset_split": ", ".join(source.test),
        "dataset_revision": source.revision,
    }
