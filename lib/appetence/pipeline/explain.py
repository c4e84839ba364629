"""What `appetence why-linked` says of two records."""

from __future__ import annotations

from pyspark.sql import functions as F

from appetence.contracts.identity import CommonValue, PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.identity import explain
from appetence.pipeline.context import Context
from appetence.pipeline.review import current_model, in_force


def why_linked(ctx: Context, record_a: str, record_b: str) -> list[str]:
    """Lines for people: whether the two records are one person today, and the weight of each field. ConfigError for an unknown record."""
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
    pattern = explain.pattern_of(ctx.lake.read(Record).where(~F.col(Record.is_bare)), record_a, record_b, common)
    heading = f"{heading}\n{decided}" if decided else heading
    if pattern is None:
        return [heading, "They are equal in every compared attribute, and were one before any comparison."]
    lines = [heading, *explain.in_words(model, pattern)]
    weight = float(model.weights([pattern])[0][0])
    if decided:
        return lines
    if together and weight <= 0:
        lines.append("The pair alone would not link them: other records of this person tie them together.")
    if not together and weight > 0:
        lines.append("The pair alone would link them: the other records around them speak against it on average.")
    return lines
