"""Tables of persons made small before anything is drawn: counts, sums and bins. No id of a person leaves this module.

Each function returns a frame of a few rows, whatever the size of the table it reads: it may be collected.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Decision, Selection
from appetence.contracts.domain import Reason
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import Edge, Person, PersonLink

N = "n"
BIN = "bin"
SELECTED, EVERYBODY, CLIENT = "selected", "everybody", "client"
WEIGHT_FLOOR, WEIGHT_CEILING, WEIGHT_STEP = -10.0, 60.0, 2.0
PROBABILITY_BINS_PER_DECADE = 10
PROBABILITY_DECADES = 4
LARGEST_SIZE = 10


def counted(frame: DataFrame, *columns: str) -> DataFrame:
    """Rows per value of `columns`, in order: the columns and `n`."""
    return frame.groupBy(*columns).agg(F.count(F.lit(1)).alias(N)).orderBy(*columns)


def sizes(frame: DataFrame, column: str, most: int = LARGEST_SIZE) -> DataFrame:
    """How many rows have which size, the largest sizes together: `bin` (size, `most` stands for itself and more) and `n`."""
    return counted(frame.select(F.least(F.col(column), F.lit(most)).alias(BIN)), BIN)


def edge_weights(edges: DataFrame) -> DataFrame:
    """Compared pairs by match weight: `bin` (lower edge, doublings of the odds; both ends are open), is_link, `n`."""
    clipped = F.greatest(F.least(F.col(Edge.weight), F.lit(WEIGHT_CEILING - WEIGHT_STEP)), F.lit(WEIGHT_FLOOR))
    lower = F.floor(clipped / F.lit(WEIGHT_STEP)) * F.lit(WEIGHT_STEP)
    return counted(edges.select(lower.cast("double").alias(BIN), Edge.is_link), BIN, Edge.is_link)


def member_links(links: DataFrame, persons: DataFrame) -> DataFrame:
    """Per member: records, persons, records whose person another member supplies too (`shared`), and its own repeats (`repeated`)."""
    joined = links.join(persons.select(Person.person_id, Person.member_count), on=Person.person_id, how="inner")
    per_person = joined.groupBy(PersonLink.member_id, PersonLink.person_id, Person.member_count).agg(F.count(F.lit(1)).alias(N))
    return (
        per_person.groupBy(PersonLink.member_id)
        .agg(
            F.sum(N).alias("records"),
            F.count(F.lit(1)).alias("persons"),
            F.sum(F.when(F.col(Person.member_count) > 1, F.col(N)).otherwise(0)).alias("shared"),
            F.sum(F.col(N) - 1).alias("repeated"),
        )
        .orderBy(PersonLink.member_id)
    )


def probability_bins(scores: DataFrame) -> DataFrame:
    """Persons by calibrated probability on a log scale: model_key, cutoff, `bin` (0 is 0.01 % and less; the last is 100 %) and `n`."""
    place = F.floor((F.log10(F.greatest(F.col(Score.probability), F.lit(1e-9))) + PROBABILITY_DECADES) * PROBABILITY_BINS_PER_DECADE)
    last = PROBABILITY_BINS_PER_DECADE * PROBABILITY_DECADES - 1
    clipped = F.greatest(F.least(place, F.lit(last)), F.lit(0)).cast("int")
    return counted(scores.select(Score.model_key, Score.cutoff, clipped.alias(BIN)), Score.model_key, Score.cutoff, BIN)


def probability_edges() -> list[float]:
    """The edges of `probability_bins`, one more than bins."""
    return [10 ** (i / PROBABILITY_BINS_PER_DECADE - PROBABILITY_DECADES) for i in range(PROBABILITY_BINS_PER_DECADE * PROBABILITY_DECADES + 1)]


def leading_reasons(scores: DataFrame) -> DataFrame:
    """How often each reason is among a person's own: model_key, cutoff, reason, persons of the first decile and of all."""
    said = scores.select(Score.model_key, Score.cutoff, Score.decile, F.explode(Score.reasons).alias("reason"))
    return (
        said.groupBy(Score.model_key, Score.cutoff, "reason")
        .agg(F.count_if(F.col(Score.decile) == 1).alias("first_decile"), F.count(F.lit(1)).alias(EVERYBODY))
        .orderBy(Score.model_key, Score.cutoff, F.desc("first_decile"), F.desc(EVERYBODY), "reason")
    )


def scored(scores: DataFrame) -> DataFrame:
    """Persons scored, mean probability and persons of the first decile per model and cutoff."""
    return (
        scores.groupBy(Score.model_key, Score.cutoff)
        .agg(
            F.count(F.lit(1)).alias(N),
            F.count_if(F.col(Score.decile) == 1).alias("first_decile"),
            F.round(F.avg(Score.probability), 6).alias("mean"),
            F.max(Score.model_version).alias(Score.model_version),
        )
        .orderBy(Score.model_key, Score.cutoff)
    )


def profile(decisions: DataFrame, segments: DataFrame, columns: tuple[str, ...]) -> DataFrame:
    """Those selected beside all candidates and beside the client's own file, by each of `columns` of the segments.

    Columns: campaign_id, `facet`, `value`, `everybody`, `selected`, and `client`: candidates that the client has already (its customers and
    what its files name), as far as they are known here. `segments` holds one cutoff.
    """
    known = segments.select(Segment.person_id, *(F.coalesce(F.col(c).cast("string"), F.lit("unknown")).alias(c) for c in columns))
    joined = decisions.select(Decision.campaign_id, Decision.person_id, Decision.is_selected, Decision.reasons).join(
        known, on=Decision.person_id, how="inner"
    )
    theirs = F.array_contains(Decision.reasons.col, str(Reason.CLIENT_FILE))
    facets: Column = F.explode(F.array(*(F.struct(F.lit(str(c)).alias("facet"), F.col(c).alias("value")) for c in columns)))
    return (
        joined.select(Decision.campaign_id, Decision.is_selected, Decision.reasons, facets.alias("_f"))
        .groupBy(Decision.campaign_id, "_f.facet", "_f.value")
        .agg(F.count(F.lit(1)).alias(EVERYBODY), F.count_if(Decision.is_selected).alias(SELECTED), F.count_if(theirs).alias(CLIENT))
        .orderBy(Decision.campaign_id, "facet", "value")
    )


def selection_counts(selection: DataFrame) -> DataFrame:
    """Merge units selected: campaign_id, channel, list_id, cell, is_newly_served, `n`."""
    keys = (Selection.campaign_id, Selection.channel, Selection.list_id, Selection.cell, Selection.is_newly_served)
    return counted(selection, *keys)
