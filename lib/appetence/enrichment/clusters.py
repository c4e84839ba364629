"""Socio-demographic clusters: persons who are alike by age, household, kind of place, and the incomes of their area.

Method: scikit-learn's k-means (seeded, the best of several starts) on standardised inputs, over the cells of a coarse grid weighted by their
persons: a hundred million persons are some ten thousand cells. What is not known counts as the average.
Stability: the clusters of the former run hold, moved on by one round, until a fresh division is clearly better (run to its end, k-means would
wander where nothing divides people); what is found is matched with them by least total distance (Hungarian method), and a matched cluster
keeps its id, and its name while it has not moved. Origin, religion and health are no inputs, and nothing a person bought or gave is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from appetence.contracts.domain import SMALL_COUNT
from appetence.contracts.gold import Segment

Array = npt.NDArray[np.float64]

INPUTS = ("age", "household_size", "family_share", "size_rank", "median_income_eur", "poverty_rate")
"""What persons are alike by, in this order: years, persons, share of families, size of the commune (1 rural to 6), euros a year, share."""

SIZE_RANKS = {"rural": 1.0, "bourg": 2.0, "petite_ville": 3.0, "ville": 4.0, "grande_ville": 5.0, "metropole": 6.0}
IS_FAMILY, POVERTY = "_is_family", "_poverty_rate"
PERSONS = "persons"
CLUSTERS, STARTS, ROUNDS, SEED = 8, 10, 100, 20261031

CLEARLY_BETTER = 0.9
"""A fresh solution takes the former one's place when its spread within clusters is less than this share of the former's."""

SAME_PLACE = 0.5
"""A matched cluster keeps its name while its centre is no farther from the former one than this many standard deviations."""


@dataclass(frozen=True)
class Cluster:
    """One cluster: an id that lasts, a readable name, its persons, and the mean of each input (None: known of nobody)."""

    cluster_id: str
    label: str
    persons: int
    centre: tuple[float | None, ...]


def with_cells(profiles: DataFrame) -> DataFrame:
    """Adds the grid's columns, named as `INPUTS`: ages by five years, incomes by 2,000 euros, poverty by five points; null: not known.

    `profiles` is what `build_profiles` makes. Nothing is added for the age a name leaves too open."""
    ranks = F.create_map(*(F.lit(x) for pair in SIZE_RANKS.items() for x in pair))
    age = F.when(F.col(Segment.age_band) != "inconnu", F.round(F.col(Segment.age) / 5) * 5)
    made: dict[str, Column] = {
        "age": age, "household_size": F.least(F.col(Segment.household_size), F.lit(5)), "family_share": F.col(IS_FAMILY).cast("int"),
        "size_rank": ranks[F.col(Segment.size_class)], "median_income_eur": F.round(F.col(Segment.median_income_eur) / 2000) * 2000,
        "poverty_rate": F.round(F.col(POVERTY) * 20) / 20,
    }  # fmt: skip
    return profiles.withColumns({f"_cell_{name}": column.cast("double") for name, column in made.items()})


def cell_key() -> Column:
    """The cell of a row of `with_cells`, as text; null where neither age nor place is known: such a person is in no cluster."""
    parts = F.concat_ws("|", *(F.coalesce(F.col(f"_cell_{name}").cast("string"), F.lit("?")) for name in INPUTS))
    return F.when(F.col("_cell_age").isNotNull() | F.col("_cell_size_rank").isNotNull(), parts)


def build_cells(profiles: DataFrame) -> DataFrame:
    """One row per cell: `cell`, its values and `persons`. Some ten thousand rows at most: the grid bounds it."""
    keyed = with_cells(profiles).withColumn("cell", cell_key()).where(F.col("cell").isNotNull())
    return (
        keyed.groupBy("cell")
        .agg(*(F.first(f"_cell_{name}").alias(name) for name in INPUTS), F.count(F.lit(1)).alias(PERSONS))
        .orderBy("cell")
    )  # fmt: skip


def with_clusters(profiles: DataFrame, labels: DataFrame) -> DataFrame:
    """Adds `Segment.cluster`; `labels` has `cell` and the name of its cluster."""
    keyed = with_cells(profiles).withColumn("cell", cell_key())
    return keyed.join(F.broadcast(labels), on="cell", how="left")


def find_clusters(cells: Array, persons: Array, former: Sequence[Cluster] = (), count: int = CLUSTERS) -> tuple[list[Cluster], list[int]]:
    """The clusters of these cells, and for each cell the place of its cluster in the list.

    `cells` has a row per cell and a column per input, nan where it is not known; `persons` are the cells' weights. No cluster has fewer than
    eleven persons; with fewer than eleven in all there is none, and no cell has a place (-1)."""
    if persons.sum() < SMALL_COUNT:
        return [], [-1] * len(cells)
    mean, spread = _scale(cells, persons)
    points = _standard(cells, mean, spread)
    earlier = _standard(_centres(former), mean, spread)
    found = _lasting(points, persons, earlier, count)
    owners, centres = _large_enough(points, persons, found)
    names = _matched(centres, earlier, former)
    made = [_cluster(name, kept, cells, persons, owners == i) for i, (name, kept) in enumerate(names)]
    return _named(made, mean, spread), owners.tolist()


def _centres(clusters: Sequence[Cluster]) -> Array:
    rows = [[math.nan if v is None else v for v in c.centre] for c in clusters]
    return np.array(rows, dtype=float).reshape(len(rows), len(INPUTS))


def _scale(cells: Array, persons: Array) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of what is known; a spread of nought stays nought."""
    known = ~np.isnan(cells)
    weights = known * persons[:, None]
    total = np.maximum(weights.sum(axis=0), 1.0)
    mean = (np.where(known, cells, 0.0) * weights).sum(axis=0) / total
    return mean, np.sqrt((np.where(known, cells - mean, 0.0) ** 2 * weights).sum(axis=0) / total)


