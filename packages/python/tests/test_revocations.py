"""What a verifier does with what the gateway tells of ended sessions."""

import concurrent.futures
import itertools
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "src"), str(Path(__file__).parent)]

from gateway import Gateway, ids_of, new_id, part  # noqa: E402
from vestibule_auth import AuthError, Revocations, Verifier  # noqa: E402
from vestibule_auth.revoked_list import RevokedList  # noqa: E402


class WithGateway(unittest.TestCase):
    def setUp(self):
        self.gateway = self.new_gateway()

    def new_gateway(self):
        gateway = Gateway()
        self.addCleanup(gateway.close)
        return gateway

    def verifier(self, gateway=None, *, subscribes=True, key="subscriber", options=None, **settings):
        gateway = gateway or self.gateway
        revocations = Revocations(key, **settings) if subscribes else None
        verifier = Verifier(gateway.url, "api", revocations=revocations, **(options or {}))
        self.addCleanup(verifier.close)
        return verifier

    def reason(self, verifier, credential):
        """Why a token or key is refused; None for one that is accepted."""
        try:
            verifier.verify(credential)
        except AuthError as error:
            return error.reason
        return None

    def eventually(self, condition, what):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited for {what}")
            time.sleep(0.001)


class Tokens(WithGateway):
    def test_of_ended_sessions_are_refused(self):
        verifier = self.verifier()
        before, after = new_id(), new_id()
        self.gateway.tell_everything(ended=ids_of(new_id(), before))
        held, live = self.gateway.token(sid=after), self.gateway.token()
        self.assertEqual(self.reason(verifier, self.gateway.token(sid=before)), "session_ended")
        self.assertIsNone(self.reason(verifier, held))
        self.gateway.tell("x.1", self.gateway.message(ended=ids_of(after)))
        self.eventually(lambda: self.reason(verifier, held) == "session_ended", "the end")
        self.assertIsNone(self.reason(verifier, live))
        self.assertEqual(self.gateway.connections, [""])

    def test_that_are_outdated_are_refused(self):
        verifier = self.verifier()
        user, org, early, old, ended = new_id(), new_id(), new_id(), new_id(1), new_id()
        now = int(time.time() * 1000) + 1000
        late = new_id(now + 1)
        self.gateway.tell_everything(ended=ids_of(ended), changed=[[user, now], [org, now]], everything_before=now - 3_600_000)
        actor = {"sub": new_id(), "sid": new_id(), "jti": early}
        for claims, reason in [
            ({"sub": user, "jti": early}, "token_outdated"),
            ({"jti": early, "org": {"id": org, "slug": "a", "role": "owner"}}, "token_outdated"),
            ({"sub": user, "jti": late}, None),
            ({"jti": early}, None),
            ({"sid": old}, "session_ended"),
            ({"sid": old, "client_id": "api-key"}, None),
            ({"sid": old, "sub": old}, None),
            ({"jti": old, "client_id": "api-key"}, "session_ended"),
            ({"act": actor}, None),
            ({"act": {"sub": "a-client"}}, None),
            ({"act": {**actor, "sid": ended}}, "session_ended"),
            ({"act": {**actor, "jti": old}}, "session_ended"),
            ({"jti": late, "act": {**actor, "sub": user}}, "token_outdated"),
            ({"jti": early, "act": {**actor, "sub": user, "jti": late}}, None),
            ({"jti": early, "act": {"sub": user}}, "token_outdated"),
            ({"jti": late, "act": {"sub": user}}, None),
            ({"act": {**actor, "act": {**actor, "sid": ended}}}, "session_ended"),
            ({"act": {**actor, "act": {**actor, "act": {**actor, "sub": user}}}}, "token_outdated"),
        ]:
            with self.subTest(claims=claims):
                self.assertEqual(self.reason(verifier, self.gateway.token(**claims)), reason)


