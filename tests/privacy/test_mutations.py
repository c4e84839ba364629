"""Mutation check of the rights: each rule is broken on purpose, and the ordinary test that stands for it must fail.

Here are the rules that plain rows show. What small tables show is in `test_mutations_of_tables`, what only a whole erasure can show in
`test_mutations_of_erasure`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from appetence.contracts.domain import Right
from appetence.pipeline import erasing, export_selection, rights_files
from appetence.privacy import answers, audit, deadlines, decisions, destruction, erasure, grants, matching, register, requests, rights
from appetence.privacy import scan as scanning
from appetence.reporting import masking
from appetence.storage import standing
from tests.pipeline import test_erasing_files, test_export_selection, test_table_state
from tests.privacy import (
    test_audit,
    test_contract_coverage,
    test_deadlines,
    test_decisions,
    test_matching_verdicts,
    test_requests,
    test_rights_rows,
    test_scan,
)
from tests.privacy.broken import Fault, answers_always, folders_under, seen, value
from tests.reporting import test_masking


def without(part: str) -> Callable[[Any], Any]:
    """The sentences found, but those with this part."""
    return lambda right: lambda *given, **named: [s for s in right(*given, **named) if part not in s]


def saying(**changes: Any) -> Callable[[Any], Any]:
    """Rows that say this instead."""
    return lambda right: lambda *given, **named: [{**row, **changes} for row in right(*given, **named)]


def hashed_without(name: str, blank: Any) -> Callable[[Any], Any]:
    """A link's hash that leaves one field out."""
    return lambda right: lambda link: right(dataclasses.replace(link, **{name: blank}))


class _Lax(requests.RequestSpec):
    model_config = {"extra": "ignore"}


def _unasked(right: Any) -> Any:
    """Whatever is doubtful is settled without the officer."""
    return lambda name, rows, **_: right(name, rows, is_confirmed=True)


def _hands_out(right: Any) -> Any:
    """A confirmation covers records under another name as well."""

    def identify(name: str, rows: Any, *, is_confirmed: bool = False) -> Any:
        return right(name, [{**row, "names_agree": row["names_agree"] or is_confirmed} for row in rows], is_confirmed=is_confirmed)

    return identify


def _deaf_to_members(right: Any) -> Any:
    return lambda rows: right(row for row in rows if row["subject_matter"] != "contribution")


def _readable_by_all(right: Any) -> Any:
    def write(folder: Path, name: str, text: str) -> Path:
        file: Path = right(folder, name, text)
        file.chmod(0o644)
        return file

    return write


