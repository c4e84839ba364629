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

from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import Audit, RightsDecision, RightsRequest, Suppression
from appetence.contracts.silver import Record
from appetence.errors import RightsError
from appetence.pipeline import audit_trail, handle_rights, rights_desk
from appetence.pipeline.context import Context
from appetence.pipeline.people import standardised
from appetence.privacy.decisions import Decision
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
    assert len(cases) >= 30
    for name, (text, _, _) in cases.items():
        (desk.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    replayed = rights_desk._read(ctx, "replay", cases["replay"][0].encode(), {})
    ctx.lake.append(RightsRequest, [
        RightsRequest.row(request_id=replayed.request_id, right="erasure", received_through="operator", received_on=dt.date(2026, 10, 20),
                          due_on=dt.date(2026, 11, 20), state="executed", evidence="letter")
    ])  # fmt: skip
    held = {t: ctx.lake.version(t) for t in (RawRecord, Record, PersonLink)}
    counts = handle_rights.run(desk.at("night"))
    assert counts.details["carried_out"] == 0 == len(counts.details["audit"])
    assert {t: ctx.lake.version(t) for t in held} == held and not ctx.lake.exists(Suppression)
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
    assert "is missing; add it" in str(taken[1].refusal) and "is here already and waits" in str(taken[2].refusal)
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
