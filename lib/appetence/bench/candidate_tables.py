"""Tables for `appetence bench selection` and `bench features`: a co-operative of any size as a selection finds it, without deliveries and
without resolution.

Each value is a hash of the person's number and a purpose, so that the same number gives the same person whatever the partitions. Two persons
share a household, ten a building; a person is customer of one to three of twenty members.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.campaign import Campaign, CampaignFile, Selection
from appetence.contracts.domain import MemberSector
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.privacy import Death, ExternalList, Limitation, Suppression
from appetence.contracts.reference import Exclusion, Instruction, Member
from appetence.contracts.silver import PermissionEvent, Record, Transaction

MEMBERS = 20
SUPPRESSED, ROBINSON, OWN_FILE = 0.004, 0.01, 0.02
"""Shares of the records whose coordinates stand on a list."""
KNOWN = dt.date(2026, 9, 1)
_SECTORS = tuple(str(s) for s in MemberSector)
Stage = Callable[[str, DataFrame], DataFrame]


def drawn(purpose: str, count: int, *keys: str) -> Column:
    """An integer under `count` that belongs to these keys and this purpose."""
    return F.pmod(F.xxhash64(F.lit(purpose), *(F.col(k) for k in keys)), F.lit(count))


def _word(purpose: str, count: int, *keys: str) -> Column:
    """One of `count` names of letters that sound differently."""
    return F.concat(F.lit("A"), F.translate(drawn(purpose, count, *keys).cast("string"), "0123456789", "BRSTMLDNGP"))


def _share(purpose: str, share: float, *keys: str) -> Column:
    return drawn(purpose, 100_000, *keys) < int(share * 100_000)


def filled(table: type[Table], frame: DataFrame, values: Mapping[str, Column]) -> DataFrame:
    """Rows of a contract: what is not said is null, or neutral where it is required."""
    neutral = {"string": F.lit("x"), "boolean": F.lit(False), "array<string>": F.array().cast("array<string>"), "date": F.lit(KNOWN)}
    said = {str(name): value for name, value in values.items()}
    columns = []
    for f in table.content():
        kind = f.dtype.simpleString()
        empty = F.lit(None) if f.nullable else neutral.get(kind, F.lit(0))
        columns.append(said.get(str(f), F.col(str(f)) if str(f) in frame.columns else empty).cast(f.dtype).alias(str(f)))
    return frame.select(*columns)


def persons(spark: SparkSession, count: int, partitions: int) -> DataFrame:
    """One row per person: id, person_id, household_id, address_id."""
    home, building = F.floor(F.col("id") / 2), F.floor(F.col("id") / 10)
    ids = {"person_id": F.col("id"), "household_id": home, "address_id": building}
    return spark.range(0, count, 1, partitions).withColumns({n: F.concat(F.lit(n[0]), F.lpad(F.hex(v), 12, "0")) for n, v in ids.items()})


def records(people: DataFrame) -> DataFrame:
    """Person × member, one to three each: `record_id` and `member_id` beside the person's columns."""
    some = F.sequence(F.lit(0), drawn("members", 3, "id").cast("int"))
    told = people.withColumn("copy", F.explode(some))
    member = F.pmod(drawn("member", MEMBERS, "id") + F.col("copy") * 7, F.lit(MEMBERS))
    return told.withColumns(
        {
            "member_id": F.format_string("m%02d", member + 1),
            "record_id": F.concat(F.lit("r"), F.lpad(F.hex(F.col("id") * 4 + F.col("copy")), 12, "0")),
        }
    )