M, R, D = masking, rights, decisions
ALTERED = test_audit.test_inv_27_an_altered_link_shows
A_NO = test_rights_rows.test_inv_03_a_no_covers_everything_unless_narrowed_and_outlives_a_yes_of_that_day
CONFIRMED = test_matching_verdicts.test_the_officer_settles_in_favour_of_what_agrees_only
COPY_FIRST = test_requests.test_an_erasure_waits_for_a_copy_until_it_is_handed_over_or_past_its_day
DOUBT = test_matching_verdicts.test_doubt_goes_to_the_officer
FATHER_AND_SON = test_matching_verdicts.test_a_father_and_a_son_of_one_name_are_told_apart_by_the_birth_date
FORMATS = test_scan.test_inv_22_the_scan_finds_what_each_format_hides
FROZEN = test_rights_rows.test_inv_24_what_is_frozen_is_so_from_the_day_of_receipt_until_further_notice
LIFTED = test_requests.test_the_end_of_a_limitation_is_a_request_of_its_own_and_ends_what_still_holds
MALFORMED = test_requests.test_a_malformed_request_is_refused_with_one_sentence
NAMED = test_rights_rows.test_inv_25_members_that_are_named_are_concerned_and_no_other
NOTICES = test_rights_rows.test_inv_25_past_recipients_are_told_of_what_changes_and_by_references_only
NO_DECISION = test_decisions.test_a_decision_that_may_not_be_taken_is_one_sentence
PARTS = test_masking.test_hidden_parts_of_a_known_total_cannot_be_told
PUT_BACK = test_table_state.test_a_restore_an_older_folder_and_another_history_are_noticed
REQUEST_ID = test_requests.test_a_good_request_is_taken_and_its_id_depends_on_what_it_says_only
SAFEGUARD = test_export_selection.test_a_router_without_a_safeguard_stops_its_own_campaign_only
SET_ASIDE = test_erasing_files.test_refused_files_that_hold_what_was_erased_go_and_waiting_ones_stay
STEPS = test_masking.test_joined_waterfalls_add_up_and_hold_no_small_drop
STOPPED = test_rights_rows.test_inv_23_who_is_stopped_for_whom
TASKS = test_rights_rows.test_inv_25_each_controller_concerned_has_its_task_and_nobody_else
WAITING = test_rights_rows.test_members_are_waited_for_until_ten_days_before_the_limit_and_for_erasures_only
PLAIN: dict[str, Fault] = {
    "a link's details are not part of its hash": Fault(audit, "hash_of", hashed_without("details", ""), ALTERED),
    "a link's actor is not part of its hash": Fault(audit, "hash_of", hashed_without("actor", ""), ALTERED),
    "a link's object is not part of its hash": Fault(audit, "hash_of", hashed_without("object_id", ""), ALTERED),
    "a link's time is not part of its hash": Fault(
        audit, "hash_of", hashed_without("at", test_audit.AT), ALTERED),
    "the link before is not part of the hash": Fault(
        audit, "hash_of", hashed_without("previous_hash", ""), test_audit.test_inv_27_a_forger_who_also_makes_the_next_link_follow_shows),
    "a removed link is not told": Fault(test_audit, "faults", without("missing"), test_audit.test_inv_27_a_removed_link_shows),
    "links cut off at the end are not told": Fault(
        test_audit, "faults", without("at the end"), test_audit.test_inv_27_links_cut_off_at_the_end_show_against_the_ledger),
    "a replaced link is not told": Fault(
        test_audit, "faults", without("does not follow"), test_audit.test_inv_27_a_link_forged_with_its_own_hash_breaks_the_next),
    "the ledgers are not asked": Fault(
        test_audit, "unanchored", answers_always([]), test_audit.test_inv_27_the_ledgers_show_a_trail_cut_short_or_written_anew_as_a_whole),
    "a month is thirty days": Fault(deadlines, "add_months", value(lambda day, months: day + dt.timedelta(days=30 * months)),
                                    test_deadlines.test_inv_18_a_month_after_the_last_of_january_is_the_last_of_february),
    "the last day is too late": Fault(test_deadlines, "is_overdue", value(lambda due, day: day >= due),
                                      test_deadlines.test_inv_18_the_deadline_itself_is_in_time),
    "an extension is told after the month": Fault(
        D, "is_overdue", answers_always(False), NO_DECISION),
    "an extension is not in time on the month's last day": Fault(
        D, "is_overdue", value(lambda due, day: day >= due), test_decisions.test_what_may_be_decided_passes),
    "an extension gives a month": Fault(deadlines, "EXTENDED_MONTHS", value(2), test_decisions.test_decisions_fold_by_matter_and_decider),
    "retention counts days": Fault(test_deadlines, "first_kept", value(lambda day, months: day - dt.timedelta(days=30 * months)),
                                   test_deadlines.test_inv_18_retention_is_leap_safe),
    "a doubtful link is answered without the officer": Fault(
        test_matching_verdicts, "identify", _unasked, DOUBT),
    "another name is no doubt": Fault(matching, "agrees", answers_always(True), DOUBT),
    "another birth date is no doubt": Fault(
        matching, "agrees", value(lambda row: row["names_agree"]), FATHER_AND_SON),
    "the officer's word hands out another's data": Fault(
        test_matching_verdicts, "identify", _hands_out, CONFIRMED),
    "a key said twice means the second": Fault(requests, "_OneKeyOnce", value(yaml.SafeLoader), MALFORMED),
    "an unknown key is overlooked": Fault(requests, "RequestSpec", value(_Lax), MALFORMED),
    "a refusal repeats what was written": Fault(
        requests, "_sentence", value(lambda refused, file: f"{file}: {refused}"), MALFORMED),
    "what does not exist may be named": Fault(
        test_requests, "validate", answers_always(None), test_requests.test_a_request_that_names_what_does_not_exist_is_refused),
    "the id of a request can be guessed": Fault(
        test_requests, "request_id", value(lambda content, key: hashlib.sha256(content).hexdigest()),
        REQUEST_ID),
    "contradictions are carried out": Fault(requests, "_CONFLICTS", value(()), test_requests.test_contradictory_requests_wait_whichever_came_first),
    "an erasure takes the copy that waits": Fault(
        requests, "COPIES", value(()), COPY_FIRST),
    "another member's contribution goes too": Fault(
        R, "scoped", value(lambda found, owners, spec: (found.record_ids, None)), NAMED),
    "an erasure does not suppress": Fault(
        R, "suppression_scope", lambda right: lambda spec: None if spec.right == Right.ERASURE else right(spec),
        STOPPED),
    "an opposition to a client stops everybody": Fault(
        R, "suppression_scope", lambda right: lambda spec: right(spec) and "global", STOPPED),
    "a narrowed opposition stops everything": Fault(
        R, "suppression_scope", lambda right: lambda spec: right(spec.model_copy(update={"channels": (), "uses": (), "purposes": ()})),
        STOPPED),
    "a yes of that morning outlives the no": Fault(
        R, "opposition_rows", saying(collected_at=dt.datetime(2026, 10, 20, tzinfo=dt.UTC)),
        A_NO),
    "a no leaves a channel open": Fault(
        R, "opposition_rows", lambda right: lambda *given: [r for r in right(*given) if r["channel"] != "sms"],
        A_NO),
    "recipients are told who asked for a copy": Fault(
        R, "TOLD_TO_RECIPIENTS", value(tuple(Right)), NOTICES),
    "recipients are not told": Fault(
        R, "TOLD_TO_RECIPIENTS", value(()), NOTICES),
    "a task goes to a controller not concerned": Fault(
        R, "task_rows", lambda right: lambda request, suppliers, *rest: right(request, [*suppliers, "m09"], *rest),
        TASKS),
    "a controller concerned has no task": Fault(
        R, "task_rows", lambda right: lambda request, suppliers, clients, *rest: right(request, suppliers, [], *rest),
        TASKS),
    "nobody corrects at source": Fault(
        R, "CARRIED_OUT_HERE", value(tuple(Right)), TASKS),
    "members are not waited for": Fault(
        R, "unanswered", answers_always([]), WAITING),
    "members are waited for past the limit": Fault(
        R, "answers_until", value(lambda request, days: request.due_on + dt.timedelta(days=days)),
        WAITING),
    "a limitation begins when it is carried out": Fault(
        R, "limitation_rows", saying(since=dt.date(2026, 10, 31)), FROZEN),
    "a limitation that was lifted holds on": Fault(
        test_requests, "lifted_rows", value(lambda rows, on: rows), LIFTED),
    "anybody may read an answer": Fault(
        destruction, "write_private", _readable_by_all, test_rights_rows.test_an_answer_is_written_for_this_account_alone),
    "a member refuses a copy": Fault(
        D, "MEMBERS_DECIDE", value(tuple(Right)), NO_DECISION),
    "a reason keeps an address": Fault(
        D, "_PERSONAL", value(re.compile("(?!)")), NO_DECISION),
    "a stranger decides": Fault(
        D, "_check_decider", answers_always(None), NO_DECISION),
    "a member's refusal is not heard": Fault(
        test_decisions, "fold", _deaf_to_members, test_decisions.test_decisions_fold_by_matter_and_decider),
    "an erasure misses a table": Fault(
        test_contract_coverage, "plan", lambda right: lambda *given: [t for t in right(*given) if t.table.name != "score"],
        test_contract_coverage.test_inv_21_every_table_with_personal_data_is_reached_or_says_why_it_is_kept),
    "an erasure misses one of the two ids of a row": Fault(
        erasure, "_ID_COLUMNS", lambda ids: {k: v for k, v in ids.items() if k != "record_b"},
        test_contract_coverage.test_inv_21_every_column_that_holds_the_id_of_a_record_is_deleted_by),
    "access hides a column": Fault(
        test_contract_coverage, "shown_fields", lambda right: lambda table: right(table)[1:],
        test_contract_coverage.test_inv_21_access_reads_the_tables_that_erasure_purges),
    "access shows the operator's ids": Fault(
        answers, "_is_own_id", answers_always(False), test_contract_coverage.test_inv_09_access_shows_no_id_of_the_operator),
    "a table is not explained to the person": Fault(
        test_contract_coverage, "held_tables", lambda right: lambda: right()[1:],
        test_contract_coverage.test_the_answer_to_a_person_names_everything_in_its_own_words),
    "campaign teams read a client's own file": Fault(
        grants, "_NOT_FOR_CAMPAIGNS", value(()), test_contract_coverage.test_grants_close_what_no_rule_opens),
    "a country without a safeguard counts as one of the EEA": Fault(
        register, "_EEA", lambda countries: countries | {"US"}, test_contract_coverage.test_the_register_names_every_member_recipient_and_category),
    "the scan looks for what others hold": Fault(
        test_contract_coverage, "distinctive", lambda right: lambda values, held, limit: right(values, [], limit),
        test_contract_coverage.test_distinctive_values_serve_everybody_and_leave_out_what_others_hold),
    "a small part of a whole is shown": Fault(M, "is_small", answers_always(False), PARTS),
    "a hidden part follows from the others": Fault(
        M, "parts", value(lambda counts: [None if 0 < n < 11 else n for n in counts]), PARTS),
    "a small step stands alone": Fault(
        M, "joined", value(lambda items, counts, merge: list(items)), STEPS),
    "a count close to a known one is told": Fault(
        M, "beside", value(lambda n, other: str(n)), test_masking.test_a_count_close_to_a_known_one_is_told_without_the_difference),
    "the scan does not decode Parquet": Fault(
        scanning, "_in_parquet", answers_always(set()), FORMATS),
    "the scan does not open what is compressed": Fault(
        scanning, "_in_gzip", answers_always(set()), FORMATS),
    "the scan does not open an archive": Fault(
        scanning, "_in_zip", answers_always(set()), FORMATS),
    "the scan does not read a database": Fault(
        scanning, "_in_sqlite", answers_always(set()), FORMATS),
    "the scan knows one spelling, and misses Delta's statistics": Fault(
        scanning, "_spellings", value(lambda text: {text.encode()}), FORMATS),
    "the scan misses what two chunks share": Fault(
        scanning.Needles, "overlap", value(0), test_scan.test_a_string_across_two_chunks_is_found),
    "a refused request is left": Fault(
        erasing, "destroy", answers_always(0), SET_ASIDE),
    "a request that waits is destroyed": Fault(
        erasing, "_request_files", lambda right: lambda ctx: [(file, True) for file, _ in right(ctx)],
        SET_ASIDE),
    "a task's file is left": Fault(
        rights_files, "destroy", answers_always(0), test_erasing_files.test_task_files_of_an_erasure_go_but_for_those_of_clients),
    "a RESTORE is not noticed": Fault(
        standing, "RESTORE", value("NOTHING"), PUT_BACK),
    "another history is not noticed": Fault(
        standing, "_mark", answers_always(""), PUT_BACK),
    "an older folder is not noticed": Fault(
        test_table_state, "is_put_back", answers_always(False), PUT_BACK),
    "an export goes where there is no safeguard": Fault(
        export_selection, "unsafe_recipients", answers_always([]), SAFEGUARD),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLAIN)
def test_no_rule_of_the_rights_can_break_unseen(fault: str, conf_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = folders_under(tmp_path)

    def table() -> Path:
        return test_table_state.committed(folders() / "t")

    fixtures = {"tmp_path": folders, "table": table, "shelf": lambda: test_export_selection.stocked(conf_folder, monkeypatch)}
    assert seen(PLAIN[fault], fixtures), f"no test tells that {fault}"
