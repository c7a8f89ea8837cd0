"""API keys that a verifier accepts."""

import asyncio
import concurrent.futures
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "src"), str(Path(__file__).parent)]

from gateway import answer, ids_of, new_id, new_key, refuse  # noqa: E402
from test_revocations import WithGateway  # noqa: E402
from vestibule_auth import AuthError, Requirement  # noqa: E402


async def ask(app, path="/", **headers):
    """The status and the body that an ASGI application answers with."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event):
        sent.append(event)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "query_string": b"", "headers": pairs}
    await app({**scope, "raw_path": path.encode(), "root_path": "", "scheme": "http"}, receive, send)
    return sent[0]["status"], b"".join(event.get("body", b"") for event in sent).decode()


class WithKeys(WithGateway):
    def verifier(self, *, subscribes=False, **options):
        return super().verifier(subscribes=subscribes, options={"api_keys": True, **options})


class Keys(WithKeys):
    def test_are_exchanged_once(self):
        verifier = self.verifier()
        key, key_id = new_key()
        self.gateway.accept(key_id)
        with concurrent.futures.ThreadPoolExecutor(50) as threads:
            found = list(threads.map(lambda _: verifier.authenticate(None, api_key=key), range(50)))
        self.assertEqual({claims["sid"] for claims in found}, {key_id})
        self.assertEqual(verifier.authenticate(f"Bearer {key}")["sid"], key_id)
        with self.assertRaises(AuthError) as refused:
            verifier.authenticate(None, Requirement(role="admin"), api_key=key)
        self.assertEqual(refused.exception.code, "forbidden")
        self.assertEqual(self.gateway.exchanges, 1)

    def test_are_refused_unless_they_are_accepted(self):
        verifier = self.verifier(api_keys=False)
        key, _ = new_key()
        for authorization, api_key, reason in [(None, key, "token_missing"), (f"Bearer {key}", None, "token_malformed")]:
            with self.assertRaises(AuthError) as refused:
                verifier.authenticate(authorization, api_key=api_key)
            self.assertEqual(refused.exception.reason, reason)

    def test_of_another_form_are_refused_without_asking(self):
        verifier = self.verifier()
        key, _ = new_key()
        wrong = ["x", "", "vst_", f"{key}0", key[:-1], f"{key[:-1]}g", key.upper(), f"vst_{'a' * 84}", f"{key}\n", f"{key}, {key}", "vst_é"]
        for api_key in [*wrong, self.gateway.token(), "a" * 10_000]:
            with self.subTest(key=api_key[:20]), self.assertRaises(AuthError) as refused:
                verifier.authenticate(None, api_key=api_key)
            self.assertEqual((refused.exception.status, refused.exception.reason), (401, "api_key_malformed"))
        with self.assertRaises(AuthError) as refused:
            verifier.authenticate(f"Bearer {self.gateway.token()}", api_key=key)
        self.assertEqual((refused.exception.status, refused.exception.reason), (400, "two_credentials"))
        self.assertEqual(self.gateway.exchanges, 0)

    def test_that_were_refused_are_not_asked_for_again(self):
        verifier = self.verifier()
        self.gateway.exchange = refuse
        key, _ = new_key()
        self.assertEqual([self.reason(verifier, key) for _ in range(10)], ["api_key_refused"] * 10)
        self.assertEqual(self.gateway.exchanges, 1)

    def test_whose_token_is_for_another_service(self):
        verifier = self.verifier()
        key, key_id = new_key()
        self.gateway.accept(key_id, aud="another")
        self.assertEqual([self.reason(verifier, key) for _ in range(3)], ["token_claim_aud"] * 3)
        self.assertEqual(self.gateway.exchanges, 1)

    def test_that_can_not_be_asked_for(self):
        for status, retry_after in [(429, "60"), *((status, "1") for status in [500, 503, 404, 421, 302, 400, 200])]:
            with self.subTest(status=status):
                verifier, gateway = self.verifier(), self.gateway
                before = gateway.exchanges
                known, key_id = new_key()
                gateway.accept(key_id)
                self.assertIsNone(self.reason(verifier, known))
                gateway.exchange = lambda request, _key, status=status: answer(request, status, {}, {"Retry-After": "500"})
                other, other_id = new_key()
                for _ in range(3):
                    with self.assertRaises(AuthError) as refused:
                        verifier.verify(other)
                    error = refused.exception
                    self.assertEqual((error.status, error.headers["Retry-After"]), (503, retry_after))
                self.assertIsNone(self.reason(verifier, known))
                # It isn't asked again for a while.
                self.assertEqual(gateway.exchanges - before, 2)
                gateway.accept(other_id)
                if status != 429:
                    self.eventually(lambda: self.reason(verifier, other) is None, "the gateway")

    def test_that_are_made_up_do_not_spend_what_known_ones_need(self):
        verifier = self.verifier(clock_tolerance=0)
        known, key_id = new_key()
        now = int(time.time())
        self.gateway.accept(key_id, iat=now - 600, exp=now + 2)
        self.assertIsNone(self.reason(verifier, known))
        self.gateway.exchange = refuse
        for _ in range(40):
            self.reason(verifier, new_key()[0])
        self.assertEqual(self.gateway.exchanges, 31)
        with self.assertRaises(AuthError) as refused:
            verifier.verify(new_key()[0])
        self.assertEqual((refused.exception.reason, refused.exception.headers["Retry-After"]), ("exchanges_refused", "12"))
        self.gateway.accept(key_id)

        def was_exchanged():
            self.assertIsNone(self.reason(verifier, known))
            return self.gateway.exchanges == 32

        self.eventually(was_exchanged, "the known key's exchange")

    def test_are_exchanged_again_before_their_token_ends(self):
        verifier = self.verifier(clock_tolerance=0)
        key, key_id = new_key()
        now = int(time.time())
        self.gateway.accept(key_id, iat=now - 300, exp=now + 20)
        self.assertIsNone(self.reason(verifier, key))
        # It is renewed beside requests, again and again while the gateway doesn't answer.
        self.gateway.exchange = lambda request, _key: answer(request, 502, {})

        def has_tried_twice():
            self.assertIsNone(self.reason(verifier, key))
            return self.gateway.exchanges == 3

        self.eventually(has_tried_twice, "two attempts")
        # A key that was revoked is noticed then.
        self.gateway.exchange = refuse
        self.eventually(lambda: self.reason(verifier, key) == "api_key_refused", "the refusal")

    def test_are_remembered_up_to_a_number(self):
        verifier = self.verifier(remembered=5)
        for _ in range(20):
            key, key_id = new_key()
            self.gateway.accept(key_id)
            self.assertIsNone(self.reason(verifier, key))
        self.assertEqual(len(verifier._api_keys._tokens), 5)
        self.assertNotIn("vst_", repr(vars(verifier._api_keys)))


class Revoked(WithKeys):
    def test_keys_are_refused_at_once(self):
        verifier = self.verifier(subscribes=True)
        key, key_id = new_key()
        self.gateway.accept(key_id)
        self.gateway.tell_everything()
        self.assertIsNone(self.reason(verifier, key))
        self.gateway.tell("x.1", self.gateway.message(ended=ids_of(key_id)))
        self.eventually(lambda: self.reason(verifier, key) == "session_ended", "the revocation")
        self.assertEqual(self.gateway.exchanges, 1)

    def test_outdated_ones_are_exchanged_again(self):
        verifier = self.verifier(subscribes=True)
        key, key_id = new_key()
        user = new_id()
        self.gateway.accept(key_id, sub=user)
        self.gateway.tell_everything()
        self.assertIsNone(self.reason(verifier, key))
        for changed in (True, False):
            before = self.gateway.exchanges
            moment = int(time.time() * 1000) + 1
            # The first exchange after the change is one that began before it.
            ids = [new_id(moment - 1), new_id(moment + 1)]
            self.gateway.exchange = lambda request, _key, ids=ids: answer(
                request, 200, {"access_token": self.gateway.key_token(key_id, sub=user, jti=ids.pop(0))}
            )
            members = {"changed": [[user, moment]]} if changed else {"everything_before": moment}
            self.gateway.tell("x.1", self.gateway.message(**members))

            def was_exchanged_twice():
                self.assertIsNone(self.reason(verifier, key))
                return self.gateway.exchanges == before + 2

            self.eventually(was_exchanged_twice, "two exchanges")
            self.assertIsNone(self.reason(verifier, key))
            self.assertEqual(self.gateway.exchanges, before + 2)


class Floods(WithKeys):
    def setUp(self):
        super().setUp()
        self.running, self.most, self.lock, self.open = 0, 0, threading.Lock(), threading.Event()

    def wait_and_refuse(self, request, key):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.open.wait(10)
        with self.lock:
            self.running -= 1
        refuse(request, key)

    def test_in_threads(self):
        verifier = self.verifier()
        known, key_id = new_key()
        self.gateway.accept(key_id)
        self.reason(verifier, known)
        self.gateway.exchange = self.wait_and_refuse
        with concurrent.futures.ThreadPoolExecutor(200) as threads:
            flood = [threads.submit(self.reason, verifier, new_key()[0]) for _ in range(200)]
            self.eventually(lambda: sum(each.done() for each in flood) >= 128 and self.running == 8, "the flood")
            self.assertIsNone(self.reason(verifier, known))
            self.open.set()
            reasons = [each.result() for each in flood]
        self.assertEqual((self.most, len(reasons)), (8, 200))
        self.assertLessEqual(reasons.count("api_key_refused"), 72)
        self.assertLessEqual(set(reasons), {"api_key_refused", "exchanges_full", "exchanges_refused", "exchange_unreachable"})

    def test_in_an_event_loop(self):
        async def app(_scope, _receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})

        guarded = self.verifier().asgi(app)

        async def run():
            known, key_id = new_key()
            self.gateway.accept(key_id)
            self.assertEqual((await ask(guarded, x_api_key=known))[0], 200)
            self.gateway.exchange = self.wait_and_refuse
            flood = [asyncio.create_task(ask(guarded, x_api_key=new_key()[0])) for _ in range(200)]
            while sum(each.done() for each in flood) < 128 or self.running < 8:
                await asyncio.sleep(0.001)
            # What waits for keys keeps neither known keys nor new tokens waiting.
            self.assertEqual((await ask(guarded, x_api_key=known))[0], 200)
            self.assertEqual((await ask(guarded, authorization=f"Bearer {self.gateway.token()}"))[0], 200)
            self.assertEqual((await ask(guarded, x_api_key=f"{known}x"))[0], 401)
            self.open.set()
            return [status for status, _ in await asyncio.gather(*flood)]

        statuses = asyncio.run(run())
        self.assertEqual((self.most, statuses.count(401) + statuses.count(503)), (8, 200))
        self.assertLessEqual(statuses.count(401), 72)


class Applications(WithKeys):
    def test_wsgi_and_flask(self):
        from flask import Flask, g

        app = Flask("flask")
        verifier = self.verifier()
        guard = verifier.flask(app)
        app.get("/")(guard()(lambda: g.claims["sid"]))

        def wsgi(environ, start_response):
            start_response("200 OK", [])
            return [environ["vestibule.claims"]["sid"].encode()]

        key, key_id = new_key()
        self.gateway.accept(key_id)
        self.assertEqual(app.test_client().get("/", headers={"X-API-Key": key}).text, key_id)
        body = verifier.wsgi(wsgi)({"HTTP_X_API_KEY": key}, lambda *_: None)
        self.assertEqual(b"".join(body).decode(), key_id)
        two = {"X-API-Key": key, "Authorization": f"Bearer {self.gateway.token()}"}
        self.assertEqual(app.test_client().get("/", headers=two).status_code, 400)

    def test_fastapi_with_a_guard_and_with_its_maker(self):
        from fastapi import Depends, FastAPI

        app = FastAPI()
        guard = self.verifier().fastapi(app)
        key, key_id = new_key()
        self.gateway.accept(key_id)

        @app.get("/made")
        def made(claims=Depends(guard())):
            return claims["sid"]

        @app.get("/bare")
        def bare(claims=Depends(guard)):
            return claims["sid"]

        narrow = f"Bearer {self.gateway.token(scope='notes:read')}"
        for path in ("/made", "/bare"):
            for headers, status in [({"x_api_key": key}, 200), ({}, 401), ({"authorization": narrow}, 403)]:
                with self.subTest(path, headers=headers):
                    self.assertEqual(asyncio.run(ask(app, path, **headers))[0], status)
        self.assertEqual(asyncio.run(ask(app, "/bare", x_api_key=key))[1], f'"{key_id}"')


if __name__ == "__main__":
    unittest.main()
