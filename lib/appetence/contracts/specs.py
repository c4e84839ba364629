"""What the YAML files under `conf/` may say: frozen models in which an unknown key is an error.

A rule of law, a member's mapping or instruction, a recipient and a campaign are data; the code that applies them reads these models.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from appetence.contracts.domain import (
    Attribute,
    Basis,
    Block,
    Channel,
    MemberSector,
    Programme,
    Purpose,
    RecipientSector,
    Use,
)  # fmt: skip

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class Spec(BaseModel):
    """Base of every specification: frozen, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PgpSpec(Spec):
    """How files travel to and from a partner. `fingerprints` may be literal or references (`file:`, `env:`)."""

    fingerprints: tuple[str, ...] = Field(min_length=1, description="keys allowed to sign; several while keys rotate")
    encrypt_to: str | None = Field(default=None, description="key (fingerprint or reference) that what we send is encrypted for")
    armor: bool = False
    compress: bool = True
    sign: bool = True


class BlockSpec(Spec):
    """How one file of a delivery is written, and which source column is which of ours."""

    format: Literal["csv", "fixed", "parquet"] = "csv"
    encoding: Literal["utf-8", "utf-8-sig", "cp1252", "iso-8859-15"] = "utf-8"
    delimiter: str = Field(default=";", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    widths: tuple[int, ...] = Field(default=(), description="fixed: width of each source column, in characters")
    header: bool = Field(default=True, description="csv: the first line names the source columns; if false, `fields` does")
    fields: tuple[str, ...] = Field(default=(), description="names of the source columns in order, where the file has no header (fixed: always)")
    columns: dict[str, str] = Field(description="source column -> our column of the block")
    ignored: tuple[str, ...] = Field(default=(), description="source columns that are known, allowed by the contract and not used")
    constants: dict[str, str] = Field(default={}, description="our column -> a value the member does not repeat on each line")
    decimal: Literal[",", "."] = Field(default=",", description="decimal mark of amounts; numbers in Parquet are read as numbers")
    values: dict[str, dict[str, str]] = Field(default={}, description="our column -> (member's code -> our value)")

    def filled(self) -> tuple[str, ...]:
        """Our columns that the mapping fills."""
        return (*self.columns.values(), *self.constants)

    def source_of(self, column: str) -> str:
        """The member's own name of one of our columns; ours where the mapping fills it by a constant."""
        return next((theirs for theirs, ours in self.columns.items() if ours == column), column)


class InstructionSpec(Spec):
    """One signed instruction of a member."""

    instruction_id: str
    signed_on: dt.date
    valid_from: dt.date
    valid_to: dt.date | None = None
    purposes: tuple[Purpose, ...]
    uses: tuple[Use, ...]
    channels: tuple[Channel, ...]
    recipient_sectors_allowed: tuple[RecipientSector, ...] = ()
    recipient_sectors_refused: tuple[RecipientSector, ...] = ()
    retention_months: int = Field(default=36, ge=1, le=120)
    adults_only: bool = False
    notice_covers_charity_electronic: bool = False
    enrich_attributes: tuple[Attribute, ...] = Field(default=(), description="what enrichments of other members' files may learn; empty: nothing")


class MemberSpec(Spec):
    """`conf/members/<member_id>.yaml`: a member, its files and its instructions."""

    member_id: Identifier
    label: str
    sector: MemberSector
    programmes: tuple[Programme, ...] = Field(min_length=1)
    is_active: bool = True
    country: str = Field(default="FR", pattern=r"^[A-Z]{2}$")
    pgp: PgpSpec
    blocks: dict[Block, BlockSpec]
    instructions: tuple[InstructionSpec, ...] = ()
    max_unread_share: float | None = Field(
        default=None, ge=0, le=1, description="a delivery with more unreadable values in one column is quarantined whole; default: the exchange's"
    )
    excludes: tuple[str, ...] = Field(default=(), description="member or recipient ids that are competitors")
    key_ref: str | None = Field(
        default=None, description="reference of the key of this member's own ids; default: from the environment's key_template"
    )


SqlName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]


class SnowflakeSpec(Spec):
    """Where a recipient loads what it is handed: names in its own Snowflake account, as they are written without quotes."""

    model_config = ConfigDict(serialize_by_alias=True)

    database: SqlName
    schema_name: SqlName = Field(alias="schema", description="schema that takes the tables, the stage and the file format")
    stage: SqlName = Field(description="internal stage that files are put on; made when it is not there")
    role: SqlName = Field(description="role that loads and destroys: it owns the tables and may create them")


