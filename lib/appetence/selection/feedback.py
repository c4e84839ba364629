"""What routers and call centres tell back of single pieces, and how it changes the next selection and what is cut and not sent.

A line names a piece by the opaque reference printed on it, or by the token of its unsubscription or STOP: no coordinate travels back. A
stop, an unsubscription, a do-not-call or a complaint is an opposition on that channel (channels never stand in for each other); a bounce or
a removal closes that coordinate, whoever supplies it, until another one is delivered; attempts and refusals count for the limits of calls.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import COORDINATE, KEY_HASH, KIND, Kind, hashed, hashed_coordinates
from appetence.columns.grades import Grade, is_usable
from appetence.contracts.campaign import Campaign, Export, ExportLine, Feedback, Selection
from appetence.contracts.domain import Basis, Channel, PermissionStatus, Purpose, Use
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import PermissionEvent, Record
from appetence.errors import RightsError
from appetence.selection.layouts import token
from appetence.selection.pool import PERSON

FB, R, E = Feedback, Record, PermissionEvent
REFERENCE, REST = "reference", ("event", "at")
TOKENS = {"unsubscribe_token": ("unsubscribe", Channel.EMAIL), "stop_token": ("stop", Channel.SMS)}
"""What may stand in the place of the reference: the token of the layout, with what it was made for and the channel that carries it."""
COMPLAINT, REFUSED = "complaint", "refused"
OPPOSED = ("stop", "unsubscribe", "do_not_call", COMPLAINT)
DEAD = ("bounce", "moved")
CALLED = ("attempt", REFUSED)
BY_CHANNEL = {
    Channel.POST: ("moved", "bounce", "stop", COMPLAINT),
    Channel.EMAIL: ("bounce", "unsubscribe", COMPLAINT),
    Channel.SMS: ("bounce", "stop", COMPLAINT),
    Channel.PHONE: ("bounce", "do_not_call", COMPLAINT, *CALLED),
}
"""What can be told of a piece of each channel."""
_PLACE, SENDER = "place", "sender"
LINES = "reference string, event string, at timestamp, file string, line int, named_by string"


@dataclass
class Told:
    """What a file held: (reference or token, event, moment, file, line, name of the first column), a sentence for each line that cannot be
    taken, its text, and the text of every line by its number."""

    header: tuple[str, ...] = (REFERENCE, *REST)
    lines: list[tuple[str, str, dt.datetime, str, int, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    refused: list[list[str]] = field(default_factory=list)
    text: dict[int, list[str]] = field(default_factory=dict)


def read_file(content: bytes, file: str) -> Told:
    """The lines of one file: UTF-8, `reference;event;at`, or a token in the place of the reference. RightsError when it cannot be read as a
    whole."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RightsError(f"{file}: not UTF-8; save it as UTF-8 and deliver it again.") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    told = Told(header=tuple(name.strip() for name in next(rows, [])))
    if told.header[1:] != REST or told.header[0] not in (REFERENCE, *TOKENS):
        may = ", or ".join(f"{name} in its place" for name in TOKENS)
        raise RightsError(f"{file}, line 1: the columns must be {';'.join((REFERENCE, *REST))} ({may}); correct the header.")
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = [cell.strip() for cell in row]
        fault, at = _fault(cells, told.header), _moment(cells[2]) if len(cells) == len(told.header) else None
        if fault or at is None:
            told.faults.append(f"{file}, line {rows.line_num}: {fault or 'at is no day and no moment; write 2026-12-03 or 2026-12-03T10:15.'}")
            told.refused.append(row)
        else:
            told.lines.append((cells[0].upper(), cells[1], at, file, rows.line_num, told.header[0]))
            told.text[rows.line_num] = row
    return told


def _fault(cells: Sequence[str], header: Sequence[str]) -> str | None:
    if len(cells) != len(header):
        return f"{len(cells)} fields instead of {len(header)}; correct the separators."
    if not re.fullmatch(r"[0-9A-Fa-f]{16}", cells[0]):
        return f"{header[0]} is not one that we print (16 hexadecimal digits); copy it from the file handed over."
    if cells[1] not in (*OPPOSED, *DEAD, *CALLED):
        return f"event is none of {', '.join((*OPPOSED, *DEAD, *CALLED))}; use one of them."
    return None


