"""The rules of a selection in plain Python, one person at a time: slow, obvious, and written from the rules, not from the code under test."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from functools import cached_property
from typing import Any

from appetence.selection.terms import Terms
from tests.selection.coop import AS_OF, Coop, Row

ORDER = ["STATUS", "SUPPRESSED", "EXTERNAL_LIST", "PERMISSION", "INSTRUCTION", "SOURCES", "CLIENT_FILE", "DELIVERABLE", "CAP", "PRESELECT"]
CALLS, CALL_DAYS = 4, 30
"""Attempts that one client has in so many days (D.223-9 C. conso.)."""
BY_CHANNEL = ["EXTERNAL_LIST", "PERMISSION", "INSTRUCTION", "SOURCES", "DELIVERABLE", "CAP"]


class Oracle:
    """Decides every candidate of one campaign; the co-operative's lists must have been made before (`coop.sources`)."""

    def __init__(self, coop: Coop, terms: Terms) -> None:
        self.coop, self.terms, self.spec = coop, terms, terms.spec
        self.coordinates = coop.texts
        person_of = {x["record_id"]: x["person_id"] for x in coop.of("person_link")}
        self.home = {x["person_id"]: x["household_id"] for x in coop.of("household_link")}
        self.address = {x["person_id"]: x["address_id"] for x in coop.of("household_link")}
        self.records: dict[str, list[Row]] = defaultdict(list)
        for record in coop.of("record"):
            if record["first_delivered_on"] <= AS_OF:
                self.records[person_of[record["record_id"]]].append(record)
        self.events: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for event in coop.of("permission_event"):
            self.events[person_of[event["record_id"]], event["member_id"]].append(event)
        self.person_of = person_of
        self.by_person: dict[str, list[Row]] = defaultdict(list)
        for bought in coop.of("transaction"):
            self.by_person[person_of[bought["record_id"]]].append(bought)
        self.residents: dict[str, list[str]] = defaultdict(list)
        for person in self.records:
            self.residents[self.home[person]].append(person)

    # -- one member's word ------------------------------------------------------------------------------------------------

    def rule(self, channel: str) -> Any:
        return self.terms.rules[channel]  # type: ignore[index]  # a channel is its name

    def permission(self, person: str, member: str, channel: str) -> Row | None:
        """The grant a piece may rest on, if any."""
        rule, drop = self.rule(channel), self.spec.drop_date
        said = [
            e for e in self.events[person, member]
            if (e["channel"], e["use"], e["purpose"]) == (channel, str(self.spec.product), str(self.spec.purpose))
            and e["collected_at"].date() <= drop
        ]  # fmt: skip
        no = [e["collected_at"] for e in said if e["status"] != "granted"]
        bases = {str(b) for b in rule.bases} | ({str(b) for b in rule.house_bases} if self.spec.product == "house" else set())
        holding = []
        for basis in ("consent", "contract", "own_customer", "information"):
            yes = [e for e in said if e["status"] == "granted" and e["basis"] == basis and e["wording_version"] and e["collection_point"]]
            if not yes or basis not in bases:
                continue
            newest = max(e["collected_at"] for e in yes)
            event = min((e for e in yes if e["collected_at"] == newest), key=lambda e: e["event_id"])
            if no and max(no) >= newest:
                continue
            if basis == "consent" and rule.names_recipient and not self.names(event):
                continue
            holding.append(event)
        return holding[0] if holding else None

    def names(self, event: Row) -> bool:
        client = self.terms.client
        on_lists = {name for name, held in self.terms.law.recipient_lists.items() if client.recipient_id in held}
        own = self.spec.product == "house" and event["member_id"] == client.member_id
        return own or bool(set(event["recipients"]) & ({client.recipient_id, client.member_id} | on_lists))

    def instruction(self, member: str) -> Row | None:
        """The member's instruction in force at the drop date."""
        drop = self.spec.drop_date
        valid = [
            i for i in self.coop.of("instruction")
            if i["member_id"] == member and max(i["valid_from"], i["signed_on"]) <= drop and (i["valid_to"] is None or drop <= i["valid_to"])
        ]  # fmt: skip
        return max(valid, key=lambda i: (i["valid_from"], i["signed_on"], i["instruction_id"])) if valid else None

    def instructs(self, member: str, channel: str) -> bool:
        i, sector = self.instruction(member), str(self.terms.client.sector)
        known = next(m for m in self.coop.of("member") if m["member_id"] == member)
        takes_part = known["is_active"] and str(self.spec.programme) in known["programmes"]
        if i is None or not takes_part or self.is_excluded(member):
            return False
        sector_ok = self.spec.product == "house" or (
            (not i["recipient_sectors_allowed"] or sector in i["recipient_sectors_allowed"]) and sector not in i["recipient_sectors_refused"]
        )
        noticed = not self.rule(channel).needs_notice or i["notice_covers_charity_electronic"]
        return str(self.spec.purpose) in i["purposes"] and str(self.spec.product) in i["uses"] and channel in i["channels"] and sector_ok and noticed

    def is_excluded(self, member: str) -> bool:
        parties = {self.terms.client.recipient_id, self.terms.client.member_id}
        mine = {member, f"r_{member}"}
        return any(
            (e["party_a"] in parties and e["party_b"] in mine) or (e["party_b"] in parties and e["party_a"] in mine)
            for e in self.coop.of("exclusion")
        )

    # -- one person -------------------------------------------------------------------------------------------------------

    def universe(self) -> list[str]:
        if self.spec.product == "prospect":
            return sorted(self.records)
        return sorted(p for p, rs in self.records.items() if any(r["member_id"] == self.terms.client.member_id for r in rs))

    def status(self, person: str) -> bool:
        rows = self.records[person]
        ids = {r["record_id"] for r in rows}
        frozen = any(
            x["record_id"] in ids and x["since"] <= day and (x["until"] is None or x["until"] >= day)
            for x in self.coop.of("limitation") for day in (AS_OF, self.spec.drop_date)
        )  # fmt: skip
        dead = any(d["person_id"] == person for d in self.coop.of("death"))
        born = [r["birth_date"] for r in rows if r["birth_date"]]
        if born:
            young = max(born)
            eighteenth = [_years(day, young) < 18 for day in (min(AS_OF, self.spec.drop_date), self.spec.drop_date)]
            minor = any(eighteenth)
        else:
            minor = not any((self.instruction(r["member_id"]) or {}).get("adults_only") for r in rows)
        confidence = next(p for p in self.coop.of("person") if p["person_id"] == person)["confidence"]
        return frozen or dead or minor or (confidence is not None and confidence < 0) or all(r["is_company"] for r in rows)

    def is_listed(self, person: str, table: str, **wanted: Any) -> bool:
        own = {c for r in self.records[person] for c in self.coordinates.get(r["record_id"], set())}
        family = {c for mate in self.residents[self.home[person]] for r in self.records[mate] for c in self.coordinates.get(r["record_id"], set())}
        for entry in self.coop.of(table):
            found = entry.get("coordinate")
            if not found or any(entry[k] not in v for k, v in wanted.items()):
                continue
            household = found[0] == "postal_household" and not (table == "campaign_file" and self.spec.merge_level == "person")
            if found in (family if household else own if found[0] != "postal_household" else set()):
                return True
        return False

    def supplies(self, person: str) -> list[Row]:
        client = self.terms.client.member_id
        return [r for r in self.records[person] if self.spec.product == "prospect" or r["member_id"] == client]

    def channel_reasons(self, person: str, channel: str) -> set[str]:
        found, rows = set(), self.supplies(person)
        lists = set(self.rule(channel).external_lists)
        if self.is_listed(person, "external_list", list_name=lists):
            found.add("EXTERNAL_LIST")
        members = {r["member_id"] for r in rows}
        allowed = {m for m in members if self.permission(person, m, channel)}
        both = {m for m in allowed if self.instructs(m, channel)}
        if not allowed:
            found.add("PERMISSION")
        if not both:
            found.add("INSTRUCTION")
        if self.spec.product == "prospect" and (len(both) < self.spec.min_sources or not both - {self.terms.client.member_id}):
            found.add("SOURCES")
        if not any(_usable(r, channel) for r in rows if not both or r["member_id"] in both):
            found.add("DELIVERABLE")
        if self.is_capped(person, channel):
            found.add("CAP")
        return found

    @cached_property
    def pieces(self) -> list[tuple[Row, Row]]:
        """Each piece that counts with its campaign: one cut before this one; of two cut on one day the one that drops first was."""
        here = (AS_OF, self.spec.drop_date, self.spec.campaign_id)
        before = {c["campaign_id"]: c for c in self.coop.of("campaign") if (c["cut_on"], c["drop_date"], c["campaign_id"]) < here}
        sent = [s for s in self.coop.of("selection") if s["campaign_id"] in before and s["cell"] != "holdout"]
        return [(s, before[s["campaign_id"]]) for s in sent if s["campaign_id"] != self.spec.campaign_id]

    def is_capped(self, person: str, channel: str) -> bool:
        home, drop = self.home[person], self.spec.drop_date
        days = [c["drop_date"] for s, c in self.pieces if s["channel"] == channel and self.home[s["person_id"]] == home]
        year = [d for d in days if drop.replace(year=drop.year - 1) < d < drop.replace(year=drop.year + 1)]
        rests = all(abs((day - drop).days) >= self.spec.rest_days for day in days)
        return len(year) >= self.spec.cap_per_year or not rests or (channel == "phone" and self.calls(person) >= CALLS)

    def calls(self, person: str) -> int:
        """Call campaigns of this client that reached the person within the days that count."""
        theirs = [(s, c) for s, c in self.pieces if s["person_id"] == person and s["channel"] == "phone" and c["client_id"] == self.spec.client]
        return len({s["campaign_id"] for s, c in theirs if abs((c["drop_date"] - self.spec.drop_date).days) < CALL_DAYS})

    def was_served(self, person: str) -> bool:
        """Whether this client reached the person before."""
        return any(s["person_id"] == person and c["client_id"] == self.spec.client for s, c in self.pieces)

    def unit(self, person: str) -> str:
        """What gets one piece: a person, a family, or an address (where it is not known, the family)."""
        home = self.home[person]
        units: dict[str, str] = {"person": person, "family": home, "address": self.address[person] or home}
        return units[self.spec.merge_level]

    def contributes(self, member: str) -> bool:
        """Whether what a member delivered of purchases may be read: the client's own in a house campaign, else that of instructed members."""
        if self.spec.product == "house":
            return bool(member == self.terms.client.member_id)
        return any(self.instructs(member, channel) for channel in self.terms.channels)

    def purchases(self, person: str) -> list[Row]:
        """What is known of a person's purchases on the day: no refunds, and nothing later."""
        own, last = {r["record_id"] for r in self.records[person]}, min(AS_OF, self.spec.drop_date)
        found = [t for t in self.by_person[person] if t["record_id"] in own and t["kind"] != "refund" and t["transaction_date"] <= last]
        return [t for t in found if self.contributes(t["member_id"])]

    def fits(self, wanted: Any, age: int | None, told: Row | None, bought: list[Row]) -> bool:
        """Whether a person fits each filter of a list; what is not known fits none."""
        since = (min(AS_OF, self.spec.drop_date) - max(t["transaction_date"] for t in bought)).days if bought else None
        asked = {
            "age_max": wanted.age_max is None or (age is not None and age <= wanted.age_max),
            "segments": not wanted.segments or (told is not None and told["segment"] in wanted.segments),
            "sectors": not wanted.sectors or any(t["sector"] in {str(s) for s in wanted.sectors} for t in bought),
            "recency_days_max": wanted.recency_days_max is None or (since is not None and since <= wanted.recency_days_max),
            "recency_days_min": wanted.recency_days_min is None or (since is not None and since >= wanted.recency_days_min),
        }
        return all(asked.values())

    def list_position(self, person: str, best: Row | None) -> int | None:
        born = [r["birth_date"] for r in self.records[person] if r["birth_date"]]
        told = next((x for x in self.coop.of("segment") if x["person_id"] == person), None)
        age = _years(self.spec.drop_date, max(born)) if born else (told or {}).get("age")
        if self.spec.ranking in ("model", "expected_amount") and self.score(person) is None:
            return None
        bought = self.purchases(person)
        return next((n for n, wanted in enumerate(self.spec.lists, start=1) if self.fits(wanted, age, told, bought)), None)

    def decide(self, person: str) -> tuple[str, int, list[str]]:
        """Best channel, list position and every reason of a candidate, in waterfall order."""
        by_channel = {c: self.channel_reasons(person, c) for c in self.terms.channels}
        depth = {c: min((ORDER.index(x) for x in found), default=99) for c, found in by_channel.items()}
        channel = max(self.terms.channels, key=lambda c: (depth[c], -self.terms.channels.index(c)))
        found = set(by_channel[channel])
        if self.status(person):
            found.add("STATUS")
        if self.is_listed(person, "suppression", scope={"global", self.terms.client.recipient_id, self.terms.client.member_id}):
            found.add("SUPPRESSED")
        if self.spec.product == "prospect":
            unit = [person] if self.spec.merge_level == "person" else self.residents[self.home[person]]
            known = any(r["member_id"] == self.terms.client.member_id for p in unit for r in self.records[p])
            if known or self.is_listed(person, "campaign_file"):
                found.add("CLIENT_FILE")
        position = self.list_position(person, None)
        if position is None:
            found.add("PRESELECT")
        return channel, position or 1, [x for x in ORDER if x in found]

    def score(self, person: str) -> float | None:
        told = "expected_amount_cents" if self.spec.ranking == "expected_amount" else "probability"
        return next((s[told] for s in self.coop.of("score") if s["person_id"] == person), None)


def _years(day: dt.date, born: dt.date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _usable(record: Row, channel: str) -> bool:
    def good(value: str, grade: str) -> bool:
        return record[value] is not None and record[grade] in "AB"

    if channel == "post":
        return record["is_deliverable"] and record["name_grade"] in "ABC" and not record["is_company"]
    if channel == "email":
        return good("email", "email_grade")
    if channel == "sms":
        return good("mobile", "mobile_grade")
    return good("mobile", "mobile_grade") or good("landline", "landline_grade")
