"""Clerical review: doubtful pairs, or a sample of all, go out in words, decisions come back: they bind later runs, and those on a sample say how
right the links are. No value of a record goes either way."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import ClericalDecision, Edge, MatchModel, PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.identity import comparison, explain, sampling, weights
from appetence.identity.sampling import Answer, Drawn, Estimate
from appetence.pipeline.audit_trail import record
from appetence.pipeline.context import Context

SAME, DIFFERENT = "same", "different"
GIVEN = ("record_a", "record_b", "weight", "today", "why")
FILLED = ("decision", "decided_by", "reason")
REQUIRED = ("record_a", "record_b", *FILLED)
STATED = (Drawn.stratum, Drawn.stratum_size)
SAMPLED = ("record_a", "record_b", "decision", *STATED)
_COORDINATE = re.compile(r"@|[0-9]{6,}|(?:[0-9]{2}[ .-]?){4,}")
_COUNT = re.compile(r"[1-9][0-9]{0,17}")
_UNDECIDABLE = "column decision: it can be same or different, or empty while nobody has decided."
Two = tuple[str, str]


def export_review(ctx: Context, target: Path, *, limit: int, band: float) -> int:
    """Writes the compared pairs nearest to the threshold, at most `limit` and no further off than `band`, that nobody decided on; how many.

    CSV with semicolons: record_a, record_b, weight, today (one person, two persons), why, and three columns to fill in. ConfigError when
    nothing was resolved yet."""
    _check_resolved(ctx)
    distance = F.abs(F.col(Edge.weight) - F.lit(ctx.config.identity.link_weight))
    decided = ctx.lake.read_or_empty(ClericalDecision).select(ClericalDecision.record_a, ClericalDecision.record_b)
    open_ = ctx.lake.read(Edge).where(distance <= band).join(decided, on=[str(Edge.record_a), str(Edge.record_b)], how="left_anti")
    near = open_.orderBy(distance, Edge.record_a, Edge.record_b).limit(limit)
    return _export(ctx, target, near, [distance, F.col(Edge.record_a), F.col(Edge.record_b)])


def export_sample(ctx: Context, target: Path, *, size: int, seed: int) -> int:
    """Writes a stratified sample of all compared pairs above the review floor, decided on or not; how many.

    CSV as `export_review` writes it, and stratum and stratum_size; in an order of which any beginning is a sample, so that who stops early leaves
    one. ConfigError when nothing was resolved yet, or `size` is less than two pairs of each stratum."""
    _check_resolved(ctx)
    edges = ctx.lake.read(Edge)
    strata = sampling.strata_of(sampling.sizes(edges).collect())
    if not strata:
        raise ConfigError("There is nothing to sample: identity.edge has no pair; no two records were alike enough to be compared in the last run.")
    sample = sampling.drawn(edges, sampling.allocated(strata, size), seed)
    return _export(ctx, target, sample, [F.col(Drawn.rank), F.col(Drawn.stratum)], STATED)


def _check_resolved(ctx: Context) -> None:
    if not ctx.lake.exists(Edge) or not ctx.lake.exists(MatchModel):
        raise ConfigError("There is nothing to review: identity.edge is not there yet; run the job resolve_identities first.")


def _export(ctx: Context, target: Path, edges: DataFrame, order: Sequence[Column], further: Sequence[str] = ()) -> int:
    """Writes the few `edges` in this order, with `further` columns of theirs behind those to fill in; how many."""
    owner = ctx.lake.read(PersonLink).select(PersonLink.record_id, PersonLink.person_id)
    placed = edges.join(owner.toDF(Edge.record_a, "_x"), on=Edge.record_a, how="left").join(
        owner.toDF(Edge.record_b, "_y"), on=Edge.record_b, how="left"
    )
    is_one = F.col("_x") == F.col("_y")
    rows = placed.orderBy(*order).select(Edge.record_a, Edge.record_b, Edge.weight, is_one, Edge.pattern, *further)
    model = current_model(ctx)
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow((*GIVEN, *FILLED, *further))
        count = 0
        for a, b, weight, is_one_today, pattern, *rest in rows.collect():
            today = "one person" if is_one_today else "two persons"
            writer.writerow((a, b, f"{weight:.2f}", today, explain.in_one_line(model, pattern), "", "", "", *rest))
            count += 1
    return count


def current_model(ctx: Context) -> weights.Model:
    """The model in use."""
    columns = (MatchModel.comparison, MatchModel.level, MatchModel.p_person, MatchModel.p_household, MatchModel.p_unrelated)
    rows = ctx.lake.read(MatchModel).where(F.col(MatchModel.is_current)).select(*columns).collect()
    return weights.from_rows([(r[0], r[1], r[2], r[3], r[4]) for r in rows], comparison.all_fields())


@dataclass(frozen=True)
class Line:
    """One decision as a review file states it."""

    number: int
    given: Two
    is_same: bool
    decided_by: str
    reason: str

    @property
    def two(self) -> Two:
        """The pair, the lower id first."""
        a, b = sorted(self.given)
        return a, b


@dataclass
class Taken:
    """What came of a review file: decisions taken, lines without a decision, and one sentence for each line refused."""

    lines: list[Line] = field(default_factory=list)
    undecided: int = 0
    refused: list[str] = field(default_factory=list)


def take_decisions(ctx: Context, file: str, content: bytes) -> Taken:
    """Takes the decisions of a review file in; the good lines count even when others are refused. The next run of resolve_identities obeys.

    Of several decisions on one pair the newest holds. A line that contradicts others through third records is refused and changes nothing.
    ConfigError when the file is no review file."""
    taken = Taken()
    stated = list(parsed(file, content, taken))
    known = _known(ctx, {r for line in stated for r in line.two})
    before = ctx.lake.read_or_empty(ClericalDecision).collect()
    held = Held({(r[ClericalDecision.record_a], r[ClericalDecision.record_b]): r[ClericalDecision.is_same] for r in before})
    newest: dict[Two, Line] = {}
    for line in stated:
        fault = _fault(line, known, held)
        if fault:
            taken.refused.append(f"{file}, line {line.number}, {fault}")
            continue
        held.decide(line.two, line.is_same)
        newest[line.two] = line
    taken.lines = list(newest.values())
    if taken.lines:
        ctx.lake.upsert_rows(ClericalDecision, [_row(ctx, line) for line in taken.lines])
        _audit(ctx, content, taken)
    return taken


def _row(ctx: Context, line: Line) -> dict[str, object]:
    return {
        "record_a": line.two[0], "record_b": line.two[1], "is_same": line.is_same, "decided_by": line.decided_by, "reason": line.reason,
        "decided_on": ctx.as_of,
    }  # fmt: skip


def _audit(ctx: Context, content: bytes, taken: Taken) -> None:
    """Who decided how many, and the hash of the file: no id of a record, which an erasure could not take out of the trail."""
    if ctx.dry_run:
        return
    counts = Counter(line.is_same for line in taken.lines)
    details = {
        SAME: counts[True], DIFFERENT: counts[False], "refused": len(taken.refused), "decided_by": sorted({line.decided_by for line in taken.lines}),
    }  # fmt: skip
    record(ctx, [{"actor": "identity_decide", "action": "decided", "object_id": hashlib.sha256(content).hexdigest(), "details": details}])


def parsed(file: str, content: bytes, taken: Taken) -> Iterator[Line]:
    """The decided lines of a review file; what is wrong with a line alone goes to `taken`, and so does how many are undecided."""
    for number, values in _lines(file, content, REQUIRED, "review"):
        if not values["decision"]:
            taken.undecided += 1
            continue
        fault = _misstated(values)
        if fault:
            taken.refused.append(f"{file}, line {number}, {fault}")
            continue
        yield Line(number, (values["record_a"], values["record_b"]), values["decision"].lower() == SAME, values["decided_by"], values["reason"])


def _lines(file: str, content: bytes, columns: Sequence[str], command: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and trimmed `columns` of each line of a file that `appetence identity COMMAND` wrote; ConfigError when it is none."""
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text: save the review file as CSV in UTF-8, with semicolons.") from None
    lacking = [c for c in columns if c not in (rows.fieldnames or ())]
    if lacking:
        raise ConfigError(
            f"{file}, line 1, lacks the column(s) {', '.join(lacking)}: start from a file of `appetence identity {command}`, with semicolons."
        )
    for row in rows:
        yield rows.line_num, {c: (row[c] or "").strip() for c in columns}


