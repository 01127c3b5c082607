"""An HTTP server that answers as a test tells it to."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAGE = """\
# HELP node_memory_MemFree_bytes Free memory.
# TYPE node_memory_MemFree_bytes gauge
node_memory_MemFree_bytes{site="lab"} 62607360
# TYPE node_network_receive_bytes_total counter
node_network_receive_bytes_total{device="netdev0",site="lab"} 1048576
# TYPE node_network_receive_errs_total counter
node_network_receive_errs_total{device="netdev0",site="lab"} 0
# TYPE unikraft_mutex_locks_total counter
unikraft_mutex_locks_total{site="lab"} 16
# TYPE node_scrape_collector_duration_seconds gauge
node_scrape_collector_duration_seconds{collector="time",site="lab"} 0.0026
# TYPE slim_exporter_build_info gauge
slim_exporter_build_info{site="lab",version="1.1.0"} 1
"""


@dataclass
class Answer:
    """What the server says next. ``drip`` seconds pass between two lines."""

    body: bytes = PAGE.encode()
    status: int = 200
    wait: float = 0.0
    drip: float = 0.0
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve ``answer``, which may be changed meanwhile; gives the URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.asked.append(self.path)
            time.sleep(answer.wait)
            self.send_response(answer.status)
            self.end_headers()
            try:
                for line in answer.body.splitlines(keepends=True):
                    self.wfile.write(line)
                    time.sleep(answer.drip)
            except OSError:
                pass

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
        finally:
            server.shutdown()
            thread.join()
