"""What each scoring run says of itself: `gold.drift` (does the base still look like the test period?) and `gold.stability`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.gold import Drift, Score, Stability
from appetence.pipeline.context import Context
from appetence.pipeline.modelling import at_cutoffs
from appetence.propensity.drift import BIN, COUNT, SUBJECT, Bins, Profile, count_bins, indices, noise, verdict

_BEFORE, _IS_NOW, _IS_BEFORE = "_decile_before", "_is_now", "_is_before"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Scored:
    """One model of a scoring run: the rows it read, and what its test period looked like (None for a model stored without it)."""

    key: str
    version: str
    rows: DataFrame
    profile: Profile | None


def watch(ctx: Context, scored: Sequence[Scored]) -> dict[str, str]:
    """Writes both tables for the as-of date, from the scores just written; model key -> verdict."""
    columns = _columns(ctx, scored)
    runs = _runs(ctx, scored, columns)
    scope = at_cutoffs([ctx.as_of])
    ctx.lake.together(
        lambda: ctx.lake.sync(Drift, Drift.frame(ctx.spark, columns), scope),
        lambda: ctx.lake.sync(Stability, Stability.frame(ctx.spark, runs), scope),
    )
    return {r[Stability.model_key]: r[Stability.verdict] for r in runs}


def _columns(ctx: Context, scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """The rows of gold.drift: one job for all models, one row a bin comes back."""
    known = [(s, s.profile) for s in scored if s.profile is not None]
    if not known:
        return []
    counted = [count_bins(s.rows, p.columns).withColumn(Drift.model_key, F.lit(s.key)) for s, p in known]
    collected = reduce(DataFrame.unionByName, counted).collect()
    found = []
    for s, profile in known:
        mine = [(r[SUBJECT], r[BIN], r[COUNT]) for r in collected if r[Drift.model_key] == s.key]
        for column, (index, rows) in sorted(indices(mine, profile.columns).items()):
            chance = noise(profile.columns[column].shares, rows, profile.rows)
            row = {Drift.model_key: s.key, Drift.cutoff: ctx.as_of, Drift.subject_column: column, Drift.model_version: s.version}
            row |= {Drift.stability_index: round(index, 6), Drift.chance_index: round(chance, 6), Drift.verdict: verdict(index, chance)}
            found.append({str(k): v for k, v in row.items()})
    return found


def _runs(ctx: Context, scored: Sequence[Scored], columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of gold.stability."""
    scores = ctx.lake.read(Score)
    profiles = {s.key: s.profile for s in scored if s.profile is not None}
    levels = _score_indices(scores.where(F.col(Score.cutoff) == F.lit(ctx.as_of)), profiles)
    beside = {r[Score.model_key]: r.asDict() for r in beside_before(scores, ctx).collect()}
    found = []
    for s in (s for s in scored if s.key in beside):
        index, chance = levels.get(s.key, (None, 0.0))
        row = {**beside[s.key], Stability.cutoff: ctx.as_of, Stability.model_version: s.version, Stability.score_index: index}
        row[Stability.verdict] = UNKNOWN if index is None else verdict(index, chance)
        row[Stability.tested_mean_probability] = round(s.profile.mean_probability, 9) if s.profile else None
        drifted = sum(c[Drift.model_key] == s.key and c[Drift.verdict] == "drifted" for c in columns)
        row[Stability.drifted_columns] = drifted if s.profile else None
        found.append({str(k): v for k, v in row.items()})
    return found


def beside_before(scores: DataFrame, ctx: Context) -> DataFrame:
    """Per model: persons, mean probability, and how far the persons and the first decile are those of the newest scoring before."""
    keys = [str(Score.model_key), str(Score.person_id)]
    now = scores.where(F.col(Score.cutoff) == F.lit(ctx.as_of)).select(*keys, Score.probability, Score.decile, F.lit(True).alias(_IS_NOW))
    earlier = scores.where(F.col(Score.cutoff) < F.lit(ctx.as_of))
    newest = earlier.groupBy(Score.model_key).agg(F.max(Score.cutoff).alias(Stability.previous_cutoff))
    before = earlier.join(F.broadcast(newest), on=str(Score.model_key), how="inner").where(F.col(Score.cutoff) == F.col(Stability.previous_cutoff))
    then = before.select(*keys, F.col(Score.decile).alias(_BEFORE), Stability.previous_cutoff, F.lit(True).alias(_IS_BEFORE))
    is_now, is_before = F.col(_IS_NOW).isNotNull(), F.col(_IS_BEFORE).isNotNull()
    is_top, was_top = F.coalesce(F.col(Score.decile) == 1, F.lit(False)), F.coalesce(F.col(_BEFORE) == 1, F.lit(False))
    both = now.join(then, on=keys, how="full_outer").groupBy(Score.model_key)
    seen = both.agg(
        F.count_if(is_now).alias(Stability.persons),
        F.round(F.avg(Score.probability), 9).alias(Stability.mean_probability),
        F.max(Stability.previous_cutoff).alias(Stability.previous_cutoff),
        _share(is_now & ~is_before, is_now).alias(Stability.newly_scored_share),
        _share(is_top & was_top, was_top).alias(Stability.first_decile_kept_share),
        _share(is_top & ~was_top, is_top).alias(Stability.first_decile_new_share),
    )
    has_before = F.col(Stability.previous_cutoff).isNotNull()
    shares = (Stability.newly_scored_share, Stability.first_decile_kept_share, Stability.first_decile_new_share)
    return seen.where(F.col(Stability.persons) > 0).withColumns({str(c): F.when(has_before, F.col(c)) for c in shares})


def _share(part: Column, whole: Column) -> Column:
    return F.round(F.count_if(part) / F.nullif(F.count_if(whole), F.lit(0)), 6)


def _score_indices(scores: DataFrame, profiles: Mapping[str, Profile]) -> dict[str, tuple[float, float]]:
    """Model key -> stability index of its probability and what chance explains: one job for all models."""
    if not profiles:
        return {}
    place = F.coalesce(*(F.when(F.col(Score.model_key) == key, _bin(p.probability)) for key, p in sorted(profiles.items())))
    counted = scores.where(F.col(Score.model_key).isin(sorted(profiles))).groupBy(Score.model_key, place.alias(BIN)).count().collect()
    found = {}
    for key, p in profiles.items():
        mine = [(key, r[BIN], r["count"]) for r in counted if r[Score.model_key] == key]
        index, rows = indices(mine, {key: p.probability})[key]
        found[key] = (round(index, 6), noise(p.probability.shares, rows, p.rows))
    return found


def _bin(bins: Bins) -> Column:
    """The place of a probability among the edges."""
    return reduce(add, ((F.col(Score.probability) >= e).cast("int") for e in bins.edges), F.lit(0))
