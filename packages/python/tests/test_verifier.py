"""Tests that need no gateway: `python3 -m unittest discover packages/python/tests`."""

import asyncio
import base64
import json
import socket
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from vestibule_auth import AuthError, Requirement, Verifier  # noqa: E402
from vestibule_auth.keys import KeySet  # noqa: E402
from vestibule_auth.testing import TestIssuer  # noqa: E402

ID = "01a2244d-573d-7369-a07e-c1e6e43aa0a8"
ORG = {"id": ID, "slug": "acme", "role": "admin"}


class WithIssuer(unittest.TestCase):
    def setUp(self):
        self.issuer = TestIssuer()
        self.addCleanup(self.issuer.close)

    def verifier(self, **options):
        return Verifier(self.issuer.url, options.pop("audience", self.issuer.url), **options)

    def refusal(self, act, *args, **named):
        with self.assertRaises(AuthError) as found:
            act(*args, **named)
        return found.exception


class Requirements(WithIssuer):
    def test_what_is_required(self):
        verifier = self.verifier()
        slug_like_id = {"id": ID.replace("01", "02", 1), "slug": ID, "role": "owner"}
        for claims, required, code in [
            ({}, {}, None),
            ({"scope": "notes:read"}, {}, "insufficient_scope"),
            ({"scope": "notes:read"}, {"scope": ""}, None),
            ({"scope": "notes:read"}, {"scope": "notes:read"}, None),
            ({"scope": "notes:read"}, {"scope": "notes:read notes:write"}, "insufficient_scope"),
            ({}, {"role": "admin"}, "forbidden"),
            ({"roles": ["admin"]}, {"role": "admin"}, None),
            ({}, {"org_role": "member"}, "forbidden"),
            ({"org": ORG}, {"org": "acme", "org_role": "admin"}, None),
            ({"org": ORG}, {"org": ID.upper()}, None),
            ({"org": ORG}, {"org": "other"}, "forbidden"),
            ({"org": slug_like_id}, {"org": ID}, "forbidden"),
            ({"org": ORG}, {"org_role": "owner"}, "forbidden"),
            ({"email_verified": False}, {"verified_email": True}, "email_unverified"),
            ({"email_verified": False, "amr": ["api_key"]}, {"verified_email": True}, "email_unverified"),
            ({"email_verified": False, "sub_profile": "user"}, {"verified_email": True}, "email_unverified"),
            ({"email_verified": False, "sub_profile": "service"}, {"verified_email": True}, None),
            ({"auth_time": int(time.time()) - 3600}, {"max_age": 60}, "reauthentication_required"),
            ({"auth_time": 0}, {"max_age": 60}, "reauthentication_required"),
            ({}, {"max_age": 60}, None),
            ({"second_factor": {"due": 1}, "roles": ["admin"], "org": ORG}, {"role": "admin", "org": "acme"}, None),
            ({"second_factor": {"due": 1, "missing": ["session"]}, "scope": ""}, {"scope": ""}, "reauthentication_required"),
            ({"second_factor": {"due": 1, "missing": ["role"]}}, {"role": "admin"}, "reauthentication_required"),
            ({"second_factor": {"due": 1, "missing": ["role"]}}, {}, None),
            ({"second_factor": {"due": 1, "missing": ["org"], "org": ORG}}, {"org": "acme"}, "reauthentication_required"),
            ({"second_factor": {"due": 1, "missing": ["org"], "org": ORG}}, {"org_role": "owner"}, "reauthentication_required"),
            ({"second_factor": {"due": 1, "missing": ["org"], "org": ORG}}, {"org": "other"}, "forbidden"),
            ({}, {"acr": "aal2"}, "reauthentication_required"),
            ({"acr": "aal2"}, {"acr": "aal2"}, None),
        ]:
            with self.subTest(claims=claims, required=required):
                token = self.issuer.token(**claims)
                if code is None:
                    verifier.verify(token, Requirement(**required))
                else:
                    self.assertEqual(self.refusal(verifier.verify, token, Requirement(**required)).code, code)

    def test_the_challenge_of_a_login(self):
        requirement = Requirement(acr="aal2", max_age=300)
        error = self.refusal(self.verifier().verify, self.issuer.token(), requirement)
        challenge = 'Bearer error="insufficient_user_authentication", max_age="300", acr_values="aal2"'
        self.assertEqual(error.headers["WWW-Authenticate"], challenge)
        self.assertIn("/auth/login?max_age=300&acr_values=aal2", json.loads(error.body)["loginUrl"])

    def test_what_can_not_be_required(self):
        for required in [
            {"rol": "admin"},
            {"scope": None},
            {"scope": " "},
            {"role": None},
            {"role": ""},
            {"org": None},
            {"org_role": "king"},
            {"verified_email": None},
            {"max_age": None},
            {"max_age": "300"},
            {"max_age": float("inf")},
            {"acr": "aal3"},
        ]:
            with self.subTest(required=required), self.assertRaises((TypeError, ValueError)):
                Requirement(**required)


