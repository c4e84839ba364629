"""What a person is given: everything held, readable and as a machine file (access), or what they provided, to take elsewhere (portability).

The contracts' personal-data tags drive both, as they drive the erasure: what is shown is what would be purged. Ids by which the operator
ties rows together are not shown: they mean nothing outside and would link a person's files with each other.
"""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from appetence.contracts.base import REGISTRY, Field, Table
from appetence.contracts.bronze import RawPermission, RawRecord, RawTransaction
from appetence.privacy import answer_words as words
from appetence.privacy.erasure import Target, targets_of

_SHOWN_IDS = ("member_id", "campaign_id", "recipient_id", "client_id", "export_id", "instruction_id", "delivery_id", "list_id")
PORTABLE: Mapping[str, type[Table]] = {"customers": RawRecord, "transactions": RawTransaction, "permissions": RawPermission}
"""Files of a portability answer: those of a delivery, in our own column names, so that any member's receipt can take them."""

Row = Mapping[str, Any]


def held_tables(registry: Mapping[str, type[Table]] = REGISTRY) -> list[Target]:
    """How access reaches every table that erasure reaches, one entry per table: by its subject."""
    found = []
    for _, table in sorted(registry.items()):
        if table.keeps_after_erasure is None and table.subject is not None:
            found += [t for t in targets_of(table) if t.column == str(table.subject)]
    return found


def kept_tables(registry: Mapping[str, type[Table]] = REGISTRY) -> dict[str, str]:
    """Tables that survive an erasure, and why: an access answer names them."""
    return {name: table.keeps_after_erasure for name, table in sorted(registry.items()) if table.keeps_after_erasure}


def shown_fields(table: type[Table]) -> list[Field]:
    """The columns of a table that its subject is shown: all but the operator's own ids."""
    return [f for f in table.content() if f.personal or not _is_own_id(f)]


def _is_own_id(field: Field) -> bool:
    name = str(field)
    return (name.endswith("_id") and name not in _SHOWN_IDS) or name in ("record_a", "record_b", "merge_unit")


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def access_document(request_id: str, as_of: dt.date, held: Mapping[str, Sequence[Row]], context: Mapping[str, Any]) -> dict[str, Any]:
    """Everything held, by table, as one JSON-ready document.

    `held`: full table name -> rows (by column). `context`: purposes, sources, recipients, retention: what article 15 adds.
    """
    tables = []
    for name, rows in sorted(held.items()):
        fields = shown_fields(REGISTRY[name])
        listed = sorted(({str(f): plain(r[f]) for f in fields} for r in rows), key=lambda r: json.dumps(r, sort_keys=True, default=str))
        columns = [{"name": str(f), "meaning": f.comment, "kind": str(f.personal) if f.personal else "technical"} for f in fields]
        said = {"table": name, "title": words.TITLES.get(name, name), "what": REGISTRY[name].grain()}
        tables.append({**said, "columns": columns, "rows": listed})
    return {
        "request_id": request_id, "answered_on": as_of.isoformat(), **{k: plain(v) for k, v in context.items()}, "data": tables,
        "kept_after_an_erasure": [{"table": name, "why": words.KEPT.get(name, why)} for name, why in kept_tables().items()],
    }  # fmt: skip


def as_json(document: Mapping[str, Any]) -> str:
    """The machine file."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=False) + "\n"


def as_html(document: Mapping[str, Any]) -> str:
    """The readable file, in French: one self-contained page, every value escaped."""
    day = "/".join(reversed(str(document["answered_on"]).split("-")))
    parts = [_HEAD, f"<h1>Ce que nous savons de vous</h1><p>Réponse du {_text(day)} à la demande {_text(document['request_id'])}.</p>"]
    parts += [f"<h2>{_text(title)}</h2>{_listed(document[key])}" for key, title in words.HEADINGS.items() if key in document]
    parts += [f"<h2>{_text(table['title'])}</h2>{_table(table['columns'], table['rows'])}" for table in document["data"]]
    kept = [k["why"] for k in document["kept_after_an_erasure"]]
    parts.append(f"<h2>Ce qui resterait après un effacement</h2><p>Rien de cela ne contient une coordonnée lisible.</p>{_listed(kept)}")
    return "\n".join([*parts, "</main></body></html>\n"])


def _table(columns: Sequence[Row], rows: Sequence[Row]) -> str:
    if not rows:
        return "<p>Rien.</p>"
    head = "".join(f'<th title="{_text(c["meaning"])}">{_text(c["name"])}</th>' for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{_text(row[c['name']])}</td>" for c in columns) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        value = [f"{k}: {v}" for k, v in value.items()]
    if isinstance(value, list | tuple):
        return "<ul>" + "".join(f"<li>{_text(v)}</li>" for v in value) + "</ul>" if value else "<p>Aucun.</p>"
    return f"<p>{_text(value)}</p>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(", ".join(map(str, value)) if isinstance(value, list) else str(value))


_HEAD = """<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ce que nous savons de vous</title><style>
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1c1c1c;background:#fff}main{max-width:72rem;margin:auto;padding:1rem}
h1{font-size:1.6rem}h2{font-size:1.1rem;margin-top:2rem}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
th,td{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}th{background:#f2f2f2}
</style></head><body><main>"""


def portable_fields(table: type[Table]) -> list[str]:
    """What the person provided, in the order of the contract."""
    return [str(f) for f in table.content() if f.provided]


def as_csv(table: type[Table], rows: Iterable[Row]) -> str:
    """One file of a portability answer: UTF-8, semicolons, the header in our column names, lines sorted; receipt takes it as it is."""
    fields = portable_fields(table)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(fields)
    writer.writerows(sorted(["" if r[f] is None else str(r[f]) for f in fields] for r in rows))
    return out.getvalue()
