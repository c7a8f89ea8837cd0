"""API keys, each of which is exchanged at the gateway for a token (RFC 8693)."""

import concurrent.futures
import hashlib
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

from .errors import AuthError
from .keys import RETRY_AFTER, NoRedirect

PREFIX = "vst_"
#: An id and a secret, which a checksum follows.
_FORM = re.compile(r"(vst_[\da-f]{12}7[\da-f]{3}[89ab][\da-f]{15}_[\w-]{43})([\da-f]{8})", re.ASCII)
#: Exchanges that run at a time, for known and for unknown keys each, and requests with unknown keys that may wait.
MOST_EXCHANGES, MOST_WAITING = 8, 64
_MOST_REFUSED = 10_000
#: Seconds for which a key is refused whose new token isn't accepted here.
NOT_ACCEPTED_FOR = 1
#: How many unknown keys may be refused until others have to wait, and seconds after which one more may. With those that are on their way,
#: it is less than the 100 in ten minutes after which the gateway answers no exchange from this address, known keys neither.
_MOST_REFUSALS, _FORGIVEN_AFTER = 30, 12
#: Least and most seconds without an exchange after the gateway couldn't answer one.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1, 60
#: Seconds before its end from which a token is exchanged for again, beside requests; less if it is short.
_LONGEST_MARGIN = 30
_TIMEOUT = 3
_MAXIMUM = 65_536


class KeyRefused(Exception):
    """A key that isn't accepted; its only argument is the reason."""