class Tokens(WithIssuer):
    def test_what_is_none_is_refused(self):
        verifier = self.verifier()
        header, payload, signature = self.issuer.token().split(".")
        deep = base64.urlsafe_b64encode(b"[" * 1000).rstrip(b"=").decode()
        for token in ["x", "a.b.c", f"{deep}.{payload}.{signature}", f"{header}.{deep}.{signature}", "." * 3, f"{header}.."]:
            with self.subTest(token=token[:20]):
                error = self.refusal(verifier.authenticate, f"Bearer {token}")
                self.assertEqual((error.status, error.code), (401, "unauthenticated"))

    def test_times_are_whole_numbers(self):
        verifier = self.verifier()
        for claims in [
            {"exp": "4000000000"},
            {"exp": float("nan")},
            {"exp": float("inf")},
            {"exp": 4_000_000_000.5},
            {"exp": 2**53},
            {"iat": "1"},
            {"nbf": "1"},
            {"auth_time": True},
            {"auth_time": -1},
        ]:
            with self.subTest(claims=claims):
                self.assertEqual(self.refusal(verifier.verify, self.issuer.token(**claims)).status, 401)

    def test_have_one_spelling(self):
        verifier = self.verifier()
        token = self.issuer.token()
        verifier.verify(token)
        header, payload, signature = token.split(".")
        other = signature[:-1] + chr(ord(signature[-1]) + 1)
        for wrong in [f"{token}=", f"{token}==", f"{token}\n", f"{header}=.{payload}.{signature}", f"{header}.{payload}.{other}"]:
            with self.subTest(wrong=wrong[-10:]):
                self.assertEqual(self.refusal(verifier.verify, wrong).reason, "token_malformed")

    def test_a_request_changes_only_its_own_claims(self):
        verifier = self.verifier()
        token = self.issuer.token(roles=["support"])
        for _ in range(3):
            claims = verifier.verify(token)
            claims["roles"].append("admin")
            del claims["exp"]
        self.refusal(verifier.verify, token, Requirement(role="admin"))


class Options(WithIssuer):
    def test_what_can_not_be(self):
        for issuer, audience, options in [
            ("auth.example.org", "api", {}),
            ("https://auth.example.org/tenant", "api", {}),
            ("https://user:pass@auth.example.org", "api", {}),
            ("ftp://auth.example.org", "api", {}),
            (None, "api", {}),
            ("https://auth.example.org", "", {}),
            ("https://auth.example.org", "api", {"clock_tolerance": 61}),
            ("https://auth.example.org", "api", {"cooldown": -1}),
        ]:
            with self.subTest(issuer=issuer, options=options), self.assertRaises(ValueError):
                Verifier(issuer, audience, **options)

    def test_refusals_are_told(self):
        reasons = []
        verifier = self.verifier(audience="api", on_refused=lambda error: reasons.append(error.reason))
        error = self.refusal(verifier.authenticate, f"Bearer {self.issuer.token()}")
        self.refusal(verifier.authenticate, None)
        self.assertEqual(reasons, ["token_claim_aud", "token_missing"])
        self.assertNotIn("aud", error.body)


