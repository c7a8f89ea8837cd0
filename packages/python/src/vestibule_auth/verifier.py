"""The verifier of one gateway's tokens, and its use in WSGI and ASGI applications and in FastAPI."""

import asyncio
import concurrent.futures
import functools
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from .errors import AuthError
from .keys import KeySet
from .requirement import Requirement

#: What a token that isn't one makes PyJWT raise.
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
_MAXIMUM_LENGTH = 8192
_BEARER = re.compile(r"bearer +([\w.-]+) *", re.IGNORECASE | re.ASCII)
_TYPES = {
    "sub": str,
    "sid": str,
    "jti": str,
    "aud": str,
    "scope": str,
    "exp": int,
    "auth_time": int,
    "amr": list,
    "email_verified": bool,
}
_OPTIONAL_TYPES = {"roles": list, "org": dict, "email": str, "acr": str}

Claims = Mapping[str, Any]
_NOTHING = Requirement()


class Verifier:
    """Verifies the tokens of one gateway. Make one and keep it: it holds the keys. Threads may share it.

    :param issuer: the gateway's ``PUBLIC_URL``
    :param audience: the gateway's ``TOKEN_AUDIENCE``; unless it is set there, ``PUBLIC_URL`` too
    :param jwks_uri: where the keys are read; default: ``/.well-known/jwks.json`` of the issuer
    :param cooldown: least seconds between two readings of the keys because of unknown key ids
    :param clock_tolerance: seconds by which this clock and the gateway's may differ, at most 60
    :param remembered: how many verified tokens are remembered, so that they aren't verified again
    :param on_refused: is told of each refusal, for your log: its ``reason`` states why
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        jwks_uri: str | None = None,
        cooldown: float = 30,
        clock_tolerance: float = 30,
        remembered: int = 10_000,
        on_refused: Callable[[AuthError], None] = lambda _error: None,
    ):
        self._issuer = _origin(issuer)
        if not isinstance(audience, str) or audience == "":
            raise ValueError("audience: set the gateway's TOKEN_AUDIENCE, or its PUBLIC_URL if that isn't set")
        if not 0 <= clock_tolerance <= 60 or cooldown < 0 or remembered < 0:
            raise ValueError("clock_tolerance is at most 60, and nothing is negative")
        self._audience = audience
        self._tolerance = clock_tolerance
        self._most = remembered
        self._on_refused = on_refused
        self._keys = KeySet(jwks_uri or f"{self._issuer}/.well-known/jwks.json", cooldown)
        #: Claims as text, so that each request has its own to change; end and key.
        self._remembered: dict[str, tuple[str, float, str]] = {}
        self._lock = threading.Lock()
        self._threads = concurrent.futures.ThreadPoolExecutor(8, "vestibule")

    def verify(self, token: str, requirement: Requirement = _NOTHING) -> Claims:
        """The claims of a live token that meets the requirement. Raises AuthError, which is the answer to the request."""
        try:
            claims = self._recall(token) or self._check(token)
            requirement.check(claims, time.time(), self._issuer)
        except AuthError as error:
            self._on_refused(error)
            raise
        return claims

    def authenticate(self, authorization: str | None, requirement: Requirement = _NOTHING) -> Claims:
        """The claims of the caller of a request with this ``Authorization`` header. Raises AuthError."""
        return self.verify(_token_in(authorization), requirement)

    def wsgi(self, app, **required):
        """Wraps a WSGI application: it is called only for callers who meet the requirement. ``environ["vestibule.claims"]`` is who calls."""
        requirement = Requirement(**required)

        def guarded(environ, start_response):
            try:
                environ["vestibule.claims"] = self.authenticate(environ.get("HTTP_AUTHORIZATION"), requirement)
            except AuthError as error:
                return _answer(error, start_response)
            return app(environ, start_response)

        return guarded

    def asgi(self, app, **required):
        """Wraps an ASGI application in the same way, for HTTP and WebSocket. ``scope["vestibule.claims"]`` is who calls."""
        requirement = Requirement(**required)

        async def guarded(scope, receive, send):
            if scope["type"] == "lifespan":
                await app(scope, receive, send)
                return
            values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
            try:
                claims = await self._authenticate_beside(values, requirement)
            except AuthError as error:
                await _refuse(error, scope, receive, send)
                return
            await app({**scope, "vestibule.claims": claims}, receive, send)

        return guarded

    def flask(self, app):
        """Lets a Flask application answer refusals. Returns a maker of decorators: ``@guard(role="admin")``. In a view, ``g.claims`` is who calls."""
        from flask import g, request

        app.register_error_handler(AuthError, lambda error: (error.body, error.status, error.headers))

        def guard(**required):
            requirement = Requirement(**required)

            def decorate(view):
                if view in app.view_functions.values():
                    raise TypeError("@guard() stands below the decorator of the route: above it, it guards nothing")
                run = app.ensure_sync(view)

                @functools.wraps(view)
                def guarded(*args, **named):
                    g.claims = self.authenticate(request.headers.get("Authorization"), requirement)
                    return run(*args, **named)

                return guarded

            return decorate

        return guard

    def fastapi(self, app):
        """Lets a FastAPI application answer refusals. Returns a maker of dependencies: ``Depends(guard(role="admin"))``."""
        from fastapi import Response
        from fastapi.requests import HTTPConnection

        async def refuse(_request, error):
            return Response(error.body, error.status, error.headers)

        app.add_exception_handler(AuthError, refuse)

        def guard(**required):
            requirement = Requirement(**required)

            async def claims(connection: HTTPConnection) -> Claims:
                return await self._authenticate_beside(connection.headers.getlist("authorization"), requirement)

            return claims

        return guard

    async def _authenticate_beside(self, values, requirement):
        """Authenticates in a thread if the keys may have to be read: the event loop must not wait for them."""
        token = _token_in(", ".join(values))
        if self._recall(token) is not None:
            return self.verify(token, requirement)
        # A pool of its own: what makes this wait must not keep others of the application waiting.
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.verify, token, requirement)

    def _recall(self, token):
        """The claims of a token that was verified before, if it hasn't expired and its key hasn't been withdrawn."""
        known = self._remembered.get(token)
        if known is None or time.time() >= known[1] + self._tolerance or not self._keys.has(known[2]):
            return None
        return json.loads(known[0])

    def _check(self, token):
        if token == "":
            raise self._unauthenticated("token_missing")
        if len(token) > _MAXIMUM_LENGTH or token.count(".") != 2:
            raise self._unauthenticated("token_malformed")
        header = self._header_of(token)
        kid = header.get("kid")
        if header.get("typ") != "at+jwt" or not isinstance(kid, str) or "crit" in header:
            raise self._unauthenticated("token_header")
        try:
            key, algorithm = self._keys.find(kid)
        except KeyError as error:
            raise self._unauthenticated("token_key_unknown") from error
        try:
            claims = jwt.decode(
                token,
                key,
                # Of the key, whatever the token says.
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._tolerance,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except _UNREADABLE as error:
            raise self._unauthenticated(_reason(error)) from error
        if not _are_claims(claims):
            raise self._unauthenticated("token_claims")
        self._remember(token, claims, kid)
        return claims

    def _header_of(self, token):
        try:
            return jwt.get_unverified_header(token)
        except _UNREADABLE as error:
            raise self._unauthenticated("token_malformed") from error

    def _remember(self, token, claims, kid):
        with self._lock:
            while self._remembered and len(self._remembered) >= self._most:
                # The oldest: a dictionary keeps the order in which its members came.
                del self._remembered[next(iter(self._remembered))]
            self._remembered[token] = (json.dumps(claims), claims["exp"], kid)

    def _unauthenticated(self, reason):
        challenge = "Bearer" if reason == "token_missing" else 'Bearer error="invalid_token"'
        return AuthError("unauthenticated", reason, challenge=challenge, login_url=f"{self._issuer}/auth/login")


def _token_in(authorization):
    """The token of an Authorization header: empty without one, a point for credentials of another form."""
    found = _BEARER.fullmatch(authorization or "")
    return found[1] if found else "." if authorization else ""


def _are_claims(claims):
    return (
        all(isinstance(claims.get(name), form) for name, form in _TYPES.items())
        and all(isinstance(claims[name], form) for name, form in _OPTIONAL_TYPES.items() if name in claims)
        and ("org" not in claims or {"id", "slug", "role"} <= claims["org"].keys())
    )


def _reason(error):
    return {
        jwt.ExpiredSignatureError: "token_expired",
        jwt.ImmatureSignatureError: "token_claim_nbf",
        jwt.InvalidAudienceError: "token_claim_aud",
        jwt.InvalidIssuerError: "token_claim_iss",
        jwt.InvalidSignatureError: "token_signature",
    }.get(type(error), "token_malformed")


def _origin(issuer):
    """The origin of an issuer: a slash at its end is not an issuer of its own."""
    parts = urllib.parse.urlsplit(issuer if isinstance(issuer, str) else "")
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc or issuer.rstrip("/") != origin:
        raise ValueError("issuer: set the gateway's PUBLIC_URL, for example https://auth.example.org")
    return origin


def _answer(error, start_response):
    status = {401: "401 Unauthorized", 403: "403 Forbidden", 503: "503 Service Unavailable"}[error.status]
    start_response(status, list(error.headers.items()))
    return [error.body.encode()]


async def _refuse(error, scope, receive, send):
    if scope["type"] == "websocket":
        # Before the handshake is accepted, closing it answers 403 (ASGI specification, websocket.close).
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": error.body.encode()})
