"""The demonstration goes on: responses to the campaigns come back, as a delivery of each client that is a member.

A client that is no member delivers nothing: its orders are no part of the pool. It hands back a response file (key code, day, amount) under
`<requests>/responses/`; those it did not write to it cannot tell, so no hold-out of such a campaign is ever observed.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.campaign import Campaign, Matchback, Selection
from appetence.contracts.domain import Block, DeliveryMode
from appetence.pipeline import demo_files
from appetence.pipeline.context import Context, Counts
from appetence.runtime.ahead import side_by_side
from appetence.synthetic import deliveries as d
from appetence.synthetic import purchases, records, responses, truth, world, world_frames
from appetence.synthetic.world_frames import World

_BOOKING = dt.timedelta(days=15)


def remember(ctx: Context, wanted: int, seed: int) -> None:
    """Note what the demonstration was made of, beside its truth."""
    folder = Path(ctx.config.paths.truth)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "demo.json").write_text(json.dumps({"records": wanted, "seed": seed}) + "\n", encoding="ascii")


def kept(ctx: Context, *, anew: bool = False) -> world_frames.Stage:
    """Stores the persons of the demonstration and what each is to each member beside its truth, or reads them back: they are made once."""

    def stage(name: str, frame: DataFrame) -> DataFrame:
        target = Path(ctx.config.paths.truth) / f"world_{name}.parquet"
        if anew or not (target / "_SUCCESS").exists():
            frame.write.mode("overwrite").parquet(str(target))
        return ctx.spark.read.schema(frame.schema).parquet(str(target))

    return stage


def deliver(ctx: Context) -> Counts:
    """Deliveries of the clients' orders up to fifteen days before the as-of date; nothing before a campaign was selected.

    Writes `<truth>/campaign_truth.parquet` (campaign_id, true_person, cell, p_base, p_uplift, is_extra, extra_on)."""
    noted = json.loads((Path(ctx.config.paths.truth) / "demo.json").read_text(encoding="ascii"))
    made = world_frames.build(ctx.spark, noted["records"], noted["seed"], kept(ctx))
    created = dt.datetime.combine(ctx.as_of - _BOOKING, dt.time(3), dt.UTC)
    through = created.date() - dt.timedelta(days=1)
    campaigns = {c.campaign_id: c for c in ctx.lake.read(Campaign).collect() if c.drop_date < through}
    if not campaigns:
        return Counts(0, 0)
    ctx.progress("who responds to the campaigns")
    made = replace(made, relations=ctx.lake.stage("concerned", responses.concerned(made.relations, _clients(ctx, campaigns.values()))))
    selected = ctx.lake.stage("selected", _selected(ctx))
    names = sorted(campaigns)
    found = dict(zip(names, side_by_side(*(partial(_responding, ctx, made, selected, campaigns[name]) for name in names)), strict=True))
    told: list[Callable[[], int]] = [partial(_write_truth, ctx, found)]
    for member_id in sorted(_clients(ctx, campaigns.values())):
        of_member = {i: c for i, c in campaigns.items() if ctx.config.recipients[c.client_id].member_id == member_id}
        told.append(partial(_deliver_member, ctx, made, member_id, {i: (c.drop_date, found[i]) for i, c in of_member.items()}, created))
    for campaign_id, campaign in campaigns.items():
        if ctx.config.recipients[campaign.client_id].member_id is None:
            told.append(partial(_hand_back, ctx, made, campaign_id, found[campaign_id]))
    ctx.progress("orders and gifts since the last deliveries, delivered by the clients that are members, handed back by the others")
    rows = sum(side_by_side(*told))
    return Counts(rows, rows)


def evaluate(ctx: Context) -> dict[str, dict[str, float]]:
    """By campaign measured against a hold-out: what its pieces truly added (`true_increment`), what the hold-out says (`estimated`, `low`,
    `high`), and what matching orders back credits them with (`matched_back`)."""
    folder = Path(ctx.config.paths.truth) / "campaign_truth.parquet"
    if not folder.exists():
        return {}
    truth = {r[Campaign.campaign_id]: r["true_increment"] for r in responses.true_increment(ctx.spark.read.parquet(str(folder))).collect()}
    total = (F.col(Matchback.group_kind) == "total") & F.col(Matchback.incremental_rate).isNotNull()
    found = ctx.lake.read_or_empty(Matchback).where(total).orderBy(Matchback.campaign_id).collect()
    return {
        row[Matchback.campaign_id]: {
            "true_increment": truth[row[Matchback.campaign_id]], "estimated": row[Matchback.incremental_rate],
            "low": row[Matchback.incremental_low], "high": row[Matchback.incremental_high], "matched_back": row[Matchback.rate],
        }
        for row in found if row[Matchback.campaign_id] in truth
    }  # fmt: skip


def _responding(ctx: Context, made: World, selected: DataFrame, campaign: Row) -> DataFrame:
    """Who responds to one campaign, by itself and because of its piece."""
    own = responses.trade_relations(made.relations, ctx.config.recipients[campaign.client_id].member_id)
    chosen = selected.where(F.col(Selection.campaign_id) == campaign.campaign_id)
    chances = responses.chances(chosen, own, made.draw, campaign.drop_date, _days(ctx, campaign.campaign_id))
    return ctx.lake.stage(f"responses_{campaign.campaign_id}", chances)


def _clients(ctx: Context, campaigns: Iterable[Row]) -> set[str]:
    """The members among the clients."""
    return {m for c in campaigns if (m := ctx.config.recipients[c.client_id].member_id)}


def _days(ctx: Context, campaign_id: str) -> int:
    return ctx.config.campaigns[campaign_id].response_window_days


def _selected(ctx: Context) -> DataFrame:
    """Who was selected, by true person: campaign_id, person, cell, key_code; one row per campaign and person."""
    known = ctx.spark.read.parquet(f"{ctx.config.paths.truth}/record_truth.parquet")
    person = F.substring("true_person", 3, 30).cast("bigint").alias("person")
    rows = ctx.lake.read(Selection).join(known.select("record_id", person), on="record_id", how="inner")
    named = F.min(F.struct(Selection.rank, Selection.cell, Selection.key_code)).alias("best")
    one = rows.groupBy(Selection.campaign_id, "person").agg(named)
    return one.select(Selection.campaign_id, "person", f"best.{Selection.cell}", f"best.{Selection.key_code}")


def _write_truth(ctx: Context, found: dict[str, DataFrame]) -> int:
    person = F.concat(F.lit("tp"), "person").alias("true_person")
    every = reduce(DataFrame.unionByName, found.values())
    every.select(Selection.campaign_id, person, Selection.cell, "p_base", "p_uplift", "is_extra", "extra_on").write.mode("overwrite").parquet(
        f"{ctx.config.paths.truth}/campaign_truth.parquet"
    )
    return 0


def _deliver_member(ctx: Context, made: World, member_id: str, own: dict[str, tuple[dt.date, DataFrame]], created: dt.datetime) -> int:
    through = created.date() - dt.timedelta(days=1)
    relations = made.relations.where(F.col(RawRecord.member_id) == member_id)
    extra = ctx.lake.stage("extra", reduce(DataFrame.unionByName, (responses.extra_orders(c, relations) for _, c in own.values())))
    ordered = responses.client_orders(relations, extra, made.draw, purchases.goods(ctx.spark), through)
    ordered = ctx.lake.stage("client_orders", ordered)
    codes = reduce(
        DataFrame.unionByName, (responses.with_key_codes(ordered, c, made.draw, drop, _days(ctx, i)) for i, (drop, c) in own.items())
    ).dropDuplicates([RawTransaction.transaction_ref])
    quoted = ordered.drop(RawTransaction.key_code).join(codes, on=RawTransaction.transaction_ref, how="left")
    fresh = (F.col(RawTransaction.transaction_date) >= F.lit(world.INCREMENTAL_ON)) | F.col(RawTransaction.key_code).isNotNull()
    sent = quoted.join(extra.select("relation").distinct().withColumn("_brought", F.lit(True)), on="relation", how="left")
    sent = sent.where(fresh | F.col("_brought")).drop("_brought").withColumn(d.DELIVERY, F.lit(d.RESPONSES))
    customers = ctx.lake.stage("new_customers", _new_customers(made, relations, extra, through))
    truth.record_truth(customers, made.draw).write.mode("overwrite").parquet(f"{ctx.config.paths.truth}/new_{member_id}.parquet")
    people = customers.withColumn(d.DELIVERY, F.lit(d.RESPONSES)).select(d.DELIVERY, RawRecord.member_id, *d.CUSTOMER)
    return _send(ctx, member_id, {Block.CUSTOMERS: people, Block.TRANSACTIONS: sent}, created)


def _new_customers(made: World, relations: DataFrame, extra: DataFrame, through: dt.date) -> DataFrame:
    """Records of those who became customers after the last delivery, by themselves or through a piece."""
    first = extra.groupBy("relation").agg(F.min("day").alias("_brought_on"))
    dated = relations.join(first, on="relation", how="left").withColumn("_was", F.col("joined_on"))
    dated = dated.withColumn("joined_on", F.least("joined_on", "_brought_on")).drop("_brought_on")
    known = F.coalesce(F.col("_was") < F.lit(world.INCREMENTAL_ON), F.lit(False))
    return records.records(dated.where((F.col("joined_on") <= F.lit(through)) & ~known).drop("_was"), made.draw, made.lookups)


def _send(ctx: Context, member_id: str, rows: dict[Block, DataFrame], created: dt.datetime) -> int:
    from appetence.pipeline.make_demo import write_lines

    member, paths = ctx.config.members[member_id], ctx.config.paths
    files = {}
    for block, frame in rows.items():
        target = ctx.scratch / "responses" / member_id / block.value
        write_lines(d.written(ctx.spark, frame, block, {member_id: member}), target)
        files[block] = target / f"delivery={d.RESPONSES}" / f"member_id={member_id}"
    ref = f"{member_id}-{created:%Y%m%d}-orders"
    sending = demo_files.Sending(member, ref, DeliveryMode.INCREMENTAL, created, files)
    return demo_files.send(sending, paths, demo_files.known_prints(paths), ctx.scratch / "sending")


def _hand_back(ctx: Context, made: World, campaign_id: str, found: DataFrame) -> int:
    """The response file of a client that is no member: key_code;responded_on;amount, for those who quote their piece. No delivery: no rows."""
    folder = Path(ctx.config.paths.requests) / "responses"
    folder.mkdir(parents=True, exist_ok=True)
    key = (F.col("person"), F.lit(campaign_id))
    bought = F.col("is_extra") | (made.draw.uniform("response.base", *key) < F.col("p_base"))
    cents = F.round(6000 * F.exp(0.6 * made.draw.normal("response.amount", *key)))
    amount = F.format_string("%d.%02d", F.floor(cents / 100), (cents % 100).cast("int"))
    told = found.where((F.col(Selection.cell) != responses.HOLDOUT) & bought & made.draw.below(responses.QUOTED, "response.quotes", *key))
    line = F.concat_ws(";", Selection.key_code, F.col("extra_on").cast("string"), amount).alias("line")
    target = ctx.scratch / f"back_{campaign_id}"
    told.select("person", line).coalesce(1).sortWithinPartitions("person").select("line").write.mode("overwrite").text(str(target))
    with (folder / f"{campaign_id}.csv").open("w", encoding="utf-8", newline="\n") as handle:
        handle.write("key_code;responded_on;amount\n")
        for part in sorted(target.glob("part-*")):
            handle.write(part.read_text(encoding="utf-8"))
    return 0
