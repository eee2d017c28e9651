"""Commands about newsletters."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import defining, output
from newsletter.cli.opening import opened
from newsletter.digest import newsletters as desk
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain.issues import OnSilence
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import Session, newsletters, subscriptions
from newsletter.store.tables import Newsletter
from newsletter.wiring import App

app = typer.Typer(no_args_is_help=True, help="Add, edit, list and show newsletters; keep them as files.")
_SPREAD = "Minutes over which an issue goes out; 0 = as fast as it can."
Slug = Annotated[str, typer.Argument(help="The newsletter's short name, such as daily.")]


@app.command()
def add(
    slug: Slug,
    name: Annotated[str, typer.Option(help="As readers see it.")],
    from_address: Annotated[str, typer.Option(help="The address in From.")],
    postal_address: Annotated[str, typer.Option(help="The publisher's, which the law wants in every mail.")],
    from_name: Annotated[str, typer.Option(help="The name in From; otherwise the newsletter's.")] = "",
    reply_to: Annotated[str, typer.Option(help="Where answers go; otherwise the address in From.")] = "",
    description: Annotated[str, typer.Option(help="One sentence for the signup page.")] = "",
    home_url: Annotated[str, typer.Option(help="The website.")] = "",
    privacy_url: Annotated[str, typer.Option(help="The privacy policy.")] = "",
    language: Annotated[str, typer.Option(help="Of the words around the articles.")] = "en",
    zone: Annotated[str, typer.Option(help="Its IANA time zone.")] = "UTC",
    accent: Annotated[str, typer.Option(help="Colour of links and buttons.")] = "#1a4f8b",
    background: Annotated[str, typer.Option(help="Colour around the mail.")] = "#f4f3ef",
    logo_url: Annotated[str, typer.Option(help="A PNG or JPEG, shown 40 pixels high.")] = "",
    minimum: Annotated[int, typer.Option(help="With fewer new articles an issue is skipped.")] = 1,
    maximum: Annotated[int, typer.Option(help="The most stories that one reader gets.")] = 20,
    on_silence: Annotated[OnSilence, typer.Option(help="With an issue that nobody approves.")] = (
        OnSilence.SEND
    ),
    spread_minutes: Annotated[int, typer.Option(help=_SPREAD)] = 0,
    json_wanted: output.AsJson = False,
) -> None:
    """Add a newsletter."""
    draft = NewsletterDraft(
        slug=slug,
        name=name,
        from_name=from_name or name,
        from_address=from_address,
        postal_address=postal_address.replace("\\n", "\n"),
        reply_to=reply_to or None,
        description=description,
        home_url=home_url,
        privacy_url=privacy_url,
        language=language,
        zone=zone,
        accent=accent,
        background=background,
        logo_url=logo_url,
        story_minimum=minimum,
        story_maximum=maximum,
        on_silence=on_silence,
        spread_minutes=spread_minutes,
    )
    with opened() as service, service.transaction() as session:
        newsletter = desk.add(
            session, draft, now=service.clock.now(), languages=service.environment.languages()
        )
        fields = _fields(session, newsletter, service)
    output.record(fields, json_wanted=json_wanted)


@app.command()
def edit(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="As readers see it.")] = None,
    from_address: Annotated[str | None, typer.Option(help="The address in From.")] = None,
    from_name: Annotated[str | None, typer.Option(help="The name in From.")] = None,
    reply_to: Annotated[str | None, typer.Option(help='Where answers go; "" = the address in From.')] = None,
    postal_address: Annotated[str | None, typer.Option(help="The publisher's.")] = None,
    description: Annotated[str | None, typer.Option(help="One sentence for the signup page.")] = None,
    home_url: Annotated[str | None, typer.Option(help="The website.")] = None,
    privacy_url: Annotated[str | None, typer.Option(help="The privacy policy.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the words around the articles.")] = None,
    zone: Annotated[str | None, typer.Option(help="Its IANA time zone.")] = None,
    accent: Annotated[str | None, typer.Option(help="Colour of links and buttons.")] = None,
    background: Annotated[str | None, typer.Option(help="Colour around the mail.")] = None,
    logo_url: Annotated[str | None, typer.Option(help="A PNG or JPEG, shown 40 pixels high.")] = None,
    minimum: Annotated[int | None, typer.Option(help="With fewer new articles an issue is skipped.")] = None,
    maximum: Annotated[int | None, typer.Option(help="The most stories that one reader gets.")] = None,
    on_silence: Annotated[OnSilence | None, typer.Option(help="With an issue that nobody approves.")] = None,
    spread_minutes: Annotated[int | None, typer.Option(help=_SPREAD)] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """Change a newsletter; issues that are built already keep how they look and whom they are from."""
    given = {
        "name": name,
        "from_address": from_address,
        "from_name": from_name,
        "reply_to": reply_to,
        "postal_address": None if postal_address is None else postal_address.replace("\\n", "\n"),
        "description": description,
        "home_url": home_url,
        "privacy_url": privacy_url,
        "language": language,
        "zone": zone,
        "accent": accent,
        "background": background,
        "logo_url": logo_url,
        "story_minimum": minimum,
        "story_maximum": maximum,
        "on_silence": on_silence,
        "spread_minutes": spread_minutes,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    with opened() as service, service.transaction() as session:
        newsletter = newsletters.by_slug(session, slug)
        desk.edit(session, newsletter, changes, languages=service.environment.languages())
        fields = _fields(session, newsletter, service)
    output.record(fields, json_wanted=json_wanted)


@app.command("list")
def listing(json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List newsletters."""
    with opened() as service, service.reading() as session:
        records = [_summary(session, found) for found in newsletters.listing(session, search=search)]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=output.nothing("newsletter", search, "newsletter newsletters add --help"),
    )


