"""Why, for programs: one question, and nothing about readers of other newsletters."""

from __future__ import annotations

from typing import Any  # JSON answers are of any type

from fastapi.testclient import TestClient

from newsletter.digest import editors, plan
from newsletter.domain.editors import Role
from newsletter.wiring import App
from tests.builders import EDITOR, add_article, add_newsletter, add_reader
from tests.clocks import NOON


def test_why_is_answered_to_who_may_know(app: App, web: TestClient) -> None:
    with app.transaction() as session:
        daily, weekly = add_newsletter(session), add_newsletter(session, slug="weekly")
        add_reader(session, daily, "ada@example.com")
        article_id = add_article(session, daily, title="Eels are back", seen_at=NOON).id
        issue_id = plan.plan_now(session, daily.id, now=NOON).id
        keys = {}
        for name, slugs in (("Dora", ("daily",)), ("Zoe", ("weekly",)), ("Ada", ())):
            editors.add(
                session,
                name=name,
                address=f"{name}@post.example.com",
                role=Role.DRAFT,
                slugs=slugs,
                actor=EDITOR,
                now=NOON,
            )
            _, keys[name] = editors.add_token(session, name, name="x", actor=EDITOR, now=NOON)
        assert weekly.id

    def ask(name: str, **body: object) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {keys[name]}"}
        answer = web.post("/api/v1/why", json={"reader": "ada@example.com", **body}, headers=headers)
        return answer.status_code, answer.json()

    status, told = ask("Dora")
    assert (status, [each["code"] for each in told["answers"]]) == (200, ["issue_planned"])
    assert ask("Ada", issue=issue_id)[1] == told
    assert ask("Dora", article=article_id)[0] == 200
    assert ask("Zoe")[1]["error"]["reason"] == "unknown_reader"
    assert ask("Zoe", newsletter="weekly")[1]["error"]["reason"] == "unknown_reader"
    assert ask("Zoe", issue=issue_id)[0] == 403
    assert ask("Ada", reader="nobody@example.com")[0] == 404
    assert ask("Ada", reader="nobody")[0] == 422
    assert ask("Ada", issue=999)[0] == 404
    assert ask("Ada", nobody=1)[0] == 422
    assert web.post("/api/v1/why", json={"reader": "ada@example.com"}).status_code == 401
