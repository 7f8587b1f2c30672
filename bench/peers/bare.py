"""Bare servers beside which the gateway is measured: the same server, the same route, the same header fields.

Usage: bare.py MODE [CENTRE_TARGET]     prints its URL

fixed     Starlette on Granian, in one loop, answers a fixed body
aiohttp   the same, but each request asks the centre through aiohttp's client
httpx     the same through httpx's default client
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import uvloop
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.server import Listener

if TYPE_CHECKING:
    from starlette.requests import Request

FIXED = json.dumps({"status": "active", "resident": {f"FIELD_{n:02}": "X" * 14 for n in range(30)}}).encode()
HEADERS = {
    "x-request-id": "abcdefghjkmnpqrstuvw",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
    "age": "0",
    "cache-status": "siak-gateway; hit; ttl=3599",
}


async def main(mode: str, target: str, extra: dict[str, Any]) -> None:
    """Serve until SIGTERM."""
    aio = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) if mode == "aiohttp" else None
    plain = httpx.AsyncClient() if mode == "httpx" else None

    async def answer(request: Request) -> Response:
        body = await request.body()
        if mode == "fixed":
            return Response(FIXED, headers=HEADERS, media_type="application/json")
        asked = json.dumps({**extra, "nik": json.loads(body)["nik"]}).encode()
        if aio is not None:
            async with aio.post(target, data=asked, headers={"content-type": "application/json"}) as said:
                found = await said.read()
        elif plain is not None:
            found = (await plain.post(target, content=asked, headers={"content-type": "application/json"})).content
        return Response(found, headers=HEADERS, media_type="application/json")

    app = Starlette(routes=[Route("/v1/residents/lookup", answer, methods=["POST"])])
    listener = Listener(app, "127.0.0.1", 0)
    await listener.start()
    print(listener.url, flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await listener.stop()
    if aio is not None:
        await aio.close()
    if plain is not None:
        await plain.aclose()


uvloop.run(
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "", json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})
)
