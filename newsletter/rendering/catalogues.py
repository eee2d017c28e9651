"""Read the catalogues of phrases: ours, and those of a publisher's folder, in which anything may stand.

What cannot be used is left out and named, with its file and the way out: a slip in a phrase must not keep an issue
from going out. English, and what is shipped, stand in for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError

from newsletter.domain.errors import InvalidInput
from newsletter.runtime import paths

FALLBACK = "en"
PLACE = re.compile(r"\{(\w+)\}")
_MAXIMUM_BYTES = 1_000_000  # ours have 20,000


@dataclass(frozen=True)
class Fault:
    """Hold what is wrong with a publisher's catalogue, and what to do about it."""

    path: Path
    text: str
    hint: str

    def as_error(self) -> InvalidInput:
        """Return it as what to refuse an order with."""
        return InvalidInput(f"{self.path}: {self.text}.", hint=self.hint, reason="bad_words")


@dataclass(frozen=True)
class _Catalogue:
    """Hold the phrases of a file that can be used; ``is_usable`` is False when the whole file cannot."""

    phrases: Mapping[str, str]
    faults: Sequence[Fault] = ()
    is_usable: bool = True


def languages(folder: Path | None = None) -> tuple[str, ...]:
    """Name the languages that have a catalogue that can be used."""
    found = {path.stem for path in _files(folder) if _catalogue(path).is_usable}
    return tuple(sorted(found))


def phrases(language: str, folder: Path | None = None) -> dict[str, str]:
    """Return all phrases: those of the publisher before the shipped ones, and English for what is missing.

    ``language`` is without a region.
    """
    found: dict[str, str] = {}
    for stem in dict.fromkeys((FALLBACK, language)):
        for place in reversed(_folders(folder)):
            if (path := place / f"{stem}.json").is_file():
                found |= _catalogue(path).phrases
    return found


def faults(folder: Path | None = None) -> list[Fault]:
    """Return what is wrong with the publisher's catalogues; nothing when there are none."""
    return [fault for path in _files(folder) for fault in _catalogue(path).faults]


def incomplete(folder: Path | None) -> dict[Path, int]:
    """Return the publisher's catalogues of languages of their own that lack phrases, with how many."""
    own = {path.stem: path for path in _files(folder)}
    shipped = {path.stem for path in _files(None)}
    english = _catalogue(paths.templates() / "words" / f"{FALLBACK}.json").phrases
    lacking = {
        path: len(english.keys() - _catalogue(path).phrases.keys())
        for stem, path in own.items()
        if stem not in shipped and _catalogue(path).is_usable
    }
    return {path: count for path, count in lacking.items() if count}


def state(folder: Path | None = None) -> tuple[tuple[str, int], ...]:
    """Return what changes when a catalogue does."""
    return tuple((str(path), path.stat().st_mtime_ns) for path in _files(folder))


def _folders(folder: Path | None) -> Sequence[Path]:
    shipped = paths.templates() / "words"
    return (shipped,) if folder is None else (folder / "words", shipped)


def _files(folder: Path | None) -> list[Path]:
    return [path for place in _folders(folder) for path in sorted(place.glob("*.json")) if path.is_file()]


def _catalogue(path: Path) -> _Catalogue:
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=128)
def _read(path: Path, _changed: int) -> _Catalogue:
    fault = _of_name(path.stem)
    if fault is not None:
        return _refused(path, *fault)
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAXIMUM_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        return _refused(
            path, f"it cannot be read as JSON ({error})", "Mend the file: the shipped ones show how."
        )
    if not isinstance(found, dict):
        return _refused(path, "it is no object of phrases", 'Write {"email.more": "..."} and so on.')
    if path.parent == paths.templates() / "words":
        return _Catalogue(found)
    said = {key: _of_phrase(key, phrase) for key, phrase in found.items()}
    hint = "Mend the phrase; until then the shipped one is used."
    return _Catalogue(
        {key: phrase for key, phrase in found.items() if said[key] is None},
        [Fault(path, f"the phrase {key!r} {text}", hint) for key, text in said.items() if text is not None],
    )


def _refused(path: Path, text: str, hint: str) -> _Catalogue:
    return _Catalogue({}, [Fault(path, text, hint)], is_usable=False)


def _of_name(stem: str) -> tuple[str, str] | None:
    """Return what is wrong with the name of a catalogue, and the way out; None when it is a language."""
    try:
        language = Locale.parse(stem, sep="-").language
    except (UnknownLocaleError, ValueError, TypeError):
        return (
            f"{stem!r} is no language whose dates can be written",
            "Name the file by the language, such as pt.json (ISO 639).",
        )
    if language != stem:
        return (
            f"a catalogue is of a language, and {stem!r} is more or other",
            f"Name the file {language}.json.",
        )
    return None


def _of_phrase(key: str, phrase: object) -> str | None:
    """Return what is wrong with a phrase; None when it can be used."""
    if not isinstance(phrase, str):
        return "is no text"
    if any("\ud800" <= char <= "\udfff" for char in phrase):
        return "has characters that are no text"
    model = _model().get(key)
    extra = set(PLACE.findall(phrase)) - set(PLACE.findall(model or phrase))
    return f"has the place {{{min(extra)}}}, which nothing is put into" if extra else None


def _model() -> Mapping[str, str]:
    return _catalogue(paths.templates() / "words" / f"{FALLBACK}.json").phrases
