"""What campaigns brought: orders and gifts of their window matched back, and the mailed compared with the hold-out."""

from __future__ import annotations

from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Matchback, Response, Selection
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.select_campaign import campaign_terms, chosen_campaigns
from appetence.selection.matchback import measure, responses


def run(ctx: Context) -> Counts:
    """Measures every cut campaign that has dropped and whose client is a member: the orders of others are not in the pool."""
    cut = {row[Campaign.campaign_id] for row in ctx.lake.read_or_empty(Campaign).collect()}
    selections = ctx.lake.read_or_empty(Selection)
    rows_in = rows_out = 0
    measured: list[str] = []
    for spec in chosen_campaigns(ctx):
        terms = campaign_terms(ctx, spec)
        if spec.drop_date >= ctx.as_of or spec.campaign_id not in cut:
            continue
        if terms.client.member_id is None:
            ctx.progress(f"{spec.campaign_id}: its client {spec.client} is no member, so its orders are not seen here")
            continue
        scope = f"campaign_id = '{spec.campaign_id}'"
        mine = selections.where(F.col(Selection.campaign_id) == spec.campaign_id)
        found = ctx.lake.stage("responses", responses(mine, ctx.lake.read(Transaction), ctx.lake.read(PersonLink), terms))
        rows_out += ctx.lake.sync(Response, found, scope).rows
        rows_in += mine.count()
        ctx.lake.sync(Matchback, measure(mine, found), scope)
        measured.append(spec.campaign_id)
    return Counts(rows_in, rows_out, details={"campaigns": measured})
