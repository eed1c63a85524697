"""
Whether drift alarms as seldom as it says, and when it should: on real reviews, by a model fitted on others of them.

    python -m benchmarks.drift --reviews FOLDER                       # after make measure-models

The reference is of the run's calibration reviews; windows are of reviews that no fit has seen, and none stands in two
windows. Another language are German messages written for this project, another domain the sample messages. The
contenders look at the same urgencies; river is no dependency, and left out where it is not installed.
"""

import gzip
import importlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from consumer.classify import Classifier, load
from consumer.decide import prior_shift, probabilities, urgencies
from consumer.drift.compare import Expectation, Yardstick, compare
from consumer.drift.features import FEATURES, Feature
from consumer.manifest import ClassShares, Description, Shares
from consumer.records import Satisfaction
from training.preparing import splits
from training.run_folder import RunFolder
from training.scoring.reference import reference
from training.scoring.score import Scored, scored

EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)
SKEWED = (0.03, 0.03, 0.035, 0.115, 0.79)  # about as the reviews are; of the rare ones there are just enough
RATE = 0.01
MESSAGES = Path("training/sample")
GERMAN = (
    "Seit drei Wochen warte ich auf mein Paket, und niemand antwortet.",
    "Die Heizung ist schon wieder ausgefallen, meine Kinder frieren!",
    "Vielen Dank für die schnelle Hilfe, alles funktioniert wieder.",
    "Sie haben meine Karte zweimal belastet, ich will mein Geld zurück.",
    "Der Monteur kam pünktlich und war sehr freundlich.",
    "Ich kündige hiermit meinen Vertrag zum nächstmöglichen Termin.",
    "Können Sie mir bitte die Rechnung vom Mai noch einmal schicken?",
    "Das Gerät riecht verbrannt, ich habe Angst, es zu benutzen.",
    "Ganz in Ordnung für den Preis, mehr aber auch nicht.",
    "Am Telefon hängt man eine Stunde in der Warteschleife.",
    "Die Schuhe passen gut, nur die Farbe ist etwas dunkler als auf dem Bild.",
    "So einen schlechten Service habe ich noch nie erlebt.",
    "Bitte ändern Sie meine Lieferadresse, ich bin umgezogen.",
    "Meine Mutter ist begeistert, wir bestellen bestimmt wieder.",
    "Das Passwort lässt sich nicht zurücksetzen, es kommt keine E-Mail an.",
    "Nach zwei Tagen war der Akku kaputt, und die Garantie gilt angeblich nicht.",
    "Ich habe nur eine kurze Frage zu den Öffnungszeiten.",
    "Das ist jetzt die vierte Beschwerde, beim nächsten Mal gehe ich zum Anwalt.",
    "Schön verpackt, rechtzeitig zum Geburtstag da, danke!",
    "Der Zug fiel aus, und für das Hotel will keiner zahlen.",
)
Columns = dict[Feature, NDArray[Any]]
Ks = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """Texts of one kind: what the model makes of them, and their labels."""

    manifest: Description
    precision: str
    labels: NDArray[np.int64]
    scores: Scored

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> "Looked":
        scores = Scored(self.scores.logits[rows], self.scores.lengths[rows], self.scores.unknown_shares[rows])
        return Looked(self.manifest, self.precision, self.labels[rows], scores)

    def beside(self, other: "Looked") -> "Looked":
        pairs = ((getattr(self.scores, name), getattr(other.scores, name)) for name in Scored.__slots__)
        scores = Scored(*(np.concatenate(pair) for pair in pairs))
        return Looked(self.manifest, self.precision, np.concatenate([self.labels, other.labels]), scores)

    def shares(self, live: Shares) -> ClassShares:
        return self.manifest.class_shares.model_copy(update={"live": live})

    def columns(self, live: Shares) -> Columns:
        """As they would be seen live, with these class shares declared."""
        temperature = next(
            each.temperature for name, each in self.manifest.precisions.items() if name == self.precision
        )
        columns = (
            probabilities(self.scores.logits, temperature).argmax(axis=1),
            urgencies(self.scores.logits, temperature, prior_shift(self.shares(live))),
            self.scores.lengths,
            self.scores.unknown_shares,
        )
        return dict(zip(FEATURES, columns, strict=True))

    def expectation(self, live: Shares, features: Sequence[Feature] = FEATURES) -> Expectation:
        """With these as the calibration messages."""
        precisions = {str(name): each for name, each in self.manifest.precisions.items()}
        made = reference(self.labels, {self.precision: self.scores}, precisions, self.shares(live))
        told = self.manifest.model_copy(update={"reference": made, "class_shares": self.shares(live)})
        return Expectation(told, self.precision, features)


