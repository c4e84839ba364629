"""The ids that one member alone may see: a keyed hash of the operator's id under the member's own key.

Two members' ids of one person have nothing in common for who lacks both keys. The key travels as padded blocks in a DataFrame, never in a
plan.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import hmac_sha256
from appetence.contracts.identity import HouseholdLink, MemberHousehold, MemberPerson, PersonLink

_DIGITS = 32


def build_member_persons(links: DataFrame, pads: DataFrame, key_version: str) -> DataFrame:
    """MemberPerson rows. `links`: PersonLink; `pads`: member_id, inner_pad, outer_pad. Members without a key get none."""
    supplied = links.select(PersonLink.member_id, PersonLink.person_id).distinct()
    keyed = supplied.join(F.broadcast(pads), on=MemberPerson.member_id, how="inner")
    rows = keyed.withColumn(MemberPerson.member_person_id, _keyed(F.col(MemberPerson.person_id)))
    return MemberPerson.shape(rows.withColumn(MemberPerson.key_version, F.lit(key_version)))


def build_member_households(links: DataFrame, homes: DataFrame, pads: DataFrame, key_version: str) -> DataFrame:
    """MemberHousehold rows. `links`: PersonLink; `homes`: HouseholdLink; `pads`: member_id, inner_pad, outer_pad."""
    housed = links.join(homes.select(HouseholdLink.person_id, HouseholdLink.household_id), on=PersonLink.person_id, how="inner")
    supplied = housed.select(PersonLink.member_id, HouseholdLink.household_id).distinct()
    keyed = supplied.join(F.broadcast(pads), on=MemberHousehold.member_id, how="inner")
    rows = keyed.withColumn(MemberHousehold.member_household_id, _keyed(F.col(MemberHousehold.household_id)))
    return MemberHousehold.shape(rows.withColumn(MemberHousehold.key_version, F.lit(key_version)))


def _keyed(name: Column) -> Column:
    return F.substring(hmac_sha256(name, F.col("inner_pad"), F.col("outer_pad")), 1, _DIGITS)