def _misstated(values: Mapping[str, str]) -> str | None:
    if values["decision"].lower() not in (SAME, DIFFERENT):
        return _UNDECIDABLE
    for column in ("record_a", "record_b", "decided_by", "reason"):
        if not values[column]:
            return f"column {column} is empty: a decision needs both records, who decided and why."
    if values["record_a"] == values["record_b"]:
        return "column record_b: it names the same record as record_a; a decision is about two."
    if _COORDINATE.search(values["reason"]):
        return "column reason: it seems to hold an e-mail, a number or a date of a person; say why without personal values."
    return None


def estimate_sample(file: str, content: bytes) -> tuple[Estimate | None, list[str]]:
    """What the answers of a sample file say of all pairs, or else (None) one sentence for each line refused: figures without them would be biased.

    An answer is `decision` alone; `take_decisions` also asks who decided and why. ConfigError when the file is no sample or has no answer."""
    answers: list[Answer] = []
    refused: list[str] = []
    seen = Seen()
    for number, values in _lines(file, content, SAMPLED, "sample"):
        fault = seen.fault(values)
        if fault:
            refused.append(f"{file}, line {number}, {fault}")
            continue
        said = values["decision"].lower()
        answers.append(Answer(values[Drawn.stratum], int(values[Drawn.stratum_size]), said == SAME if said else None))
    if refused:
        return None, refused
    if all(a.is_same is None for a in answers):
        raise ConfigError(f"{file} has no answer in column decision: write same or different in some of its lines, of each stratum if possible.")
    return sampling.estimated(sampling.tallied(answers)), refused


