"""Read HTML of strangers, in time that grows with its length alone."""

from __future__ import annotations

from html.parser import HTMLParser

_OPEN_MAX = (
    300  # characters of a tag that never ends; time grows with their square, and 300 take a millisecond
)


class MarkupReader(HTMLParser):
    """Be told of the tags and the text of a document; subclasses keep what they look for.

    What stands after a tag or comment that never ends is dropped, as browsers do, unless it is short: the standard
    library looks for its end anew at each "<", which takes half a minute for 50,000 characters.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def read(self, markup: str) -> None:
        """Go through a whole document."""
        self.feed(markup)
        if len(self.rawdata) <= _OPEN_MAX or "<" not in self.rawdata:
            self.close()

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002 - as it is there
        """Skip a section such as ``<![if x]>``; one of an unknown kind is a comment and no fault (HTML §13.2.5.42)."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i, report)
