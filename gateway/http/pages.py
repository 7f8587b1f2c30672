"""What the first pages show, public status and the API's documentation, drawn by the templates of `gateway.pages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.catalogue.bilingual import Bilingual
from gateway.contract.errors import every_error
from gateway.http.openapi import NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.contract.web import Response
    from gateway.http.system import ServiceState
    from gateway.pages import Pages
    from gateway.pages.language import Language

_WORDS = {
    "works": ("●", Bilingual("berjalan", "works")),
    "slow": ("◐", Bilingual("lambat", "slow")),
    "away": ("○", Bilingual("tidak menjawab", "away")),
    "off": ("–", Bilingual("dimatikan", "off")),
}
"""A sign and the words of each state; the colour never says it alone."""

_STILL = {
    "works": Bilingual("Semua layanan berjalan.", "Everything works."),
    "slow": Bilingual(
        "Pusat lambat menjawab. Permintaan tetap diterima dan dijawab bergiliran.",
        "The centre answers late. Requests are still taken and answered in turn.",
    ),
    "away": Bilingual(
        "Sebagian layanan pusat tidak menjawab. Data yang pernah dicari tetap dapat dibuka, lengkap dengan umurnya.",
        "Some of the centre's services do not answer. What was looked up before is still shown, with its age.",
    ),
}


def status_page(pages: Pages, services: Sequence[ServiceState], language: Language = "id") -> Response:
    """The public status page: what works, since when, and what still can be done."""
    words = {service.health for service in services}
    worst = "away" if "away" in words else "slow" if "slow" in words else "works"
    values = {
        "still": _STILL[worst],
        "services": services,
        "words": _WORDS,
        "waits": [_wait(service.eta_seconds) for service in services],
    }
    return pages.render("status.html", values, language=language, back="/status")


def _wait(seconds: float) -> Bilingual:
    if seconds < 1:
        return Bilingual("langsung", "at once")
    if seconds < 90:  # noqa: PLR2004 # minutes read better from there on
        return Bilingual(f"± {seconds:.0f} detik", f"± {seconds:.0f} seconds")
    return Bilingual(f"± {seconds / 60:.0f} menit", f"± {seconds / 60:.0f} minutes")


def docs_page(pages: Pages, document: dict[str, Any], language: Language = "id", back: str = "/docs") -> Response:
    """An API as a page, drawn from its own OpenAPI document; the page of the gateway's own lists those of adapters."""
    schemas = document["components"]["schemas"]
    values = {
        "info": document["info"],
        "back_to": document.get("externalDocs"),
        "native": NATIVE,
        "adapters": document.get("tags", ()),
        "operations": [
            _operation(method, path, operation, schemas)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ],
    }
    return pages.render("docs.html", values, language=language, back=back)


class Field(NamedTuple):
    """One field of a body or an answer, as the page shows it."""

    name: str
    kind: str
    description: str
    optional: bool


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, object]:
    responses = operation["responses"]
    good: dict[str, Any] = next(answer for status, answer in responses.items() if status < "4")
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "summary_id": operation["description"],
        "who": _who(operation),
        "takes": _fields(operation.get("requestBody", {}), schemas),
        "gives": _fields(good, schemas),
        "refusals": [(status, answer["description"]) for status, answer in responses.items() if status >= "4"],
    }


def _who(operation: dict[str, Any]) -> str:
    if "x-credentials" in operation:
        return "kredensial dalam panggilan / credentials in the call"
    schemes = [name for one in operation["security"] for name in one]
    return {"key": "kunci / key", "session": "petugas / people"}[schemes[0]] if schemes else "umum / public"


def _fields(told: dict[str, Any], schemas: dict[str, Any]) -> list[Field] | None:
    """The fields of the named schema that a body or an answer has as JSON; None where it has none."""
    schema = told.get("content", {}).get("application/json", {}).get("schema", {})
    if not schema:
        return None
    named = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], {})
    return list(_each(named))


def _each(named: dict[str, Any]) -> Iterator[Field]:
    required = set(named.get("required", ()))
    for name, field in named.get("properties", {}).items():
        yield Field(name, _kind(field), _described(field), name not in required)


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


def errors_page(pages: Pages, language: Language = "id") -> Response:
    """Every error code with its meaning in both languages; each has an anchor."""
    return pages.render("errors.html", {"errors": list(every_error())}, language=language, back="/docs/errors")