class Keys(WithGateway):
    def test_that_change_twice_at_once(self):
        verifier = self.verifier(subscribes=False)
        self.assertIsNone(self.reason(verifier, self.gateway.token()))
        for kid in ("second", "third"):
            self.gateway.rotate(kid)
            tokens = [self.gateway.token() for _ in range(20)]
            with concurrent.futures.ThreadPoolExecutor(20) as threads:
                reasons = set(threads.map(lambda token: self.reason(verifier, token), tokens))
            self.assertEqual((kid, reasons), (kid, {None}))
        # Anyone can name a key that doesn't exist.
        self.gateway.rotate("fourth")
        self.assertEqual(self.reason(verifier, self.gateway.token()), "token_key_unknown")


class Messages(WithGateway):
    def test_that_are_not_believed(self):
        now = int(time.time())
        cases = [
            ("of another issuer", {"iss": "https://evil.example"}),
            ("of long ago", {"iat": now - 240}),
            ("of the future", {"iat": now + 120}),
            ("without a time", {"iat": None}),
            ("with ids of another form", {"ended": 7}),
            ("with other letters", {"ended": "!" * 22}),
            ("with half an id", {"ended": "AAAA"}),
            ("without changes", {"changed": None}),
            ("with half a change", {"changed": [[new_id()]]}),
            ("with a change of another form", {"changed": [[new_id(), "1"]]}),
            ("without a time of everything", {"everything_before": None}),
            ("without a time to keep", {"keep": None}),
            ("part 0", {"snapshot": part("x", 0, 1)}),
            ("part 2 of 1", {"snapshot": part("x", 2, 1)}),
            ("a part of too many", {"snapshot": part("x", 1, 2**40)}),
            ("a part of no snapshot", {"snapshot": part("", 1, 1)}),
            ("a part that is none", {"snapshot": None}),
        ]

        def changed(members):
            def make(gateway, good):
                claims = {name: value for name, value in {**good, **members}.items() if value is not None or name == "snapshot"}
                return gateway.sign("revocations+jwt", claims)

            return make

        def tampered(gateway, good):
            return ".".join([*gateway.sign("revocations+jwt", good).split(".")[:2], gateway.message().split(".")[2]])

        makers = [(name, changed(members)) for name, members in cases] + [
            ("an access token", lambda gateway, good: gateway.sign("at+jwt", good)),
            ("of another key", lambda _gateway, good: self.gateway.sign("revocations+jwt", good)),
            ("tampered", tampered),
            ("no JWS", lambda _gateway, _good: "x"),
        ]

        def check(make):
            gateway = self.new_gateway()
            verifier = self.verifier(gateway)
            sid = new_id()
            token = gateway.token(sid=sid)
            good = gateway.content(ended=ids_of(sid), snapshot=part(new_id(), 1, 1))
            gateway.tell("x.9", make(gateway, good))
            # What comes next isn't read on a connection that told what can't be believed.
            self.eventually(lambda: self.reason(verifier, token) is None and len(gateway.connections) > 1, "a connection")
            gateway.tell("x.1", gateway.sign("revocations+jwt", good))
            self.eventually(lambda: self.reason(verifier, token) == "session_ended", "the end")
            self.assertNotIn("x.9", gateway.connections)

        with concurrent.futures.ThreadPoolExecutor(len(makers)) as threads:
            for name, done in [(name, threads.submit(check, make)) for name, make in makers]:
                with self.subTest(name):
                    done.result()

    def test_of_new_keys_are_believed(self):
        verifier = self.verifier(options={"cooldown": 0})
        sid = new_id()
        token = self.gateway.token(sid=sid)
        self.gateway.tell_everything()
        self.assertIsNone(self.reason(verifier, token))
        self.gateway.rotate("second")
        self.gateway.tell("x.1", self.gateway.message(ended=ids_of(sid)))
        self.eventually(lambda: self.reason(verifier, token) == "session_ended", "the end")


