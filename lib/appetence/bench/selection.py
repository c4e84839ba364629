"""`appetence bench selection`: what a selection costs, from candidates of any number to the tables written, by the functions of the job."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.bench import candidate_tables as made
from appetence.bench.measuring import cores, peak_memory, timed, write
from appetence.columns.coordinates import hashed_coordinates
from appetence.columns.hashing import pads
from appetence.contracts.base import Table
from appetence.contracts.campaign import Campaign, CampaignFile, Decision, Selection
from appetence.contracts.domain import Channel, RecipientSector
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Death, ExternalList, Limitation, Suppression
from appetence.contracts.reference import Exclusion, Instruction, LawRule, Member, Recipient
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.contracts.specs import CampaignSpec, PgpSpec, RecipientSpec
from appetence.pipeline import select_campaign
from appetence.pipeline.context import Context
from appetence.pipeline.load_reference import law_rule_rows, required_law
from appetence.runtime import console
from appetence.runtime.config import Config
from appetence.runtime.logs import Log
from appetence.runtime.session import build_session
from appetence.selection.candidates import Sources, build_candidates, build_ground
from appetence.selection.terms import Terms, terms_of
from appetence.selection.waterfall import decide
from appetence.storage.lake import Lake

AS_OF, DROP = dt.date(2026, 10, 31), dt.date(2026, 11, 17)
NAME = "bench"
_KEY = b"selection bench"


def bench_selection(config: Config, candidates: int, target: Path) -> int:
    """The command: a tenth of `candidates` selected by all rules, three lists and two channels; figures into `target`."""
    scratch = Path(config.paths.scratch) / "bench"
    answer = run(build_session(config.spark, scratch), config, candidates, scratch)
    write(answer, target)
    console.say(json.dumps(answer))
    return 0


def specification(candidates: int) -> CampaignSpec:
    """A prospect campaign by post, else e-mail, of three lists, for a tenth of the candidates."""
    return CampaignSpec.model_validate({
        "campaign_id": NAME, "label": "Bench", "client": "r_vad", "product": "prospect", "purpose": "commercial", "programme": "alliance",
        "channels": ("post", "email"), "drop_date": DROP, "quantity": candidates // 10, "cost_per_piece_eur": 0.6, "margin_per_response_eur": 20.0,
        "lists": (
            {"list_id": "recents", "recency_days_max": 200}, {"list_id": "aines", "age_min": 60, "segments": ("s1", "s2", "s3")},
            {"list_id": "autres", "age_min": 25},
        ),
        "router": "router", "min_sources": 2, "rest_days": 30, "cells": ({"cell": "test_b", "share": 0.1},), "holdout_share": 0.1,
    })  # fmt: skip


def bench_terms(config: Config, candidates: int) -> Terms:
    """The terms of that campaign under the law of the configuration."""
    pgp = PgpSpec(fingerprints=("A" * 40,))
    client = RecipientSpec(recipient_id="r_vad", label="Client", sector=RecipientSector.VENTE_A_DISTANCE, pgp=pgp)
    router = RecipientSpec(recipient_id="router", label="Router", role="router", layouts=(Channel.POST, Channel.EMAIL), pgp=pgp)
    recipients = {r.recipient_id: r for r in (client, router)}
    return terms_of(specification(candidates), required_law(config), recipients, config.selection, AS_OF)


def run(spark: SparkSession, config: Config, candidates: int, scratch: Path) -> dict[str, Any]:
    """Seconds of each step and per million candidates, and what was selected; making the tables is not counted. Nothing is kept."""
    lake = Lake(spark, str(scratch / "lake"), NAME, str(scratch))
    ctx = Context(spark, lake, config, AS_OF, NAME, dt.datetime(2026, 10, 31, 3), Log.opened(NAME, NAME, None, is_quiet=True))
    terms = bench_terms(config, candidates)
    seconds: dict[str, float] = {}
    try:
        tables = made.tables(spark, candidates, AS_OF, str(terms.model_key), lake.stage)
        tables |= made.lists(lambda records: _keyed(spark, records), tables[Record], NAME, lake.stage)
        with timed(seconds, "lists"):
            wanted = select_campaign.listed_hashes(tables)
            hashes = lake.stage("hits", select_campaign.hits_of(_keyed(spark, tables[Record]), wanted))
        sources = _sources(spark, config, tables, hashes)
        with timed(seconds, "ground"):
            ground = build_ground(sources, terms, lake.stage)
        with timed(seconds, "candidates"):
            found = lake.stage("candidates", build_candidates(sources, terms, ground))
        with timed(seconds, "decide"):
            result = select_campaign.stored(ctx, decide(found, terms, _pads(spark), F.lit(AS_OF), lake.stage))
        with timed(seconds, "write"):
            counts = select_campaign.write_result(ctx, result, terms)
        reasons = {r[0] or "selected": r[1] for r in lake.read(Decision).groupBy(Decision.first_reason).count().collect()}
        total = sum(seconds.values())
        return {
            "candidates": candidates, "records": tables[Record].count(), "members": made.MEMBERS, "lists": len(terms.spec.lists), **counts,
            "first_reasons": dict(sorted(reasons.items())), "seconds": {k: round(v, 1) for k, v in seconds.items()}, "total_seconds": round(total, 1),
            "seconds_per_million": round(total * 1_000_000 / candidates, 1), "peak_memory_gb": peak_memory(),
            "cores": cores(spark),
        }  # fmt: skip
    finally:
        lake.close()


def _pads(spark: SparkSession) -> DataFrame:
    return local_frame(spark, [pads(_KEY)], "inner_pad binary, outer_pad binary")


def _keyed(spark: SparkSession, records: DataFrame) -> DataFrame:
    return hashed_coordinates(records, _pads(spark), str(Record.record_id))


def _sources(spark: SparkSession, config: Config, tables: dict[type[Table], DataFrame], hashes: DataFrame) -> Sources:
    laws = LawRule.frame(spark, law_rule_rows(required_law(config)))
    clients = Recipient.frame(spark, [{"recipient_id": "r_vad", "sector": "vente_a_distance"}])
    return Sources(
        record=tables[Record], person_link=tables[PersonLink], household_link=tables[HouseholdLink], person=tables[Person],
        permission_event=tables[PermissionEvent], transaction=tables[Transaction], score=tables[Score], segment=tables[Segment],
        instruction=tables[Instruction], member=tables[Member], exclusion=tables[Exclusion], recipient=clients, law_rule=laws,
        suppression=tables[Suppression], external_list=tables[ExternalList], campaign_file=tables[CampaignFile], limitation=tables[Limitation],
        death=tables[Death], campaign=tables[Campaign], selection=tables[Selection], hashes=hashes, cut_on=AS_OF,
    )  # fmt: skip
