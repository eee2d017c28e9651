"""Hold notices as those who follow no standard write them."""

from tests.mime.inbound.notices.providers import PROVIDERS
from tests.mime.inbound.notices.sample import Sample
from tests.mime.inbound.notices.servers import SERVERS

__all__ = ["SAMPLES", "Sample"]

SAMPLES = SERVERS + PROVIDERS
