"""Which members may supply a campaign: contracts that depart from a plain one in one point each."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.reference import Exclusion, Instruction, Member, Recipient
from appetence.selection.supply import instructed
from tests.selection.coop import campaign, contracts, local, recipients, terms

pytestmark = pytest.mark.spark


def test_inv_04_06_only_members_whose_contract_covers_the_campaign_supply_it(spark: SparkSession, conf_folder: str) -> None:
    coop, good = contracts()
    named = [{"recipient_id": s.recipient_id, "sector": str(s.sector), "member_id": s.member_id} for s in recipients().values() if s.role == "client"]
    frames = [local(spark, table, coop.of(name)) for table, name in ((Instruction, "instruction"), (Member, "member"), (Exclusion, "exclusion"))]
    found = instructed(*frames, local(spark, Recipient, named), terms(conf_folder, campaign())).collect()
    assert {r["member_id"] for r in found} == good
    assert {r["instruction_id"] for r in found} == {f"i_{m}_{1 if m == 'm_newer_wider' else 0}" for m in good}
