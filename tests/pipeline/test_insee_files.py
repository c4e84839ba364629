"""INSEE's files on their way to `reference.area`: plain or zipped, masked below eleven households, and nothing changes without them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.reference import Area, Commune
from appetence.contracts.settings import PathSettings
from appetence.enrichment import build_areas
from appetence.errors import ConfigError
from appetence.pipeline.insee_files import area_facts, legal_populations
from appetence.pipeline.load_reference import build_communes

POPULATIONS = "DEP;COM;Commune;PMUN\n01;01001;L'Abergement;900\n75;75101;Paris 1er;15000\n75;75102;Paris 2e;20000\n"
COMMUNES = (
    "CODGEO;NBMENFISC21;MED21;TP6021\n01001;330;24550;s\n01002;10;31000;4\n01004;6500;21560;14.2\n75056;1100000;29730;15\n75101;nd;nd;nd\n"
    "01005;s;23000;s\n99999;50;1;1\n"
)
IRIS = "CODGEO;NBMENFISC21;MED21;TP6021\n010040101;800;20550;14\n010040102;9;18330;22\n751010101;nd;36000;11\n"
SQUARES = (
    "idcar_200m;ind;men;men_pauv;ind_snv\nCRS3035RES200mN2893400E3763200;50.5;20;3;1212000\nCRS3035RES200mN2893600E3763200;24;10.9;1;600000\n"
    "CRS3035RES200mN2893800E3763200;25;11;0;600000\n"
)


def zipped(path: Path, members: dict[str, str]) -> Path:
    """A zip of these texts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_a_zip_gives_the_file_that_is_meant_and_says_so_when_it_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_bytes(POPULATIONS.replace("Abergement", "Abérgement").encode("latin-1"))
    found = {"01001": 900, "75101": 15000, "75102": 20000}
    whole = {
        "donnees_regions.csv": "CODREG;PMUN\n84;8\n", "donnees_communes.csv": POPULATIONS, "donnees_cantons.csv": "CODCAN;PMUN\n1;5\n",
        "donnees_associees.csv": "COM;PMUN\n01002;5\n",
    }  # fmt: skip
    for path in (tmp_path / "plain.csv", zipped(tmp_path / "ensemble.zip", whole), zipped(tmp_path / "one.zip", {"x.csv": POPULATIONS})):
        assert legal_populations(PathSettings(root="x", legal_populations=str(path))) == found
    assert legal_populations(PathSettings(root="x")) == {}
    two = zipped(tmp_path / "two.zip", {"a.csv": POPULATIONS, "b.csv": POPULATIONS})
    years = zipped(tmp_path / "years.zip", {f"{year}/donnees_communes.csv": POPULATIONS for year in (2022, 2023)})
    none = zipped(tmp_path / "none.zip", {"a.csv": "x;y\n"})
    (tmp_path / "cut.zip").write_bytes(two.read_bytes()[:-30])
    for path, says in {
        two: "holds 2 CSV files",
        years: "holds 2 CSV files",
        none: "holds 0 CSV files",
        tmp_path / "cut.zip": "damaged",
        tmp_path / "gone": "no file",
    }.items():
        with pytest.raises(ConfigError, match=says) as refused:
            legal_populations(PathSettings(root="x", legal_populations=str(path)))
        assert str(path) in str(refused.value) and "paths.legal_populations" in str(refused.value)


@pytest.mark.spark
def test_areas_of_the_files_hold_no_fewer_than_eleven_households(spark: SparkSession, tmp_path: Path) -> None:
    for name, text in {"pop.csv": POPULATIONS, "com.csv": COMMUNES, "iris.csv": IRIS, "squares.csv": SQUARES}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    paths = PathSettings(
        root="x", legal_populations=str(tmp_path / "pop.csv"), commune_incomes=str(tmp_path / "com.csv"),
        iris_incomes=str(zipped(tmp_path / "iris.zip", {"BASE_TD_FILO_IRIS_2021_DISP.csv": IRIS})), squares=str(tmp_path / "squares.csv"),
    )  # fmt: skip
    some = Commune.commune_code.col.isin("01001", "01002", "01004", "01005", "01006", "75056", "75101", "75103")
    communes = build_communes(spark, legal_populations(paths)).where(some)
    made = {r.area_code: r for r in build_areas(communes, area_facts(spark, paths)).collect()}
    square = "CRS3035RES200mN2893{}00E3763200"
    assert set(made) == {
        "01001", "01004", "01005", "01006", "75056", "75101", "75103", "010040101", "751010101", square.format(4), square.format(8),
    }, "a commune, an IRIS and a square of ten households have no row"  # fmt: skip

    def facts(code: str) -> tuple[object, ...]:
        return tuple(made[code][c] for c in (Area.level, Area.population, Area.households, Area.median_income_eur, Area.poverty_rate))

    assert facts("01001") == ("commune", 900, 330, 24550, None)
    assert facts("75056")[1:] == (35000, 1100000, 29730, 0.15), "the city is the sum of its arrondissements"
    assert facts("75101") == ("commune", 15000, None, 29730, 0.15), "an arrondissement without its own has the city's"
    assert facts("01005")[2:] == (None, 23000, None) and facts("01006")[2:] == (None, None, None)
    assert (*facts("010040101"), made["010040101"].size_class) == ("iris", None, 800, 20550, 0.14, "petite_ville")
    assert facts(square.format(4)) == ("square", 51, 20, None, 0.15) and made[square.format(4)].mean_income_eur == 24000
    assert facts(square.format(8))[2] == 11
    bare = {r.area_code: r for r in build_areas(communes, area_facts(spark, PathSettings(root="x"))).collect()}
    assert set(bare) == {"01001", "01002", "01004", "01005", "01006", "75056", "75101", "75103"}
    assert all(r.level == "commune" and r.median_income_eur is r.poverty_rate is r.households is None for r in bare.values())
