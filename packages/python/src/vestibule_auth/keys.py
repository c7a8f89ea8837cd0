"""The gateway's public keys."""

import json
import threading
import time
import urllib.request

import jwt

from .errors import AuthError

#: Seconds after which keys that are in use are read again, beside requests: a key that the gateway withdrew goes within this time.
REFRESH_AFTER = 50
#: Seconds for which keys are used although they couldn't be read again.
USABLE_FOR = 3600
#: Least seconds between two attempts while the gateway doesn't answer.
RETRY_AFTER = 1
#: Seconds without an attempt to read them after which a request waits for one: the service was idle meanwhile.
_IDLE_AFTER = 2 * REFRESH_AFTER
_TIMEOUT = 3
_MAXIMUM = 65_536


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the gateway sends none."""

    def redirect_request(self, *_args, **_options):
        return None


class KeySet:
    """Keys, read when a token needs them, and kept. Threads may share it."""

    def __init__(self, uri, cooldown, clock=time.monotonic):
        self._uri = uri
        self._cooldown = cooldown
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = {}
        self._read_at = self._failed_at = self._tried_at = self._begun_at = float("-inf")
        #: When the last two readings because of unknown key ids were done.
        self._searched_at = (float("-inf"), float("-inf"))
        self._opener = urllib.request.build_opener(NoRedirect)

    def find(self, kid):
        """The key of an id, and its algorithm. Raises AuthError ``keys_unavailable``; KeyError for a key that isn't the gateway's."""
        asked = self._clock()
        age = asked - self._read_at
        if age > USABLE_FOR:
            self._read(self._read_at)
        elif age > REFRESH_AFTER:
            if self._must_wait():
                self._try_read(self._read_at)
            else:
                self._refresh()
        if kid not in self._keys and self._may_search():
            self._search(kid, asked)
        return self._keys[kid]

    def has(self, kid):
        """Whether a key that verified a token before is still the gateway's; false where a request has to wait for a reading of them."""
        age = self._clock() - self._read_at
        if age > REFRESH_AFTER:
            if self._must_wait():
                return False
            self._refresh()
        return age <= USABLE_FOR and kid in self._keys

    def _may_search(self):
        """Whether a key id that isn't known causes a reading. Two in a cooldown do: a gateway may change its key twice at once, and what
        strangers make up must not become traffic."""
        return self._clock() - self._searched_at[0] >= self._cooldown

    def _search(self, kid, asked):
        """Reads the keys, unless another thread has begun to since ``asked``: a reading that began before may have been too early."""
        with self._lock:
            if kid not in self._keys and self._begun_at < asked and self._may_search():
                self._read_now()
                self._searched_at = (self._searched_at[1], self._clock())

    def _must_wait(self):
        return self._clock() - self._tried_at > _IDLE_AFTER

    def _refresh(self):
        if self._lock.locked() or self._clock() - self._failed_at < RETRY_AFTER:
            return
        threading.Thread(target=self._try_read, args=(self._read_at,), daemon=True).start()

    def _try_read(self, seen):
        try:
            self._read(seen)
        except AuthError:
            pass  # What is known stays in use.

    def _read(self, seen):
        """Reads the keys, unless another thread has done so since ``seen``."""
        with self._lock:
            if self._read_at == seen:
                self._read_now()

    def _read_now(self):
        if self._clock() - self._failed_at < RETRY_AFTER:
            raise AuthError("keys_unavailable", "keys_unreachable_just_now")
        self._begun_at = self._clock()
        try:
            found = self._fetch()
        except Exception as error:  # Whatever it sent instead of keys.
            self._failed_at = self._clock()
            raise AuthError("keys_unavailable", "keys_unreachable") from error
        finally:
            self._tried_at = self._clock()
        self._keys = found
        self._read_at = self._clock()

    def _fetch(self):
        """The keys that can sign tokens and their algorithms, by their ids."""
        deadline = time.monotonic() + _TIMEOUT
        text = b""
        with self._opener.open(self._uri, timeout=_TIMEOUT) as answer:
            while part := answer.read1(_MAXIMUM):
                text += part
                if len(text) > _MAXIMUM or time.monotonic() > deadline:
                    raise ValueError("more than keys can be, or too slow")
        found = {}
        for jwk in json.loads(text)["keys"]:
            if (jwk["kty"], jwk.get("crv")) in (("EC", "P-256"), ("OKP", "Ed25519")):
                algorithm = "ES256" if jwk["kty"] == "EC" else "EdDSA"
                if not isinstance(jwk["kid"], str):
                    raise TypeError("a key id is a text")
                found[jwk["kid"]] = (jwt.PyJWK.from_dict(jwk, algorithm).key, algorithm)
        return found