def _record(told: DataFrame) -> DataFrame:
    digits = F.lpad(drawn("phone", 90_000_000, "id").cast("string"), 8, "1")
    postcode = F.lpad((drawn("place", 90_000, "address_id") + 1000).cast("string"), 5, "0")
    born = F.date_add(F.lit(dt.date(1935, 1, 1)), drawn("born", 27_000, "id").cast("int"))
    number = (drawn("number", 90, "address_id") + 1).cast("string")
    way = F.concat(F.lit("RUE DU LIEU "), drawn("way", 3000, "address_id").cast("string"))
    return filled(Record, told, {
        Record.customer_ref: F.col("record_id"), Record.first_name: _word("first", 900, "id"),
        Record.last_name: _word("name", 40_000, "household_id"), Record.name_grade: F.lit("A"),
        Record.birth_date: F.when(drawn("told", 2, "record_id") == 0, born),
        Record.address_lines: F.array(F.lit("M. X"), way), Record.way_number: number, Record.way_name: way,
        Record.address_key: F.concat_ws(" ", number, way), Record.postcode: postcode, Record.department: F.substring(postcode, 1, 2),
        Record.address_grade: F.lit("A"), Record.is_deliverable: ~_share("lost", 0.06, "record_id"), Record.email_grade: F.lit("A"),
        Record.email: F.when(_share("has_email", 0.6, "record_id"), F.concat(F.lit("a"), F.hex("id"), F.lit("@exemple.example"))),
        Record.mobile: F.when(_share("has_mobile", 0.5, "record_id"), F.concat(F.lit("+336"), digits)), Record.mobile_grade: F.lit("A"),
    })  # fmt: skip


_SAID = (
    # channel, use, basis, share of the records told, share of these that refused later
    ("post", "prospect", "information", 0.96, 0.05), ("email", "prospect", "consent", 0.35, 0.2), ("post", "house", "information", 0.95, 0.04),
)  # fmt: skip


def _events(told: DataFrame) -> DataFrame:
    said = F.array(*(F.struct(*(F.lit(v).alias(n) for n, v in zip(("channel", "use", "basis", "told", "refused"), s, strict=True))) for s in _SAID))
    spoken = told.select("record_id", "member_id", F.explode(said).alias("s")).select("record_id", "member_id", "s.*")
    spoken = spoken.where(drawn("answers", 1000, "record_id", "channel", "use") < F.col("told") * 1000)
    refuses = drawn("refuses", 1000, "record_id", "channel", "use") < F.col("refused") * 1000
    turns = spoken.withColumn("turn", F.explode(F.when(refuses, F.array(F.lit(0), F.lit(1))).otherwise(F.array(F.lit(0)))))
    day = F.date_add(F.lit(dt.date(2023, 1, 1)), (drawn("day", 900, "record_id") + F.col("turn") * 30).cast("int"))
    return filled(PermissionEvent, turns, {
        PermissionEvent.event_id: F.concat_ws("-", "record_id", F.substring("channel", 1, 2), F.substring("use", 1, 2), "turn"),
        PermissionEvent.purpose: F.lit("commercial"), PermissionEvent.status: F.when(F.col("turn") == 0, "granted").otherwise("opposed"),
        PermissionEvent.wording_version: F.lit("v1"), PermissionEvent.collection_point: F.lit("web"),
        PermissionEvent.collected_at: day.cast("timestamp"), PermissionEvent.recipients: F.array(F.lit("r_vad")),
    })  # fmt: skip


def _transactions(told: DataFrame) -> DataFrame:
    bought = told.select("record_id", "member_id", F.explode(F.sequence(F.lit(1), (drawn("orders", 3, "record_id") + 1).cast("int"))).alias("n"))
    sectors = F.array(*(F.lit(s) for s in _SECTORS))
    return filled(Transaction, bought, {
        Transaction.transaction_id: F.concat_ws("-", "record_id", "n"), Transaction.kind: F.lit("order"),
        Transaction.sector: F.element_at(sectors, (drawn("sector", len(_SECTORS), "member_id") + 1).cast("int")),
        Transaction.transaction_date: F.date_sub(F.lit(dt.date(2026, 10, 30)), drawn("ago", 1100, "record_id", "n").cast("int")),
        Transaction.amount_cents: drawn("cents", 9000, "record_id", "n") + 500,
    })  # fmt: skip


def _instructions(spark: SparkSession) -> DataFrame:
    plain = {"signed_on": dt.date(2026, 1, 1), "valid_from": dt.date(2026, 1, 1), "purposes": ["commercial"], "channels": ["post", "email"]}
    uses = {n: ["house"] if n == MEMBERS else ["prospect", "house"] for n in range(1, MEMBERS + 1)}
    rows = [{"instruction_id": f"i{n}", "member_id": f"m{n:02d}", "uses": u, "adults_only": n % 3 == 0, **plain} for n, u in uses.items()]
    return Instruction.frame(spark, rows)


