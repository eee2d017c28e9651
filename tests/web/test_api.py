"""The desk for programs: keys, roles, bounds, expected revisions, and answers that programs can read."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any  # JSON answers are of any type

import pytest
from fastapi.testclient import TestClient

from newsletter.digest import editors, plan
from newsletter.domain.editors import Role
from newsletter.store import audit
from newsletter.store import editors as kept
from newsletter.wiring import App
from tests.builders import EDITOR, add_article, add_newsletter
from tests.clocks import NOON

HOUR = timedelta(hours=1)
API = "/api/v1"


class Caller:
    """Call the API with one key."""

    def __init__(self, web: TestClient, secret: str) -> None:
        self._web = web
        self._headers = {"Authorization": f"Bearer {secret}"}

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers | {"Content-Type": "application/json"}
        answer = self._web.request(method, API + path, content=content, headers=headers)
        assert answer.headers["cache-control"] == "no-store"
        return answer.status_code, answer.json()

    def reason(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        status, answer = self(method, path, body)
        assert set(answer["error"]) == {"reason", "message", "hint"}
        return status, answer["error"]["reason"]


@pytest.fixture
def secrets(app: App) -> dict[str, str]:
    """Plan issue 1 of the daily with articles 1 and 2, and give keys: Ada sends, Dora drafts, Zoe has the weekly."""
    with app.transaction() as session:
        daily, weekly = add_newsletter(session), add_newsletter(session, slug="weekly")
        for title in ("Ferry & tide", "Eels are back"):
            add_article(session, daily, title=title, seen_at=NOON - HOUR)
        add_article(session, weekly, title="Foreign", seen_at=NOON - HOUR)
        plan.plan_now(session, daily.id, now=NOON)
        found = {}
        people: dict[str, tuple[Role, tuple[str, ...]]] = {
            "Ada": (Role.SEND, ()),
            "Dora": (Role.DRAFT, ("daily",)),
            "Zoe": (Role.SEND, ("weekly",)),
        }
        for name, (role, slugs) in people.items():
            address = f"{name}@post.example.com"
            editors.add(session, name=name, address=address, role=role, slugs=slugs, actor=EDITOR, now=NOON)
            _, found[name] = editors.add_token(session, name, name="x", actor=EDITOR, now=NOON)
    return found


@pytest.fixture
def ada(web: TestClient, secrets: dict[str, str]) -> Caller:
    return Caller(web, secrets["Ada"])


@pytest.fixture
def dora(web: TestClient, secrets: dict[str, str]) -> Caller:
    return Caller(web, secrets["Dora"])


@pytest.fixture
def zoe(web: TestClient, secrets: dict[str, str]) -> Caller:
    return Caller(web, secrets["Zoe"])


def test_an_issue_is_arranged_by_a_draft_key_and_approved_by_one_that_sends(
    app: App, ada: Caller, dora: Caller
) -> None:
    status, first = dora("PUT", "/issues/1/pins/1", {"place": 1, "revision": 1})
    dora("PUT", "/issues/1/titles/2", {"title": "Eels!"})
    dora("PUT", "/issues/1/note", {"note": "Good morning."})
    dora("PUT", "/issues/1/subjects", {"subjects": ["One", "Two"]})
    dora("PUT", "/issues/1/bans/2")
    dora("DELETE", "/issues/1/bans/2")
    _, arranged = dora("PUT", "/issues/1/pins", {"articles": [2, 1]})

    assert (status, first["revision"], arranged["revision"]) == (200, 2, 8)
    assert dora.reason("POST", "/issues/1/approve", {"revision": 8}) == (403, "role_missing")
    assert ada.reason("POST", "/issues/1/approve", {"revision": 7}) == (409, "changed")
    assert ada("POST", "/issues/1/approve", {"revision": 8})[1]["is_approved"]
    _, shown = ada("GET", "/issues/1")
    assert (shown["note"], shown["subjects"], shown["approved_by"]) == (
        "Good morning.",
        ["One", "Two"],
        "Ada",
    )
    assert [(each["article"], each["pin"], each["title"]) for each in shown["desk"]] == [
        (2, 1, "Eels!"),
        (1, 2, None),
    ]
    assert {each["article"] for each in shown["stories"]} == {1, 2}
    with app.reading() as session:
        assert {(e.by, e.way) for e in audit.listing(session, issue_id=1)} == {
            ("Ada", "api"),
            ("Dora", "api"),
        }


def test_breaking_news_waits_for_a_word_unless_the_key_sends(ada: Caller, dora: Caller) -> None:
    wanted = {"newsletter": "daily", "article": 1}

    assert dora.reason("POST", "/breaking", wanted | {"approve": True}) == (403, "role_missing")
    status, asked = dora("POST", "/breaking", wanted)
    assert (status, asked["kind"], asked["is_approved"]) == (201, "breaking", False)
    assert ada.reason("POST", "/breaking", wanted) == (409, "breaking_before")
    assert ada("POST", "/breaking", wanted | {"again": True, "approve": True})[1]["is_approved"]


def test_an_article_is_taken_back_by_who_may_send_for_its_newsletters(
    ada: Caller, dora: Caller, zoe: Caller
) -> None:
    for caller in (dora, zoe):
        assert caller.reason("POST", "/articles/1/retract") == (403, "role_missing")

    first, again = (ada("POST", "/articles/1/retract")[1] for _ in range(2))

    assert first["retracted_at"] == again["retracted_at"] is not None
    assert [each["article"] for each in ada("GET", "/issues/1")[1]["stories"]] == [2]

    assert dora.reason("POST", "/articles/1/restore") == (403, "role_missing")
    assert [ada("POST", "/articles/1/restore")[1]["retracted_at"] for _ in range(2)] == [None, None]


def test_articles_are_weighed_merged_split_and_marked(ada: Caller, zoe: Caller) -> None:
    steps: list[tuple[str, str, object]] = [
        ("PUT", "/newsletters/daily/articles/1/weight", {"weight": 3}),
        ("PUT", "/articles/1/worth-telling", {"is_worth_telling": True}),
        ("POST", "/articles/1/merge", {"article": 2}),
        ("POST", "/articles/1/split", {"article": 2}),
    ]

    assert [zoe(*step)[0] for step in steps] == [403] * 4
    assert [ada(*step)[0] for step in steps] == [200] * 4
    _, told = ada("GET", "/audit?search=ada")
    assert [each["action"] for each in told["events"][:4]] == ["split", "merge", "worth_telling", "weigh"]
    assert ada.reason("PUT", "/newsletters/daily/articles/1/weight", {"weight": 10}) == (422, "bad_weight")


def test_lists_can_be_searched_and_show_what_the_key_is_for(ada: Caller, zoe: Caller) -> None:
    assert [n["slug"] for n in ada("GET", "/newsletters")[1]["newsletters"]] == ["daily", "weekly"]
    assert [n["slug"] for n in zoe("GET", "/newsletters")[1]["newsletters"]] == ["weekly"]
    assert ada("GET", "/newsletters/daily")[1]["on_silence"] == "send"
    assert [i["id"] for i in ada("GET", "/issues?newsletter=daily&status=planned")[1]["issues"]] == [1]
    assert zoe("GET", "/issues")[1] == {"issues": []}
    _, found = ada("GET", "/articles?newsletter=daily&search=eels")
    assert [each["id"] for each in found["articles"]] == [2]
    assert ada("GET", "/articles/2")[1]["title"] == "Eels are back"
    ada("POST", "/issues/1/hold")
    assert [e["action"] for e in ada("GET", "/audit?search=ada&issue=1")[1]["events"]] == ["hold"]
    assert zoe("GET", "/audit")[1] == {"events": []}


def test_a_key_reaches_no_newsletter_that_it_is_not_for(zoe: Caller) -> None:
    for method, path, body in (
        ("GET", "/newsletters/daily", None),
        ("GET", "/issues/1", None),
        ("GET", "/issues/1/preview", None),
        ("GET", "/issues?newsletter=daily", None),
        ("GET", "/articles?newsletter=daily", None),
        ("GET", "/articles/1", None),
        ("POST", "/newsletters/daily/issues", None),
        ("PUT", "/issues/1/pins/1", {"place": 1}),
        ("POST", "/issues/1/veto", None),
    ):
        assert zoe.reason(method, path, body) == (403, "role_missing")


def test_a_preview_is_the_mail_itself_under_a_strict_policy(
    ada: Caller, web: TestClient, secrets: Any
) -> None:
    page = web.get(f"{API}/issues/1/preview", headers={"Authorization": f"Bearer {secrets['Ada']}"})

    assert "Ferry &amp; tide" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_wrong_key_is_refused_and_guessing_is_slowed_down(web: TestClient, ada: Caller, app: App) -> None:
    answers = [
        web.get(f"{API}/issues", headers={b"Authorization": value.encode("latin-1")})
        for value in ("", "Bearer nlt_x", "Basic YTpi", "Bearer nlt_\xe9", *["Bearer nlt_y"] * 30)
    ]

    assert [answer.status_code for answer in answers[:4]] == [401] * 4
    assert answers[1].json()["error"]["reason"] == "bad_token"
    assert answers[1].headers["www-authenticate"] == "Bearer"
    assert answers[-1].status_code == 429
    assert ada("GET", "/issues")[0] == 200  # who has a key is not slowed down by others
    with app.reading() as session:
        assert kept.tokens(session)[0].token.used_at == NOON


def test_an_issue_is_planned_ahead_to_a_cut_off(ada: Caller) -> None:
    path = "/newsletters/daily/issues"

    status, planned = ada("POST", path, {"cut_off": "2026-11-25T17:00+01:00"})

    assert (status, planned["cut_off_at"]) == (201, "2026-11-25T16:00:00Z")
    assert ada.reason("POST", path, {"cut_off": "soon"}) == (422, "bad_time")
    assert ada.reason("POST", path, {"cut_off": "2020-01-01T00:00Z"}) == (422, "bad_cut_off")
    assert ada.reason("POST", path, {"cutoff": "2026-11-25T17:00"}) == (422, "bad_field")


def test_a_preview_is_framed_in_the_language_that_is_asked_for(
    web: TestClient, ada: Caller, secrets: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {secrets['Ada']}"}

    shown = {
        asked: web.get(f"{API}/issues/1/preview?language={asked}", headers=headers).text
        for asked in ("", "de-AT", "ar")
    }

    for asked, tag in (("", '<html lang="en"'), ("de-AT", '<html lang="de"'), ("ar", '<html lang="ar"')):
        assert tag in shown[asked]
    assert re.search(r'/v/[\w-]+/ar"', shown["ar"])
    assert ada.reason("GET", "/issues/1/preview?language=xx") == (422, "unknown_language")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/issues/999", None, (404, "unknown_issue")),
        ("GET", "/issues/x", None, (404, "not_found")),
        ("GET", "/nothing", None, (404, "not_found")),
        ("PATCH", "/issues/1", None, (405, "bad_method")),
        ("PUT", "/issues/1/pins/999", {}, (404, "unknown_article")),
        ("PUT", "/issues/1/pins/3", {}, (409, "not_in_newsletter")),
        ("PUT", "/issues/1/pins/1", {"place": 0}, (422, "bad_place")),
        ("PUT", "/issues/1/pins/1", {"plaice": 1}, (422, "bad_field")),
        ("PUT", "/issues/1/pins/1", {"place": "1"}, (422, "bad_field")),
        ("PUT", "/issues/1/pins", {"articles": [2**60]}, (422, "bad_field")),
        ("PUT", "/issues/1/note", {"note": "a\x00b"}, (422, "bad_field")),
        ("PUT", "/issues/1/note", {"note": "\ud800"}, (422, "bad_field")),
        ("PUT", "/issues/1/subjects", {"subjects": ["a", "b", "c", "d", "e"]}, (422, "bad_subjects")),
        ("POST", "/issues/1/approve", {}, (422, "bad_field")),
        ("GET", "/articles?newsletter=daily&search=%00", None, (422, "bad_field")),
        ("GET", "/issues?newsletter=nothing", None, (404, "unknown_newsletter")),
    ],
)
def test_what_cannot_be_done_is_said_with_a_reason(
    ada: Caller, method: str, path: str, body: object, expected: tuple[int, str]
) -> None:
    assert ada.reason(method, path, body) == expected


def test_a_body_that_is_no_json_is_refused(web: TestClient, secrets: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {secrets['Ada']}", "Content-Type": "application/json"}

    answer = web.put(f"{API}/issues/1/note", content=b"{", headers=headers)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "bad_json")


def test_the_api_describes_itself(web: TestClient) -> None:
    document = web.get(f"{API}/openapi.json").json()

    assert f"{API}/issues/{{issue_id}}/approve" in document["paths"]
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "secret_hash" not in json.dumps(document)
