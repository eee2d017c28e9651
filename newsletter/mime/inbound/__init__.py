"""Say what an inbound message is: bytes in, report out."""

from newsletter.mime.inbound.reading import read
from newsletter.mime.inbound.report import AutoReply, Kind, Origin, Report, Row

__all__ = ["AutoReply", "Kind", "Origin", "Report", "Row", "read"]