class ApiKeys:
    """Exchanges API keys for tokens, and remembers these by digests of the keys. Threads may share it.

    :param most: how many tokens are remembered
    :param cooldown: seconds for which a key that the gateway refused isn't asked for again
    :param verify: verifies a token that was exchanged, and returns its claims
    """

    def __init__(self, uri, most, cooldown, verify):
        self._uri = uri
        self._most = most
        self._cooldown = cooldown
        self._verify = verify
        self._lock = threading.Lock()
        #: Tokens, and when each is to be exchanged for again.
        self._tokens = {}
        #: Reasons, and until when they hold.
        self._refused = {}
        #: Exchanges that others may wait for.
        self._flights = {}
        #: Known keys have places of their own, so that made-up keys don't keep them waiting.
        self._known, self._unknown = (threading.BoundedSemaphore(MOST_EXCHANGES) for _ in range(2))
        self._waiting = 0
        #: Why there are no exchanges until then.
        self._paused = (None, 0)
        #: Unknown keys that were refused, less those that time has forgiven.
        self._refusals, self._forgiven_at = 0, 0
        self._opener = urllib.request.build_opener(NoRedirect)

    def find(self, key):
        """The token of a key that was exchanged before; None without one."""
        digest = _digest_of(key)
        known = self._tokens.get(digest)
        if known is None:
            return None
        token, renew_at = known
        if time.time() >= renew_at:
            self._renew(key, digest, known)
        return token

    def exchange(self, key):
        """Asks the gateway for a token; requests with one key share an exchange. Raises KeyRefused, or AuthError if it can't be asked."""
        digest = _digest_of(key)
        with self._lock:
            reason, until = self._refused.get(digest, (None, 0))
            if time.monotonic() < until:
                raise KeyRefused(reason)
            flight = self._flights.get(digest)
            is_first = flight is None
            if is_first:
                is_known = digest in self._tokens
                self._require_open(is_known)
                if not is_known and self._waiting >= MOST_EXCHANGES + MOST_WAITING:
                    raise _unavailable("exchanges_full")
                self._waiting += not is_known
                flight = self._flights[digest] = concurrent.futures.Future()
        if is_first:
            self._fly(key, digest, is_known, flight)
        return flight.result()

    def refuse(self, key, reason, seconds=NOT_ACCEPTED_FOR):
        """Refuses a key for a while."""
        digest = _digest_of(key)
        with self._lock:
            self._tokens.pop(digest, None)
            _add(self._refused, digest, (reason, time.monotonic() + seconds), _MOST_REFUSED)

    def _fly(self, key, digest, is_known, flight):
        token, error = None, None
        try:
            token = self._ask(key, is_known)
            self._remember(digest, token, self._verify(token))
        except KeyRefused as refused:
            error = refused
            self.refuse(key, refused.args[0], self._cooldown)
            with self._lock:
                self._refusals += not is_known
        except AuthError as refusal:
            error = refusal
            if refusal.status == 401:
                # Asking again wouldn't help: the audience is wrong, for example.
                error = KeyRefused(refusal.reason)
                self.refuse(key, refusal.reason)
        except BaseException as caught:
            error = caught
        with self._lock:
            del self._flights[digest]
            self._waiting -= not is_known
        if error is None:
            flight.set_result(token)
        else:
            flight.set_exception(error)

    def _remember(self, digest, token, claims):
        margin = min(_LONGEST_MARGIN, (claims["exp"] - claims.get("iat", claims["exp"])) / 10)
        with self._lock:
            _add(self._tokens, digest, (token, claims["exp"] - margin), self._most)

    def _require_open(self, is_known):
        """Raises while there are to be no exchanges, or none of unknown keys."""
        now = time.monotonic()
        reason, until = self._paused
        if now < until:
            raise _unavailable(reason, until - now)
        self._refusals = max(0, self._refusals - (now - self._forgiven_at) / _FORGIVEN_AFTER)
        self._forgiven_at = now
        if not is_known and self._refusals + 1 > _MOST_REFUSALS:
            raise _unavailable("exchanges_refused", _FORGIVEN_AFTER)

    def _pause(self, reason, seconds):
        """Lets no exchange happen for a while. Returns the refusal."""
        length = min(max(seconds, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        self._paused = (reason, time.monotonic() + length)
        return _unavailable(reason, length)

    def _renew(self, key, digest, known):
        """Exchanges a key again, beside requests. What is known stays in use meanwhile, and if the gateway can't be asked."""
        with self._lock:
            if self._tokens.get(digest) is not known:
                return
            self._tokens[digest] = (known[0], time.time() + RETRY_AFTER + _TIMEOUT)

        def renew():
            try:
                self.exchange(key)
            except (KeyRefused, AuthError):
                pass  # It is remembered if the key was refused.

        threading.Thread(target=renew, daemon=True).start()

    def _ask(self, key, is_known):
        deadline = time.monotonic() + _TIMEOUT
        places = self._known if is_known else self._unknown
        if not places.acquire(timeout=_TIMEOUT):
            raise _unavailable("exchanges_full")
        try:
            with self._lock:
                # The turn may have come late.
                self._require_open(is_known)
            return self._token_in(*self._send(key, deadline))
        except (KeyRefused, AuthError):
            raise
        except Exception as error:  # Whatever it sent instead of a token.
            raise self._pause("exchange_unreachable", _SHORTEST_PAUSE) from error
        finally:
            places.release()

    def _token_in(self, status, headers, text):
        if status == 429:
            seconds = headers.get("Retry-After", "")
            raise self._pause("exchange_rate_limited", int(seconds) if seconds.isdecimal() else 0)
        body = json.loads(text)
        if status == 200 and isinstance(body["access_token"], str):
            return body["access_token"]
        # The gateway doesn't accept the subject (RFC 8693 section 2.2.2).
        if status == 400 and body["error"] == "invalid_request":
            raise KeyRefused("api_key_refused")
        raise ValueError(f"{self._uri} answered {status}")

    def _send(self, key, deadline):
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:vestibule:params:oauth:token-type:api_key",
            "subject_token": key,
        }
        timeout = max(0.1, deadline - time.monotonic())
        try:
            with self._opener.open(self._uri, urllib.parse.urlencode(form).encode(), timeout=timeout) as answer:
                return answer.status, answer.headers, _read(answer, deadline)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.headers, _read(refusal, deadline)


def is_api_key(text):
    """Whether a text has the form of the gateway's keys."""
    found = _FORM.fullmatch(text)
    return found is not None and int(found[2], 16) == zlib.crc32(found[1].encode())


def session_of(key):
    """The id of a key, which is the session of its tokens."""
    return key[len(PREFIX) : len(PREFIX) + 32]


def _unavailable(reason, seconds=_SHORTEST_PAUSE):
    return AuthError("keys_unavailable", reason, retry_after=seconds)


def _digest_of(key):
    return hashlib.sha256(key.encode()).digest()


def _add(memory, name, value, most):
    memory.pop(name, None)
    while memory and len(memory) >= most:
        # The oldest: a dictionary keeps the order in which its members came.
        del memory[next(iter(memory))]
    memory[name] = value


def _read(answer, deadline):
    text = b""
    while part := answer.read1(_MAXIMUM):
        text += part
        if len(text) > _MAXIMUM or time.monotonic() > deadline:
            raise ValueError("more than an answer can be, or too slow")
    return text
