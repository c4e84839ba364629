"""Planted responses come back exactly; intervals against a reference; the hold-out tells what the pieces brought."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from math import sqrt
from pathlib import Path
from statistics import variance
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy.stats import binomtest

from appetence.contracts.campaign import Campaign, Matchback, Response, Selection, Uplift
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Transaction
from appetence.pipeline import measure_response
from appetence.selection import matchback
from tests.selection.coop import campaign, local, terms

pytestmark = pytest.mark.spark

DROP, AS_OF = dt.date(2026, 6, 15), dt.date(2026, 10, 31)
BASE, UPLIFT, UNITS = 0.08, 0.06, 3000
Row = dict[str, Any]


def _terms(conf: str, as_of: dt.date = AS_OF, **said: Any) -> Any:
    plain = {"campaign_id": "essai", "client": "r_m04", "product": "house", "min_sources": 1, "drop_date": DROP, "response_window_days": 60}
    return terms(conf, campaign(**{"merge_level": "person", **plain, **said}), as_of)


def _piece(person: str, rank: int, cell: str = "mail", **said: Any) -> Row:
    decile = said.pop("decile", 1)
    code = None if cell == "holdout" else f"ESSAI.{cell.upper()}.D{decile:02d}.TOUS"
    return Selection.row(
        campaign_id="essai", channel="post", person_id=person, record_id=f"r{person}", cell=cell, rank=rank, decile=decile, key_code=code, **said
    )


def _order(number: int, person: str, day: dt.date, cents: int = 1000, **said: Any) -> Row:
    plain = {"member_id": "m04", "kind": "order"}
    return Transaction.row(
        transaction_id=f"t{number}", record_id=f"r{person}", transaction_date=day, amount_cents=cents, **{**plain, **said}
    )  # fmt: skip


def _links(persons: list[str], **moved: str) -> list[Row]:
    return [PersonLink.row(record_id=f"r{p}", member_id="m04", person_id=moved.get(p, p)) for p in persons]


def _found(spark: SparkSession, said: Any, pieces: list[Row], orders: list[Row], links: list[Row], homes: list[Row]) -> dict[str, Row]:
    frames = local(spark, Selection, pieces), local(spark, Transaction, orders), local(spark, PersonLink, links)
    return {r["person_id"]: r.asDict() for r in matchback.responses(*frames, local(spark, HouseholdLink, homes), said).collect()}


def test_what_counts_as_a_response(spark: SparkSession, conf_folder: str) -> None:
    last = DROP + dt.timedelta(days=60)
    pieces = [_piece(p, n + 1, cell) for n, (p, cell) in enumerate([*((f"p{i}", "mail") for i in range(8)), ("p8", "holdout")])]
    orders = [
        _order(1, "p0", DROP),  # the drop date itself is before the window
        _order(2, "p1", DROP + dt.timedelta(days=1), key_code=" essai.mail.d01.tous "),
        _order(3, "p1", last, 250),
        _order(4, "p2", last, kind="gift"),
        _order(5, "p3", last + dt.timedelta(days=1)),
        _order(6, "p4", last, -900, kind="refund"),
        _order(7, "p5", last, member_id="m02"),
        _order(8, "p6", last, key_code="AUTRE.MAIL.D01.TOUS"),  # another campaign's
        _order(9, "p8", last, 700),
        _order(10, "p7", last, 300, key_code="CATALOGUE-26"),  # no key code of ours: it says nothing
    ]
    found = _found(spark, _terms(conf_folder), pieces, orders, _links([f"p{i}" for i in range(9)]), [])
    assert {p: (r["cell"], r["matched_by"], r["responses"], r["amount_cents"], r["responded_on"]) for p, r in found.items()} == {
        "p1": ("mail", "key_code", 2, 1250, DROP + dt.timedelta(days=1)),
        "p2": ("mail", "person", 1, 1000, last),
        "p7": ("mail", "person", 1, 300, last),
        "p8": ("holdout", "person", 1, 700, last),
    }
    early = _found(spark, _terms(conf_folder, DROP + dt.timedelta(days=1)), pieces, orders, _links([f"p{i}" for i in range(9)]), [])
    assert {p: r["responses"] for p, r in early.items()} == {"p1": 1}  # what happens after the run's day is not known


def test_an_order_counts_for_one_of_two_overlapping_campaigns(spark: SparkSession, conf_folder: str) -> None:
    """A key code decides; without one the last drop before the order; a hold-out piece reaches nobody and takes nothing."""
    first, then = _terms(conf_folder), _terms(conf_folder, campaign_id="suite", drop_date=DROP + dt.timedelta(days=20), merge_level="family")
    before, after = DROP + dt.timedelta(days=20), DROP + dt.timedelta(days=21)
    persons = ["both", "early", "code1", "code2", "held", "mate", "alone"]
    one = local(spark, Selection, [_piece(p, n) for n, p in enumerate(persons, start=1)])
    of_two = [(p, "holdout" if p == "held" else "mail") for p in persons if p not in ("mate", "alone")]
    two = local(spark, Selection, [{**_piece(p, n, cell), "campaign_id": "suite"} for n, (p, cell) in enumerate(of_two, start=1)])
    links, homes = local(spark, PersonLink, _links(persons)), local(
        spark, HouseholdLink, [HouseholdLink.row(person_id=p, household_id="h" if p in ("both", "mate") else p) for p in persons]
    )  # fmt: skip
    orders = local(spark, Transaction, [
        _order(1, "both", after), _order(2, "early", before), _order(3, "code1", after, key_code="essai.mail.d01.tous"),
        _order(4, "code2", before, key_code="SUITE.MAIL.D01.TOUS"), _order(5, "held", after), _order(6, "mate", after), _order(7, "alone", after),
    ])  # fmt: skip

    def credited(said: Any, mine: DataFrame, rivals: DataFrame | None) -> set[str]:
        return {r["person_id"] for r in matchback.responses(mine, orders, links, homes, said, rivals).collect()}

    rivals = matchback.later_drops([(then, two)], links, homes, first)
    assert credited(first, one, rivals) == {"early", "code1", "held", "alone"}, "the family of `both` was reached again, `mate` with it"
    assert matchback.later_drops([(first, one)], links, homes, then) is None
    assert credited(then, two, None) == {"both", "held"}, "`both` and `mate` are one unit; a hold-out is credited like those mailed"
    every = replace(first, settings=first.settings.model_copy(update={"allocation": "every"}))
    assert credited(every, one, rivals) == {"both", "early", "code1", "held", "mate", "alone"}


def test_merged_persons_and_families(spark: SparkSession, conf_folder: str) -> None:
    """A person merged since is found; a family answers for its piece; nobody's order counts for two pieces."""
    day = DROP + dt.timedelta(days=9)
    pieces = [_piece("p1", 1), _piece("p2", 2), _piece("p5", 3)]
    # p1 is p0 today; p3 and p4 live with p2; p5 was merged into p2 after both had been mailed.
    links = _links(["p1", "p2", "p3", "p4", "p5"], p1="p0", p5="p2")
    homes = [HouseholdLink.row(person_id=p, household_id=h) for p, h in (("p0", "h0"), ("p2", "h2"), ("p3", "h2"), ("p4", "h2"))]
    orders = [_order(1, "p1", day), _order(2, "p3", day, 300), _order(3, "p4", day, 400), _order(4, "p5", day, 50)]
    family = _found(spark, _terms(conf_folder, merge_level="family"), pieces, orders, links, homes)
    assert {p: (r["responses"], r["amount_cents"]) for p, r in family.items()} == {"p1": (1, 1000), "p2": (3, 750)}
    person = _found(spark, _terms(conf_folder), pieces, orders, links, homes)
    assert {p: (r["responses"], r["amount_cents"]) for p, r in person.items()} == {"p1": (1, 1000), "p2": (1, 50)}


