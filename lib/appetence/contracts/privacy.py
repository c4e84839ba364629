"""The privacy and ops schemas: who must not be contacted, what was asked, what was done, and the proof."""

from appetence.contracts.base import BOOLEAN, DATE, DOUBLE, INT, LONG, STRING, STRINGS, TIMESTAMP, Personal, Table, field

P = Personal


class Suppression(Table):
    """One keyed hash of one coordinate of somebody who must not be contacted; never the coordinate."""

    schema, name, owner = "privacy", "suppression", "privacy"
    written_by = "import_suppressions"
    scope = field(STRING, "global, profiling (no score, mail as before), or the id of the one client concerned.", required=True)
    kind = field(STRING, "email, phone, postal, postal_near or postal_household.", required=True)
    key_hash = field(STRING, "HMAC-SHA-256 of the coordinate with the pepper.", required=True)
    pepper_version = field(STRING, "Version of the pepper.", required=True)
    source = field(STRING, "person, member, router, deaths or officer.", required=True)
    added_on = field(DATE, "Day of entry.", required=True)
    key = (scope, kind, key_hash)
    keeps_after_erasure = "the person stays suppressed: hashes without readable coordinates"


class ErasedRecord(Table):
    """One keyed hash of one id that an erasure reached. A record erased at its person's request is not taken again; a table that is put back
    is purged of all of them before it is read."""

    schema, name, owner = "privacy", "erased_record", "privacy"
    key_hash = field(STRING, "HMAC-SHA-256 of the kind and the id with the pepper.", required=True)
    pepper_version = field(STRING, "Version of the pepper.", required=True)
    erased_on = field(DATE, "Day of the erasure.", required=True)
    subject_kind = field(STRING, "record, person, touched_person (keeps other records), household; null: record.")
    cause = field(STRING, "request, directive, retention or member_exit; null: request.")
    key = (key_hash,)
    keeps_after_erasure = "the record does not return: a hash without readable coordinates"


class ExternalList(Table):
    """One keyed hash of one coordinate on an external opposition list (Robinson, historical Bloctel), by version."""

    schema, name, owner = "privacy", "external_list", "privacy"
    written_by = "import_suppressions"
    list_name = field(STRING, "robinson or bloctel.", required=True)
    version = field(STRING, "Version of the list.", required=True)
    kind = field(STRING, "email, phone or postal.", required=True)
    key_hash = field(STRING, "HMAC-SHA-256 of the coordinate with the pepper.", required=True)
    pepper_version = field(STRING, "Version of the pepper; null: of the oldest still kept.")
    key = (list_name, version, kind, key_hash)
    keeps_after_erasure = "hashes of an external list"


class RightsRequest(Table):
    """One row per request of a person, with its state and deadline."""

    schema, name, owner = "privacy", "rights_request", "privacy"
    request_id = field(STRING, "Opaque id of the request file.", required=True)
    right = field(STRING, "access, portability, rectification, erasure, limitation, opposition, withdrawal, directive.", required=True)
    received_through = field(STRING, "member:<id>, client:<id> or operator.", required=True)
    received_on = field(DATE, "Day of receipt.", required=True)
    due_on = field(DATE, "One calendar month later.", required=True)
    state = field(STRING, "open, parked, refused, executed.", required=True)
    state_reason = field(STRING, "Why it is parked or refused; no personal value.")
    evidence = field(STRING, "How identity was checked.", required=True)
    person_id = field(STRING, "Person found; null before, and after an erasure.")
    record_ids = field(STRINGS, "Records concerned; emptied by an erasure.", required=True)
    executed_on = field(DATE, "Day of execution.")
    key = (request_id,)
    keeps_after_erasure = "the request itself, without coordinates"


class RightsTask(Table):
    """One row per request and controller that must know or act."""

    schema, name, owner = "privacy", "rights_task", "privacy"
    request_id = field(STRING, "The request.", required=True)
    controller_id = field(STRING, "Member or client concerned.", required=True)
    controller_role = field(STRING, "supplier or client.", required=True)
    due_on = field(DATE, "Deadline.", required=True)
    state = field(STRING, "open, done.", required=True)
    decision = field(STRING, "accepted, refused, unanswered (what is configured holds), done, corrected (it delivers what is right) or null.")
    done_on = field(DATE, "Day it was done.")
    key = (request_id, controller_id, controller_role)
    keeps_after_erasure = "who was told, without coordinates"


