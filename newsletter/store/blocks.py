"""Keep the rendered blocks of issues."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import insert, select
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


def of_issue(session: Session, issue_id: int, language: str) -> list[RenderedBlock]:
    """Return the blocks of an issue in one language, in their order."""
    found = session.scalars(
        select(Block).where(Block.issue_id == issue_id, Block.language == language).order_by(Block.ordinal)
    )
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
