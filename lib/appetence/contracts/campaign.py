"""The gold schema, part two: campaigns, from candidates to results."""

from appetence.contracts.base import BOOLEAN, DATE, DOUBLE, INT, LONG, STRING, STRINGS, TIMESTAMP, Personal, Table, field

P = Personal


class Campaign(Table):
    """One row per campaign selected: its frozen specification."""

    schema, name, owner = "gold", "campaign", "selection"
    campaign_id = field(STRING, "Name of the campaign file.", required=True)
    spec_hash = field(STRING, "Hash of the frozen specification.", required=True)
    product = field(STRING, "prospect, house or enrich.", required=True)
    client_id = field(STRING, "Recipient the campaign is for.", required=True)
    purpose = field(STRING, "commercial, caritative, etude.", required=True)
    channels = field(STRINGS, "Channels in order of preference.", required=True)
    programme = field(STRING, "Programme under which it runs.", required=True)
    drop_date = field(DATE, "Day the pieces reach people: rules are read at this day.", required=True)
    cutoff = field(DATE, "Snapshot of the scores used.", required=True)
    model_key = field(STRING, "Scores used; null for a formula.")
    ordered = field(LONG, "Pieces ordered.")
    planned_holdout = field(LONG, "Persons set apart on top.", required=True)
    selected = field(LONG, "Merge units mailed.", required=True)
    held_out = field(LONG, "Merge units set apart.", required=True)
    cost_per_piece_cents = field(LONG, "Cost of one piece.", required=True)
    margin_cents = field(LONG, "Margin of one response.", required=True)
    cut_on = field(DATE, "As-of date on which this specification was first cut; campaigns cut earlier count for its caps.")
    specification = field(STRING, "The frozen specification itself, as the JSON that is hashed; null: cut before it was kept.")
    key = (campaign_id,)


class Selection(Table):
    """One row per merge unit selected, mailed or held out, with the supply that allows it."""

    schema, name, owner = "gold", "selection", "selection"
    campaign_id = field(STRING, "The campaign.", required=True)
    channel = field(STRING, "Channel of the piece.", required=True)
    person_id = field(STRING, "The person.", required=True)
    household_id = field(STRING, "Its household.", required=True)
    merge_unit = field(STRING, "Opaque id of the unit that gets one piece.", required=True)
    list_id = field(STRING, "List of the campaign it came from.", required=True)
    record_id = field(STRING, "Record whose coordinates are used.", required=True)
    member_id = field(STRING, "Member that supplies it; never exported.", required=True)
    permission_event_id = field(STRING, "Permission it rests on.", required=True)
    instruction_id = field(STRING, "Instruction it rests on.", required=True)
    source_count = field(INT, "Supplies that passed.", required=True)
    probability = field(DOUBLE, "Calibrated probability.", personal=P.DERIVED)
    rank = field(LONG, "1 is best within the campaign.", required=True, personal=P.DERIVED)
    decile = field(INT, "Tenth of the eligible, 1 is best.", required=True, personal=P.DERIVED)
    cell = field(STRING, "mail, control cell name, or holdout.", required=True, personal=P.DERIVED)
    key_code = field(STRING, "Names campaign, cell, segment and list; null when held out.", personal=P.DERIVED)
    reference = field(STRING, "Opaque reference printed on the piece; only the officer resolves it.", required=True, personal=P.PSEUDONYM)
    is_newly_served = field(BOOLEAN, "Never selected for this client before.", required=True, personal=P.DERIVED)
    key = (campaign_id, person_id)
    subject = person_id
    partition_by = (campaign_id, channel)


class Decision(Table):
    """One row per candidate of a campaign: why in, or the first reason why not and every other."""

    schema, name, owner = "gold", "decision", "selection"
    campaign_id = field(STRING, "The campaign.", required=True)
    person_id = field(STRING, "The candidate.", required=True)
    channel = field(STRING, "Best channel left, or the first asked.", required=True)
    list_id = field(STRING, "List.", required=True)
    is_selected = field(BOOLEAN, "It is in gold.selection.", required=True, personal=P.DERIVED)
    first_reason = field(STRING, "Waterfall code that dropped it; null when mailed; CELL when held out.", personal=P.DERIVED)
    reasons = field(STRINGS, "All codes that apply, in waterfall order.", required=True, personal=P.DERIVED)
    rank = field(LONG, "Rank among eligible merge units; null when dropped before.", personal=P.DERIVED)
    key = (campaign_id, person_id)
    subject = person_id
    partition_by = (campaign_id, channel)


