"""`appetence bench propensity`: the project's own fitting and evaluation on any two tables, an earlier one and a later one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from appetence.errors import ModelError
from appetence.propensity.metrics import deciles_of, evaluate, evaluate_one_sided
from appetence.propensity.tables import binary_labels
from appetence.propensity.tabular import SECONDS, fit_table
from appetence.runtime.config import Config
from appetence.runtime.console import say


def bench_propensity(config: Config, train: Path, test: Path, label: str, row_id: str | None, out: Path, scores: Path) -> int:
    """Fits on `train`, evaluates on `test`; writes figures as JSON and `id, probability, rank, decile` as parquet. 0 when done."""
    started = time.perf_counter()
    earlier, later = _read(train, label, row_id), _read(test, label, row_id, is_later=True)
    seconds = config.propensity.search_seconds or SECONDS
    made, figures = measure(earlier, later, label, row_id, config.propensity.seed, seconds)
    figures["seconds"] = round(time.perf_counter() - started, 2)
    for file in (out, scores):
        file.parent.mkdir(parents=True, exist_ok=True)
    made.to_parquet(scores, index=False)
    out.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    say(told(figures))
    return 0


def measure(
    earlier: pd.DataFrame, later: pd.DataFrame, label: str, row_id: str | None, seed: int, seconds: float = SECONDS
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Scores of the later rows and the figures; the later labels are read only to compute figures, after scoring, and may be absent."""
    if not len(later):
        raise ModelError("The later table holds no row: there is nothing to score; check the file.")
    model = fit_table(earlier, label, row_id=row_id, seed=seed, seconds=seconds)
    raw = model.raw(later)
    probability = model.propensity.calibrator(raw)
    order = np.lexsort((np.arange(len(raw)), -raw))
    rank = np.empty(len(raw), dtype=np.int64)
    rank[order] = np.arange(1, len(raw) + 1)
    ids = later[row_id] if row_id else pd.Series(np.arange(len(later)))
    made = pd.DataFrame({"id": ids.to_numpy(), "probability": probability.round(9), "rank": rank, "decile": deciles_of(raw)})
    figures: dict[str, Any] = {"model": model.propensity.family, "calibration": model.propensity.calibrator.kind}
    figures |= {"train_rows": len(earlier), "columns": len(model.propensity.columns), "rows": len(later)}
    figures |= _judged(later, label, probability, raw)
    figures["validation"] = model.validation
    return made, figures


def told(figures: Mapping[str, Any]) -> str:
    """The figures as one line for people."""
    ending = f"({figures['model']}, {figures['rows']:.0f} rows)"
    if "brier" not in figures:
        return f"{figures['note']} {ending}"
    first = f"{figures['note']} " if figures["auc"] is None else f"AUC {figures['auc']:.4f} · average precision {figures['average_precision']:.4f} · "
    last = "" if figures["auc"] is None else (
        f" · lift of the top decile {figures['top_decile_lift']:.2f} · capture of the top 20 % {figures['top_fifth_capture']:.3f}"
    )  # fmt: skip
    return f"{first}Brier {figures['brier']:.4f} · calibration error {figures['calibration_error']:.4f}{last} {ending}"


def _judged(later: pd.DataFrame, label: str, probability: Any, raw: Any) -> dict[str, Any]:
    """The figures on the rows whose label is known; with one class only, those that need no second one, and a note."""
    if label not in later.columns:
        return {"note": f"The later table has no column {label!r}: scored, not evaluated."}
    labels = later[label].to_numpy(dtype=float)
    known = ~np.isnan(labels)
    if not known.any():
        return {"note": "No label of the later table is known: scored, not evaluated."}
    if len(np.unique(labels[known])) == 1:
        note = "All later rows have the same label: ranking cannot be measured."
        return {"note": note, **evaluate_one_sided(labels[known], probability[known])}
    return evaluate(labels[known], probability[known], raw[known]).as_dict()


def _read(file: Path, label: str, row_id: str | None, *, is_later: bool = False) -> pd.DataFrame:
    """A table with its label as 0 and 1; of a later table the label may be absent or not known yet."""
    if not file.is_file():
        raise ModelError(f"There is no file {file}; give the path of a parquet table.")
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as failed:
        raise ModelError(f"{file} is not a parquet table that can be read; write it again as parquet.") from failed
    for column in (*(() if is_later else (label,)), *([row_id] if row_id else [])):
        if column not in frame.columns:
            raise ModelError(f"{file} has no column {column!r}; its columns are {', '.join(map(str, frame.columns[:12]))}.")
    frame = frame.reset_index(drop=True)
    if label not in frame.columns:
        return frame
    labels = binary_labels(frame[label], str(file))
    if labels.isna().any() and not is_later:
        raise ModelError(f"{file}: {int(labels.isna().sum())} rows have no label in {label!r}; leave them out or wait until it is known.")
    return frame.assign(**{label: labels})
