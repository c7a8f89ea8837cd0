"""Stands for a gateway: its keys, its stream and its token endpoint, which answer as the test sets them."""

import base64
import json
import queue
import select
import threading
import time
import urllib.parse
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


class Gateway:
    def __init__(self):
        #: Each connection of the stream takes what is to be sent.
        self.events = queue.Queue()
        #: What each connection of the stream named as the last event that it knows.
        self.connections = []
        self.exchanges = 0
        self.exchange = refuse
        self.is_down = False
        #: The last event whose subscribers are answered 400.
        self.refused = None
        self._generation = 0
        self._turn = threading.Lock()
        self._keys = {}
        self.rotate("first")
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.endswith("/stream"):
                    gateway._stream(self)
                else:
                    answer(self, 200, {"keys": [_jwk_of(kid, key) for kid, key in gateway._keys.items()]})

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                if form["grant_type"] + form["subject_token_type"] != [
                    "urn:ietf:params:oauth:grant-type:token-exchange",
                    "urn:vestibule:params:oauth:token-type:api_key",
                ]:
                    raise ValueError("another form than the gateway takes")
                gateway.exchanges += 1
                gateway.exchange(self, form["subject_token"][0])

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 1000

            def handle_error(self, *_):
                pass  # Its caller has left.

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self.hang_up()
        self._server.shutdown()
        self._server.server_close()

    def hang_up(self):
        """Ends all connections of the stream."""
        self._generation += 1

    def rotate(self, kid):
        """Signs with a new key."""
        self._keys[kid] = ec.generate_private_key(ec.SECP256R1())
        self._kid = kid

    def sign(self, typ, claims):
        return jwt.encode(claims, self._keys[self._kid], "ES256", {"typ": typ, "kid": self._kid})

    def token(self, **claims):
        """A user's token; the claims that are given replace the usual ones."""
        now = int(time.time())
        usual = {
            **{"iss": self.url, "aud": "api", "sub": new_id(), "sid": new_id(), "jti": new_id()},
            **{"iat": now, "nbf": now, "exp": now + 600, "auth_time": now, "amr": ["pwd"], "idp": "ory"},
            **{"client_id": "vestibule", "scope": "api", "email_verified": True, "name": "Ada"},
        }
        return self.sign("at+jwt", {**usual, **claims})

    def key_token(self, key_id, **claims):
        """A token that was exchanged for an API key."""
        return self.token(**{"sid": key_id, "client_id": "api-key", "amr": ["api_key"], **claims})

    def accept(self, key_id, **claims):
        """Answers exchanges with tokens of a key."""
        self.exchange = lambda request, _key: answer(request, 200, {"access_token": self.key_token(key_id, **claims)})

    def content(self, **members):
        """The claims of a message; the members that are given replace those of an empty one."""
        return {
            **{"iss": self.url, "iat": int(time.time()), "keep": 720, "ended": "", "changed": [], "everything_before": 0},
            **members,
        }

    def message(self, **members):
        return self.sign("revocations+jwt", self.content(**members))

    def tell(self, event_id, message):
        """Sends a message, as an event with an id unless that is empty."""
        line = f"id: {event_id}\n" if event_id else ""
        self.events.put(f"{line}event: revocations\ndata: {message}\n\n")

    def sign_of_life(self, stream, told, **members):
        """A message that tells nothing new, of a process that has told so many messages."""
        return self.message(stream=stream, told=told, **members)

    def tell_everything(self, **members):
        """Sends a snapshot in one part, and a sign of life."""
        claims = {"stream": "a", "told": 0, **members}
        self.tell("x.0", self.message(snapshot=part(new_id(), 1, 1), **claims))
        self.tell("", self.sign_of_life(**{name: claims[name] for name in ("stream", "told", "iat") if name in claims}))

    def _stream(self, request):
        self.connections.append(request.headers.get("Last-Event-ID", ""))
        generation = self._generation
        if self.is_down or request.headers["Authorization"] != "Bearer subscriber":
            answer(request, 503, {})
            return
        if self.connections[-1] == self.refused:
            answer(request, 400, {})
            return
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        while generation == self._generation:
            # One connection at a time: what is put back comes before what was told after it.
            with self._turn:
                try:
                    event = self.events.get(timeout=0.02)
                except queue.Empty:
                    continue
                if select.select([request.connection], [], [], 0)[0]:
                    # The subscriber has left: it is for the next connection.
                    self.events.queue.appendleft(event)
                    return
                request.wfile.write(event.encode())


def answer(request, status, body, headers=None):
    text = json.dumps(body).encode()
    request.send_response(status)
    for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(text)


def refuse(request, _key):
    answer(request, 400, {"error": "invalid_request"})


def new_key():
    """A key as the gateway makes it, and its id."""
    key_id = new_id()
    body = f"vst_{key_id.replace('-', '')}_{'s' * 43}"
    return f"{body}{zlib.crc32(body.encode()):08x}", key_id


def new_id(milliseconds=None):
    """A UUID of version 7."""
    random = uuid.uuid4().int & ((1 << 80) - 1)
    moment = int(time.time() * 1000) if milliseconds is None else milliseconds
    return str(uuid.UUID(int=(moment << 80 | random) & ~(0xF << 76) | 7 << 76))


def ids_of(*ids):
    """Ids as messages have them."""
    return base64.urlsafe_b64encode(b"".join(uuid.UUID(each).bytes for each in ids)).rstrip(b"=").decode()


def part(snapshot, number, parts):
    return {"id": snapshot, "part": number, "parts": parts}


def _jwk_of(kid, key):
    numbers = key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y}