def _moment(text: str) -> dt.datetime | None:
    """A day (its last second: nothing said that day outlives an opposition) or a moment, UTC."""
    try:
        if len(text) == 10:
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(23, 59, 59), dt.UTC)
        at = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def resolved(lines: DataFrame, export_lines: DataFrame, exports: DataFrame, pads: DataFrame) -> DataFrame:
    """The lines with the reference of the piece whose token they name; null where a token is of no piece. `pads`: of the reference key."""
    files = exports.select(ExportLine.export_id, Export.channel)
    sent = export_lines.join(F.broadcast(files), on=ExportLine.export_id, how="inner")
    made = []
    for named_by, (purpose, channel) in TOKENS.items():
        key, value = token(pads, purpose, ExportLine.campaign_id.col, ExportLine.reference.col)
        theirs = sent.where(Export.channel.col == str(channel)).crossJoin(key)
        made.append(theirs.select(F.lit(named_by).alias("named_by"), value.alias("_token"), ExportLine.reference.col.alias("_reference")).distinct())
    known = reduce(DataFrame.unionByName, made)
    asked = lines.withColumnRenamed(REFERENCE, "_token").join(known, on=["named_by", "_token"], how="left")
    reference = F.when(F.col("named_by") == REFERENCE, F.col("_token")).otherwise(F.col("_reference"))
    return asked.withColumn(REFERENCE, reference).select(*lines.columns)


def placed(lines: DataFrame, export_lines: DataFrame, exports: DataFrame, selections: DataFrame, campaigns: DataFrame) -> DataFrame:
    """The lines with the piece each one is of: campaign, channel, client, person, record; `is_known` and `fits` (its channel can say it).

    A trap's reference is known and has no person. Lines may name who signed them (`sender`; null: noted by hand): a piece handed to another
    recipient is none of theirs to tell of."""
    named = export_lines.select(ExportLine.reference, ExportLine.export_id, ExportLine.campaign_id, F.col(ExportLine.person_id).alias(PERSON))
    files = exports.select(Export.export_id, Export.channel, Export.recipient_id.col.alias("_recipient"))
    used = selections.select(Selection.campaign_id, PERSON, Selection.record_id).distinct()
    clients = campaigns.select(Campaign.campaign_id, Campaign.client_id, Campaign.product, Campaign.purpose)
    found = lines.join(named, on=str(FB.reference), how="left").join(F.broadcast(files), on=Export.export_id, how="left")
    found = found.join(used, on=[str(Selection.campaign_id), PERSON], how="left").join(F.broadcast(clients), on=Campaign.campaign_id, how="left")
    fits = F.lit(False)
    for channel, events in BY_CHANNEL.items():
        fits = fits | ((FB.channel.col == str(channel)) & FB.event.col.isin(list(events)))
    told_by = F.col(SENDER) if SENDER in lines.columns else F.lit(None).cast("string")
    is_theirs = told_by.isNull() | (told_by == F.coalesce("_recipient", F.lit("")))
    return found.withColumn("is_known", Export.export_id.col.isNotNull() & is_theirs).withColumn("fits", F.coalesce(fits, F.lit(False)))


def build_feedback(found: DataFrame, records: DataFrame, pads: DataFrame, received_on: dt.date, pepper_version: str) -> DataFrame:
    """`gold.feedback` of the lines that name a person's piece; what reaches nobody carries the keyed hashes of its coordinate.

    `pads` are those of `pepper_version`."""
    sound = found.where(F.col("is_known") & F.col("fits") & F.col(PERSON).isNotNull() & FB.record_id.col.isNotNull())
    dead = sound.where(FB.event.col.isin(list(DEAD))).select(FB.record_id, FB.channel).distinct()
    used = records.join(dead, on=R.record_id, how="inner")
    keyed = hashed_coordinates(_used(used), pads, str(R.record_id), str(FB.channel)).drop(KIND)
    places = _places(used.where(FB.channel.col == str(Channel.POST)), pads, str(R.record_id), str(FB.channel)).drop(KIND)
    hashes = keyed.unionByName(places).groupBy(FB.record_id, FB.channel).agg(F.array_sort(F.collect_set(KEY_HASH)).alias("_hashes"))
    joined = sound.join(hashes, on=[str(FB.record_id), str(FB.channel)], how="left")
    none = F.array().cast("array<string>")
    return Feedback.shape(
        joined.withColumns(
            {
                FB.coordinate_hashes: F.when(FB.event.col.isin(list(DEAD)), F.coalesce("_hashes", none)).otherwise(none),
                FB.happened_at: F.col("at"),
                FB.received_on: F.lit(received_on),
                FB.source: F.col("file"),
                FB.pepper_version: F.when(FB.event.col.isin(list(DEAD)), F.lit(pepper_version)),
            }
        )
    ).dropDuplicates([str(k) for k in Feedback.key])


