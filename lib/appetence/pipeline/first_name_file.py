"""INSEE's national file of first names, as published, when the operator supplies it (`paths.first_names`).

Source: INSEE, *Fichier des prénoms*, national (Licence Ouverte): one line per sex, first name and year of birth with the number of births.
Two layouts have been published: `sexe;preusuel;annais;nombre`, and since the edition of 2024 `sexe;prenom;periode;valeur`, later with the rank
behind it. The counts of the newest editions are rounded to 5. About 700,000 lines are read in two seconds, counts of one decade added up.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.columns.text import fold
from appetence.contracts.reference import FirstName
from appetence.errors import ConfigError
from appetence.pipeline.supplied_file import csv_members, opened

LAYOUTS = (("sexe", "preusuel", "annais", "nombre"), ("sexe", "prenom", "periode", "valeur"), ("sexe", "prenom", "periode", "valeur", "rang"))
GENDERS = {"1": "M", "2": "F"}
_REMEDY = "take the national file as INSEE publishes it (fichier des prénoms, prenoms-<year>-nat_csv.zip) and point `paths.first_names` at it"
_RARE, _UNKNOWN_YEAR = ("_PRENOMS_RARES", "PRENOMS_RARES"), "XXXX"
_YEAR, _COUNT = re.compile(r"(18|19|20)[0-9]{2}"), re.compile(r"[0-9]{1,8}")

Births = Counter[tuple[str, str, int]]


def build_first_names(spark: SparkSession, path: Path) -> DataFrame:
    """`reference.first_name` from the file: per million births of the gender and decade, those with rare names counted among them.

    Spellings that fold to one form are added up; single letters are left out. ConfigError names file, line and column that do not fit."""
    births, everybody = read_births(path)
    keys = sorted(births)
    arrow = pa.table(
        {
            "_name": pa.array([name for name, _, _ in keys], pa.string()),
            str(FirstName.gender): pa.array([gender for _, gender, _ in keys], pa.string()),
            str(FirstName.decade): pa.array([decade for _, _, decade in keys], pa.int32()),
            "_births": pa.array([births[key] for key in keys], pa.int64()),
            "_of": pa.array([everybody["", gender, decade] for _, gender, decade in keys], pa.int64()),
        }
    )
    folded = spark.createDataFrame(arrow).withColumn(FirstName.first_name, fold(F.col("_name"))).where(F.length(FirstName.first_name) > 1)
    share = F.round(F.sum("_births") * F.lit(1e6) / F.max("_of"), 1).alias(FirstName.per_million)
    return FirstName.shape(folded.groupBy(FirstName.first_name, FirstName.gender, FirstName.decade).agg(share))


def read_births(path: Path) -> tuple[Births, Births]:
    """Births by name, gender and decade; and by gender and decade of everybody, under an empty name. Years that are not known are left out."""
    births: Births = Counter()
    everybody: Births = Counter()
    with opened(path, "first_names", _REMEDY, partial(_only, path)) as texts:
        lines = csv.reader(texts[0][1], delimiter=";")
        columns = _layout(path, next(lines, []))
        for number, line in enumerate(lines, start=2):
            if not line:
                continue
            gender, name, year, count = _checked(f"{path}, line {number}", columns, line)
            if year == _UNKNOWN_YEAR:
                continue
            decade = int(year) // 10 * 10
            everybody["", gender, decade] += count
            if name not in _RARE:
                births[name, gender, decade] += count
    if not births:
        raise ConfigError(f"{path}, line 2: there is no first name with a year; {_REMEDY}.")
    return births, everybody


def _only(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = csv_members(archive)
    if len(members) != 1:
        raise ConfigError(f"{path} holds {len(members)} CSV files; {_REMEDY}.")
    return members


def _layout(path: Path, header: list[str]) -> tuple[str, ...]:
    names = tuple(n.strip().lower() for n in header)
    if names not in LAYOUTS:
        nearest = LAYOUTS[1] if "prenom" in names else LAYOUTS[0]
        place = next((i for i, (a, b) in enumerate(zip(names, nearest, strict=False)) if a != b), min(len(names), len(nearest)))
        what = f"its name is not {nearest[place]!r}" if place < len(nearest) else "it is one too many"
        raise ConfigError(f"{path}, line 1, column {place + 1}: {what}, the header is none that is known; {_REMEDY}.")
    return names


def _checked(where: str, columns: tuple[str, ...], line: list[str]) -> tuple[str, str, str, int]:
    """Gender, name, year and births of a line."""
    if len(line) != len(columns):
        raise ConfigError(f"{where}: it has {len(line)} columns and the header has {len(columns)}; {_REMEDY}.")
    sex, name, year, count = line[:4]
    fits = (sex in GENDERS, bool(name.strip()), year == _UNKNOWN_YEAR or bool(_YEAR.fullmatch(year)), bool(_COUNT.fullmatch(count)))
    says = ("must be 1 or 2", "is empty", "must be a year or XXXX", "must be a whole number")
    for column, is_fit, what in zip(columns, fits, says, strict=False):
        if not is_fit:
            raise ConfigError(f"{where}, column {column}: it {what}; {_REMEDY}.")
    return GENDERS[sex], name, year, int(count)
