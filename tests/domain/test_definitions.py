"""The file of a newsletter: whatever stands in it is read or told, and nothing breaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import definitions
from newsletter.domain.faults import Faults

_NAMES = [
    *(
        "newsletter",
        "name",
        "minimum",
        "on_silence",
        "topics",
        "schedules",
        "sources",
        "rules",
        "slug",
        "was",
    ),
    *("retired", "cron", "zone", "url", "interval_minutes", "importance", "mapping", "by", "pattern"),
    *("selection", "top_count", "section_weights", "schedule", "holidays", "clicks", "send", "sport"),
]
_VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text() | st.sampled_from(_NAMES)
)
_DOCUMENTS = st.recursive(
    _VALUES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_NAMES) | st.text() | st.integers(), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(_DOCUMENTS)
def test_any_document_is_read_or_its_faults_are_told(plain: object) -> None:
    faults = Faults()
    definitions.read(plain, faults)

    assert all(fault.where and fault.what for fault in faults.found)
