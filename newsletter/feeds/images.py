"""Look at an image from afar: whether it is one, how large it is, in octets and in pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from newsletter.domain.errors import FetchError
from newsletter.feeds.fetch import Fetcher

BYTES_MAX = 5_000_000  # a mail with a larger one is slow to open on a phone
PIXELS_MAX = 50_000_000
HEAD_MAX = 262_144  # octets read; a JPEG's size may stand behind an embedded preview
_PIXEL = 2  # what is as small as this counts readers
_TYPES = ("image/", "application/octet-stream", "binary/octet-stream")
_PASSING = frozenset({"timeout", "no_connection", "bad_answer", "unknown_host"})


class ImageFault(StrEnum):
    """Say why an image is left out of mails."""

    MISSING = "image_missing"
    REFUSED = "image_refused"
    UNREACHABLE = "image_unreachable"
    INSECURE = "image_insecure"
    PRIVATE = "image_private"
    NO_IMAGE = "image_no_image"
    TOO_LARGE = "image_too_large"
    PIXEL = "image_pixel"
    UNNAMED = "image_unnamed"  # neither the feed nor the page names one
    SHARED = "image_shared"  # pages of several articles name it, so it is the website's own


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Hold what was seen at an address; ``url`` is where the image is to be had, by https wherever possible."""

    url: str
    width: int | None = None
    height: int | None = None
    fault: ImageFault | None = None


def look(fetcher: Fetcher, url: str) -> Seen:
    """Look at an image; one given by http is looked for by https, because mail programs show no other."""
    if url.startswith("http://") and not fetcher.is_allowed(url):
        seen = _look(fetcher, "https://" + url.removeprefix("http://"))
        return seen if seen.fault is None else Seen(url=url, fault=_insecure(seen.fault))
    return _look(fetcher, url)


def size_of(head: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a JPEG, PNG, GIF or WebP from its first octets; None for anything else."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            width, height = struct.unpack(">II", head[16:24])
            return width, height
        if head.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack("<HH", head[6:10])
            return width, height
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(head)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(head)
    except (struct.error, IndexError):
        return None
    return None


def _look(fetcher: Fetcher, url: str) -> Seen:
    try:
        found = fetcher.peek(url, limit=HEAD_MAX, accept="image/*")
    except FetchError as error:
        return Seen(url=url, fault=fault_of(error.reason))
    if found.status != 200:
        return Seen(url=url, fault=refusal(found.status))
    if found.length is not None and found.length > BYTES_MAX:
        return Seen(url=url, fault=ImageFault.TOO_LARGE)
    kind = found.content_type.lower()
    size = size_of(found.head)
    if size is None or (kind and not kind.startswith(_TYPES)):
        return Seen(url=url, fault=ImageFault.NO_IMAGE)
    return Seen(url=url, width=size[0], height=size[1], fault=_misfit(*size))


def _misfit(width: int, height: int) -> ImageFault | None:
    if min(width, height) <= _PIXEL:
        return ImageFault.PIXEL
    return ImageFault.TOO_LARGE if width * height > PIXELS_MAX else None


def refusal(status: int) -> ImageFault:
    """Return the fault that an answer with an HTTP status other than 200 means."""
    if status in {404, 410}:
        return ImageFault.MISSING
    return ImageFault.UNREACHABLE if status >= 500 or status == 429 else ImageFault.REFUSED


def fault_of(reason: str) -> ImageFault:
    """Return the fault that the reason of a FetchError means."""
    if reason in _PASSING:
        return ImageFault.UNREACHABLE
    if reason in {"private_address", "port_refused"}:
        return ImageFault.PRIVATE
    return ImageFault.INSECURE if reason in {"insecure_redirect", "bad_certificate"} else ImageFault.REFUSED


def _insecure(fault: ImageFault) -> ImageFault:
    return ImageFault.INSECURE if fault is ImageFault.UNREACHABLE else fault


def _webp(head: bytes) -> tuple[int, int] | None:
    """Return the size from the first chunk: lossy, lossless or extended (RFC 9649 §2.5 to §2.7)."""
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(head) >= 25 and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(head) >= 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """Return the size from the frame header, past whatever stands before it (ITU T.81 §B.2.2)."""
    place = 2
    while place + 9 < len(head):
        if head[place] != 0xFF:
            return None
        marker = head[place + 1]
        if marker == 0xFF:  # fill
            place += 1
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", head[place + 5 : place + 9])
            return width, height
        else:
            place += 2 + max(2, int.from_bytes(head[place + 2 : place + 4], "big"))
    return None
