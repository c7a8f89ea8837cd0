"""Tests of tokens that are bound to a key. They need no gateway."""

import asyncio
import base64
import hashlib
import io
import json
import sys
import time
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from vestibule_auth import AuthError, ProvenRequest, Verifier  # noqa: E402
from vestibule_auth.testing import TestIssuer  # noqa: E402

URL = "https://api.example.test/v1"
NOTES = ProvenRequest(None, "GET", "/notes")


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(text):
    return encoded(hashlib.sha256(text.encode()).digest())


class Key:
    def __init__(self, algorithm="ES256"):
        self.algorithm = algorithm
        make, forms = {
            "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm),
            "ES384": (lambda: ec.generate_private_key(ec.SECP384R1()), jwt.algorithms.ECAlgorithm),
            "ES512": (lambda: ec.generate_private_key(ec.SECP521R1()), jwt.algorithms.ECAlgorithm),
            "EdDSA": (ed25519.Ed25519PrivateKey.generate, jwt.algorithms.OKPAlgorithm),
            "PS256": (lambda: rsa.generate_private_key(65537, 2048), jwt.algorithms.RSAAlgorithm),
            "RS256": (lambda: rsa.generate_private_key(65537, 2048), jwt.algorithms.RSAAlgorithm),
        }[algorithm]
        self.private = make()
        self.jwk = json.loads(forms.to_jwk(self.private.public_key()))
        self.jwk.pop("key_ops", None)
        if self.jwk["kty"] == "EC":
            # PyJWT 2.6 leaves out leading zeros, which RFC 7518 section 6.2.1.2 requires.
            size = (self.private.key_size + 7) // 8
            self.jwk |= {name: encoded(base64.urlsafe_b64decode(f"{self.jwk[name]}==").rjust(size, b"\0")) for name in ("x", "y")}
        self.thumbprint = digest(json.dumps(self.jwk, separators=(",", ":"), sort_keys=True))

    def proof(self, token, header=None, **claims):
        """A proof for a GET of /v1/notes. None takes a member away."""
        made = {"jti": str(uuid.uuid4()), "htm": "GET", "htu": f"{URL}/notes", "iat": int(time.time()), "ath": digest(token)}
        payload = {name: value for name, value in {**made, **claims}.items() if value is not None}
        parts = {"alg": self.algorithm, "typ": "dpop+jwt", "jwk": self.jwk, **(header or {})}
        parts = {name: value for name, value in parts.items() if value is not None}
        # By hand: PyJWT refuses to make what isn't right.
        text = ".".join(encoded(json.dumps(part).encode()) for part in (parts, payload))
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        return f"{text}.{encoded(algorithm.sign(text.encode(), self.private))}"


