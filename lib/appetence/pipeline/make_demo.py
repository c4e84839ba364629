"""The demonstration co-operative, made and delivered: keys, secrets, encrypted deliveries, a suppression list, and the truth beside them.

It writes what members, recipients and persons would send, never a table of the lake."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from appetence.columns.text import fold
from appetence.contracts.bronze import RawRecord
from appetence.contracts.domain import Block, DeliveryMode
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.privacy import Suppression
from appetence.contracts.silver import Record
from appetence.identity.metrics import agreement
from appetence.pipeline import demo_files, demo_responses
from appetence.pipeline.context import Context, Counts
from appetence.privacy.suppressions import source_of, suppressed_records
from appetence.runtime.ahead import side_by_side
from appetence.synthetic import deliveries as d
from appetence.synthetic import permissions, purchases, truth, world, world_frames
from appetence.synthetic.world_frames import World

_LETTERS = {"access": "access_0001.yaml", "erasure": "erasure_0001.yaml", "directive": "directive_0001.yaml"}
_LIST = "global_2026"
_SUPPRESSION = ("scope", "last_name", "first_name", "address_1", "postcode", "city", "email", "phone")


def make_demo(ctx: Context, records: int, seed: int = 1) -> Counts:
    """Everything the chain starts from, for about `records` customer records: about ten times as many transactions."""
    ctx.progress("keys of the operator, the members and the recipients; households and persons")
    prints, made = side_by_side(partial(_keys, ctx, seed), lambda: world_frames.build(ctx.spark, records, seed, demo_responses.kept(ctx, anew=True)))
    ctx.progress("customer records; orders and gifts")
    texts = ctx.scratch / "texts"
    known, _ = side_by_side(
        lambda: ctx.lake.stage("demo_records", made.records), lambda: _write_text(ctx, Block.TRANSACTIONS, _transactions(ctx, made), texts)
    )
    ctx.progress("permissions, suppressions, letters, and the truth")
    side_by_side(
        lambda: _write_text(ctx, Block.CUSTOMERS, d.customer_rows(known, made.draw), texts),
        lambda: _write_text(ctx, Block.PERMISSIONS, d.permission_rows(permissions.events(known, made.draw, ctx.spark)), texts),
        lambda: _write_truth(ctx, made, known),
        lambda: _write_suppressions(ctx, made, known),
        lambda: _write_requests(ctx, known),
    )
    ctx.progress("deliveries: signed, encrypted, sent")
    by_member = groupby(_sendings(ctx, texts), lambda s: s.member.member_id)
    sent = side_by_side(*(partial(_send, ctx, list(sendings), prints) for _, sendings in by_member), workers=2)
    shutil.rmtree(texts)
    demo_responses.remember(ctx, records, seed)
    return Counts(records, sum(sent))


def _keys(ctx: Context, seed: int) -> dict[str, str]:
    members = sorted(ctx.config.members)
    demo_files.make_secrets(ctx.config.paths, members, seed)
    return demo_files.make_keys(ctx.config.paths, members, sorted(ctx.config.recipients))


def _send(ctx: Context, sendings: Iterable[demo_files.Sending], prints: dict[str, str]) -> int:
    return sum(demo_files.send(s, ctx.config.paths, prints, ctx.scratch / "sending") for s in sendings)


def _write_truth(ctx: Context, made: World, known: DataFrame) -> None:
    folder = ctx.config.paths.truth
    truth.record_truth(known, made.draw).write.mode("overwrite").parquet(f"{folder}/record_truth.parquet")
    truth.person_truth(made.people, made.draw, made.lookups).write.mode("overwrite").parquet(f"{folder}/person_truth.parquet")
    customers = made.relations.join(known.select("person").distinct(), on="person", how="left_semi")
    truth.purchase_truth(customers).write.mode("overwrite").parquet(f"{folder}/purchase_truth.parquet")


def _write_suppressions(ctx: Context, made: World, known: DataFrame) -> None:
    """The list as the officer keeps it, one file; who is on it goes to the truth."""
    asked = ctx.lake.stage("demo_suppressions", d.suppression_rows(known, made.draw))
    person = F.concat(F.lit("tp"), "person").alias("true_person")
    asked.select(person, "scope").write.mode("overwrite").parquet(f"{ctx.config.paths.truth}/suppression_truth.parquet")
    folder = Path(ctx.config.paths.requests) / "suppressions"
    folder.mkdir(parents=True, exist_ok=True)
    line = F.to_csv(F.struct(*_SUPPRESSION), {"sep": ";"}).alias("line")
    target = ctx.scratch / "suppressions"
    asked.select("person", line).coalesce(1).sortWithinPartitions("person").select("line").write.mode("overwrite").text(str(target))
    with (folder / f"{_LIST}.csv").open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(";".join(_SUPPRESSION) + "\n")
        for part in sorted(target.glob("part-*")):
            with part.open(encoding="utf-8") as lines:
                shutil.copyfileobj(lines, handle)


def _write_requests(ctx: Context, known: DataFrame) -> None:
    """Three letters that reached the operator: one person asks what is held, another asks to be erased, a third that it be done after death.
    The third has died meanwhile: the official list under `deaths/` says so to `appetence run match_deaths`."""
    folder = Path(ctx.config.paths.requests) / "rights"
    folder.mkdir(parents=True, exist_ok=True)
    # Customers of one member only, under an address nobody else has: the desk needs no officer to know whose records these are.
    held = {"_records": F.count(F.lit(1)).over(Window.partitionBy("person")), "_sharing": F.count(F.lit(1)).over(Window.partitionBy(RawRecord.email))}
    clear = known.withColumns(held).where((F.col("joined_on") < F.lit(world.FULL_ON)) & (F.length(RawRecord.first_name) > 2))
    clear = clear.where("_records = 1 AND _sharing = 1")
    told = ("record_key", RawRecord.last_name, RawRecord.first_name, RawRecord.email, "birth_day", RawRecord.postcode)
    names = F.concat(fold(F.col(RawRecord.last_name)), F.lit("*"), fold(F.col(RawRecord.first_name)), F.lit("/")).alias("names")
    listed = clear.where(F.col("birth_day").isNotNull() & F.col(RawRecord.postcode).rlike("^(0[1-9]|1[0-9]|2[1-9]|[3-8][0-9]|9[0-5])[0-9]{3}$"))
    either = clear.orderBy("record_key").select(*told, names).limit(2).unionByName(listed.orderBy("record_key").select(*told, names).limit(3))
    asking = {row["record_key"]: row for row in either.collect()}
    for (right, file), row in zip(_LETTERS.items(), asking.values(), strict=False):
        person = {str(c): row[c] for c in (RawRecord.last_name, RawRecord.first_name, RawRecord.email)}
        said = {
            "right": right, "received_through": "operator", "received_on": world.AS_OF - dt.timedelta(days=3), "evidence": "signed letter",
            "person": person, **({"wish": "erase"} if right == "directive" else {}),
        }  # fmt: skip
        if right == "directive":
            _write_death(ctx, row)
        (folder / file).write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _write_death(ctx: Context, person: Row) -> None:
    """One line of the official list, as published: names, day of birth, day and place of death; the sex is not known here."""
    folder = Path(ctx.config.paths.requests) / "deaths"
    folder.mkdir(parents=True, exist_ok=True)
    died = world.AS_OF - dt.timedelta(days=20)
    at = f"{person[RawRecord.postcode][:2]}001"
    line = f"{person['names']:80}0{person['birth_day']:%Y%m%d}{at}{'':60}{died:%Y%m%d}{at}{'1':9}"
    (folder / "deces-2026-m10.txt").write_text(line + "\n", encoding="utf-8")


def _transactions(ctx: Context, made: World) -> DataFrame:
    ordered = purchases.orders(made.relations, made.draw, world.AS_OF)
    return d.transaction_rows(purchases.transactions(ordered, made.draw, purchases.goods(ctx.spark), world.AS_OF))


def _write_text(ctx: Context, block: Block, rows: DataFrame, target: Path) -> None:
    """The lines of all members' files of a block, one folder per delivery and member, in a fixed order."""
    write_lines(d.written(ctx.spark, rows, block, ctx.config.members), target / block.value)


