"""The identity schema: which records are one person, which persons share a home, and how we know."""

from pyspark.sql import types as T

from appetence.contracts.base import BOOLEAN, DATE, DOUBLE, INT, LONG, STRING, STRINGS, Personal, Table, field

P = Personal
LONGS = T.ArrayType(LONG)


class CandidateStatistic(Table):
    """One row per date of a run that compared everything and blocking rule: pairs counted before they are made."""

    schema, name, owner = "identity", "candidate_statistic", "identity"
    as_of = field(DATE, "Run date.", required=True)
    rule = field(STRING, "Name of the blocking key, or `all`.", required=True)
    blocks = field(LONG, "Blocks of two or more.", required=True)
    pairs = field(LONG, "Pairs the rule would make.", required=True)
    largest_block = field(LONG, "Records in its largest block.", required=True)
    largest_share = field(DOUBLE, "Share of all pairs that the largest block makes.", required=True)
    key = (as_of, rule)


class Edge(Table):
    """One compared pair of records that scored above the review floor, the lower id first."""

    schema, name, owner = "identity", "edge", "identity"
    record_a = field(STRING, "Lower record id.", required=True)
    record_b = field(STRING, "Higher record id.", required=True)
    weight = field(DOUBLE, "Log2 odds of same person against household and unrelated, rounded to 4 digits.", required=True)
    household_weight = field(DOUBLE, "Log2 odds of same person or same household against unrelated, rounded.", required=True)
    pattern = field(STRING, "Agreement levels by field, e.g. last_name=exact|first_name=initial.", required=True)
    rules = field(STRINGS, "Blocking keys that brought the pair.", required=True)
    is_link = field(BOOLEAN, "Accepted as same person.", required=True)
    key = (record_a, record_b)


class ClericalDecision(Table):
    """One row per pair of records that somebody decided on: one person or not, whatever the weights say. `appetence identity decide` writes it."""

    schema, name, owner = "identity", "clerical_decision", "identity"
    record_a = field(STRING, "Lower record id.", required=True)
    record_b = field(STRING, "Higher record id.", required=True)
    is_same = field(BOOLEAN, "True: one person. False: never one person.", required=True)
    decided_by = field(STRING, "Who decided, as the review file says.", required=True)
    reason = field(STRING, "Why; no personal value.", required=True)
    decided_on = field(DATE, "Day the decision was taken in.", required=True)
    key = (record_a, record_b)


class PersonLink(Table):
    """One row per record: the person it belongs to today."""

    schema, name, owner = "identity", "person_link", "identity"
    record_id = field(STRING, "The record.", required=True)
    member_id = field(STRING, "Who supplied it.", required=True)
    person_id = field(STRING, "Persistent id of the person, proper to the operator; never exported.", required=True)
    since = field(DATE, "As-of date from which this record belongs to this person.", required=True)
    key = (record_id,)
    subject = record_id


class HouseholdLink(Table):
    """One row per person: its household and its address group today."""

    schema, name, owner = "identity", "household_link", "identity"
    person_id = field(STRING, "The person.", required=True)
    household_id = field(STRING, "Persistent id of the household (family at an address).", required=True)
    address_id = field(STRING, "Opaque id of the address, null without one.")
    household_size = field(INT, "Persons in the household.", required=True)
    since = field(DATE, "As-of date from which it holds.", required=True)
    group_id = field(LONG, "Opaque number of the persons whom ties hold together, before the size of a household is limited.")
    key = (person_id,)
    subject = person_id


class Person(Table):
    """One row per person: the best of its records, and what decides whether it may be scored."""

    schema, name, owner = "identity", "person", "identity"
    person_id = field(STRING, "Persistent id.", required=True)
    household_id = field(STRING, "Household of the person.", required=True)
    address_id = field(STRING, "Address group.")
    civility = field(STRING, "M, MME or null.", personal=P.IDENTITY)
    gender = field(STRING, "M or F as declared by civility; null otherwise.", personal=P.IDENTITY)
    first_name = field(STRING, "Most supported first name.", personal=P.IDENTITY)
    last_name = field(STRING, "Most supported surname.", personal=P.IDENTITY)
    birth_date = field(DATE, "The youngest of the declared dates.", personal=P.LIFE)
    is_birth_date_disputed = field(BOOLEAN, "Members declare different dates.", required=True)
    has_children = field(BOOLEAN, "Declared by any member.", personal=P.LIFE)
    postcode = field(STRING, "Of the newest deliverable record.", personal=P.CONTACT)
    commune_code = field(STRING, "Of the newest deliverable record.", personal=P.CONTACT)
    department = field(STRING, "Of the newest deliverable record.", personal=P.CONTACT)
    record_count = field(INT, "Records of the person.", required=True)
    member_count = field(INT, "Members that supply it.", required=True)
    confidence = field(DOUBLE, "Lowest average weight that holds the cluster together; null when single.")
    last_delivered_on = field(DATE, "Newest delivery of any record.", required=True)
    key = (person_id,)
    subject = person_id


class IdentityEvent(Table):
    """One change of one record's person: the ledger from which links as of any day are read."""

    schema, name, owner = "identity", "identity_event", "identity"
    event_id = field(STRING, "Opaque id over what changed and when.", required=True)
    as_of = field(DATE, "Run date.", required=True)
    kind = field(STRING, "created, joined, merged, split, left.", required=True)
    record_id = field(STRING, "The record.", required=True)
    from_person_id = field(STRING, "Person before; null when new.")
    to_person_id = field(STRING, "Person after; null when it left.")
    key = (event_id,)
    subject = record_id


