"""Who is on a list of people not to contact: keyed hashes of coordinates joined with the suppression list, external lists and a
client's files.

The coordinates of all records of a person are asked for, whoever supplied them: a person found by one of them is out, whichever other one
the campaign would use. A family at an address (`postal_household`) stands for everybody of the household.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.coordinates import KEY_HASH, KIND, Kind
from appetence.contracts.campaign import CampaignFile
from appetence.contracts.domain import Channel
from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.silver import Record
from appetence.selection.pool import HOUSEHOLD, PERSON
from appetence.selection.terms import Terms

GLOBAL = "global"
SUPPRESSED, CLIENT_FILE, EXTERNAL = "is_suppressed", "is_client_file", "external_channels"
_LIST, _CHANNELS = "_list", "_channels"


def wanted_hashes(suppressions: DataFrame, external: DataFrame, files: DataFrame, terms: Terms) -> DataFrame:
    """Every hash that matters to this campaign, with its list and, for an external list, the channel that it closes."""
    scopes = [GLOBAL, terms.client.recipient_id, terms.party]
    suppressed = suppressions.where(Suppression.scope.col.isin(scopes)).select(
        F.lit(SUPPRESSED).alias(_LIST), F.lit("").alias(_CHANNELS), Suppression.key_hash
    )
    given = files.where((CampaignFile.campaign_id.col == terms.spec.campaign_id) & (CampaignFile.destroy_by.col >= F.lit(terms.known_on)))
    client = given.select(F.lit(CLIENT_FILE).alias(_LIST), F.lit("").alias(_CHANNELS), CampaignFile.coordinate_hash.col.alias(KEY_HASH))
    everything = suppressed.unionByName(client.where(F.lit(terms.is_prospect)))
    newest = Window.partitionBy(ExternalList.list_name)
    current = external.withColumn("_newest", F.max(ExternalList.version.col).over(newest)).where(ExternalList.version.col == F.col("_newest"))
    for channel, rule in terms.rules.items():
        closed = current.where(ExternalList.list_name.col.isin(list(rule.external_lists)) & (ExternalList.kind.col == _kind_of(channel)))
        everything = everything.unionByName(closed.select(F.lit(EXTERNAL).alias(_LIST), F.lit(str(channel)).alias(_CHANNELS), ExternalList.key_hash))
    return everything.distinct()


def _kind_of(channel: Channel) -> str:
    kinds = {Channel.POST: Kind.POSTAL, Channel.EMAIL: Kind.EMAIL, Channel.PHONE: Kind.PHONE, Channel.SMS: Kind.PHONE}
    return str(kinds[channel])


def listed_persons(live: DataFrame, hashes: DataFrame, wanted: DataFrame, terms: Terms) -> DataFrame:
    """Persons found on a list, with `is_suppressed`, `is_client_file` and the channels that external lists close to them.

    `live` are records with person and household, `hashes` the keyed coordinates of records (record_id, kind, key_hash); a match of a family
    at an address holds for its household, except that a client's file reaches beyond the person only when the campaign merges by family
    or address.
    """
    owners = live.select(Record.record_id, PERSON, HOUSEHOLD)
    met = hashes.join(wanted, on=KEY_HASH, how="inner").join(owners, on=Record.record_id, how="inner")
    found = met.select(PERSON, HOUSEHOLD, KIND, _LIST, _CHANNELS).distinct()
    family = F.col(KIND) == str(Kind.POSTAL_HOUSEHOLD)
    reaches = family & ((F.col(_LIST) != CLIENT_FILE) | F.lit(terms.spec.merge_level != "person"))
    themselves = found.where(~family).select(PERSON, _LIST, _CHANNELS)
    members = live.select(PERSON, HOUSEHOLD).distinct()
    homes = found.where(reaches).select(HOUSEHOLD, _LIST, _CHANNELS).distinct().join(members, on=HOUSEHOLD, how="inner")
    return (
        themselves.unionByName(homes.select(PERSON, _LIST, _CHANNELS))
        .groupBy(PERSON)
        .agg(
            F.max(F.col(_LIST) == SUPPRESSED).alias(SUPPRESSED),
            F.max(F.col(_LIST) == CLIENT_FILE).alias(CLIENT_FILE),
            F.collect_set(F.when(F.col(_LIST) == EXTERNAL, F.col(_CHANNELS))).alias(EXTERNAL),
        )
    )