def write_lines(lines: DataFrame, target: Path) -> None:
    """Text files under `<target>/delivery=…/member_id=…`: one of each, sorted, so that the plaintext does not depend on partitions."""
    gathered = lines.repartition(d.DELIVERY, RawRecord.member_id).sortWithinPartitions(d.DELIVERY, RawRecord.member_id, "line")
    gathered.write.mode("overwrite").partitionBy(d.DELIVERY, RawRecord.member_id).text(str(target))


def _sendings(ctx: Context, texts: Path) -> Iterable[demo_files.Sending]:
    for member_id, member in sorted(ctx.config.members.items()):
        for delivery, mode in ((d.FULL, DeliveryMode.FULL), (d.INCREMENTAL, DeliveryMode.INCREMENTAL), (d.LATE, DeliveryMode.INCREMENTAL)):
            files = {b: texts / b.value / f"delivery={delivery}" / f"member_id={member_id}" for b in member.blocks}
            found = {b: f for b, f in files.items() if delivery != d.LATE or f.is_dir()}
            created = d.CREATED[delivery]
            refs = [f"{member_id}-{created:%Y%m%d}-{delivery}"]
            if delivery == d.FULL and member_id in d.REPEATED_MEMBERS:
                refs.append(f"{member_id}-{d.CREATED[d.INCREMENTAL]:%Y%m%d}-again")
            for ref in refs if found else ():
                yield demo_files.Sending(member, ref, mode, created, found)


