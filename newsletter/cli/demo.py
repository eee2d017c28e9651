"""Command to show the whole chain."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from newsletter import wiring
from newsletter.cli import output, showing, tree, up
from newsletter.cli.scenario import DemoReader, DemoStuck, Interrupted, Scenario
from newsletter.cli.tree import Inbox
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain import articles
from newsletter.domain.errors import Conflict
from newsletter.domain.mailings import Receipt
from newsletter.embedded.feedserver import FeedServer
from newsletter.embedded.supervisor import Supervisor
from newsletter.runtime import settings as runtime_settings
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Settings

app = typer.Typer(help="Show the whole chain with sample articles; needs no service and no settings.")

TOPICS = (
    ("politics", "Politics"),
    ("culture", "Culture"),
    ("sport", "Sport"),
    ("science", "Science"),
    ("business", "Business"),
    ("chess", "Chess"),
)
READERS = (
    DemoReader("Ada Lindqvist", "ada@example.com"),
    DemoReader("Bo Nakamura", "bo@example.net", ("politics", "business")),
    DemoReader("Chidi Okafor", "chidi@example.org", ("science",)),
    DemoReader("Dolores Ibáñez", "dolores@example.com", ("culture", "sport")),
    DemoReader("Erik Žižka", "erik@example.net", ("sport",)),
    DemoReader("Fatima Al-Zahra", "fatima@example.org", ("culture", "science", "politics")),
    DemoReader("Grzegorz Wójcik", "grzegorz@example.com", ("business",)),
    DemoReader("Hana 花子", "hana@example.net", ("science", "culture")),
    DemoReader("", "i.ross+news@example.org"),
    DemoReader("Jules Moreau", "jules@example.com", ("politics",)),
    DemoReader("Kateryna Коваль", "kateryna@example.net", ("sport", "business")),
    DemoReader("Liam O’Brien", "liam@example.org", ("chess",)),  # nobody writes about it: rightly withheld
)
_SLUG = "daily"
_CLOCK = SystemClock()


@dataclass(frozen=True)
class _Stage:
    """Hold where the demo plays and what it shows."""

    settings: Settings
    caught: Inbox
    web_port: int
    draft: NewsletterDraft
    topics: tuple[tuple[str, str], ...]
    feeds: tuple[str, ...]
    readers: tuple[DemoReader, ...]


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the receipt, instead of staying up.")
    ] = False,
    json_wanted: output.AsJson = False,
    feed: Annotated[str, typer.Option(help="Read this feed instead of the sample articles.")] = "",
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep everything in this new folder; otherwise nothing is left.")
    ] = None,
) -> None:
    """Show the whole chain: feeds, signups, confirmations, a digest for each reader, an account of every mail.

    Nothing leaves this machine: all mail lands in an inbox page, whose address is printed. Ctrl-C ends it.
    """
    with (
        tree.told_to_stop() as stop,
        _folder(data_dir) as folder,
        _stage(folder, feed) as stage,
        _running(stage) as processes,
    ):
        service = wiring.build(stage.settings)
        scenario = Scenario(service, processes, stage.caught, stop=stop)
        try:
            receipt = _play(scenario, stage)
        except Interrupted:
            raise typer.Exit(130) from None
        finally:
            service.database.dispose()
        _account(receipt, json_wanted=json_wanted)
        if not once:
            _invite(stage)
            processes.watch(stop)
    if not receipt.adds_up or receipt.unclaimed:
        raise typer.Exit(1)


def _play(scenario: Scenario, stage: _Stage) -> Receipt:
    started = _CLOCK.monotonic()

    def done(what: str) -> None:
        output.say(f"{_CLOCK.monotonic() - started:5.1f} s  {what}")

    scenario.await_web()
    done("broker, workers, web and inbox run")
    cron = f"0 {(_CLOCK.now().hour + 12) % 24} * * *"  # far off, so that whoever tries things has the first issues
    scenario.add_newsletter(stage.draft, topics=stage.topics, feed_urls=stage.feeds, cron=cron)
    count = scenario.await_articles(stage.draft.slug)
    done(f"{count} articles read from {_counted(len(stage.feeds), 'feed')}")
    scenario.sign_up(stage.readers, stage.draft.slug)
    done(f"{len(stage.readers)} readers signed up through the website's webhook")
    scenario.confirm(stage.readers)
    done("each got a mail and confirmed")
    receipt = scenario.mail_issue(stage.draft.slug)
    done(f"an issue was built and {_counted(receipt.submitted, 'message')} submitted")
    return receipt


def _account(receipt: Receipt, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json({"receipt": receipt.as_dict()})
    else:
        output.say("")
        output.console().print(showing.drawn(receipt))


def _invite(stage: _Stage) -> None:
    url = stage.settings.public_url
    output.say(
        f"\nInbox     {stage.caught.url}\n"
        f"Archive   {url}/archive/{stage.draft.slug}\n"
        f"Sign up   {url}/subscribe/{stage.draft.slug}\n\n"
        f"In another terminal: . {tree.write_environment(stage.settings)}; newsletter issues list\n"
        "Ctrl-C ends it."
    )


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    """Yield an empty folder; one that nobody named is gone afterwards, unless its logs must tell what went wrong."""
    if wanted is None:
        folder = Path(tempfile.mkdtemp(prefix="newsletter-demo-"))
        try:
            yield folder
        except DemoStuck:
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return
    if wanted.exists() and any(wanted.iterdir()):
        raise Conflict(
            f"The folder {wanted} is not empty.",
            hint="Name a folder that does not exist yet.",
            reason="not_empty",
        )
    wanted.mkdir(parents=True, exist_ok=True)
    yield wanted.absolute()


@contextmanager
def _stage(folder: Path, feed: str) -> Iterator[_Stage]:
    """Yield the demo's settings and content; sample feeds are served while the block lasts."""
    feed = articles.absolute_url(feed) if feed else ""
    caught, web_port = Inbox(folder / "inbox", clock=_CLOCK), tree.free_port(8000)
    if feed:
        yield _Stage(
            settings=_settings(folder, smtp_port=caught.smtp_port, web_port=web_port),
            caught=caught,
            web_port=web_port,
            draft=_draft_of(feed),
            topics=(),
            feeds=(feed,),
            readers=tuple(DemoReader(reader.name, reader.address) for reader in READERS),
        )
        return
    with FeedServer(now=_CLOCK.now()) as server:
        yield _Stage(
            settings=_settings(folder, smtp_port=caught.smtp_port, web_port=web_port, feed_port=server.port),
            caught=caught,
            web_port=web_port,
            draft=_draft(server),
            topics=TOPICS,
            feeds=tuple(server.feed_urls),
            readers=READERS,
        )


