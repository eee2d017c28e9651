"""Keep the rendered blocks of issues."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from newsletter.domain.rendered import BlockKind, RenderedBlock
from newsletter.store.tables import Block


def add(session: Session, issue_id: int, language: str, blocks: Iterable[RenderedBlock]) -> None:
    """Keep all blocks of an issue in one language."""
    rows = [
        {
            "issue_id": issue_id,
            "language": language,
            "ordinal": block.ordinal,
            "kind": block.kind.value,
            "key": block.key,
            "style": block.style,
            "html": block.html,
            "text": block.text,
        }
        for block in blocks
    ]
    session.execute(insert(Block), rows)


def of_issue(
    session: Session, issue_id: int, language: str, *, numbers: Collection[int] | None = None
) -> list[RenderedBlock]:
    """Return the blocks of an issue in one language, in their order; of the stories only those that are named."""
    query = select(Block).where(Block.issue_id == issue_id, Block.language == language)
    if numbers is not None:
        is_named = Block.key.in_([str(number) for number in numbers])
        query = query.where(or_(Block.kind != BlockKind.STORY.value, is_named))
    found = session.scalars(query.order_by(Block.ordinal))
    return [
        RenderedBlock(
            ordinal=block.ordinal,
            kind=BlockKind(block.kind),
            key=block.key,
            style=block.style,
            html=block.html,
            text=block.text,
        )
        for block in found
    ]
