"""`appetence why`: the verdict and every reason on every channel are those of the plain rules, and no personal value is said."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.pipeline.load_reference import law_rule_rows
from appetence.pipeline.why_contacted import Found, in_words
from appetence.selection import why
from appetence.selection.candidates import CANDIDATE_REASONS
from appetence.selection.terms import Terms
from tests.selection.coop import Coop, Row, campaign, generate, law, sources, terms
from tests.selection.oracle import ORDER, Oracle
from tests.selection.test_decisions import CASES


def _case(conf: str, name: str, persons: int) -> tuple[Coop, Terms, Oracle]:
    spec = campaign(**CASES[name])
    coop, said = generate(spec.seed, persons, spec), terms(conf, spec)
    return coop, said, Oracle(coop, said)


@pytest.mark.parametrize("case", CASES)
def test_a_members_permission_and_instruction_are_explained_as_they_are_decided(conf_folder: str, case: str) -> None:
    coop, said, oracle = _case(conf_folder, case, 260)
    heard = set()
    for person, records in oracle.records.items():
        for member in {r["member_id"] for r in records}:
            for channel in said.channels:
                events = oracle.events[person, member]
                holds, words = why.permission_in_words(events, member, channel, said)
                assert holds == (oracle.permission(person, member, channel) is not None), (person, member, channel, words)
                heard.add(words.split(",")[0].split(" on ")[0])
    assert len(heard) >= 5, f"seed {said.spec.seed}: too few explanations occur: {heard}"
    for member in coop.of("member"):
        for channel in said.channels:
            name = member["member_id"]
            covers, words = why.instruction_in_words(oracle.instruction(name), member, oracle.is_excluded(name), channel, said)
            assert covers == oracle.instructs(name, channel), (name, channel, words)


@pytest.mark.spark
@pytest.mark.slow  # four wide plans over three channels
def test_the_verdict_names_every_reason_on_every_channel_and_nothing_personal(spark: SparkSession, conf_folder: str) -> None:
    coop, said, _ = _case(conf_folder, "prospect_all_channels", 150)
    s = sources(spark, coop, law_rule_rows(law(conf_folder)))
    oracle = Oracle(coop, said)  # knows the lists once they are made

    def by_person(frame: Any) -> dict[str, list[Row]]:
        rows = defaultdict(list)
        for row in frame.collect():
            rows[row["person_id"]].append(row.asDict(recursive=True))
        return rows

    examined, supplies, hits = by_person(why.examined(s, said)), by_person(why.supplies(s, said)), by_person(why.hits(s, said))
    pieces = [r.asDict() for r in why.pieces(s, said).collect()]
    assert sorted(examined) == oracle.universe()
    members = {m["member_id"]: m for m in coop.of("member")}
    rivals = frozenset(m for m in members if oracle.is_excluded(m))
    instructions = {m: i for m in members if (i := oracle.instruction(m))}
    for person, rows in examined.items():
        _, _, decided = oracle.decide(person)
        for row in rows:
            own = {str(c) for c in CANDIDATE_REASONS if row[c]}
            assert own & set(oracle.channel_reasons(person, row["channel"])) == oracle.channel_reasons(person, row["channel"]), (person, row)
            assert own - oracle.channel_reasons(person, row["channel"]) <= {"STATUS", "SUPPRESSED", "CLIENT_FILE", "PRESELECT"}
        events = [e for member in members for e in oracle.events[person, member]]
        homes = [p for p in pieces if p["household_id"] == oracle.home[person]]
        found = Found(rows, supplies[person], hits[person], homes, events, instructions, members, rivals)
        lines = in_words(found, said)
        assert lines[0].startswith("It may be contacted by" if not decided else f"It may not be contacted. First reason: {decided[0]} ("), lines
        listed = [line for line in lines if line.startswith("By ")]
        assert len(listed) == len(said.channels)
        assert decided == [] or any(line.endswith(f": {', '.join(decided)}.") for line in listed), (decided, listed)
        assert [x for x in ORDER if x in decided] == decided
        text = "\n".join(lines)
        for record in oracle.records[person]:
            for value in ("email", "mobile", "landline", "last_name", "first_name", "address_key", "way_name", "customer_ref", "birth_date"):
                assert record[value] is None or f" {record[value]} " not in f" {text} ", f"{value} is printed"
    assert any(not oracle.decide(p)[2] for p in examined) and any(hits.values()) and any(pieces)
