"""The lines of the files handed over, channel by channel: all text, and nothing a recipient has no need of (no score, no source, no id of ours)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.grades import is_usable
from appetence.columns.hashing import hmac_sha256
from appetence.contracts.campaign import Selection
from appetence.contracts.domain import Channel
from appetence.contracts.silver import PermissionEvent, Record
from appetence.contracts.specs import PhoneHours
from appetence.selection.caps import CALLS

R, S = Record, Selection
REFERENCE = str(S.reference)
ADDRESS_LINES = 6
_DAYS = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")


@dataclass(frozen=True)
class Wording:
    """What a file says besides its lines: the programme's source mention, and when one may call."""

    source_mention: str
    phone_hours: PhoneHours


def joined(selection: DataFrame, records: DataFrame) -> DataFrame:
    """The rows that get a piece, each with the record whose coordinates are used."""
    pieces = selection.where(S.key_code.col.isNotNull())
    return pieces.join(records.drop(R.member_id), on=R.record_id, how="inner")


def token(pads: DataFrame, purpose: str, *values: Column) -> tuple[DataFrame, Column]:
    """The one-row frame to cross-join and the keyed token of these values: sixteen hexadecimal digits that only the key's holder links."""
    message = F.concat_ws("|", F.lit(purpose), *values)
    return F.broadcast(pads), F.upper(F.substring(hmac_sha256(message, F.col("inner_pad"), F.col("outer_pad")), 1, 16))


def mention(wording: Wording) -> Column:
    """The source mention with the piece's own reference."""
    before, _, after = wording.source_mention.partition("{reference}")
    return F.concat(F.lit(before), F.col(REFERENCE), F.lit(after))


def call_windows(hours: PhoneHours) -> str:
    """The lawful hours as a caller reads them.

    >>> from appetence.contracts.specs import PhoneHours
    >>> call_windows(PhoneHours(weekdays=(1, 2), windows=("10:00-13:00",), attempts_max=4, attempts_days=30, rest_days_after_refusal=60, source="-"))
    'lun mar 10:00-13:00, hors jours feries'
    """
    days = " ".join(_DAYS[d - 1] for d in hours.weekdays)
    return f"{days} {', '.join(hours.windows)}" + ("" if hours.public_holidays else ", hors jours feries")


def post_lines(rows: DataFrame, wording: Wording) -> DataFrame:
    """civility, line_1 ... line_6, key_code, reference, source_mention."""
    lines = [F.coalesce(F.get(R.address_lines.col, F.lit(i)), F.lit("")).alias(f"line_{i + 1}") for i in range(ADDRESS_LINES)]
    return rows.select(_text(R.civility), *lines, S.key_code, REFERENCE, mention(wording).alias("source_mention"))


def email_lines(rows: DataFrame, wording: Wording, pads: DataFrame) -> DataFrame:
    """email, civility, first_name, last_name, key_code, reference, source_mention, unsubscribe_token."""
    key, value = token(pads, "unsubscribe", S.campaign_id.col, F.col(REFERENCE))
    return rows.crossJoin(key).select(
        R.email, _text(R.civility), _text(R.first_name), _text(R.last_name), S.key_code, REFERENCE,
        mention(wording).alias("source_mention"), value.alias("unsubscribe_token"),
    )  # fmt: skip


def sms_lines(rows: DataFrame, pads: DataFrame) -> DataFrame:
    """mobile, key_code, reference, stop_token."""
    key, value = token(pads, "stop", S.campaign_id.col, F.col(REFERENCE))
    return rows.crossJoin(key).select(R.mobile, S.key_code, REFERENCE, value.alias("stop_token"))


def phone_lines(rows: DataFrame, wording: Wording, pads: DataFrame, events: DataFrame, calls: DataFrame) -> DataFrame:
    """phone, names, date and proof of the consent, lawful hours, attempts left, key_code, reference.

    `events` are permission events (the proof each row rests on), `calls` the call campaigns of this client so far, by person."""
    key, value = token(pads, "consent", PermissionEvent.event_id.col)
    proof = events.select(PermissionEvent.event_id.col.alias(str(S.permission_event_id)), PermissionEvent.event_id, PermissionEvent.collected_at)
    proven = rows.join(proof, on=S.permission_event_id, how="left").join(calls, on=S.person_id, how="left").crossJoin(key)
    left = F.lit(wording.phone_hours.attempts_max) - F.coalesce(F.col(CALLS), F.lit(0))
    return proven.select(
        F.when(is_usable(R.mobile_grade.col), R.mobile.col).otherwise(R.landline.col).alias("phone"),
        _text(R.civility), _text(R.first_name), _text(R.last_name),
        F.date_format(PermissionEvent.collected_at, "yyyy-MM-dd'T'HH:mm:ss'Z'").alias("consent_at"), value.alias("consent_reference"),
        F.lit(call_windows(wording.phone_hours)).alias("call_windows"), left.cast("string").alias("attempts_left"), S.key_code, REFERENCE,
    )  # fmt: skip


def house_lines(rows: DataFrame) -> DataFrame:
    """customer_ref and decile: what a client gets back of its own base."""
    return rows.select(R.customer_ref, S.decile.col.cast("string").alias(str(S.decile)))


def enrich_lines(own: DataFrame, attributes: DataFrame, names: Sequence[str]) -> DataFrame:
    """customer_ref and the attributes, empty where unknown. `own`: person_id and customer_ref of the client's lines, which stay all and
    alone; `attributes`: one row per person."""
    known = own.join(attributes.select(S.person_id, *names), on=S.person_id, how="left")
    return known.select(R.customer_ref, *(F.coalesce(F.col(n).cast("string"), F.lit("")).alias(n) for n in names)).distinct()


def _text(name: str) -> Column:
    return F.coalesce(F.col(name), F.lit("")).alias(name)


def lines_for(
    channel: str, rows: DataFrame, wording: Wording, pads: DataFrame, events: DataFrame, calls: DataFrame
) -> DataFrame:  # fmt: skip
    """The lines of a router's file for this channel."""
    if channel == Channel.POST:
        return post_lines(rows, wording)
    if channel == Channel.EMAIL:
        return email_lines(rows, wording, pads)
    if channel == Channel.SMS:
        return sms_lines(rows, pads)
    return phone_lines(rows, wording, pads, events, calls)
