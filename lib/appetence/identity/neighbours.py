"""Whose household may change when some persons do, and who else has to be looked at to find out.

A tie between two persons depends on their own records, on how many persons live at an address and on how many state a landline. So a tie comes
or goes only among the changed persons, those who state an address or landline that a changed person states or stated, and those whom a pair of
records newly takes for their family; and whole groups of those, as they were, are grouped again. To count right, everybody who states an address
or landline of theirs is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import HouseholdLink, KinPair, PersonLink, ResolvedRecord
from appetence.identity.clustering import Stage

_BOTH = (KinPair.record_a, KinPair.record_b)


@dataclass(frozen=True)
class Town:
    """Who is who now: `links` (record_id, person_id), `said` (record_id, place, line), `kin` (record_a, record_b); and HouseholdLink as it was."""

    links: DataFrame
    said: DataFrame
    kin: DataFrame
    homes: DataFrame

    def affected(self, changed: DataFrame, records: DataFrame, was_said: DataFrame, stage: Stage) -> DataFrame:
        """person_id of all whose household may change. `changed`: person_id, those that are no more included; `records`: record_id of theirs
        now; `was_said`: place and line that records of theirs stated before. `stage` stores what is few and read again."""
        stated = self._said_by(records).unionByName(was_said.select("place", "line"))
        asked = self._stating(stage("stated", stated.distinct())).unionByName(self._family(records))
        touched = stage("touched", changed.unionByName(self._persons(asked)).distinct())
        groups = self.homes.join(F.broadcast(touched), on=HouseholdLink.person_id, how="left_semi").select(HouseholdLink.group_id).distinct()
        whole = self.homes.join(F.broadcast(groups), on=HouseholdLink.group_id, how="left_semi").select(HouseholdLink.person_id)
        return touched.unionByName(whole).distinct()

    def around(self, persons: DataFrame, stage: Stage) -> DataFrame:
        """person_id of these persons and of all who state an address or a landline of theirs. `stage` as in `affected`."""
        stated = stage("stated", self._said_by(self.records_of(persons)).distinct())
        return self._persons(self._stating(stated)).unionByName(persons).distinct()

    def records_of(self, persons: DataFrame) -> DataFrame:
        """record_id of all records of these persons."""
        return self.links.join(F.broadcast(persons), on=PersonLink.person_id, how="left_semi").select(PersonLink.record_id)

    def _said_by(self, records: DataFrame) -> DataFrame:
        """place and line of these records."""
        return self.said.join(F.broadcast(records), on=ResolvedRecord.record_id, how="left_semi").select("place", "line")

    def _stating(self, stated: DataFrame) -> DataFrame:
        """record_id of all records that state one of these places or lines: one reading of what everybody states."""
        told = self.said
        for c in ("place", "line"):
            asked = stated.select(c).where(F.col(c).isNotNull()).distinct().withColumn(f"_{c}", F.lit(True))
            told = told.join(F.broadcast(asked), on=c, how="left")
        return told.where(F.col("_place").isNotNull() | F.col("_line").isNotNull()).select(ResolvedRecord.record_id)

    def _family(self, records: DataFrame) -> DataFrame:
        """record_id of those whom a pair takes for the family of these records."""
        pair = (F.struct(F.col(a).alias("_of"), F.col(b).alias("_is")) for a, b in (_BOTH, _BOTH[::-1]))
        sides = self.kin.select(F.explode(F.array(*pair)).alias("_p")).select("_p.*")
        return sides.join(F.broadcast(records.toDF("_of")), on="_of", how="left_semi").select(F.col("_is").alias(ResolvedRecord.record_id))

    def _persons(self, records: DataFrame) -> DataFrame:
        ids = records.toDF(PersonLink.record_id)
        return self.links.join(F.broadcast(ids), on=PersonLink.record_id, how="left_semi").select(PersonLink.person_id).distinct()
