"""One registry drives access, erasure, grants and the register: what is tagged is reached, and an untagged or unreachable column shows."""

import datetime as dt
from pathlib import Path

import pytest

import appetence.contracts  # noqa: F401  # registers every table
from appetence.contracts.base import REGISTRY, STRING, Field, Personal, Table, field
from appetence.contracts.settings import ProcessorSpec
from appetence.contracts.silver import PermissionEvent
from appetence.errors import ContractError
from appetence.privacy import answer_words as words
from appetence.privacy.answers import access_document, as_html, held_tables, kept_tables, shown_fields
from appetence.privacy.erasure import distinctive, plan
from appetence.privacy.grants import ROLES, readable, statements
from appetence.privacy.impact import impact_summary
from appetence.privacy.register import register, unsafe_processors, unsafe_recipients
from appetence.runtime.config import load

CONF = str(Path(__file__).resolve().parents[2] / "conf")

_TELLS = (
    "first_name",
    "last_name",
    "birth",
    "email",
    "phone",
    "mobile",
    "landline",
    "address_1",
    "address_lines",
    "postcode",
    "customer_ref",
)
_PUBLIC = {"reference.commune", "reference.first_name"}


def test_inv_21_every_table_with_personal_data_is_reached_or_says_why_it_is_kept() -> None:
    reached = {t.table.full_name() for t in plan()}
    for name, table in REGISTRY.items():
        if table.personal_fields() or table.subject is not None:
            assert (name in reached) != (table.keeps_after_erasure is not None), name


def test_inv_21_every_column_that_holds_the_id_of_a_record_is_deleted_by() -> None:
    """An edge names two records: whichever of them goes, the edge goes."""
    deleted_by = {(t.table.full_name(), t.column) for t in plan()}
    reached = [t for t in REGISTRY.values() if t.keeps_after_erasure is None]
    ids = {(t.full_name(), str(f)) for t in reached for f in t.content() if str(f).startswith("record_") and f.dtype == STRING}
    assert len(ids) > 20 and ids <= deleted_by


def test_inv_21_a_table_that_survives_holds_no_readable_coordinate() -> None:
    readable_kinds = {Personal.IDENTITY, Personal.CONTACT, Personal.LIFE, Personal.BEHAVIOUR}
    for name, table in REGISTRY.items():
        if table.keeps_after_erasure is not None:
            assert not any(f.personal in readable_kinds for f in table.content()), name


def test_inv_21_a_column_that_looks_personal_has_its_tag() -> None:
    untagged = [
        f"{name}.{f}"
        for name, table in REGISTRY.items()
        if name not in _PUBLIC
        for f in table.content()
        if any(str(f).startswith(w) for w in _TELLS) and not f.personal and not str(f).endswith("_grade") and f.dtype == STRING
    ]
    assert untagged == []


def _stray(**columns: Field) -> type[Table]:
    made = type("Stray", (Table,), {"__doc__": "A stray table.", "schema": "test", "name": "stray", "owner": "records", **columns})
    REGISTRY.pop("test.stray")
    return made


def test_inv_21_a_personal_table_without_a_subject_stops_the_plan() -> None:
    stray = _stray(nickname=field(STRING, "Name.", personal=Personal.IDENTITY))
    with pytest.raises(ContractError, match=r"test\.stray holds personal data \(nickname\) no erasure reaches"):
        plan({"test.stray": stray})


def test_inv_21_access_reads_the_tables_that_erasure_purges() -> None:
    shown = {t.table.full_name() for t in held_tables()}
    purged = {t.table.full_name() for t in plan() if t.table.personal_fields()}
    assert purged <= shown
    for target in held_tables():
        assert set(target.table.personal_fields()) <= set(shown_fields(target.table)), target.table.full_name()


def test_inv_09_access_shows_no_id_of_the_operator() -> None:
    hidden = {"person_id", "household_id", "record_id", "address_id", "from_person_id", "to_person_id", "merge_unit"}
    assert not {str(f) for t in held_tables() for f in shown_fields(t.table)} & hidden