class Waterfall(Table):
    """One row per campaign and step: who came in, who was dropped, who is left."""

    schema, name, owner = "gold", "waterfall", "selection"
    campaign_id = field(STRING, "The campaign.", required=True)
    step = field(INT, "Order of the step, 0 is the universe.", required=True)
    code = field(STRING, "Reason code.", required=True)
    entered = field(LONG, "Candidates before the step.", required=True)
    dropped = field(LONG, "Candidates it drops.", required=True)
    remaining = field(LONG, "Candidates after it.", required=True)
    key = (campaign_id, step)
    checks = {"adds_up": "entered - dropped = remaining"}


class Tier(Table):
    """One row per campaign and tenth of the eligible: what each further tenth is worth."""

    schema, name, owner = "gold", "tier", "selection"
    campaign_id = field(STRING, "The campaign.", required=True)
    tier = field(INT, "1 is best.", required=True)
    quantity = field(LONG, "Merge units in the tier.", required=True)
    expected_responses = field(DOUBLE, "Sum of probabilities.", required=True)
    expected_margin_cents = field(LONG, "Expected responses times margin, less cost.", required=True)
    expected_amount_cents = field(LONG, "What the model expects the tier to spend; null unless the campaign ranks by it.")
    cumulative_quantity = field(LONG, "Down to here.", required=True)
    cumulative_margin_cents = field(LONG, "Down to here.", required=True)
    is_above_break_even = field(BOOLEAN, "The tier earns its cost.", required=True)
    key = (campaign_id, tier)


class ListOverlap(Table):
    """One row per campaign and pair of its lists: who fits both; a list with itself says who fits it. Persons, before one is kept of a unit."""

    schema, name, owner = "gold", "list_overlap", "selection"
    campaign_id = field(STRING, "The campaign.", required=True)
    list_id = field(STRING, "One list.", required=True)
    other_list_id = field(STRING, "The other.", required=True)
    eligible = field(LONG, "Eligible persons that fit both.", required=True)
    selected = field(LONG, "Pieces among them.", required=True)
    key = (campaign_id, list_id, other_list_id)


class Reach(Table):
    """One row per campaign and channel: whom it could reach of the eligible, whom it alone could, and whom it does."""

    schema, name, owner = "gold", "reach", "selection"
    campaign_id = field(STRING, "The campaign.", required=True)
    channel = field(STRING, "The channel.", required=True)
    eligible = field(LONG, "Eligible persons it could reach.", required=True)
    only_by_it = field(LONG, "Those that no other channel of the campaign could.", required=True)
    selected = field(LONG, "Pieces it carries.", required=True)
    key = (campaign_id, channel)


class Export(Table):
    """One row per file handed over: what it holds, by hash, and when it must be gone."""

    schema, name, owner = "gold", "export", "exchange"
    written_by = "export_selection"
    export_id = field(STRING, "Opaque id of campaign, channel and recipient.", required=True)
    campaign_id = field(STRING, "The campaign.", required=True)
    channel = field(STRING, "Channel of the layout.", required=True)
    layout = field(STRING, "Layout name and version.", required=True)
    recipient_id = field(STRING, "Router or client it is encrypted for.", required=True)
    file_name = field(STRING, "Name in the outbox.", required=True)
    rows = field(LONG, "Rows, seeds included.", required=True)
    seeds = field(LONG, "Seeds among them.", required=True)
    plaintext_hash = field(STRING, "SHA-256 of the plaintext.", required=True)
    cipher_hash = field(STRING, "SHA-256 of the encrypted file.", required=True)
    exported_on = field(DATE, "As-of date.", required=True)
    destroy_by = field(DATE, "Day by which the recipient and we destroy it.", required=True)
    destroyed_on = field(DATE, "Day our copy was destroyed.")
    key = (export_id,)


