"""Check which processes the tree of ``newsletter up`` has."""

from __future__ import annotations

import pytest

from newsletter.cli import tree


@pytest.mark.parametrize("receives", [True, False])
def test_a_receiver_runs_only_where_it_has_something_to_listen_on(receives: bool) -> None:
    programs = tree.programs(environment={}, web_host="127.0.0.1", web_port=8000, receives=receives)

    assert [program.name for program in programs] == ["worker", "sender", "web", *(["receiver"] * receives)]
