"""Planted rows for the pages: a small co-operative whose every number is known."""

from __future__ import annotations

import datetime as dt
from typing import Any

from appetence.contracts.bronze import Delivery, Reject
from appetence.contracts.campaign import Campaign, Export, Matchback, Tier, Waterfall
from appetence.contracts.domain import Reason
from appetence.contracts.gold import Drift, GainsTier, ModelCard, Stability
from appetence.contracts.identity import CandidateStatistic, MatchModel
from appetence.contracts.privacy import ErasureCertificate, RetentionRun, RightsDecision, RightsRequest, RightsTask, Run
from appetence.contracts.silver import DeliveryQuality
from appetence.privacy.deadlines import due_on
from appetence.reporting.campaign_page import CampaignRows
from appetence.reporting.identity_page import IdentityRows
from appetence.reporting.index_page import Overview
from appetence.reporting.model_page import ModelRows
from appetence.reporting.officer_page import OfficerRows, Trail
from appetence.reporting.quality_rows import QualityRows

Row = dict[str, Any]
SOURCE = "Made from planted rows."
DROP = dt.date(2026, 11, 17)
DROPS = {
    Reason.STATUS: 412, Reason.SUPPRESSED: 131, Reason.EXTERNAL_LIST: 7, Reason.PERMISSION: 3105, Reason.INSTRUCTION: 890,
    Reason.SOURCES: 2210, Reason.CLIENT_FILE: 0, Reason.DELIVERABLE: 315, Reason.CAP: 4, Reason.PRESELECT: 0, Reason.DEDUPLICATE: 520,
    Reason.BELOW_CUT: 1756, Reason.CELL: 150,
}  # fmt: skip
UNIVERSE = 11_000


def waterfall(drops: dict[Reason, int] | None = None) -> list[Row]:
    """Waterfall rows of one campaign from what each step drops."""
    left, made = UNIVERSE, [Waterfall.row(campaign_id="noel_vad", step=0, code="UNIVERSE", entered=UNIVERSE, dropped=0, remaining=UNIVERSE)]
    for step, (code, dropped) in enumerate((drops or DROPS).items(), start=1):
        made.append(Waterfall.row(campaign_id="noel_vad", step=step, code=str(code), entered=left, dropped=dropped, remaining=left - dropped))
        left -= dropped
    return made


def campaign(**changes: Any) -> Row:
    """A prospect campaign by post."""
    values: Row = {
        "campaign_id": "noel_vad", "spec_hash": "h", "product": "prospect", "client_id": "r_vad", "purpose": "commercial",
        "channels": ["post"], "programme": "alliance", "drop_date": DROP, "cutoff": dt.date(2026, 10, 31), "model_key": "prospect:r_vad",
        "ordered": 1500, "planned_holdout": 150, "selected": 1500, "held_out": 150, "cost_per_piece_cents": 62, "margin_cents": 2800,
    }  # fmt: skip
    return Campaign.row(**{**values, **changes})


def tiers() -> list[Row]:
    """Ten tiers whose expected rate falls below break-even after the sixth."""
    made, units, money = [], 0, 0
    for tier in range(1, 11):
        responses = 340 * 0.082 * 0.82**tier
        margin = round(responses * 2800 - 340 * 62)
        units, money = units + 340, money + margin
        made.append(
            Tier.row(campaign_id="noel_vad", tier=tier, quantity=340, expected_responses=responses, expected_margin_cents=margin,
                     cumulative_quantity=units, cumulative_margin_cents=money, is_above_break_even=margin > 0)
        )  # fmt: skip
    return made


def matchback() -> list[Row]:
    """Results: 60 of 1500 contacted responded, 12 of 150 held out would be too many to hide; later tenths have few responders."""
    responders = (14, 12, 9, 8, 5, 4, 4, 2, 1, 1)
    made = [
        Matchback.row(campaign_id="noel_vad", group_kind="total", group_value="all", units=1500, responders=60, rate=0.04, rate_low=0.0312,
                      rate_high=0.0511, amount_cents=351000, predicted_rate=0.041, incremental_rate=0.011, incremental_low=0.002,
                      incremental_high=0.02, incremental_amount_cents=96500),
        Matchback.row(campaign_id="noel_vad", group_kind="cell", group_value="mail", units=1500, responders=60, rate=0.04, rate_low=0.0312,
                      rate_high=0.0511, amount_cents=351000),
        Matchback.row(campaign_id="noel_vad", group_kind="cell", group_value="holdout", units=450, responders=13, rate=0.0289,
                      rate_low=0.017, rate_high=0.0488, amount_cents=61000),
    ]  # fmt: skip
    for decile, n in enumerate(responders, start=1):
        made.append(
            Matchback.row(campaign_id="noel_vad", group_kind="decile", group_value=str(decile), units=150, responders=n, rate=n / 150,
                          predicted_rate=0.085 * 0.82**decile, amount_cents=n * 5850)
        )  # fmt: skip
    return made


