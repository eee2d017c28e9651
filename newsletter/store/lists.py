"""Compare a column with many values, given as one parameter on both databases."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any  # values are whatever the column holds

from sqlalchemy import ARRAY, ColumnElement, any_, column, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session


def among(
    session: Session, attribute: InstrumentedAttribute[Any], values: Collection[Any]
) -> ColumnElement[bool]:
    """Return the condition that a column is one of the values: numbers or texts, as many as you like.

    Thousands of parameters of their own cost more to write and read than to look up.
    """
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(values))).table_valued(column("value"))
        return attribute.in_(select(each.c.value))
    return attribute == any_(literal(list(values), ARRAY(attribute.type)))
