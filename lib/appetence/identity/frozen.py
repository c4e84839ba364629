"""What one run leaves to the next, so that only new and changed records are compared.

The rule. A comparison depends on the two records and on facts of the whole population: how common values are, which keys are divided, which
rules are used, the learnt weights. A run that compares everything counts these facts and freezes them; until everything is compared anew they
stay. Under frozen facts what a record says (`node`), the keys it meets others under, and the weight of a pair follow from the records alone:
no pair of two records that stay as they are comes, goes or weighs otherwise. What changes is found from the records that changed, and the
groups that hold none of them stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import ResolvedRecord
from appetence.contracts.silver import Record
from appetence.identity.frames import Cluster
from appetence.identity.frames import Signature as S
from appetence.identity.weights import Model

READ = (
    Record.member_id, Record.is_bare, Record.civility, Record.gender, Record.first_name, Record.last_name, Record.birth_name, Record.birth_date,
    Record.has_children, Record.way_number, Record.way_repetition, Record.way_name, Record.address_extra, Record.address_key, Record.postcode,
    Record.city, Record.commune_code, Record.department, Record.is_deliverable, Record.email, Record.mobile, Record.landline, Record.extra,
    Record.delivered_on,
)  # fmt: skip
"""Every column of a record that resolution, households and persons read: a record equal in all of them has not changed."""


@dataclass(frozen=True)
class Frozen:
    """The facts of the population that comparisons depend on: CommonValue, HotKey, and the number of blocking rules in use."""

    common: DataFrame
    hot: DataFrame
    rules: int


@dataclass(frozen=True)
class Settled:
    """What holds before a run begins: decisions made by hand (record_a, record_b, is_same), the facts that an earlier run froze, and the model that
    a newly trained one has to replace (it stays where that one would decide more than `identity.max_model_change` of the links otherwise)."""

    decided: DataFrame | None = None
    frozen: Frozen | None = None
    standing: Model | None = None


def fingerprint() -> Column:
    """A hash of all that is read of a record; nulls told apart from absent values."""
    return F.xxhash64(*(F.coalesce(F.col(c).cast("string"), F.lit("\0")) for c in READ))


def place() -> Column:
    """A hash of the address a record states, null without one."""
    return F.when(address().isNotNull(), F.xxhash64(address()))


def line() -> Column:
    """A hash of the landline a record states, null without one."""
    return F.when(F.col(Record.landline).isNotNull(), F.xxhash64(Record.landline))


def address() -> Column:
    """The address a record states as one text: way line, and postcode or city."""
    stated = F.col(Record.address_key).isNotNull() & (F.col(Record.postcode).isNotNull() | F.col(Record.city).isNotNull())
    return F.when(stated, F.concat_ws("|", Record.address_key, F.coalesce(Record.postcode, Record.city)))


def alone(bare: DataFrame) -> DataFrame:
    """Records without name or coordinates (bare): record_id, node, component, cluster, confidence; each stands alone."""
    number = F.xxhash64(Record.record_id)
    return bare.select(
        Record.record_id, number.alias(S.node), number.alias(Cluster.component), number.alias(Cluster.cluster),
        F.lit(None).cast("double").alias(Cluster.confidence),
    )  # fmt: skip


def resolved_records(found: DataFrame, records: DataFrame) -> DataFrame:
    """ResolvedRecord rows. `found`: record_id, node, component, cluster, confidence, whole components; `records`: their silver records."""
    sizes = found.groupBy(Cluster.component).agg(F.count(F.lit(1)).cast("int").alias(ResolvedRecord.component_records))
    said = records.select(Record.record_id, fingerprint().alias(ResolvedRecord.fingerprint), place().alias("place"), line().alias("line"))
    return ResolvedRecord.shape(found.join(said, on=Record.record_id, how="inner").join(sizes, on=Cluster.component, how="inner"))