class RightsDecision(Table):
    """One row per request, decider and matter: what the officer or a member decided of it."""

    schema, name, owner = "privacy", "rights_decision", "privacy"
    request_id = field(STRING, "The request.", required=True)
    subject_matter = field(STRING, "identity, deadline, request, contribution, answer, task or limitation.", required=True)
    decider = field(STRING, "officer:<name>, member:<id> or client:<id>.", required=True)
    decision = field(STRING, "confirm, extend, refuse, accept, handed-over, done or lift.", required=True)
    reason = field(STRING, "Why, as the person is told; no personal value.")
    decided_on = field(DATE, "As-of date of the decision.", required=True)
    key = (request_id, subject_matter, decider)
    keeps_after_erasure = "who decided what, without coordinates"


class RightsNotice(Table):
    """One row per past recipient that was told of a request."""

    schema, name, owner = "privacy", "rights_notice", "privacy"
    request_id = field(STRING, "The request.", required=True)
    recipient_id = field(STRING, "Recipient told.", required=True)
    export_id = field(STRING, "File that held the person.", required=True)
    noticed_on = field(DATE, "Day of the notice.", required=True)
    key = (request_id, recipient_id, export_id)
    keeps_after_erasure = "who was told, without coordinates"


class Directive(Table):
    """One row per post-mortem directive."""

    schema, name, owner = "privacy", "directive", "privacy"
    directive_id = field(STRING, "Opaque id.", required=True)
    person_id = field(STRING, "The person.", required=True)
    wish = field(STRING, "erase, keep or hand_over.", required=True, personal=P.LIFE)
    given_on = field(DATE, "Day given.", required=True, personal=P.LIFE)
    key = (directive_id,)
    subject = person_id


class Limitation(Table):
    """One row per record that is frozen: kept, but only read by access, rights, erasure, retention and the identity ledger."""

    schema, name, owner = "privacy", "limitation", "privacy"
    record_id = field(STRING, "The record.", required=True)
    request_id = field(STRING, "The request it comes from.", required=True)
    since = field(DATE, "First day.", required=True)
    until = field(DATE, "Last day; null: open.")
    key = (record_id, request_id)
    subject = record_id


class Correction(Table):
    """One row per request for rectification, record and column: the value that stands in for the one delivered."""

    schema, name, owner = "privacy", "correction", "privacy"
    request_id = field(STRING, "The request it comes from.", required=True)
    record_id = field(STRING, "The record.", required=True)
    column = field(STRING, "Column of bronze.raw_record that is corrected.", required=True)
    value = field(STRING, "What the person said is right; null: nothing is to stand there.", personal=P.IDENTITY)
    replaced = field(STRING, "What the member had delivered by then; another value delivered later takes over.", personal=P.IDENTITY)
    corrected_on = field(DATE, "Day of the correction.", required=True)
    key = (request_id, record_id, column)
    subject = record_id


class Refusal(Table):
    """One opposition or withdrawal said to the operator itself, as an event of silver.permission_event: no delivery would bring it again if
    that table were put back."""

    schema, name, owner = "privacy", "refusal", "privacy"
    event_id = field(STRING, "The event.", required=True)
    record_id = field(STRING, "Whose it is.", required=True)
    member_id = field(STRING, "To whom it was said.", required=True)
    channel = field(STRING, "post, email, phone, sms.", required=True, personal=P.PERMISSION)
    use = field(STRING, "prospect, house, enrich, improve.", required=True, personal=P.PERMISSION)
    purpose = field(STRING, "commercial, caritative, etude.", required=True, personal=P.PERMISSION)
    basis = field(STRING, "consent, information, own_customer, contract.", required=True, personal=P.PERMISSION)
    status = field(STRING, "withdrawn or opposed.", required=True, personal=P.PERMISSION)
    wording_version = field(STRING, "Version of the sentence shown.", personal=P.PERMISSION)
    collected_at = field(TIMESTAMP, "When it was said, UTC.", required=True, personal=P.PERMISSION)
    collection_point = field(STRING, "Where it was said.", personal=P.PERMISSION)
    recipients = field(STRINGS, "Recipients or lists named, sorted.", required=True, personal=P.PERMISSION)
    delivery_id = field(STRING, "Id of the feedback or request it came from.", required=True)
    line_number = field(INT, "Its line.", required=True)
    key = (event_id,)
    subject = record_id


class ProfilingObjection(Table):
    """One row per record of a person who objects to being profiled: no feature, segment or score is made of the person, permissions stay."""

    schema, name, owner = "privacy", "profiling_objection", "privacy"
    record_id = field(STRING, "The record.", required=True)
    request_id = field(STRING, "The request it comes from; null when the coordinates of a record told, as of one delivered later.")
    since = field(DATE, "First day.", required=True)
    key = (record_id,)
    subject = record_id


