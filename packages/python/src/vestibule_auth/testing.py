"""Makes tokens for the tests of a service, without a gateway."""

import base64
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


class TestIssuer:
    """Makes tokens as a gateway does, and serves its key. Use it in a ``with`` statement, or call ``close()``."""

    __test__ = False  # It isn't a test itself.

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        point = {name: _encode(number) for name, number in (("x", numbers.x), ("y", numbers.y))}
        jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test", **point}
        body = json.dumps({"keys": [jwk]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        #: Issuer and audience of its tokens: ``Verifier(issuer.url, issuer.url)`` accepts them.
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def token(self, **claims):
        """A token of a user who may do everything that a user may: verified address, scope ``api``, no role. ``claims`` replace these."""
        now = int(time.time())
        payload = {
            "iss": self.url,
            "aud": self.url,
            **{name: str(uuid.uuid4()) for name in ("sub", "sid", "jti")},
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "auth_time": now,
            "amr": ["pwd"],
            "acr": "aal1",
            "idp": "ory",
            "client_id": "vestibule",
            "scope": "api",
            "email": "ada@example.test",
            "email_verified": True,
            "name": "Ada Lovelace",
            **claims,
        }
        return jwt.encode(payload, self._key, "ES256", {"typ": "at+jwt", "kid": "test"})

    def close(self):
        """Stops to serve the key."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _encode(number):
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