def tables(spark: SparkSession, count: int, as_of: dt.date, model_key: str, stage: Stage) -> dict[type[Table], DataFrame]:
    """Every table but those that configuration fills and the lists, stored by `stage`."""
    parts = max(4, count // 250_000)
    people = persons(spark, count, parts)
    told = records(people)
    sent = people.where(_share("earlier", 0.2, "id"))
    made = {
        Record: _record(told), PersonLink: filled(PersonLink, told, {}), HouseholdLink: filled(HouseholdLink, people, {}),
        Person: filled(Person, people, {Person.confidence: F.lit(8.0)}), PermissionEvent: _events(told), Transaction: _transactions(told),
        Score: filled(Score, people.where(_share("scored", 0.97, "id")), {
            Score.model_key: F.lit(model_key), Score.cutoff: F.lit(as_of), Score.probability: drawn("score", 100_000, "id") / 1_000_000.0,
        }),
        Segment: filled(Segment, people, {
            Segment.cutoff: F.lit(as_of), Segment.age: drawn("age", 70, "id") + 20,
            Segment.segment: F.concat(F.lit("s"), drawn("segment", 9, "id")),
        }),
        Limitation: filled(Limitation, told.where(_share("limited", 0.001, "record_id")), {Limitation.since: F.lit(KNOWN)}),
        Death: filled(Death, people.where(_share("dead", 0.004, "id")), {Death.certainty: F.lit("certain")}),
        Selection: filled(Selection, sent, {
            Selection.campaign_id: F.when(drawn("which", 2, "id") == 0, "old_one").otherwise("old_two"), Selection.channel: F.lit("post"),
            Selection.cell: F.when(_share("held", 0.1, "id"), "holdout").otherwise("mail"),
        }),
    }  # fmt: skip
    found = {table: stage(table.name, frame) for table, frame in made.items()}
    earlier = [(name, as_of - dt.timedelta(days=days)) for name, days in (("old_one", 200), ("old_two", 9))]
    common = {"client_id": "r_vad", "product": "prospect", "cutoff": KNOWN, "cut_on": KNOWN}
    found[Campaign] = Campaign.frame(spark, [{"campaign_id": n, "drop_date": d, **common} for n, d in earlier])
    found[Instruction] = _instructions(spark)
    members = [{"member_id": f"m{n:02d}", "is_active": True, "programmes": ["alliance"], "sector": "services"} for n in range(1, MEMBERS + 1)]
    found[Member] = Member.frame(spark, members)
    found[Exclusion] = Exclusion.frame(spark, [{"party_a": "m07", "party_b": "r_vad"}])
    return found


def lists(keyed: Callable[[DataFrame], DataFrame], record: DataFrame, campaign_id: str, stage: Stage) -> dict[type[Table], DataFrame]:
    """The suppression list, the Robinson list and the client's own file, from the coordinates of some of the records (`keyed` hashes them)."""

    def some(name: str, share: float) -> DataFrame:
        return keyed(record.where(_share(name, share, "record_id")))

    far = F.lit(dt.date(2027, 12, 31))
    made = {
        Suppression: filled(Suppression, some("suppressed", SUPPRESSED), {
            Suppression.scope: F.lit("global"), Suppression.pepper_version: F.lit("1"), Suppression.source: F.lit("person")}),
        ExternalList: filled(ExternalList, some("robinson", ROBINSON).where("kind = 'postal'"), {
            ExternalList.list_name: F.lit("robinson"), ExternalList.version: F.lit("2026-10")}),
        CampaignFile: filled(CampaignFile, some("own", OWN_FILE).withColumnRenamed("key_hash", str(CampaignFile.coordinate_hash)).drop("kind"), {
            CampaignFile.campaign_id: F.lit(campaign_id), CampaignFile.kind: F.lit("customers"), CampaignFile.destroy_by: far}),
    }  # fmt: skip
    return {table: stage(table.name, frame.distinct()) for table, frame in made.items()}