class Keys(WithIssuer):
    def setUp(self):
        super().setUp()
        self.now = 1000.0
        self.readings = 0

    def verifier(self, **options):
        verifier = super().verifier(**options)
        verifier._tokens.keys = KeySet(f"{self.issuer.url}/jwks", 30, lambda: self.now)
        read = verifier._tokens.keys._opener.open

        def count(*args, **named):
            self.readings += 1
            return read(*args, **named)

        verifier._tokens.keys._opener.open = count
        return verifier

    def test_are_read_twice_in_a_cooldown_at_most_whatever_keys_are_named(self):
        verifier = self.verifier()
        token = self.issuer.token()
        verifier.verify(token)
        with patch("jwt.get_unverified_header", return_value={"alg": "ES256", "typ": "at+jwt", "kid": "other"}):
            for _ in range(100):
                self.now += 0.001
                self.assertEqual(self.refusal(verifier.verify, self.issuer.token()).reason, "token_key_unknown")
            self.assertEqual(self.readings, 3)
            self.now += 30
            self.refusal(verifier.verify, self.issuer.token())
        self.assertEqual(self.readings, 4)

    def test_that_were_withdrawn_verify_nothing_after_an_idle_time(self):
        verifier = self.verifier()
        token = self.issuer.token()
        verifier.verify(token)
        with patch.object(verifier._tokens.keys, "_fetch", return_value={}):
            self.now += 600
            self.assertEqual(self.refusal(verifier.verify, token).reason, "token_key_unknown")

    def test_stay_in_use_for_an_hour_while_the_gateway_does_not_answer(self):
        verifier = self.verifier()
        token = self.issuer.token(exp=int(time.time()) + 86_400)
        verifier.verify(token)
        self.issuer.close()
        self.now += 3599
        verifier.verify(token)
        self.now += 2
        error = self.refusal(verifier.verify, token)
        self.assertEqual((error.status, error.headers["Retry-After"]), (503, "1"))
        readings = self.readings
        self.refusal(verifier.verify, token)
        self.assertEqual(self.readings, readings)


class Answers(unittest.TestCase):
    """What a gateway may answer instead of keys."""

    def test_are_asked_for_once_a_second(self):
        for answer in [
            b"hello\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 3000,
            b"HTTP/1.1 200 OK\r\n\r\n" + b'{"keys":[{"kty":"EC","crv":"P-256","kid":["x"]}]}',
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000,
        ]:
            with self.subTest(answer=answer[:40]), socket.create_server(("127.0.0.1", 0)) as server:
                asked = []

                def serve():
                    while True:
                        try:
                            connection, _ = server.accept()
                        except OSError:
                            return
                        with connection:
                            asked.append(connection.recv(4096))
                            connection.sendall(answer)

                threading.Thread(target=serve, daemon=True).start()
                keys = KeySet(f"http://127.0.0.1:{server.getsockname()[1]}", 30, lambda: 1000.0)
                for _ in range(3):
                    with self.assertRaises(AuthError) as found:
                        keys.find("x")
                    self.assertEqual(found.exception.code, "keys_unavailable")
                self.assertEqual(len(asked), 1)
                server.shutdown(socket.SHUT_RDWR)


class Memory(WithIssuer):
    def test_makes_room_and_forgets_what_expired(self):
        verifier = self.verifier(remembered=2)
        tokens = [self.issuer.token() for _ in range(3)]
        for token in tokens + tokens:
            verifier.verify(token)
        self.assertEqual(len(verifier._tokens._remembered), 2)
        self.assertIsNotNone(verifier._tokens.recall(tokens[2]))
        with patch("time.time", return_value=time.time() + 631):
            self.assertIsNone(verifier._tokens.recall(tokens[2]))


class Applications(WithIssuer):
    def test_asgi(self):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["vestibule.claims"]["name"].encode()})

        guarded = self.verifier().asgi(app)

        async def ask(kind, *values):
            sent = []

            async def receive():
                return {"type": f"{kind}.connect"}

            async def send(event):
                sent.append(event)

            headers = [(b"authorization", value.encode()) for value in values]
            await guarded({"type": kind, "headers": headers}, receive, send)
            return sent

        bearer = f"Bearer {self.issuer.token()}"
        for _ in range(2):
            self.assertEqual(asyncio.run(ask("http", bearer))[1]["body"], b"Ada Lovelace")
        self.assertEqual(asyncio.run(ask("http"))[0]["status"], 401)
        self.assertEqual(asyncio.run(ask("http", bearer, bearer))[0]["status"], 401)
        self.assertEqual(asyncio.run(ask("websocket"))[0]["type"], "websocket.close")


if __name__ == "__main__":
    unittest.main()
