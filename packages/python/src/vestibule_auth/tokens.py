"""The gateway's signed tokens and messages."""

import json
import re
import threading
import time

import jwt

from .errors import AuthError

#: What a token that isn't one makes PyJWT raise.
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
_MAXIMUM_LENGTH = 8192
#: A segment in base64url in its one spelling (RFC 7515 section 2): without padding, and no bits behind the last byte.
_SEGMENT = r"(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048]|[\w-]{4})"
_COMPACT = re.compile(rf"{_SEGMENT}\.{_SEGMENT}\.{_SEGMENT}", re.ASCII)
#: The largest whole number that every language reads from JSON as it is written.
_LATEST = 2**53 - 1
#: Seconds that a message may have been on its way: an older one is a repetition; and by which clocks may differ for it.
_MESSAGE_AGE, _MESSAGE_TOLERANCE = 120, 60
_TYPES = {
    "sub": str,
    "sid": str,
    "jti": str,
    "aud": str,
    "scope": str,
    "amr": list,
    "email_verified": bool,
}
_TIMES = ("exp", "iat", "nbf", "auth_time")
_OPTIONAL_TYPES = {"sub_profile": str, "idp_sub": str, "roles": list, "org": dict, "email": str, "acr": str, "second_factor": dict}


class TokenVerifier:
    """Verifies what one gateway has signed, and remembers tokens until they expire. Threads may share it.

    :param tolerance: seconds by which this clock and the gateway's may differ
    :param most: how many tokens are remembered
    """

    def __init__(self, keys, issuer, audience, tolerance, most):
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._tolerance = tolerance
        self._most = most
        #: Claims as text, so that each request has its own to change; end and key.
        self._remembered: dict[str, tuple[str, float, str]] = {}
        self._lock = threading.Lock()

    def recall(self, token):
        """The claims of a token that was verified before, if it hasn't expired and its key hasn't been withdrawn."""
        known = self._remembered.get(token)
        if known is None or time.time() >= known[1] + self._tolerance or not self.keys.has(known[2]):
            return None
        return json.loads(known[0])

    def check(self, token):
        """The claims of a live token. Raises AuthError."""
        if token == "":
            raise self.refusal("token_missing")
        if len(token) > _MAXIMUM_LENGTH or _COMPACT.fullmatch(token) is None:
            raise self.refusal("token_malformed")
        required = {"require": ["exp", "iss", "aud", "sub"]}
        claims, kid = self._decode(token, "at+jwt", audience=self._audience, leeway=self._tolerance, options=required)
        if not _are_claims(claims):
            raise self.refusal("token_claims")
        self._remember(token, claims, kid)
        return claims

    def read_message(self, token):
        """The claims of what the gateway tells of revocations. Raises for what it didn't tell, or not just now."""
        options = {"require": ["iss", "iat"], "verify_aud": False}
        message, _ = self._decode(token, "revocations+jwt", leeway=_MESSAGE_TOLERANCE, options=options)
        if time.time() - message["iat"] > _MESSAGE_AGE + _MESSAGE_TOLERANCE:
            raise ValueError("a message of long ago")
        return message

    def _decode(self, token, typ, **checks):
        """The claims of a JWS of the gateway, and the id of the key that signed it."""
        header = self._header_of(token)
        kid = header.get("kid")
        if header.get("typ") != typ or not isinstance(kid, str) or "crit" in header:
            raise self.refusal("token_header")
        try:
            key, algorithm = self.keys.find(kid)
        except KeyError as error:
            raise self.refusal("token_key_unknown") from error
        try:
            # The algorithm is that of the key, whatever the token says.
            return jwt.decode(token, key, algorithms=[algorithm], issuer=self._issuer, **checks), kid
        except _UNREADABLE as error:
            raise self.refusal(_reason(error)) from error

    def _header_of(self, token):
        try:
            return jwt.get_unverified_header(token)
        except _UNREADABLE as error:
            raise self.refusal("token_malformed") from error

    def _remember(self, token, claims, kid):
        with self._lock:
            while self._remembered and len(self._remembered) >= self._most:
                # The oldest: a dictionary keeps the order in which its members came.
                del self._remembered[next(iter(self._remembered))]
            self._remembered[token] = (json.dumps(claims), claims["exp"], kid)

    def refusal(self, reason, challenge=None):
        """The refusal of a token, for a reason that its caller isn't told."""
        if challenge is None:
            challenge = "Bearer" if reason == "token_missing" else 'Bearer error="invalid_token"'
        return AuthError("unauthenticated", reason, challenge=challenge, login_url=f"{self._issuer}/auth/login")


def _are_claims(claims):
    return (
        all(isinstance(claims.get(name), form) for name, form in _TYPES.items())
        and all(_is_time(claims.get(name)) for name in _TIMES)
        and all(isinstance(claims[name], form) for name, form in _OPTIONAL_TYPES.items() if name in claims)
        and ("org" not in claims or {"id", "slug", "role"} <= claims["org"].keys())
        and ("act" not in claims or _is_actor(claims["act"]))
        and ("cnf" not in claims or _is_thumbprint(claims["cnf"]))
    )


def _is_actor(value):
    return (
        isinstance(value, dict)
        and isinstance(value.get("sub"), str)
        and all(isinstance(value[name], str) for name in ("sid", "jti") if name in value)
        and ("act" not in value or _is_actor(value["act"]))
    )


def _is_thumbprint(value):
    return isinstance(value, dict) and isinstance(value.get("jkt"), str) and value["jkt"] != ""


def _is_time(value):
    """Whether a value is a whole number of seconds: neither a text nor a boolean, which is a kind of int in Python."""
    return type(value) in (int, float) and 0 <= value <= _LATEST and value == int(value)


def _reason(error):
    return {
        jwt.ExpiredSignatureError: "token_expired",
        jwt.ImmatureSignatureError: "token_claim_nbf",
        jwt.InvalidAudienceError: "token_claim_aud",
        jwt.InvalidIssuerError: "token_claim_iss",
        jwt.InvalidSignatureError: "token_signature",
    }.get(type(error), "token_malformed")