class Death(Table):
    """One row per person matched with the official deaths file: probable suppresses, certain closes."""

    schema, name, owner = "privacy", "death", "privacy"
    written_by = "match_deaths"
    person_id = field(STRING, "The person.", required=True)
    certainty = field(STRING, "probable or certain.", required=True, personal=P.LIFE)
    died_on = field(DATE, "Day of death.", personal=P.LIFE)
    source = field(STRING, "File and line of the official list it rests on.")
    rule = field(STRING, "Why this certainty, as a word: whole, unplaced, near, ambiguous, active_since, heir.")
    key = (person_id,)
    subject = person_id


class ErasureCertificate(Table):
    """One row per erasure run and table: what was purged, and that a scan found nothing left."""

    schema, name, owner = "privacy", "erasure_certificate", "privacy"
    certificate_id = field(STRING, "Opaque id of the run.", required=True)
    cause = field(STRING, "request, retention, member_exit, directive or replay (of a table that was put back).", required=True)
    request_ids = field(STRINGS, "Requests served.", required=True)
    table_name = field(STRING, "Table purged, or `files`.", required=True)
    rows_purged = field(LONG, "Rows removed.", required=True)
    version_after = field(LONG, "Table version after the purge.")
    files_removed = field(LONG, "Old data files removed.", required=True)
    scan_findings = field(LONG, "Byte matches left; must be 0.", required=True)
    certified_on = field(DATE, "As-of date.", required=True)
    key = (certificate_id, table_name)
    keeps_after_erasure = "the proof"


class RetentionRun(Table):
    """One row per retention run and member: what was past its time."""

    schema, name, owner = "privacy", "retention_run", "privacy"
    written_by = "enforce_retention"
    as_of = field(DATE, "Run date.", required=True)
    member_id = field(STRING, "Whose rule.", required=True)
    retention_months = field(INT, "The rule applied.", required=True)
    limit_on = field(DATE, "Last transactions before this day are past it.", required=True)
    records_examined = field(LONG, "Records looked at.", required=True)
    records_expired = field(LONG, "Records past the limit.", required=True)
    is_dry_run = field(BOOLEAN, "Counts only.", required=True)
    key = (as_of, member_id)
    keeps_after_erasure = "counts only"


class Run(Table):
    """One row per job run: what it read and wrote, how long, and with which configuration."""

    schema, name, owner = "ops", "run", "runtime"
    job = field(STRING, "Job name.", required=True)
    as_of = field(DATE, "As-of date.", required=True)
    environment = field(STRING, "Environment.", required=True)
    status = field(STRING, "succeeded or failed.", required=True)
    error = field(STRING, "The sentence of a failed run.")
    rows_in = field(LONG, "Rows read by the step.", required=True)
    rows_out = field(LONG, "Rows written or confirmed.", required=True)
    rows_rejected = field(LONG, "Rows rejected.", required=True)
    details = field(STRING, "Further counts as JSON.", required=True)
    table_versions = field(STRING, "Versions of the tables written, as JSON.", required=True)
    seconds = field(DOUBLE, "Duration.", required=True)
    started_at = field(TIMESTAMP, "Start, UTC.", required=True)
    config_hash = field(STRING, "Hash of the resolved configuration.", required=True)
    commit = field(STRING, "Commit of the code, when known.")
    is_dry_run = field(BOOLEAN, "Nothing was written.", required=True)
    key = ("run_id",)
    keeps_after_erasure = "counts only"


class Audit(Table):
    """One link of the append-only audit chain: who did what to which set, by hash of the link before."""

    schema, name, owner = "ops", "audit", "privacy"
    sequence = field(LONG, "Position in the chain, from 1.", required=True)
    at = field(TIMESTAMP, "When, UTC.", required=True)
    actor = field(STRING, "Job or person.", required=True)
    action = field(STRING, "received, quarantined, exported, destroyed, access, erased, ...", required=True)
    object_id = field(STRING, "Opaque id of what it concerns.", required=True)
    details = field(STRING, "JSON without personal data.", required=True)
    previous_hash = field(STRING, "Hash of the link before; zeros for the first.", required=True)
    link_hash = field(STRING, "SHA-256 over this link and the hash before.", required=True)
    key = (sequence,)
    keeps_after_erasure = "the trail, by hash"


__all__ = [
    "Audit", "Correction", "Death", "Directive", "ErasedRecord", "ErasureCertificate", "ExternalList", "Limitation", "ProfilingObjection",
    "Refusal", "RetentionRun", "RightsDecision", "RightsNotice", "RightsRequest", "RightsTask", "Run", "Suppression",
]  # fmt: skip
