import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from events import handle


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        handle(json.loads(body), self.headers["webhook-id"])
        self.send_response(204)  # only now: what is not answered comes again
        self.end_headers()


server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Hook)
print("ready")
server.serve_forever()