def _used(records: DataFrame) -> DataFrame:
    """Records with `channel`, stripped of every coordinate but the one a piece of that channel used."""
    kept = {
        R.email: FB.channel.col == str(Channel.EMAIL),
        R.mobile: (FB.channel.col == str(Channel.SMS)) | ((FB.channel.col == str(Channel.PHONE)) & is_usable(R.mobile_grade.col)),
        R.landline: (FB.channel.col == str(Channel.PHONE)) & ~is_usable(R.mobile_grade.col),
        R.postcode: F.lit(False),
    }
    return records.withColumns({name: F.when(keeps, F.col(name)) for name, keeps in kept.items()})


def _places(records: DataFrame, pads: DataFrame, *keep: str) -> DataFrame:
    """Keyed hash of the place of a record's address; it is compared among the records of one person only."""
    known = records.where(R.postcode.col.isNotNull() & R.address_key.col.isNotNull())
    return hashed(known.select(*keep, F.lit(_PLACE).alias(KIND), F.concat_ws("|", R.postcode, R.address_key).alias(COORDINATE)), pads)


def opposition_events(found: DataFrame, links: DataFrame, clients: DataFrame) -> DataFrame:
    """`silver.permission_event` rows: a no on the channel of the piece, for each record of the person of today.

    For the use and purpose of the campaign; a complaint for all of both. In a house campaign the no is said to that client alone:
    `clients` holds campaign client and its own member (client_id, `own_member`, null for a third party).
    """
    said = found.where(F.col("is_known") & F.col("fits") & FB.event.col.isin(list(OPPOSED)) & FB.record_id.col.isNotNull())
    now = links.select(R.record_id, F.col(PERSON).alias("_now"))
    theirs = links.select(F.col(PERSON).alias("_now"), R.record_id.col.alias("_record"), R.member_id)
    spoken = said.join(now, on=R.record_id, how="inner").drop(R.record_id).join(theirs, on="_now", how="inner")
    spoken = spoken.join(F.broadcast(clients), on=Campaign.client_id, how="left")
    all_of = FB.event.col == COMPLAINT
    to_client = (Campaign.product.col != str(Use.HOUSE)) | all_of | (F.col("own_member") == R.member_id.col)
    uses = F.when(all_of, F.array(*(F.lit(str(u)) for u in Use))).otherwise(F.array(Campaign.product))
    purposes = F.when(all_of, F.array(*(F.lit(str(p)) for p in Purpose))).otherwise(F.array(Campaign.purpose))
    grid = spoken.where(to_client).withColumn(E.use, F.explode(uses)).withColumn("_purpose", F.explode(purposes))
    told = (FB.reference.col, FB.event.col, F.col("_record"), FB.channel.col, E.use.col, F.col("_purpose"), F.col("at").cast("string"))
    return PermissionEvent.shape(
        grid.select(
            F.substring(F.sha2(F.concat_ws("|", F.lit("feedback"), *told), 256), 1, 32).alias(E.event_id),
            F.col("_record").alias(E.record_id), E.member_id, E.channel, E.use, F.col("_purpose").alias(E.purpose),
            F.lit(str(Basis.INFORMATION)).alias(E.basis), F.lit(str(PermissionStatus.OPPOSED)).alias(E.status),
            F.lit("feedback").alias(E.wording_version), F.col("at").alias(E.collected_at), FB.event.col.alias(E.collection_point),
            F.array().cast("array<string>").alias(E.recipients), F.concat(F.lit("feedback:"), F.col("file")).alias(E.delivery_id),
            F.col("line").alias(E.line_number),
        )
    ).dropDuplicates([str(E.event_id)])  # fmt: skip