class ExportLine(Table):
    """One row per exported line: the link from the printed reference back to the selection."""

    schema, name, owner = "gold", "export_line", "exchange"
    written_by = "export_selection"
    export_id = field(STRING, "The file.", required=True)
    reference = field(STRING, "Opaque reference printed on the piece.", required=True, personal=P.PSEUDONYM)
    campaign_id = field(STRING, "The campaign.", required=True)
    person_id = field(STRING, "The person; null for a seed.")
    key = (export_id, reference)
    subject = person_id


class Response(Table):
    """One row per campaign and merge unit that bought or gave in the window: matched back by key code or by person."""

    schema, name, owner = "gold", "response", "selection"
    written_by = "measure_response"
    campaign_id = field(STRING, "The campaign.", required=True)
    person_id = field(STRING, "The person.", required=True)
    cell = field(STRING, "Its cell.", required=True, personal=P.DERIVED)
    matched_by = field(STRING, "key_code or person.", required=True, personal=P.BEHAVIOUR)
    responded_on = field(DATE, "First response in the window.", required=True, personal=P.BEHAVIOUR)
    responses = field(INT, "Transactions in the window.", required=True, personal=P.BEHAVIOUR)
    amount_cents = field(LONG, "Their sum.", required=True, personal=P.BEHAVIOUR)
    key = (campaign_id, person_id)
    subject = person_id
    partition_by = (campaign_id,)


class Matchback(Table):
    """One row per campaign and group (cell, key code or decile): rates with intervals, and the lift over the hold-out."""

    schema, name, owner = "gold", "matchback", "selection"
    written_by = "measure_response"
    campaign_id = field(STRING, "The campaign.", required=True)
    group_kind = field(STRING, "cell, key_code, decile or total.", required=True)
    group_value = field(STRING, "Which one.", required=True)
    units = field(LONG, "Merge units.", required=True)
    responders = field(LONG, "Merge units that responded.", required=True)
    rate = field(DOUBLE, "Responders over units.", required=True)
    rate_low = field(DOUBLE, "Lower end of the 95 % Wilson interval.", required=True)
    rate_high = field(DOUBLE, "Upper end.", required=True)
    predicted_rate = field(DOUBLE, "Mean probability.")
    amount_cents = field(LONG, "Sum of amounts.", required=True)
    incremental_rate = field(DOUBLE, "Rate over the hold-out's, of all orders whichever campaign has them; on the total row.")
    incremental_low = field(DOUBLE, "Lower end of its 95 % interval.")
    incremental_high = field(DOUBLE, "Upper end.")
    incremental_amount_cents = field(LONG, "Amount above what the hold-out predicts.")
    incremental_amount_low_cents = field(LONG, "Lower end of its 95 % interval; null where orders come by key code.")
    incremental_amount_high_cents = field(LONG, "Upper end.")
    key = (campaign_id, group_kind, group_value)


NOT_MEASURED = "not_measured"
"""What gold.uplift finds where too little happened to learn from."""


class Uplift(Table):
    """One row per campaign whose window is over and that set people apart: what its pieces added, and whether for some more than for others."""

    schema, name, owner = "gold", "uplift", "selection"
    written_by = "measure_response"
    campaign_id = field(STRING, "The campaign.", required=True)
    finding = field(STRING, "no_effect, same_for_all, differs, or not_measured.", required=True)
    answer = field(STRING, "The finding as a sentence; why not, where nothing could be measured.", required=True)
    contacted = field(LONG, "Merge units contacted that it was learnt from.", required=True)
    held_out = field(LONG, "Merge units set apart that it was learnt from.", required=True)
    columns_read = field(STRINGS, "What was known of each before the draw.", required=True)
    effect = field(DOUBLE, "Responses that contacting adds, per unit; 0.01 is one more in a hundred.")
    effect_low = field(DOUBLE, "Lower end of its 95 % interval.")
    effect_high = field(DOUBLE, "Upper end.")
    p_effect = field(DOUBLE, "Chance of an effect as far from nothing where there is none.")
    p_differs = field(DOUBLE, "Chance of differences as clear where all are moved alike.")
    best_fifth = field(DOUBLE, "Effect in the fifth moved most, on units not learnt from; only where effects differ.")
    last_fifth = field(DOUBLE, "Effect in the fifth moved least; only where effects differ.")
    key = (campaign_id,)


