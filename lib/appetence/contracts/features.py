"""The feature table: partial aggregates per person and supplying member, so that any client's share can be left out.

A model never sees a member column: `features.dataset` sums these rows over the members a model may read, per sector and in total.
"""

from appetence.contracts.base import DATE, DOUBLE, INT, LONG, STRING, Field, Personal, Table, field

P = Personal

WINDOWS = (30, 90, 180, 365, 730)
"""Days before the cutoff over which events are counted."""

HALF_LIVES = (30, 90, 365)
"""Days after which an event counts half."""


class Feature(Table):
    """One row per cutoff, person and supplying member with an event: counts, amounts and decayed sums up to the cutoff."""

    schema, name, owner = "gold", "feature", "features"
    cutoff = field(DATE, "Events of this day belong to the history; later ones do not.", required=True)
    person_id = field(STRING, "The person.", required=True)
    member_id = field(STRING, "The member the events are with; never a model input.", required=True)
    sector = field(STRING, "Sector of that member.", required=True)
    first_on = field(DATE, "First event.", required=True, personal=P.DERIVED)
    last_on = field(DATE, "Last event.", required=True, personal=P.DERIVED)
    events_total = field(LONG, "Orders and gifts so far.", required=True, personal=P.DERIVED)
    amount_total = field(LONG, "Their amount less refunds, cents.", required=True, personal=P.DERIVED)
    days_total = field(LONG, "Distinct days with an event.", required=True, personal=P.DERIVED)
    categories_total = field(LONG, "Distinct categories with an event.", required=True, personal=P.DERIVED)
    gifts_total = field(LONG, "Gifts so far.", required=True, personal=P.DERIVED)
    refunds_total = field(LONG, "Refunds so far.", required=True, personal=P.DERIVED)
    largest_amount = field(LONG, "Largest single amount, cents.", required=True, personal=P.DERIVED)
    events_30d = field(INT, "Events in the last 30 days.", required=True, personal=P.DERIVED)
    events_90d = field(INT, "Events in the last 90 days.", required=True, personal=P.DERIVED)
    events_180d = field(INT, "Events in the last 180 days.", required=True, personal=P.DERIVED)
    events_365d = field(INT, "Events in the last 365 days.", required=True, personal=P.DERIVED)
    events_730d = field(INT, "Events in the last 730 days.", required=True, personal=P.DERIVED)
    amount_30d = field(LONG, "Amount of the last 30 days, cents.", required=True, personal=P.DERIVED)
    amount_90d = field(LONG, "Amount of the last 90 days, cents.", required=True, personal=P.DERIVED)
    amount_180d = field(LONG, "Amount of the last 180 days, cents.", required=True, personal=P.DERIVED)
    amount_365d = field(LONG, "Amount of the last 365 days, cents.", required=True, personal=P.DERIVED)
    amount_730d = field(LONG, "Amount of the last 730 days, cents.", required=True, personal=P.DERIVED)
    decayed_events_30 = field(DOUBLE, "Events, each halved every 30 days; rounded to 6 digits.", required=True, personal=P.DERIVED)
    decayed_events_90 = field(DOUBLE, "Events, each halved every 90 days.", required=True, personal=P.DERIVED)
    decayed_events_365 = field(DOUBLE, "Events, each halved every 365 days.", required=True, personal=P.DERIVED)
    decayed_amount_90 = field(DOUBLE, "Amounts in cents, each halved every 90 days; rounded to 2 digits.", required=True, personal=P.DERIVED)
    decayed_amount_365 = field(DOUBLE, "Amounts in cents, each halved every 365 days.", required=True, personal=P.DERIVED)
    gap_squares_total = field(LONG, "Sum of squared days between successive days with an event.", required=True, personal=P.DERIVED)
    season_events = field(LONG, "Events in earlier years within 45 days of the label window's month.", required=True, personal=P.DERIVED)
    history_hash = field(LONG, "Hash of the events the row was made from: while it stays, the row is not made again.", personal=P.DERIVED)
    key = (cutoff, person_id, member_id)
    subject = person_id
    partition_by = (cutoff,)


def windowed(stem: str, days: int) -> Field:
    """The contract field of a stem and a window, e.g. `windowed("events", 90)`."""
    return next(f for f in Feature.fields() if f == f"{stem}_{days}d")


def decayed(stem: str, half_life: int) -> Field:
    """The contract field of a stem and a half-life, e.g. `decayed("events", 90)`."""
    return next(f for f in Feature.fields() if f == f"decayed_{stem}_{half_life}")