def selection_counts() -> list[Row]:
    """1650 units by post: 1350 mailed, 150 in a test cell, 150 held out; 6 of them served before."""
    cells = (("mail", 1344, True), ("mail", 6, False), ("couverture_b", 150, True), ("holdout", 150, True))
    return [
        {"campaign_id": "noel_vad", "channel": "post", "list_id": "acheteurs_recents", "cell": cell, "is_newly_served": new, "n": n}
        for cell, n, new in cells
    ]


def profile() -> list[Row]:
    """Ages and departments of candidates and selected; one department with 4 selected."""
    ages = (("18-34", 2100, 120), ("35-49", 3000, 410), ("50-64", 3100, 580), ("65-74", 1700, 380), ("75+", 1100, 160))
    departments = (
        ("59", 460, 96),
        ("75", 480, 80),
        ("13", 380, 71),
        ("69", 350, 66),
        ("33", 300, 52),
        ("48", 30, 4),
        ("Other", 9000, 1281),
    )
    rows = [("age_band", *r) for r in ages] + [("department", *r) for r in departments]
    return [{"campaign_id": "noel_vad", "facet": f, "value": v, "everybody": e, "selected": s} for f, v, e, s in rows]


def exports() -> list[Row]:
    """One file for the postal router; four persons fell out between selection and export."""
    return [
        Export.row(
            export_id="e1",
            campaign_id="noel_vad",
            channel="post",
            layout="post/1",
            recipient_id="routeur_postal",
            file_name="noel_vad_post.csv.pgp",
            rows=1501,
            seeds=5,
            destroy_by=dt.date(2027, 2, 15),
            exported_on=dt.date(2026, 10, 31),
        )
    ]


def campaign_rows(**changes: Any) -> CampaignRows:
    """Everything one campaign page needs."""
    values: Row = {
        "campaign": campaign(), "waterfall": waterfall(), "tiers": tiers(), "counts": selection_counts(), "profile": profile(),
        "exports": exports(), "matchback": matchback(), "spec": None, "rules": (), "client_label": "Client VAD", "source": SOURCE,
    }  # fmt: skip
    return CampaignRows(**{**values, **changes})


def card(**changes: Any) -> Row:
    """A champion."""
    values: Row = {
        "model_key": "prospect:r_vad",
        "model_version": "2",
        "trained_on": dt.date(2026, 10, 31),
        "algorithm": "boosted_trees",
        "train_cutoffs": ["2025-11-05", "2026-02-03", "2026-05-04"],
        "test_cutoff": dt.date(2026, 8, 2),
        "train_rows": 32000,
        "test_rows": 11000,
        "test_positives": 660,
        "auc": 0.742,
        "average_precision": 0.19,
        "brier": 0.051,
        "calibration_error": 0.0042,
        "top_decile_lift": 3.4,
        "top_fifth_capture": 0.52,
        "baseline_auc": 0.683,
        "is_champion": True,
        "mlflow_run_id": "0f3c",
        "gate_reason": "passed: better than the model in use on the same period (AUC +0.012)",
    }
    return ModelCard.row(**{**values, **changes})


def gains() -> list[Row]:
    """Ten tenths of 1100 persons with 660 positives."""
    positives, made, so_far = (224, 119, 83, 62, 50, 40, 31, 24, 16, 11), [], 0
    for decile, n in enumerate(positives, start=1):
        so_far += n
        made.append(
            GainsTier.row(model_key="prospect:r_vad", model_version="2", decile=decile, persons=1100, positives=n,
                          mean_probability=n / 1100 * (0.93 + 0.015 * decile), rate=n / 1100, lift=n / 66, lift_low=n / 66 * 0.85,
                          lift_high=n / 66 * 1.15, cumulative_capture=so_far / 660)
        )  # fmt: skip
    return made


