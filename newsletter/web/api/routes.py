"""Put the API together, and describe it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any  # JSON objects

from fastapi import APIRouter, Depends
from fastapi.openapi.utils import get_openapi

from newsletter import __version__
from newsletter.web.api import access, breaking, deciding, editing, explaining, reading

PREFIX = "/api/v1"

_parts = APIRouter(prefix=PREFIX, dependencies=[Depends(access.keep_nowhere)])
for _each in (reading, deciding, editing, breaking, explaining):
    _parts.include_router(_each.router)
router = APIRouter()
router.include_router(_parts)


@router.get(f"{PREFIX}/openapi.json", include_in_schema=False)
def describe() -> dict[str, Any]:
    """Describe the API as OpenAPI; whoever wants pages of it has a program for that."""
    return _document()


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    return get_openapi(
        title="newsletter",
        version=__version__,
        description="What editors do at the desk, for programs. See docs/api.md.",
        routes=_parts.routes,
    )