def deliver_responses(ctx: Context) -> Counts:
    """What people ordered and gave after the campaigns, as one more delivery of each member that is a client; see `demo_responses`."""
    return demo_responses.deliver(ctx)


def evaluate_identity(ctx: Context) -> dict[str, Any]:
    """Pairwise precision, recall and F1 of persons and households over records, against the truth; Spark aggregates only."""
    known = ctx.spark.read.parquet(f"{ctx.config.paths.truth}/record_truth.parquet")
    persons = ctx.lake.read(PersonLink)
    homes = persons.join(ctx.lake.read(HouseholdLink), on=PersonLink.person_id, how="inner")
    levels = (
        ("person", persons.select(PersonLink.record_id, F.col(PersonLink.person_id).alias("cluster")), "true_person"),
        ("household", homes.select(PersonLink.record_id, F.col(HouseholdLink.household_id).alias("cluster")), "true_household"),
    )
    found: dict[str, Any] = {}
    for name, links, column in levels:
        beside = known.select("record_id", F.col(column).alias("truth"))
        measured = agreement(links, beside)
        counts = links.agg(F.countDistinct("cluster")).first()
        real = beside.join(links, on="record_id", how="left_semi").agg(F.countDistinct("truth")).first()
        found[name] = {
            "found": counts[0] if counts else 0, "true": real[0] if real else 0, "records": measured.items,
            "precision": round(measured.precision, 4), "recall": round(measured.recall, 4), "f1": round(measured.f1, 4),
        }  # fmt: skip
    return found


def evaluate_suppressions(ctx: Context) -> dict[str, Any]:
    """The list that the demonstration's officer keeps, against who is on it in truth, each scope by itself; Spark aggregates only.

    `alone`: the share of the records of these people that the list names. `recall`: the share that it names or that identity has with one
    named, as a selection goes by. `false rate`: the same of people who are not on the list and live with nobody who is."""
    scope, folder = str(Suppression.scope), ctx.config.paths.truth
    links = ctx.lake.read(PersonLink).select(PersonLink.record_id, PersonLink.person_id)
    known = ctx.spark.read.parquet(f"{folder}/record_truth.parquet").select("record_id", "true_person", "true_household")
    there = known.join(links, on=str(PersonLink.record_id), how="inner")
    asked = F.broadcast(ctx.spark.read.parquet(f"{folder}/suppression_truth.parquet").select("true_person", scope).distinct())
    homes = F.broadcast(there.join(asked, on="true_person", how="inner").select("true_household", scope).distinct())
    listed = ctx.lake.read(Suppression).where(Suppression.source.col == source_of(_LIST))
    named = suppressed_records(ctx.lake.read(Record), listed, ctx.pepper_pads())
    persons = named.join(links, on=str(PersonLink.record_id), how="inner").select(PersonLink.person_id, scope).distinct()
    judged = (
        there.crossJoin(F.broadcast(asked.select(scope).distinct()))
        .join(asked.withColumn("_asked", F.lit(1)), on=["true_person", scope], how="left")
        .join(homes.withColumn("_home", F.lit(1)), on=["true_household", scope], how="left")
        .join(named.withColumn("_named", F.lit(1)), on=[str(PersonLink.record_id), scope], how="left")
        .join(persons.withColumn("_found", F.lit(1)), on=[str(PersonLink.person_id), scope], how="left")
    )
    is_other = F.col("_asked").isNull() & F.col("_home").isNull()
    counts = judged.agg(
        F.count("_asked").alias("asked"), F.count(F.col("_asked") + F.col("_named")).alias("named"),
        F.count(F.col("_asked") + F.col("_found")).alias("found"),
        F.count_if(is_other).alias("others"), F.count_if(is_other & F.col("_found").isNotNull()).alias("wrong"),
    ).first()  # fmt: skip
    assert counts is not None
    asked_for, others = max(1, counts["asked"]), max(1, counts["others"])
    return {
        "records": counts["asked"], "alone": round(counts["named"] / asked_for, 4), "recall": round(counts["found"] / asked_for, 4),
        "others": counts["others"], "false": counts["wrong"], "false rate": round(counts["wrong"] / others, 6),
    }  # fmt: skip
