"""Which records the second model answers too: by their key, so that a customer's are all among them, or none."""

from hashlib import blake2b

from consumer.records import Record

BITS = 53  # what a double holds
NUMBERS = float(2**BITS)


def place(record: Record) -> float:
    """In [0, 1), the same for the same key in every process; a record without a key goes by where it stands."""
    key = record.key if record.key is not None else f"{record.topic}/{record.partition}/{record.offset}".encode()
    digest = blake2b(key, digest_size=8, person=b"shikyu.shadow").digest()
    return (int.from_bytes(digest, "big") >> (64 - BITS)) / NUMBERS
