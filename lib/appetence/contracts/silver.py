"""The silver schema: clean records, typed transactions, permission events and what they add up to."""

from appetence.contracts.base import BOOLEAN, DATE, DOUBLE, INT, LONG, STRING, STRINGS, TIMESTAMP, Personal, Table, field

P = Personal


class Record(Table):
    """One standardised record per member and customer: the newest accepted delivery line (or a bare one, known from transactions only)."""

    schema, name, owner = "silver", "record", "records"
    record_id = field(STRING, "Opaque id of member and customer reference.", required=True)
    member_id = field(STRING, "Who supplied it.", required=True)
    customer_ref = field(STRING, "The member's customer number.", required=True, personal=P.PSEUDONYM, provided=True)
    delivery_id = field(STRING, "Delivery of the newest line; null for a bare record.")
    line_number = field(INT, "Line of the newest line.")
    delivered_on = field(DATE, "Day of the newest delivery.", required=True)
    first_delivered_on = field(DATE, "Day of the first delivery: collection.", required=True)
    is_bare = field(BOOLEAN, "Known from transactions only: no name, no coordinates.", required=True)
    civility = field(STRING, "M, MME or null.", personal=P.IDENTITY, provided=True)
    gender = field(STRING, "M or F, from civility only.", personal=P.IDENTITY, provided=True)
    first_name = field(STRING, "Folded: upper case without accents.", personal=P.IDENTITY, provided=True)
    last_name = field(STRING, "Folded; compound names as words.", personal=P.IDENTITY, provided=True)
    other_first_name = field(
        STRING, "Folded first name of a second person of that surname in the line (Jean et Marie); null for one.", personal=P.IDENTITY, provided=True
    )
    birth_name = field(STRING, "Folded maiden name.", personal=P.IDENTITY, provided=True)
    name_grade = field(STRING, "A good, B repaired, C doubtful, D unusable, E absent.", required=True)
    name_confidence = field(DOUBLE, "Probability that first name and surname stand where they belong; null where either is unknown to the tables.")
    is_company = field(BOOLEAN, "The name is a company's.", required=True)
    birth_date = field(DATE, "Null when absent, impossible or a default.", personal=P.LIFE, provided=True)
    birth_date_grade = field(STRING, "A to E.", required=True)
    has_children = field(BOOLEAN, "Children present, as declared.", personal=P.LIFE, provided=True)
    interests = field(STRINGS, "Declared interests, sorted.", personal=P.LIFE, provided=True)
    address_lines = field(STRINGS, "Up to six lines to NF Z10-011, name line first.", personal=P.CONTACT, provided=True)
    way_number = field(STRING, "Number in the way.", personal=P.CONTACT, provided=True)
    way_repetition = field(STRING, "BIS, TER, A ...", personal=P.CONTACT, provided=True)
    way_name = field(STRING, "Type and name of the way, comparison form.", personal=P.CONTACT, provided=True)
    way_type = field(STRING, "Type of the way in full: RUE, AVENUE ...", personal=P.CONTACT, provided=True)
    building = field(STRING, "Letter, number or short name of the building.", personal=P.CONTACT, provided=True)
    building_name = field(STRING, "RESIDENCE, IMMEUBLE or LOTISSEMENT with its name.", personal=P.CONTACT, provided=True)
    staircase = field(STRING, "Letter or number of the staircase.", personal=P.CONTACT, provided=True)
    storey = field(STRING, "Storey, 0 for the ground floor.", personal=P.CONTACT, provided=True)
    flat = field(STRING, "Number of the flat or door.", personal=P.CONTACT, provided=True)
    locality = field(STRING, "Place behind the way: locality, zone.", personal=P.CONTACT, provided=True)
    box = field(STRING, "Post-office box: BP, CS or TSA and its number.", personal=P.CONTACT, provided=True)
    cedex = field(STRING, "CEDEX and its number.", personal=P.CONTACT, provided=True)
    address_extra = field(STRING, "Building, stair, flat, box: folded.", personal=P.CONTACT, provided=True)
    address_key = field(STRING, "Comparison form of the whole way line.", personal=P.CONTACT, provided=True)
    postcode = field(STRING, "Five digits in France; repaired where the commune has only one.", personal=P.CONTACT, provided=True)
    city = field(STRING, "Folded commune name, spelled as one of its postcode where it nearly was.", personal=P.CONTACT, provided=True)
    commune_code = field(STRING, "INSEE code when commune and postcode agree.", personal=P.CONTACT)
    department = field(STRING, "Department code.", personal=P.CONTACT)
    country = field(STRING, "ISO code.", personal=P.CONTACT, provided=True)
    address_grade = field(STRING, "A to E.", required=True)
    address_verdict = field(
        STRING,
        "Why the address has its grade: good, no_number, commune_by_code, commune_repaired, tangled, unknown_commune, foreign, no_way, "
        "no_place, absent; service where the address service answered.",
    )
    is_deliverable = field(BOOLEAN, "A letter would arrive.", required=True)
    email = field(STRING, "Normalised.", personal=P.CONTACT, provided=True)
    email_grade = field(STRING, "A to E.", required=True)
    mobile = field(STRING, "E.164.", personal=P.CONTACT, provided=True)
    mobile_grade = field(STRING, "A to E.", required=True)
    landline = field(STRING, "E.164.", personal=P.CONTACT, provided=True)
    landline_grade = field(STRING, "A to E.", required=True)
    extra = field(STRINGS, "Further comparison categories as name=value, sorted (benchmarks); empty in production.", personal=P.LIFE)
    key = (record_id,)
    subject = record_id
    cluster_by = (member_id,)


