"""Read the settings: the only reader of the environment."""

from __future__ import annotations

import json
import os
import re
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from newsletter.domain import addresses, quiet_hours, relays
from newsletter.domain.arrivals import MailWay
from newsletter.domain.errors import InvalidInput
from newsletter.domain.relays import RelayAddress, RelayKind

# An address stands in mails and in header fields as it is: no blank, no quote, no letter outside ASCII, no query.
_PLAIN_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?")  # RFC 6454 §6.2: never a slash at its end
_REDIS = re.compile(
    r"(?:rediss?://(?:[^\s/@]*@)?(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?]\S*)?"
    r"|(?:unix|redis\+socket)://\S+)"
)
_PLACE = re.compile(r"(?:([A-Za-z0-9.-]+)|\[([0-9A-Fa-f:.]+)\]):([0-9]{1,5})")

Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Listener(NamedTuple):
    """Say how and where mail that comes back is received."""

    way: MailWay
    host: str
    port: int


class Settings(BaseSettings):
    """Hold everything that differs between installations; frozen.

    Each field is read from ``NEWSLETTER_<FIELD>``; DATABASE_URL, REDIS_URL and PORT are also read as such.
    docs/operations/settings.md describes each one.
    """

    model_config = SettingsConfigDict(
        env_prefix="NEWSLETTER_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    data_dir: Path = Path("data")
    database_url: str = Field(
        default="", validation_alias=AliasChoices("NEWSLETTER_DATABASE_URL", "DATABASE_URL", "database_url")
    )
    redis_url: str = Field(
        default="", validation_alias=AliasChoices("NEWSLETTER_REDIS_URL", "REDIS_URL", "redis_url")
    )
    public_url: str = "http://127.0.0.1:8000"
    inbound_domain: str = ""
    templates_dir: Path | None = None

    relays: Annotated[tuple[str, ...], NoDecode] = Field(default=(), repr=False)
    relay_host: str = "127.0.0.1"
    relay_port: Port = 25
    relay_tls: Literal["off", "starttls", "implicit", "opportunistic"] = "opportunistic"
    relay_username: str = ""
    relay_password: SecretStr = SecretStr("")
    relay_ca_file: Path | None = None
    relay_timeout: Seconds = (
        600.0  # seconds; RFC 5321 §4.5.3.2.6 gives the answer to the final dot ten minutes
    )
    ehlo_name: str = ""
    sender_processes: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1,
        validation_alias=AliasChoices("NEWSLETTER_SENDER_PROCESSES", "SENDER_PROCESSES", "sender_processes"),
    )  # over all machines: without Redis each takes its part of every rate

    receive_lmtp: str = ""
    receive_smtp: str = ""
    receive_certificate: Path | None = None
    receive_key: Path | None = None
    receive_roles: Annotated[tuple[str, ...], NoDecode] = ("postmaster", "abuse")  # RFC 2142 §4, §5
    imap_host: str = ""
    imap_port: Port = 993
    imap_tls: Literal["implicit", "starttls", "off"] = "implicit"
    imap_username: str = ""
    imap_password: SecretStr = SecretStr("")
    imap_token_file: Path | None = None
    imap_ca_file: Path | None = None
    imap_folder: str = "INBOX"
    imap_done_folder: str = "Newsletter-read"
    maildir: Path | None = None
    collect_seconds: Seconds = 60.0  # between two looks into the IMAP folder and the Maildir

    message_max_bytes: Annotated[int, Field(ge=20_000)] = (
        200_000  # octets; larger ones are filtered and clipped, and a digest of the shipped templates has a third
    )

    quiet_hours: str = ""
    daily_cap: Annotated[int, Field(ge=0, le=1_000)] = 0  # mails to one reader in 24 hours; 0: any number

    fetch_allow: Annotated[frozenset[tuple[str, int]], NoDecode] = frozenset()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    providers: Annotated[dict[RelayKind, tuple[SecretStr, ...]], NoDecode] = {}
    complaint_senders: Annotated[frozenset[str], NoDecode] = frozenset()
    authentication_server: str = ""
    alert_address: str = ""
    metrics_allow: Annotated[tuple[str, ...], NoDecode] = (
        *("127.0.0.0/8", "::1/128"),
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),  # RFC 1918 §3, RFC 4193 §3
    )
    uncertain_policy: Literal["retry-once", "hold"] = "retry-once"
    lease_seconds: Seconds = 90.0  # how long a bucket stays with a worker that is not heard of
    tick_seconds: Seconds = 5.0  # between two beats: how late a slot or a lost ring can be noticed
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        if not _PLAIN_URL.fullmatch(value):
            raise ValueError("must be an address such as https://news.example.com, in ASCII (xn--...)")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if value and not _REDIS.fullmatch(value):
            raise ValueError("must be an address such as redis://127.0.0.1:6379/0")
        return value

    @field_validator("inbound_domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        try:
            return addresses.domain_a_label(value) if value else ""
        except InvalidInput as error:
            raise ValueError("must be a domain such as in.example.com") from error

    @field_validator("alert_address")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            return str(addresses.parse(value)) if value else ""
        except InvalidInput as error:
            raise ValueError("must be a mail address") from error

    @field_validator("receive_lmtp", "receive_smtp")
    @classmethod
    def _place(cls, value: str) -> str:
        found = _PLACE.fullmatch(value)
        if value and (found is None or int(found[3]) > 65_535):
            raise ValueError("must be an address and a port, such as 127.0.0.1:2424")
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        try:
            quiet_hours.parse(value)
        except InvalidInput as error:
            raise ValueError("must be two hours such as 22-7") from error
        return value

    @field_validator("imap_done_folder")
    @classmethod
    def _other_folder(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get("imap_folder"):
            raise ValueError("must be another folder than NEWSLETTER_IMAP_FOLDER")
        return value

    @field_validator("templates_dir")
    @classmethod
    def _folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("must be a folder that exists")
        return value

    @field_validator("fetch_allow", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [item.strip().rpartition(":") for item in value.split(",") if item.strip()]
        if not all(host and port.isascii() and port.isdigit() for host, _, port in pairs):
            raise ValueError("must be host:port pairs, divided by commas")
        return frozenset((host, int(port)) for host, _, port in pairs)

    @field_validator(
        "trusted_proxies", "metrics_allow", "allowed_origins", "relays", "receive_roles", mode="before"
    )
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("complaint_senders", mode="before")
    @classmethod
    def _domains(cls, value: object) -> object:
        return frozenset(value.lower().replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("authentication_server")
    @classmethod
    def _server(cls, value: str) -> str:
        return value.lower()

    @field_validator("relays")
    @classmethod
    def _relays(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            found = [relays.parse(text).name for text in value]
        except InvalidInput as error:
            raise ValueError(error.message) from error
        if len(set(found)) != len(found):
            raise ValueError("names one relay twice")
        return value

    @field_validator("providers", mode="before")
    @classmethod
    def _secrets(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            found = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError('must be JSON such as {"mailgun": ["key"]}') from error
        if not isinstance(found, dict):
            raise ValueError('must be a JSON object such as {"mailgun": ["key"]}')
        return {_provider(name): _texts(name, given) for name, given in found.items()}

    @field_validator("trusted_proxies", "metrics_allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text, strict=False)  # its error says what is wrong
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(text) for text in value):
            raise ValueError("must be origins such as https://www.example.com, without a path")
        return value

    @property
    def database(self) -> str:
        """Return the database's URL; without one, a SQLite file in the data folder."""
        url = self.database_url or f"sqlite:///{(self.data_dir / 'newsletter.db').absolute()}"
        for plain in ("postgres://", "postgresql://"):
            if url.startswith(plain):
                return "postgresql+psycopg://" + url.removeprefix(plain)
        return url

    @property
    def relay_addresses(self) -> tuple[RelayAddress, ...]:
        """Return the relays that messages go to: those of ``relays``, else the one of the single settings."""
        if self.relays:
            return tuple(relays.parse(text) for text in self.relays)
        return (
            RelayAddress(
                host=self.relay_host,
                port=self.relay_port,
                tls=self.relay_tls,
                username=self.relay_username,
                password=self.relay_password.get_secret_value(),
            ),
        )

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Return where mail that comes back is received."""
        return tuple(
            Listener(way, found[1] or found[2], int(found[3]))
            for way, place in ((MailWay.LMTP, self.receive_lmtp), (MailWay.SMTP, self.receive_smtp))
            if (found := _PLACE.fullmatch(place))
        )

    @property
    def journal_dir(self) -> Path:
        """Return where workers write down what they begin: on this machine's own disk."""
        return self.data_dir / "journals"

    @property
    def broker_socket(self) -> Path:
        """Return where the embedded broker listens: a short path, because a socket's may have 100 characters."""
        path = (self.data_dir / "broker" / "b.sock").absolute()
        if len(str(path)) < 100:
            return path
        return Path(gettempdir()) / f"newsletter-{sha256(str(path).encode()).hexdigest()[:16]}" / "b.sock"

    @property
    def broker_url(self) -> str:
        """Return Redis's URL; without one, the socket of the embedded broker."""
        return self.redis_url or f"redis+socket://{self.broker_socket}"

    @property
    def message_domain(self) -> str:
        """Return the domain of Message-IDs and List-Ids: the host that the links point to."""
        return urlsplit(self.public_url).hostname or "localhost"


def _provider(name: str) -> RelayKind:
    known = [kind.value for kind in RelayKind if kind is not RelayKind.SMTP]
    if name not in known:
        raise ValueError(f"names none of {', '.join(known)}")
    return RelayKind(name)


def _texts(name: str, given: object) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(text and isinstance(text, str) for text in texts):
        raise ValueError(f"must have a text or a list of texts for {name}")
    return tuple(texts)


def for_children(settings: Settings) -> dict[str, str]:
    """Return the environment of a child process that shall have exactly these settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NEWSLETTER_") and name not in {"DATABASE_URL", "REDIS_URL"}
    }
    changed = {name: getattr(settings, name) for name in settings.model_fields_set}
    return environment | {
        f"NEWSLETTER_{name.upper()}": _as_variable(value) for name, value in changed.items()
    }


def _as_variable(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case frozenset():
            return ",".join(
                sorted(each if isinstance(each, str) else f"{each[0]}:{each[1]}" for each in value)
            )
        case tuple():
            return ",".join(value)
        case dict():
            return json.dumps(
                {name: [one.get_secret_value() for one in some] for name, some in value.items()}
            )
        case _:
            return "" if value is None else str(value)


def load(**overrides: object) -> Settings:
    """Read the environment; raise InvalidInput that names the variable to mend."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks each value
    except ValidationError as error:
        faults = "; ".join(f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise InvalidInput(
            f"The settings cannot be used: {faults}.",
            hint="See docs/operations/settings.md.",
            reason="bad_settings",
        ) from error


def _variable(location: tuple[int | str, ...]) -> str:
    """Return the variable that a setting is read from; those with a second name are told by their first."""
    name = "_".join(str(part) for part in location).upper()
    return name if name.startswith("NEWSLETTER_") else f"NEWSLETTER_{name}"
