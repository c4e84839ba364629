"""A new pepper takes over while what was hashed with the one before still counts; its key may go once no row needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from appetence.cli.peppers import in_words
from appetence.contracts.privacy import ErasedRecord, Suppression
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.pipeline import import_suppressions
from appetence.pipeline.context import Context
from appetence.pipeline.erasing import without_erased
from appetence.pipeline.peppers import versions_in_use
from appetence.pipeline.select_campaign import current_suppressions, keyed_coordinates
from appetence.privacy.erasure import erased_hashes
from tests.privacy.coop import prepare, put

HEADER = "scope;last_name;first_name;address_1;postcode;city;email;phone\n"
ROTATED = ("privacy.pepper_version='2'", "privacy.pepper_ref=file:{secrets}/pepper_2.key")


def caught(ctx: Context) -> set[str]:
    """Records the suppression list concerns, as a selection finds them."""
    met = keyed_coordinates(ctx).join(current_suppressions(ctx), on=["kind", "key_hash"], how="inner")
    return {row[0] for row in met.select(Record.record_id).distinct().collect()}


def versions(ctx: Context) -> dict[str, int]:
    return {r["pepper_version"]: r["count"] for r in ctx.lake.read(Suppression).groupBy("pepper_version").count().collect()}


@pytest.mark.spark
def test_a_pepper_is_changed_without_stopping_a_campaign(make_context: Callable[..., Context]) -> None:
    first = make_context()
    folder, home = prepare(first) / "suppressions", Path(first.config.paths.secrets)
    (home / "pepper_2.key").write_text("f" * 64, encoding="ascii")
    (home / "pepper_2.key").chmod(0o600)
    put(first, Record, [
        Record.row(record_id="here", last_name="LEFEVRE", first_name="MARIE", email="marie.lefevre@free.fr"),
        Record.row(record_id="free", last_name="PETIT", first_name="ANNE", email="anne.petit@free.fr"),
    ])  # fmt: skip
    (folder / "person_1.csv").write_text(HEADER + "global;;;;;;marie.lefevre@free.fr;\nglobal;;;;;;paul.durand@free.fr;\n", encoding="utf-8")
    import_suppressions.run(first)
    gone = erased_hashes(first.spark.createDataFrame([("erased",)], "record_id string"), first.pepper_pads())
    first.lake.insert_new(
        ErasedRecord,
        gone.withColumns({"subject_kind": F.lit("record"), "cause": F.lit("request"), "pepper_version": F.lit("1"), "erased_on": F.lit(first.as_of)}),
    )
    assert caught(first) == {"here"} and versions(first) == {"1": 2}

    with pytest.raises(ConfigError, match="name that version and where its pepper is kept in privacy.former_peppers"):
        current_suppressions(make_context(overrides=ROTATED))

    both = make_context(overrides=(*ROTATED, "privacy.former_peppers={'1': 'file:{secrets}/pepper.key'}"))
    assert caught(both) == {"here"}, "the list of before is matched under the pepper it was made with"
    assert both.request_key() == first.request_key(), "a request that waits keeps its id"
    delivered = both.spark.createDataFrame([("erased",), ("here",)], "record_id string")
    assert [r[0] for r in without_erased(both, delivered).collect()] == ["here"], "nobody erased returns"

    (folder / "person_2.csv").write_text(HEADER + "global;;;;;;zoe.blanc@free.fr;\n", encoding="utf-8")
    counts = import_suppressions.run(both)
    assert counts.details["rekeyed"] == 1 and versions(both) == {"1": 1, "2": 2}, "what a record still has is put under the new pepper"
    assert {r["source"] for r in both.lake.read(Suppression).collect()} == {"person"}
    assert import_suppressions.run(both).details["rekeyed"] == 0, "once"
    later = [Record.row(record_id="later", email="paul.durand@free.fr"), Record.row(record_id="new", email="zoe.blanc@free.fr")]
    put(both, Record, later)
    assert caught(both) == {"here", "later", "new"}

    old, new = versions_in_use(both)
    assert (old["version"], old["may_go"], old["rows"]) == ("1", False, {"privacy.suppression": 1, "privacy.erased_record": 1})
    assert new["is_newest"] and not new["may_go"] and new["rows"] == {"privacy.suppression": 2}
    assert import_suppressions.run(both).details["rekeyed"] == 1 and versions(both) == {"2": 3}
    assert not versions_in_use(both)[0]["may_go"], "the erased are still known by it alone"
    both.lake.delete(ErasedRecord, both.lake.read(ErasedRecord).select("key_hash"), "key_hash")
    free = versions_in_use(both)[0]
    assert free["may_go"] and "destroy its key" in in_words(free)
    (home / "pepper.key").unlink()
    assert caught(make_context(overrides=ROTATED)) == {"here", "later", "new"}, "and nothing needs it any more"


def test_each_version_is_told_in_a_line() -> None:
    row = {"version": "1", "rows": {"privacy.suppression": 3}, "is_newest": False, "is_kept": True, "may_go": False}
    assert in_words(row) == "1: kept to match what was made with it; needed by 3 of privacy.suppression."
    assert "name it in privacy.former_peppers" in in_words({**row, "is_kept": False})
    assert "in use for new hashes" in in_words({**row, "is_newest": True})
