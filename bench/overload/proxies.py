"""The peers: proxies in front of the centre, as they come and as an expert who knows the centre would set them.

The hand-tuned ones are told what no product can know: that the centre serves 20 calls at once.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_READY_SECONDS = 20.0

NGINX = """
{user}daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {zone}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass {origin}; {limit} }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 9800
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 10s
  timeout queue 4s
  option abortonclose
  option http-keep-alive
listen centre
  bind 127.0.0.1:{port} backlog 4096
  server centre {host} maxconn {places}
"""

ENVOY = """
admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }} }}
static_resources:
  listeners:
  - name: door
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: door
          route_config:
            virtual_hosts:
            - name: centre
              domains: ["*"]
              routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: centre }} }} ]
          http_filters:
          - name: envoy.filters.http.adaptive_concurrency
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency
              gradient_controller_config:
                sample_aggregate_percentile: {{ value: 90 }}
                concurrency_limit_params: {{ concurrency_update_interval: 0.1s }}
                min_rtt_calc_params: {{ jitter: {{ value: 10 }}, interval: 60s, request_count: 50 }}
              enabled: {{ default_value: true, runtime_key: adaptive_concurrency.enabled }}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: centre
    connect_timeout: 1s
    type: STATIC
    circuit_breakers:
      thresholds: [ {{ max_connections: 16000, max_pending_requests: 16000, max_requests: 16000 }} ]
    load_assignment:
      cluster_name: centre
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: {address}, port_value: {number} }} }} }}
"""


def installed(program: str) -> bool:
    """Whether a peer's program is on this machine."""
    return shutil.which(program) is not None


@contextmanager
def nginx(folder: Path, origin: str, places: int | None = None) -> Iterator[str]:
    """nginx; with `places`, no more than that many calls at once and an instant 503 for the rest. Its URL."""
    port = _free_port()
    text = NGINX.format(
        user="user root; " if os.getuid() == 0 else "",
        folder=folder,
        port=port,
        origin=origin,
        zone="" if places is None else "limit_conn_zone $server_port zone=centre:1m; limit_conn_log_level info;",
        limit="" if places is None else f"limit_conn centre {places}; limit_conn_status 503; proxy_connect_timeout 1s;",
    )
    config = _write(folder / "nginx.conf", text)
    with _running(["nginx", "-c", str(config), "-p", str(folder)], port, folder) as url:
        yield url


@contextmanager
def haproxy(folder: Path, origin: str, places: int) -> Iterator[str]:
    """HAProxy with `places` connections to the centre and a bounded wait for one; its URL."""
    port = _free_port()
    text = HAPROXY.format(port=port, host=origin.partition("//")[2], places=places)
    with _running(["haproxy", "-f", str(_write(folder / "haproxy.cfg", text))], port, folder) as url:
        yield url


@contextmanager
def envoy(folder: Path, origin: str) -> Iterator[str]:
    """Envoy with its adaptive concurrency filter, set as in its documentation; its URL."""
    port = _free_port()
    address, _, number = origin.partition("//")[2].partition(":")
    config = _write(folder / "envoy.yaml", ENVOY.format(port=port, address=address, number=number))
    command = ["envoy", "-c", str(config), "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]
    with _running(command, port, folder) as url:
        yield url


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


@contextmanager
def _running(command: Sequence[str], port: int, folder: Path) -> Iterator[str]:
    """A peer's process, once its port answers.

    Raises:
        RuntimeError: It ended, or does not answer in time; the text holds the end of what it said.
    """
    said = folder / "said.log"
    with said.open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_port(child, port, said)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


def _await_port(child: subprocess.Popen[bytes], port: int, said: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"the peer is not ready: {said.read_text(encoding='utf-8', errors='replace')[-1000:]}")
