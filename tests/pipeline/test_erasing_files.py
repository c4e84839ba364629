"""What an erasure does with request files: refused ones that hold what was erased go, those that somebody is to deal with stay."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appetence.pipeline.erasing import _destroy_set_aside, _that_wait
from appetence.pipeline.rights_files import destroy_files


def test_refused_files_that_hold_what_was_erased_go_and_waiting_ones_stay(tmp_path: Path) -> None:
    ctx: Any = SimpleNamespace(config=SimpleNamespace(paths=SimpleNamespace(requests=str(tmp_path / "refused" / "requests"))))
    folder = Path(ctx.config.paths.requests) / "rights"
    (folder / "refused").mkdir(parents=True)
    for name, text in (("a.yaml", "zoe.martin@free.fr"), ("a.yaml.reason.txt", "why"), ("b.yaml", "else@free.fr")):
        (folder / "refused" / name).write_text(text, encoding="utf-8")
    (folder / "waits.yaml").write_text("zoe.martin@free.fr", encoding="utf-8")
    assert _that_wait(ctx) == [folder / "waits.yaml"]
    assert _destroy_set_aside(ctx, ["zoe.martin@free.fr"]) == 2 and _destroy_set_aside(ctx, []) == 0
    assert sorted(f.name for f in folder.rglob("*.yaml")) == ["b.yaml", "waits.yaml"]


def test_task_files_of_an_erasure_go_but_for_those_of_clients(tmp_path: Path) -> None:
    ctx: Any = SimpleNamespace(config=SimpleNamespace(paths=SimpleNamespace(reports=str(tmp_path)), members={"m01": None}))
    for who, name in (("m01", "q1"), ("m01", "q2"), ("r_vad", "q1")):
        file = tmp_path / "rights_tasks" / who / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}", encoding="utf-8")
    assert destroy_files(ctx, ["q1"], of_members_only=True) == 1 and destroy_files(ctx, []) == 0
    assert sorted(f.parent.name + f.name for f in tmp_path.rglob("*.json")) == ["m01q2.json", "r_vadq1.json"]
    assert destroy_files(ctx, ["q1", "q2"]) == 2
