"""Make hosts out of network namespaces: each has a link to the database and another one to the relay.

A third namespace, the net, has the other ends of all links; whatever listens there is reachable from every host.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class NoNamespaces(Exception):
    """Say why hosts cannot be made here."""


@dataclass(frozen=True)
class Host:
    """Hold one host and the addresses at which it sees the net."""

    name: str
    database: str
    relay: str
    _net: str
    _link: str

    @property
    def prefix(self) -> list[str]:
        """Return the words that run a command on this host."""
        return ["ip", "netns", "exec", self.name]

    def cut_off(self) -> None:
        """Take the link to the database down: packets are lost, and nobody is told."""
        _ip("-n", self._net, "link", "set", self._link, "down")

    def join_again(self) -> None:
        """Take it up again."""
        _ip("-n", self._net, "link", "set", self._link, "up")


@dataclass(frozen=True)
class Net:
    """Hold the hosts and the namespace that joins them."""

    name: str
    hosts: tuple[Host, ...]

    @property
    def prefix(self) -> list[str]:
        """Return the words that run a command in the net."""
        return ["ip", "netns", "exec", self.name]

    @contextmanager
    def forwarding(self, *, port: int, target: int) -> Iterator[None]:
        """Let what listens on 127.0.0.1:target outside be reachable at a port of the net."""
        words = [sys.executable, "-m", "tests.services.forward", self.name, str(port), str(target)]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n", "the forwarder did not start"
                yield
            finally:
                process.kill()


@contextmanager
def hosts(*names: str) -> Iterator[Net]:
    """Make a host of each name; raise NoNamespaces with the reason where that is not allowed."""
    if shutil.which("ip") is None:
        raise NoNamespaces("no ip command: install iproute2")
    mark = f"nl{os.getpid()}"
    with ExitStack() as stack:
        net = _namespace(stack, f"{mark}net")
        made = tuple(_host(stack, net, f"{mark}{name}", place) for place, name in enumerate(names))
        yield Net(net, made)


def _host(stack: ExitStack, net: str, name: str, place: int) -> Host:
    _namespace(stack, name)
    ends = []
    for kind, number in (("d", 2 * place), ("r", 2 * place + 1)):
        inside, outside, there = f"{kind}in", f"{kind}{place}", f"10.77.{number}.1"
        _ip("-n", net, "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        for namespace, link, address in ((net, outside, there), (name, inside, f"10.77.{number}.2")):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", link)
            _ip("-n", namespace, "link", "set", link, "up")
        ends.append(there)
    return Host(name, database=ends[0], relay=ends[1], _net=net, _link=f"d{place}")


def _namespace(stack: ExitStack, name: str) -> str:
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        raise NoNamespaces(f"network namespaces are not allowed here: {error.stderr.strip()}") from error
    stack.callback(_ip, "netns", "delete", name)
    _ip("-n", name, "link", "set", "lo", "up")
    # What was lost is repeated after a second at the latest, not after minutes: a test does not wait for TCP.
    _run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_rto_max_ms=1000"], check=False)
    return name


def _ip(*words: str) -> None:
    _run(["ip", *words], check=True)


def _run(words: Sequence[str], *, check: bool) -> None:
    subprocess.run(words, check=check, capture_output=True, text=True)
