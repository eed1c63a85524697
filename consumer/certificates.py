"""What is wrong with a broker's certificate: librdkafka calls an expired one and another host's by one name."""

import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROBE_S = 3.0
_TLS_ADDRESS = re.compile(r"(?:sasl_)?ssl://(\[[^\]]+\]|[^/:\s]+):(\d+)/")

# OpenSSL's codes (X509_V_ERR_*).
_EXPIRED = {9, 10}
_ANOTHER_NAME = {62, 64}
_UNKNOWN_SIGNER = {2, 18, 19, 20, 21}


def reason(words: str, config: Mapping[str, Any]) -> str:
    """
    What is wrong with a broker's certificate, and what to do.

    `words` are librdkafka's, which name the broker; it is asked once more, with the CAs that `config` says.
    """
    found = _TLS_ADDRESS.search(words)
    if found is None:
        return "a broker's certificate cannot be trusted: check ssl.ca.location, its dates and its names"
    host, port = found[1].strip("[]"), int(found[2])
    error = _refused(host, port, config)
    if error is None:
        return f"{_whose(host, port)} cannot be trusted: check ssl.ca.location, its dates and its names"
    return told(host, port, error)


def told(host: str, port: int, error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with the certificate that was shown there, and what to do."""
    where, words = _whose(host, port), error.verify_message
    if error.verify_code in _EXPIRED:
        return f"{where} is out of date ({words}): renew it, or set this machine's clock"
    if error.verify_code in _ANOTHER_NAME:
        return (
            f"{where} was issued for another host ({words}): put a name that it holds into bootstrap.servers and the "
            "broker's advertised.listeners, or have it issued for this one"
        )
    if error.verify_code in _UNKNOWN_SIGNER:
        return f"{where} was signed by nobody known here ({words}): name its CA's file in ssl.ca.location"
    return f"{where} cannot be trusted ({words})"


def valid_until(host: str, port: int, config: Mapping[str, Any]) -> datetime:
    """
    When the certificate shown there ends, which is good now by the CAs and for the names that `config` says.

    Raises ssl.SSLCertVerificationError when it is not, and OSError or ValueError when none was to be had.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, config)
    context.check_hostname = str(config.get("ssl.endpoint.identification.algorithm", "https")) == "https"
    with (
        socket.create_connection((host, port), PROBE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        shown = tls.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)


def _whose(host: str, port: int) -> str:
    return f"the certificate of the broker at {host}:{port}"


def _refused(host: str, port: int, config: Mapping[str, Any]) -> ssl.SSLCertVerificationError | None:
    """What Python's OpenSSL says to the same certificate; None when it has nothing against it, or gets no answer."""
    try:
        valid_until(host, port, config)
    except ssl.SSLCertVerificationError as error:
        return error
    except (OSError, ValueError):
        pass
    return None


def _trust(context: ssl.SSLContext, config: Mapping[str, Any]) -> None:
    """As librdkafka: these, in place of the system's."""
    location, pem = config.get("ssl.ca.location"), config.get("ssl.ca.pem")
    if pem:
        context.load_verify_locations(cadata=str(pem))
    elif location and location != "probe":
        path = Path(str(location))
        context.load_verify_locations(**{"capath" if path.is_dir() else "cafile": str(path)})
    else:
        context.load_default_certs()
