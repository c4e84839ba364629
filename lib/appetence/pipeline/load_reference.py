"""Who takes part, under which terms, and public statistics: the reference tables, from configuration and shipped data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_type

from appetence.columns.text import fold
from appetence.contracts.base import Table
from appetence.contracts.reference import (
    Commune,
    Exclusion,
    FirstName,
    Instruction,
    LawRule,
    Member,
    Programme,
    Recipient,
    SectorCrosswalk,
)  # fmt: skip
from appetence.contracts.specs import LawSpec, MemberSpec, RecipientSpec
from appetence.data import rows
from appetence.errors import ConfigError
from appetence.pipeline import first_name_file
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.insee_files import legal_populations
from appetence.runtime.config import Config

Rows = list[dict[str, Any]]


def run(ctx: Context) -> Counts:
    """Makes every reference table equal to what configuration and shipped data say today."""
    law = required_law(ctx.config)
    tables: list[tuple[type[Table], DataFrame]] = [(table, table.frame(ctx.spark, made)) for table, made in configured_rows(ctx.config, law)]
    paths = ctx.config.paths
    tables += [(Commune, build_communes(ctx.spark, legal_populations(paths))), (FirstName, build_first_names(ctx.spark, paths.first_names))]
    changes = ctx.lake.together(*(partial(ctx.lake.sync, table, frame) for table, frame in tables))
    total = sum(c.rows for c in changes)
    return Counts(total, total, details={table.name: c.rows for (table, _), c in zip(tables, changes, strict=True)})


def required_law(config: Config) -> LawSpec:
    """The law of this environment; ConfigError naming the file when there is none."""
    if config.law is None:
        raise ConfigError(f"The rules of law are missing: {config.paths.law} is not there; restore it, nothing may be selected without it.")
    return config.law


def configured_rows(config: Config, law: LawSpec) -> list[tuple[type[Table], Rows]]:
    """The rows of each reference table that comes from configuration."""
    members, recipients = list(config.members.values()), list(config.recipients.values())
    return [
        (Programme, programme_rows(law)),
        (Member, member_rows(members)),
        (Recipient, recipient_rows(recipients)),
        (SectorCrosswalk, crosswalk_rows(law)),
        (Instruction, instruction_rows(members)),
        (Exclusion, exclusion_rows(members, recipients)),
        (LawRule, law_rule_rows(law)),
    ]


def programme_rows(law: LawSpec) -> Rows:
    """One row per programme; a mention without its place for the reference is a ConfigError."""
    for programme, mention in law.programmes.items():
        if "{reference}" not in mention:
            raise ConfigError(f"law.yaml: programmes.{programme} lacks {{reference}}; add it where the opaque reference is to be printed.")
    return [
        Programme.row(programme_id=str(p), label=str(p).replace("_", " ").title(), source_mention=mention)
        for p, mention in sorted(law.programmes.items())
    ]


def member_rows(members: Iterable[MemberSpec]) -> Rows:
    """One row per member file."""
    return [
        Member.row(
            member_id=m.member_id, label=m.label, sector=str(m.sector), programmes=sorted(map(str, m.programmes)), is_active=m.is_active
        )
        for m in members
    ]  # fmt: skip


def recipient_rows(recipients: Iterable[RecipientSpec]) -> Rows:
    """One row per company a selection may be made for; routers carry files for others and are none."""
    clients = [r for r in recipients if r.role == "client"]
    for r in clients:
        if r.sector is None:
            raise ConfigError(f"recipients/{r.recipient_id}.yaml: sector is missing; a client needs one of the recipient sectors.")
    return [
        Recipient.row(
            recipient_id=r.recipient_id, label=r.label, sector=str(r.sector), member_id=r.member_id, country=r.country,
            safeguard=r.safeguard,
        )
        for r in clients
    ]  # fmt: skip


def crosswalk_rows(law: LawSpec) -> Rows:
    """One row per pair of sectors that stand for the same trade."""
    return [
        SectorCrosswalk.row(member_sector=str(ours), recipient_sector=str(theirs))
        for ours, others in sorted(law.sector_crosswalk.items())
        for theirs in sorted(others)
    ]


def instruction_rows(members: Iterable[MemberSpec]) -> Rows:
    """One row per signed instruction; an id used twice is a ConfigError."""
    made: dict[str, dict[str, Any]] = {}
    for m in members:
        for i in m.instructions:
            if i.instruction_id in made:
                raise ConfigError(f"members/{m.member_id}.yaml: instruction_id {i.instruction_id!r} is used twice; give each document its own id.")
            made[i.instruction_id] = Instruction.row(
                instruction_id=i.instruction_id, member_id=m.member_id, signed_on=i.signed_on, valid_from=i.valid_from, valid_to=i.valid_to,
                purposes=sorted(map(str, i.purposes)), uses=sorted(map(str, i.uses)), channels=sorted(map(str, i.channels)),
                recipient_sectors_allowed=sorted(map(str, i.recipient_sectors_allowed)),
                recipient_sectors_refused=sorted(map(str, i.recipient_sectors_refused)),
                retention_months=i.retention_months, adults_only=i.adults_only,
                notice_covers_charity_electronic=i.notice_covers_charity_electronic,
                enrich_attributes=sorted(map(str, i.enrich_attributes)),
            )  # fmt: skip
    return list(made.values())


def exclusion_rows(members: Iterable[MemberSpec], recipients: Iterable[RecipientSpec]) -> Rows:
    """One row per unordered pair of competitors, whichever of the two declared it; an unknown party is a ConfigError."""
    declared = list(members)
    known = {m.member_id for m in declared} | {r.recipient_id for r in recipients}
    pairs = set()
    for m in declared:
        for other in m.excludes:
            if other not in known or other == m.member_id:
                raise ConfigError(f"members/{m.member_id}.yaml: excludes names {other!r}, which is no other member or recipient; correct the id.")
            pairs.add((min(m.member_id, other), max(m.member_id, other)))
    return [Exclusion.row(party_a=a, party_b=b) for a, b in sorted(pairs)]


def law_rule_rows(law: LawSpec) -> Rows:
    """One row per rule in force; two rules for one channel, purpose and day are a ConfigError."""
    rules = sorted(law.rules, key=lambda r: (r.channel, r.purpose, r.valid_from))
    for earlier, later in zip(rules, rules[1:], strict=False):
        if (earlier.channel, earlier.purpose) == (later.channel, later.purpose) and (
            earlier.valid_to is None or earlier.valid_to >= later.valid_from
        ):
            raise ConfigError(f"law.yaml: rules {earlier.rule_id} and {later.rule_id} govern the same days; end the first before the second begins.")
    return [
        LawRule.row(
            rule_id=r.rule_id, channel=str(r.channel), purpose=str(r.purpose), valid_from=r.valid_from, valid_to=r.valid_to,
            bases=sorted(map(str, r.bases)), house_bases=sorted(map(str, r.house_bases)), names_recipient=r.names_recipient,
            needs_notice=r.needs_notice, external_lists=sorted(r.external_lists), source=r.source,
        )
        for r in rules
    ]  # fmt: skip


def build_communes(spark: SparkSession, populations: Mapping[str, int] | None = None) -> DataFrame:
    """`reference.commune` from the shipped file: one row per commune and postcode; today's commune goes before a former one of its code.

    `populations` (code -> legal population) takes the place of the shipped figures, where it has one."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    shipped = rows("communes")
    newer = _with_wholes(populations, shipped) if populations else {}
    for r in sorted(shipped, key=lambda r: r["status"] != "current"):
        for postcode in r["postcodes"].split("|"):
            made = _commune(r, postcode)
            found.setdefault((r["code"], postcode), {**made, Commune.population: newer.get(r["code"], made[Commune.population])})
    frame = _frame(spark, Commune, found.values())
    return Commune.shape(frame.withColumn(Commune.label_key, F.coalesce(fold(F.col(Commune.label)), F.lit(""))))


