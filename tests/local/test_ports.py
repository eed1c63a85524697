import socket

import pytest

from consumer.errors import SurroundingsError
from local.ports import OURS, claim, free_port


def test_a_taken_port_is_refused_by_its_number():
    """A port that someone listens on is an error that says which, for what, and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SurroundingsError, match=f"port {port} for the broker is taken: stop what listens there"):
            claim(port, "broker")


def test_a_port_in_time_wait_is_free():
    """A connection of the predecessor that lingers does not keep a broker from its old port."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first waits
        client.recv(1)
    assert claim(port, "broker") == port


def test_free_ports_lie_below_those_of_clients():
    """A client that reconnects to a dead broker must never be given the broker's own port."""
    assert free_port() in OURS
    assert OURS.stop <= 32_768