class RecipientSpec(Spec):
    """`conf/recipients/<recipient_id>.yaml`: who may be handed a selection, or a router that carries it."""

    recipient_id: Identifier
    label: str
    sector: RecipientSector | None = Field(default=None, description="null for a router: it receives for others")
    role: Literal["client", "router"] = "client"
    member_id: str | None = None
    country: str = Field(default="FR", pattern=r"^[A-Z]{2}$")
    safeguard: str | None = None
    pgp: PgpSpec
    layouts: tuple[Channel, ...] = Field(default=(), description="channels a router carries")
    handover: Literal["file", "snowflake"] = Field(default="file", description="a CSV file, or a Parquet file and the SQL that loads it")
    snowflake: SnowflakeSpec | None = None

    @model_validator(mode="after")
    def _says_where(self) -> RecipientSpec:
        if self.handover == "snowflake" and self.snowflake is None:
            raise ValueError("handover is snowflake and nothing says where; add snowflake: with database, schema, stage and role")
        if self.handover == "file" and self.snowflake is not None:
            raise ValueError("snowflake: is stated but files are handed over; write handover: snowflake, or leave snowflake: out")
        return self


Department = Annotated[str, Field(pattern=r"^([0-9]{2}|2[AB]|9[78][0-9])$")]
Postcode = Annotated[str, Field(pattern=r"^[0-9]{5}$")]


class StoreSpec(Spec):
    """Where a store is: in a commune (its INSEE code, the centre is used), or at a point in degrees."""

    store: Identifier
    commune: str | None = Field(default=None, pattern=r"^([0-9]{5}|2[AB][0-9]{3})$")
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)

    @model_validator(mode="after")
    def _is_somewhere(self) -> StoreSpec:
        if (self.latitude is None) != (self.longitude is None) or (self.commune is None) == (self.latitude is None):
            raise ValueError("a store lies in a commune or at a point; write commune: (its INSEE code), or latitude: and longitude:")
        return self


class CatchmentSpec(Spec):
    """Who lives near: the centre of the postcode is at most `km` kilometres, as the crow flies, from one of the stores."""

    stores: tuple[StoreSpec, ...] = Field(min_length=1)
    km: float = Field(gt=0, le=200)


class ListSpec(Spec):
    """One list of a campaign: who is offered, in which order of priority."""

    list_id: Identifier
    departments: tuple[Department, ...] = ()
    postcodes: tuple[Postcode, ...] = ()
    catchment: CatchmentSpec | None = None
    age_min: int | None = Field(default=None, ge=18, le=110)
    age_max: int | None = Field(default=None, ge=18, le=120)
    segments: tuple[str, ...] = ()
    sectors: tuple[MemberSector, ...] = Field(default=(), description="bought in one of these sectors")
    recency_days_max: int | None = Field(default=None, ge=1)
    recency_days_min: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _holds_somebody(self) -> ListSpec:
        for least, most in (("age_min", "age_max"), ("recency_days_min", "recency_days_max")):
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low > high:
                raise ValueError(f"{least} is {low} and {most} is {high}, which nobody can be; exchange or correct them")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A key added later is left out where it is not used: the frozen hash of a campaign already cut stays what it was.
        said: dict[str, Any] = handler(self)
        return {key: value for key, value in said.items() if key != "catchment" or value is not None}


class ExcludeSpec(Spec):
    """Whom a campaign leaves out on every list, as far as it is known of them."""

    departments: tuple[Department, ...] = ()
    postcodes: tuple[Postcode, ...] = ()
    segments: tuple[str, ...] = ()
    sectors: tuple[MemberSector, ...] = Field(default=(), description="bought in one of these sectors")
    campaigns: tuple[Identifier, ...] = Field(default=(), description="households that one of these campaigns contacted")

    @model_validator(mode="after")
    def _leaves_somebody_out(self) -> ExcludeSpec:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("leaves nobody out; name departments, postcodes, segments, sectors or campaigns, or remove the key")
        return self


class CellSpec(Spec):
    """A test cell drawn at random above the cut."""

    cell: Identifier
    share: float = Field(gt=0, lt=1)


