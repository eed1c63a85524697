"""What comparing base models gives."""

from dataclasses import asdict, dataclass
from pathlib import Path

from consumer.errors import ShikyuError
from training.measures.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Compared:
    """
    On the messages of `split`, by the precision that would be served: the test is for the one that is chosen.

    `needless` is where the promised `recall` of these very messages is answered, and not at the threshold that will be
    served: one that is too high by chance must win nothing. `size_bytes` is of what serving reads.
    """

    precision: str
    rows: int
    recall: float
    needless: Estimate
    accuracy: float
    loss: float
    messages_per_s: float
    size_bytes: int
    split: str


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one base model, or the reason why nothing did."""

    base: str
    folder: Path
    compared: Compared | None
    reason: str | None = None
    failure: ShikyuError | None = None

    def as_json(self) -> dict[str, object]:
        figures = {} if self.compared is None else asdict(self.compared)
        return {"base": self.base, "run": str(self.folder), "reason": self.reason, **figures}