def stability(**changes: Any) -> Row:
    """What the newest scoring says of itself."""
    values: Row = {
        "model_key": "prospect:r_vad", "cutoff": dt.date(2026, 10, 31), "model_version": "2", "persons": 11_000, "mean_probability": 0.061,
        "tested_mean_probability": 0.058, "score_index": 0.06, "verdict": "stable", "drifted_columns": 1,
        "previous_cutoff": dt.date(2026, 9, 30), "newly_scored_share": 0.021, "first_decile_kept_share": 0.83, "first_decile_new_share": 0.17,
    }  # fmt: skip
    return Stability.row(**{**values, **changes})


def model_rows(**changes: Any) -> ModelRows:
    """Everything one model page needs."""
    shape = [3, 8, 21, 60, 160, 420, 900, 1500, 2050, 1900, 1500, 1100, 700, 380, 200, 70, 28]
    words = (
        "achats récents chez vous", "commandes fréquentes", "achats en équipement", "foyer acheteur", "montants élevés",
        "profil dans la moyenne",
    )  # fmt: skip
    key, cutoff = "prospect:r_vad", dt.date(2026, 10, 31)
    values: Row = {
        "card": card(),
        "versions": [card(model_version="1", is_champion=False, auc=0.73, gate_reason="replaced"), card()],
        "tiers": gains(),
        "bins": [{"bin": i + 12, "n": n} for i, n in enumerate(shape)],
        "reasons": [
            {"reason": w, "first_decile": n, "everybody": e}
            for w, n, e in zip(words, (820, 610, 400, 380, 270, 5), (2100, 1900, 2500, 2200, 1300, 3000), strict=True)
        ],
        "scored": {"model_key": key, "cutoff": cutoff, "n": sum(shape), "first_decile": 1100, "mean": 0.061},
        "client_label": "Client VAD",
        "source": SOURCE,
        "stability": stability(),
        "drift": [
            Drift.row(model_key=key, cutoff=cutoff, subject_column=c, model_version="2", stability_index=i, chance_index=0.002, verdict=v)
            for c, i, v in (("total_events_90d", 0.31, "drifted"), ("age", 0.14, "shifted"), ("has_post", 0.01, "stable"))
        ],
    }
    return ModelRows(**{**values, **changes})


def match_model() -> list[Row]:
    """Three fields and a prior: a surname that a family shares, a first name that it does not, a contradiction."""
    levels = (
        ("last_name", "exact_3", 0.7, 0.65, 0.0001), ("last_name", "differ", 0.01, 0.1, 0.9),
        ("first_name", "exact_3", 0.6, 0.02, 0.0002), ("first_name", "differ", 0.02, 0.85, 0.95),
        ("birth_date", "exact", 0.9, 0.01, 0.00005), ("birth_date", "contradict", 0.000001, 0.95, 0.99),
        ("prior", "person", 0.0001, 0.0002, 0.9997),
    )  # fmt: skip
    return [
        MatchModel.row(model_version="v1", is_current=True, comparison=c, level=v, p_person=p, p_household=h, p_unrelated=u)
        for c, v, p, h, u in levels
    ]


