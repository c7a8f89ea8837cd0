"""How a verifier learns which tokens have ended before their time."""

import logging
import random
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from .event_stream import read_events
from .keys import NoRedirect
from .revoked_list import RevokedList, text_of

#: Seconds between two attempts to connect: first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5
#: Seconds after which a connection that ends was a good one: the next attempt needn't wait long.
_GOOD_AFTER = 5
#: Seconds that the first token waits until everything is known.
_FIRST_WAIT = 3
_MOST_PARTS = 100_000
#: What may be sent back in a header: an id isn't signed.
_EVENT_ID = re.compile(r"[!-~]{1,200}")


def _warn(state, error):
    """Logs a loss: with a refused key or a wrong address, ended sessions would be accepted until their tokens expire."""
    if state == "lost":
        logging.getLogger("vestibule_auth").warning("ended sessions are not heard of: %s", error)


class Revocations:
    """Which tokens have ended before their time, as the gateway tells it: the argument ``revocations`` of a verifier.

    :param key: an administrator's API key with the scope ``revocations:read``
    :param when_lost: what happens to tokens while the gateway can't be heard: ``accept`` them until they expire, or ``refuse`` them with 503
    :param lost_after: seconds of silence after which the gateway counts as lost, at least 10
    :param on_change: is told ``heard`` when the gateway is heard, and ``lost`` when it is lost, with what went wrong last; by
        default, a loss is logged
    """

    def __init__(
        self,
        key: str,
        *,
        when_lost: str = "accept",
        lost_after: float = 15,
        on_change: Callable[[str, Exception | None], None] = _warn,
    ):
        if not isinstance(key, str) or key == "" or when_lost not in ("accept", "refuse") or not lost_after >= 10:
            raise ValueError('revocations: set an API key, when_lost to "accept" or "refuse", and lost_after to 10 or more')
        self.key = key
        self.when_lost = when_lost
        self.lost_after = lost_after
        self.on_change = on_change


class Subscription:
    """Hears, in a thread and over one connection, which tokens have ended.

    :param read: verifies a message of the gateway, and returns its claims
    """

    def __init__(self, settings, uri, read):
        self.settings = settings
        self.revoked = RevokedList(time.time())
        self._uri = uri
        self._read = read
        self._lock = threading.Lock()
        self._thread = None
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._connection = None
        self._heard_at = float("-inf")
        self._wait_until = float("inf")
        self._state = None
        self._last_id = ""
        self._opener = urllib.request.build_opener(NoRedirect)

    def is_ready(self):
        """Whether no token has to wait any more."""
        return self._ready.is_set() or time.monotonic() >= self._wait_until

    def wait(self):
        """Begins to listen, and returns when everything is known, or after a while."""
        if self.is_ready():
            return
        with self._lock:
            if self._thread is None:
                self._wait_until = time.monotonic() + _FIRST_WAIT
                self._thread = threading.Thread(target=self._listen, name="vestibule-revocations", daemon=True)
                self._thread.start()
        self._ready.wait(max(0, self._wait_until - time.monotonic()))

    def is_lost(self):
        """Whether the gateway hasn't been heard for too long."""
        return time.monotonic() - self._heard_at > self.settings.lost_after

    def close(self):
        """Stops listening."""
        with self._lock:
            self._closed.set()
            self._ready.set()
            if self._connection is not None:
                _shut(self._connection)

    def _listen(self):
        """Reads the stream, and connects again whenever it ends, until this is closed."""
        pause = _FIRST_PAUSE
        while not self._closed.is_set():
            begun = time.monotonic()
            error = None
            try:
                self._connect()
            except Exception as caught:  # Whatever it sent instead of events.
                error = caught
            if self._closed.is_set():
                return
            self._tell(error)
            if time.monotonic() - begun > _GOOD_AFTER:
                pause = _FIRST_PAUSE
            # Some sooner and some later: many services may have lost the same gateway.
            self._closed.wait(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _tell(self, error=None):
        state = "lost" if self.is_lost() else "heard"
        if state == self._state:
            return
        self._state = state
        try:
            self.settings.on_change(state, error if state == "lost" else None)
        except Exception:  # It is the listener's own, and refuses no token.
            pass

    def _connect(self):
        """Reads one connection to its end."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.settings.key}"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        request = urllib.request.Request(self._uri, headers=headers)
        with self._open(request) as answer:
            if answer.status != 200:
                raise ValueError(f"{self._uri} answered {answer.status}")
            self._hold(answer)
            try:
                # A subscriber who names what it knows is sent what it missed, or else a snapshot.
                progress = _Progress(is_complete=bool(self._last_id))
                for event_id, data in read_events(answer, self.settings.lost_after):
                    self._take(event_id, data, progress)
            finally:
                self._release()

    def _open(self, request):
        try:
            return self._opener.open(request, timeout=self.settings.lost_after)
        except urllib.error.HTTPError as refusal:
            return refusal

    def _hold(self, answer):
        """Lets ``close`` end this connection, whose thread waits for what comes."""
        with self._lock:
            # Of its own: what Python's connection is, depends on TLS.
            self._connection = socket.fromfd(answer.fileno(), socket.AF_INET, socket.SOCK_STREAM)
            if self._closed.is_set():
                _shut(self._connection)

    def _release(self):
        with self._lock:
            self._connection.close()
            self._connection = None

    def _take(self, event_id, data, progress):
        if data:
            try:
                message = self._read(data)
                part = _part_of(message["snapshot"]) if "snapshot" in message else None
                self.revoked.apply(message, time.time())
                if part is not None:
                    progress.add(*part)
            except Exception:
                # The next attempt begins with everything.
                self._last_id = ""
                raise
        if progress.is_complete:
            if _EVENT_ID.fullmatch(event_id):
                self._last_id = event_id
            self._heard_at = time.monotonic()
            self._tell()
            self._ready.set()


class _Progress:
    """What one connection has told so far."""

    def __init__(self, is_complete):
        #: Whether everything is known that the gateway has told until now.
        self.is_complete = is_complete
        self._snapshot = None
        self._received = None

    def add(self, name, part, parts):
        """Counts a part of a snapshot. Raises for one that doesn't belong to the others."""
        if self._received is None:
            self.is_complete = False
        if self._snapshot is None or self._snapshot[0] != name:
            self._snapshot, self._received = (name, parts), set()
        if self._snapshot[1] != parts:
            raise ValueError("parts of a snapshot that don't belong together")
        self._received.add(part)
        self.is_complete = self.is_complete or len(self._received) == parts


def _part_of(snapshot):
    """The id of a snapshot, the number of its part, and of how many. Raises for another form."""
    part, parts = snapshot["part"], snapshot["parts"]
    if type(part) is not int or type(parts) is not int or not 1 <= part <= parts <= _MOST_PARTS:
        raise ValueError("a part of a snapshot of another form")
    return text_of(snapshot["id"]), part, parts


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # It has ended already.
