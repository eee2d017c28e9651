"""Tell a load balancer whether this process lives and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse

from newsletter.store import DatabaseUnavailable, OperationalError, migrate
from newsletter.web.deps import AppDep
from newsletter.wiring import App

router = APIRouter()


@router.api_route("/healthz", methods=["GET", "HEAD"])
def healthz() -> PlainTextResponse:
    """Say that the process answers; nothing else is asked."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


@router.api_route("/readyz", methods=["GET", "HEAD"])
def readyz(app: AppDep) -> JSONResponse:
    """Say whether requests can be carried out.

    The broker is told of but does not decide: without it, what people ask for is kept and worked off later.
    """
    database = _database(app)
    found = {"database": database, "broker": "ok" if app.bell.ping() else "down"}
    status = 200 if database == "ok" else 503
    return JSONResponse({"ready": status == 200, **found}, status, headers={"Cache-Control": "no-store"})


def _database(app: App) -> str:
    try:
        app.database.ping()
        return "ok" if migrate.is_current(app.database) else "outdated"
    except (DatabaseUnavailable, OperationalError):
        return "down"