def without_dead_coordinates(
    records: DataFrame, feedback: DataFrame, hashes: DataFrame, links: DataFrame, pads: DataFrame
) -> DataFrame:  # fmt: skip
    """The records, those whose coordinate is known to reach nobody graded as unusable for it, whoever supplied the coordinate.

    An e-mail address or a number is closed wherever it stands; an address for the person whose letter came back (`links`: of today), in
    every record that has it, and for nobody else who lives there. `hashes`: keyed coordinates of all records; they find those concerned."""
    told = feedback.where(FB.event.col.isin(list(DEAD))).select(FB.record_id, FB.channel, F.explode(FB.coordinate_hashes).alias(KEY_HASH))
    by_post = FB.channel.col == str(Channel.POST)
    dead = told.where(~by_post).select(KEY_HASH).distinct()
    near = hashes.join(F.broadcast(dead), on=KEY_HASH, how="inner").select(R.record_id).distinct()
    concerned = records.join(F.broadcast(near), on=R.record_id, how="left_semi")
    keys = _keys(concerned, pads, R.email, Kind.EMAIL)
    for name in (R.mobile, R.landline):
        keys = keys.unionByName(_keys(concerned, pads, name, Kind.PHONE))
    found = keys.join(F.broadcast(dead), on=KEY_HASH, how="inner").select(R.record_id, "_which")
    gone = told.where(by_post).join(links.select(R.record_id, PERSON), on=R.record_id, how="inner").select(PERSON, KEY_HASH).distinct()
    theirs = links.select(R.record_id, PERSON).join(F.broadcast(gone.select(PERSON).distinct()), on=PERSON, how="left_semi")
    places = _places(records.join(F.broadcast(theirs), on=R.record_id, how="inner"), pads, str(R.record_id), PERSON)
    left = places.join(F.broadcast(gone), on=[PERSON, KEY_HASH], how="inner").select(R.record_id, F.lit(str(R.postcode)).alias("_which"))
    marks = found.unionByName(left).groupBy(R.record_id).agg(F.collect_set("_which").alias("_dead"))
    joined = records.join(F.broadcast(marks), on=R.record_id, how="left")

    def graded(which: str, grade: str) -> Column:
        return F.when(F.array_contains("_dead", which), F.lit(str(Grade.UNUSABLE))).otherwise(F.col(grade))

    lives = ~F.coalesce(F.array_contains("_dead", str(R.postcode)), F.lit(False))
    return joined.withColumns(
        {
            R.email_grade: graded(R.email, R.email_grade), R.mobile_grade: graded(R.mobile, R.mobile_grade),
            R.landline_grade: graded(R.landline, R.landline_grade), R.is_deliverable: R.is_deliverable.col & lives,
        }
    ).drop("_dead")  # fmt: skip


def _keys(records: DataFrame, pads: DataFrame, which: str, kind: Kind) -> DataFrame:
    """record_id, key_hash of one coordinate of the records, with its name as `_which`."""
    others = [name for name in (R.email, R.mobile, R.landline) if name != which]
    alone = records.withColumns({name: F.lit(None).cast("string") for name in others})
    keyed = hashed_coordinates(alone, pads, str(R.record_id)).where(F.col(KIND) == str(kind))
    return keyed.select(R.record_id, KEY_HASH, F.lit(str(which)).alias("_which"))


def calls_told(feedback: DataFrame, links: DataFrame) -> DataFrame:
    """person_id (of today), campaign_id, client_id, `on`, `is_refusal` of the calls made."""
    now = links.select(PersonLink.record_id, PERSON)
    made = feedback.where(FB.event.col.isin(list(CALLED))).drop(PERSON).join(now, on=FB.record_id, how="inner")
    return made.select(PERSON, FB.campaign_id, FB.client_id, F.to_date(FB.happened_at.col).alias("on"), (FB.event.col == REFUSED).alias("is_refusal"))