class Transaction(Table):
    """One purchase, gift or refund, typed: the newest accepted line of its member and transaction number."""

    schema, name, owner = "silver", "transaction", "records"
    transaction_id = field(STRING, "Opaque id of member and transaction reference.", required=True)
    record_id = field(STRING, "Whose it is.", required=True)
    member_id = field(STRING, "Who supplied it.", required=True)
    sector = field(STRING, "Sector of the member.", required=True)
    transaction_date = field(DATE, "Day of the event.", required=True, personal=P.BEHAVIOUR, provided=True)
    amount_cents = field(LONG, "Euro cents; refunds are negative.", required=True, personal=P.BEHAVIOUR, provided=True)
    quantity = field(INT, "Pieces; 1 when not said.", required=True, personal=P.BEHAVIOUR, provided=True)
    category = field(STRING, "The member's own category, folded lower case.", personal=P.BEHAVIOUR, provided=True)
    kind = field(STRING, "order, gift or refund.", required=True, personal=P.BEHAVIOUR, provided=True)
    key_code = field(STRING, "Key code of the campaign it answers, when quoted.", personal=P.BEHAVIOUR, provided=True)
    delivery_id = field(STRING, "Delivery of the line.", required=True)
    line_number = field(INT, "Its line.", required=True)
    known_on = field(DATE, "As-of date on which the co-operative first knew the event.", required=True)
    key = (transaction_id,)
    subject = record_id
    cluster_by = (member_id,)


class PermissionEvent(Table):
    """One thing said about one permission: granted, withdrawn or opposed, with its proof."""

    schema, name, owner = "silver", "permission_event", "records"
    event_id = field(STRING, "Opaque id over all that is said.", required=True)
    record_id = field(STRING, "Whose it is.", required=True)
    member_id = field(STRING, "To whom it was said.", required=True)
    channel = field(STRING, "post, email, phone, sms.", required=True, personal=P.PERMISSION, provided=True)
    use = field(STRING, "prospect, house, enrich, improve.", required=True, personal=P.PERMISSION, provided=True)
    purpose = field(STRING, "commercial, caritative, etude.", required=True, personal=P.PERMISSION, provided=True)
    basis = field(STRING, "consent, information, own_customer, contract.", required=True, personal=P.PERMISSION, provided=True)
    status = field(STRING, "granted, withdrawn, opposed.", required=True, personal=P.PERMISSION, provided=True)
    wording_version = field(STRING, "Version of the sentence shown.", personal=P.PERMISSION, provided=True)
    collected_at = field(TIMESTAMP, "When it was said, UTC.", required=True, personal=P.PERMISSION, provided=True)
    collection_point = field(STRING, "Where it was said.", personal=P.PERMISSION, provided=True)
    recipients = field(STRINGS, "Recipients or lists named, sorted.", required=True, personal=P.PERMISSION, provided=True)
    delivery_id = field(STRING, "Delivery of the line, or the id of the feedback or request it came from.", required=True)
    line_number = field(INT, "Its line.", required=True)
    key = (event_id,)
    subject = record_id
    cluster_by = (member_id,)


class Permission(Table):
    """One row per record, channel, use and purpose: what holds today, by the newest event; at a tie opposition wins."""

    schema, name, owner = "silver", "permission", "records"
    record_id = field(STRING, "Whose it is.", required=True)
    member_id = field(STRING, "To whom it was said.", required=True)
    channel = field(STRING, "post, email, phone, sms.", required=True, personal=P.PERMISSION)
    use = field(STRING, "prospect, house, enrich, improve.", required=True, personal=P.PERMISSION)
    purpose = field(STRING, "commercial, caritative, etude.", required=True, personal=P.PERMISSION)
    is_granted = field(BOOLEAN, "The newest word is a grant with its proof.", required=True, personal=P.PERMISSION)
    basis = field(STRING, "Basis of the newest event.", required=True, personal=P.PERMISSION)
    recipients = field(STRINGS, "Recipients or lists named.", required=True, personal=P.PERMISSION)
    collected_at = field(TIMESTAMP, "When the newest word was said.", required=True, personal=P.PERMISSION)
    event_id = field(STRING, "The event it rests on.", required=True)
    key = (record_id, channel, use, purpose)
    subject = record_id


class DeliveryQuality(Table):
    """One measure of one accepted delivery: how often it holds, of how many lines, and in the member's delivery before. Counts only."""

    schema, name, owner = "gold", "delivery_quality", "records"
    delivery_id = field(STRING, "The delivery.", required=True)
    member_id = field(STRING, "Who delivered.", required=True)
    delivered_at = field(TIMESTAMP, "Manifest time of the delivery.", required=True)
    column = field(STRING, "What is measured: a column as delivered, a graded field, or line for the whole line.", required=True)
    measure = field(
        STRING,
        "filled, valid (A or B of those given), grade_A to grade_D, repeated_customer, repeated_person; refused, unread: of all blocks.",
        required=True,
    )
    counted = field(LONG, "Lines it holds for.", required=True)
    among = field(LONG, "Lines it could hold for.", required=True)
    share = field(DOUBLE, "counted / among, 0 to 1.", required=True)
    share_before = field(DOUBLE, "The share in the member's delivery before, when there is one.")
    drift = field(DOUBLE, "share less share_before.")
    is_alert = field(BOOLEAN, "The drift is large, between deliveries large enough.", required=True)
    key = (delivery_id, column, measure)
    checks = {"part": "counted <= among"}
