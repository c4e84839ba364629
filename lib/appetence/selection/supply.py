"""Supplies: which member may give which person for this campaign, by which channel, and with which of its records.

A supply counts only when one and the same member has the person's permission and has instructed this use: the permission given to one
member never joins the instruction of another. Instructions and exclusion pairs are read per member first, so that they are joined as a
few rows.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.reference import Exclusion, Instruction, Member, Recipient
from appetence.contracts.silver import PermissionEvent, Record
from appetence.selection.permission import NEEDS_NOTICE
from appetence.selection.pool import PERSON, coordinate_order, is_deliverable
from appetence.selection.terms import Terms

R, INS = Record, Instruction
CHANNEL = str(PermissionEvent.channel)
ADULTS_ONLY = str(INS.adults_only)


def in_force(instructions: DataFrame, terms: Terms) -> DataFrame:
    """The one instruction of each member that holds at the drop date: a newer one replaces the older, even when it allows less."""
    drop = F.lit(terms.drop_date)
    valid = instructions.where((INS.valid_from.col <= drop) & (INS.signed_on.col <= drop) & (INS.valid_to.col.isNull() | (INS.valid_to.col >= drop)))
    newest = Window.partitionBy(INS.member_id).orderBy(INS.valid_from.col.desc(), INS.signed_on.col.desc(), INS.instruction_id.col.desc())
    return valid.withColumn("_order", F.row_number().over(newest)).where(F.col("_order") == 1).drop("_order")


def excluded_members(exclusions: DataFrame, recipients: DataFrame, terms: Terms) -> DataFrame:
    """The members that are competitors of the client, whoever of the two declared it: one column, member_id."""
    own = recipients.where(Recipient.member_id.col.isNotNull()).select(
        Recipient.recipient_id.col.alias("_party"), Recipient.member_id.col.alias("_member")
    )
    both = exclusions.select(F.col(Exclusion.party_a).alias("_one"), F.col(Exclusion.party_b).alias("_other"))
    pairs = both.union(both.select("_other", "_one"))
    for side in ("_one", "_other"):
        # A member is excluded under its own id and under the id it receives by.
        named = pairs.join(F.broadcast(own), on=F.col(side) == F.col("_party"), how="left")
        pairs = named.withColumn(side, F.coalesce("_member", side)).select("_one", "_other")
    clients = [terms.party, terms.client.recipient_id]
    return pairs.where(F.col("_one").isin(clients)).select(F.col("_other").alias(str(R.member_id))).distinct()


def instructed(instructions: DataFrame, members: DataFrame, exclusions: DataFrame, recipients: DataFrame, terms: Terms) -> DataFrame:
    """Member × channel that an instruction in force covers for this campaign, competitors left out.

    Columns: member_id, channel, instruction_id, notice_covers_charity_electronic. A member is no recipient of its own data: in its own
    house campaign or enrichment the lists of recipient sectors do not apply to it. Another member's instruction covers an enrichment when
    it grants every attribute that is asked for.
    """
    sector = F.lit(str(terms.client.sector))
    allowed = (F.size(INS.recipient_sectors_allowed.col) == 0) | F.array_contains(INS.recipient_sectors_allowed.col, sector)
    own = F.lit(terms.is_house) | (F.lit(terms.is_enrich) & is_client(terms))
    sectors = (allowed & ~F.array_contains(INS.recipient_sectors_refused.col, sector)) | own
    covers = (
        _grants(terms)
        & F.array_contains(INS.purposes.col, str(terms.spec.purpose))
        & F.array_contains(INS.uses.col, str(terms.spec.product))
        & sectors
    )
    takes_part = members.where(Member.is_active.col & F.array_contains(Member.programmes.col, str(terms.spec.programme)))
    covered = in_force(instructions, terms).where(covers).join(takes_part.select(Member.member_id), on=INS.member_id, how="left_semi")
    free = covered.join(excluded_members(exclusions, recipients, terms), on=INS.member_id, how="left_anti")
    per_channel = free.withColumn(CHANNEL, F.explode(INS.channels.col)).where(F.col(CHANNEL).isin(list(terms.channels)))
    return per_channel.select(INS.member_id, CHANNEL, INS.instruction_id, INS.notice_covers_charity_electronic)


def is_client(terms: Terms) -> Column:
    """Whether `member_id` is the client itself; never for a client that is no member."""
    return F.coalesce(R.member_id.col == F.lit(terms.client.member_id).cast("string"), F.lit(False))


def _grants(terms: Terms) -> Column:
    """Whether an instruction grants all that an enrichment asks for; the client asks nothing of itself, and other products nothing at all."""
    if not terms.is_enrich:
        return F.lit(True)
    asked = F.array(*(F.lit(str(a)) for a in terms.spec.attributes))
    granted = F.coalesce(INS.enrich_attributes.col, F.array().cast("array<string>"))
    return (F.size(F.array_except(asked, granted)) == 0) | is_client(terms)


def adults_only_members(instructions: DataFrame, terms: Terms) -> DataFrame:
    """The members whose instruction in force states that they sell to adults only."""
    return in_force(instructions, terms).where(INS.adults_only.col).select(INS.member_id)


def build_supplies(live: DataFrame, permissions: DataFrame, allowed: DataFrame, terms: Terms) -> DataFrame:
    """Person × channel × record of a member that may supply this product: is_permitted, is_instructed, is_deliverable and what they
    rest on.

    `permissions` comes from `permission.permitted`, `allowed` from `instructed`. Of an enrichment the client's own records are there too:
    its line is used, and asked like any other. It uses no coordinate, so that none can be too bad for it.
    """
    theirs = is_client(terms) if terms.is_house else F.lit(True)
    usable = [
        F.struct(
            F.lit(c).alias(CHANNEL), (F.lit(terms.is_enrich) | is_deliverable(c)).alias("is_deliverable"), coordinate_order(c).alias("order")
        )
        for c in terms.channels
    ]  # fmt: skip
    offered = live.where(theirs).select(PERSON, R.member_id, R.record_id, F.explode(F.array(*usable)).alias("_use"))
    flat = offered.select(PERSON, R.member_id, R.record_id, "_use.*")
    asked = flat.join(permissions, on=[PERSON, R.member_id, CHANNEL], how="left")
    told = asked.join(F.broadcast(allowed), on=[R.member_id, CHANNEL], how="left")
    announced = ~F.coalesce(F.col(NEEDS_NOTICE), F.lit(False)) | INS.notice_covers_charity_electronic.col
    return told.select(
        PERSON, R.member_id, R.record_id, CHANNEL, "is_deliverable", "order", "permission_event_id", INS.instruction_id,
        F.col("permission_event_id").isNotNull().alias("is_permitted"),
        (INS.instruction_id.col.isNotNull() & F.coalesce(announced, F.lit(False))).alias("is_instructed"),
    )  # fmt: skip


def summarise(supplies: DataFrame, terms: Terms) -> DataFrame:
    """Person × channel: what its supplies add up to.

    Columns: person_id, channel, has_permission, has_supply (one member passes both), source_count (members that do), has_other_source
    (one of them is not the client), has_coordinate (of any supply), and `best`: the record, member, permission and instruction a piece
    would rest on. An enrichment needs both: the client's own line to pass, and another member's; only the others are counted and chosen.
    """
    gives = ~is_client(terms) if terms.is_enrich else F.lit(True)

    def is_any(mark: Column) -> Column:
        return F.max(mark & gives) & F.max(mark & is_client(terms)) if terms.is_enrich else F.max(mark)

    passes = F.col("is_permitted") & F.col("is_instructed")
    works = passes & gives & F.col("is_deliverable")
    other = R.member_id.col != F.lit(terms.client.member_id) if terms.client.member_id else F.lit(True)
    basis = F.struct(R.record_id, R.member_id, "permission_event_id", INS.instruction_id)
    return supplies.groupBy(PERSON, CHANNEL).agg(
        is_any(F.col("is_permitted")).alias("has_permission"),
        is_any(passes).alias("has_supply"),
        F.size(F.collect_set(F.when(passes & gives, R.member_id.col))).alias("source_count"),
        F.max(passes & other).alias("has_other_source"),
        F.max(F.col("is_deliverable")).alias("has_coordinate"),
        F.min_by(F.when(works, basis), F.when(works, F.col("order"))).alias("best"),
    )