def _with_wholes(populations: Mapping[str, int], communes: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """The populations, and for Paris, Lyon and Marseille, which INSEE's file leaves out, the sum of their arrondissements."""
    sums: dict[str, int] = {}
    for code, whole in sorted({(r["code"], r["successor"]) for r in communes if r["successor"]}):
        if code in populations and whole not in populations:
            sums[whole] = sums.get(whole, 0) + populations[code]
    return {**sums, **populations}


def _commune(row: Mapping[str, str], postcode: str) -> dict[str, Any]:
    return Commune.row(
        commune_code=row["code"], postcode=postcode, label=row["name"], department=row["department"], region=row["region"],
        population=int(row["population"]) if row["population"] else None,
        latitude=float(row["latitude"]) if row["latitude"] else None,
        longitude=float(row["longitude"]) if row["longitude"] else None,
        current_code=row["successor"] or row["code"],
    )  # fmt: skip


def build_first_names(spark: SparkSession, file: str = "") -> DataFrame:
    """`reference.first_name` from INSEE's file where the operator supplies one, else from the shipped table."""
    if file:
        return first_name_file.build_first_names(spark, Path(file))
    made = [
        FirstName.row(first_name=r["first_name"], gender=r["gender"], decade=int(r["decade"]), per_million=float(r["per_million"]))
        for r in rows("first_names")
    ]
    return FirstName.shape(_frame(spark, FirstName, made))


def _frame(spark: SparkSession, table: type[Table], made: Iterable[Mapping[str, Any]]) -> DataFrame:
    """A shipped table of some ten thousand rows, through Arrow in one go."""
    listed = list(made)
    arrow = pa.table({str(f): pa.array([r[str(f)] for r in listed], to_arrow_type(f.dtype)) for f in table.content()})
    return spark.createDataFrame(arrow, T.StructType([s for s in table.struct().fields if s.name in arrow.column_names]))