def _planted(seed: int, units: int = UNITS) -> tuple[list[Row], list[Row]]:
    """Pieces and responses with a known uplift: a third is held out and orders with BASE, the mailed order with BASE + UPLIFT."""
    r, name = random.Random(seed), f"essai_{seed}"
    chance = {"mail": BASE + UPLIFT, "holdout": BASE}
    pieces = [
        {
            **_piece(f"p{seed}_{n}", n + 1, "holdout" if n % 3 == 0 else "mail", decile=1 + n * 10 // units, probability=round(r.random() / 5, 9)),
            "campaign_id": name,
        }
        for n in range(units)
    ]
    answers = [p for p in pieces if r.random() < chance[p["cell"]]]
    return pieces, [Response.row(campaign_id=name, person_id=p["person_id"], cell=p["cell"], amount_cents=r.randrange(500, 9000)) for p in answers]


@pytest.fixture(scope="module")
def planted(spark: SparkSession) -> tuple[list[Row], list[Row], dict[tuple[str, str], Row]]:
    pieces, answers = _planted(7)
    rows = matchback.measure(local(spark, Selection, pieces), local(spark, Response, answers).repartition(5)).collect()
    return pieces, answers, {(r["group_kind"], r["group_value"]): r.asDict() for r in rows}


def test_rates_are_exact_and_intervals_are_wilsons(planted: tuple[list[Row], list[Row], dict[tuple[str, str], Row]]) -> None:
    pieces, answers, found = planted
    amount = {a["person_id"]: a["amount_cents"] for a in answers}
    wanted = {("cell", "mail"), ("cell", "holdout"), ("total", "mailed"), *(("decile", str(d)) for d in range(1, 11))}
    wanted |= {("key_code", f"ESSAI.MAIL.D{d:02d}.TOUS") for d in range(1, 11)}
    assert set(found) == wanted
    for (kind, value), row in found.items():
        own = [
            p for p in pieces
            if (p["cell"] == value if kind == "cell" else p["cell"] == "mail" and value in ("mailed", str(p["decile"]), p["key_code"]))
        ]  # fmt: skip
        responders = [p for p in own if p["person_id"] in amount]
        assert (row["units"], row["responders"]) == (len(own), len(responders))
        assert row["amount_cents"] == sum(amount[p["person_id"]] for p in responders)
        assert row["rate"] == pytest.approx(len(responders) / len(own), abs=1e-9)
        assert row["predicted_rate"] == pytest.approx(sum(p["probability"] for p in own) / len(own), abs=1e-9)
        low, high = binomtest(len(responders), len(own)).proportion_ci(0.95, "wilson")
        assert (row["rate_low"], row["rate_high"]) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
        assert (row["incremental_rate"] is None) == (kind != "total")


def test_the_effect_is_rate_and_euros_above_the_holdout(planted: tuple[list[Row], list[Row], dict[tuple[str, str], Row]]) -> None:
    pieces, answers, found = planted
    total, held = found["total", "mailed"], found["cell", "holdout"]
    assert total["incremental_rate"] == pytest.approx(total["rate"] - held["rate"], abs=2e-9)
    assert total["incremental_low"] < total["incremental_rate"] < total["incremental_high"]
    assert total["incremental_amount_cents"] == total["amount_cents"] - round(held["amount_cents"] * total["units"] / held["units"])
    amount = {a["person_id"]: a["amount_cents"] for a in answers}
    spread = 0.0
    for cell in ("mail", "holdout"):
        spent = [amount.get(p["person_id"], 0) for p in pieces if p["cell"] == cell]
        spread += variance(spent) / len(spent)
    half = matchback.Z * total["units"] * sqrt(spread)
    assert total["incremental_amount_low_cents"] == pytest.approx(total["incremental_amount_cents"] - half, abs=1)
    assert total["incremental_amount_high_cents"] == pytest.approx(total["incremental_amount_cents"] + half, abs=1)


def test_the_holdout_recovers_the_planted_uplift(spark: SparkSession) -> None:
    """Twenty campaigns: on average the planted uplift comes back, and nearly all 95 % intervals hold it; the plain rate is far above it."""
    made = [_planted(seed, 600) for seed in range(1, 21)]
    pieces, answers = [p for each, _ in made for p in each], [a for _, each in made for a in each]
    rows = matchback.measure(local(spark, Selection, pieces), local(spark, Response, answers)).where("group_kind = 'total'").collect()
    assert len(rows) == 20
    # One estimate varies by 0.023, the mean of twenty by 0.0052.
    assert sum(r["incremental_rate"] for r in rows) / 20 == pytest.approx(UPLIFT, abs=0.0155)
    assert sum(r["incremental_low"] < UPLIFT < r["incremental_high"] for r in rows) >= 17
    assert sum(r["rate"] for r in rows) / 20 > 2 * UPLIFT


def test_newcombe_interval_of_the_published_example(spark: SparkSession) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, table II: 56 of 70 against 48 of 80, method 10: 0.0524 to 0.3339."""
    pieces = [_piece(f"a{n}", n + 1) for n in range(70)] + [_piece(f"b{n}", n + 71, "holdout") for n in range(80)]
    persons = [*(f"a{n}" for n in range(56)), *(f"b{n}" for n in range(48))]
    answers = [Response.row(campaign_id="essai", person_id=p) for p in persons]
    # All of them are credited to another campaign: the effect is the same, the rate is not.
    frames = local(spark, Selection, pieces), local(spark, Response, []), local(spark, Response, answers)
    rows = matchback.measure(*frames).where("group_kind = 'total'").collect()
    assert rows[0]["responders"] == 0
    assert (round(rows[0]["incremental_low"], 4), round(rows[0]["incremental_high"], 4)) == (0.0524, 0.3339)


def test_nobody_answers(spark: SparkSession) -> None:
    found = matchback.measure(local(spark, Selection, [_piece("p1", 1)]), local(spark, Response, [])).collect()
    assert {(r["group_kind"], r["responders"], r["rate"], r["rate_low"], r["incremental_rate"]) for r in found} == {
        (kind, 0, 0.0, 0.0, None) for kind in ("cell", "decile", "key_code", "total")
    }
    z2 = matchback.Z**2
    assert found[0]["rate_high"] == pytest.approx(z2 / (1 + z2), abs=1e-9) and sqrt(z2) == pytest.approx(1.96, abs=1e-4)


def _lake(spark: SparkSession, ctx: Any, orders: list[Row]) -> None:
    from appetence.pipeline.select_campaign import campaign_terms

    for name, day in (("rentree_2026", dt.date(2026, 6, 15)), ("noel_vad", dt.date(2026, 11, 17))):
        frozen = campaign_terms(ctx, ctx.config.campaigns[name])
        row = Campaign.row(campaign_id=name, client_id=frozen.spec.client, drop_date=day, spec_hash=frozen.spec_hash)
        ctx.lake.sync(Campaign, local(spark, Campaign, [row]), f"campaign_id = '{name}'")
    pieces = [{**_piece(f"p{n}", n, "holdout" if n % 3 == 0 else "mail"), "campaign_id": "rentree_2026"} for n in range(1, 31)]
    vad = [{**_piece(f"v{n}", n, "holdout" if n % 5 == 0 else "mail", decile=1 + (n > 20)), "campaign_id": "noel_vad"} for n in range(1, 41)]
    ctx.lake.sync(Selection, local(spark, Selection, pieces + vad))
    ctx.lake.sync(PersonLink, local(spark, PersonLink, _links([p["person_id"] for p in pieces])))
    ctx.lake.sync(Transaction, local(spark, Transaction, orders))


def _stored(ctx: Any, table: Any) -> DataFrame:
    return ctx.lake.read_or_empty(table)


def test_the_job_measures_what_has_dropped_and_repeats_itself(spark: SparkSession, make_context: Any) -> None:
    ctx = make_context()
    _lake(spark, ctx, [_order(n, f"p{n}", dt.date(2026, 7, 1)) for n in (1, 2, 3)])
    assert measure_response.run(ctx).details == {"campaigns": ["rentree_2026"]}  # the other one has not dropped yet
    assert {r["person_id"] for r in _stored(ctx, Response).collect()} == {"p1", "p2", "p3"}
    moved = [(r["campaign_id"], r["finding"], r["contacted"], r["held_out"]) for r in _stored(ctx, Uplift).collect()]
    assert moved == [("rentree_2026", "not_measured", 20, 10)], "its window is over, and thirty pieces tell nothing"
    versions = [ctx.lake.version(table) for table in (Response, Matchback, Uplift)]
    measure_response.run(make_context(run_id="run-2"))
    assert [ctx.lake.version(table) for table in (Response, Matchback, Uplift)] == versions
    after = make_context(as_of=dt.date(2026, 12, 20), run_id="run-3", options={"campaign": "noel_vad"})
    assert measure_response.run(after).rows_out == 0  # nothing handed back yet, and nothing guessed
    folder = Path(after.config.paths.requests) / "responses"
    folder.mkdir(parents=True)
    good = ["ESSAI.MAIL.D01.TOUS;2026-12-01;49.90"] * 6 + ["essai.mail.d01.tous;2026-11-18;0.10"]
    bad = [
        "ESSAI.MAIL.D07.TOUS;2026-12-01;5",
        "ESSAI.MAIL.D01.TOUS;2026-11-17;5",
        "ESSAI.MAIL.D01.TOUS;2026-12-21;5",
        ";;",
        "ESSAI.MAIL.D01.TOUS;x;y",
    ]
    (folder / "noel_vad.csv").write_text("\n".join(["key_code;responded_on;amount", *good, *bad]) + "\n", encoding="utf-8")
    counts = measure_response.run(after)
    assert (counts.rows_in, counts.rows_out, counts.rows_rejected) == (12, 7, 5)
    rows = [r.asDict() for r in _stored(after, Matchback).where("campaign_id = 'noel_vad'").collect()]
    assert {(r["group_kind"], r["group_value"], r["units"], r["responders"], r["amount_cents"], r["incremental_rate"]) for r in rows} == {
        ("cell", "mail", 32, 7, 6 * 4990 + 10, None), ("total", "mailed", 32, 7, 6 * 4990 + 10, None),
        ("decile", "1", 16, 7, 6 * 4990 + 10, None), ("decile", "2", 16, 0, 0, None),
        ("key_code", "ESSAI.MAIL.D01.TOUS", 16, 7, 6 * 4990 + 10, None), ("key_code", "ESSAI.MAIL.D02.TOUS", 16, 0, 0, None),
    }  # fmt: skip
    assert {r["campaign_id"] for r in _stored(after, Response).collect()} == {"rentree_2026"}


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_campaign_whose_file_is_gone_takes_its_orders_all_the_same(spark: SparkSession, make_context: Any, is_kept: bool) -> None:
    """It dropped ten days after the other one, by family: an order after that is its own, though nobody knows its file any more."""
    ctx = make_context()
    _lake(spark, ctx, [_order(1, "p1", dt.date(2026, 7, 1)), _order(2, "p2", dt.date(2026, 6, 20)), _order(4, "p4", dt.date(2026, 7, 1)),
                       _order(5, "p5", dt.date(2026, 7, 1))])  # fmt: skip
    known = ctx.config.campaigns["rentree_2026"]
    gone = known.model_copy(update={"campaign_id": "relance", "drop_date": dt.date(2026, 6, 25), "merge_level": "family"})
    said = {"specification": terms_text(gone) if is_kept else None}
    row = Campaign.row(campaign_id="relance", client_id=gone.client, drop_date=gone.drop_date, spec_hash="h", **said)
    ctx.lake.sync(Campaign, local(spark, Campaign, [row]), "campaign_id = 'relance'")
    pieces = [{**_piece(p, n), "campaign_id": "relance"} for n, p in enumerate(("p1", "p2", "p7"), start=1)]
    ctx.lake.sync(Selection, local(spark, Selection, pieces), "campaign_id = 'relance'")
    # p4 lives with p7, who had the later piece.
    homes = [HouseholdLink.row(person_id=p, household_id="h1" if p in ("p4", "p7") else p) for p in ("p1", "p2", "p4", "p5", "p7")]
    ctx.lake.sync(HouseholdLink, local(spark, HouseholdLink, homes))
    measure_response.run(ctx)
    mine = {r["person_id"] for r in _stored(ctx, Response).where("campaign_id = 'rentree_2026'").collect()}
    assert mine == ({"p2", "p5"} if is_kept else {"p1", "p2", "p4", "p5"})


def terms_text(spec: Any) -> str:
    """What is kept of a campaign when it is cut, and says all of it."""
    kept = spec.model_dump_json()
    assert type(spec).model_validate_json(kept) == spec
    return str(kept)