@dataclass
class Seen:
    """What the lines of a sample file said so far, which later ones may not contradict."""

    pairs: set[Two] = field(default_factory=set)
    of: int | None = None
    strata: dict[int, tuple[str, str]] = field(default_factory=dict)
    lines: Counter[int] = field(default_factory=Counter)

    def fault(self, values: Mapping[str, str]) -> str | None:
        """What is wrong with a line, as a sentence; a good line is noted."""
        if values["decision"].lower() not in ("", SAME, DIFFERENT):
            return _UNDECIDABLE
        a, b = sorted((values["record_a"], values["record_b"]))
        if not a or a == b or (a, b) in self.pairs:
            return "column record_b: a line is about two records, and about two that no other line names; put it back from the sample or drop it."
        label, size = sampling.label_of(values[Drawn.stratum]), values[Drawn.stratum_size]
        if label is None:
            return "column stratum: it is not as a sample states it, such as 3/7 link, 2 to 4; put it back from the sample."
        if not _COUNT.fullmatch(size):
            return "column stratum_size: it is no number of pairs; put it back from the sample."
        stated = (values[Drawn.stratum], size)
        if self.strata.setdefault(label.number, stated) != stated or (self.of or label.of) != label.of:
            return "columns stratum, stratum_size: an earlier line states them otherwise; one file holds one sample."
        if self.lines[label.number] == int(size):
            return "column stratum_size: the stratum has more lines than pairs; put both back from the sample."
        self.pairs.add((a, b))
        self.of = label.of
        self.lines[label.number] += 1
        return None


def _known(ctx: Context, ids: set[str]) -> set[str]:
    asked = local_frame(ctx.spark, [(i,) for i in sorted(ids)], f"{Record.record_id} string")
    found = ctx.lake.read(Record).where(~F.col(Record.is_bare)).join(F.broadcast(asked), on=Record.record_id, how="left_semi")
    return {r[0] for r in found.select(Record.record_id).collect()}


def _fault(line: Line, known: set[str], held: Held) -> str | None:
    for column, one in zip(("record_a", "record_b"), line.given, strict=True):
        if one not in known:
            return f"column {column}: no record of this id is compared today; take ids from the review, or drop the line."
    if held.would_contradict(line.two, line.is_same):
        other = "keep apart records it would join" if line.is_same else "join the two through third records"
        return f"column decision: earlier decisions {other}; decide those pairs anew first, or drop the line."
    return None


class Held:
    """The decisions in force, which never contradict one another."""

    def __init__(self, verdicts: Mapping[Two, bool]) -> None:
        self.verdicts = dict(verdicts)
        self._same: dict[str, set[str]] = defaultdict(set)
        self._apart: dict[str, set[str]] = defaultdict(set)
        for two, is_same in verdicts.items():
            self._note(two, is_same)

    def _note(self, two: Two, is_same: bool) -> None:
        for x, y in (two, two[::-1]):
            (self._same if is_same else self._apart)[x].add(y)
            (self._apart if is_same else self._same)[x].discard(y)

    def decide(self, two: Two, is_same: bool) -> None:
        """The newest decision on a pair takes the place of the one before."""
        self.verdicts[two] = is_same
        self._note(two, is_same)

    def would_contradict(self, two: Two, is_same: bool) -> bool:
        """Whether the decision goes against the others; what was decided of the pair itself before does not count."""
        one, other = self._together(two[0], two), self._together(two[1], two)
        if not is_same:
            return two[1] in one
        return any(y in other for x in one for y in self._apart[x] if {x, y} != set(two))

    def _together(self, start: str, but: Two) -> set[str]:
        seen, todo = {start}, [start]
        while todo:
            here = todo.pop()
            fresh = {n for n in self._same[here] if {here, n} != set(but)} - seen
            seen |= fresh
            todo += fresh
        return seen


def in_force(ctx: Context, two: Iterable[str]) -> str | None:
    """What was decided of two records, as a line for people."""
    a, b = sorted(two)
    pair = (F.col(ClericalDecision.record_a) == a) & (F.col(ClericalDecision.record_b) == b)
    found = ctx.lake.read_or_empty(ClericalDecision).where(pair).first()
    if found is None:
        return None
    verdict = "one person" if found[ClericalDecision.is_same] else "never one person"
    return (
        f"Decided by hand on {found[ClericalDecision.decided_on]}: {verdict}. {found[ClericalDecision.decided_by]}: {found[ClericalDecision.reason]}"
    )
