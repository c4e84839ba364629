"""Every table is declared once, whole: key, owner, subject, tags, checks."""

from __future__ import annotations

import re

import pytest

from appetence.contracts import REGISTRY, Table
from appetence.contracts.base import STRING, field
from appetence.errors import ContractError
from appetence.pipeline.steps import JOBS

TABLES = sorted(REGISTRY.values(), key=lambda t: t.full_name())
READABLE = re.compile(
    r"^(first_name|last_name|birth_name|birth_date|civility|gender|email|phone|mobile|landline|address_(1|2|3|lines|key|extra)|way_.*|customer_ref"
    r"|interests|has_children|children|probability|raw_score|transaction_date|amount_cents|amount|collected_at|recipients|reference)$"
)
"""Column names that hold personal data wherever they stand in a table about persons."""
PUBLIC = {"reference", "ops"}
COUNTS = {"gold.matchback"}


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.full_name())
def test_a_contract_is_whole(table: type[Table]) -> None:
    names = [str(f) for f in table.fields()]
    assert len(names) == len(set(names)) and names[-1] == "run_id"
    assert table.key and set(map(str, table.key)) <= set(names), "the key is among the columns"
    assert set(map(str, (*table.partition_by, *table.cluster_by))) <= set(names)
    assert table.grain().startswith("One ") and all(f.comment for f in table.fields())
    assert table.writer_job() in JOBS
    if table.personal_fields():
        assert table.subject in names or table.keeps_after_erasure, "personal data belong to a subject, or say why they stay"
    assert not set(map(str, table.partition_by)) & {str(f) for f in table.personal_fields()}, "no personal data in a partition path"


@pytest.mark.parametrize("table", [t for t in TABLES if t.schema not in PUBLIC and t.full_name() not in COUNTS], ids=lambda t: t.full_name())
def test_inv_21_a_personal_column_without_its_tag_is_found(table: type[Table]) -> None:
    untagged = [str(f) for f in table.fields() if READABLE.match(f) and not f.personal]
    assert not untagged, f"{table.full_name()}: {untagged} hold personal data and carry no tag"


def test_a_table_declares_itself_and_yields_its_ddl() -> None:
    class Sample(Table):
        """One row per sample."""

        schema, name, owner = "ops", "sample", "runtime"
        sample_id = field(STRING, "Somebody's id.", required=True)
        key = (sample_id,)
        checks = {"filled": "sample_id <> ''"}

    try:
        ddl = Sample.ddl("lake.sample")
        assert "`sample_id` string NOT NULL COMMENT 'Somebody\\'s id.'" in ddl
        assert "'delta.constraints.filled' = 'sample_id <> \\'\\''" in ddl and "One row per sample." in ddl
        assert Sample.row(sample_id="a") == {"sample_id": "a", "run_id": ""}
        with pytest.raises(ContractError, match="no column other"):
            Sample.row(other=1)
    finally:
        REGISTRY.pop("ops.sample")
