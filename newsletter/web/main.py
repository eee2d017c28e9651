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
    # Paths hold readers' tokens: the server's own lines are redacted, and only wanted when looking for a fault.
    logs.configure_library("uvicorn.access", "INFO" if loaded.log_level == "DEBUG" else "WARNING")
    return create_app(wiring.build(loaded))
