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
            _closed(each)
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
                _closed(client)
                continue
            broker.settimeout(None)
            with self._lock:
                self._open |= {client, broker}
            for one, other in ((client, broker), (broker, client)):
                threading.Thread(target=self._forward, args=[one, other], daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while chunk := one.recv(CHUNK):
                if self.delay_s:
                    time.sleep(self.delay_s)
                other.sendall(chunk)
        with self._lock:
            self._open -= {one, other}
        for each in (one, other):
            _closed(each)


def _closed(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    each.close()
