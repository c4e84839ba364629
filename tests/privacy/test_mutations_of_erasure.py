"""Mutation check of erasures: pieces of the engine are broken on purpose, and the checks that the whole-lake tests use must tell each of them.

A night of the desk takes its time, so faults that show in different places are planted in one night, on a copy of one small lake: each has a
finding of its own that nothing else brings about. The engine's own closing scan is silenced: the checks must see without its help.
"""

from __future__ import annotations

import functools
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import HouseholdLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import RightsRequest
from appetence.pipeline import erasing, handle_rights, rights_answers, rights_execution, rights_replay, rights_suppression, rights_tasks, table_state
from appetence.pipeline.context import Context
from appetence.pipeline.rights_uses import Use
from appetence.privacy import rights
from appetence.privacy.erasure import Subject
from appetence.storage.lake import Lake
from tests.privacy import coop as c
from tests.privacy import proof
from tests.privacy.broken import answers_always

pytestmark = [pytest.mark.spark, pytest.mark.slow]
ERASED = (2, 3, 5)
"""Two who share a home, and one of another home."""
PARTIAL, ACCESS, OTHER = 8, 11, 4


@dataclass
class World:
    """One copy of the lake after the desk's night: `before` are the raw lines by record."""

    ctx: Context
    coop: c.Coop
    before: dict[str, tuple[object, ...]]

    def copy_of_access(self) -> str:
        request = proof.row_of(self.ctx.lake, "access", self.coop.persons[ACCESS]["person_id"])
        file = rights_answers.folder_of(self.ctx, request.request_id) / "access.json"
        return json.dumps(json.loads(file.read_text(encoding="utf-8")))


def findings(world: World) -> list[str]:
    """What the checks of the whole-lake tests find wrong."""
    ctx, coop, lake = world.ctx, world.coop, world.ctx.lake
    gone = {r for n in ERASED for r in coop.records_of(n)} | {coop.records_of(PARTIAL)[0]}
    access = proof.row_of(lake, "access", coop.persons[ACCESS]["person_id"])
    concerned = {("client", "r_vad"), *(("supplier", r["member_id"]) for r in coop.records if r["number"] == ACCESS)}
    return [
        *proof.bytes_left(ctx, coop, ERASED), *proof.ids_left(lake, coop, ERASED, PARTIAL), *proof.others_changed(lake, world.before, gone),
        *proof.taken_again(ctx, coop, ERASED[0], OTHER), *proof.not_suppressed(ctx, coop, ERASED[0]),
        *(f"task for {role}" for role, _ in proof.tasks_of(lake, access.request_id) ^ concerned),
        *proof.requests_that_lead_to(lake, coop, ERASED), *proof.foreign_in_copy(world.copy_of_access(), coop, ACCESS),
        *("a request file" for _ in (Path(ctx.config.paths.requests) / "rights").glob("*.yaml")),
    ]  # fmt: skip


def plan_without(is_missed: Callable[[Any], bool]) -> Callable[[Any], Any]:
    return lambda right: lambda: [t for t in right() if not is_missed(t)]


def _whole_only(right: Any) -> Any:
    def subjects(*given: Any) -> Any:
        found = right(*given)
        return {**found, Subject.TOUCHED_PERSON: found[Subject.PERSON]}

    return subjects


def _files_without(part: str) -> Callable[[Any], Any]:
    def broken(right: Any) -> Any:
        def files(*given: Any, **named: Any) -> Any:
            found = right(*given, **named)
            kept = {name: getattr(found, name) for name in ("exports", "members", "answers")}
            return type(found)(**{**kept, part: ()})

        return files

    return broken


def _everybody_used_it(right: Any) -> Any:
    return lambda ctx, persons: {p: [*theirs, Use("r_m04", "routeur_postal", "x1", "REF")] for p, theirs in right(ctx, persons).items()}


def _keeps_ids(right: Any) -> Any:
    return lambda ctx, case: rights.request_row(case.request, rights.EXECUTED, None, case.found, executed_on=ctx.as_of)


def _with_the_home(right: Any) -> Any:
    """The persons one lives with are taken for oneself."""

    def ids(ctx: Context, cases: Any) -> Any:
        found = right(ctx, cases)
        request, person = found[Subject.PERSON].columns
        mine = {(row[0], row[1]) for row in found[Subject.HOUSEHOLD].collect()}
        homes = [(row.person_id, row.household_id) for row in ctx.lake.read(HouseholdLink).collect()]
        pairs = sorted((asked, who) for asked, home in mine for who, theirs in homes if theirs == home)
        everybody = local_frame(ctx.spark, pairs, f"{request} string, {person} string")
        return {**found, Subject.PERSON: everybody, Subject.TOUCHED_PERSON: everybody}

    return ids