def _standard(values: Array, mean: Array, spread: Array) -> Array:
    scaled = np.where(spread > 1e-9, (values - mean) / np.where(spread > 1e-9, spread, 1.0), 0.0)
    return np.where(np.isnan(scaled), 0.0, scaled)


def _distances(points: Array, centres: Array) -> Array:
    return ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)


def _lasting(points: Array, persons: Array, earlier: Array, count: int) -> Array:
    """The best of several fresh solutions, or the former one moved on by a round unless a fresh one is clearly better."""
    kinds = len(np.unique(points, axis=0))
    fresh, spread = _settled(points, persons, KMeans(min(count, kinds), n_init=STARTS, max_iter=ROUNDS, random_state=SEED))
    if len(earlier) != len(fresh):
        return fresh
    moved, kept = _settled(points, persons, KMeans(len(earlier), init=earlier, n_init=1, max_iter=1))
    return fresh if spread < CLEARLY_BETTER * kept else moved


def _settled(points: Array, persons: Array, method: KMeans) -> tuple[Array, float]:
    """The centres and the spread within. On one thread: sums in another order would end in other last digits."""
    with threadpool_limits(limits=1):
        found = method.fit(points, sample_weight=persons)
    return np.round(found.cluster_centers_, 9), round(float(found.inertia_), 6)


def _mean(points: Array, persons: Array, mine: npt.NDArray[np.bool_], otherwise: Array) -> Array:
    return np.average(points[mine], axis=0, weights=persons[mine]) if mine.any() else otherwise