class CampaignSpec(Spec):
    """`conf/campaigns/<campaign_id>.yaml`: everything that decides a campaign. Its canonical JSON is hashed and frozen when it is cut."""

    campaign_id: Identifier
    label: str
    client: Identifier
    product: Literal[Use.PROSPECT, Use.HOUSE, Use.ENRICH]
    purpose: Purpose
    programme: Programme
    channels: tuple[Channel, ...] = Field(min_length=1, description="in order of preference")
    drop_date: dt.date
    quantity: int | None = Field(default=None, ge=1, description="pieces ordered; null: down to break-even")
    cost_per_piece_eur: float = Field(gt=0)
    margin_per_response_eur: float = Field(gt=0)
    ranking: Literal["model", "expected_amount", "recency", "value"] = Field(
        default="model",
        description="model: by probability; expected_amount: by what the model expects each person to spend; recency: by the last event; "
        "value: by the amount of three years",
    )
    min_sources: int = Field(default=2, ge=1)
    lists: tuple[ListSpec, ...] = Field(min_length=1)
    list_allocation: Literal["priority", "seeded"] = Field(
        default="priority", description="whose a person on several lists is: the first's, or one of them drawn by the seed"
    )
    exclude: ExcludeSpec | None = None
    merge_level: Literal["person", "family", "address"] = "family"
    holdout_share: float = Field(default=0.1, ge=0, lt=0.5, description="planned hold-out, as a share of the quantity, on top of it")
    cells: tuple[CellSpec, ...] = ()
    seeds: int = Field(default=3, ge=0, le=50)
    seed: int = Field(default=1, description="seed of the draw of cells")
    cap_per_year: int = Field(default=12, ge=1, description="pieces per household and channel in 12 months, all campaigns")
    rest_days: int = Field(default=14, ge=0, description="days between two pieces to one household on one channel")
    response_window_days: int = Field(default=60, ge=1)
    router: Identifier
    routers: dict[Channel, Identifier] = Field(default={}, description="router of a channel, where it is another than `router`")
    destroy_after_days: int = Field(default=90, ge=1, le=365)
    attributes: tuple[Attribute, ...] = Field(default=(), description="product enrich: what is added to each line of the client's own file")

    @field_validator("channels")
    @classmethod
    def _once(cls, value: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names a channel twice; name each channel once")
        return value

    def router_of(self, channel: str) -> str:
        """Who carries a channel."""
        return self.routers.get(Channel(channel), self.router)

    @model_validator(mode="after")
    def _fits(self) -> CampaignSpec:
        strange = sorted(set(self.routers) - set(self.channels))
        if strange:
            raise ValueError(f"routers: {strange[0]} is no channel of this campaign; add it to channels, or remove the line")
        if self.exclude is not None and self.campaign_id in self.exclude.campaigns:
            raise ValueError(f"exclude.campaigns: {self.campaign_id} is this campaign itself; remove it")
        if self.product == Use.HOUSE and self.min_sources != 1:
            raise ValueError("min_sources: a house campaign reads the client's own base; set min_sources: 1")
        if sum(c.share for c in self.cells) >= 1:
            raise ValueError("cells: the shares add up to 1 or more; lower them")
        for field, names in (("lists", [x.list_id for x in self.lists]), ("cells", [x.cell for x in self.cells])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{field}: {twice[0]} stands twice; give each its own name")
        taken = sorted({x.cell for x in self.cells} & {"mail", "holdout"})
        if taken:
            raise ValueError(f"cells: {taken[0]} is the name of a cell every campaign has; choose another")
        if self.product == Use.ENRICH:
            self._check_enrichment()
        elif self.attributes:
            raise ValueError("attributes: only an enrichment hands attributes over; remove the line, or set product: enrich")
        return self

    def _check_enrichment(self) -> None:
        """A line of the client's file is not a piece: nothing is cut, set apart, trapped or merged."""
        if not self.attributes or len(set(self.attributes)) != len(self.attributes):
            raise ValueError("attributes: an enrichment says what it adds; name at least one attribute, each once")
        if self.quantity is not None or self.cells:
            raise ValueError(f"{'cells' if self.cells else 'quantity'}: an enrichment cuts nothing and tests nothing; remove the line")
        if len(self.lists) > 1 or self.lists[0].model_fields_set != {"list_id"} or self.exclude is not None:
            # A filter would tell by who comes back what no member granted.
            raise ValueError("lists: an enrichment takes the client's whole file; keep one list without filters, and no exclude")
        wanted = {"holdout_share": 0, "seeds": 0, "merge_level": "person"}
        for field, value in wanted.items():
            if getattr(self, field) != value:
                raise ValueError(f"{field}: an enrichment goes line by line through the client's own file; set {field}: {value}")

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Like `catchment`: where they are not used, the frozen hash of a campaign already cut stays what it was.
        said: dict[str, Any] = handler(self)
        unused = {"attributes": not self.attributes, "exclude": self.exclude is None, "routers": not self.routers}
        unused["list_allocation"] = self.list_allocation == "priority"
        return {key: value for key, value in said.items() if not unused.get(key, False)}


class LawRuleSpec(Spec):
    """One row of `conf/law.yaml`: which bases allow a channel for a purpose in a period."""

    rule_id: str
    channel: Channel
    purpose: Purpose
    valid_from: dt.date
    valid_to: dt.date | None = None
    bases: tuple[Basis, ...]
    house_bases: tuple[Basis, ...] = ()
    names_recipient: bool = False
    needs_notice: bool = False
    external_lists: tuple[str, ...] = ()
    source: str


class PhoneHours(Spec):
    """When a call is lawful; printed on the call file."""

    weekdays: tuple[int, ...] = Field(description="ISO weekdays, 1 is Monday")
    windows: tuple[str, ...]
    public_holidays: bool = Field(default=False, description="whether calls on public holidays are lawful")
    attempts_max: int
    attempts_days: int
    rest_days_after_refusal: int
    source: str


class LawSpec(Spec):
    """`conf/law.yaml`, whole."""

    rules: tuple[LawRuleSpec, ...]
    phone_hours: PhoneHours
    sector_crosswalk: dict[MemberSector, tuple[RecipientSector, ...]]
    programmes: dict[Programme, str] = Field(description="programme -> source mention, with {reference}")
    drafts: tuple[LawRuleSpec, ...] = Field(default=(), description="rules written and not in force")
    recipient_lists: dict[str, tuple[Identifier, ...]] = Field(default={}, description="named list with its version -> recipients on it")
    default_retention_months: int = 36
