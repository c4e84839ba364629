"""The bronze schema: what members delivered, line by line, as it was."""

from appetence.contracts.base import DATE, INT, LONG, STRING, TIMESTAMP, Field, Personal, Table, field

P = Personal


class Delivery(Table):
    """One row per delivery received, known by the hash of its content; a repeated one adds nothing."""

    schema, name, owner = "bronze", "delivery", "exchange"
    delivery_id = field(STRING, "First 32 hex digits of the content hash over member and files.", required=True)
    member_id = field(STRING, "Who delivered.", required=True)
    delivery_ref = field(STRING, "The member's own name of the delivery.", required=True)
    mode = field(STRING, "full or incremental.", required=True)
    layout_version = field(STRING, "Version of the layout the manifest states.")
    delivered_at = field(TIMESTAMP, "When the member made it (manifest): it orders deliveries.", required=True)
    received_on = field(DATE, "As-of date of the run that took it.", required=True)
    status = field(STRING, "accepted or quarantined.", required=True)
    reason_code = field(STRING, "Why it was quarantined.")
    reason = field(STRING, "The sentence the member gets.")
    content_hash = field(STRING, "SHA-256 over the plaintext files.")
    signer = field(STRING, "Fingerprint of the key that signed.")
    rows_read = field(LONG, "Lines read.", required=True)
    rows_accepted = field(LONG, "Lines stored.", required=True)
    rows_rejected = field(LONG, "Lines rejected.", required=True)
    values_unread = field(LONG, "Values that cannot be read, told to the member at receipt; null: taken before they were counted.")
    key = (delivery_id,)
    checks = {"balanced": "rows_read = rows_accepted + rows_rejected"}


def _line_id() -> Field:
    return field(STRING, "The delivery.", required=True)


class RawRecord(Table):
    """One accepted customer line of one delivery, every value as the member wrote it."""

    schema, name, owner = "bronze", "raw_record", "exchange"
    delivery_id = field(STRING, "The delivery.", required=True)
    line_number = field(INT, "Line in the file, header = 1.", required=True)
    member_id = field(STRING, "Who delivered.", required=True)
    record_id = field(STRING, "Opaque id of member and customer reference.", required=True)
    delivered_at = field(TIMESTAMP, "Manifest time of the delivery.", required=True)
    received_on = field(DATE, "As-of date of receipt.", required=True)
    customer_ref = field(STRING, "The member's customer number.", required=True, personal=P.PSEUDONYM, provided=True)
    civility = field(STRING, "As delivered.", personal=P.IDENTITY, provided=True)
    first_name = field(STRING, "As delivered.", personal=P.IDENTITY, provided=True)
    last_name = field(STRING, "As delivered.", personal=P.IDENTITY, provided=True)
    birth_name = field(STRING, "As delivered.", personal=P.IDENTITY, provided=True)
    birth_date = field(STRING, "As delivered.", personal=P.LIFE, provided=True)
    address_1 = field(STRING, "Way line, as delivered.", personal=P.CONTACT, provided=True)
    address_2 = field(STRING, "Complement, as delivered.", personal=P.CONTACT, provided=True)
    address_3 = field(STRING, "Complement, as delivered.", personal=P.CONTACT, provided=True)
    postcode = field(STRING, "As delivered.", personal=P.CONTACT, provided=True)
    city = field(STRING, "As delivered.", personal=P.CONTACT, provided=True)
    country = field(STRING, "As delivered.", personal=P.CONTACT, provided=True)
    email = field(STRING, "As delivered.", personal=P.CONTACT, provided=True)
    phone = field(STRING, "As delivered.", personal=P.CONTACT, provided=True)
    mobile = field(STRING, "As delivered.", personal=P.CONTACT, provided=True)
    children = field(STRING, "As delivered: children present.", personal=P.LIFE, provided=True)
    interests = field(STRING, "As delivered, separated by |.", personal=P.LIFE, provided=True)
    key = (delivery_id, line_number)
    subject = record_id
    cluster_by = (member_id,)


