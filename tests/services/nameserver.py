"""Run a name server on this machine that knows some TXT and MX records; it answers by UDP and TCP, as real ones do."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUDPServer

from dns import flags, message, rcode, rrset
from dns.message import QueryMessage
from dns.rdatatype import MX, TXT, RdataType

Records = Mapping[str, Sequence[Sequence[str]]]
MailServers = Mapping[str, Sequence[str]]
_TTL = 60
_UDP_MAX = 512  # octets, unless who asks says more (RFC 6891 §6.2.3)


@contextmanager
def serving(
    records: Records, *, mail_servers: MailServers | None = None, failing: bool = False
) -> Iterator[str]:
    """Serve the records: by name, each a list of strings. Yield the server's address with its port.

    ``mail_servers``: by domain, each "10 mx.example.com."; none: the domain is there and has no MX.
    ``failing``: answer everything with SERVFAIL.
    """
    known = {
        (name, TXT): [" ".join(f'"{part}"' for part in parts) for parts in found]
        for name, found in records.items()
    }
    known |= {(name, MX): list(found) for name, found in (mail_servers or {}).items()}

    def answer(query: bytes, size: int | None) -> bytes:
        asked = message.from_wire(query)
        assert isinstance(asked, QueryMessage)
        limit = max(_UDP_MAX, asked.payload) if size is not None else 65_535
        return _answer(asked, known, failing=failing).to_wire(max_size=limit, prefer_truncation=True)

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


def _answer(
    asked: QueryMessage, known: Mapping[tuple[str, RdataType], Sequence[str]], *, failing: bool
) -> message.Message:
    reply = message.make_response(asked)
    reply.flags |= flags.AA
    name, kind = asked.question[0].name, asked.question[0].rdtype
    plain = name.to_text(omit_final_dot=True).lower()
    found = known.get((plain, kind), ())
    if failing:
        reply.set_rcode(rcode.SERVFAIL)
    elif not any(plain == other for other, _ in known):
        reply.set_rcode(rcode.NXDOMAIN)
    elif found:
        reply.answer.append(rrset.from_text(name, _TTL, "IN", kind, *found))
    return reply