def test_the_answer_to_a_person_names_everything_in_its_own_words() -> None:
    assert {t.table.full_name() for t in held_tables()} == set(words.TITLES) and set(kept_tables()) == set(words.KEPT)
    row = {str(f): "<b>" for f in PermissionEvent.content()}
    document = access_document(
        "q1", dt.date(2026, 10, 31), {"silver.permission_event": [row]}, {"recipients": ["Trans & Postal"], "suppression": "x"}
    )
    page = as_html(document)
    assert "À qui elles ont été communiquées" in page and words.TITLES["silver.permission_event"] in page and "31/10/2026" in page
    assert "silver.permission_event" not in page and "<b>" not in page and "Trans &amp; Postal" in page


def test_distinctive_values_serve_everybody_and_leave_out_what_others_hold() -> None:
    values = [
        ("a", "alice@free.fr"),
        ("a", "canari-aaaa"),
        ("a", "0611223344"),
        ("b", "Shared@free.fr"),
        ("b", "canari-bbbb"),
        ("c", "short"),
    ]
    assert distinctive(values, ["shared@FREE.fr"], 10) == ["0611223344", "canari-bbbb", "alice@free.fr", "canari-aaaa"]
    assert distinctive(values, [], 2) == ["0611223344", "Shared@free.fr"]


def test_grants_close_what_no_rule_opens() -> None:
    by_name = {role.name: set(readable(role)) for role in ROLES}
    assert by_name["appetence_jobs"] == set(REGISTRY) == by_name["appetence_officer"]
    science, campaigns = by_name["appetence_science"], by_name["appetence_campaigns"]
    assert {"gold.feature", "gold.score", "gold.model_card"} <= science and "gold.selection" in campaigns
    for closed in (
        "silver.record",
        "bronze.raw_record",
        "identity.person",
        "identity.person_link",
        "silver.permission_event",
        "gold.campaign_file",
    ):
        assert closed not in science | campaigns | by_name["appetence_audit"], closed
    assert not {n for n in by_name["appetence_audit"] if REGISTRY[n].personal_fields()}
    text = statements("cat")
    assert "GRANT SELECT ON TABLE `cat`.`gold`.`score` TO `appetence_science`" in text
    assert [s for s in text if "MODIFY" in s and "appetence_jobs" not in s] == [] and not any("member" in s.split(" TO ")[1] for s in text)


def test_the_register_names_every_member_recipient_and_category() -> None:
    config = load("demo", [], CONF)
    assert config.law is not None
    page = register(config.members, config.recipients, config.law, dt.date(2026, 10, 31))
    for label in [
        *(m.label for m in config.members.values()),
        *(r.label for r in config.recipients.values()),
        "purchases and gifts",
        "silver.record",
    ]:
        assert label in page, label
    assert unsafe_recipients(config.recipients.values()) == [] and "MISSING" not in page
    assert "None is configured" in page
    host, far = ProcessorSpec(name="Host & Cie", what="hosting"), ProcessorSpec(name="Farland", what="support", country="US", safeguard=" ")
    told = register(config.members, config.recipients, config.law, dt.date(2026, 10, 31), [far, host])
    assert "| Host & Cie | hosting | FR | inside the EEA |" in told and "**Farland: outside the EEA and without a safeguard." in told
    azure = load("azure", [], CONF)
    assert len(azure.privacy.processors) == 2 and unsafe_processors(azure.privacy.processors) == []
    abroad = next(iter(config.recipients.values())).model_copy(update={"country": "US", "safeguard": " "})
    assert unsafe_recipients([abroad]) == [abroad.recipient_id]


def test_the_impact_summary_says_who_reads_names_and_what_is_still_open() -> None:
    config = load("demo", [], CONF)
    assert config.law is not None
    law, day = config.law, dt.date(2026, 10, 31)
    page = impact_summary(config.members, config.recipients, law, config.selection, config.propensity, day)
    assert "read by appetence_officer and the jobs" in page and "None found by the generator" in page
    assert all(f"| {kind} |" in page for kind in Personal)
    silent = {"m01": config.members["m01"].model_copy(update={"instructions": ()})}
    abroad = {k: r.model_copy(update={"country": "US", "safeguard": None}) for k, r in list(config.recipients.items())[:1]}
    open_points = impact_summary(silent, abroad, law, config.selection, config.propensity, day).partition("## Open points")[2]
    assert "m01 has no instruction" in open_points and f"No export is allowed to {next(iter(abroad))}" in open_points
