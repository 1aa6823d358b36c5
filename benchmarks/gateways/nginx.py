"""nginx as the reference: a proxy in C that looks at nothing, answers unbuffered, uploads buffered, connections kept.

With ``proxy_buffering off`` it moves one ``proxy_buffer_size`` at a time, 4 KB by default, which makes it slower than some of
what it is compared with. So the reference has 16 KB, and a second one 64 KB, with which it keeps up with the load generator.
Requests are buffered in memory; in files, which is the default above 16 KB, they are two to four times slower. It writes an
access log, as every gateway here does.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.gateways.base import Launch, Place
from benchmarks.install import Toolbox, output_of

_CONFIG = """
user {user};
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 8192; }}
http {{
    access_log access.log;
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_buffering off;
    proxy_buffer_size {buffer}k;
    proxy_buffers 8 {buffer}k;
    proxy_busy_buffers_size {twice}k;
    client_body_buffer_size 64m;
    proxy_request_buffering on;
    proxy_read_timeout 600s;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    upstream stub {{
        server 127.0.0.1:{stub};
        keepalive 1024;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://stub; }}
    }}
}}
"""


@dataclass
class Nginx:
    """One worker. ``buffer``: ``proxy_buffer_size`` in KB."""

    name: str = "nginx"
    title: str = "nginx"
    buffer: int = 16
    _command: str = "nginx"

    def prepare(self, tools: Toolbox) -> str:
        """From Debian."""
        self._command = tools.command("nginx")
        return output_of([self._command, "-v"]).rpartition("/")[2]

    def launch(self, place: Place) -> Launch:
        """Everything relative to its folder, so that no rights are needed."""
        buffers = {"buffer": self.buffer, "twice": 2 * self.buffer}
        config = _CONFIG.format(user=getpass.getuser(), stub=place.stub_port, port=place.port, **buffers)
        (place.folder / "nginx.conf").write_text(config)
        return Launch([self._command, "-p", str(place.folder), "-e", "error.log", "-c", "nginx.conf"], {})

    def headers(self, stub_port: int) -> Mapping[str, str]:
        """Nothing is checked."""
        return {}