def identity_rows(**changes: Any) -> IdentityRows:
    """Everything the identity page needs."""
    linked = {
        (w * 2.0): n
        for w, n in zip(
            range(0, 22),
            (12, 20, 31, 60, 110, 240, 500, 830, 1100, 1300, 1400, 1250, 1000, 700, 520, 300, 160, 80, 40, 20, 9, 3),
            strict=True,
        )
    }
    left = {-4.0: 90, -2.0: 40, -10.0: 210, -8.0: 170, -6.0: 120}
    values: Row = {
        "records": 20000,
        "persons": 11000,
        "households": 7600,
        "person_sizes": [{"bin": i + 1, "n": n} for i, n in enumerate((6000, 2900, 1300, 520, 190, 60, 22, 6, 1, 1))],
        "household_sizes": [{"bin": i + 1, "n": n} for i, n in enumerate((4900, 2100, 420, 140, 40))],
        "edges": [{"bin": b, "is_link": True, "n": n} for b, n in linked.items()] + [{"bin": b, "is_link": False, "n": n} for b, n in left.items()],
        "candidates": [
            CandidateStatistic.row(rule=r, blocks=b, pairs=p, largest_block=m, largest_share=s)
            for r, b, p, m, s in (
                ("last_name_postcode", 4000, 21000, 31, 0.022),
                ("email", 2500, 2900, 6, 0.005),
                ("all", 6500, 23900, 31, 0.019),
            )
        ],
        "model": match_model(),
        "members": [
            {"member_id": f"m{i:02}", "records": 1500 + 90 * i, "persons": 1480 + 88 * i, "shared": 700 + 30 * i, "repeated": 20 + 2 * i}
            for i in range(1, 5)
        ],
        "member_labels": {"m01": "Maison des Lainages"},
        "events": [
            {"as_of": dt.date(2026, 10, 31), "kind": "created", "n": 11000},
            {"as_of": dt.date(2026, 10, 31), "kind": "joined", "n": 9000},
        ],
        "expected": [
            {
                "as_of": dt.date(2026, 10, 31),
                "expected_precision": 0.9912,
                "expected_precision_interval": [0.99, 0.9924],
                "expected_recall": 0.955,
                "expected_recall_interval": [0.951, 0.959],
                "expected_pair_recall": 0.979,
                "expected_pair_recall_interval": [0.977, 0.981],
            },
        ],
        "link_weight": 0.0,
        "review_weight": -10.0,
        "source": SOURCE,
        "truth": {
            "person": {"precision": 0.985, "recall": 0.962, "f1": 0.9734, "bcubed_f1": 0.98},
            "household": {"precision": 0.91, "recall": 0.93, "f1": 0.92, "bcubed_f1": 0.95},
        },
    }
    return IdentityRows(**{**values, **changes})


def overview(**changes: Any) -> Overview:
    """Everything the index needs."""
    runs = [
        Run.row(
            job=job,
            as_of=dt.date(2026, 10, 31),
            status="succeeded",
            rows_in=20000,
            rows_out=19800,
            rows_rejected=200,
            seconds=12.3,
            table_versions='{"gold.score": 1}',
            started_at=dt.datetime(2026, 10, 31, 3, minute),
        )
        for minute, job in enumerate(("receive_deliveries", "standardise_records", "score_persons"))
    ]
    runs.append(
        Run.row(
            job="export_selection",
            as_of=dt.date(2026, 10, 31),
            status="failed",
            error="The router's key has expired: import the new one.",
            table_versions="{}",
            started_at=dt.datetime(2026, 10, 31, 4),
        )
    )
    values: Row = {
        "environment": "demo", "source": SOURCE, "runs": runs, "records": 20000, "persons": 11000, "households": 7600, "members": 12,
        "tables": [{"name": "gold.score", "rows": 33000, "version": 1, "grain": "One row per model, cutoff and person."}],
        "cards": [card()], "campaigns": [campaign()], "campaign_labels": {"noel_vad": "Catalogue de Noël"},
    }  # fmt: skip
    return Overview(**{**values, **changes})


def officer_rows(**more: Any) -> OfficerRows:
    """A desk with one request late, one parked, two done; one erasure, one retention run."""
    day = dt.date(2026, 10, 31)

    def request(n: int, right: str, state: str, received: dt.date, **other: Any) -> dict[str, Any]:
        due = due_on(received)
        return RightsRequest.row(
            request_id=f"{n:032x}", right=right, state=state, received_through="member:m05", received_on=received, due_on=due, **other
        )

    requests = [
        request(1, "access", "open", dt.date(2026, 9, 15)),
        request(2, "erasure", "parked", dt.date(2026, 10, 5), state_reason="These coordinates are held by somebody under another name."),
        request(3, "erasure", "executed", dt.date(2026, 10, 1)),
        request(4, "access", "executed", dt.date(2026, 10, 2)),
    ]
    tasks = [RightsTask.row(request_id=f"{3:032x}", controller_id="r_vad", controller_role="client", state="open", due_on=dt.date(2026, 11, 1))]
    proof = [
        ErasureCertificate.row(certificate_id="c" * 32, cause="request", request_ids=[f"{3:032x}"], table_name=t, rows_purged=n, files_removed=2,
                               scan_findings=0, certified_on=day)
        for t, n in (("silver.record", 3), ("gold.score", 1), ("files", 0))
    ]  # fmt: skip
    kept = [RetentionRun.row(as_of=day, member_id="m05", retention_months=24, limit_on=dt.date(2024, 10, 31), records_examined=1234,
                             records_expired=56, is_dry_run=True)]  # fmt: skip
    keys = [{"scope": "global", "source": "person", "kind": "email", "n": 4321, "newest": day}]
    decided = [RightsDecision.row(request_id=f"{2:032x}", subject_matter="contribution", decider="member:m05", decision="refuse", decided_on=day)]
    ran = [Run.row(job="handle_rights", as_of=day, status="succeeded", rows_in=4, rows_out=2, seconds=31.0, started_at=dt.datetime(2026, 10, 31, 7))]
    said = {
        "as_of": day, "source": "Made from planted rows.", "requests": requests, "tasks": tasks, "decisions": decided, "certificates": proof,
        "retention": kept, "suppressions": keys, "deaths": {"certain": 2, "probable": 5}, "limited": 1, "erased": 3, "exports": [], "runs": ran,
        "trail": Trail(17, "a" * 64, 6), "member_labels": {"m05": "Escapades du Ponant"},
    }  # fmt: skip
    return OfficerRows(**{**said, **more})


