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
from appetence.propensity.metrics import checked, deciles_of, evaluate
from appetence.propensity.tables import Encoder
from appetence.propensity.training import CUTOFF, LABEL, Sample, Trained, fit, fit_crossed
from appetence.runtime.config import Config
from appetence.runtime.console import say


def bench_propensity(config: Config, train: Path, test: Path, label: str, row_id: str | None, out: Path, scores: Path) -> int:
    """Fits on `train`, evaluates on `test`; writes figures as JSON and `id, probability, rank, decile` as parquet. 0 when done."""
    started = time.perf_counter()
    earlier, later = (_read(f, label, row_id) for f in (train, test))
    made, figures = measure(earlier, later, label, row_id, config.propensity.seed)
    figures["seconds"] = round(time.perf_counter() - started, 2)
    for file in (out, scores):
        file.parent.mkdir(parents=True, exist_ok=True)
    made.to_parquet(scores, index=False)
    out.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    say(told(figures))
    return 0


def measure(earlier: pd.DataFrame, later: pd.DataFrame, label: str, row_id: str | None, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Scores of the later rows and the figures; the later labels are read only to compute figures, after scoring."""
    inputs = [c for c in earlier.columns if c not in (label, row_id)]
    if not inputs:
        raise ModelError("The training table holds no column but the label and the id; give it features.")
    checked(earlier[label].to_numpy(dtype=float))
    trained, encoder = _trained(earlier, inputs, label, row_id, seed)
    values = trained.propensity.matrix(encoder.transform(later))
    raw = trained.propensity.raw(values)
    probability = trained.propensity.calibrator(raw)
    order = np.lexsort((np.arange(len(raw)), -raw))
    rank = np.empty(len(raw), dtype=np.int64)
    rank[order] = np.arange(1, len(raw) + 1)
    ids = later[row_id] if row_id else pd.Series(np.arange(len(later)))
    made = pd.DataFrame({"id": ids.to_numpy(), "probability": probability.round(9), "rank": rank, "decile": deciles_of(raw)})
    figures: dict[str, Any] = {"model": trained.propensity.family, "calibration": trained.propensity.calibrator.kind}
    figures |= {"train_rows": len(earlier), "columns": len(trained.propensity.columns)}
    figures |= evaluate(later[label].to_numpy(dtype=float), probability, raw).as_dict()
    figures["validation"] = {f: dict(v) for f, v in trained.validation.items()}
    return made, figures


def told(figures: Mapping[str, Any]) -> str:
    """The figures as one line for people."""
    return (
        f"AUC {figures['auc']:.4f} · average precision {figures['average_precision']:.4f} · Brier {figures['brier']:.4f} · "
        f"calibration error {figures['calibration_error']:.4f} · lift of the top decile {figures['top_decile_lift']:.2f} · "
        f"capture of the top 20 % {figures['top_fifth_capture']:.3f} ({figures['model']}, {figures['rows']:.0f} rows)"
    )


def _trained(earlier: pd.DataFrame, inputs: list[str], label: str, row_id: str | None, seed: int) -> tuple[Trained, Encoder]:
    """With a `cutoff` column of several dates the last one calibrates; without, rows are cross-fitted by whole ids."""
    labels = earlier[label].astype(int)
    moments = sorted(earlier[CUTOFF].dropna().unique()) if CUTOFF in inputs else []
    columns = [c for c in inputs if c != CUTOFF]
    if len(moments) >= 2:
        is_last = (earlier[CUTOFF] == moments[-1]).to_numpy()
        encoder, numbers = Encoder.fit(earlier[~is_last], columns, labels[~is_last], seed)
        early, last = numbers.assign(**{LABEL: labels[~is_last]}), encoder.transform(earlier[is_last]).assign(**{LABEL: labels[is_last]})
        return fit(Sample(early), Sample(last), list(numbers.columns), seed=seed), encoder
    encoder, numbers = Encoder.fit(earlier, columns, labels, seed)
    groups = earlier[row_id].astype(str).to_numpy() if row_id else np.arange(len(earlier)).astype(str)
    return fit_crossed(Sample(numbers.assign(**{LABEL: labels})), list(numbers.columns), groups, seed=seed), encoder


def _read(file: Path, label: str, row_id: str | None) -> pd.DataFrame:
    if not file.is_file():
        raise ModelError(f"There is no file {file}; give the path of a parquet table.")
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as failed:
        raise ModelError(f"{file} is not a parquet table that can be read; write it again as parquet.") from failed
    for column in (label, *([row_id] if row_id else [])):
        if column not in frame.columns:
            raise ModelError(f"{file} has no column {column!r}; its columns are {', '.join(map(str, frame.columns[:12]))}.")
    if frame[label].isna().any() or not set(pd.to_numeric(frame[label], errors="coerce").unique()) <= {0, 1}:
        raise ModelError(f"{file}: the label column {label!r} must hold 0 and 1 only.")
    return frame.reset_index(drop=True)
