"""What is asked once more before a file leaves: suppression, external lists, status, calls made since, and the very supply each piece rests on."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Selection
from appetence.contracts.domain import Channel
from appetence.contracts.silver import Record
from appetence.selection import caps, suppression
from appetence.selection.candidates import Sources
from appetence.selection.permission import permitted
from appetence.selection.pool import HOUSEHOLD, PERSON, live_records
from appetence.selection.status import HAS_STATUS, status
from appetence.selection.supply import CHANNEL, adults_only_members, build_supplies, instructed, summarise
from appetence.selection.terms import Terms


def still_lawful(selection: DataFrame, s: Sources, terms: Terms) -> DataFrame:
    """The rows of a selection that may still leave: nothing said, listed or frozen since it was cut speaks against them.

    A row whose own supply is withdrawn goes, even when another member still supplies the person: its coordinates are the first one's."""
    asked = selection.select(PERSON).distinct()
    homes = s.household_link.join(asked, on=PERSON, how="left_semi").select(HOUSEHOLD).distinct()
    near = s.household_link.join(homes, on=HOUSEHOLD, how="left_semi").select(PERSON).unionByName(asked).distinct()
    links = s.person_link.join(near, on=PERSON, how="left_semi")
    live = live_records(s.record, links, s.household_link, terms)
    theirs = live.join(asked, on=PERSON, how="left_semi")
    voices = s.permission_event.join(links.select(Record.record_id, PERSON), on=Record.record_id, how="inner")
    allowed = instructed(s.instruction, s.member, s.exclusion, s.recipient, terms)
    supplies = build_supplies(theirs, permitted(voices, s.law_rule, terms), allowed, terms)
    works = supplies.where(F.col("is_permitted") & F.col("is_instructed") & F.col("is_deliverable"))
    kept = selection.join(works.select(PERSON, Record.record_id, CHANNEL).distinct(), on=[PERSON, Record.record_id, CHANNEL], how="left_semi")
    if not terms.is_house:
        enough = (F.col("source_count") >= terms.spec.min_sources) & F.col("has_other_source")
        sums = summarise(supplies, terms).where(F.col("has_supply") if terms.is_enrich else enough)
        kept = kept.join(sums.select(PERSON, CHANNEL), on=[PERSON, CHANNEL], how="left_semi")
    calls = caps.calls_made(caps.earlier_pieces(s.selection, s.campaign, s.household_link, terms, s.cut_on), terms, s.calls)
    kept = kept.join(calls, on=PERSON, how="left").where((F.col(CHANNEL) != str(Channel.PHONE)) | ~caps.is_called_out(terms))
    wanted = suppression.wanted_hashes(s.suppression, s.external_list, s.campaign_file, terms)
    listed = suppression.listed_persons(live, s.hashes, wanted, terms)
    standing = status(theirs, s.person, s.limitation, s.death, adults_only_members(s.instruction, terms), terms)
    joined = kept.join(listed, on=PERSON, how="left").join(standing.select(PERSON, HAS_STATUS), on=PERSON, how="left")
    closed = F.array_contains(F.coalesce(F.col(suppression.EXTERNAL), F.array().cast("array<string>")), F.col(CHANNEL))
    is_listed = F.coalesce(F.col(suppression.SUPPRESSED) | F.col(suppression.CLIENT_FILE), F.lit(False)) | closed
    free = joined.where(~is_listed & ~F.coalesce(F.col(HAS_STATUS), F.lit(True)))
    return free.select(*(F.col(str(f)) for f in Selection.content()))
