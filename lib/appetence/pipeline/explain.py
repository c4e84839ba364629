"""What `appetence why-linked` says of two records."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import CommonValue, Edge, PersonLink, ResolvedRecord
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.identity import explain
from appetence.identity.paths import Around, around
from appetence.identity.weights import NEVER, Model
from appetence.pipeline.context import Context
from appetence.pipeline.review import current_model, in_force

_ALONE = "The pair alone would not link them"


def why_linked(ctx: Context, record_a: str, record_b: str) -> list[str]:
    """Lines for people: whether the two records are one person today, the weight of each field, and where these do not say why, the way over other
    records. ConfigError for an unknown record."""
    links = ctx.lake.read(PersonLink).where(F.col(PersonLink.record_id).isin(record_a, record_b))
    persons = {r[PersonLink.record_id]: r[PersonLink.person_id] for r in links.collect()}
    unknown = [r for r in (record_a, record_b) if r not in persons]
    if unknown or record_a == record_b:
        named = f"{', '.join(unknown)} is not in identity.person_link" if unknown else "one record was given twice"
        raise ConfigError(f"why-linked compares two records that have been resolved: {named}; take ids from silver.record.")
    together = persons[record_a] == persons[record_b]
    heading = f"{record_a} and {record_b} are {'one person' if together else 'two persons'} today: {', '.join(sorted(set(persons.values())))}."
    model = current_model(ctx)
    decided = in_force(ctx, (record_a, record_b))
    common = ctx.lake.read(CommonValue) if ctx.lake.exists(CommonValue) else None
    records = ctx.lake.read(Record).where(~F.col(Record.is_bare))
    pattern = explain.pattern_of(records, record_a, record_b, common)
    heading = f"{heading}\n{decided}" if decided else heading
    if pattern is None:
        return [heading, "They are equal in every compared attribute, and were one before any comparison."]
    lines = [heading, *explain.in_words(model, pattern)]
    if decided:
        return lines
    settings = ctx.config.identity
    does_link = float(model.weights([pattern], settings.contradiction)[0][0]) > settings.link_weight
    if together and does_link:
        return lines
    read = ctx.lake.read_or_empty
    between = around(read(ResolvedRecord), read(Edge), (record_a, record_b), settings.max_component)
    told = _Told(model, (record_a, record_b), between, does_link, settings.contradiction)
    return [*lines, *(told.together() if together else told.apart(records, common))]


@dataclass(frozen=True)
class _Told:
    """What is said beyond the fields of the pair. `between`: what lies between the two; None when it is not known."""

    model: Model
    two: tuple[str, str]
    between: Around | None
    does_link: bool
    contradiction: str

    def together(self) -> list[str]:
        """Why two records are one person though their pair is no link."""
        if self.between is None:
            return [f"{_ALONE}: other records of this person tie them together."]
        if not self.between.is_one_cluster:
            return [f"{_ALONE}, nor would the weights of other records: decisions made by hand about others of this person do."]
        ways = [(d, self.between.way(with_doubtful=d, is_inside=i)) for d, i in ((False, True), (True, True), (False, False), (True, False))]
        is_doubtful, way = next((w for w in ways if w[1]), (False, []))
        if not way:
            return [f"{_ALONE}: other records of this person tie them together, and no way over compared pairs is left that shows how."]
        how = "groups of records, compared as wholes, do; the strongest way between them" if is_doubtful else "other records do; the strongest way"
        return [f"{_ALONE}: {how}, over {_steps(len(way) - 1)}:", *self._way(self.between, way)]

    def apart(self, records: DataFrame, common: DataFrame | None) -> list[str]:
        """Why two records are two persons though their pair is a link, or other records chain them."""
        between, alone = self.between, "The pair alone would link them"
        if between is None:
            return [f"{alone}: the other records around them speak against it on average."] if self.does_link else []
        if not between.is_one_component:
            never = "no blocking key brought them together when everything was resolved last, and so they were not compared"
            return [f"{alone}: {never}."] if self.does_link else []
        if between.is_one_cluster:
            return ["By the weights they are one person: decisions made by hand about records around them keep them apart."]
        way = between.way(with_doubtful=False, is_inside=False)
        if not way:
            return [f"{alone}: {self._average(between, records, common)}"] if self.does_link else []
        chained = alone if self.does_link else f"Other records chain them, over {_steps(len(way) - 1)}"
        lines = [f"{chained}, but they were taken apart: {self._average(between, records, common)}"]
        return lines if self.does_link and len(way) <= 2 else [*lines, "The strongest way between them:", *self._way(between, way)]

    def _way(self, between: Around, way: list[str]) -> list[str]:
        return explain.way_in_words(self.model, between, way, self.two)

    def _average(self, between: Around, records: DataFrame, common: DataFrame | None) -> str:
        """The average weight between the groups of the two, as average linkage takes it."""
        left, right = (between.cluster(end) for end in between.ends)
        found = explain.patterns_between(records, left, right, common)
        sizes = f"the {len(left)} and {len(right)} distinct records of the two groups"
        if not found:
            return f"{sizes} are no longer all there to be compared."
        weights = self.model.weights(list(found), self.contradiction)[0].tolist()
        pairs = sum(found.values())
        never = sum(n for w, n in zip(weights, found.values(), strict=True) if w <= NEVER)
        if never:
            return f"of the {pairs} pair(s) between {sizes} the birth dates of {never} contradict, which no average outweighs."
        average = sum(w * n for w, n in zip(weights, found.values(), strict=True)) / pairs
        large = "" if between.is_whole else " Theirs was a group of more than identity.max_component records, first cut where links were weaker."
        return f"the {pairs} pair(s) between {sizes} weigh {average:+.1f} on average.{large}"


def _steps(count: int) -> str:
    return f"{count} {'step' if count == 1 else 'steps'}"
