"""Render templates: the publisher's own file where there is one, else the shipped one."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import cast

import jinja2
from jinja2 import meta

from newsletter.domain.errors import TemplateError
from newsletter.rendering import catalogues, words
from newsletter.rendering.slots import guarded
from newsletter.runtime import paths

# What an expression in a template can raise besides Jinja's own errors.
_FAULTS = (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_ESCAPES = frozenset({"e", "escape"})  # what is done to every value anyway


class Environment:
    """Hold the templates and words of one process; safe to use from threads.

    Everything is escaped; a name that is not given is an error, never an empty text.
    """

    def __init__(self, templates_dir: Path | None = None) -> None:
        """Look into ``templates_dir`` first, file by file, then into what is shipped."""
        self._folder = templates_dir
        self._roots = [path for path in (templates_dir, paths.templates()) if path is not None]
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._roots),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name, function in self._jinja.filters.items():
            if name not in _ESCAPES:
                self._jinja.filters[name] = guarded(cast("Callable[..., object]", function))
        for name, function in self._jinja.tests.items():
            self._jinja.tests[name] = guarded(cast("Callable[..., object]", function))
        self._words = lru_cache(maxsize=64)(lambda language, _state: words.load(language, self._folder))

    def shipped(self) -> Environment:
        """Return an environment that knows no file of the publisher."""
        return self if self._folder is None else Environment()

    def words(self, language: str) -> words.Words:
        """Return the phrases of a language; English when it has no catalogue that can be used."""
        base = language.partition("-")[0]
        spoken = language if base in self.languages() else words.FALLBACK
        return self._words(spoken, catalogues.state(self._folder))

    def languages(self) -> tuple[str, ...]:
        """Name the languages that have a catalogue that can be used."""
        return words.languages(self._folder)

    def require_language(self, language: str) -> None:
        """Raise InvalidInput for a language that has none, and name the file that is at fault."""
        words.require(language, self._folder)

    def faults(self) -> list[catalogues.Fault]:
        """Return what is wrong with the publisher's catalogues: it is left out, and what is shipped stands in."""
        return catalogues.faults(self._folder)

    def incomplete(self) -> dict[Path, int]:
        """Return the publisher's catalogues that lack phrases, with how many: English stands in for them."""
        return catalogues.incomplete(self._folder)

    def render(self, template: str, **values: object) -> str:
        """Render a template, such as "email/frame.html"; raise TemplateError with its file and line."""
        try:
            return self._jinja.get_template(template).render(**values)
        except _FAULTS as error:
            raise self._fault(template, error) from error

    def refuse(self, template: str, fault: str, *, hint: str, line: int | None = None) -> TemplateError:
        """Return the error that names a template that breaks the rules of a mail."""
        where = template if line is None else f"{template}, line {line},"
        return TemplateError(
            f"The template {where} cannot be used: {fault}.", template=template, line=line, hint=hint
        )

    def sources(self, template: str) -> dict[str, str]:
        """Return what a template is written as, and so every other that it includes, by name."""
        found: dict[str, str] = {}
        left = [template]
        while left:
            name = left.pop(0)
            if name not in found:
                found[name] = self._source(name)
                others = meta.find_referenced_templates(self._jinja.parse(found[name]))
                left += [other for other in others if other is not None]
        return found

    def _source(self, name: str) -> str:
        assert self._jinja.loader is not None
        return self._jinja.loader.get_source(self._jinja, name)[0]

    def _fault(self, template: str, error: Exception) -> TemplateError:
        name, line = self._place(template, error)
        where = name if line is None else f"{name}, line {line}"
        return TemplateError(
            f"The template {where}: {_said(error)}.",
            template=name,
            line=line,
            hint=f"Mend {self._path(name)}.",
        )

    def _place(self, template: str, error: Exception) -> tuple[str, int | None]:
        """Return the template and line that an error is about: the innermost one on the stack."""
        if isinstance(error, jinja2.TemplateSyntaxError):
            return error.name or template, error.lineno
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            name = self._name(frame.filename)
            if name is not None:
                return name, frame.lineno
        return template, None

    def _name(self, filename: str) -> str | None:
        path = Path(filename)
        root = next((root for root in self._roots if path.is_relative_to(root)), None)
        return None if root is None else path.relative_to(root).as_posix()

    def _path(self, name: str) -> Path:
        return next((root / name for root in self._roots if (root / name).is_file()), Path(name))


def _said(error: Exception) -> str:
    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template {error.name!r}"
    return (str(error) or type(error).__name__).rstrip(".")
