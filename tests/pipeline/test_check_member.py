"""A newcomer's sample, read by the real reader and standardised: shares of grades per column, and what could not be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.exchange import checking
from appetence.pipeline.check_member import measured, not_read
from tests.records.test_traps import AS_OF

pytestmark = pytest.mark.spark
CUSTOMERS = BlockSpec(columns={"NUM": "customer_ref", "NOM": "last_name", "PRENOM": "first_name", "CP": "postcode", "VILLE": "city", "MEL": "email"})
TRANSACTIONS = BlockSpec(columns={"NUM": "customer_ref", "CDE": "transaction_ref", "DATE": "transaction_date", "MT": "amount"})
SAMPLES = {
    Block.CUSTOMERS: "NUM;NOM;PRENOM;CP;VILLE;MEL\n1;Lefèvre;Zoé;35000;Rennes;zoe@free.fr\n1;Lefèvre;Z.;35000;Rennes;zoe@free,fr\n"
    "2;XXX;;35000;Rennes;rien\n3;Lefèvre;Luc;35000;Rennes;\n",
    Block.TRANSACTIONS: "NUM;CDE;DATE;MT\n1;a;2026-01-01;12,50\n1;b;31/02/2026;12,50\n2;c;2026-01-02;douze\n2;d;2026-01-03;1\n",
}


def test_shares_of_a_sample(spark: SparkSession, tmp_path: Path) -> None:
    values = {"label": "x", "sector": "presse_edition", "programmes": ["alliance"], "pgp": {"fingerprints": ["A"]}}
    member = MemberSpec.model_validate({"member_id": "m01", **values, "blocks": {Block.CUSTOMERS: CUSTOMERS, Block.TRANSACTIONS: TRANSACTIONS}})
    found = {}
    for block, text in SAMPLES.items():
        sample = tmp_path / f"{block}.csv"
        sample.write_text(text, encoding="utf-8")
        report = checking.examine(sample, member, block, tmp_path / block, 0.1)
        assert report.is_fine and report.staged is not None
        if block is Block.TRANSACTIONS:
            told = not_read(spark, report.staged, AS_OF, TRANSACTIONS)
            assert [(u.column, u.code, u.count, u.among, u.examples) for u in told] == [
                ("amount", "BAD_AMOUNT", 1, 4, ((4, "aaaaa"),)), ("transaction_date", "BAD_DATE", 1, 4, ((3, "99/99/9999"),)),
            ]  # fmt: skip
        found |= {(block, r["column"], r["measure"]): r["share"] for r in measured(spark, report.staged.accepted_path, block, AS_OF)}
    customers = {k[1:]: v for k, v in found.items() if k[0] is Block.CUSTOMERS}
    assert {m: s for (c, m), s in customers.items() if c == "name"} == {"A": 0.5, "B": 0.25, "absent": 0.25}
    assert {m: s for (c, m), s in customers.items() if c == "email"} == {"A": 0.25, "B": 0.25, "D": 0.25, "absent": 0.25}
    assert customers["commune_code", "parsed"] == 1.0 and customers["address", "D"] == 1.0
    assert {k[1:]: v for k, v in found.items() if k[0] is Block.TRANSACTIONS} == {
        ("transaction_date", "BAD_DATE"): 0.25, ("amount", "BAD_AMOUNT"): 0.25,
    }  # fmt: skip
