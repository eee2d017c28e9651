"""Say what the bodies and addresses of the API may hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_TEXT_MAX = 4000  # characters; each step has a limit of its own below it
_ID_MAX = 2**53  # what JSON numbers hold exactly (RFC 8259 §6)


def _storable(text: str) -> str:
    """Refuse what no database takes."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("it holds characters that are no text")
    return text


Text = Annotated[str, Field(max_length=_TEXT_MAX), AfterValidator(_storable)]
Id = Annotated[int, Field(ge=1, le=_ID_MAX)]
ArticleId = Annotated[int, Path(ge=1, le=_ID_MAX)]
Revision = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
Search = Annotated[str, Query(max_length=200), AfterValidator(_storable)]
Language = Annotated[str, Query(max_length=35), AfterValidator(_storable)]  # RFC 5646 §4.4.1
Limit = Annotated[int, Query(ge=1, le=500)]
Before = Annotated[int | None, Query(ge=1, le=_ID_MAX)]


class Body(BaseModel):
    """Refuse fields that nobody reads: most often a slip of the pen."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Step(Body):
    """A step on an issue; refused with 409 when it is not at ``revision`` any more."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


NOTHING = Step()  # a step without a body


class Cut(Body):
    """Until when articles count, in ISO 8601; without an offset by the newsletter's clocks; "" = now."""

    cut_off: Annotated[str, Field(max_length=64)] = ""


AT_ONCE = Cut()


class Approval(Body):
    """An approval names the revision that was looked at."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Pin(Step):
    """Where an article stands: 1 = first."""

    place: int = 1


class Articles(Step):
    """Articles by id, in order."""

    articles: Annotated[list[Id], Field(max_length=100)]


class Title(Step):
    """A headline for one mail."""

    title: Text


class Note(Step):
    """A note on top of the mail."""

    note: Text


class Subjects(Step):
    """The subjects of an issue, the favourite first."""

    subjects: Annotated[list[Text], Field(max_length=10)]


class Breaking(Body):
    """Breaking news: one article to all readers of a newsletter, at once."""

    newsletter: Text
    article: Id
    subject: Text = ""
    flash: bool = False
    approve: bool = False
    again: bool = False


class Weight(Body):
    """How far up an editor wants an article in one newsletter."""

    weight: int


class WorthTelling(Body):
    """Whether an update is told to readers who know its story."""

    is_worth_telling: bool


class Other(Body):
    """The other article of a pair."""

    article: Id
