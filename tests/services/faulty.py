"""Run an SMTP server that misbehaves at every stage and writes down all it saw.

A process of its own: ``python -m tests.services.faulty --journal FILE --seed 1 --chance all=0.001``. Its journal has
one JSON object a line; tests/services/witness.py starts the server and reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from tests.services.dialogue import Book, Dialogue, Patience
from tests.services.faults import Odds, read_chances
from tests.services.framing import Framing
from tests.services.scribe import Scribe


async def serve(book: Book, *, host: str, port: int) -> None:
    """Serve until somebody asks to stop; then hang up and write the last lines."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await loop.create_server(lambda: Dialogue(book), host, port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    writing = asyncio.create_task(book.scribe.keep_writing())
    await stopping.wait()
    server.close()
    for dialogue in list(book.open):
        dialogue.forget()
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    book.scribe.write(kind="end", connection_count=book.connection_count)
    book.scribe.flush()


def main() -> None:
    """Read the command line and serve; print the port when ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chance", action="append", default=[], help="all=0.001, or dot:drop=0.01")
    parser.add_argument("--offers", choices=["pipelining", "plain", "lie"], default="pipelining")
    parser.add_argument("--answer", type=float, default=0.0, help="mean seconds until a message is answered")
    parser.add_argument("--slow", type=float, default=1.0, help="at most so many seconds for a slow reply")
    parser.add_argument("--silence", type=float, default=120.0, help="seconds until a silent connection ends")
    parser.add_argument("--parse-every", type=int, default=1, help="parse each so-manieth message whole")
    options = parser.parse_args()
    book = Book(
        Odds(options.seed, read_chances(options.chance)),
        Scribe(options.journal),
        Framing(parse_every=options.parse_every),
        Patience(answer=options.answer, slow=options.slow, silence=options.silence),
        offers=options.offers,
    )
    asyncio.run(serve(book, host=options.host, port=options.port))


if __name__ == "__main__":
    main()
