"""A batch's report as one HTML page that needs nothing else: counts, then a line with a thumbnail for every item."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from ..files import whole_file
from ..worker.messages import clock

MAX_THUMBNAILS = 1000  # more make the page too large to open

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1100px;padding:0 1em;color:#222;background:#fafafa}
h1{font-size:20px;margin-bottom:.2em} dl{display:flex;gap:2em;flex-wrap:wrap;margin:1em 0}
dt{color:#666;font-size:12px} dd{margin:0;font-size:18px} table{border-collapse:collapse;width:100%;background:#fff}
td,th{padding:6px 10px;border-bottom:1px solid #e4e4e4;text-align:left;vertical-align:top} th{font-size:12px;color:#666}
td.n{text-align:right;font-variant-numeric:tabular-nums} img{display:block;max-width:96px;max-height:96px}
.failed{background:#fdecea} .waiting{color:#888} .note{color:#8a5a00;font-size:12px} .bad{color:#a11;font-size:12px}
code{font-size:12px;color:#555}
"""


def write_page(path: Path, facts: Mapping[str, Any], items: Iterable[Mapping[str, Any]], folder: Path) -> None:
    """`facts` of the whole, `items` one by one, `folder` of the thumbnails. Raises: OutputError."""
    with whole_file(path) as part, part.open("w", encoding="utf-8") as file:
        name = html.escape(Path(str(facts["batch"])).name)
        file.write(f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>\n')
        file.write(f"<style>{_STYLE}</style>\n")
        file.write(f"<h1>{name}: {html.escape(_state(facts))}</h1><code>{html.escape(str(facts['batch']))}</code>\n")
        _counts(file, facts)
        file.write("<table><tr><th></th><th>item</th><th>frames</th><th>seconds</th><th>face</th><th>notes</th></tr>\n")
        for count, item in enumerate(items):
            file.write(_row(item, folder if count < MAX_THUMBNAILS else None))
        file.write(f"</table><p class=waiting>Gioconda {html.escape(str(facts['gioconda']))}</p></html>\n")


def _state(facts: Mapping[str, Any]) -> str:
    if facts["state"] == "stopped":
        return f"stopped. {facts['reason']}"
    return "done" if facts["state"] == "done" else f"{facts['failed']} of {facts['items']} items failed"


def _counts(file: IO[str], facts: Mapping[str, Any]) -> None:
    shown = {
        "items": facts["items"],
        "done": facts["done"],
        "failed": facts["failed"],
        "not begun": facts["waiting"],
        "left out": facts["excluded"],
        "frames rendered": facts["rendered"],
        "kept": facts["kept"],
        "repaired": facts["repaired"],
        "time": clock(facts["seconds"]),
        "frames a second": facts["frames_per_second"],
        "size": _size(facts["bytes"]),
        "with notes": facts["with_warnings"],
    }
    entries = "".join(f"<div><dt>{name}</dt><dd>{html.escape(str(value))}</dd></div>" for name, value in shown.items())
    file.write(f"<dl>{entries}</dl>\n")


def _row(item: Mapping[str, Any], folder: Path | None) -> str:
    seconds = item.get("seconds") or {}
    timing = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items() if value >= 0.05)
    notes = [f"<div class=note>{html.escape(str(text))}</div>" for text in item.get("warnings", ())]
    if item.get("state") == "failed":
        notes.insert(0, f"<div class=bad>{html.escape(str(item.get('text', '')))}</div>")
    if item.get("attempts", 1) > 1:
        notes.append(f"<div class=note>attempt {item['attempts']}</div>")
    if item.get("log"):
        notes.append(f'<a href="{html.escape(str(item["log"]))}"><code>log</code></a>')
    frames = f"{item.get('rendered', 0)} + {item.get('kept', 0)} kept" if item.get("kept") else item.get("rendered", "")
    score = f"{item['score']:.2f}" if "score" in item else ""
    where = f"<br><code>{html.escape(str(item['output']))}</code>" if item.get("exr", "output" in item) else ""
    where += "".join(f"<br>{_link(Path(file))}" for file in item.get("files", ()) if Path(file).is_file())
    return (
        f'<tr class="{html.escape(str(item.get("state", "")))}"><td>{_thumb(item, folder)}</td>'
        f"<td>{html.escape(str(item['name']))}{where}</td><td class=n>{frames}</td>"
        f'<td class=n title="{html.escape(timing)}">{sum(seconds.values()):.1f}</td><td class=n>{score}</td>'
        f"<td>{''.join(notes)}</td></tr>\n"
    )


def _link(file: Path) -> str:
    """To a video, an atlas or the first of the pictures."""
    return f'<a href="{html.escape(file.absolute().as_uri())}"><code>{html.escape(file.name)}</code></a>'


def _thumb(item: Mapping[str, Any], folder: Path | None) -> str:
    if folder is None or not item.get("thumb"):
        return ""
    try:
        data = base64.b64encode((folder / str(item["thumb"])).read_bytes()).decode()
    except OSError:
        return ""
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