class Snapshots(WithGateway):
    def test_are_complete_with_all_parts_of_one(self):
        states = []
        verifier = self.verifier(when_lost="refuse", on_change=lambda state, _error: states.append(state))
        gateway, token = self.gateway, self.gateway.token()
        old, snapshot, sid = new_id(), new_id(), new_id()
        gateway.tell("", gateway.message(snapshot=part(old, 2, 3)))
        gateway.tell("", gateway.message(snapshot=part(snapshot, 1, 3)))
        gateway.tell("", gateway.message(ended=ids_of(new_id())))
        gateway.tell("", gateway.message(snapshot=part(snapshot, 3, 3), ended=ids_of(sid)))
        gateway.tell("", gateway.message(snapshot=part(snapshot, 3, 3)))
        gateway.events.put(":\n\n")
        self.assertEqual(self.reason(verifier, token), "revocations_lost")
        self.eventually(gateway.events.empty, "the parts")
        self.assertEqual((self.reason(verifier, token), states), ("revocations_lost", []))
        gateway.tell("x.5", gateway.message(snapshot=part(snapshot, 2, 3), stream="a", told=0))
        self.eventually(gateway.events.empty, "the last part")
        self.assertEqual((self.reason(verifier, token), states), ("revocations_lost", []))
        gateway.tell("", gateway.sign_of_life("a", 0))
        self.eventually(lambda: self.reason(verifier, token) is None, "the sign of life")
        self.assertEqual(self.reason(verifier, gateway.token(sid=sid)), "session_ended")

        def connect_again(*named):
            self.eventually(gateway.events.empty, "the parts")
            gateway.hang_up()
            self.eventually(lambda: gateway.connections == list(named), "another connection")

        connect_again("", "x.5")
        # A snapshot that is broken off says nothing, and its id isn't named, although that of before is.
        gateway.tell("", gateway.message(snapshot=part("broken", 1, 2)))
        connect_again("", "x.5", "x.5")
        # Parts of two connections make no snapshot: between them, something may have been missed.
        gateway.tell("x.6", gateway.message(snapshot=part("broken", 2, 2)))
        connect_again("", "x.5", "x.5", "x.5")
        # Parts of another count are none.
        gateway.tell("", gateway.message(snapshot=part("odd", 1, 3)))
        gateway.tell("x.7", gateway.message(snapshot=part("odd", 2, 2)))
        self.eventually(lambda: gateway.connections == ["", "x.5", "x.5", "x.5", ""], "another connection")
        self.assertEqual(states, ["heard"])


