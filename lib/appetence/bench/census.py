"""The people of pseudopeople's sample as four bodies deliver them: persons and homes are true, what was written down of them is not always.

Simulated residents of "Anytown", in the wheel of pseudopeople 1.3.1 (BSD-3, IHME, University of Washington): three censuses ten years apart,
social security, a nutrition programme and a survey. The files hold no errors: those are added here. They are not shipped with this project;
the folder is given. All live in one town of one postcode, nearly half of those counted twice have moved in between, and nursing homes, colleges,
barracks and prisons are addresses of many who are no household."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from appetence.bench.rough_records import by_ear, by_eye, mistyped
from appetence.errors import ConfigError

HOUSEHOLD = "Household"
"""The housing type of homes; every other one is a place of many strangers."""
_PET = {
    "Abigail": "Abby", "Alexander": "Alex", "Andrew": "Andy", "Anthony": "Tony", "Barbara": "Barb", "Benjamin": "Ben", "Catherine": "Cathy",
    "Charles": "Chuck", "Christopher": "Chris", "Daniel": "Dan", "David": "Dave", "Deborah": "Debbie", "Donald": "Don", "Dorothy": "Dot",
    "Edward": "Ed", "Elizabeth": "Liz", "Frances": "Fran", "Gregory": "Greg", "James": "Jim", "Jennifer": "Jen", "Jessica": "Jess", "John": "Jack",
    "Joseph": "Joe", "Joshua": "Josh", "Katherine": "Kate", "Kenneth": "Ken", "Kimberly": "Kim", "Lawrence": "Larry", "Margaret": "Peggy",
    "Matthew": "Matt", "Michael": "Mike", "Nicholas": "Nick", "Pamela": "Pam", "Patricia": "Pat", "Patrick": "Pat", "Rebecca": "Becky",
    "Richard": "Rick", "Robert": "Bob", "Ronald": "Ron", "Samuel": "Sam", "Samantha": "Sam", "Stephanie": "Steph", "Steven": "Steve",
    "Susan": "Sue", "Thomas": "Tom", "Timothy": "Tim", "Victoria": "Vicky", "William": "Bill", "Zachary": "Zach",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One file: who delivers it, the column of its date, how often its clerks err in a field, in which way, and how often a field is empty."""

    file: str
    when: str
    errors: Mapping[str, float]
    slips: str
    gaps: Mapping[str, float] = field(default_factory=dict)
    nicknames: float = 0.05


SOURCES: Mapping[str, Source] = {
    "census": Source(
        "decennial_census", "year", {"first_name": 0.05, "last_name": 0.06, "address": 0.08}, "eye",
        {"birth_date": 0.1, "civility": 0.03, "address": 0.02},
    ),
    "security": Source("social_security", "event_date", {"first_name": 0.02, "last_name": 0.02}, "keys", nicknames=0.01),
    "wic": Source("women_infants_and_children", "year", {"first_name": 0.04, "last_name": 0.05, "address": 0.06}, "keys", {"birth_date": 0.03}),
    "survey": Source(
        "current_population_survey", "survey_date", {"first_name": 0.05, "last_name": 0.08, "address": 0.1}, "ear",
        {"birth_date": 0.25, "address": 0.05, "civility": 0.05}, 0.1,
    ),
}  # fmt: skip
"""Members and what they deliver."""
_TEXTS = ("first_name", "last_name", "street_number", "street_name", "unit_number", "city", "zipcode", "household_id", "housing_type")
WRONG_DATE, ONE_LETTER = 0.03, 0.02
"""Shares of dates with one figure wrong or day and month in turned order, and of first names of which only the first letter was noted."""
_SLIPS = {"eye": by_eye, "ear": by_ear, "keys": mistyped}


