"""Two hosts on one machine: network namespaces, and a wire between them that is as slow as asked.

Needs root and Linux's ``/dev/net/tun``. The wire is this process: two threads carry the packets, as
``tc netem``, which does the same, is not in every kernel.
"""

import fcntl
import os
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

NAMES, DEVICE = ("cotrain-a", "cotrain-b"), "wire"
ADDRESSES = ("10.77.0.1", "10.77.0.2")
_LARGEST = 65_000  # bytes of a packet
_TUNSETIFF, _TUN, _NO_HEADER = 0x400454CA, 0x0001, 0x1000


@dataclass(frozen=True, kw_only=True)
class Network:
    """What connects two devices.

    Args:
        bytes_per_second: In each direction.
        round_trip: Seconds there and back.
    """

    bytes_per_second: float
    round_trip: float


@contextmanager
def two_hosts(network: Network | None) -> Iterator[None]:
    """The namespaces ``NAMES``, each with a ``DEVICE`` of its address; None limits nothing."""
    ends = [_end(name) for name in NAMES]
    try:
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            _run(f"ip netns add {name}")
            _run(f"ip link set {name} netns {name}")
            inside = f"ip -n {name} "
            _run(inside + f"link set {name} name {DEVICE} mtu {_LARGEST}")
            _run(inside + f"addr add {address}/24 dev {DEVICE}")
            _run(inside + f"link set {DEVICE} up")
            _run(inside + "link set lo up")
        for here, there in (ends, ends[::-1]):
            _carry(here, there, network)
        yield
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "del", name], check=False)
        for end in ends:
            os.close(end)


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def _end(name: str) -> int:
    """A device of this process, whose packets are read from and written to what is returned."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", name.encode(), _TUN | _NO_HEADER))
    return end


def _carry(here: int, there: int, network: Network | None) -> None:
    """Threads that bring every packet from here to there when it is due."""
    packets: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

    def take() -> None:
        free = 0.0  # when the wire has sent what it was given
        while True:
            packet = os.read(here, _LARGEST + 100)
            due = time.monotonic()
            if network is not None:
                free = max(due, free) + len(packet) / network.bytes_per_second
                due = free + network.round_trip / 2
            packets.put((due, packet))

    def give() -> None:
        while True:
            due, packet = packets.get()
            time.sleep(max(due - time.monotonic(), 0))
            os.write(there, packet)

    for work in (take, give):
        threading.Thread(target=_until_closed, args=(work,), daemon=True).start()


def _until_closed(work: Callable[[], None]) -> None:
    try:
        work()
    except OSError:
        return  # the namespaces are gone
