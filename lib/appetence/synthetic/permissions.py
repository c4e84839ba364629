"""What people were told, agreed to and refused, as events with their proof.

A clause is one sentence a member shows: for one channel, use and purpose, on one basis. A share of its customers gave the answer it
asks for; the others never answered, and nothing is known of them. Later some oppose or withdraw, a few in the same second as the grant.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawPermission as Raw
from appetence.contracts.domain import Basis, Channel, PermissionStatus, Purpose, Use
from appetence.synthetic import world
from appetence.synthetic.draw import Draw, constants, own_stage
from appetence.synthetic.records import customer_ref
from appetence.synthetic.styles import STYLES

_LISTS = ("partenaires_v1", "partenaires_v2")
_POINTS = ("bon de commande", "site internet", "telephone", "catalogue")


@dataclass(frozen=True)
class Clause:
    """One sentence of one member; `share` of its customers answered it, `refused` of them said no later. `needs`: the coordinate it is
    about."""

    member_id: str
    channel: Channel
    use: Use
    purpose: Purpose
    basis: Basis
    share: float
    refused: float
    needs: str = ""


def clauses() -> list[Clause]:
    """The sentences of the twelve members."""
    return [clause for style in STYLES for clause in _of_member(style.member_id)]


def _of_member(member: str) -> list[Clause]:
    if member == "m09":  # donors: charity only
        gives = Purpose.CARITATIVE
        return [
            Clause(member, Channel.POST, Use.PROSPECT, gives, Basis.INFORMATION, 0.85, 0.12),
            Clause(member, Channel.POST, Use.HOUSE, gives, Basis.INFORMATION, 0.97, 0.04),
            Clause(member, Channel.EMAIL, Use.HOUSE, gives, Basis.INFORMATION, 0.85, 0.12, "email"),
        ]
    sells = Purpose.COMMERCIAL
    found = [Clause(member, Channel.POST, Use.HOUSE, sells, Basis.INFORMATION, 0.95, 0.05)]
    found += [Clause(member, Channel.EMAIL, Use.HOUSE, sells, Basis.OWN_CUSTOMER, 0.88, 0.16, "email")]
    if member == "m11":  # under contract: house only
        return [*found, Clause(member, Channel.PHONE, Use.HOUSE, sells, Basis.CONTRACT, 0.95, 0.05, "phone")]
    found += [Clause(member, Channel.POST, Use.PROSPECT, sells, Basis.INFORMATION, 0.90, 0.13)]
    if member != "m07":
        found += [Clause(member, Channel.POST, Use.PROSPECT, Purpose.CARITATIVE, Basis.INFORMATION, 0.84, 0.13)]
    if member in ("m01", "m06"):
        found += [Clause(member, Channel.EMAIL, Use.PROSPECT, Purpose.CARITATIVE, Basis.INFORMATION, 0.60, 0.15, "email")]
    if member != "m08":
        found += [Clause(member, Channel.EMAIL, Use.PROSPECT, sells, Basis.CONSENT, 0.32, 0.20, "email")]
    if member in ("m01", "m03", "m05", "m10"):
        found += [
            Clause(member, Channel.SMS, Use.PROSPECT, sells, Basis.CONSENT, 0.20, 0.25, "mobile"),
            Clause(member, Channel.PHONE, Use.PROSPECT, sells, Basis.CONSENT, 0.12, 0.20, "phone"),
        ]
    if member in ("m01", "m04"):
        found += [
            Clause(member, Channel.POST, Use.IMPROVE, sells, Basis.INFORMATION, 0.80, 0.05),
            Clause(member, Channel.POST, Use.ENRICH, sells, Basis.INFORMATION, 0.75, 0.06),
        ]
    return found


def events(records: DataFrame, draw: Draw, spark: SparkSession) -> DataFrame:
    """One row per thing said: record_key, person, the columns of bronze.raw_permission that a member fills, `collected_at` a timestamp
    (UTC)."""
    sentence = F.col("clause")
    key = (F.col("record_key"), sentence)
    told = records.join(F.broadcast(_clause_frame(spark)), on="member_id", how="inner")
    has = (
        F.when(F.col("needs") == "email", F.col("email").isNotNull())
        .when(F.col("needs") == "mobile", F.col("mobile").isNotNull())
        .when(F.col("needs") == "phone", F.coalesce(F.col("phone"), F.col("mobile")).isNotNull())
        .otherwise(F.lit(True))
    )
    told = own_stage(told.where(has & draw.below(F.col("share"), "permission.answers", *key)), "record_key")
    # One refusal of a channel for one use covers each purpose: the draw is the record's, not the sentence's.
    refusal = (F.col("record_key"), F.col(Raw.channel), F.col(Raw.use))
    refuses = draw.below(F.col("refused"), "permission.refuses", *refusal)
    told = told.withColumn("turn", F.explode(F.when(refuses, F.array(F.lit(0), F.lit(1))).otherwise(F.array(F.lit(0)))))
    told = own_stage(told, "record_key")
    since = F.unix_timestamp(F.col("joined_on").cast("timestamp")) + 8 * 3600 + draw.integer(12 * 3600, "permission.second", F.col("record_key"))
    until = F.unix_timestamp(F.lit(world.INCREMENTAL_ON).cast("timestamp"))
    wait = F.floor((until - since) * draw.uniform("permission.later", *refusal)).cast("bigint")
    same_second = draw.below(0.06, "permission.tie", *refusal)
    at = F.when(F.col("turn") == 0, since).otherwise(since + F.when(same_second, F.lit(0)).otherwise(F.greatest(F.lit(1), wait)))
    told = own_stage(told.withColumn("at", F.timestamp_seconds(at)), "record_key")
    no = F.when(F.col(Raw.basis) == Basis.CONSENT, PermissionStatus.WITHDRAWN.value).otherwise(PermissionStatus.OPPOSED.value)
    version = F.when(F.col("at") < "2023-07-01", "1").when(F.col("at") < "2025-01-15", "2").otherwise("3")
    return told.withColumns(
        {
            Raw.customer_ref: customer_ref(draw),
            Raw.status: F.when(F.col("turn") == 0, PermissionStatus.GRANTED.value).otherwise(no),
            Raw.wording_version: F.concat(F.lit("mentions-"), version),
            Raw.collected_at: F.col("at"),
            Raw.collection_point: F.get(constants(_POINTS), draw.integer(len(_POINTS), "permission.point", F.col("record_key"), F.col("turn"))),
            Raw.recipients: F.when(F.col(Raw.basis) == Basis.CONSENT, _named(draw)),
        }
    ).select(*PERMISSION, "record_key", "person", "turn")


def _named(draw: Draw) -> Column:
    """Whom a consent names: the list of its time, which the newest wording widened; some name one partner only."""
    newest = F.col("at") >= "2025-01-15"
    single = draw.below(0.1, "permission.single", F.col("record_key"))
    return F.when(single, F.lit("r_m04")).when(newest, F.lit(_LISTS[1])).otherwise(F.lit(_LISTS[0]))


PERMISSION: tuple[str, ...] = (
    Raw.member_id, Raw.customer_ref, Raw.channel, Raw.use, Raw.purpose, Raw.basis, Raw.status, Raw.wording_version, Raw.collected_at,
    Raw.collection_point, Raw.recipients,
)  # fmt: skip


def _clause_frame(spark: SparkSession) -> DataFrame:
    said = clauses()
    return spark.createDataFrame(
        pa.table(
            {
                "clause": pa.array(range(len(said)), pa.int32()),
                "member_id": [c.member_id for c in said],
                str(Raw.channel): [c.channel.value for c in said],
                str(Raw.use): [c.use.value for c in said],
                str(Raw.purpose): [c.purpose.value for c in said],
                str(Raw.basis): [c.basis.value for c in said],
                "share": [c.share for c in said],
                "refused": [c.refused for c in said],
                "needs": [c.needs for c in said],
            }
        )
    )
