"""Start the command line: a table of nouns, each imported only when it is used."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast  # Typer's commands are typed with Any

import typer
from typer.core import TyperGroup

from newsletter import __version__
from newsletter.domain.errors import InvalidInput, NewsletterError

PANELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Start": {
        "demo": ("demo", "Show the whole chain with sample articles; needs no service and no settings."),
        "up": ("up", "Run web, workers and scheduler in one process tree, on embedded defaults."),
        "init": ("init", "Prepare the database and the signing keys."),
        "doctor": ("doctor", "Check settings, database, broker and relay; say what to do."),
    },
    "Publish": {
        "newsletters": ("newsletters", "Add, list and show newsletters; their rules; keep them as files."),
        "topics": ("topics", "Add and list the topics of a newsletter."),
        "sources": ("sources", "Add, list, map, poll and stop the feeds that fill a newsletter."),
        "articles": ("articles", "Find articles, withdraw, weigh, merge and split them; say why."),
        "schedules": (
            "schedules",
            "Add, list, edit and stop the times at which issues are due; show what comes.",
        ),
        "issues": ("issues", "Plan, build, preview, approve, send and account for issues."),
        "breaking": ("breaking", "Send one article at once, ahead of every digest."),
        "editors": ("editors", "Name the editors, what they may do, and their keys to the API."),
        "audit": ("audit", "See who did what at the desk."),
        "test-send": ("proofs", "Send the next issue to a few addresses, marked as a test."),
    },
    "Readers": {
        "subscribers": ("subscribers", "Add, find, import and export readers."),
        "why": ("why", "Say why a reader got an article, why not, or why no mail came."),
        "bounces": ("bounces", "Take in mails that came back, and show them."),
        "suppressions": ("suppressions", "See, add and lift what keeps mail from addresses."),
        "receive": ("receive", "Receive mails that come back, by LMTP or SMTP, until Ctrl-C."),
        "classify-reply": ("classify", "Say what an SMTP reply means."),
    },
    "Operate": {
        "alerts": ("alerts", "See what is wrong, and say when it has been seen to."),
        "db": ("db", "Bring the database to this version's tables."),
        "keys": ("keys", "List and rotate the signing keys."),
        "destinations": ("destinations", "See who throttles; resume, limit and resolve destinations."),
        "warmup": ("warmup", "Let the domain of a new sender grow."),
        "dkim": ("dkim", "Make, publish and rotate the keys that sign messages."),
        "backup": ("backup", "Write the database, keys included, to one file."),
        "restore": ("restore", "Read a backup into an empty database."),
    },
}
NOUNS = {name: entry for panel in PANELS.values() for name, entry in panel.items()}
ALIASES = {"schedule": "schedules"}  # said as often; shown in no list


class Nouns(TyperGroup):
    """Import the module of a noun when the noun is used, and not for the table of nouns."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Return the names of all nouns."""
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Typer's signature
        """Return the command of one noun, or None."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in NOUNS:
            return None
        module = import_module(f"newsletter.cli.{NOUNS[cmd_name][0]}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; what was mistyped is compared with the names of all nouns."""
        self.commands = {name: cast("Any", None) for name in NOUNS}
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the table of nouns as plain text: drawing frames would take longer than all the rest."""
        self.format_usage(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(self.help or "")
        for panel, nouns in PANELS.items():
            with formatter.section(panel):
                formatter.write_dl([(name, line) for name, (_, line) in nouns.items()])
        with formatter.section("Options"):
            formatter.write_dl([record for p in self.get_params(ctx) if (record := p.get_help_record(ctx))])
        formatter.write_paragraph()
        formatter.write_text("More about one of them: newsletter NAME --help")


app = typer.Typer(cls=Nouns, add_completion=False, no_args_is_help=True, rich_markup_mode="rich")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"newsletter {__version__}")
        raise typer.Exit


@app.callback()
def newsletter(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From a feed to an inbox, with accounts that add up."""


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command; 0 = done, 1 = refused or failed, 2 = wrong usage, 130 = interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        _require_unicode(given)
        typer.main.get_command(app).main(args=given, prog_name="newsletter")
    except NewsletterError as error:
        _complain(error.message, error.hint)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the outermost loop of this shell
        if isinstance(error, OSError) and error.filename is not None:
            _complain(
                f"{error.filename}: {error.strerror}.", "Check the name, and who may read and write there."
            )
        else:
            _complain(
                f"This should not have happened: {type(error).__name__}: {error}",
                f"The details are in {_keep_traceback()}; please report them.",
            )
    sys.exit(1)


def _require_unicode(arguments: Sequence[str]) -> None:
    """Refuse octets that are no text in the terminal's character set: no database takes them."""
    if any("\ud800" <= char <= "\udfff" for argument in arguments for char in argument):
        raise InvalidInput(
            "An argument is not in UTF-8.",
            hint="Check the character set of the terminal, or rename the file.",
            reason="bad_encoding",
        )


def _complain(message: str, hint: str) -> None:
    print(f"Error: {message}", file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)


def _keep_traceback() -> Path:
    with tempfile.NamedTemporaryFile(
        "w", prefix="newsletter-fault-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exc(file=file)
    return Path(file.name)


if __name__ == "__main__":
    run()
