"""Serve the web shell with the settings of the environment: uvicorn --factory newsletter.web.main:asgi."""

from __future__ import annotations

from fastapi import FastAPI

from newsletter import wiring
from newsletter.runtime import logs, settings
from newsletter.web.app import create_app


def asgi() -> FastAPI:
    """Build the application of one server process."""
    loaded = settings.load()
    logs.configure(loaded.log_level)
    return create_app(wiring.build(loaded))
