"""Certificates made on the spot."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

LONG_AGO = {"not_before": datetime(2019, 1, 1, tzinfo=UTC), "not_after": datetime(2020, 1, 1, tzinfo=UTC)}


@dataclass(frozen=True)
class Authority:
    """A CA, and the folder that what it signs is written to."""

    ca: trustme.CA
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str, *hosts: str, long_ago: bool = False) -> Path:
        """Key and certificate in one file."""
        path = self.folder / f"{name}.pem"
        made = self.certificate(*hosts, long_ago=long_ago)
        # PKCS #8, the one form that Kafka reads.
        key = load_pem_private_key(made.private_key_pem.bytes(), None)
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(written + b"".join(each.bytes() for each in made.cert_chain_pems))
        return path

    def certificate(self, *hosts: str, long_ago: bool = False) -> trustme.LeafCert:
        return self.ca.issue_cert(*hosts, **(LONG_AGO if long_ago else {}))


def authority(folder: Path) -> Authority:
    folder.mkdir(parents=True, exist_ok=True)
    made = Authority(trustme.CA(), folder)
    made.ca.cert_pem.write_to_path(made.path)
    return made


def as_client(pem: Path) -> dict[str, str]:
    """librdkafka's options."""
    return {"ssl.certificate.location": str(pem), "ssl.key.location": str(pem)}
