"""Refuse an issue whose largest digest would be too large for a message, before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from newsletter.domain import rendered
from newsletter.domain.errors import InvalidInput
from newsletter.domain.layout import CARD_MAXIMUM, StoryStyle, cards_end
from newsletter.domain.rendered import FrozenIssue, ReaderField, RenderedBlock
from newsletter.mime.compile import Library, Links, Slot

MESSAGE_MAX_BYTES = 200_000  # what receivers take without clipping and filtering when there is no attachment
_HEADER_BYTES = 4_000  # the longest subject and addresses, a signature, the fields of all providers
_OCTETS_OF_CHAR = 12  # four in UTF-8, each written as =XX
_LINK_CHARS = 200
_COUNTED_CHARS = 120  # of a counted link: the site's address, a token, the subject's
# The most octets of the values of slots: their characters in the worst alphabet, and every 75 a soft break.
_VALUES = {
    slot: chars * _OCTETS_OF_CHAR * 78 // 75 + 3
    for chars, slots in {
        64: (Slot.NAME_PLAIN, Slot.NAME_HTML),
        90: (Slot.TITLE_PLAIN, Slot.TITLE_HTML),
        110: (Slot.PREHEADER_PLAIN, Slot.PREHEADER_HTML),
    }.items()
    for slot in slots
} | {
    slot: chars * 78 // 75 + 3
    for chars, slots in {
        254: (Slot.ADDRESS_PLAIN,),  # RFC 5321 §4.5.3.1.3
        254 * 5: (Slot.ADDRESS_HTML,),  # when each character is an entity
        _LINK_CHARS: (Slot.UNSUBSCRIBE_URL, Slot.PREFERENCES_URL, Slot.VIEW_URL),
        8: (Slot.ARM,),
    }.items()
    for slot in slots
}
_SHARED = (
    "https://" + "x" * _LINK_CHARS
)  # stands for a link that all readers share: its length is not known here
_LINKS = Links(
    whole={ReaderField.SUBSCRIBE_URL: _SHARED, ReaderField.ARCHIVE_URL: _SHARED},
    beginnings=dict.fromkeys(
        (ReaderField.UNSUBSCRIBE_URL, ReaderField.PREFERENCES_URL, ReaderField.VIEW_URL), _SHARED
    ),
)


def check(issue: FrozenIssue, blocks: Iterable[RenderedBlock], *, maximum_bytes: int) -> None:
    """Raise InvalidInput when a reader could get a message of more than ``maximum_bytes``, and say how many fit."""
    counted = _SHARED[:_COUNTED_CHARS] + (
        rendered.mark(issue.nonce, ReaderField.ARM) if issue.is_tested else ""
    )
    regular = [story.number for story in issue.in_mail_order if not story.is_missed]
    library = Library(
        blocks,
        nonce=issue.nonce,
        order=[story.number for story in issue.in_mail_order],
        links=replace(_LINKS, story=lambda _: counted),
        boundary=f"=_{issue.nonce}",
        missed_from=len(regular),
    )
    sizes = {style: library.sizes(style, _VALUES) for style in StoryStyle}
    around = library.frame_size(_VALUES) + _HEADER_BYTES
    count = min(issue.story_maximum, len(regular))
    of_exactly = [around + octets for octets in _largest(sizes, count)]
    if max(of_exactly, default=around) > maximum_bytes:
        fitting = sum(largest <= maximum_bytes for largest in accumulate(of_exactly, max))
        raise _too_large(issue, max(of_exactly), maximum_bytes, fitting)


def _largest(sizes: Mapping[StoryStyle, Sequence[int]], count: int) -> list[int]:
    """Return the octets of the largest digest of exactly one story, of two, and so on up to ``count``.

    Those with few stories have no briefs; all others begin alike.
    """
    few = min(count, CARD_MAXIMUM + 2)
    return _stories(sizes, few) + _stories(sizes, count)[few:]


def _stories(sizes: Mapping[StoryStyle, Sequence[int]], count: int) -> list[int]:
    """Return the same for digests that begin as one of ``count`` does; stories keep the order of the mail."""
    end = cards_end(count)
    styles = [StoryStyle.LEAD] + [StoryStyle.CARD] * (end - 1) + [StoryStyle.BRIEF] * (count - end)
    best = [0] * (count + 1)  # the octets of the first so many, chosen from the stories looked at so far
    for rank in range(len(sizes[StoryStyle.LEAD])):
        for position in range(min(rank + 1, count), 0, -1):
            with_it = best[position - 1] + sizes[styles[position - 1]][rank]
            best[position] = max(best[position], with_it)
    return best[1:]


def _too_large(issue: FrozenIssue, largest: int, maximum: int, fitting: int) -> InvalidInput:
    edit = f"newsletter newsletters edit {issue.identity.slug} --maximum {fitting}"
    way_out = (
        f"Send at most {fitting} stories to a reader: {edit}. Or shorten email/story.html"
        if fitting
        else "Shorten email/frame.html and email/story.html"
    )
    return InvalidInput(
        f"The largest digest of this issue would have {largest:,} octets; a message may have {maximum:,}.",
        hint=f"{way_out}; or raise NEWSLETTER_MESSAGE_MAX_BYTES, if all your readers' providers take such mail.",
        reason="message_too_large",
    )
