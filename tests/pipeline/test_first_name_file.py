"""INSEE's file of first names: both published layouts, packed or not, give one table; any other layout is refused with its place."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.reference import FirstName
from appetence.errors import ConfigError
from appetence.pipeline.first_name_file import read_births
from appetence.pipeline.load_reference import build_first_names

LINES = [
    "1;_PRENOMS_RARES;1961;100", "1;A;1961;3", "1;JOSÉ;1961;300", "1;JOSE;1969;97", "1;JOSÉ;1970;50", "1;JOSÉ;XXXX;999",
    "2;ANNE-MARIE;1961;150", "2;MARIE;1962;250", "2;_PRENOMS_RARES;XXXX;5", "2;MARIE;1900;3",
]  # fmt: skip


def written(path: Path, header: str = "sexe;preusuel;annais;nombre", lines: list[str] = LINES, end: str = "\r\n") -> Path:
    """The file, as published."""
    path.write_text("".join(line + end for line in [header, *lines]), encoding="utf-8", newline="")
    return path


def variants(folder: Path) -> list[Path]:
    """The same births in each published form."""
    later = written(folder / "prenoms-2024-nat.csv", "sexe;prenom;periode;valeur", end="\n")
    ranked = written(folder / "prenoms-2025-nat.csv", "\ufeffsexe;prenom;periode;valeur;rang", [f"{line};1" for line in LINES])
    packed = folder / "prenoms-2023-nat_csv.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(written(folder / "nat.csv"), "prenoms-2023-nat.csv")
    return [folder / "nat.csv", later, ranked, packed]


def test_each_published_layout_gives_the_same_births(tmp_path: Path) -> None:
    read = [read_births(path) for path in variants(tmp_path)]
    assert all(r == read[0] for r in read)
    births, everybody = read[0]
    assert births == {
        ("A", "M", 1960): 3, ("JOSÉ", "M", 1960): 300, ("JOSE", "M", 1960): 97, ("JOSÉ", "M", 1970): 50, ("ANNE-MARIE", "F", 1960): 150,
        ("MARIE", "F", 1960): 250, ("MARIE", "F", 1900): 3,
    }  # fmt: skip
    assert everybody == {("", "M", 1960): 500, ("", "M", 1970): 50, ("", "F", 1960): 400, ("", "F", 1900): 3}


@pytest.mark.spark
def test_the_table_is_the_shipped_one_in_form(spark: SparkSession, tmp_path: Path) -> None:
    made = build_first_names(spark, str(written(tmp_path / "nat.csv")))
    assert [(f.name, f.dataType) for f in made.schema] == [(str(f), f.dtype) for f in FirstName.content()]
    assert {(r.first_name, r.gender, r.decade): r.per_million for r in made.collect()} == {
        ("JOSE", "M", 1960): 794000.0, ("JOSE", "M", 1970): 1e6, ("ANNE MARIE", "F", 1960): 375000.0, ("MARIE", "F", 1960): 625000.0,
        ("MARIE", "F", 1900): 1e6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "lines", "says"),
    [
        ("sexe;preusuel;annais;dpt;nombre", ["1;JEAN;1950;75;3"], "line 1, column 4: its name is not 'nombre'"),
        ("sexe;prenom;periode;dpt;valeur", ["1;JEAN;1950;75;3"], "line 1, column 4: its name is not 'valeur'"),
        ("sexe,preusuel,annais,nombre", ["1,JEAN,1950,3"], "line 1, column 1: its name is not 'sexe'"),
        ("sexe;preusuel;annais", ["1;JEAN;1950"], "line 1, column 4: its name is not 'nombre'"),
        ("sexe;preusuel;annais;nombre;x", ["1;JEAN;1950;3;4"], "line 1, column 5: it is one too many"),
        ("sexe;preusuel;annais;nombre", ["1;JEAN;1950;3", "3;JEAN;1950;3"], "line 3, column sexe: it must be 1 or 2"),
        ("sexe;preusuel;annais;nombre", ["1;;1950;3"], "line 2, column preusuel: it is empty"),
        ("sexe;prenom;periode;valeur", ["1;JEAN;1950-1959;3"], "line 2, column periode: it must be a year"),
        ("sexe;prenom;periode;valeur", ["1;JEAN;1950;3,5"], "line 2, column valeur: it must be a whole number"),
        ("sexe;preusuel;annais;nombre", ["1;JEAN;1950"], "line 2: it has 3 columns and the header has 4"),
        ("sexe;preusuel;annais;nombre", ["1;JEAN;XXXX;3"], "line 2: there is no first name with a year"),
    ],
)
def test_another_layout_is_refused_by_place_with_the_remedy(tmp_path: Path, header: str, lines: list[str], says: str) -> None:
    path = written(tmp_path / "names.csv", header, lines)
    with pytest.raises(ConfigError) as refused:
        read_births(path)
    told = str(refused.value)
    assert says in told and str(path) in told and "prenoms-<year>-nat_csv.zip" in told and "JEAN" not in told and told.count(". ") == 0


def test_a_file_that_is_lacking_or_damaged_is_refused(tmp_path: Path) -> None:
    *_, packed = variants(tmp_path)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("sexe;preusuel;annais;nombre\n1;JOSÉ;1950;3\n".encode("latin-1"))
    whole = packed.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as two:
        two.writestr("a.csv", "")
        two.writestr("b.csv", "")
    for name, says in {"none.csv": "There is no file", "latin.csv": "not UTF-8", "cut.zip": "damaged", "two.zip": "holds 2 CSV files"}.items():
        with pytest.raises(ConfigError, match=says):
            read_births(tmp_path / name)