class BoundTokens(unittest.TestCase):
    def setUp(self):
        self.issuer = TestIssuer()
        self.addCleanup(self.issuer.close)
        self.reasons = []
        self.verifier = self.made(dpop=f"{URL}/")
        self.key = Key()
        self.token = self.bound_to(self.key)

    def made(self, **options):
        return Verifier(self.issuer.url, self.issuer.url, on_refused=lambda error: self.reasons.append(error.reason), **options)

    def bound_to(self, key):
        return self.issuer.token(cnf={"jkt": key.thumbprint})

    def verdict(self, proof, authorization=None, verifier=None, path="/notes"):
        request = ProvenRequest(proof, "GET", path)
        try:
            (verifier or self.verifier).authenticate(authorization or f"DPoP {self.token}", request=request)
        except AuthError as error:
            return error.reason
        return "admitted"

    def test_each_algorithm(self):
        for algorithm in ["ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256"]:
            with self.subTest(algorithm=algorithm):
                key = Key(algorithm)
                token = self.bound_to(key)
                self.assertEqual(self.verdict(key.proof(token), f"DPoP {token}"), "admitted")

    def test_proofs(self):
        key, token, other = self.key, self.token, Key()
        for proof, reason in [
            (None, "proof_missing"),
            ("", "proof_malformed"),
            ("x", "proof_malformed"),
            ("ä.b.c", "proof_malformed"),
            ("x" * 9000, "proof_malformed"),
            (f"{key.proof(token)}, {key.proof(token)}", "proof_malformed"),
            (key.proof(token, htm="POST"), "proof_of_other_request"),
            (key.proof(token, htu=f"{URL}/notes/1"), "proof_of_other_request"),
            (key.proof(token, htu="http://10.0.0.7:8080/notes"), "proof_of_other_request"),
            (key.proof(token, htu=None), "proof_of_other_request"),
            (key.proof(token, htu=1), "proof_of_other_request"),
            (key.proof(token, htu="https://["), "proof_of_other_request"),
            (key.proof(token, htu="/v1/notes"), "proof_of_other_request"),
            (key.proof(token, ath="x"), "proof_of_other_token"),
            (key.proof(token, ath=None), "proof_of_other_token"),
            (key.proof(token, iat=1), "proof_too_old"),
            (key.proof(token, iat=99_999_999_999), "proof_too_old"),
            (key.proof(token, iat=float("nan")), "proof_too_old"),
            (key.proof(token, iat=None), "proof_too_old"),
            (key.proof(token, iat=True), "proof_too_old"),
            (key.proof(token, exp=1), "proof_malformed"),
            (key.proof(token, jti=None), "proof_malformed"),
            (key.proof(token, jti=1), "proof_malformed"),
            (key.proof(token, jti="x" * 201), "proof_malformed"),
            (key.proof(token, {"typ": "JWT"}), "proof_malformed"),
            (key.proof(token, {"alg": "none"}), "proof_malformed"),
            (key.proof(token, {"alg": ["ES256"]}), "proof_malformed"),
            (key.proof(token, {"crit": ["x"]}), "proof_malformed"),
            (key.proof(token, {"jwk": None}), "proof_malformed"),
            (key.proof(token, {"jwk": "x"}), "proof_malformed"),
            (key.proof(token, {"jwk": {**key.jwk, "x": 1}}), "proof_malformed"),
            (key.proof(token, {"jwk": {"kty": "oct", "k": "AAAA"}}), "proof_malformed"),
            (key.proof(token, {"jwk": {**key.jwk, "d": "AAAA"}}), "proof_malformed"),
            (other.proof(token), "proof_of_other_key"),
            (other.proof(token, {"jwk": key.jwk}), "proof_malformed"),
            (key.proof(token), "admitted"),
            (key.proof(token, htu="HTTPS://API.Example.test:443/v1/n%6ftes?page=3#top"), "admitted"),
        ]:
            with self.subTest(reason=reason, proof=proof and proof[-40:]):
                self.assertEqual(self.verdict(proof), reason)

    def test_a_proof_is_good_once_of_requests_at_the_same_time_too(self):
        proof = self.key.proof(self.token)
        with ThreadPoolExecutor(5) as threads:
            found = sorted(threads.map(lambda _: self.verdict(proof), range(5)))
        self.assertEqual(found, ["admitted"] + ["proof_used"] * 4)

    def test_a_bound_token_is_no_bearer_and_a_bearer_is_not_bound(self):
        proof, free, plain = self.key.proof(self.token), self.issuer.token(), self.made()
        for authorization, verifier, reason in [
            (f"Bearer {self.token}", self.verifier, "proof_missing"),
            (f"DPoP {self.token}", plain, "token_malformed"),
            (f"Bearer {self.token}", plain, "proof_missing"),
            (f"DPoP {free}", self.verifier, "token_not_bound"),
            (f"Bearer {free}", self.verifier, "admitted"),
        ]:
            with self.subTest(authorization=authorization[:10], reason=reason):
                self.assertEqual(self.verdict(proof, authorization, verifier), reason)
        for act, arguments in [(self.verifier.verify, self.token), (self.verifier.authenticate, f"DPoP {self.token}")]:
            with self.assertRaises(AuthError) as found:
                act(arguments)
            self.assertEqual(found.exception.reason, "proof_missing")
        challenge = 'DPoP error="invalid_dpop_proof", algs="ES256 ES384 ES512 EdDSA PS256 RS256"'
        self.assertEqual(found.exception.headers["WWW-Authenticate"], challenge)

    def test_a_token_that_is_bound_to_something_else_is_refused(self):
        for cnf in [None, "x", {}, {"jkt": ""}, {"jkt": 1}, {"x5t#S256": "x"}]:
            with self.subTest(cnf=cnf):
                self.assertEqual(self.verdict(None, f"Bearer {self.issuer.token(cnf=cnf)}"), "token_claims")

    def test_addresses_that_are_none(self):
        for url in ["", 1, "api.example.test", "ftp://a.test", "https://a.test/?a", "https://a.test/#b", "https://u@a.test", "https://["]:
            with self.subTest(url=url), self.assertRaises(ValueError):
                self.made(dpop=url)

    def test_wsgi(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            return [environ["vestibule.claims"]["cnf"]["jkt"].encode()]

        # Two guards, below a mount, with a path as WSGI has it: the bytes of UTF-8 as Latin-1.
        guarded = self.verifier.wsgi(self.verifier.wsgi(app))
        address = f"{URL}/app/caf%C3%A9"
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "/app",
            "PATH_INFO": "/cafÃ©",
            "HTTP_AUTHORIZATION": f"DPoP {self.token}",
            "HTTP_DPOP": self.key.proof(self.token, htu=address),
            "wsgi.input": io.BytesIO(),
        }
        again = dict(environ)
        self.assertEqual(guarded(environ, lambda *_: None), [self.key.thumbprint.encode()])
        guarded(again, lambda *_: None)
        self.assertEqual(self.reasons, ["proof_used"])

    def test_asgi(self):
        async def app(scope, _receive, send):
            await send({"jkt": scope["vestibule.claims"]["cnf"]["jkt"]})

        async def ask(path, root_path, address="/notes"):
            sent = []

            async def send(message):
                sent.append(message)

            proof = self.key.proof(self.token, htu=f"{URL}{address}")
            headers = [(b"authorization", f"DPoP {self.token}".encode()), (b"dpop", proof.encode())]
            scope = {"type": "http", "method": "GET", "path": path, "root_path": root_path, "headers": headers}
            await self.verifier.asgi(self.verifier.asgi(app))(scope, None, send)
            return sent[0].get("jkt")

        for path, root_path, address in [
            ("/notes", "", "/notes"),
            ("/app/notes", "/app", "/app/notes"),
            ("/notes", "/app", "/app/notes"),
            ("", "/notes", "/notes"),
        ]:
            with self.subTest(path=path, root_path=root_path):
                self.assertEqual(asyncio.run(ask(path, root_path, address)), self.key.thumbprint)
        self.assertIsNone(asyncio.run(ask("/notes/1", "")))
        self.assertEqual(self.reasons, ["proof_of_other_request"])


if __name__ == "__main__":
    unittest.main()
