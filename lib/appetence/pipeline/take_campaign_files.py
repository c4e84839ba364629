"""What a client hands in for one campaign (its customers, its bad debts, whom it has mailed) as keyed hashes that serve this campaign alone.

Files are `<requests>/campaign_files/<campaign_id>_<kind>.csv`, in the columns of an external list. They are destroyed once their hashes are
written; the hashes go by their date (`maintain_tables`), which is as long after the drop date as the campaign keeps its own files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appetence.contracts.bronze import RawRecord
from appetence.contracts.campaign import CampaignFile
from appetence.contracts.domain import Use
from appetence.contracts.local import local_frame
from appetence.contracts.specs import CampaignSpec
from appetence.errors import RightsError
from appetence.pipeline.context import Context
from appetence.pipeline.people import list_hashes
from appetence.pipeline.set_aside import set_aside
from appetence.privacy import suppressions as s

KINDS = ("customers", "bad_debt", "prior_mailing")


@dataclass(frozen=True)
class _File:
    spec: CampaignSpec
    kind: str
    reading: s.Reading

    @property
    def destroy_by(self) -> dt.date:
        return self.spec.drop_date + dt.timedelta(days=self.spec.destroy_after_days)


def take_campaign_files(ctx: Context) -> dict[str, Any]:
    """Writes gold.campaign_file. Counts and faults; a file that cannot be taken stays, lines that cannot are set aside under `refused/`."""
    taken, faults = _read_all(ctx, Path(ctx.config.paths.requests) / "campaign_files")
    rows = _write(ctx, taken)
    if not ctx.dry_run:
        for path, file in taken.items():
            set_aside(path, s.PERSON_COLUMNS, file.reading.refused)
            path.unlink(missing_ok=True)
    return {"files": len(taken), "lines": sum(len(f.reading.lines) for f in taken.values()), "hashes": rows, "faults": faults}


def _read_all(ctx: Context, folder: Path) -> tuple[dict[Path, _File], list[str]]:
    taken: dict[Path, _File] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.csv")):
        try:
            spec, kind = campaign_and_kind(path.stem, ctx.config.campaigns)
            if spec.drop_date < ctx.as_of:
                raise RightsError(f"{path.name}: its campaign dropped on {spec.drop_date}, so it serves nothing any more; destroy the file.")
            taken[path] = _File(spec, kind, s.read_list(path.read_bytes(), path.name, None))
            faults += taken[path].reading.faults
        except RightsError as refused:
            faults.append(str(refused))
    return taken, faults


def campaign_and_kind(stem: str, campaigns: Mapping[str, CampaignSpec]) -> tuple[CampaignSpec, str]:
    """`noel_vad_bad_debt` as campaign and kind; RightsError when it names no prospect campaign, or no kind of file."""
    for kind in KINDS:
        spec = campaigns.get(stem.removesuffix(f"_{kind}")) if stem.endswith(f"_{kind}") else None
        if spec is not None and spec.product != Use.PROSPECT:
            raise RightsError(f"{stem}.csv: {spec.campaign_id} works on the client's own base; such files are for prospect campaigns, remove it.")
        if spec is not None:
            return spec, kind
    raise RightsError(f"{stem}.csv: a client's file is named <campaign>_<kind>.csv, of a known campaign, kind {' or '.join(KINDS)}; rename it.")


def _write(ctx: Context, taken: Mapping[Path, _File]) -> int:
    # All files are standardised together; the scope of a line says which one it came from.
    lines = [replace(line, scope=path.stem) for path, file in taken.items() for line in file.reading.lines]
    if not lines:
        return 0
    shape = f"{RawRecord.member_id} string, {CampaignFile.campaign_id} string, {CampaignFile.kind} string, {CampaignFile.destroy_by} date"
    serves = [(path.stem, file.spec.campaign_id, file.kind, file.destroy_by) for path, file in taken.items()]
    hashes = list_hashes(ctx, lines, "campaign_files")
    written = ctx.lake.upsert(CampaignFile, s.build_campaign_files(hashes, local_frame(ctx.spark, serves, shape), ctx.config.privacy.pepper_version))
    return written.inserted + written.updated