Fault = tuple[Any, str, Callable[[Any], Any], str]
"""Module and name looked up by the code, what stands there instead, and the finding that must tell it."""
NIGHTS: tuple[dict[str, Fault], ...] = (
    {
        "it misses a table": (erasing, "plan", plan_without(lambda t: t.table.name == "transaction"), "bytes under lake/silver/transaction"),
        "it misses one of the two ids of a row": (erasing, "plan", plan_without(lambda t: t.column == "record_b"), "edges"),
        "the links stay": (erasing, "plan", plan_without(lambda t: t.table.name == "person_link"), "links of records"),
        "what was derived of who keeps a record stays": (erasing, "_subjects", _whole_only, "profile of who keeps a record"),
        "an emptied household stays": (
            erasing, "emptied_households", lambda right: lambda *given: right(*given).limit(0), "households nobody lives in"),
        "a file handed over stays": (erasing, "_files_of", _files_without("exports"), "bytes under outbox"),
        "a delivery set aside stays": (erasing, "_files_of", _files_without("members"), "bytes under quarantine"),
        "an answer given before stays": (erasing, "_files_of", _files_without("answers"), "bytes under reports"),
        "what an earlier run left stays": (erasing, "left_in_scratch", answers_always([]), "bytes under scratch"),
        "the request itself stays": (handle_rights, "destroy", answers_always(0), "a request file"),
        "nothing is remembered": (erasing, "_remember", answers_always(None), "erased records taken again"),
        "the family is not put on the list": (rights_execution, "suppress_found", answers_always(None), "family is suppressed: None"),
        "a controller that is not concerned is told": (rights_tasks, "uses", _everybody_used_it, "task for client"),
        "an earlier request leads to the person": (erasing, "_blank_requests", answers_always(None), "a request for access leads there"),
        "its own request leads to the person": (rights_execution, "_closed", _keeps_ids, "a request for erasure leads there"),
        "a copy shows whom one lives with": (rights_answers, "_ids", _with_the_home, "somebody else's data"),
    },
    {
        "older versions and files stay": (Lake, "purge", answers_always({}), "bytes under lake/bronze/raw_record"),
        "the person is not put on the list": (rights_suppression, "_list", answers_always(None), "noisy is suppressed: None"),
        "another member's contribution goes too": (
            rights, "scoped", lambda _: lambda found, owners, spec: (found.record_ids, None), "rows missing"),
    },
)  # fmt: skip
FAULTS = [(night, name) for night, faults in enumerate(NIGHTS) for name in faults]


@pytest.fixture(scope="module")
def template(spark: SparkSession, conf_folder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, c.Coop]]:
    """The root before anything is asked: twelve persons, an export, a quarantined delivery, an old answer, and the requests that wait."""
    root = tmp_path_factory.mktemp("template") / "root"
    ctx = c.context(spark, root, conf_folder, "fill")
    coop = c.people(12, seed=31)
    folder = c.prepare(ctx) / "rights"
    c.fill(ctx, coop)
    who = coop.persons[ERASED[0]]
    old = RightsRequest.row(request_id="old", right="access", state="executed", person_id=who["person_id"], record_ids=coop.records_of(ERASED[0]))
    c.put(ctx, RightsRequest, [old])
    paths = ctx.config.paths
    for place, name in ((paths.outbox, "routeur_postal/noel_vad_post.parquet.pgp"), (paths.quarantine, f"{coop.records_of(ERASED[0])[0][-3:]}/q.pgp"),
                        (paths.reports, "rights/old/access.json"), (paths.scratch, "earlier/part.bin")):  # fmt: skip
        file = Path(place) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(f"....{who['canary']}....".encode()))
    texts = {f"gone-{n}": c.request(coop, n, "erasure") for n in ERASED}
    texts["part"] = c.request(coop, PARTIAL, "erasure", members=[coop.records_of(PARTIAL)[0][-3:]])
    texts["copy"] = c.request(coop, ACCESS, "access")
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    ctx.lake.close()
    yield root, coop


Night = Callable[[str, dict[str, Fault]], World]


@pytest.fixture(scope="module")
def night(spark: SparkSession, conf_folder: str, template: tuple[Path, c.Coop]) -> Night:
    """Carries out the requests on a copy of the lake, with these faults."""

    def run(name: str, faults: dict[str, Fault]) -> World:
        source, coop = template
        root = source.parent / name / "root"
        shutil.copytree(source, root)
        ctx = c.context(spark, root, conf_folder, "night")
        before = {r[RawRecord.record_id]: tuple(r) for r in ctx.lake.read(RawRecord).collect()}
        with pytest.MonkeyPatch.context() as patch:
            if faults:
                patch.setattr(erasing, "scan", answers_always([])(None))
            for module, attribute, instead, _ in faults.values():
                patch.setattr(module, attribute, instead(getattr(module, attribute)))
            handle_rights.run(ctx)
        ctx.lake.close()
        return World(c.context(spark, root, conf_folder, "after"), coop, before)

    return run


@pytest.fixture(scope="module")
def found(night: Night) -> Callable[[int], list[str]]:
    """The findings after a night with all its faults, once."""
    return functools.cache(lambda number: findings(night(f"night-{number}", NIGHTS[number])))


@pytest.mark.parametrize(("number", "fault"), FAULTS)
def test_no_piece_of_an_erasure_can_break_unseen(number: int, fault: str, found: Callable[[int], list[str]]) -> None:
    assert NIGHTS[number][fault][-1] in found(number)


def test_inv_21_22_23_25_nothing_is_wrong_with_all_whole_and_a_table_put_back_is_purged_again(night: Night, template: tuple[Path, c.Coop]) -> None:
    world = night("whole", {})
    assert findings(world) == []
    table_state.note(world.ctx)
    older = template[0] / "lake" / "bronze" / "raw_record"
    raw = Path(world.ctx.config.paths.lake) / "bronze" / "raw_record"
    broken = {table_state: ("put_back", []), rights_replay: ("_erase_again", None)}
    for module, (name, answer) in broken.items():
        shutil.rmtree(raw)
        shutil.copytree(older, raw)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, answers_always(answer)(None))
            table_state.before_reading(world.ctx)
        assert proof.bytes_left(world.ctx, world.coop, ERASED) == ["bytes under lake/bronze/raw_record"], name
        if module is table_state:  # as it was not noticed, it is still to be noticed
            table_state.before_reading(world.ctx)
            assert proof.bytes_left(world.ctx, world.coop, ERASED) == []