def as_parquet(folder: Path, target: Path, *, seed: int = 1, roughness: float = 1.0, with_middle: bool = False) -> Path:
    """The records of the files in `folder` in the columns of `appetence bench identity`, with `housing_type` beside them, which is not compared;
    ConfigError when a file is not there. `roughness`: as in `rough_records.population`. `with_middle`: the initial of the middle name as a further
    category."""
    tables = []
    for number, (member, source) in enumerate(SOURCES.items()):
        file = folder / f"{source.file}.parquet"
        if not file.is_file():
            raise ConfigError(f"{file} is not there: the folder has to hold the files of pseudopeople's sample, unpacked from its wheel.")
        tables.append(_spoilt(_told(pd.read_parquet(file), member, source), source, np.random.default_rng([seed, number]), roughness))
    table = pd.concat(tables, ignore_index=True)
    table["true_household"] = table["true_person"].map(_homes(table))
    if not with_middle:
        table = table.drop(columns="x_middle")
    target.parent.mkdir(parents=True, exist_ok=True)
    table.drop(columns=["_when", "_home"]).to_parquet(target, index=False)
    return target


def _told(raw: pd.DataFrame, member: str, source: Source) -> pd.DataFrame:
    """A file's rows as they should have been noted. Of social security those that tell of a new number: the others repeat them."""
    if "event_type" in raw.columns:
        raw = raw[raw["event_type"] == "creation"].reset_index(drop=True)
    nothing = pd.Series(pd.NA, index=raw.index, dtype="string")
    text = {c: raw[c].astype("string") if c in raw.columns else nothing for c in _TEXTS}
    middle = raw["middle_initial" if "middle_initial" in raw.columns else "middle_name"].astype("string").str[:1]
    parts = [text[c].fillna("") for c in ("street_number", "street_name", "unit_number")]
    address = (parts[0] + " " + parts[1] + " " + parts[2]).str.strip()
    when = pd.to_datetime(raw[source.when].astype("string"), format="%Y") if source.when == "year" else pd.to_datetime(raw[source.when])
    return pd.DataFrame(
        {
            "member_id": member, "customer_ref": [f"{member[0]}{i:06d}" for i in range(len(raw))],
            "civility": raw["sex"].astype("string").map({"Female": "Mme", "Male": "M."}).astype("string"),
            "first_name": text["first_name"], "last_name": text["last_name"],
            "birth_date": pd.to_datetime(raw["date_of_birth"]).dt.strftime("%Y-%m-%d").astype("string"),
            "address": address.mask(address == ""), "postcode": text["zipcode"], "city": text["city"], "country": "US", "x_middle": middle,
            "housing_type": text["housing_type"], "true_person": raw["simulant_id"].astype("string"), "_when": when, "_home": text["household_id"],
        }
    )  # fmt: skip


def _homes(table: pd.DataFrame) -> dict[str, str]:
    """Each person's household by the newest record that tells one; who lives among strangers then is a household alone."""
    newest = table.dropna(subset=["_home"]).sort_values(["_when", "member_id", "customer_ref"]).drop_duplicates("true_person", keep="last")
    alone = newest["housing_type"] != HOUSEHOLD
    return dict(zip(newest["true_person"], newest["_home"].mask(alone, "alone-" + newest["true_person"]), strict=True))


def _spoilt(told: pd.DataFrame, source: Source, rng: np.random.Generator, roughness: float) -> pd.DataFrame:
    """What the source's clerks wrote."""

    def hit(share: float) -> pd.Series:
        return pd.Series(rng.random(len(told)) < share * roughness, index=told.index)

    out = told.copy()
    pet = out["first_name"].map(_PET)
    out["first_name"] = out["first_name"].mask(hit(source.nicknames) & pet.notna(), pet)
    out["first_name"] = out["first_name"].mask(hit(ONE_LETTER), out["first_name"].str[:1])
    for name, share in source.errors.items():
        wrong = hit(share) & out[name].notna()
        out.loc[wrong, name] = [_SLIPS[source.slips](rng, value) for value in out.loc[wrong, name]]
    wrong = hit(WRONG_DATE) & out["birth_date"].notna()
    out.loc[wrong, "birth_date"] = [_wrong_date(rng, value) for value in out.loc[wrong, "birth_date"]]
    for name, share in source.gaps.items():
        out[name] = out[name].mask(hit(share))
    return out


def _wrong_date(rng: np.random.Generator, date: str) -> str:
    """One of its last figures is another, or day and month have changed places."""
    year, month, day = date.split("-")
    if rng.random() < 0.25:
        return f"{year}-{day}-{month}"
    place = int(rng.choice([2, 3, 6, 9]))
    return date[:place] + str((int(date[place]) + int(rng.integers(1, 10))) % 10) + date[place + 1 :]
