"""The desk by command, and thirty hostile requests in one night: each refused or parked with its reason, nothing carried out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from appetence.contracts.base import REGISTRY
from appetence.contracts.bronze import RawRecord
from appetence.contracts.features import Feature
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import Audit, ProfilingObjection, RightsDecision, RightsRequest, Suppression
from appetence.contracts.silver import Permission, PermissionEvent, Record
from appetence.errors import PartlyDoneError, RightsError
from appetence.pipeline import audit_trail, handle_rights, rights_desk
from appetence.pipeline.context import Context
from appetence.pipeline.people import standardised
from appetence.pipeline.profiling import end_profiles
from appetence.privacy.decisions import Decision
from appetence.privacy.suppressions import suppressed_records
from tests.privacy import coop as c

pytestmark = pytest.mark.spark
WORD = "Tartempion"


@dataclass
class Desk:
    """A small co-operative whose requests wait in `folder`."""

    ctx: Context
    coop: c.Coop
    folder: Path

    def at(self, run_id: str, **changes: Any) -> Context:
        return replace(self.ctx, run_id=run_id, lake=replace(self.ctx.lake, run_id=run_id, changes={}), **changes)

    def row(self, request_id: str) -> Any:
        return self.ctx.lake.read(RightsRequest).where(RightsRequest.request_id.col == request_id).first()

    def write(self, **texts: str) -> dict[str, str]:
        """Request files; their ids by name."""
        ids = {}
        for name, text in texts.items():
            (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
            ids[name] = rights_desk._read(self.ctx, name, text.encode(), {}).request_id
        return ids

    def suppressed(self, scope: str = "global") -> set[str]:
        """Records that the suppression list names, by any coordinate."""
        pads = self.ctx.pads(self.ctx.secret(self.ctx.config.privacy.pepper_ref))
        listed = self.ctx.lake.read_or_empty(Suppression).where(Suppression.scope.col == scope)
        return {r.record_id for r in suppressed_records(self.ctx.lake.read(Record), listed, pads).collect()}

    def records(self, *numbers: int) -> set[str]:
        return {r for n in numbers for r in self.coop.records_of(n)}


@pytest.fixture(scope="module")
def desk(spark: SparkSession, conf_folder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    ctx = c.context(spark, tmp_path_factory.mktemp("desk") / "root", conf_folder, "fill")
    coop = c.people(12, seed=5)
    folder = c.prepare(ctx) / "rights"
    rows = c.raw_rows(coop)
    # Two persons of one home bear one name, as father and son do, and share a mailbox: only a birth date tells whose it is.
    for raw in rows:
        if raw["record_id"] in coop.records_of(9):
            raw["email"], raw["first_name"] = coop.persons[8]["email"], coop.persons[8]["first_name"]
    c.put(ctx, RawRecord, rows)
    ctx.lake.insert_new(Record, standardised(ctx, ctx.lake.read(RawRecord)))
    c.put(ctx, PersonLink, [PersonLink.row(record_id=r["record_id"], member_id=r["member_id"], person_id=r["person_id"], since=c.AS_OF)
                            for r in coop.records])  # fmt: skip
    yield Desk(ctx, coop, folder)
    ctx.lake.close()


def hostile(coop: c.Coop) -> dict[str, tuple[str, str, str]]:
    """File name -> text, state (refused, parked, or aside: no row of its own), and a part of the reason."""

    def ask(number: int, right: str = "erasure", person: dict[str, Any] | None = None, **more: Any) -> str:
        return c.request(coop, number, right, person=person or {}, **more)

    def other(number: int, **person: Any) -> str:
        """Somebody else asks with what belongs to a person of the co-operative."""
        return ask(number, person={"last_name": WORD, "first_name": "Gustave", "birth_date": None, **person})

    def only(number: int, *kept: str) -> dict[str, Any]:
        return {k: None for k in ("birth_date", "address_1", "postcode", "city", "email") if k not in kept}

    supplied = {r["member_id"] for r in coop.records if r["number"] == 0}
    absent = next(m for m in ("m01", "m02", "m03") if m not in supplied)
    nobody = {"email": "nobody.here@free.fr", "address_1": "99 RUE INCONNUE", "postcode": "29000", "city": "QUIMPER"}
    held = coop.persons
    return {
        # Unknown persons.
        "unknown-mail": (ask(0, person={**only(0), "email": "nobody.here@free.fr"}), "refused", "No record holds"),
        "unknown-all": (ask(0, "access", person=nobody), "refused", "No record holds"),
        "wildcard": (ask(0, person={**only(0), "email": "%@free.fr"}), "refused", "No record holds"),
        "two-mails": (ask(0, person={**only(0), "email": f"{held[0]['email']}, {held[1]['email']}"}), "refused", "No record holds"),
        "homoglyph": (ask(0, person={**only(0), "email": held[0]["email"].replace("a", "\u0430").replace("m", "\u043c")}), "refused",
                      "No record holds"),
        # Somebody else's coordinates.
        "other-mail": (other(0, **only(0, "email"), last_name=WORD), "parked", "under another name"),
        "other-address": (other(0, email=None, address_2=None), "refused", "No record holds"),
        "other-all": (other(0), "parked", "under another name"),
        "other-copy": (ask(1, "access", person={"last_name": WORD, "birth_date": None}), "parked", "under another name"),
        "other-birth": (ask(2, person={"birth_date": dt.date(1971, 12, 30)}), "parked", "born on another day"),
        "neighbours-mail": (ask(4, person={**only(4), "email": held[6]["email"]}), "parked", "under another name"),
        "first-name-only": (ask(3, person={"last_name": "X", "birth_date": None}), "parked", "under another name"),
        "inject-name": (ask(3, person={"last_name": "' OR 1=1 --", "birth_date": None}), "parked", "under another name"),
        "script": (ask(3, "access", person={"last_name": "<script>alert(1)</script>", "birth_date": None}), "parked", "under another name"),
        "namesake": (ask(8, person={"birth_date": None}), "parked", "2 persons answer to this name"),
        # Contradictions: both of each pair wait.
        "torn-erase": (ask(5), "parked", "both cannot be done"),
        "torn-limit": (ask(5, "limitation"), "parked", "both cannot be done"),
        "wrong-erase": (ask(7), "parked", "both cannot be done"),
        "wrong-correct": (ask(7, "rectification", corrections={"city": "ROUBAIX"}), "parked", "both cannot be done"),
        # Replays and strangers.
        "replay": (ask(10), "aside", "dealt with already"),
        "twice-1": (other(11), "parked", "under another name"),
        "twice-2": (other(11), "aside", "dealt with already"),
        "no-supplier": (ask(0, members=[absent]), "parked", "does not supply this person"),
        "no-member": (ask(0, members=["m77"]), "refused", "is no member"),
        "false-member": (ask(0, received_through="member:m99"), "refused", "names a member that does not exist"),
        "false-client": (ask(0, received_through="client:routeur_postal"), "refused", "names a client that does not exist"),
        "tomorrow": (ask(0, received_on=c.AS_OF + dt.timedelta(days=1)), "refused", "after the day of this run"),
        # Malformed.
        "no-evidence": (ask(0, evidence=""), "refused", "evidence cannot be used"),
        "no-right": (ask(0).replace("right: erasure", "right: destroy"), "refused", "right is none of"),
        "narrowed": (ask(0, channels=["post"]), "refused", "narrow an opposition"),
        "own-key": (ask(0, record_ids=coop.records_of(1)), "refused", "record_ids is not a known key"),
        "own-person": (ask(0, person={"person_id": held[1]["person_id"]}), "refused", "person.person_id is not a known key"),
        "correct-id": (ask(0, "rectification", corrections={"record_id": "x"}), "refused", "corrections may concern"),
        "object": ("!!python/object/apply:os.system ['touch /tmp/owned']\n", "refused", "not valid YAML"),
        "bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nright: *b\n", "refused", ""),
    }  # fmt: skip


def test_hostile_requests_are_refused_or_parked_and_nothing_is_carried_out(desk: Desk) -> None:
    ctx, cases = desk.ctx, hostile(desk.coop)
    assert len({text for text, _, _ in cases.values()}) >= 30, "the second of two that say the same is a replay, and one case"
    for name, (text, _, _) in cases.items():
        (desk.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    replayed = rights_desk._read(ctx, "replay", cases["replay"][0].encode(), {})
    ctx.lake.append(RightsRequest, [
        RightsRequest.row(request_id=replayed.request_id, right="erasure", received_through="operator", received_on=dt.date(2026, 10, 20),
                          due_on=dt.date(2026, 11, 20), state="executed", evidence="letter")
    ])  # fmt: skip
    # Every table there may be, but the register of requests and the list, which waits for nobody.
    held = {t: ctx.lake.version(t) for t in REGISTRY.values() if t not in (RightsRequest, Suppression)}
    counts = handle_rights.run(desk.at("night"))
    assert counts.details["carried_out"] == 0 == len(counts.details["audit"])
    assert {t: ctx.lake.version(t) for t in held} == held, "nothing but these two is written"
    assert not any((Path(ctx.config.paths.reports) / name).exists() for name in ("rights", "rights_tasks", "rights_notices")), "nobody is answered"
    # Only the asker's own coordinates are on the list at once: of 5 and 7, who contradict themselves, of the two of one name, never of others.
    assert desk.suppressed() == desk.records(5, 7, 8, 9)
    aside = desk.folder / "refused"
    for name, (_, state, says) in cases.items():
        waits, reason = desk.folder / f"{name}.yaml", aside / f"{name}.yaml.reason.txt"
        assert waits.exists() == (state == "parked") and reason.exists() == (state != "parked"), name
        if state != "parked":
            assert says in reason.read_text(encoding="utf-8"), (name, reason.read_text(encoding="utf-8"))
    rows = ctx.lake.read(RightsRequest).collect()
    assert {r.state for r in rows} == {"refused", "parked", "executed"} and [r.request_id for r in rows if r.state == "executed"]
    parked = [r for r in rows if r.state == "parked"]
    assert len(parked) == sum(state == "parked" for _, state, _ in cases.values())
    for _, state, says in cases.values():
        assert state != "parked" or any(says in r.state_reason for r in parked), says
    told = " ".join([*counts.details["reasons"], *(r.state_reason for r in rows if r.state_reason)])
    assert WORD not in told and not any(p["email"] in told or p["last_name"] in told for p in desk.coop.persons)
    assert not Path("/tmp/owned").exists()


def test_a_request_is_taken_decided_and_kept_waiting_at_the_desk(desk: Desk) -> None:
    ctx = desk.at("counter")
    texts = [("letter.yaml", c.request(desk.coop, 2, "access").encode()), ("bad.yaml", b"right: access\n"),
             ("letter-again.yaml", c.request(desk.coop, 2, "access").encode())]  # fmt: skip
    taken = rights_desk.open_requests(ctx, texts)
    first = taken[0].request_id
    assert first and taken[0].due_on == dt.date(2026, 11, 20)
    assert "is missing: add it" in str(taken[1].refusal) and "is here already and waits" in str(taken[2].refusal)
    file = desk.folder / f"{first}.yaml"
    assert file.stat().st_mode & 0o077 == 0 and yaml.safe_load(file.read_text(encoding="utf-8"))["right"] == "access"
    assert desk.row(first).state == "open"
    rows = rights_desk.listed(ctx)
    assert next(r for r in rows if r["request"] == first)["days left"] == 20 and not rights_desk.overdue(ctx)
    assert rights_desk.overdue(replace(ctx, as_of=dt.date(2026, 11, 21))) and not rights_desk.overdue(replace(ctx, as_of=dt.date(2026, 11, 20)))
    rights_desk.decide(ctx, first, "officer:A. Martin", Decision.EXTEND, "many records")
    assert desk.row(first).due_on == dt.date(2027, 1, 20)
    with pytest.raises(RightsError, match="There is no request"):
        rights_desk.decide(ctx, "nothing", "officer:A. Martin", Decision.REFUSE, "x")
    with pytest.raises(RightsError, match="once it is carried out"):
        rights_desk.certificate(ctx, first)
    with pytest.raises(RightsError, match="waits to be carried out"):
        handle_rights.run(desk.at("none", options={"requests": "nothing"}))
    rights_desk.decide(ctx, first, "officer:A. Martin", Decision.REFUSE, "withdrawn by the person")
    counts = handle_rights.run(desk.at("tonight", options={"requests": first}))
    assert counts.details["refused"] == 1 and desk.row(first).state == "refused" and "withdrawn" in desk.row(first).state_reason
    assert desk.row(first).right == "access" and not file.exists()
    shown = rights_desk.shown(ctx, first)
    assert [d["decision"] for d in shown["decisions"]] == ["extend", "refuse"] and "record_ids" not in shown["request"]
    assert ctx.lake.read(RightsDecision).count() == 2
    actions = [link.action for link in audit_trail.chain(ctx)]
    assert actions == ["opened", "decided", "decided"] and audit_trail.verify(ctx).links == 3 == ctx.lake.read(Audit).count()


def test_nobody_waits_for_suppression_and_an_objection_ends_profiles_at_once(desk: Desk) -> None:
    ctx, coop = desk.ctx, desk.coop
    for file in desk.folder.glob("*.yaml"):
        file.unlink()
    before, others = desk.suppressed(), desk.records(*range(12)) - desk.records(1, 3)
    _profiles(ctx, [p["person_id"] for p in coop.persons])
    events = [PermissionEvent.row(event_id="yes", record_id=coop.records_of(2)[0], member_id="m01", channel="post", use="prospect", basis="consent",
                                  purpose="commercial", status="granted", collected_at=dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC))]  # fmt: skip
    ctx.lake.append(PermissionEvent, events)
    ahead, unusable = {"last_name": "NOUVEAU", "address_1": None, "birth_date": None}, {"address_1": None, "postcode": None, "city": None}
    ids = desk.write(
        kept=c.request(coop, 1, "erasure"),
        ahead=c.request(coop, 0, "opposition", person={**ahead, "email": "nouveau@free.fr"}),
        erase_ahead=c.request(coop, 0, "erasure", person={**ahead, "email": "ancien@free.fr"}),
        unusable=c.request(coop, 0, "opposition", person={**unusable, "email": "%@free.fr"}),
        mixed=c.request(coop, 3, "opposition", person={"email": coop.persons[6]["email"]}),
        objection=c.request(coop, 2, "opposition", profiling=True),
        objects_ahead=c.request(coop, 0, "opposition", profiling=True, person={**ahead, "email": "bientot@free.fr"}),
    )
    refusing = {r["member_id"] for r in coop.records if r["number"] == 1}
    no = {"request_id": ids["kept"], "subject_matter": "contribution", "decision": "refuse", "reason": "a trial", "decided_on": c.AS_OF}
    ctx.lake.append(RightsDecision, [RightsDecision.row(decider=f"member:{m}", **no) for m in refusing])
    late = {"right": "access", "received_through": "operator", "received_on": dt.date(2026, 9, 1), "evidence": "letter", "state": "parked"}
    ctx.lake.append(RightsRequest, [RightsRequest.row(request_id="late", due_on=dt.date(2026, 10, 1), **late)])
    with pytest.raises(PartlyDoneError, match=r"^1 request is past the deadline: the officer must answer now") as raised:
        handle_rights.run(desk.at("immediate"))
    counts, states = raised.value.done, {name: desk.row(i) for name, i in ids.items()}
    assert counts.details["overdue"] == 1 and counts.details["carried_out"] == 4 == len(counts.details["audit"])
    assert {n: s.state for n, s in states.items()} == {
        "kept": "refused", "ahead": "executed", "erase_ahead": "refused", "unusable": "refused", "mixed": "executed", "objection": "executed",
        "objects_ahead": "executed",
    }  # fmt: skip
    assert "on the suppression list" in states["ahead"].state_reason and "on the suppression list" in states["erase_ahead"].state_reason
    assert "on the suppression list" not in states["unusable"].state_reason and not (desk.folder / "ahead.yaml").exists()
    # 1, whose members all refused, is listed; 3 gave the address of somebody else's mailbox, which is not.
    family = desk.records(2)
    assert desk.suppressed() - before == desk.records(1, 3) | (family - before) and not desk.suppressed() & (others - before - family)
    assert desk.suppressed("profiling") == desk.records(2)
    assert {r.record_id: r.request_id for r in ctx.lake.read(ProfilingObjection).collect()} == dict.fromkeys(desk.records(2), ids["objection"])
    for table in (Score, Segment, Feature):
        assert {r.person_id for r in ctx.lake.read(table).collect()} == {p["person_id"] for p in coop.persons if p["number"] != 2}, table
    said = {r.record_id: r.status for r in ctx.lake.read(PermissionEvent).collect() if r.record_id in desk.records(2)}
    assert said == {coop.records_of(2)[0]: "granted"} and not ctx.lake.read(Permission).where(Permission.record_id.col.isin(*said)).count()
    _later(desk, "bientot@free.fr")


def _profiles(ctx: Context, persons: list[str]) -> None:
    """Something of each kind that is made of a person."""
    day = dt.date(2026, 9, 1)
    for table, row in ((Score, {"model_key": "house:r_vad"}), (Segment, {}), (Feature, {"member_id": "m01"})):
        ctx.lake.append(table, [table.row(person_id=p, cutoff=day, **row) for p in persons])


def _later(desk: Desk, email: str) -> None:
    """A record delivered after the objection under the same coordinates is recognised: what was made of it before that goes."""
    ctx, raw = desk.ctx, c.raw_rows(desk.coop)[0]
    line = RawRecord.frame(
        ctx.spark, [{**raw, "record_id": "new@m02", "member_id": "m02", "last_name": "NOUVEAU", "email": email, "address_1": None}]
    )
    ctx.lake.insert_new(Record, standardised(ctx, line))
    ctx.lake.append(PersonLink, [PersonLink.row(record_id="new@m02", member_id="m02", person_id="p_new", since=c.AS_OF)])
    _profiles(ctx, ["p_new"])
    assert end_profiles(desk.at("recognised")) == 1
    noted = ctx.lake.read(ProfilingObjection).where("record_id = 'new@m02'").first()
    assert noted is not None and noted.request_id is None
    assert "p_new" not in {r.person_id for table in (Score, Segment, Feature) for r in ctx.lake.read(table).collect()}
