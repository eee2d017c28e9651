"""Run a name server on this machine that knows some TXT records; it answers by UDP and TCP, as real ones do."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUDPServer

from dns import flags, message, rcode, rrset
from dns.message import QueryMessage

Records = Mapping[str, Sequence[Sequence[str]]]
_TTL = 60
_UDP_MAX = 512  # octets, unless who asks says more (RFC 6891 §6.2.3)


@contextmanager
def serving(records: Records, *, failing: bool = False) -> Iterator[str]:
    """Serve the records: by name, each a list of strings. Yield the server's address with its port.

    ``failing``: answer everything with SERVFAIL.
    """

    def answer(query: bytes, size: int | None) -> bytes:
        asked = message.from_wire(query)
        assert isinstance(asked, QueryMessage)
        limit = max(_UDP_MAX, asked.payload) if size is not None else 65_535
        return _answer(asked, records, failing=failing).to_wire(max_size=limit, prefer_truncation=True)

    class ByUdp(BaseRequestHandler):
        def handle(self) -> None:
            query, own_socket = self.request
            own_socket.sendto(answer(query, _UDP_MAX), self.client_address)

    class ByTcp(BaseRequestHandler):
        def handle(self) -> None:
            (size,) = struct.unpack("!H", self.request.recv(2))
            told = answer(self.request.recv(size), None)
            self.request.sendall(struct.pack("!H", len(told)) + told)

    with ThreadingTCPServer(("127.0.0.1", 0), ByTcp) as tcp:
        port = int(tcp.server_address[1])
        with ThreadingUDPServer(("127.0.0.1", port), ByUdp) as udp:
            for server in (udp, tcp):
                threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            yield f"127.0.0.1:{port}"
            for server in (udp, tcp):
                server.shutdown()


def _answer(asked: QueryMessage, records: Records, *, failing: bool) -> message.Message:
    reply = message.make_response(asked)
    reply.flags |= flags.AA
    name = asked.question[0].name
    found = records.get(name.to_text(omit_final_dot=True).lower(), ())
    if failing:
        reply.set_rcode(rcode.SERVFAIL)
    elif not found:
        reply.set_rcode(rcode.NXDOMAIN)
    else:
        lines = [" ".join(f'"{string}"' for string in strings) for strings in found]
        reply.answer.append(rrset.from_text(name, _TTL, "IN", "TXT", *lines))
    return reply
