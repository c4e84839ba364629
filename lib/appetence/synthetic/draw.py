"""Chance without randomness: every draw is a hash of the seed, a purpose and the ids it belongs to.

The same seed gives the same world whatever the partitions, cores or order, and one entity's draws never depend on another's. Values with
known frequencies (surnames, first names, communes) come from Walker's alias method (A. J. Walker, *An efficient method for generating
discrete
random variables with general distributions*, ACM TOMS 3, 1977): one uniform picks a slot of a table as long as the list of values, its
fraction decides between the slot's own value and its alias. In Spark that is one broadcast join on an integer; frequencies are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

_TO_UNIT = 2.0**-53
_GRAIN = 1000
_A = ord("A")
_STEPS = 40


@dataclass(frozen=True)
class Draw:
    """The draws of one seed. `purpose` keeps two draws of one entity apart; `keys` are the columns that identify the entity."""

    seed: int

    def uniform(self, purpose: str, *keys: Column) -> Column:
        """A double in [0, 1)."""
        hashed = F.xxhash64(F.lit(self.seed).cast("bigint"), F.lit(purpose), *keys)
        return F.shiftrightunsigned(hashed, 11).cast("double") * F.lit(_TO_UNIT)

    def below(self, share: float | Column, purpose: str, *keys: Column) -> Column:
        """True for `share` of the entities."""
        return self.uniform(purpose, *keys) < share

    def integer(self, count: int | Column, purpose: str, *keys: Column) -> Column:
        """An int in [0, count)."""
        return F.floor(self.uniform(purpose, *keys) * count).cast("int")

    def normal(self, purpose: str, *keys: Column) -> Column:
        """A standard normal double (Box and Muller)."""
        radius = F.sqrt(-2.0 * F.log(F.lit(1.0) - self.uniform(purpose + ".radius", *keys)))
        return radius * F.cos(F.lit(2.0 * math.pi) * self.uniform(purpose + ".angle", *keys))

    def exponential(self, purpose: str, *keys: Column) -> Column:
        """A standard exponential double."""
        return -F.log(F.lit(1.0) - self.uniform(purpose, *keys))

    def one_of(self, values: Sequence[str], purpose: str, *keys: Column) -> Column:
        """One of a short list, each as often."""
        return F.get(constants(values), self.integer(len(values), purpose, *keys))

    def digits(self, count: int, purpose: str, *keys: Column) -> Column:
        """A string of `count` decimal digits."""
        return F.lpad(F.floor(self.uniform(purpose, *keys) * float(10**count)).cast("bigint").cast("string"), count, "0")

    def token(self, purpose: str, *keys: Column) -> Column:
        """Sixteen lower-case hex digits."""
        return F.lower(F.lpad(F.hex(F.xxhash64(F.lit(self.seed).cast("bigint"), F.lit(purpose), *keys)), 16, "0"))

    def kind(self, rates: Mapping[str, float], purpose: str, *keys: Column) -> Column:
        """The name of one of several exclusive events with these probabilities (to a thousandth); null for the rest."""
        codes = "".join(chr(_A + i) * round(rate * _GRAIN) for i, rate in enumerate(rates.values())).ljust(_GRAIN, "~")
        code = F.substring(F.lit(codes), 1 + self.integer(_GRAIN, purpose, *keys), F.lit(1))
        return F.get(constants(list(rates)), F.ascii(code) - _A)


def constants(values: Sequence[str]) -> Column:
    """An array of strings as one constant: it costs the plan a literal, where a ladder of CASE branches would repeat its argument."""
    return F.split(F.lit("|".join(values)), "[|]")


def mapping(values: Mapping[str, object]) -> Column:
    """A map of text to text as one constant; neither side holds `|` or `=`."""
    return F.str_to_map(F.lit("|".join(f"{k}={v}" for k, v in values.items())), F.lit("[|]"), F.lit("="))


def own_stage(frame: DataFrame, key: str) -> DataFrame:
    """`frame` unchanged, but what follows is compiled apart: one method for the whole chain of draws would outgrow the JVM's 64 kB.

    An identity over a one-element array does it, because Spark evaluates higher-order functions outside whole-stage code.
    """
    return frame.withColumn(key, F.get(F.transform(F.array(F.col(key)), lambda x: x), F.lit(0)))


def quantile(u: Column, curves: Sequence[Sequence[tuple[float, float]]], which: Column | None = None) -> Column:
    """The value of a distribution at probability `u`: straight lines between (probability, value) knots, the first at 0 and the last at 1.

    Several curves may be given, with `which` the index of the one to read; knots are moved to the next fortieth.
    """
    points = [f"{_height(knots, i / _STEPS):.6g}" for knots in curves for i in range(_STEPS + 1)]
    table = constants(points).cast("array<double>")
    place = u * float(_STEPS)
    step = F.floor(place).cast("int")
    first = step if which is None else which * (_STEPS + 1) + step
    return F.get(table, first) + (place - step) * (F.get(table, first + 1) - F.get(table, first))


def _height(knots: Sequence[tuple[float, float]], at: float) -> float:
    for (p0, v0), (p1, v1) in zip(knots, knots[1:], strict=False):
        if at <= p1:
            return v0 + (v1 - v0) * (at - p0) / (p1 - p0)
    return knots[-1][1]


@dataclass(frozen=True)
class Lookup:
    """Values to draw by frequency: `frame` has a row number, a cut and two structs (own, alias); `groups` says where each group's
    slots lie."""

    frame: DataFrame
    groups: Mapping[str, tuple[int, int]]

    def add(self, frame: DataFrame, name: str, u: Column, group: Column | None = None) -> DataFrame:
        """`frame` with the struct column `name`, drawn at the uniform `u` from the group that the column `group` names (else from all)."""
        if group is None:
            ((first, size),) = self.groups.values()
            place = u * float(size) + float(first)
        else:
            bounds = mapping({key: first for key, (first, _) in self.groups.items()})
            sizes = mapping({key: size for key, (_, size) in self.groups.items()})
            place = u * F.element_at(sizes, group).cast("double") + F.element_at(bounds, group).cast("double")
        placed = frame.withColumn("_place", place)
        joined = placed.join(F.broadcast(self.frame), on=F.floor(placed["_place"]).cast("int") == self.frame["_row"], how="left")
        return joined.selectExpr("* EXCEPT (_place, _row, _cut, _own, _alias)", f"IF(_place - FLOOR(_place) < _cut, _own, _alias) AS {name}")


def lookup(spark: SparkSession, values: Mapping[str, Sequence[object]], weights: Sequence[float], groups: Sequence[str] | None = None) -> Lookup:
    """A `Lookup` over rows given as columns, with one weight a row; rows of one group must lie together."""
    labels = list(groups) if groups is not None else [""] * len(weights)
    places: dict[str, tuple[int, int]] = {}
    cuts: list[float] = []
    aliases: list[int] = []
    start = 0
    while start < len(labels):
        stop = start
        while stop < len(labels) and labels[stop] == labels[start]:
            stop += 1
        places[labels[start]] = (start, stop - start)
        cut, alias = alias_table(weights[start:stop])
        cuts += cut
        aliases += [start + a for a in alias]
        start = stop
    columns: dict[str, object] = {"_row": pa.array(range(len(labels)), pa.int32()), "_cut": pa.array(cuts, pa.float64())}
    for name, column in values.items():
        own = pa.array(column)
        columns[f"own_{name}"] = own
        columns[f"alias_{name}"] = own.take(pa.array(aliases, pa.int32()))
    frame = spark.createDataFrame(pa.table(columns)).select(
        "_row", "_cut", *(F.struct(*(F.col(f"{side}_{n}").alias(n) for n in values)).alias(f"_{side}") for side in ("own", "alias"))
    )
    return Lookup(frame, places)


def alias_table(weights: Sequence[float]) -> tuple[list[float], list[int]]:
    """Walker's table: for each slot the share of it that is its own, and the index that takes the rest.

    >>> alias_table([3.0, 1.0])
    ([1.0, 0.5], [0, 0])
    """
    total = math.fsum(weights)
    scaled = [w * len(weights) / total for w in weights]
    cut, alias = [1.0] * len(weights), list(range(len(weights)))
    small = [i for i, s in enumerate(scaled) if s < 1.0]
    large = [i for i, s in enumerate(scaled) if s >= 1.0]
    while small and large:
        low, high = small.pop(), large[-1]
        cut[low], alias[low] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1.0:
            small.append(large.pop())
    return cut, alias
