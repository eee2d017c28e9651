"""Check what is seen of images from afar."""

from __future__ import annotations

import struct
import zlib

import pytest

from newsletter.feeds import images
from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.images import ImageFault, Seen
from tests.feeds.http_server import Website


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )


def jpeg(width: int, height: int, *, preview: int = 0) -> bytes:
    app = b"\xff\xe1" + struct.pack(">H", preview + 2) + b"\xff\xc0" * (preview // 2)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + app + b"\xff" + frame


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + body


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (png(1200, 675), (1200, 675)),
        (jpeg(1024, 768), (1024, 768)),
        (jpeg(1024, 768, preview=60_000), (1024, 768)),
        (b"GIF89a" + struct.pack("<HH", 320, 200) + b"\0" * 9, (320, 200)),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)), (640, 480)),
        (webp(b"VP8L", b"\x2f" + (639 | 479 << 14).to_bytes(4, "little")), (640, 480)),
        (webp(b"VP8X", b"\0\0\0\0" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")), (640, 480)),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"", None),
        (png(1, 1)[:20], None),
        (b"\xff\xd8\xff\xe1\xff", None),
        (b"\xff\xd8\xff\xe1\0\0" * 100, None),
        (webp(b"VP8X", b""), None),
    ],
)
def test_the_size_stands_in_the_first_octets(head: bytes, size: tuple[int, int] | None) -> None:
    assert images.size_of(head) == size


@pytest.mark.parametrize(
    ("body", "status", "headers", "fault"),
    [
        (png(1200, 675), 200, {"Content_Type": "image/png"}, None),
        (png(1200, 675), 200, {}, None),
        (png(1200, 675), 200, {"Content_Type": "text/html"}, ImageFault.NO_IMAGE),
        (b"<html>not found</html>", 200, {"Content_Type": "image/png"}, ImageFault.NO_IMAGE),
        (png(1, 1), 200, {}, ImageFault.PIXEL),
        (png(60_000, 60_000), 200, {}, ImageFault.TOO_LARGE),
        (png(9, 9) + b"\0" * images.BYTES_MAX, 200, {}, ImageFault.TOO_LARGE),
        (b"", 404, {}, ImageFault.MISSING),
        (b"", 410, {}, ImageFault.MISSING),
        (b"", 403, {}, ImageFault.REFUSED),
        (b"", 503, {}, ImageFault.UNREACHABLE),
        (b"", 302, {"Location": "http://10.0.0.1/a.png"}, ImageFault.PRIVATE),
    ],
)
def test_an_image_that_cannot_be_shown_has_a_fault(
    site: Website,
    fetcher: Fetcher,
    body: bytes,
    status: int,
    headers: dict[str, str],
    fault: ImageFault | None,
) -> None:
    url = site.put("/a.png", body, status=status, **headers)

    seen = images.look(fetcher, url)

    assert seen.fault == fault
    if fault is None:
        assert seen == Seen(url=url, width=1200, height=675)


def test_an_image_by_http_is_looked_for_by_https(site: Website) -> None:
    stranger = Fetcher(frozenset(), "newsletter-tests", seconds=5.0)

    seen = images.look(stranger, site.put("/a.png", png(9, 9)))

    assert (seen.fault, site.requests) == (ImageFault.PRIVATE, [])
    assert seen.url.startswith("http:")
