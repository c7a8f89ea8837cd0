"""The refusal of a request."""

import json
import math

_CATALOGUE = {
    "malformed_request": (400, "The request could not be read"),
    "unauthenticated": (401, "Log in first"),
    "reauthentication_required": (401, "Log in again for this"),
    "forbidden": (403, "Not allowed"),
    "email_unverified": (403, "Verify your e-mail address first"),
    "insufficient_scope": (403, "The token or API key does not cover this"),
    "revocations_unknown": (503, "Tokens cannot be verified at the moment"),
    "keys_unavailable": (503, "Tokens cannot be verified at the moment"),
}


class AuthError(Exception):
    """A request that is refused: its status, headers and body are a complete answer (RFC 6750, RFC 9457, RFC 9470)."""

    def __init__(self, code, reason, *, detail=None, challenge=None, login_url=None, retry_after=1):
        self.status, title = _CATALOGUE[code]
        super().__init__(detail or title)
        self.code = code
        #: Why, for your log. Don't send it: it helps an attacker.
        self.reason = reason
        self.headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if challenge is not None:
            self.headers["WWW-Authenticate"] = challenge
        if self.status == 503:
            self.headers["Retry-After"] = str(math.ceil(retry_after))
        members = {"type": "about:blank", "title": title, "status": self.status, "code": code}
        members.update({name: value for name, value in (("detail", detail), ("loginUrl", login_url)) if value is not None})
        #: The body: RFC 9457 problem details, as JSON.
        self.body = json.dumps(members)