def looked(model: Classifier, texts: Sequence[str], labels: Sequence[int] | NDArray[np.int64]) -> Looked:
    scores = scored(texts, model.tokenize, model.start, model.at_once)
    return Looked(model.manifest, model.model.precision, np.array(labels), scores)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def unseen(reviews: Path, run: RunFolder, most: int, seed: int) -> tuple[list[str], list[int]]:
    """At most so many of a class, in random order; those that a checkpoint was chosen by are among them."""
    known = set(splits.read(run).everything.raw)
    found: dict[str, int] = {}
    for name in ("test", "validation", "train"):
        for each in lines(reviews / f"{name}.jsonl.gz"):
            if name != "train" or each["text"] not in known:
                found.setdefault(each["text"], each["stars"] - 1)
    texts = list(found)
    random.Random(seed).shuffle(texts)  # noqa: S311 - guards no secret
    left, chosen = [most] * len(Satisfaction), []
    for text in texts:
        left[found[text]] -= 1
        if left[found[text]] >= 0:
            chosen.append(text)
    return chosen, [found[text] for text in chosen]


def windows(pool: Looked, size: int, count: int, shares: Shares, seed: int) -> list[Looked]:
    """Up to `count` disjoint ones, each of so many messages whose classes are drawn by their shares."""
    generator = np.random.default_rng(seed)
    stock = [list(generator.permutation(np.flatnonzero(pool.labels == label))) for label in range(len(shares))]
    made: list[Looked] = []
    for drawn in generator.multinomial(size, shares, count).tolist():
        if any(wanted > len(rows) for wanted, rows in zip(drawn, stock, strict=True)):
            break
        rows = [rows.pop() for wanted, rows in zip(drawn, stock, strict=True) for _ in range(wanted)]
        made.append(pool.take(generator.permutation(np.array(rows))))
    return made


def mixed(own: Looked, other: Looked, share: float, size: int, seed: int) -> Looked:
    """A window of which `share` are the others."""
    generator = np.random.default_rng(seed)
    count = round(share * size)
    rows = generator.choice(len(own), size - count, replace=False)
    return own.take(rows).beside(other.take(generator.choice(len(other), count, replace=count > len(other))))


def row(name: str, expectation: Expectation, some: Sequence[Looked], live: Shares) -> list[str]:
    """How many of the windows drift, each by itself and all together, and how far the features were."""
    size, counts = len(some[0]), [expectation.counted(each.columns(live)) for each in some]
    alone, together = (Yardstick(expectation, size, RATE, count) for count in (1, len(some)))
    drifts = [compare(alone, each) for each in counts]
    far = {name: [look.distance for each in drifts for look in each.looks if look.feature == name] for name in FEATURES}
    return [
        f"{len(some)} x {size:,} {name}",
        str(sum(bool(each.drifted) for each in drifts)),
        str(sum(bool(compare(together, each).drifted) for each in counts)),
        *(f"{np.median(far[name]):.3f} {max(far[name]):.3f} ({alone.limits[name]:.3f})" for name in FEATURES),
    ]


def contenders(calibration: Looked, stream: Sequence[Looked]) -> dict[str, int]:
    """How many of the windows each alarms in, looking at their urgencies alone, in the order of the stream."""
    ks: Ks = importlib.import_module("scipy.stats").ks_2samp
    urgency = [each.columns(EVEN)["urgency"] for each in stream]
    kept = calibration.columns(EVEN)["urgency"]
    found = {"scipy ks_2samp, p < 0.01": sum(ks(kept, each).pvalue < RATE for each in urgency)}
    try:
        river = importlib.import_module("river.drift")
    except ImportError:
        return found
    detectors: dict[str, Any] = {
        "river KSWIN(), alpha 0.005, windows of 100 and 30": river.KSWIN(seed=0),
        "river KSWIN(alpha=0.0001)": river.KSWIN(alpha=0.0001, seed=0),
        "river KSWIN(0.005, 2000, 1000)": river.KSWIN(0.005, 2000, 1000, seed=0),
        "river ADWIN(), delta 0.002": river.ADWIN(),
        "river PageHinkley()": river.PageHinkley(),
    }
    return {**found, **{name: fired(detector, urgency) for name, detector in detectors.items()}}


def fired(detector: Any, stream: Sequence[NDArray[np.float64]]) -> int:
    """In how many windows of the stream it detects drift, at least once."""
    count = 0
    for window in stream:
        in_this = False
        for value in window.tolist():
            detector.update(value)
            in_this = in_this or detector.drift_detected
        count += in_this
    return count


