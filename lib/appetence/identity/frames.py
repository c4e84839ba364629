"""Names of the columns of the working frames that identity resolution makes on its way; none of them is a table."""

from __future__ import annotations


class Signature:
    """One row per distinct set of compared attributes: what a group of equal records says of itself."""

    node = "node"
    record_id = "record_id"
    records = "records"
    first = "first"
    last = "last"
    maiden = "maiden"
    birth = "birth"
    gender = "gender"
    postcode = "postcode"
    department = "department"
    city = "city"
    address = "address"
    number = "number"
    way = "way"
    flat = "flat"
    email = "email"
    local = "local"
    mobile = "mobile"
    landline = "landline"
    extra = "extra"
    # How common a value is: 0 is the most common class of its field.
    first_class = "first_class"
    last_class = "last_class"
    email_class = "email_class"
    mobile_class = "mobile_class"
    landline_class = "landline_class"
    address_class = "address_class"
    first_is_known = "first_is_known"
    last_is_known = "last_is_known"


class Pair:
    """One row per pair of signatures that met in a block, lower node first."""

    a = "a"
    b = "b"
    rules = "rules"
    pattern = "pattern"
    weight = "weight"
    household_weight = "household_weight"


class Cluster:
    """One row per node or record: the cluster it fell into on this run."""

    node = "node"
    component = "component"
    cluster = "cluster"
    record_id = "record_id"
    confidence = "confidence"


COMPARED = (
    Signature.first, Signature.last, Signature.maiden, Signature.birth, Signature.gender, Signature.postcode, Signature.department,
    Signature.city, Signature.address, Signature.number, Signature.way, Signature.flat, Signature.email, Signature.mobile,
    Signature.landline, Signature.extra,
)  # fmt: skip
