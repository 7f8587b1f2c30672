"""The first pages: public status and the API's documentation. Plain HTML without scripts, Indonesian first."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from html import escape
from typing import TYPE_CHECKING, Any

from gateway.contract.errors import every_error
from gateway.http.openapi import NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.http.system import ServiceState

WIB = timezone(timedelta(hours=7), "WIB")

STYLE = b"""
:root{color-scheme:light;--ink:#0b0c0c;--soft:#505a5f;--line:#b1b4b6;--good:#00703c;--slow:#8a5a00;--bad:#b10e1e}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;color:var(--ink);background:#fff;
font:1.05rem/1.55 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.8rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:1rem 0 0}
p.en,span.en{color:var(--soft)}small{color:var(--soft)}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .6rem;border-bottom:1px solid var(--line)}
code{font:0.95em ui-monospace,Consolas,monospace;background:#f3f2f1;padding:.05em .3em;overflow-wrap:anywhere}
.state{font-weight:700;white-space:nowrap}.works{color:var(--good)}.slow{color:var(--slow)}
.away,.off{color:var(--bad)}
.method{display:inline-block;min-width:4rem;font-weight:700}
section{border-top:2px solid var(--ink);margin-top:1.5rem;padding-top:.5rem}
.scroll{overflow-x:auto}
a{color:#1d70b8}:focus{outline:3px solid #fd0;outline-offset:2px}
@media(max-width:600px){.stack thead{display:none}
.stack tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
.stack td{display:grid;grid-template-columns:8.5rem 1fr;border:0;padding:.15rem 0;
white-space:normal;overflow-wrap:anywhere}
.stack td::before{content:attr(data-label);color:var(--soft);font-weight:400}}
@media print{body{max-width:none}}
"""

_WORDS = {
    "works": ("● berjalan", "works"),
    "slow": ("◐ lambat", "slow"),
    "away": ("○ tidak menjawab", "away"),
    "off": ("– dimatikan", "off"),
}
_STILL = {
    "works": ("Semua layanan berjalan.", "Everything works."),
    "slow": (
        "Pusat lambat menjawab. Permintaan tetap diterima dan dijawab bergiliran.",
        "The centre answers late. Requests are still taken and answered in turn.",
    ),
    "away": (
        "Sebagian layanan pusat tidak menjawab. Data yang pernah dicari tetap dapat dibuka, lengkap dengan umurnya.",
        "Some of the centre's services do not answer. What was looked up before is still shown, with its age.",
    ),
}


def shell(title: str, body: str) -> str:
    """A whole page around a body of HTML."""
    return (
        '<!doctype html><html lang="id"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="/docs/style.css"></head><body><main>{body}</main></body></html>'
    )


def status_page(services: Sequence[ServiceState]) -> str:
    """The public status page: what works, since when, and what still can be done."""
    words = {service.health for service in services}
    worst = "away" if "away" in words else "slow" if "slow" in words else "works"
    indonesian, english = _STILL[worst]
    rows = "".join(_service_row(service) for service in services)
    heads = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    body = (
        "<h1>Status layanan kependudukan</h1>"
        f'<p>{indonesian}<br><span class="en" lang="en">{english}</span></p>'
        f'<table class="stack"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )
    return shell("Status layanan kependudukan", body)


def _service_row(service: ServiceState) -> str:
    indonesian, english = _WORDS[service.health]
    cells = (
        ("", f'<div>{escape(service.title_id)}<br><small lang="en">{escape(service.title)}</small></div>'),
        (f"state {service.health}", f'<div>{indonesian}<br><small lang="en">{english}</small></div>'),
        ("", local_time(service.since)),
        ("", str(service.queue)),
        ("", _wait(service.eta_seconds)),
    )
    row = "".join(
        f'<td class="{kind}" data-label="{column}">{cell}</td>'
        for column, (kind, cell) in zip(_COLUMNS, cells, strict=True)
    )
    return f"<tr>{row}</tr>"


_COLUMNS = ("Layanan", "Keadaan", "Sejak", "Antrean", "Perkiraan tunggu")


def local_time(instant: str | None) -> str:
    """An RFC 3339 instant as people here read it: dd-mm-yyyy HH:MM WIB; a dash for none."""
    if instant is None:
        return "–"
    return datetime.fromisoformat(instant).astimezone(WIB).strftime("%d-%m-%Y %H:%M WIB")


def _wait(seconds: float) -> str:
    return "langsung" if seconds < 1 else f"± {seconds:.0f} detik" if seconds < 90 else f"± {seconds / 60:.0f} menit"  # noqa: PLR2004 # minutes read better from there on


def docs_page(document: dict[str, Any]) -> str:
    """An API as a page, drawn from its own OpenAPI document; the page of the gateway's own lists those of adapters."""
    info, back = document["info"], document.get("externalDocs")
    sections = "".join(
        _operation(method, path, operation, document["components"]["schemas"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    body = (
        f"<h1>{escape(info['title'])}</h1><p>v{escape(info['version'])} · "
        f'{_leading(back)} · <a href="/docs/errors">kode kesalahan / error codes</a> · <a href="/status">status</a></p>'
        f"{_HEADING if back is None else _described_as(info)}{_adapters(document.get('tags', ()))}{sections}"
    )
    return shell(info["title"], body)


_HEADING = (
    "<p>Kirim kunci dengan <code>Authorization: Bearer sgw_…</code>. "
    "NIK dan nomor KK tidak pernah ada di alamat.</p>"
    '<p class="en" lang="en">Send your key as <code>Authorization: Bearer sgw_…</code>. '
    "Personal numbers never stand in an address.</p>"
)


def _leading(back: dict[str, Any] | None) -> str:
    if back is None:
        return f'<a href="{NATIVE}">openapi.json</a>'
    return '<a href="/docs">API gerbang / the gateway&#39;s own API</a>'


def _described_as(info: dict[str, Any]) -> str:
    return f"<p>{_marked(info['description'])}</p>"


def _adapters(tags: Iterable[dict[str, Any]]) -> str:
    """The adapters' documents, each with its page."""
    rows = "".join(
        f'<li><a href="/docs/apps/{escape(tag["name"])}">{escape(tag["description"])}</a> · '
        f'<a href="{escape(tag["externalDocs"]["url"])}">{escape(tag["name"])}.json</a></li>'
        for tag in tags
    )
    return f'<h2>Adaptor <span class="en" lang="en">Adapters</span></h2><ul>{rows}</ul>' if rows else ""


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    who = "kunci / key" if operation["security"] else "umum / public"
    if "x-credentials" in operation:
        who = "kredensial dalam panggilan / credentials in the call"
    refusals = "".join(
        f"<tr><td>{escape(status)}</td><td>{_marked(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    takes = f"<h3>Isi / body</h3>{_fields(body, schemas)}" if body else ""
    good = _good(operation["responses"])["content"].get("application/json", {}).get("schema", {})
    gives = f"<h3>Jawaban / answer</h3>{_fields(good, schemas)}" if good else ""
    return (
        f'<section id="{escape(operation["operationId"])}"><h2><span class="method">{escape(method.upper())}</span> '
        f"<code>{escape(path)}</code></h2><p>{escape(operation['description'])}<br>"
        f'<span class="en" lang="en">{escape(operation["summary"])}</span> · <small>{who}</small></p>{takes}{gives}'
        f'<h3>Penolakan / refusals</h3><div class="scroll"><table><tbody>{refusals}</tbody></table></div></section>'
    )


def _good(responses: dict[str, Any]) -> dict[str, Any]:
    """The one good answer of an operation."""
    found: dict[str, Any] = next(answer for status, answer in responses.items() if status.startswith("2"))
    return found


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The fields of a named schema as a table."""
    named = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], {})
    required = set(named.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' <small>opsional / optional</small>'}</td>"
        f"<td>{escape(_kind(field))}</td><td>{_marked(_described(field))}</td></tr>"
        for name, field in named.get("properties", {}).items()
    )
    return f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'


def _kind(field: dict[str, Any]) -> str:
    """What a field holds, in a word or two."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " | ".join(_kind(one) for one in field["anyOf"])
    return " | ".join(map(str, field["enum"])) if "enum" in field else str(field.get("type", "any"))


def _described(field: dict[str, Any]) -> str:
    given = [field, *field.get("anyOf", ())]
    return next((str(one["description"]) for one in given if "description" in one), "")


def _marked(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def errors_page() -> str:
    """Every error code with its meaning in both languages; each has an anchor."""
    return shell("Kode kesalahan", f"<h1>Kode kesalahan · Error codes</h1>{''.join(_errors())}")


def _errors() -> Iterable[str]:
    for error in every_error():
        retry = "dapat diulang / retryable" if error.retryable else "jangan diulang / not retryable"
        yield (
            f'<section id="{error.code}"><h2><code>{error.code}</code> {error.status}</h2>'
            f'<p>{escape(error.text_id)}<br><span class="en" lang="en">{escape(error.text())}</span></p>'
            f"<p><small>{retry} · executed: {', '.join(error.executed_words())}</small></p></section>"
        )
