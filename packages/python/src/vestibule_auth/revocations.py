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
    :param lost_after: seconds without a signed sign of life after which the gateway counts as lost, at least 10
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

    :param tolerance: seconds by which this clock and the gateway's may differ
    :param read: verifies a message of the gateway, and returns its claims
    """

    def __init__(self, settings, uri, tolerance, read):
        self.settings = settings
        self.revoked = RevokedList(time.time())
        self._uri = uri
        self._tolerance = tolerance
        self._read = read
        self._lock = threading.Lock()
        self._thread = None
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._connection = None
        #: When the last sign of life came, by a clock that isn't set, when it was issued, in seconds since the epoch, and by which process.
        self._heard_at = self._issued_at = float("-inf")
        self._issued_by = None
        self._place = _Place()
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
        lost_after = self.settings.lost_after
        return (
            time.monotonic() - self._heard_at > lost_after
            # Whatever held it up on its way.
            or time.time() - self._issued_at > lost_after + self._tolerance
        )

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
            lost = error or ValueError("no sign of life was heard")
            self.settings.on_change(state, lost if state == "lost" else None)
        except Exception:  # It is the listener's own, and refuses no token.
            pass

    def _connect(self):
        """Reads one connection to its end."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.settings.key}"}
        progress = _Progress(self._last_id)
        if progress.last_id:
            headers["Last-Event-ID"] = progress.last_id
        # After a connection that brings nothing, or what can't be believed, the next one begins with everything.
        self._last_id = ""
        request = urllib.request.Request(self._uri, headers=headers)
        with self._open(request) as answer:
            if answer.status != 200:
                raise ValueError(f"{self._uri} answered {answer.status}")
            self._hold(answer)
            try:
                signed_at = time.monotonic()
                for event_id, data in read_events(answer, self.settings.lost_after):
                    self._take(event_id, data, progress)
                    if data:
                        signed_at = time.monotonic()
                    elif time.monotonic() - signed_at > self.settings.lost_after:
                        raise ValueError("nothing that is signed was heard")
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
            self._last_id = ""
            self._apply(self._read(data), progress)
            if progress.is_complete and _EVENT_ID.fullmatch(event_id):
                progress.last_id = event_id
            self._last_id = progress.last_id
        if self._heard_at > float("-inf"):
            self._tell()
            if not self.is_lost():
                self._ready.set()

    def _apply(self, message, progress):
        part = _part_of(message["snapshot"]) if "snapshot" in message else None
        self.revoked.apply(message, time.time())
        if part is not None:
            progress.add(*part)
        self._place.follow(message, progress.is_complete)
        if message.get("told") is None or part is not None:
            # A part of a snapshot is no sign of life: what it tells is older than its signature.
            return
        stream = message.get("stream")
        # Another process has a clock of its own.
        if stream != self._issued_by or message["iat"] > self._issued_at:
            self._issued_at, self._issued_by = message["iat"], stream
            self._heard_at = time.monotonic()


class _Place:
    """Up to where everything is known that one process of the gateway told."""

    def __init__(self):
        self._stream, self._number = None, 0
        #: Numbers of messages behind it that have come, and the process that told them.
        self._received, self._received_from = set(), None

    def follow(self, message, is_complete):
        """Takes account of a message's place. Raises when another message was held back."""
        stream, told, is_part = message.get("stream"), message.get("told"), "snapshot" in message
        if "number" in message:
            if stream != self._received_from:
                self._received, self._received_from = set(), stream
            self._received.add(message["number"])
        if told is None or (is_part and not is_complete):
            return
        if is_part and stream != self._stream:
            self._stream, self._number = stream, told
        elif is_part:
            self._number = max(self._number, told)
        while self._stream == self._received_from and self._number + 1 in self._received:
            self._number += 1
        if not is_complete or stream != self._stream or self._number < told:
            raise ValueError("a message was held back")
        self._received = {number for number in self._received if number > self._number}


class _Progress:
    """What one connection has told so far."""

    def __init__(self, last_id):
        #: The id to name next time.
        self.last_id = last_id
        #: Whether everything is known that the gateway has told until now: who names what it knows is sent what it missed, or else a snapshot.
        self.is_complete = last_id != ""
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
