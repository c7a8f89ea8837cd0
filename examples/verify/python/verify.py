"""A service that takes the bearer which Vestibule, or a proxy that has asked it, sends along.

It needs PyJWT with cryptography (Debian: python3-jwt, python3-cryptography). ISSUER is the gateway's PUBLIC_URL, AUDIENCE its
TOKEN_AUDIENCE, COOLDOWN the least number of seconds between two readings of the keys (default 30), PORT where to listen.
"""

import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ALGORITHMS = ["ES256", "EdDSA"]
KEEP = 600


class Keys:
    """The gateway's public keys, read anew when they are old or a token names one that isn't known."""

    def __init__(self, url, cooldown):
        self._url = url
        self._cooldown = cooldown
        self._lock = threading.Lock()
        self._keys = {}
        self._read_at = float("-inf")

    def find(self, kid):
        with self._lock:
            age = time.monotonic() - self._read_at
            # What strangers make up must not become traffic: one reading in a while, whatever is asked for.
            if age > KEEP or (kid not in self._keys and age > self._cooldown):
                self._read()
            return self._keys[kid]

    def _read(self):
        self._read_at = time.monotonic()
        try:
            with urllib.request.urlopen(self._url, timeout=3) as answer:
                found = jwt.PyJWKSet.from_dict(json.load(answer)).keys
        except OSError:
            return  # What is known stays good.
        self._keys = {key.key_id: key.key for key in found}


def verify(token, keys, issuer, audience):
    """The claims of a live token of this gateway for this audience; an exception for anything else."""
    header = jwt.get_unverified_header(token)
    if header.get("typ") != "at+jwt" or header.get("alg") not in ALGORITHMS:
        raise ValueError("not an access token")
    return jwt.decode(
        token,
        keys.find(header["kid"]),
        algorithms=ALGORITHMS,
        issuer=issuer,
        audience=audience,
        leeway=30,
        options={"require": ["exp", "iss", "aud", "sub"]},
    )


def main():
    issuer, audience = os.environ["ISSUER"], os.environ["AUDIENCE"]
    keys = Keys(f"{issuer}/.well-known/jwks.json", float(os.environ.get("COOLDOWN", "30")))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            try:
                if scheme != "Bearer":
                    raise ValueError("no bearer")
                claims = verify(token, keys, issuer, audience)
            except Exception:  # Whatever is wrong with it, it opens nothing.
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Bearer")
                self.end_headers()
                return
            body = json.dumps({name: claims.get(name) for name in ("sub", "scope", "roles")}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
