"""nginx with `proxy_cache` in front of an origin: one worker, POST bodies as part of the key."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG = """
{user}daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=answers:32m inactive=1h;
  client_body_buffer_size 64k;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {origin};
      proxy_cache answers; proxy_cache_methods POST; proxy_cache_key "$request_uri|$request_body";
      proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Expires;
    }}
  }}
}}
"""


def installed() -> bool:
    """Whether nginx is on this machine."""
    return shutil.which("nginx") is not None


@contextmanager
def nginx(folder: Path, origin: str) -> Iterator[str]:
    """A running nginx; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(user="user root; " if os.getuid() == 0 else "", folder=folder, port=port, origin=origin),
        encoding="utf-8",
    )
    child = subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        while child.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()