def _large_enough(points: Array, persons: Array, centres: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Each cell's nearest centre, after the centres that fewer than eleven persons are nearest to are given up, the smallest first."""
    while True:
        owners = _distances(points, centres).argmin(axis=1)
        sizes = np.bincount(owners, weights=persons, minlength=len(centres))
        if sizes.min() >= SMALL_COUNT or len(centres) == 1:
            return owners, np.array([_mean(points, persons, owners == i, centres[i]) for i in range(len(centres))])
        centres = np.delete(centres, int(sizes.argmin()), axis=0)


def _matched(centres: Array, earlier: Array, former: Sequence[Cluster]) -> list[tuple[str, str | None]]:
    """For each centre the id it keeps or gets, and the name it keeps, if any."""
    kept: dict[int, tuple[str, str | None]] = {}
    if len(former):
        far = _distances(centres, earlier)
        for mine, theirs in zip(*linear_sum_assignment(far), strict=True):
            is_same = far[mine, theirs] <= SAME_PLACE**2
            kept[int(mine)] = (former[theirs].cluster_id, former[theirs].label if is_same else None)
    used = {c.cluster_id for c in former}
    free = (name for name in (f"c{n:02d}" for n in range(1, 1000)) if name not in used)
    # New ids go by place and age, so that the order in which a solution lists its clusters does not show.
    for i in sorted(set(range(len(centres))) - set(kept), key=lambda i: (*np.round(centres[i][[3, 0, 1, 4]], 6).tolist(), i)):
        kept[i] = (next(free), None)
    return [kept[i] for i in range(len(centres))]


def _cluster(cluster_id: str, label: str | None, cells: Array, persons: Array, mine: npt.NDArray[np.bool_]) -> Cluster:
    mean, _ = _scale(cells[mine], persons[mine])
    centre = tuple(None if np.isnan(column).all() else round(float(m), 4) for m, column in zip(mean, cells[mine].T, strict=True))
    return Cluster(cluster_id, label or "", int(persons[mine].sum()), centre)


# -- names ---------------------------------------------------------------------------------------------------------------------


def _named(clusters: Sequence[Cluster], mean: Array, spread: Array) -> list[Cluster]:
    """Every cluster with a name of its own: kept ones first, then the largest; who comes second is told apart by income, then by age."""
    taken = {c.label for c in clusters if c.label}
    made: dict[str, str] = {c.cluster_id: c.label for c in clusters if c.label}
    for c in sorted((c for c in clusters if not c.label), key=lambda c: (-c.persons, c.cluster_id)):
        made[c.cluster_id] = next(name for name in _names(c, mean, spread) if name not in taken)
        taken.add(made[c.cluster_id])
    return [Cluster(c.cluster_id, made[c.cluster_id], c.persons, c.centre) for c in clusters]


def _names(cluster: Cluster, mean: Array, spread: Array) -> list[str]:
    """Names by rule from the means, from the shortest to one that no other cluster can have."""
    age, size, family, rank, *_ = cluster.centre
    stage = _stage(age, size, family)
    place = "de lieu inconnu" if rank is None else "des campagnes" if rank < 2.5 else "des villes" if rank < 4.5 else "des grandes villes"
    base = f"{stage} {place}{_comfort(cluster, mean, spread)}"
    years = f"{base}, {round(age)} ans" if age is not None else f"{base}, sans âge"
    home = f"{years}, foyers de {size:.1f}".replace(".", ",") if size is not None else years
    return [base, years, home, f"{home} ({cluster.cluster_id})"]


def _stage(age: float | None, size: float | None, family: float | None) -> str:
    if age is not None and age >= 65:
        return "Retraités"
    if (family or 0.0) >= 0.5:
        return "Familles"
    alone = size is not None and size < 1.5
    if age is None:
        return "Personnes seules" if alone else "Foyers"
    stage = "Jeunes adultes" if age < 35 else "Actifs" if age < 50 else "Actifs confirmés"
    return f"{stage} seuls" if alone else f"{stage} à deux"


def _comfort(cluster: Cluster, mean: Array, spread: Array) -> str:
    """Of the area, where its income is known: more than half a standard deviation above or below the mean of all."""
    income, place = cluster.centre[4], INPUTS.index("median_income_eur")
    if income is None or spread[place] <= 1e-9:
        return ""
    distance = (income - mean[place]) / spread[place]
    return ", communes aisées" if distance > 0.5 else ", communes modestes" if distance < -0.5 else ""
