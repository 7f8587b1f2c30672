"""The adapter's OpenAPI document: its addresses, what is sent to them, what they answer; and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema_rs

if TYPE_CHECKING:
    from tests.adapters.dukcapil_ws.stage import Face


def test_its_addresses_have_a_document_of_their_own(face: Face) -> None:
    """Our own API leaves them out, for they speak the service's dialect, and leads to where they are described."""
    ours = face.rig.document
    assert not any("get_json" in path for path in ours["paths"])
    (linked,) = ours["tags"]
    assert (linked["name"], linked["externalDocs"]["url"]) == ("dukcapil_ws", "/openapi/dukcapil_ws.json")
    theirs = face.rig.get(linked["externalDocs"]["url"]).json
    assert theirs["externalDocs"]["url"] == "/openapi.json"
    mounted = [one.route for one in face.rig.gateway.generation.public.mounted if one.extension == "dukcapil_ws"]
    described = {(path, verb.upper()) for path, methods in theirs["paths"].items() for verb in methods}
    assert described == {(route.path, route.method) for route in mounted}
    operations = [operation for methods in theirs["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == 7


def test_its_document_says_what_is_sent_and_answered(face: Face) -> None:
    """Credentials in the call, JSON or form, the service's page, and refusals in its words; a real answer fits it."""
    theirs = face.rig.get("/openapi/dukcapil_ws.json").json
    posts = [methods["post"] for methods in theirs["paths"].values()]
    for post in posts:
        assert (post["security"], post["x-credentials"]) == ([], "in the call itself")
        assert set(post["requestBody"]["content"]) == {"application/json", "application/x-www-form-urlencoded"}
        assert set(post["responses"]) == {"200", "default"}
    query = {one["name"] for one in theirs["paths"]["/ws_server/get_json/{institution}/{method}"]["get"]["parameters"]}
    assert query == {"institution", "method", "USER_ID", "PASSWORD", "NIK"}
    schemas = theirs["components"]["schemas"]
    call = face.call("dukcapil_sampang", face.rig.nik("active", 9))
    answer = face.post(face.rig.url, "dukcapil_sampang", call).json
    refused = face.post(face.rig.url, "dukcapil_sampang", {**call, "password": "salah"}).json
    for name, value in (("DukcapilCall", call), ("DukcapilPage", answer), ("DukcapilPage", refused)):
        jsonschema_rs.validate({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}, value)


def test_its_page_is_listed_where_the_api_is_read(face: Face) -> None:
    """`/docs` leads to the adapter's page and document; the page leads back, and says whose credentials are wanted."""
    page = face.rig.get("/docs").body.decode()
    for link in ("/docs/apps/dukcapil_ws", "/openapi/dukcapil_ws.json"):
        assert f'href="{link}"' in page
    theirs = face.rig.get("/docs/apps/dukcapil_ws").body.decode()
    assert 'href="/docs"' in theirs
    assert "/dukcapil/get_json/{group}/{institution}/{method}" in theirs
    assert theirs.count("credentials in the call") == 4
    assert "quotaLimiter" in theirs
    for path in ("/docs/apps/metrics", "/openapi/nobody.json"):
        face.rig.refused(face.rig.get(path), 404, "not_found")
