"""Say what an article is, when two of them are the same, and what text of a stranger may be shown."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit, urlunsplit

import idna

from newsletter.domain.errors import InvalidInput
from newsletter.domain.markup import MarkupReader

TITLE_MAX = 300  # characters: the column; the longest title in a corpus of 50,000 entries had 281
SUMMARY_MAX = 600  # characters: about six lines in a mail; more is not read there
AUTHOR_MAX = 200
CATEGORY_MAX = 100
CATEGORIES_MAX = 20
URL_MAX = 2000  # octets: longer ones are cut by mail clients
_HOST_MAX = 253  # RFC 1035 §2.3.4
NEWS_AGE = timedelta(days=7)  # older at first sight is archive, not news
EARLY = timedelta(minutes=10)  # a publisher's clock may be ahead by so much
REPEAT_WINDOW = timedelta(hours=72)  # one source with one title twice within it: a repost, not a series
_REPEAT_CHARS = 20  # shorter titles ("Weather", "Live blog") come back by habit
STORY_KEY_MAX = 200  # characters of a website's own id of a story

_KEY_MAX = 1000  # octets: PostgreSQL indexes at most 2,704 in one entry
_MARKUP_MAX = 50_000  # characters of markup looked at for text; parsing time grows faster than length
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING_NAMES = frozenset(
    "fbclid gclid dclid gbraid wbraid msclkid twclid igshid yclid cmp cmpid ref ref_src rss xtor ncid smid".split()
)
_TRACKING_PREFIXES = ("utm_", "mc_", "at_", "pk_", "mtm_")
_RSS_MARKS = frozenset({"rss", "rss2", "atom", "feed"})
_RSS_MARK_NAMES = frozenset({"source", "src", "from", "feed", "format", "partner", "medium"})

_DROPPED = frozenset("script style template iframe title textarea".split())
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q s samp small span"
    " strike strong sub sup time tt u var wbr".split()
)
_BLOCKS = frozenset(
    "address article aside audio blockquote body br button caption center col colgroup dd details dir div"
    " dl dt embed fieldset figcaption figure footer form frame frameset g h1 h2 h3 h4 h5 h6 head header hr"
    " html img input legend li link main map math menu meta nav noscript object ol optgroup option p param"
    " picture pre section select source summary svg table tbody td tfoot th thead tr track ul video".split()
)
# Embeddings, overrides and isolates of direction: left open, they turn the rest of a page around.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_HOST = re.compile(
    r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?"
)  # no blank, quote or semicolon: it stands in mails and policies
_PLAIN_PART = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=?~._-]*")
_WORDPRESS_TAIL = re.compile(r"\s*The post .{1,300} (?:appeared|first appeared) (?:first )?on .{1,200}\.$")


class RetractedBy(StrEnum):
    """Say who withdrew an article."""

    EDITOR = "editor"  # for good, until an editor restores it
    WEBSITE = "website"  # until it is pushed again


class BacklogReason(StrEnum):
    """Say why an article of a newsletter is in none of its issues."""

    FIRST_IMPORT = "first_import"
    OLD = "old"
    MERGED = "merged"  # it turned out to be another article, which goes on in its place


@dataclass(frozen=True, kw_only=True)
class ArticleDraft:
    """Hold an article as a source or a website gave it: cleaned, not yet known to be new.

    Texts are plain, never markup. ``published_at`` is aware; None when the source does not say. ``importance`` and
    ``story_key`` are the website's; None when it does not say.
    """

    url: str
    title: str
    guid: str | None = None
    summary: str = ""
    author: str = ""
    image_url: str = ""
    image_width: int | None = None
    image_height: int | None = None
    image_alt: str = ""
    categories: tuple[str, ...] = ()
    published_at: datetime | None = None
    importance: int | None = None
    story_key: str | None = None


def absolute_url(url: str, *, base: str | None = None) -> str:
    """Return an http(s) address in ASCII that a mail can link to; raise InvalidInput when it is none."""
    joined = _join(_without_controls(url).strip(), base)
    try:
        parts = urlsplit(joined)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid_url("url_malformed", "is malformed") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host:
        raise _invalid_url("url_scheme", "is no http or https address")
    if parts.username is not None or parts.password is not None:
        raise _invalid_url("url_userinfo", "carries a user name")
    netloc = _host(host) + ("" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}")
    cleaned = urlunsplit((scheme, netloc, _encode(parts.path), _encode(parts.query), _encode(parts.fragment)))
    if len(cleaned) > URL_MAX:
        raise _invalid_url("url_too_long", f"is longer than {URL_MAX} characters")
    return cleaned


def canonical_url(url: str, *, base: str | None = None) -> str:
    """Return the form in which one page has one address: for comparing, never for linking.

    Always https, without ``www.``, fragment, marks of tracking and of feeds, and the slash at the end.
    """
    parts = urlsplit(absolute_url(url, base=base))
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _is_tracking(pair))
    netloc = parts.netloc.removeprefix("www.")
    return urlunsplit(("https", netloc, parts.path.rstrip("/"), query, ""))


def url_key(canonical: str) -> str | None:
    """Return what identifies an article by its canonical URL; None for a front page, which identifies nothing."""
    parts = urlsplit(canonical)
    return _short(canonical) if parts.path or parts.query else None


def guid_key(guid: str, *, source_id: int | None) -> str:
    """Return what identifies an article by its source's id for it; None is the website's own hook."""
    return _short(f"{source_id or 0}:{guid}")


def fallback_guid(draft_title: str, published: str) -> str:
    """Return an id for an item that has neither an id nor an address of its own."""
    return "hash:" + hashlib.sha256(f"{draft_title}\n{published}".encode()).hexdigest()


def due_at(published_at: datetime | None, *, now: datetime) -> datetime:
    """Return when an article first seen at ``now`` counts as seen.

    One that is dated ahead waits for its date, up to a week; a date further ahead is a fault and is not waited for.
    """
    if published_at is None or not now + EARLY < published_at < now + NEWS_AGE:
        return now
    return published_at


def is_archive(published_at: datetime | None, *, now: datetime) -> bool:
    """Say whether an article first seen at ``now`` is too old to be news."""
    return published_at is not None and published_at < now - NEWS_AGE


def plain_text(text: str, *, limit: int) -> str:
    """Return one line of text as it stands, without control characters; cut at a word, with an ellipsis."""
    return shorten(" ".join(_without_controls(unicodedata.normalize("NFC", text)).split()), limit=limit)


def text_of_markup(markup: str, *, limit: int) -> str:
    """Return the text of HTML in one line: tags, scripts and styles are dropped, entities resolved.

    Many feeds escape twice (``&amp;#8217;``), so entities are resolved once more while that changes something.
    """
    text = _read(markup[:_MARKUP_MAX]) if "<" in markup else html.unescape(markup[:_MARKUP_MAX])
    again = html.unescape(text)
    if again.count("<") > text.count("<"):
        again = _read(again)
    return plain_text(again, limit=limit)


def summary_text(markup: str, *, title: str) -> str:
    """Return the summary that HTML holds; "" when it only repeats the title."""
    text = text_of_markup(markup, limit=_MARKUP_MAX)
    text = _WORDPRESS_TAIL.sub("", text)
    return "" if text == title else shorten(text, limit=SUMMARY_MAX)


def shorten(text: str, *, limit: int) -> str:
    """Cut at the last word that fits and mark the cut; ``limit`` counts the mark."""
    if len(text) <= limit:
        return text
    cut = text.rfind(" ", 0, limit)
    head = text[: cut if cut > limit // 2 else limit - 1]
    return head.rstrip(" ,;:-–—.") + "…"


def clean_categories(names: list[str]) -> tuple[str, ...]:
    """Return category names in order, without repetitions."""
    cleaned = (plain_text(name, limit=CATEGORY_MAX) for name in names)
    return tuple(dict.fromkeys(name for name in cleaned if name))[:CATEGORIES_MAX]


def repeat_key(title: str) -> str | None:
    """Return what two titles of a repeated article share; None for a title too short to tell."""
    key = topic_key(title)
    return key if len(key) >= _REPEAT_CHARS else None


def host(url: str) -> str:
    """Return the host of an address, with its port, without ``www.``."""
    return urlsplit(url).netloc.removeprefix("www.")


def topic_key(name: str) -> str:
    """Return what makes two names one topic: letters and digits only, case-folded, without accents."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in decomposed if c.isalnum())


class _TextReader(MarkupReader):
    """Collect the text of a document; what is no HTML element stays as text (``List<String>``)."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _DROPPED:
            self._dropping.append(tag)
        elif not self._dropping:
            self._mark(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in _DROPPED and not self._dropping:
            self._mark(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag == self._dropping[-1]:
                self._dropping.pop()
        elif tag in _BLOCKS:
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self.pieces.append(data)

    def _mark(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.pieces.append(" ")
        elif tag not in _INLINE and tag.isalnum():
            self.pieces.append(self.get_starttag_text() or "")


def _read(markup: str) -> str:
    reader = _TextReader()
    reader.read(markup)
    return "".join(reader.pieces)


def _join(url: str, base: str | None) -> str:
    try:
        return urljoin(base, url) if base else url
    except ValueError as error:
        raise _invalid_url("url_malformed", "is malformed") from error


def _host(host: str) -> str:
    """Return a host name as lower-case A-labels; an IPv6 literal in brackets."""
    if ":" in host:
        return f"[{host.lower()}]"
    try:
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise _invalid_url("url_host", "has a malformed host name") from error
    if len(name) > _HOST_MAX or not _HOST.fullmatch(name):
        raise _invalid_url("url_host", "has a malformed host name")
    return name


def _encode(part: str) -> str:
    """Percent-encode what may not stand in an address, and nothing that is encoded already."""
    if _PLAIN_PART.fullmatch(part):
        return part
    part = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part)
    part = re.sub(r"%[0-9A-Fa-f]{2}", lambda m: _unreserved(m[0]), part)
    return quote(part, safe="/:@!$&'()*+,;=?%~-._", encoding="utf-8", errors="replace")


def _unreserved(escape: str) -> str:
    """Decode an escape that needs none, so that equal addresses are equal texts (RFC 3986 §6.2.2)."""
    character = unquote_to_bytes(escape).decode("latin-1")
    is_plain = character.isascii() and (character.isalnum() or character in "-._~")
    return character if is_plain else escape.upper()


def _is_tracking(pair: str) -> bool:
    name, _, value = pair.lower().partition("=")
    if name in _TRACKING_NAMES or name.startswith(_TRACKING_PREFIXES):
        return True
    return name in _RSS_MARK_NAMES and value in _RSS_MARKS


def _short(key: str) -> str:
    encoded = key.encode("utf-8", "replace")
    return key if len(encoded) <= _KEY_MAX else "sha256:" + hashlib.sha256(encoded).hexdigest()


def _without_controls(text: str) -> str:
    """Drop control characters, lone surrogates and turns of direction; keep what divides words."""
    if (
        text.isprintable()
    ):  # most texts: neither controls nor surrogates, but perhaps turns, which are not printable
        return text
    text = _BIDI.sub("", text)
    return "".join(c if c.isspace() else "" if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)


def _invalid_url(reason: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"The address {what}.", hint="Give one such as https://www.example.com/story.", reason=reason
    )
