"""A page on the loopback address that shows the portrait live (Motion JPEG): for browsers, and OBS's browser source.

Each picture says in its metadata that it is synthetic media (IPTC digital source type, XMP). Requests that name
another host than this machine are refused, so that no website can read the pictures through the visitor's browser.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ..arrays import UInt8
from ..errors import InputError
from ..imaging import resample
from ..imaging.exr import STATEMENT
from .receiver import LOOPBACK
from .renderer import Newest

PORT = 8765
MOST_VIEWERS = 8
_BOUNDARY = "gioconda-frame"
_XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Gioconda live</title>
<style>html,body{margin:0;height:100%;background:#222;color:#ddd;font:14px system-ui,sans-serif}
img{display:block;max-width:100%;max-height:calc(100% - 3em);margin:auto}p{text-align:center;margin:.6em}</style>
<img src="/stream.mjpg" alt="the portrait, live"><p><button onclick="fetch('/calibrate',{method:'POST'})">This is my
neutral face</button> <span id="s"></span></p><script>setInterval(async()=>{const r=await fetch('/status');
document.getElementById('s').textContent=(await r.json()).text},1000)</script>"""


def with_credentials(jpeg: bytes, source_type: str) -> bytes:
    """A JPEG with XMP that says what it is: IPTC's digital source type and a statement."""
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'Iptc4xmpExt:DigitalSourceType="{source_type}"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{STATEMENT}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
    body = _XMP_NAMESPACE + xmp
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


class Page:
    """The server. A context."""

    def __init__(
        self,
        newest: Newest[UInt8],
        *,
        source_type: str,
        calibrate: Callable[[], None],
        status: Callable[[], dict[str, Any]],
        host: str = LOOPBACK,
        port: int = PORT,
    ) -> None:
        """Raises: InputError: the port is taken."""
        self._newest, self._source_type = newest, source_type
        self.calibrate, self.status = calibrate, status
        self.viewers = 0
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._encoded: tuple[int, bytes] = (0, b"")
        try:
            self._server = ThreadingHTTPServer((host, port), partial(_Handler, self))
        except OSError as error:
            raise InputError(
                f"The page cannot be at {host}, port {port} ({error.strerror or error}): choose another with --page."
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="live page", daemon=True)

    @property
    def address(self) -> str:
        """The page's, for a browser."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def is_ours(self, host: str | None) -> bool:
        """Whether a request's Host is this server's own address."""
        own, port = self._server.server_address[:2]
        return host in {f"{name}:{port}" for name in (str(own), "localhost", LOOPBACK)}

    def jpeg_after(self, seen: int) -> tuple[int, bytes]:
        """The newest picture's number and JPEG once there is one newer than `seen`; the same number: none came."""
        number, srgb = self._newest.wait(seen, 1.0)
        if srgb is None or number == seen:
            return seen, b""
        with self._lock:  # several viewers, one encoding
            if self._encoded[0] != number:
                self._encoded = number, with_credentials(resample.encode_jpeg(srgb), self._source_type)
            return self._encoded

    def join(self, change: int) -> bool:
        """Count a viewer in or out; False: there are too many."""
        with self._lock:
            if self.viewers + change > MOST_VIEWERS:
                return False
            self.viewers += change
            return True


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "Gioconda", ""
    timeout = 10  # seconds that a viewer may be deaf

    def __init__(self, page: Page, *arguments: Any) -> None:
        self.page = page
        super().__init__(*arguments)

    def do_GET(self) -> None:
        if not self.page.is_ours(self.headers.get("Host")):
            self.send_error(403)
        elif self.path == "/":
            self._send(_PAGE.encode(), "text/html; charset=utf-8")
        elif self.path == "/status":
            self._send(json.dumps(self.page.status()).encode(), "application/json")
        elif self.path == "/stream.mjpg":
            self._stream()
        elif self.path == "/frame.jpg":
            self._send(self.page.jpeg_after(0)[1], "image/jpeg")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        origin = self.headers.get("Origin")
        if not self.page.is_ours(self.headers.get("Host")) or (
            origin is not None and not self.page.is_ours(origin.removeprefix("http://"))
        ):
            self.send_error(403)
        elif self.path == "/calibrate":
            self.page.calibrate()
            self._send(b"{}", "application/json")
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        if not self.page.join(1):
            self.send_error(503)
            return
        try:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            seen, spoke = 0, time.monotonic()
            while not self.page.over.is_set():
                number, jpeg = self.page.jpeg_after(seen)
                if number == seen:
                    if time.monotonic() - spoke < 5 or not seen:
                        continue
                    number, jpeg = self.page.jpeg_after(0)  # so that a viewer who has gone is noticed
                seen, spoke = number, time.monotonic()
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
        except OSError:  # the viewer has gone
            self.close_connection = True
        finally:
            self.page.join(-1)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests are no news."""
