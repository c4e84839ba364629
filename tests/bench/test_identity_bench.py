"""The bench of identity resolution: what its answer promises, what it refuses, and that the truth has no part in what is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.bench import census, identity
from appetence.contracts.settings import IdentitySettings
from appetence.errors import ConfigError
from appetence.identity import comparison
from appetence.runtime.config import load

FIRST = ("Jeanne", "Paul", "Chantal", "Marcel", "Odile", "Gaston", "Nadia", "Karim", "Sylvie", "Hugues")
LAST = ("Lefebvre", "Marchand", "Boulanger", "Quignon", "Tessier", "Vasseur")
FIGURES = {"precision", "recall", "f1", "bcubed_f1", "exact_clusters"}
TRUTH = ["true_person", "true_household"]
Found = tuple[dict[str, Any], set[frozenset[str]]]


def few_records() -> pd.DataFrame:
    """Twenty-four persons of six homes, each told by two members, some with a letter too few; one home is abroad."""
    draw, rows = random.Random(11), []
    for i in range(24):
        home, first = i % 6, FIRST[i % len(FIRST)]
        row = {"first_name": first, "last_name": LAST[home], "birth_date": f"{1950 + 2 * i}-0{1 + i % 9}-{10 + i % 18}",
               "postcode": f"{33 + home}000", "city": "Bordeaux" if not home else "Autreville",
               "country": "BE" if home == 5 else "FR", "x_card": f"C{1000 + 37 * i}",
               "true_person": f"p{i}", "true_household": f"h{home}"}  # fmt: skip
        for member in ("m1", "m2"):
            told = row["last_name"][:-1] if draw.random() < 0.2 else row["last_name"]
            rows.append({"member_id": member, "customer_ref": f"{member}-{i}", **row, "last_name": told})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def kept() -> dict[str, Found]:
    """What `measured` has measured: a run of the module each, begun after the session was told not to compile."""
    return {}


@pytest.fixture
def measured(spark: SparkSession, interpreted: None, tmp_path: Path, kept: dict[str, Found]) -> Callable[[str], Found]:
    """The answer, and the sets of records found to be one person: of the file `told` with its truth, and `untold` without."""

    def measure(name: str) -> Found:
        if name not in kept:
            few_records().drop(columns=TRUTH if name == "untold" else []).to_parquet(tmp_path / f"{name}.parquet")
            kept[name] = noted_run(spark, tmp_path / f"{name}.parquet", tmp_path)
        return kept[name]

    return measure


def noted_run(spark: SparkSession, records: Path, scratch: Path) -> Found:
    scores, found = identity.scores, set()

    def noted(given: DataFrame, clusters: DataFrame, *others: DataFrame) -> dict[str, Any]:
        found.update(clusters.toPandas().groupby("cluster")["record_id"].agg(frozenset))
        return scores(given, clusters, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "scores", noted)
        settings = IdentitySettings(engine="driver", contradiction="auto")
        return identity.run(spark, records, scratch, settings=settings, as_of=identity.AS_OF), found


@pytest.mark.spark
def test_every_promised_figure_is_there(measured: Callable[[str], Found]) -> None:
    answer, _ = measured("told")
    assert answer["records"] == 48 and answer["pairs_compared"] > 0
    assert set(answer["person"]) == FIGURES and set(answer["household"]) == FIGURES
    assert {"precision", "recall"} <= set(answer["estimated"])
    stages = {"standardise", "block", "compare", "weigh", "connect", "repair", "households"}
    assert set(answer["seconds"]) == stages | {"total"}
    assert min(answer["seconds"][s] for s in stages) > 0, "repair included: none is counted with another"
    assert answer["seconds"]["total"] == pytest.approx(sum(answer["seconds"][s] for s in stages), abs=0.1)
    assert answer["peak_memory_gb"] > 0 and answer["components_engine"] == "driver"
    assert answer["person"]["f1"] > 0.9


@pytest.mark.spark
def test_the_figures_stand_by_member_and_by_segment_too(measured: Callable[[str], Found]) -> None:
    answer, _ = measured("told")
    assert {m: f["records"] for m, f in answer["by_member"].items()} == {"m1": 24, "m2": 24}
    assert set(answer["by_segment"]) == {"department", "birth_decade"}, "the file states no civility"
    assert all(sum(f["records"] for f in parts.values()) == 48 for parts in answer["by_segment"].values())
    assert {"1950", "1990"} <= set(answer["by_segment"]["birth_decade"])
    assert "33" in answer["by_segment"]["department"]
    for figures in answer["by_member"].values():
        assert set(figures) == {"records", "matched", "precision", "recall", "f1"}
        # Every pair has one record of each member.
        assert (figures["precision"], figures["recall"]) == (answer["person"]["precision"], answer["person"]["recall"])


@pytest.mark.spark
@pytest.mark.slow  # a second run
def test_the_truth_has_no_part_in_what_is_found(measured: Callable[[str], Found]) -> None:
    (told, found), (untold, found_again) = measured("told"), measured("untold")
    assert found == found_again and 20 < len(found) < 40
    assert told["largest_cluster"] == untold["largest_cluster"] == max(map(len, found))
    assert not {"person", "household", "by_member", "by_segment"} & set(untold)
    same = ("records", "pairs_compared", "estimated", "components_engine")
    assert {k: told[k] for k in same} == {k: untold[k] for k in same}


@pytest.mark.spark
def test_one_category_too_many_is_refused_and_not_dropped(spark: SparkSession, tmp_path: Path) -> None:
    table = few_records()
    for name in "abc"[: comparison.MAX_EXTRAS - 1]:
        table[f"x_{name}"] = name
    table.to_parquet(tmp_path / "three.parquet")
    assert identity.read(spark, tmp_path / "three.parquet").columns
    table.assign(x_z="z").to_parquet(tmp_path / "four.parquet")
    with pytest.raises(ConfigError, match=r"4 further categories \(x_a, x_b, x_card, x_z\), and 3 at most are compared"):
        identity.read(spark, tmp_path / "four.parquet")


def test_the_command_writes_the_spoilt_copy_beside_the_file(tmp_path: Path, conf_folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[pd.DataFrame] = []

    def run(session: None, records: Path, scratch: Path, **others: Any) -> dict[str, Any]:
        seen.append(pd.read_parquet(records))
        return {"records": len(seen[-1]), "facts": {}}

    monkeypatch.setattr(identity, "run", run)
    monkeypatch.setattr(identity, "build_session", lambda *given: None)
    few_records().to_parquet(tmp_path / "few.parquet")
    config = load("local", [f"paths.root={tmp_path}"], conf_folder)
    assert identity.bench_identity(config, tmp_path / "few.parquet", tmp_path / "out.json", "driver", is_skewed=True) == 0
    assert (tmp_path / "out.json").read_text().count('"records": 48') == 2
    assert len(seen) == 2 and not seen[0].equals(seen[1])
    assert not list(tmp_path.rglob("spoilt/*.parquet")), "the copy is removed again"


# -- pseudopeople's files -----------------------------------------------------------------------------------------------------


def census_folder(folder: Path) -> Path:
    """A couple counted twice, moved in between, he by then in a nursing home; a child of social security alone."""
    people = {"simulant_id": ["a", "b"], "first_name": ["Robert", "Susan"], "last_name": ["Hill"] * 2, "middle_initial": ["J", "K"],
              "date_of_birth": pd.to_datetime(["1940-02-03", "1943-11-30"]), "sex": ["Male", "Female"], "street_name": ["oak st"] * 2,
              "city": ["Anytown"] * 2, "zipcode": ["00000"] * 2}  # fmt: skip
    first = pd.DataFrame(people).assign(year=2020, street_number="12", household_id="h1", housing_type="Household", unit_number=None)
    then = pd.DataFrame(people).assign(
        year=2030, street_number=[None, "7"], household_id=["q", "h2"], housing_type=["Nursing home", "Household"], unit_number=[None, "apt 2"]
    )
    folder.mkdir()
    pd.concat([first, then]).to_parquet(folder / "decennial_census.parquet")
    first.to_parquet(folder / "women_infants_and_children.parquet")
    first.assign(survey_date=pd.Timestamp("2019-01-01")).to_parquet(folder / "current_population_survey.parquet")
    pd.DataFrame(
        {"simulant_id": ["c", "c"], "first_name": "Ann", "last_name": "Poe", "middle_name": "Mary", "date_of_birth": pd.Timestamp("2012-05-06"),
         "sex": "Female", "event_type": ["creation", "death"], "event_date": pd.Timestamp("2012-05-06")}
    ).to_parquet(folder / "social_security.parquet")  # fmt: skip
    return folder


def test_census_records_tell_each_persons_newest_home_and_nobodys_errors_when_none_are_asked_for(tmp_path: Path) -> None:
    folder = census_folder(tmp_path / "files")
    table = pd.read_parquet(census.as_parquet(folder, tmp_path / "census.parquet", roughness=0.0))
    assert table["member_id"].value_counts().to_dict() == {"census": 4, "wic": 2, "survey": 2, "security": 1}
    assert not table[["member_id", "customer_ref"]].duplicated().any()
    assert set(table.groupby("true_person")["true_household"].first().dropna().items()) == {("a", "alone-a"), ("b", "h2")}
    moved = table[(table["member_id"] == "census") & (table["true_person"] == "b")].iloc[-1]
    assert (moved["address"], moved["birth_date"], moved["civility"]) == ("7 oak st apt 2", "1943-11-30", "Mme")
    assert "x_middle" not in table.columns
    with_middle = pd.read_parquet(census.as_parquet(folder, tmp_path / "middle.parquet", with_middle=True))
    assert with_middle.groupby("true_person")["x_middle"].first().to_dict() == {"a": "J", "b": "K", "c": "M"}


def test_census_errors_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    folder = census_folder(tmp_path / "files")
    once, again, other = (
        pd.read_parquet(census.as_parquet(folder, tmp_path / f"{n}.parquet", seed=s, roughness=9.0)) for n, s in enumerate((1, 1, 2))
    )
    assert once.equals(again) and not once.equals(other)
    assert set(once["first_name"]) & {"Bob", "Sue"}


def test_missing_census_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="decennial_census.parquet is not there"):
        census.as_parquet(tmp_path, tmp_path / "census.parquet")
