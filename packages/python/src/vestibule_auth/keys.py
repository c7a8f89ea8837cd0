"""The gateway's public keys."""

import json
import threading
import time
import urllib.error
import urllib.request

import jwt

from .errors import AuthError

#: Seconds after which keys that are in use are read again, beside requests: a key that the gateway withdrew goes within this time.
REFRESH_AFTER = 50
#: Seconds for which keys are used although they couldn't be read again.
USABLE_FOR = 3600
#: Least seconds between two attempts while the gateway doesn't answer.
RETRY_AFTER = 1
_TIMEOUT = 3
_MAXIMUM = 65_536


class _NoRedirect(urllib.request.HTTPRedirectHandler):
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
        self._read_at = self._failed_at = float("-inf")
        self._opener = urllib.request.build_opener(_NoRedirect)

    def find(self, kid):
        """The key of an id. Raises AuthError ``keys_unavailable``; KeyError for a key that isn't the gateway's."""
        age = self._clock() - self._read_at
        if age > USABLE_FOR or (kid not in self._keys and age >= self._cooldown):
            self._read(self._read_at)
        elif age > REFRESH_AFTER:
            self._refresh()
        return self._keys[kid]

    def has(self, kid):
        """Whether a key that verified a token before is still the gateway's."""
        age = self._clock() - self._read_at
        if age > REFRESH_AFTER:
            self._refresh()
        return age <= USABLE_FOR and kid in self._keys

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
            if self._read_at != seen:
                return
            if self._clock() - self._failed_at < RETRY_AFTER:
                raise AuthError("keys_unavailable", "keys_unreachable_just_now")
            try:
                with self._opener.open(self._uri, timeout=_TIMEOUT) as answer:
                    text = answer.read(_MAXIMUM + 1)
                if len(text) > _MAXIMUM:
                    raise ValueError("more than keys can be")
                found = jwt.PyJWKSet.from_dict(json.loads(text)).keys
            except (OSError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
                self._failed_at = self._clock()
                raise AuthError("keys_unavailable", "keys_unreachable") from error
            self._keys = {key.key_id: key.key for key in found}
            self._read_at = self._clock()
