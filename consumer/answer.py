"""The pure middle of the way: records in, one fate for each, and the outputs that tell it. No Kafka, no clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.ahead import Finish, ahead
from consumer.dead_letters import OUTPUT_REFUSED, OUTPUT_TOO_LARGE
from consumer.errors import RecordError, UnknownSchema
from consumer.guard import Fate
from consumer.isolate import Infer, isolate
from consumer.records import Dead, Decision, Decoded, Message, OutputRecord, Record, Tokens
from consumer.telemetry import UNTOLD, Stages


class Classifies(Protocol):
    """What the loop asks of a model: a Classifier in production, a fake that answers at once in tests of delivery."""

    @property
    def at_once(self) -> int: ...

    @property
    def portion(self) -> int | None: ...

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]: ...

    def batches(self, tokens: Sequence[Tokens]) -> list[list[int]]: ...

    def infer(self, tokens: Sequence[Tokens]) -> NDArray[np.float32]: ...

    def start(self, tokens: Sequence[Tokens]) -> Finish: ...

    def decide(
        self, logits: NDArray[np.float32], tokens: Sequence[Tokens], urgent_rules: Sequence[str | None]
    ) -> list[Decision]: ...

    def healthy(self) -> bool: ...


Decode = Callable[[Record], Decoded]
Encode = Callable[[Record, Message, Decision, datetime], OutputRecord]
DeadLetter = Callable[[Record, RecordError], OutputRecord]
Mark = Callable[[Record, Decision], Decision]

TOO_LARGE = "MSG_SIZE_TOO_LARGE"  # Kafka's name


def decide_all(
    model: Classifies,
    texts: Sequence[str],
    urgent_rules: Sequence[str | None],
    stages: Stages = UNTOLD,
    between_batches: Callable[[], None] = lambda: None,
) -> tuple[list[Tokens], list[Decision | RecordError]]:
    """
    Each text's tokens, and its decision or why the model gives none.

    BackendError when it fails on a known-good text too, or has no memory for one. Batches may stand in any order, for
    each text's answer goes back to its own place. Texts beyond the model's first `portion` are tokenized while it
    computes.
    """
    tokens = _tokenized(model, texts, stages)
    answers: dict[int, Decision | RecordError] = {}
    batches = _batches(model, texts, tokens, stages)
    on_their_way = ahead(lambda batch: model.start([tokens[i] for i in batch]), batches, model.at_once)
    while len(answers) < len(texts):
        between_batches()
        with stages.time("inference"):
            batch, finish = next(on_their_way)
            chosen = [tokens[i] for i in batch]
            rows = isolate(_first(finish, chosen, model.infer), model.healthy, chosen)
        stages.batch([len(each.ids) for each in chosen])
        answers |= {batch[n]: row for n, row in enumerate(rows) if isinstance(row, RecordError)}
        good = [n for n, row in enumerate(rows) if not isinstance(row, RecordError)]
        if good:
            logits = np.stack([np.asarray(rows[n], dtype=np.float32) for n in good])
            decisions = model.decide(logits, [chosen[n] for n in good], [urgent_rules[batch[n]] for n in good])
            answers |= {batch[n]: decision for n, decision in zip(good, decisions, strict=True)}
    return tokens, [answers[i] for i in range(len(tokens))]


def _tokenized(model: Classifies, texts: Sequence[str], stages: Stages) -> list[Tokens]:
    """As many of them as the model takes in a portion."""
    with stages.time("tokenization"):
        return model.tokenize(texts[: model.portion])


def _batches(model: Classifies, texts: Sequence[str], tokens: list[Tokens], stages: Stages) -> Iterator[list[int]]:
    """Indices of texts. `tokens` has those of the first portion, and gets the others' as batches are taken."""
    start = 0
    while start < len(texts):
        first, *others = [[start + place for place in batch] for batch in model.batches(tokens[start:])]
        yield first
        start = len(tokens)
        if start < len(texts):  # while the longest batch of this portion is computed
            tokens += _tokenized(model, texts[start:], stages)
        yield from others


def _first(finish: Finish, whole: Sequence[Tokens], infer: Infer) -> Infer:
    """The whole batch's answer is on its way; parts of it are asked for anew."""
    return lambda batch: finish() if batch is whole else infer(batch)


