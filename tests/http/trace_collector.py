"""A collector of OpenTelemetry traces, run as a process: each span is a line of JSON on stdout.

The first line is the port. It takes OTLP over HTTP with protobuf, as the specification has it.
"""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            about = attributes(resource.resource.attributes)
            for scope in resource.scope_spans:
                for span in scope.spans:
                    line = {
                        "path": self.path,
                        "resource": about,
                        "name": span.name,
                        "kind": span.kind,
                        "status": span.status.code,
                        "trace": span.trace_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "ns": span.end_time_unix_nano - span.start_time_unix_nano,
                        "attributes": attributes(span.attributes),
                        "events": len(span.events),
                    }
                    print(json.dumps(line), flush=True)  # noqa: T201 - what the test reads
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


def attributes(found: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in found}


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_port, flush=True)  # noqa: T201
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)