class MemberPerson(Table):
    """One row per member and person it supplies: the id this member alone may see."""

    schema, name, owner = "identity", "member_person", "identity"
    member_id = field(STRING, "The member.", required=True)
    person_id = field(STRING, "The operator's id.", required=True)
    member_person_id = field(STRING, "Keyed id proper to the member.", required=True, personal=P.PSEUDONYM)
    key_version = field(STRING, "Version of the member's key.", required=True)
    key = (member_id, person_id)
    subject = person_id


class MemberHousehold(Table):
    """One row per member and household it supplies: the id this member alone may see."""

    schema, name, owner = "identity", "member_household", "identity"
    member_id = field(STRING, "The member.", required=True)
    household_id = field(STRING, "The operator's id.", required=True)
    member_household_id = field(STRING, "Keyed id proper to the member.", required=True, personal=P.PSEUDONYM)
    key_version = field(STRING, "Version of the member's key.", required=True)
    key = (member_id, household_id)
    subject = household_id


class MatchModel(Table):
    """One row per model version, field and agreement level: the learnt probabilities; no value of any person."""

    schema, name, owner = "identity", "match_model", "identity"
    model_version = field(STRING, "Hash of the parameters.", required=True)
    trained_on = field(DATE, "As-of date of training.", required=True)
    is_current = field(BOOLEAN, "The model nightly runs use.", required=True)
    comparison = field(STRING, "Compared field, or `prior`.", required=True)
    level = field(STRING, "Agreement level.", required=True)
    p_person = field(DOUBLE, "Probability of the level given same person.", required=True)
    p_household = field(DOUBLE, "Probability of the level given same household.", required=True)
    p_unrelated = field(DOUBLE, "Probability of the level given unrelated.", required=True)
    key = (model_version, comparison, level)


class ResolvedRecord(Table):
    """One row per record that was compared: what the next run must know of it to compare only what is new."""

    schema, name, owner = "identity", "resolved_record", "identity"
    record_id = field(STRING, "The record.", required=True)
    fingerprint = field(LONG, "Hash of all that resolution reads of the record.", required=True, personal=P.PSEUDONYM)
    node = field(LONG, "Hash of the compared attributes; equal records share it.", required=True, personal=P.PSEUDONYM)
    component = field(LONG, "Opaque number of the records that links hold together, before they were taken apart.", required=True)
    component_records = field(INT, "Records of the component.", required=True)
    cluster = field(LONG, "Opaque number of the records that are one person by the weights, before decisions made by hand.", required=True)
    confidence = field(DOUBLE, "Lowest average weight that holds the cluster together; null when single.")
    place = field(LONG, "Hash of the address, null without one.", personal=P.PSEUDONYM)
    line = field(LONG, "Hash of the landline, null without one.", personal=P.PSEUDONYM)
    key = (record_id,)
    subject = record_id


class BlockKey(Table):
    """One row per group of equal records, under the lowest of them: the hashed keys under which it meets others."""

    schema, name, owner = "identity", "block_key", "identity"
    record_id = field(STRING, "Lowest record of the group.", required=True)
    node = field(LONG, "Hash of the compared attributes.", required=True, personal=P.PSEUDONYM)
    keys = field(LONGS, "Hashed key of each blocking rule, divided where its block was too large; null where the rule has none.", required=True)
    key = (record_id,)
    subject = record_id


class KinPair(Table):
    """One pair of records that the match model takes for one family at one address, though not for one person."""

    schema, name, owner = "identity", "kin_pair", "identity"
    record_a = field(STRING, "Lower record id.", required=True)
    record_b = field(STRING, "Higher record id.", required=True)
    key = (record_a, record_b)


class CommonValue(Table):
    """One row per compared field and value common enough to count: frozen when everything was last compared, since weights depend on it."""

    schema, name, owner = "identity", "common_value", "identity"
    field_name = field(STRING, "The compared field.", required=True)
    value = field(LONG, "Hash of the value.", required=True)
    value_class = field(INT, "How common it is, 0 the most common class of its field; null when it counts as rare.")
    is_known = field(BOOLEAN, "A form of a name that is no slip of the pen.", required=True)
    tells = field(STRING, "M or F where nearly all who bear this first name are; null when it does not tell.")
    key = (field_name, value)


class ResolutionState(Table):
    """One row while identity.resolved_record and its like are whole: what the next run compares only changes under."""

    schema, name, owner = "identity", "resolution_state", "identity"
    frozen_on = field(DATE, "As-of date of the run that counted values and keys.", required=True)
    made_with = field(STRING, "Fingerprint of configuration, code and model; another one makes everything be compared anew.", required=True)
    rules = field(INT, "Blocking rules in use.", required=True)
    decided = field(STRING, "Fingerprint of the decisions made by hand.", required=True)
    records = field(LONG, "Rows of identity.resolved_record; fewer are there once records were erased.", required=True)
    changed = field(LONG, "Records that changed since values and keys were counted.", required=True)
    key = (frozen_on,)


class HotKey(Table):
    """One row per blocking key, divided keys included, whose block was too large and is divided: frozen when everything was last compared."""

    schema, name, owner = "identity", "hot_key", "identity"
    rule = field(INT, "Number of the blocking rule.", required=True)
    depth = field(INT, "How often the key has been divided already.", required=True)
    block = field(LONG, "The hashed key.", required=True)
    bounds = field(LONGS, "Where nothing divides it any further: the lowest node of each of its parts but the first; null elsewhere.")
    key = (rule, depth, block)