class SignsOfLife(WithGateway):
    """Whoever sits between the gateway and the verifier may hold back what it likes, and repeat what it has seen."""

    def test_that_are_none(self):
        def comments(_gateway):
            while True:
                yield ":\n\n"

        def the_same_one_again(gateway):
            message = gateway.sign_of_life("a", 0)
            while True:
                yield f"event: revocations\ndata: {message}\n\n"

        def of_something_new(gateway):
            for number in itertools.count(1):
                yield f"event: revocations\ndata: {gateway.message(stream='a', number=number)}\n\n"

        def of_everything(gateway):
            while True:
                message = gateway.message(snapshot=part(new_id(), 1, 1), stream="a", told=0)
                yield f"event: revocations\ndata: {message}\n\n"

        def check(make):
            gateway = self.new_gateway()
            verifier = self.verifier(gateway, when_lost="refuse", lost_after=10)
            token, events, due = gateway.token(), make(gateway), 0
            gateway.tell_everything(stream="a", told=0)
            self.assertIsNone(self.reason(verifier, token))

            def is_lost():
                nonlocal due
                if time.monotonic() >= due:
                    gateway.events.put(next(events))
                    due = time.monotonic() + 0.2
                return self.reason(verifier, token) == "revocations_lost"

            self.eventually(is_lost, f"the loss: {make.__name__}")

        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            list(threads.map(check, [comments, the_same_one_again, of_something_new, of_everything]))

    def test_of_a_minute_ago(self):
        verifier = self.verifier(when_lost="refuse")
        ago = {"iat": int(time.time()) - 60, "stream": "a", "told": 0}
        self.gateway.tell_everything(**ago)
        self.assertEqual(self.reason(verifier, self.gateway.token()), "revocations_lost")
        self.assertEqual((self.gateway.events.empty(), self.gateway.connections), (True, [""]))

    def test_keep_the_gateway_heard(self):
        states = []
        verifier = self.verifier(when_lost="refuse", lost_after=10, on_change=lambda state, _error: states.append(state))
        token, begun, told = self.gateway.token(), time.monotonic(), 0
        self.gateway.tell_everything(stream="a", told=0)

        def is_over():
            nonlocal told
            if time.monotonic() - begun > 5 * (told + 1):
                told += 1
                self.gateway.tell("", self.gateway.sign_of_life("a", 0))
            self.assertIsNone(self.reason(verifier, token))
            return time.monotonic() - begun > 14

        self.eventually(is_over, "more than the time after which it is lost")
        self.assertEqual((states, self.gateway.connections), (["heard"], [""]))

    def test_tell_of_messages_that_are_held_back(self):
        verifier = self.verifier()
        gateway, sid = self.gateway, new_id()
        token = gateway.token(sid=sid)
        # What is told while a snapshot is sent comes before its end, in any order.
        gateway.tell("", gateway.message(stream="a", number=9))
        gateway.tell("", gateway.message(stream="a", number=8))
        gateway.tell_everything(stream="a", told=7)
        gateway.tell("x.10", gateway.message(stream="a", number=10))
        gateway.tell("", gateway.sign_of_life("a", 10))
        gateway.tell("", gateway.sign_of_life("a", 9))
        self.assertIsNone(self.reason(verifier, token))
        self.eventually(gateway.events.empty, "the messages")
        gateway.hang_up()
        self.eventually(lambda: gateway.connections == ["", "x.10"], "another connection")
        # Number 11 is missing.
        gateway.tell("x.12", gateway.message(stream="a", number=12))
        gateway.tell("", gateway.sign_of_life("a", 12))
        self.eventually(lambda: gateway.connections == ["", "x.10", ""], "a connection that begins with everything")
        gateway.tell_everything(stream="a", told=12, ended=ids_of(sid))
        self.eventually(lambda: self.reason(verifier, token) == "session_ended", "the end")
        # Another process has told other messages.
        gateway.tell("", gateway.sign_of_life("b", 12))
        self.eventually(lambda: len(gateway.connections) == 4, "another connection")


