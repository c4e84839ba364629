"""Asks the address service of the configuration, if there is one, for the addresses of records being made.

The workers ask, each for its share: nothing is collected. A service that fails is not asked again for the rest of a share, and the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.errors import EnvironmentError_
from appetence.exchange.address_service import TEXTS, AddressProvider, Answers, HttpAddressProvider
from appetence.pipeline.context import Context
from appetence.records.address_answers import (
    ANSWER,
    ANSWER_TYPE,
    ANSWERED,
    DOWN,
    STATE,
    UNKNOWN,
    questions,
    with_answers,
    with_question,
)

_SCHEMA = f"key string, {STATE} string, {ANSWER} {ANSWER_TYPE}"
_ARROW = pa.schema(
    [
        ("key", pa.string()),
        (STATE, pa.string()),
        (ANSWER, pa.struct([("lines", pa.list_(pa.string())), *((t, pa.string()) for t in (*TEXTS, "grade")), ("is_deliverable", pa.bool_())])),
    ]
)


class AddressCheck:
    """The step between reading addresses and making records. `is_partial`, after a run: somebody was asked and did not answer."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self.is_partial = ctx, False

    def provider(self) -> AddressProvider | None:
        """Who is asked: nobody unless configured, the expressions then have the last word."""
        settings = self._ctx.config.exchange.address_service
        return HttpAddressProvider(settings, self._ctx.secret(settings.credential_ref).decode().strip()) if settings else None

    def __call__(self, lines: DataFrame) -> DataFrame:
        """Lines after `with_address`, their addresses as answered."""
        provider, settings, ctx = self.provider(), self._ctx.config.exchange.address_service, self._ctx
        if provider is None or settings is None:
            return lines
        asked = ctx.lake.stage("addresses_read", with_question(lines))
        share = questions(asked).repartition(settings.connections, "key")
        answers = ctx.lake.stage("address_answers", share.mapInArrow(partial(_answered, provider, settings.batch), _SCHEMA))
        counts = {row[0]: int(row[1]) for row in answers.groupBy(STATE).agg(F.count("*")).collect()}
        self.is_partial = counts.get(DOWN, 0) > 0
        ctx.progress(f"{sum(counts.values())} addresses asked for, {counts.get(ANSWERED, 0)} answered")
        if self.is_partial:
            ctx.progress(
                f"the address service did not answer for {counts[DOWN]} addresses: they are kept as read, graded one lower, and the next run "
                "asks again"
            )
        return with_answers(asked, answers)


def _answered(provider: AddressProvider, size: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    is_down = False
    for batch in batches:
        rows = []
        for start in range(0, batch.num_rows, size):
            asked = batch.slice(start, size).to_pylist()
            answers, state = Answers(), DOWN
            if not is_down:
                try:
                    answers, state = provider.ask(asked), UNKNOWN
                except EnvironmentError_:
                    is_down = True
            rows += [{"key": q["key"], STATE: ANSWERED if q["key"] in answers else state, ANSWER: answers.get(q["key"])} for q in asked]
        yield pa.RecordBatch.from_pylist(rows, schema=_ARROW)