def quality_rows() -> QualityRows:
    """Seven monthly deliveries of a member: in the fifth the e-mails broke, in the last a quarter of the birth dates did. One of another."""
    fields = {"name": 0.97, "birth_date": 0.9, "address": 0.94, "email": 0.91, "mobile": 0.88, "landline": 0.8}
    filled = {"civility": 0.99, "first_name": 0.97, "last_name": 1.0, "birth_date": 0.62, "address_1": 0.96, "postcode": 0.99, "email": 0.55}
    measures: list[Row] = []
    deliveries: list[Row] = []
    before: dict[tuple[str, str], float] = {}
    for member_id, number in [*(("m01", n) for n in range(1, 8)), ("m02", 7)]:
        delivery_id, at = f"{member_id}n{number}", dt.datetime(2026, 3 + number, 1, 3)
        shares = {("line", "refused"): 0.004, ("line", "unread"): 0.01 + 0.002 * number, ("line", "repeated_customer"): 0.001 * number}
        shares |= {("line", "repeated_person"): 0.013, **{(c, "filled"): s - 0.004 * (number % 3) for c, s in filled.items()}}
        for field, share in fields.items():
            bad = (
                0.38 if (field, number) == ("email", 5) else 0.25 if (field, number, member_id) == ("birth_date", 7, "m01") else 0.005 * (number % 2)
            )
            shares |= {(field, "valid"): share - bad, (field, "grade_A"): (share - bad) * 0.9, (field, "grade_B"): (share - bad) * 0.1}
            shares |= {(field, "grade_C"): 0.02, (field, "grade_D"): 0.98 - share + bad}
        for (column, measure), share in shares.items():
            last = before.get((column, measure)) if member_id == "m01" else None
            drift = None if last is None else round(share - last, 6)
            measures.append(
                DeliveryQuality.row(
                    delivery_id=delivery_id, member_id=member_id, delivered_at=at, column=column, measure=measure, counted=round(share * 2000),
                    among=2000, share=round(share, 6), share_before=last, drift=drift, is_alert=drift is not None and abs(drift) >= 0.05,
                )
            )  # fmt: skip
        before = shares if member_id == "m01" else {}
        deliveries.append(
            Delivery.row(
                delivery_id=delivery_id, member_id=member_id, delivery_ref=f"mensuel-{number}", mode="full", delivered_at=at, status="accepted",
                rows_read=2008, rows_accepted=2000, rows_rejected=8, values_unread=40 + number,
            )
        )  # fmt: skip
    deliveries.append(Delivery.row(delivery_id="x", member_id="m02", delivery_ref="raté", status="quarantined", reason_code="UNKNOWN_COLUMN"))
    told = [("customers", "birth_date", "BAD_DATE", 31), ("customers", "email", "BAD_EMAIL", 16), ("customers", "line", "FIELD_COUNT", 8)]
    rejects = [{"delivery_id": "m01n7", Reject.block: b, Reject.column: c, Reject.code: code, "n": n} for b, c, code, n in told]
    return QualityRows(measures, deliveries, {"m01": "Presse d'Armor", "m02": "Maison Sévrane"}, SOURCE, rejects)