class Streams(WithGateway):
    def test_that_are_lost_and_back(self):
        states = []
        verifier = self.verifier(
            when_lost="refuse", lost_after=10, on_change=lambda state, error: states.append((state, error is None))
        )
        token = self.gateway.token()
        self.gateway.tell_everything()
        self.assertIsNone(self.reason(verifier, token))
        self.gateway.is_down = True
        self.gateway.hang_up()
        self.eventually(lambda: self.reason(verifier, token) is not None, "the silence to be noticed")
        with self.assertRaises(AuthError) as found:
            verifier.verify(token)
        self.assertEqual((found.exception.status, found.exception.code), (503, "revocations_unknown"))
        self.assertEqual(found.exception.headers["Retry-After"], "1")
        self.eventually(lambda: states == [("heard", True), ("lost", False)], "the listener")
        accepting = self.verifier()
        self.assertIsNone(self.reason(accepting, token))
        accepting.close()
        self.gateway.is_down = False
        self.gateway.tell_everything()
        self.eventually(lambda: self.reason(verifier, token) is None, "the gateway")
        self.eventually(lambda: states[2:] == [("heard", True)], "the listener")

    def test_that_send_nothing_no_end_or_no_line(self):
        def check(text):
            gateway = self.new_gateway()
            gateway.events.put(text)
            verifier = self.verifier(gateway, lost_after=10)
            begun = time.monotonic()
            self.assertIsNone(self.reason(verifier, gateway.token()))
            self.assertGreater(time.monotonic() - begun, 2)

            def is_new():
                if text == ".":
                    gateway.events.put(".")
                return len(gateway.connections) > 1

            self.eventually(is_new, "another connection")

        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            list(threads.map(check, ["", ".", "data: " + "x" * (20 << 20)]))

    def test_that_break_a_line_anywhere(self):
        verifier = self.verifier()
        sid = new_id()
        message = self.gateway.message(snapshot=part("x", 1, 1), ended=ids_of(sid))
        for piece in ["id: x.1\r", "\nevent: revoca", "tions\r\nda", f"ta:{message[:50]}", f"{message[50:]}\r\n\r", "\n"]:
            self.gateway.events.put(piece)
        self.assertEqual(self.reason(verifier, self.gateway.token(sid=sid)), "session_ended")

    def test_whose_ids_no_header_can_have(self):
        verifier = self.verifier()
        for event_id in ["x.1", "x\x01", "é", "x" * 10_000]:
            self.gateway.tell(event_id, self.gateway.message(snapshot=part(new_id(), 1, 1)))
        self.reason(verifier, self.gateway.token())
        self.eventually(self.gateway.events.empty, "the messages")
        self.gateway.hang_up()
        self.eventually(lambda: self.gateway.connections == ["", "x.1"], "another connection")

    def test_whose_id_is_refused(self):
        verifier = self.verifier()
        sid = new_id()
        token = self.gateway.token(sid=sid)
        self.gateway.tell_everything()
        self.assertIsNone(self.reason(verifier, token))
        self.gateway.refused = "x.0"
        self.gateway.hang_up()
        self.eventually(lambda: self.gateway.connections == ["", "x.0", ""], "a connection that begins with everything")
        self.gateway.tell_everything(ended=ids_of(sid))
        self.eventually(lambda: self.reason(verifier, token) == "session_ended", "the end")

    def test_end_with_the_verifier(self):
        def listening():
            return [thread for thread in threading.enumerate() if thread.name == "vestibule-revocations"]

        self.eventually(lambda: listening() == [], "other tests")
        verifier = self.verifier()
        self.gateway.tell_everything()
        self.reason(verifier, self.gateway.token())
        self.assertEqual(len(listening()), 1)
        begun = time.monotonic()
        verifier.close()
        self.eventually(lambda: listening() == [], "the thread to end")
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(self.gateway.connections, [""])

    def test_of_a_gateway_that_does_not_know_the_key(self):
        verifier = self.verifier(key="another")
        self.assertIsNone(self.reason(verifier, self.gateway.token()))
        self.assertGreater(len(self.gateway.connections), 1)


class Lists(unittest.TestCase):
    def message(self, *ended, changed=()):
        return {"keep": 600, "ended": ids_of(*ended), "changed": changed, "everything_before": 0}

    def test_drop_what_ended_long_ago(self):
        first, second, user = new_id(), new_id(), new_id()
        revoked = RevokedList(1000)
        revoked.apply(self.message(first, changed=[[user, 1_000_000]]), 1000)
        revoked.apply(self.message(second), 1700)
        self.assertTrue(revoked.has_ended(first) and revoked.has_ended(second))
        self.assertEqual(revoked._changed, {})
        revoked.apply(self.message(), 2400)
        self.assertEqual((revoked.has_ended(first), revoked.has_ended(second)), (False, True))

    def test_hold_a_million(self):
        revoked = RevokedList(time.time())
        for number in range(50):
            ended = [f"{number:08x}-0000-7000-8000-{index:012x}" for index in range(20_000)]
            revoked.apply(self.message(*ended), time.time())
        self.assertTrue(revoked.has_ended(ended[-1]))
        self.assertFalse(revoked.has_ended(new_id()))
        self.assertEqual(len(revoked._ended), 1_000_000)


class Options(unittest.TestCase):
    def test_what_can_not_be(self):
        for key, settings in [("", {}), (None, {}), ("x", {"when_lost": "ignore"}), ("x", {"lost_after": 1})]:
            with self.subTest(key=key, settings=settings), self.assertRaises(ValueError):
                Revocations(key, **settings)


if __name__ == "__main__":
    unittest.main()
