"""A template that cannot be used for many readers is refused with its file, its line and the way out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from newsletter.domain import rendered
from newsletter.domain.errors import TemplateError
from newsletter.domain.rendered import BlockKind, FrozenIssue, ReaderField
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime import paths
from tests import issues


def shipped_copy(tmp_path: Path) -> Path:
    shutil.copytree(paths.templates() / "email", tmp_path / "email")
    return tmp_path


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / "email" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def issue() -> FrozenIssue:
    return issues.issue(12)


def test_a_publishers_file_goes_before_the_shipped_one(tmp_path: Path, issue: FrozenIssue) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "heading.html").write_text("<tr><td><h2>~ {{ heading }} ~</h2></td></tr>")

    blocks = rendering.render(Environment(tmp_path), issue)

    heading = next(block for block in blocks if block.kind is BlockKind.HEADING)
    assert heading.html == "<tr><td><h2>~ More stories ~</h2></td></tr>\n"


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "said"),
    [
        ("story.html", "{% if picture %}", "{% if pictures %}", 3, "'pictures' is undefined"),
        ("story.html", "{% if picture %}", "{% if picture", 4, "unexpected"),
        ("personal.html", "{{ reader.address }}", "{{ reader.address }", None, "unexpected"),
        ("frame.html", '{% include "email/kept.css" %}', '{% include "email/lost.css" %}', 17, "no template"),
        ("web.html", '"email.archive"', '"email.nothing"', 5, "no catalogue has the phrase"),
        ("heading.html", "{{ heading }}", "{{ heading.x.y }}", 1, "has no attribute 'x'"),
        ("heading.html", "{{ heading }}", "{{ 1 // 0 }}", 1, "division"),
    ],
)
def test_a_fault_in_a_template_names_its_file_and_line(
    tmp_path: Path, issue: FrozenIssue, name: str, old: str, new: str, line: int | None, said: str
) -> None:
    folder = shipped_copy(tmp_path)
    if old in (folder / "email" / name).read_text("utf-8"):
        edit(folder, name, old, new)
    else:
        (folder / "email" / name).write_text("{{ reader.address }")

    with pytest.raises(TemplateError) as caught:
        rendering.render(Environment(folder), issue)

    assert caught.value.template == f"email/{name}"
    assert said in caught.value.message
    assert str(folder) in caught.value.hint
    if line is not None:
        assert caught.value.line == line


@pytest.mark.parametrize(
    "bad",
    [
        "{% if reader.name %}x{% endif %}",
        "{{ reader.name|upper }}",
        "{{ reader.name|truncate(3) }}",
        "{{ reader.name|length }}",
        "{{ reader.name == 'Ana' }}",
        "{{ reader.name ~ '' | urlencode }}{{ reader.name|urlencode }}",
        "{{ reader.name[0] }}",
        "{% for letter in reader.name %}{{ letter }}{% endfor %}",
    ],
)
def test_a_template_that_looks_into_a_readers_field_is_refused(
    tmp_path: Path, issue: FrozenIssue, bad: str
) -> None:
    folder = shipped_copy(tmp_path)
    edit(folder, "personal.html", '<p class="small">', f'<p class="small">{bad}')

    with pytest.raises(TemplateError) as caught:
        rendering.render(Environment(folder), issue)

    assert caught.value.template == "email/personal.html"
    assert "reader" in caught.value.message or "Slot" in caught.value.message


def test_a_readers_field_may_be_written_anywhere_as_it_is(tmp_path: Path, issue: FrozenIssue) -> None:
    folder = shipped_copy(tmp_path)
    edit(
        folder,
        "personal.html",
        '<p class="small">',
        '<p class="small" title="{{ reader.name }}">{{ reader.name|e }}',
    )

    blocks = rendering.render(Environment(folder), issue)

    personal = next(block for block in blocks if block.kind is BlockKind.PERSONAL)
    assert personal.html.count(rendered.mark(issue.nonce, ReaderField.NAME)) == 2


def test_css_that_depends_on_neighbours_is_refused(tmp_path: Path, issue: FrozenIssue) -> None:
    folder = shipped_copy(tmp_path)
    edit(folder, "inline.css", ".ground {", ".full + .full { color: red }\n.ground {")
    edit(folder, "story.html", '<tr><td class="paper row"', '<tr class="full"><td class="paper row"')
    edit(folder, "heading.html", "<tr>", '<tr class="full">')

    with pytest.raises(TemplateError, match="depending on what stands around it"):
        rendering.render(Environment(folder), issue)


def test_a_frame_without_its_blocks_is_refused(tmp_path: Path, issue: FrozenIssue) -> None:
    folder = shipped_copy(tmp_path)
    edit(folder, "frame.html", "{{ blocks }}", "")

    with pytest.raises(TemplateError, match="blocks"):
        rendering.render(Environment(folder), issue)


@pytest.fixture(scope="module")
def small() -> FrozenIssue:
    return issues.issue(3)


def line_of(folder: Path, name: str, text: str) -> int:
    source = (folder / "email" / name).read_text("utf-8")
    return source.count("\n", 0, source.index(text)) + 1


def refusal(folder: Path, small: FrozenIssue) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        rendering.render(Environment(folder), small)
    assert caught.value.hint
    return caught.value


LOOKS = [
    "{% if reader.name %}x{% endif %}",
    "{% if not reader.name %}x{% endif %}",
    "{% if x is defined or reader.name %}x{% endif %}",
    "{{ 'x' if reader.name else 'y' }}",
    "{{ reader.name or 'reader' }}",
    "{{ reader.name|upper }}",
    "{{ reader.name|default('reader') }}",
    "{{ reader.name|default('reader', true) }}",
    "{{ reader.name|safe }}",
    "{{ reader.name|trim }}",
    "{{ reader.name|first }}",
    "{{ reader.name|string }}",
    "{{ [reader.name]|map('upper')|join }}",
    "{{ reader.name is string }}",
    "{% if reader.name is defined %}x{% endif %}",
    "{{ reader.name == 'Ana' }}",
    "{{ reader.name in ['Ana'] }}",
    "{{ 'Ana' in reader.name }}",
    "{{ reader.name[0] }}",
    "{{ reader.name + '!' }}",
    "{{ '%s' % reader.name }}",
    "{{ 'Dear {}'.format(reader.name) }}",
    "{{ reader.name.upper() }}",
    "{% for letter in reader.name %}{{ letter }}{% endfor %}",
    "{% for letter in reader.name %}{{ loop.index }}{% endfor %}",
    "{% for word in ['x'] if reader.name %}{{ word }}{% endfor %}",
    "{{ {'Ana': 1}[reader.name] }}",
    "{{ reader }}",
    "{% if reader %}x{% endif %}",
    # What a field was written to is a text like any other; it must not be looked at either.
    "{{ (reader.name|e)|upper }}",
    "{{ (reader.name|e)|length }}",
    "{{ (reader.name|e)|truncate(5) }}",
    "{{ (reader.name|e)[:3] }}",
    "{% if reader.name|e %}x{% endif %}",
    "{% set kept = reader.name|e %}{% if kept == 'Ana' %}x{% else %}{{ kept|replace('a', 'b') }}{% endif %}",
    "{% filter upper %}Dear {{ reader.name }}{% endfilter %}",
    "{% set kept %}{{ reader.name }}{% endset %}{{ kept|title }}",
    "{% set kept %}{{ reader.name }}{% endset %}{% if kept %}x{% endif %}",
    "{% set kept %}{{ reader.name }}{% endset %}{% for letter in kept %}.{% endfor %}",
    "{% macro shout(what) %}{{ what }}{{ what|upper }}{% endmacro %}{{ shout(reader.name) }}",
]


@pytest.mark.parametrize("bad", LOOKS)
@pytest.mark.parametrize("name", ["personal.html", "story.html", "frame.html"])
def test_what_looks_into_a_readers_field_is_refused_with_its_line(
    tmp_path: Path, small: FrozenIssue, bad: str, name: str
) -> None:
    folder = shipped_copy(tmp_path)
    anchor = {
        "personal.html": "{# Why the reader",
        "story.html": "{# One story",
        "frame.html": "</table>\n<!--",
    }
    edit(folder, name, anchor[name], f"\n{bad}\n\n{anchor[name]}")

    refused = refusal(folder, small)

    assert (refused.template, refused.line) == (f"email/{name}", line_of(folder, name, bad))
    assert f"email/{name}, line {refused.line}" in refused.message


def test_of_several_fields_the_one_that_decides_is_named(tmp_path: Path, small: FrozenIssue) -> None:
    folder = shipped_copy(tmp_path)
    captured = "{% set kept %}{{ reader.title }}{% endset %}"
    use = "<p>{{ reader.name }}</p>\n{% if kept|length > 3 %}x{% endif %}\n{{ reader.address }}\n"
    edit(
        folder,
        "personal.html",
        "{# Why the reader",
        f"<p>{{{{ reader.name }}}}</p>\n{captured}\n{use}{{# Why the reader",
    )

    refused = refusal(folder, small)

    assert refused.line == line_of(folder, "personal.html", captured)


def test_a_field_in_an_included_file_is_refused_there(tmp_path: Path, small: FrozenIssue) -> None:
    folder = shipped_copy(tmp_path)
    (folder / "email" / "greeting.html").write_text("\n\n{{ reader.name|upper }}")
    edit(folder, "personal.html", "{# Why the reader", '{% include "email/greeting.html" %}{# Why the reader')

    refused = refusal(folder, small)

    assert (refused.template, refused.line) == ("email/greeting.html", 3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("<style>.x { color: {} }</style>", "style or script"),
        ("<STYLE data-premailer='ignore'>.x { color: {} }</STYLE>", "style or script"),
        ("<script>var x = '{}'</script>", "style or script"),
        ("<!-- {} -->", "in a comment"),
        ("<!--[if mso]><p>{}</p><![endif]-->", "in a comment"),
        ("<p title={}>x</p>", "without quotes"),
        ("<p {}>x</p>", "inside a tag"),
        ("<p data-{}='x'>x</p>", "inside a tag"),
        ("<p style='color: {}'>x</p>", "in a style attribute"),
        ('<p onclick="x({})">x</p>', "holds a program"),
        ('<a href="https://example.com/?n={}">x</a>', "part of an address"),
        ('<img src="{}" alt="">', "part of an address"),
    ],
)
@pytest.mark.parametrize("name", ["personal.html", "story.html", "frame.html"])
def test_a_field_where_it_could_change_the_text_around_it_is_refused_with_its_line(
    tmp_path: Path, small: FrozenIssue, bad: str, said: str, name: str
) -> None:
    folder = shipped_copy(tmp_path)
    written = f"<tr><td>{bad.replace('{}', '{{ reader.name }}')}</td></tr>"
    anchor = {
        "personal.html": "{# Why the reader",
        "story.html": '{% if style == "lead" %}',
        "frame.html": "{{ blocks }}",
    }
    edit(folder, name, anchor[name], f"\n{written}\n{anchor[name]}")

    refused = refusal(folder, small)

    assert (refused.template, refused.line) == (f"email/{name}", line_of(folder, name, written))
    assert said in refused.message


def test_links_of_the_reader_may_stand_in_attributes_that_hold_addresses(
    tmp_path: Path, small: FrozenIssue
) -> None:
    folder = shipped_copy(tmp_path)
    edit(
        folder,
        "personal.html",
        '<p class="small">',
        '<p class="small" title="{{ reader.name }}, {{ reader.view_url }}"><a href="{{ reader.view_url }}#top">x</a>',
    )

    blocks = rendering.render(Environment(folder), small)

    personal = next(block for block in blocks if block.kind is BlockKind.PERSONAL)
    assert personal.html.count(rendered.mark(small.nonce, ReaderField.VIEW_URL)) == 3


@pytest.mark.parametrize(
    "rule",
    [
        ".row + .row { color: red }",
        ".row ~ .row { color: red }",
        ".card-row + .card-row { color: red }",
        ".brief-row ~ .brief-row p { color: red }",
        ".card-row + .brief-row { color: red }",
        ".heading + .brief-row { color: red }",
        "p.none, .row\n  + tr .h-brief { color: red }",
        "tr:first-child { color: red }",
        "p.none, tr:last-child { color: red }",
    ],
)
@pytest.mark.parametrize("where", ["inline.css", "frame.html"])
def test_a_rule_that_tells_blocks_by_their_neighbours_is_refused_with_its_line(
    tmp_path: Path, small: FrozenIssue, rule: str, where: str
) -> None:
    folder = shipped_copy(tmp_path)
    edit(
        folder,
        "story.html",
        '<tr><td class="paper row"',
        '<tr class="row {{ style }}-row"><td class="paper row"',
    )
    edit(folder, "heading.html", "<tr>", '<tr class="heading">')
    edit(folder, "frame.html", "{{ blocks }}", "<tr><td><table>{{ blocks }}</table></td></tr>")
    if where == "inline.css":
        edit(folder, where, ".imprint {", f"tr td:first-of-type {{ margin: 0 }}\n{rule}\n.imprint {{")
    else:
        edit(folder, where, "</head>", f"<style>\n{rule}\n</style>\n</head>")

    refused = refusal(folder, small)

    selector = next(each for each in rule.partition("{")[0].split(",") if re.search(r"[+~]|child|type", each))
    assert refused.template == f"email/{where}"
    assert refused.line == line_of(folder, where, selector.strip())
    assert "class of its own" in refused.hint


def test_blocks_where_no_rows_can_stand_are_refused_with_their_line(
    tmp_path: Path, small: FrozenIssue
) -> None:
    folder = shipped_copy(tmp_path)
    edit(folder, "frame.html", "{{ blocks }}", '<tr title="{{ blocks }}"></tr>')

    refused = refusal(folder, small)

    assert (refused.template, refused.line) == (
        "email/frame.html",
        line_of(folder, "frame.html", "{{ blocks }}"),
    )