def luck(pool: Looked, repetitions: int) -> dict[str, tuple[float, float]]:
    """
    Of windows of 1,000, the mean share that alarm in urgency, and the share against the unluckiest of 20 references.

    References are 1,000 reviews drawn from the same pool, so that nothing but chance is between them.
    """
    ks: Ks = importlib.import_module("scipy.stats").ks_2samp
    generator, size = np.random.default_rng(0), 1000
    found: dict[str, list[float]] = {"ours": [], "scipy ks_2samp": []}
    for _ in range(repetitions):
        order = generator.permutation(len(pool))
        kept, some = pool.take(order[:size]), [pool.take(order[at : at + size]) for at in range(size, 9000, size)]
        own = np.bincount(pool.labels, minlength=len(EVEN)) / len(pool)
        expectation = kept.expectation(tuple(own.tolist()), ["urgency"])
        yardstick = Yardstick(expectation, size, RATE)
        urgency = [each.columns(tuple(own.tolist())) for each in some]
        found["ours"].append(
            np.mean([bool(compare(yardstick, expectation.counted(each)).drifted) for each in urgency]).item()
        )
        before = kept.columns(tuple(own.tolist()))["urgency"]
        found["scipy ks_2samp"].append(np.mean([ks(before, each["urgency"]).pvalue < RATE for each in urgency]).item())
    return {name: (float(np.mean(each)), float(np.quantile(each, 0.95))) for name, each in found.items()}


def german(count: int, seed: int) -> list[str]:
    chosen = random.Random(seed)  # noqa: S311 - guards no secret
    return [" ".join(chosen.sample(GERMAN, chosen.randint(1, 5))) for _ in range(count)]


@click.command()
@click.option("--reviews", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option(
    "--model", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("build/measure/scratch"),
    show_default=True, help="An artifact, beside its run's folder NAME.run.",
)  # fmt: skip
@click.option("--most", type=click.IntRange(200), default=45_000, show_default=True, help="Reviews of a class.")
@click.option(
    "--repetitions", type=click.IntRange(2), default=100, show_default=True, help="References that are drawn."
)
def main(reviews: Path, model: Path, most: int, repetitions: int) -> None:
    """Measure it."""
    console = Console(highlight=False, markup=False, width=200)
    console.print(machine())
    classifier = load(model)
    run = RunFolder(model.with_name(f"{model.name}.run"))
    kept = splits.read(run).calibration
    assert kept is not None, "a model that was calibrated in folds has no calibration messages of its own"
    calibration = looked(classifier, kept.raw, kept.labels)
    pool = looked(classifier, *unseen(reviews, run, most, seed=1))
    by_class = np.bincount(pool.labels).tolist()
    console.print(
        f"{model.name} {calibration.precision}: reference of {len(calibration):,}; unseen by class {by_class}"
    )
    table = Table("windows", "alarms", "together", *(f"{name}: median, most (limit)" for name in FEATURES))
    even = calibration.expectation(EVEN)
    for name, live, shares, size in (
        ("balanced", EVEN, EVEN, 200),
        ("balanced", EVEN, EVEN, 2000),
        ("skewed, as declared", SKEWED, SKEWED, 1000),
        ("skewed, as declared", SKEWED, SKEWED, 2000),
        ("skewed, declared balanced", EVEN, SKEWED, 1000),
    ):
        if some := windows(pool, size, 50, shares, seed=2):
            table.add_row(*row(name, calibration.expectation(live), some, live))
    sample = [each for path in sorted(MESSAGES.glob("*.jsonl")) for each in lines(path)]
    domain = looked(classifier, [each["text"] for each in sample], [each["stars"] - 1 for each in sample])
    language = looked(classifier, german(2000, seed=3), [0] * 2000)
    own = windows(pool, 4000, 1, EVEN, seed=4)[0]
    for name, other in (("German", language), ("support messages", domain)):
        for share in (1.0, 0.2, 0.1, 0.05, 0.02):
            some = [mixed(own, other, share, 2000, seed) for seed in range(10)]
            table.add_row(*row(f"{share:.0%} {name}", even, some, EVEN))
    console.print(table)
    stream = windows(pool, 200, 50, EVEN, seed=2)
    for name, count in contenders(calibration, stream).items():
        console.print(f"{name}: alarms in {count} of {len(stream)} balanced windows of 200")
    for name, (mean, unlucky) in luck(windows(pool, 9000, 1, EVEN, seed=6)[0], repetitions).items():
        console.print(f"{name}: {mean:.2%} of windows alarm, {unlucky:.2%} against the unluckiest of 20 references")


if __name__ == "__main__":
    main()