@dataclass(frozen=True, slots=True)
class Answered:
    """
    `fates` has one entry per record; `outputs` one per record that was not skipped, `sources` its record's index.

    `texts` says of each record how many tokens its text has, and the share of them that is unknown; None without one.
    """

    fates: tuple[Fate, ...]
    outputs: tuple[OutputRecord, ...]
    sources: tuple[int, ...]
    tokens: int
    texts: tuple[tuple[int, float] | None, ...] = ()
    messages: tuple[Message | None, ...] = ()  # what was read, of each record that is one


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps between Kafka's two ends. `between_batches` may raise to abandon the window."""

    decode: Decode
    model: Classifies
    encode: Encode
    dead_letter: DeadLetter
    stages: Stages
    between_batches: Callable[[], None]
    mark: Mark = lambda _, decision: decision  # for people to check

    def answer(self, records: Sequence[Record]) -> Answered:
        """
        Every record's fate. Raises PassingFault, BackendError or what `between_batches` raises: then nothing is known.
        """
        with self.stages.time("decode"):
            decoded = self._decode(records)
        messages = [fate for fate in decoded if isinstance(fate, Message)]
        texts = [message.text for message in messages]
        rules = [message.urgent_rule for message in messages]
        tokens, decisions = decide_all(self.model, texts, rules, self.stages, self.between_batches)
        answers = iter(decisions)
        fates = [
            self._fate(record, next(answers)) if isinstance(was, Message) else was
            for record, was in zip(records, decoded, strict=True)
        ]
        with self.stages.time("encode"):
            return self._encode(records, decoded, fates, tokens)

    def _decode(self, records: Sequence[Record]) -> list[Decoded]:
        """
        A service that is away ends it at once, for each question may take seconds.

        Schemas that are not known yet are all asked for before that is raised: they wait side by side, not in turn.
        """
        decoded: list[Decoded] = []
        unknown: UnknownSchema | None = None
        for record in records:
            try:
                decoded.append(self.decode(record))
            except UnknownSchema as problem:
                unknown = unknown or problem
        if unknown is not None:
            raise unknown
        return decoded

    def _encode(
        self,
        records: Sequence[Record],
        decoded: Sequence[Decoded],
        fates: Sequence[Fate],
        tokens: Sequence[Tokens],
    ) -> Answered:
        now = datetime.now(UTC)
        outputs: list[OutputRecord] = []
        sources: list[int] = []
        for place, (record, was, fate) in enumerate(zip(records, decoded, fates, strict=True)):
            if isinstance(fate, Dead):
                outputs.append(self.dead_letter(record, fate.error))
            elif isinstance(fate, Decision) and isinstance(was, Message):
                outputs.append(self.encode(record, was, fate, now))
            else:
                continue
            sources.append(place)
        sizes = iter([(len(each.ids), each.unknown_share) for each in tokens])
        texts = tuple(next(sizes) if isinstance(was, Message) else None for was in decoded)
        messages = tuple(was if isinstance(was, Message) else None for was in decoded)
        total = sum(len(each.ids) for each in tokens)
        return Answered(tuple(fates), tuple(outputs), tuple(sources), total, texts, messages)

    def _fate(self, record: Record, answer: Decision | RecordError) -> Fate:
        return Dead(answer) if isinstance(answer, RecordError) else self.mark(record, answer)

    def refuse(self, answered: Answered, records: Sequence[Record], errors: Mapping[int, str]) -> Answered:
        """The same answers, with what Kafka would not take as dead letters; `errors` has its error's name by output."""
        fates, outputs = list(answered.fates), list(answered.outputs)
        for index, name in errors.items():
            place = answered.sources[index]
            error = _refusal(name, len(outputs[index].value or b""))
            fates[place] = Dead(error)
            outputs[index] = self.dead_letter(records[place], error)
        return replace(answered, fates=tuple(fates), outputs=tuple(outputs))


def _refusal(name: str, size: int) -> RecordError:
    return OUTPUT_TOO_LARGE.error(size=size) if name == TOO_LARGE else OUTPUT_REFUSED.error(error=name)