@contextmanager
def _running(stage: _Stage) -> Iterator[Supervisor]:
    settings = stage.settings
    up.prepare(settings)
    try:
        with (
            stage.caught.running(),
            tree.running(
                settings,
                web_host=tree.HOST,
                web_port=stage.web_port,
                logs=settings.data_dir / "logs",
                clock=_CLOCK,
            ) as processes,
        ):
            yield processes
    finally:
        shutil.rmtree(settings.broker_socket.parent, ignore_errors=True)  # not always in the data folder


def _settings(folder: Path, *, smtp_port: int, web_port: int, feed_port: int = 0) -> Settings:
    """Return settings of which nothing comes from the surroundings: a demo must not touch what is real."""
    return runtime_settings.load(
        **{name: field.get_default() for name, field in Settings.model_fields.items()}
        | {
            "data_dir": folder,
            "public_url": f"http://{tree.HOST}:{web_port}",
            "inbound_domain": "in.harbourpost.example",
            "relay_host": tree.HOST,
            "relay_port": smtp_port,
            "relay_tls": "off",
            "fetch_allow": frozenset({(tree.HOST, feed_port)}) if feed_port else frozenset(),
            "tick_seconds": 1.0,
        }
    )


def _draft(server: FeedServer) -> NewsletterDraft:
    return NewsletterDraft(
        slug=_SLUG,
        name="The Harbour Post",
        from_name="The Harbour Post",
        from_address="daily@harbourpost.example",
        reply_to="desk@harbourpost.example",
        postal_address="The Harbour Post\n1 Quay Street\nPort Merrow",
        description="What happened in Port Merrow, every morning at seven.",
        home_url=f"{server.base_url}/",
        accent="#0b5563",
        logo_url=server.logo_url,
        story_maximum=10,
    )


def _draft_of(feed: str) -> NewsletterDraft:
    name = urlsplit(feed).hostname or "Your feed"
    return NewsletterDraft(
        slug=_SLUG,
        name=name,
        from_name=name,
        from_address="news@example.com",
        postal_address=f"{name}\nThis is a demonstration",
        description=f"What is new on {name}.",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
