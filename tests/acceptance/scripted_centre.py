"""A centre that says whatever the last two digits of a NIK ask it to: every code, in every shape, in both dialects.

```
POST /dukcapil/get_json/<shape>/<dialect>/CALL_NIK   NIK …CC ─► code CC, or a resident for CC = 99
```

It stands beside the mock centre, whose checks never let some codes happen to a gateway (07, 09, 15).
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from gateway.mock_siak.refusals import TEXTS

if TYPE_CHECKING:
    from typing import Self

RESIDENT = "99"
"""Last digits of a NIK that is answered with data."""

UNKNOWN = "Kode Tidak Dikenal"
SHAPES = ("respon", "respon_code", "response_desc")
DIALECTS = ("number", "string")


def said(code: str, shape: str, dialect: str) -> dict[str, Any]:
    """The object in `content` that says a code.

    Args:
        code: Two digits.
        shape: One of `SHAPES`.
        dialect: One of `DIALECTS`; numbers are unpadded.
    """
    text = TEXTS.get(code, UNKNOWN)
    shown = int(code) if dialect == "number" else code
    if shape == "respon":
        return {"RESPON": text}
    if shape == "respon_code":
        return {"RESPON": text, "RESPONSE_CODE": shown}
    return {"RESPONSE_CODE": shown, "RESPONSE_DESC": text, "RESPONSE": text}


def resident(nik: str, dialect: str) -> dict[str, Any]:
    """A resident's record whose numbers are all above 2^53."""
    record: dict[str, Any] = {"NIK": int(nik), "NAMA_LGKP": "YOHANA", "NO_KK": int(nik) + 1, "NO_KAB": 3}
    return record if dialect == "number" else {name: str(value) for name, value in record.items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Head and body leave together."""

    def do_POST(self) -> None:
        """Answer a question."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shape, dialect, _method = self.path.split("/")[3:]
        code = body["NIK"][-2:]
        first = resident(body["NIK"], dialect) if code == RESIDENT else said(code, shape, dialect)
        page = {"content": [first], "lastPage": True, "numberOfElements": 1, "sort": None, "totalElements": 1}
        answer = json.dumps({**page, "firstPage": True, "number": 0, "size": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class ScriptedCentre:
    """The centre, serving from threads of this process while the block runs."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
