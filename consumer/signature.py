"""Who made an artifact: an Ed25519 signature over its manifest, which has the hash of every other file."""

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from consumer.errors import ArtifactError, SettingsError
from consumer.manifest import SIGNATURE_FILE

HOW_TO_SIGN = "sign it with `shikyu-train sign`"


def require(folder: Path, manifest: bytes, written: bytes | None, public_key: Path) -> None:
    """
    Raises ArtifactError unless the folder's signature, as `written`, is of these bytes by `public_key`'s other half.

    SettingsError when that is no PEM file of an Ed25519 public key.
    """
    key = _public(public_key)
    if written is None:
        raise ArtifactError(
            f"{folder} is not signed (it has no {SIGNATURE_FILE}), and model.public_key asks for it: {HOW_TO_SIGN}, or "
            "fetch it from where it was signed"
        )
    try:
        key.verify(base64.b64decode(written.strip(), validate=True), manifest)
    except (InvalidSignature, binascii.Error, ValueError):
        raise ArtifactError(
            f"{folder} was not signed by the key of {public_key}, or its manifest was changed since: {HOW_TO_SIGN}, or "
            "fetch it again from where it was signed"
        ) from None


def sign(manifest: bytes, private_key: Path) -> bytes:
    """The signature's file, base64 on one line. SettingsError when the key is none, or is locked by a password."""
    try:
        key = load_pem_private_key(private_key.read_bytes(), password=None)
    except TypeError:
        raise SettingsError(
            f"the key {private_key} is locked by a password: unlock it for the moment (openssl pkey -in {private_key})"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(_no_key(private_key, "private", "openssl genpkey -algorithm ed25519")) from None
    except OSError as error:
        raise SettingsError(f"the key {private_key} cannot be read ({error.strerror})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(_no_key(private_key, "private", "openssl genpkey -algorithm ed25519"))
    return base64.b64encode(key.sign(manifest)) + b"\n"


def _public(path: Path) -> Ed25519PublicKey:
    how = "openssl pkey -in private.pem -pubout"
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(_no_key(path, "public", how)) from None
    except OSError as error:
        raise SettingsError(f"model.public_key {path} cannot be read ({error.strerror})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(_no_key(path, "public", how))
    return key


def _no_key(path: Path, half: str, how: str) -> str:
    return f"{path} is no {half} Ed25519 key in PEM: `{how}` makes one"
