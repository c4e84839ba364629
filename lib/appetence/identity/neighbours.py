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


@dataclass(frozen=True)
class Town:
    """Who is who now: `links` (record_id, person_id), `said` (record_id, place, line), `kin` (record_a, record_b); and HouseholdLink as it was."""

    links: DataFrame
    said: DataFrame
    kin: DataFrame
    homes: DataFrame

    def affected(self, changed: DataFrame, records: DataFrame, was_said: DataFrame) -> DataFrame:
        """person_id of all whose household may change. `changed`: person_id, those that are no more included; `records`: record_id of theirs
        now; `was_said`: place and line that records of theirs stated before."""
        stated = self.said.join(F.broadcast(records), on=ResolvedRecord.record_id, how="left_semi").select("place", "line")
        near = self._persons(self._stating(stated.unionByName(was_said.select("place", "line"))))
        asked = [self.kin.join(F.broadcast(records.toDF(side)), on=side, how="left_semi") for side in (KinPair.record_a, KinPair.record_b)]
        family = self._persons(asked[0].select(KinPair.record_b).unionByName(asked[1].select(F.col(KinPair.record_a).alias(KinPair.record_b))))
        touched = changed.unionByName(near).unionByName(family).distinct()
        groups = self.homes.join(F.broadcast(touched), on=HouseholdLink.person_id, how="left_semi").select(HouseholdLink.group_id).distinct()
        whole = self.homes.join(F.broadcast(groups), on=HouseholdLink.group_id, how="left_semi").select(HouseholdLink.person_id)
        return touched.unionByName(whole).distinct()

    def around(self, persons: DataFrame) -> DataFrame:
        """person_id of these persons and of all who state an address or a landline of theirs."""
        records = self.records_of(persons)
        stated = self.said.join(F.broadcast(records), on=ResolvedRecord.record_id, how="left_semi").select("place", "line")
        return self._persons(self._stating(stated)).unionByName(persons).distinct()

    def records_of(self, persons: DataFrame) -> DataFrame:
        """record_id of all records of these persons."""
        return self.links.join(F.broadcast(persons), on=PersonLink.person_id, how="left_semi").select(PersonLink.record_id)

    def _stating(self, stated: DataFrame) -> DataFrame:
        """record_id of all records that state one of these places or lines."""
        found = [
            self.said.join(F.broadcast(stated.select(c).where(F.col(c).isNotNull()).distinct()), on=c, how="left_semi") for c in ("place", "line")
        ]
        return found[0].select(ResolvedRecord.record_id).unionByName(found[1].select(ResolvedRecord.record_id)).distinct()

    def _persons(self, records: DataFrame) -> DataFrame:
        ids = records.toDF(PersonLink.record_id)
        return self.links.join(F.broadcast(ids), on=PersonLink.record_id, how="left_semi").select(PersonLink.person_id).distinct()
