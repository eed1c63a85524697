"""Ports on this machine for the broker and the registry."""

import random
import socket

from consumer.errors import SurroundingsError

# Below the ports that systems hand out to clients (from 32768 on Linux, 49152 elsewhere). Inside that range, a client
# that reconnects to a dead broker can be given the broker's own port, and then it never comes back.
OURS = range(20_000, 32_000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Java does; a connection of the predecessor that lingers in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    for port in random.sample(OURS, 200):
        if is_free(port):
            return port
    raise SurroundingsError(
        f"no free port was found between {OURS.start} and {OURS.stop - 1}: see what listens there (ss -ltn)"
    )


def claim(port: int | None, what: str) -> int:
    """`port` if it is free, else SurroundingsError; a free one for None."""
    if port is None:
        return free_port()
    if not is_free(port):
        raise SurroundingsError(
            f"port {port} for the {what} is taken: stop what listens there, name another one, "
            "or name none, and a free one is chosen"
        )
    return port
