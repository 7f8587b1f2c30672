"""The whole config as one frozen value."""

import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr

from gateway.catalogue.forms.requirements import Profile
from gateway.catalogue.services import PURPOSES
from gateway.contract.messages import Priority
from gateway.settings.centre import CentreSettings, Section
from gateway.settings.extensions import ExtensionTables
from gateway.settings.people import PeopleSettings
from gateway.settings.requirements import RequirementSettings, profiles_of
from gateway.settings.rights import RightSettings
from gateway.settings.secret import read_secret, secret
from gateway.settings.sections import (
    BlobsSettings,
    DatabaseSettings,
    DataSettings,
    DocumentsSettings,
    FollowSettings,
    LedgerSettings,
    LogSettings,
    Name,
    NotifySettings,
    OutboundSettings,
    OutboxSettings,
    PurposeSettings,
    ReplicaSettings,
    RetentionSettings,
    SecretsSettings,
    ServerSettings,
    SigningSettings,
    TimeSettings,
)
from gateway.settings.source import Source


def default_purposes() -> dict[str, PurposeSettings]:
    """The purposes of the catalogue, used when the config names none of its own."""
    return {
        code: PurposeSettings.model_validate(
            {"title": purpose.title.en, "title_id": purpose.title.id, "priority": purpose.priority.name.lower()}
        )
        for code, purpose in PURPOSES.items()
    }


class Settings(Section):
    """The gateway's config; every key has a default, so an empty file is a valid one."""

    server: ServerSettings = Field(default_factory=ServerSettings)
    data: DataSettings = Field(default_factory=DataSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    secrets: SecretsSettings = Field(default_factory=SecretsSettings)
    replica: ReplicaSettings = Field(default_factory=ReplicaSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    blobs: BlobsSettings = Field(default_factory=BlobsSettings)
    time: TimeSettings = Field(default_factory=TimeSettings)
    centre: CentreSettings = Field(default_factory=CentreSettings)
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    documents: DocumentsSettings = Field(default_factory=DocumentsSettings)
    signing: SigningSettings = Field(default_factory=SigningSettings)
    follow: FollowSettings = Field(default_factory=FollowSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    outbound: OutboundSettings = Field(default_factory=OutboundSettings)
    people: PeopleSettings = Field(default_factory=PeopleSettings)
    purposes: Annotated[dict[Name, PurposeSettings], Field(min_length=1)] = Field(
        default_factory=default_purposes, description="Why callers may ask; naming any replaces the default set."
    )
    rights: dict[Name, RightSettings] = Field(
        default_factory=dict, description="What each institution may ask the centre."
    )
    requirements: dict[Name, RequirementSettings] = Field(
        default_factory=dict, description="Papers a region requires beyond the nation's, or spares, from a day on."
    )
    plugins: ExtensionTables = Field(default_factory=ExtensionTables)
    adapters: ExtensionTables = Field(default_factory=ExtensionTables)
    _source: Source = PrivateAttr(default_factory=Source)

    @property
    def source(self) -> Source:
        """Where this config came from, for faults that are found later."""
        return self._source

    def placed(self, source: Source) -> Self:
        """These settings, knowing where they came from; called once, by who reads them."""
        self._source = source
        return self

    @property
    def data_folder(self) -> Path:
        """Folder of everything the gateway keeps."""
        return Path(self.data.folder)

    @property
    def secrets_folder(self) -> Path:
        """Folder of the gateway's own keys."""
        return Path(self.secrets.folder) if self.secrets.folder else self.data_folder / "secrets"

    @property
    def replica_folder(self) -> Path | None:
        """Folder of the second copy; None if none is kept."""
        return Path(self.replica.path) if self.replica.path else None

    @property
    def blobs_folder(self) -> Path:
        """Folder of files that belong to submissions."""
        return Path(self.blobs.folder) if self.blobs.folder else self.data_folder / "blobs"

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """Zone of the quota day and of legal dates."""
        return zoneinfo.ZoneInfo(self.time.zone)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Which papers belong to a form: the national base and the regions' own."""
        return profiles_of(self.requirements)

    def priority_of(self, purpose: str) -> Priority:
        """The class a purpose implies.

        Raises:
            KeyError: The purpose is not configured.
        """
        return Priority[self.purposes[purpose].priority.upper()]

    def database_url(self, environ: Mapping[str, str]) -> str:
        """The address of the database, password included; keep it out of logs.

        Raises:
            SecretMissing: It should come from a variable or file that is not there.
        """
        if self.database.url_env is not None:
            return secret(self.database.url_env, environ)
        if self.database.url_file is not None:
            return read_secret(Path(self.database.url_file), "database.url_file").strip()
        return self.database.url or f"sqlite:///{self.data_folder / 'gateway.db'}"

    def ledger_url(self, environ: Mapping[str, str]) -> str:
        """The address of the ledger: a SQLite file of its own, or the same PostgreSQL; errors as of `database_url`."""
        url = self.database_url(environ)
        if url.startswith("sqlite"):
            return f"sqlite:///{self.ledger.file or self.data_folder / 'ledger.db'}"
        return url

    def password(self, right: str, environ: Mapping[str, str]) -> str:
        """The password of a right's account at the centre.

        Raises:
            KeyError: There is no such right.
            SecretMissing: The password is not where it should be.
        """
        return secret(self.rights[right].password_variable(right), environ)


def schema() -> dict[str, Any]:
    """JSON schema of the config (2020-12); the tables of extensions are open, each has its own schema."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
