"""
The consumers' /metrics, asked for all at once, and of each the series that are watched.

Whatever a peer says, or does not say, is a NoMetrics of that peer alone.
"""

import asyncio
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import isnan

import httpx2
from prometheus_client.parser import text_string_to_metric_families

ANSWER_S = 2.0  # for all of an answer, in however small pieces it comes
MOST_BYTES = 4 * 1024 * 1024
MOST_VALUE = 2**53  # what a float counts by ones, and JSON and a page hold as it is

# The series that are watched, and the labels that each has.
WATCHED: Mapping[str, tuple[str, ...]] = {
    "shikyu_records_total": ("outcome",),
    "shikyu_window_duration_seconds_bucket": ("le",),
    "shikyu_dead_letters_total": ("code",),
    "shikyu_kafka_brokers_up": (),
    "shikyu_lag_records": ("topic", "partition"),
    "shikyu_lag_seconds": ("topic", "partition"),
    "shikyu_drift_distance": ("feature",),
    "shikyu_drift_limit": ("feature",),
    "shikyu_drift_alarm": ("feature",),
    "shikyu_model_info": ("name", "version", "precision"),
    "shikyu_group_info": ("group_id", "cluster_id"),
}

NOT_ALWAYS_KNOWN = "shikyu_kafka_brokers_up"  # no number where a loop has long not heard of Kafka

Series = tuple[str, tuple[tuple[str, str], ...]]  # its name and its labels, in the order of their names
Values = Mapping[Series, float]


class NoMetrics(Exception):
    """`does not answer …`: what stands behind the peer's address, without a word that the peer said."""


def ask(urls: Sequence[str]) -> list[Values | NoMetrics]:
    """In the order of `urls`; takes ANSWER_S, whatever the peers do, and what it takes to find their names."""
    return [_values(each) if isinstance(each, bytes) else each for each in asyncio.run(_all(urls))] if urls else []


async def _all(urls: Sequence[str]) -> list[bytes | NoMetrics]:
    # These are addresses that somebody named: no proxy or login of the environment's is for them, and none leads on.
    async with httpx2.AsyncClient(verify=_trusted(), trust_env=False, follow_redirects=False, timeout=None) as client:
        return await asyncio.gather(*(_one(client, url) for url in urls))


async def _one(client: httpx2.AsyncClient, url: str) -> bytes | NoMetrics:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await _fetched(client, url)
    except NoMetrics as problem:
        return problem
    except TimeoutError:
        return _other(f"not within {ANSWER_S:g} s")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as problem:
        return NoMetrics(f"does not answer ({_why(problem)})")


async def _fetched(client: httpx2.AsyncClient, url: str) -> bytes:
    """As it comes: what is packed could be of any size."""
    content = bytearray()
    async with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
        if answer.status_code != httpx2.codes.OK:
            leads_on = ", which is not followed: name the address that it leads to" if answer.is_redirect else ""
            raise _other(f"{answer.status_code}{leads_on}")
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > MOST_BYTES:
                raise _other(f"more than {MOST_BYTES:,} bytes")
    return bytes(content)


def _values(content: bytes) -> Values | NoMetrics:
    try:
        found = dict(_samples(content.decode()))
    except UnicodeDecodeError:
        return _other("no UTF-8")
    except NoMetrics as problem:
        return problem
    return found or _other("none of them is there")


def _samples(text: str) -> Iterator[tuple[Series, float]]:
    lines = "".join(f"{line}\n" for line in text.split("\n") if line.startswith(tuple(WATCHED)))
    try:
        samples = [sample for family in text_string_to_metric_families(lines) for sample in family.samples]
    except Exception as problem:  # the parser has no error of its own for what is none
        raise _other("they cannot be read") from problem
    for sample in samples:
        if (needed := WATCHED.get(sample.name)) is None:
            continue
        if gone := [label for label in needed if label not in sample.labels]:
            raise _other(f"{sample.name} lacks {' and '.join(gone)}")
        _check(sample.name, sample.labels)
        if sample.name == NOT_ALWAYS_KNOWN and isnan(sample.value):
            continue
        if not abs(sample.value) <= MOST_VALUE:  # nor is NaN
            raise _other(f"{sample.name} is {sample.value}")
        yield (sample.name, tuple(sorted(sample.labels.items()))), sample.value


def _check(name: str, labels: Mapping[str, str]) -> None:
    try:
        wrong = "le" in labels and not float(labels["le"]) >= 0
        wrong |= "partition" in labels and not 0 <= int(labels["partition"]) <= MOST_VALUE
    except ValueError:
        wrong = True
    if wrong:
        raise _other(f"a label of {name} is no number")


def _other(why: str) -> NoMetrics:
    return NoMetrics(f"does not answer as shikyu's metrics do ({why})")


def _why(problem: BaseException) -> str:
    """The system's words where it has some; else what kind it is, for in its own words may stand what the peer said."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            of_system = isinstance(cause, ConnectionError) and cause.errno  # asyncio has words of its own for it
            return os.strerror(of_system) if of_system else cause.strerror
        last_tried = cause.exceptions[-1] if isinstance(cause, BaseExceptionGroup) else None  # of a name's addresses
        cause = last_tried or cause.__cause__ or cause.__context__
    return type(problem).__name__


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