class RawTransaction(Table):
    """One accepted purchase or gift line of one delivery, every value as the member wrote it."""

    schema, name, owner = "bronze", "raw_transaction", "exchange"
    delivery_id = field(STRING, "The delivery.", required=True)
    line_number = field(INT, "Line in the file, header = 1.", required=True)
    member_id = field(STRING, "Who delivered.", required=True)
    record_id = field(STRING, "Opaque id of member and customer reference.", required=True)
    delivered_at = field(TIMESTAMP, "Manifest time of the delivery.", required=True)
    received_on = field(DATE, "As-of date of receipt.", required=True)
    customer_ref = field(STRING, "The member's customer number.", required=True, personal=P.PSEUDONYM, provided=True)
    transaction_ref = field(STRING, "The member's order or gift number.", required=True, personal=P.BEHAVIOUR, provided=True)
    transaction_date = field(STRING, "As delivered.", personal=P.BEHAVIOUR, provided=True)
    amount = field(STRING, "As delivered, euros.", personal=P.BEHAVIOUR, provided=True)
    quantity = field(STRING, "As delivered.", personal=P.BEHAVIOUR, provided=True)
    category = field(STRING, "The member's own category.", personal=P.BEHAVIOUR, provided=True)
    kind = field(STRING, "As delivered: order, gift or refund.", personal=P.BEHAVIOUR, provided=True)
    key_code = field(STRING, "Key code of the campaign it answers, when quoted.", personal=P.BEHAVIOUR, provided=True)
    decimal_mark = field(STRING, "The decimal mark its amount is to be read by, as agreed at the time; null: taken before this was kept.")
    key = (delivery_id, line_number)
    subject = record_id


class RawPermission(Table):
    """One accepted permission or opposition line of one delivery, every value as the member wrote it."""

    schema, name, owner = "bronze", "raw_permission", "exchange"
    delivery_id = field(STRING, "The delivery.", required=True)
    line_number = field(INT, "Line in the file, header = 1.", required=True)
    member_id = field(STRING, "Who delivered.", required=True)
    record_id = field(STRING, "Opaque id of member and customer reference.", required=True)
    delivered_at = field(TIMESTAMP, "Manifest time of the delivery.", required=True)
    received_on = field(DATE, "As-of date of receipt.", required=True)
    customer_ref = field(STRING, "The member's customer number.", required=True, personal=P.PSEUDONYM, provided=True)
    channel = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    use = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    purpose = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    basis = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    status = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    wording_version = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    collected_at = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    collection_point = field(STRING, "As delivered.", personal=P.PERMISSION, provided=True)
    recipients = field(STRING, "As delivered: recipients or list named, separated by |.", personal=P.PERMISSION, provided=True)
    key = (delivery_id, line_number)
    subject = record_id


LINE_FAULTS = ("FIELD_COUNT", "MISSING_VALUE", "TOO_LONG")
"""Reasons for which a line is stored nowhere; every other reason is of a value in a line that is stored."""


class Reject(Table):
    """One line of a delivery that was not taken, or one value that could not be used, with its reason; never the value."""

    schema, name, owner = "bronze", "reject", "exchange"
    delivery_id = field(STRING, "The delivery.", required=True)
    block = field(STRING, "customers, transactions or permissions.", required=True)
    line_number = field(INT, "Line in the file, header = 1.", required=True)
    member_id = field(STRING, "Who delivered.", required=True)
    record_id = field(STRING, "Opaque id, where the line has a customer reference.")
    column = field(STRING, "The column at fault.", required=True)
    code = field(STRING, "Machine-readable reason.", required=True)
    sentence = field(STRING, "What a person reads.", required=True)
    value_shape = field(STRING, "The value with letters as a and digits as 9.")
    key = (delivery_id, block, line_number, column, code)
    subject = record_id
