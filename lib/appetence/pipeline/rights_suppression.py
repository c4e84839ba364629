"""Suppression that waits for nobody: what a request states is on the list in the run that reads it, what is held when it is carried out.

A coordinate that only somebody else holds, by the names and birth dates that settle who asks, is left out: nobody is silenced by another's
request. What reaches a whole family (surname and address) waits until the person is found and the request carried out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import KEY_HASH, KIND, Kind, hashed_coordinates
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import RightsRequest, Suppression
from appetence.contracts.silver import Record
from appetence.pipeline.context import Context
from appetence.privacy import rights as r
from appetence.privacy.matching import agrees
from appetence.privacy.requests import Request
from appetence.privacy.rights import Case
from appetence.privacy.suppressions import build_suppressions

_REQUEST, _SCOPE = str(RightsRequest.request_id), str(Suppression.scope)
_IS_THEIRS = "_is_theirs"
_NAMES_A_PERSON = (str(Kind.EMAIL), str(Kind.POSTAL))
"""Kinds by which an objection to profiling goes on: a line or a family is not one person."""


def suppress_stated(ctx: Context, asked: Sequence[Request], candidates: Sequence[Mapping[str, Any]], said: DataFrame) -> frozenset[str]:
    """Lists what erasures and oppositions state, whatever becomes of them; ids of the requests that stated something usable.

    `candidates`: rows of `matching.build_candidates`; `said`: what each person wrote, standardised, with request_id."""
    scopes = {q.request_id: scope for q in asked if (scope := r.suppression_scope(q.spec))}
    if not scopes:
        return frozenset()
    stated = _keyed(ctx, said.join(F.broadcast(_scoped(ctx, scopes)), on=_REQUEST, how="inner"), _REQUEST, _SCOPE)
    stated = stated.where(F.col(KIND) != str(Kind.POSTAL_HOUSEHOLD))
    holders = [(c[_REQUEST], c[Record.record_id], agrees(c)) for c in candidates if c[_REQUEST] in scopes]
    if any(not is_theirs for _, _, is_theirs in holders):
        pairs = local_frame(ctx.spark, holders, f"{_REQUEST} string, {Record.record_id} string, {_IS_THEIRS} boolean")
        held = _keyed(ctx, ctx.lake.read(Record).join(F.broadcast(pairs), on=Record.record_id, how="inner"), _REQUEST, _IS_THEIRS)
        owned = held.groupBy(_REQUEST, KIND, KEY_HASH).agg(F.max(_IS_THEIRS).alias(_IS_THEIRS))
        stated = stated.join(owned.where(~F.col(_IS_THEIRS)), on=[_REQUEST, KIND, KEY_HASH], how="left_anti")
    rows = ctx.lake.stage("stated", _fitting(stated))
    _list(ctx, rows)
    return frozenset(row[0] for row in rows.select(_REQUEST).distinct().collect())


def suppress_found(ctx: Context, cases: Sequence[Case], said: DataFrame) -> None:
    """Lists every coordinate of the records held of the persons, also of those that a member keeps, and their families as they state them."""
    scopes = {c.request.request_id: scope for c in cases if (scope := r.suppression_scope(c.request.spec))}
    if not scopes:
        return
    pairs = [(record, scopes[c.request.request_id]) for c in cases if c.request.request_id in scopes for record in [*c.found.record_ids, *c.spared]]
    wanted = local_frame(ctx.spark, pairs, f"{Record.record_id} string, {_SCOPE} string").distinct()
    held = _keyed(ctx, ctx.lake.read(Record).join(F.broadcast(wanted), on=Record.record_id, how="inner"), _SCOPE)
    asked = _keyed(ctx, said.join(F.broadcast(_scoped(ctx, scopes)), on=_REQUEST, how="inner"), _SCOPE)
    _list(ctx, _fitting(held.unionByName(asked.where(F.col(KIND) == str(Kind.POSTAL_HOUSEHOLD)))))


def _scoped(ctx: Context, scopes: Mapping[str, str]) -> DataFrame:
    return local_frame(ctx.spark, sorted(scopes.items()), f"{_REQUEST} string, {_SCOPE} string")


def _keyed(ctx: Context, people: DataFrame, *keep: str) -> DataFrame:
    """Hashed before anything is joined or grouped: no coordinate is written, not even to a shuffle."""
    return hashed_coordinates(people, ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref)), *keep)


def _fitting(keyed: DataFrame) -> DataFrame:
    return keyed.where((F.col(_SCOPE) != r.PROFILING) | F.col(KIND).isin(*_NAMES_A_PERSON))


def _list(ctx: Context, keyed: DataFrame) -> None:
    version = ctx.config.privacy.pepper_version
    ctx.lake.insert_new(Suppression, build_suppressions(keyed, scope=_SCOPE, source="person", pepper_version=version, added_on=ctx.as_of))