@app.command()
def show(slug: Slug, json_wanted: output.AsJson = False) -> None:
    """Show one newsletter with its topics and schedules."""
    with opened() as service, service.reading() as session:
        fields = _fields(session, newsletters.by_slug(session, slug), service)
    output.record(fields, json_wanted=json_wanted)


def _summary(session: Session, newsletter: Newsletter) -> output.Record:
    counts = subscriptions.counts(session, newsletter.id)
    return {
        "slug": newsletter.slug,
        "name": newsletter.name,
        "from_address": newsletter.from_address,
        "language": newsletter.language,
        "topics": [topic.slug for topic in newsletters.topics(session, newsletter.id)],
        **{f"{status.value}_readers": counts.get(status, 0) for status in SubscriptionStatus},
    }


def _fields(session: Session, newsletter: Newsletter, service: App) -> output.Record:
    public_url = service.settings.public_url
    counts = subscriptions.counts(session, newsletter.id)
    return {
        "slug": newsletter.slug,
        "name": newsletter.name,
        "description": newsletter.description,
        "from": f"{newsletter.from_name} <{newsletter.from_address}>",
        "reply_to": newsletter.reply_to,
        "postal_address": newsletter.postal_address,
        "language": newsletter.language,
        "direction": newsletter.direction,
        "zone": newsletter.zone,
        "accent": newsletter.accent,
        "background": newsletter.background,
        "logo_url": newsletter.logo_url,
        "home_url": newsletter.home_url,
        "privacy_url": newsletter.privacy_url,
        "stories": f"{newsletter.story_minimum} to {newsletter.story_maximum}",
        "on_silence": newsletter.on_silence,
        "spread_minutes": newsletter.spread_minutes,
        "topics": [f"{topic.slug} ({topic.name})" for topic in newsletters.topics(session, newsletter.id)],
        "schedules": [
            f"{schedule.cron} {schedule.zone}" for schedule in newsletters.schedules(session, newsletter.id)
        ],
        "readers": {status.value: count for status, count in counts.items()},
        "signup_page": f"{public_url}/subscribe/{newsletter.slug}",
        "archive": f"{public_url}/archive/{newsletter.slug}",
    }


app.command("rules")(defining.show_rules)
app.command("set")(defining.set_rule)
app.command("export")(defining.export)
app.command("plan")(defining.plan)
app.command("apply")(defining.apply)
