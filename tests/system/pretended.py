"""A server that says what a test wants commands to hear."""

import contextlib
import fcntl
import http.server
import json
import os
import threading


@contextlib.contextmanager
def pretended_server(home, document):
    """Has the home for as long as the block lasts, and answers every GET with this document; gives its port."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server, open(home / "serve.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        port = server.server_address[1]
        (home / "serve.json").write_text(json.dumps({"pid": os.getpid(), "port": port}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield port
        finally:
            server.shutdown()
