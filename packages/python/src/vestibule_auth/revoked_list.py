"""Which tokens have ended before their time, in memory."""

import base64
import uuid

_API_KEY_CLIENT = "api-key"


class RevokedList:
    """What the gateway has told. Ended sessions are kept in two generations; each is dropped as a whole when none of its sessions can have
    a live token."""

    def __init__(self, now):
        self._ended, self._ended_earlier = set(), set()
        self._generation_start = now
        self._changed = {}
        self._everything_before = 0

    def apply(self, message, now):
        """Applies the claims of a message. Raises for those of another form."""
        keep, everything_before = message["keep"], message["everything_before"]
        text = message["ended"]
        ended = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        if not _is_number(keep) or not _is_number(everything_before) or len(ended) % 16 != 0:
            raise ValueError("a message of another form")
        changed = [(text_of(user), _number(before)) for user, before in message["changed"]]
        self._rotate(keep, now)
        self._ended.update(ended[start : start + 16] for start in range(0, len(ended), 16))
        for user, before in changed:
            self._changed[user] = max(before, self._changed.get(user, 0))
        self._everything_before = max(self._everything_before, everything_before)

    def has_ended(self, session):
        """Whether this session or API key was ended by itself."""
        found = _bytes_of(session)
        return found in self._ended or found in self._ended_earlier

    def reason_against(self, claims):
        """Why a token isn't accepted any more; None for one that is live."""
        # A token exchanged for an API key's or a service's token begins anew each time; a session begins once.
        is_of_session = claims.get("client_id") != _API_KEY_CLIENT and claims["sid"] != claims["sub"]
        began = _timestamp_of(claims["sid"] if is_of_session else claims["jti"])
        if self.has_ended(claims["sid"]) or began < self._everything_before:
            return "session_ended"
        org = claims.get("org", {}).get("id")
        changed_at = max(self._changed.get(claims["sub"], 0), self._changed.get(org, 0))
        if _timestamp_of(claims["jti"]) < changed_at:
            return "token_outdated"
        return self._reason_against_actors(claims) if "act" in claims else None

    def _reason_against_actors(self, claims):
        actor = claims["act"]
        while actor is not None:
            # One whose own token isn't named is as old as this one.
            read_at = _timestamp_of(actor.get("jti", claims["jti"]))
            if ("sid" in actor and self.has_ended(actor["sid"])) or read_at < self._everything_before:
                return "session_ended"
            if read_at < self._changed.get(actor["sub"], 0):
                return "token_outdated"
            actor = actor.get("act")
        return None

    def _rotate(self, keep, now):
        if now < self._generation_start + keep:
            return
        self._generation_start = now
        # First the copy, for those who look meanwhile.
        self._ended_earlier = self._ended
        self._ended = set()
        self._changed = {user: before for user, before in self._changed.items() if before > (now - keep) * 1000}


def _is_number(value):
    return type(value) in (int, float) and value >= 0


def _number(value):
    if not _is_number(value):
        raise ValueError("a time is a number")
    return value


def text_of(value):
    if not isinstance(value, str) or value == "":
        raise ValueError("an id is a text")
    return value


def _bytes_of(text):
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return b""


def _timestamp_of(text):
    """The time in a UUID v7, in milliseconds since the epoch (RFC 9562 section 5.7); 0 for another text."""
    return int.from_bytes(_bytes_of(text)[:6], "big")