class Statement(Table):
    """One row per member, month, programme, recipient sector and measure: what it gave and what was used; small counts masked."""

    schema, name, owner = "gold", "statement", "selection"
    written_by = "issue_statements"
    member_id = field(STRING, "The member.", required=True)
    month = field(STRING, "yyyy-MM.", required=True)
    programme = field(STRING, "Programme, or `all`.", required=True)
    recipient_sector = field(STRING, "Sector served, or `all`.", required=True)
    measure = field(STRING, "records, transactions, permissions, persons_selected, ...", required=True)
    value = field(LONG, "The count; null when masked.")
    is_masked = field(BOOLEAN, "The count is under 11, or could be told from others.", required=True)
    key = (member_id, month, programme, recipient_sector, measure)


class Feedback(Table):
    """One row per thing a router or call centre told back of one piece: it bounced, the person moved, complained, said stop, was called."""

    schema, name, owner = "gold", "feedback", "selection"
    written_by = "import_suppressions"
    campaign_id = field(STRING, "The campaign.", required=True)
    reference = field(STRING, "Opaque reference printed on the piece.", required=True, personal=P.PSEUDONYM)
    event = field(STRING, "bounce, moved, complaint, unsubscribe, stop, do_not_call, attempt or refused.", required=True, personal=P.BEHAVIOUR)
    happened_at = field(TIMESTAMP, "When, UTC; the end of the day when only the day was told.", required=True, personal=P.BEHAVIOUR)
    channel = field(STRING, "Channel of the piece.", required=True)
    client_id = field(STRING, "Client of the campaign.", required=True)
    person_id = field(STRING, "The person, as it was selected.", required=True)
    record_id = field(STRING, "Record whose coordinates were used.", required=True)
    coordinate_hashes = field(STRINGS, "bounce, moved: keyed hashes of the coordinate that reaches nobody.", required=True, personal=P.PSEUDONYM)
    received_on = field(DATE, "As-of date of the import.", required=True)
    source = field(STRING, "File it came in.", required=True)
    pepper_version = field(STRING, "bounce, moved: version of the pepper; null: of the oldest still kept.")
    key = (campaign_id, reference, event, happened_at)
    subject = person_id


class CountShown(Table):
    """One row per figure of a draft campaign's counts told to somebody who may not see persons (`appetence counts`)."""

    schema, name, owner = "gold", "count_shown", "selection"
    asker = field(STRING, "agent, or the member that asked.", required=True)
    asked_on = field(DATE, "Day it was asked, by the clock (UTC): the daily number of dry runs is counted by it.", required=True)
    turn = field(LONG, "Which of its dry runs, from 1.", required=True)
    campaign_id = field(STRING, "Name in the draft.", required=True)
    spec_hash = field(STRING, "Hash of the draft.", required=True)
    figure = field(STRING, "candidates, a waterfall code (who is left after it), pieces, channel:..., list:...", required=True)
    counted = field(LONG, "The count it was told as; never shown: later answers are compared with it.", required=True)
    shown = field(LONG, "What was told, rounded; null when masked.")
    key = (asker, turn, figure)
    keeps_after_erasure = "counts only"


class CampaignFile(Table):
    """One row per line of a file a client handed in for one campaign: never part of the pool, gone by date."""

    schema, name, owner = "gold", "campaign_file", "selection"
    written_by = "import_suppressions"
    campaign_id = field(STRING, "The campaign it serves, and only it.", required=True)
    kind = field(STRING, "customers, bad_debt or prior_mailing.", required=True)
    coordinate_hash = field(STRING, "Keyed hash of one coordinate of the person.", required=True, personal=P.PSEUDONYM)
    destroy_by = field(DATE, "Day by which it must be gone.", required=True)
    pepper_version = field(STRING, "Version of the pepper; null: of the oldest still kept.")
    key = (campaign_id, kind, coordinate_hash)
    keeps_after_erasure = "hashes without readable coordinates, destroyed by date"
