"""A TCP proxy between consumers and the broker, which can be slow and can cut every connection."""

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Self

CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST, as a cable that is pulled does in the end


class Proxy:
    """Listens on a port of this machine, and forwards to another. `delay_s` holds back every chunk, each way."""

    def __init__(self, port: int, target: int) -> None:
        self.delay_s = 0.0
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", port))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self.reset()

    def reset(self) -> int:
        """Cuts all connections, as the other side sees it without a word; how many they were."""
        with self._lock:
            cut, self._open = self._open, set()
        for each in cut:
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            _ended(each)
        return len(cut) // 2

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:  # closed
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:  # the broker is away, which is what the client shall see
                client.close()
                continue
            broker.settimeout(None)
            with self._lock:
                self._open |= {client, broker}
            threading.Thread(target=self._serve, args=[client, broker], daemon=True).start()

    def _serve(self, client: socket.socket, broker: socket.socket) -> None:
        back = threading.Thread(target=self._forward, args=[broker, client], daemon=True)
        back.start()
        self._forward(client, broker)
        back.join()
        with self._lock:
            self._open -= {client, broker}
        # Only now: the number of a socket that is closed is the next connection's, and a thread that was about to read
        # from the old one would take the new one's bytes, which then waits for a minute (seen).
        client.close()
        broker.close()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while chunk := one.recv(CHUNK):
                if self.delay_s:
                    time.sleep(self.delay_s)
                other.sendall(chunk)
        _ended(one)
        _ended(other)


def _ended(each: socket.socket) -> None:
    """Wakes whoever reads from it, or writes to it."""
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
