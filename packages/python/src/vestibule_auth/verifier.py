"""The verifier of one gateway's tokens, and its use in WSGI and ASGI applications and in FastAPI."""

import asyncio
import concurrent.futures
import functools
import inspect
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from . import dpop as bound
from .api_keys import MOST_EXCHANGES, MOST_WAITING, PREFIX, ApiKeys, KeyRefused, is_api_key, session_of
from .errors import AuthError
from .keys import KeySet
from .requirement import Requirement
from .revocations import Revocations, Subscription
from .tokens import TokenVerifier

#: Stands for more credentials than one.
_TWO = "two credentials"
_BEARER = re.compile(r"bearer +([\w.-]+) *", re.IGNORECASE | re.ASCII)
#: Where a request's environment or scope has the token whose proof was verified: several guards may ask about one request.
_PROVEN = "vestibule.proven"

Claims = Mapping[str, Any]
_NOTHING = Requirement()


class _Sent(NamedTuple):
    """The headers of a request that say who sends it, and what a proof must be for."""

    authorization: str | None
    api_key: str | None
    request: bound.ProvenRequest | None
    #: The request's environment or scope.
    notes: MutableMapping[str, Any]


class _Credential(NamedTuple):
    """A token or an API key: empty without one, a text that is neither for credentials of another form."""

    text: str
    #: What proves that its sender has the key that it is bound to; None for one that is good by itself.
    proven_by: _Sent | None = None


class Verifier:
    """Verifies the tokens of one gateway. Make one and keep it: it holds the keys. Threads may share it.

    :param issuer: the gateway's ``PUBLIC_URL``
    :param audience: the gateway's ``TOKEN_AUDIENCE``; unless it is set there, ``PUBLIC_URL`` too
    :param jwks_uri: where the keys are read; default: ``/.well-known/jwks.json`` of the issuer
    :param cooldown: seconds in which unknown key ids cause two readings of the keys at most, and least seconds between two exchanges of an
        API key that the gateway refused
    :param clock_tolerance: seconds by which this clock and the gateway's may differ, at most 60
    :param remembered: how many verified tokens, and tokens of API keys, are remembered, so that they aren't verified again
    :param revocations: refuses tokens whose session has ended, whose user was changed or whose key was revoked, within a second
    :param dpop: the URL under which clients reach this service, ``https://api.example.org``: accepts tokens that are bound to a key too, with a
        proof for each request (RFC 9449). Without it they are refused. The gateway issues them for the audiences of its ``DPOP_AUDIENCES``
    :param api_keys: accepts API keys too, in ``X-API-Key`` or as bearers. Each is exchanged at the gateway for a token, which is remembered
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
        revocations: Revocations | None = None,
        api_keys: bool = False,
        dpop: str | None = None,
        on_refused: Callable[[AuthError], None] = lambda _error: None,
    ):
        self._issuer = _origin(issuer)
        if not isinstance(audience, str) or audience == "":
            raise ValueError("audience: set the gateway's TOKEN_AUDIENCE, or its PUBLIC_URL if that isn't set")
        if not 0 <= clock_tolerance <= 60 or cooldown < 0 or remembered < 0:
            raise ValueError("clock_tolerance is at most 60, and nothing is negative")
        self._on_refused = on_refused
        jwks_uri = jwks_uri or f"{self._issuer}/.well-known/jwks.json"
        keys = KeySet(jwks_uri, cooldown)
        self._tokens = TokenVerifier(keys, self._issuer, audience, clock_tolerance, remembered)
        # Where the keys are read, everything else of the gateway is too.
        stream, exchange = (urllib.parse.urljoin(jwks_uri, path) for path in ("/auth/revocations/stream", "/auth/token"))
        self._subscription = revocations and Subscription(revocations, stream, clock_tolerance, self._tokens.read_message)
        self._api_keys = ApiKeys(exchange, remembered, cooldown, self._tokens.check) if api_keys else None
        self._proofs = None if dpop is None else bound.Proofs(dpop)
        # Pools of their own: what makes these wait must not keep others of the application waiting, nor keys keep tokens waiting.
        self._threads = concurrent.futures.ThreadPoolExecutor(8, "vestibule")
        self._key_threads = concurrent.futures.ThreadPoolExecutor(MOST_EXCHANGES, "vestibule-keys")
        self._waiting_keys = 0

    def verify(self, token: str, requirement: Requirement = _NOTHING) -> Claims:
        """The claims of a live token, or of an API key if these are accepted, that meets the requirement. Raises AuthError, which is the answer
        to the request."""
        return self._admit(_Credential(token), requirement)

    def authenticate(
        self,
        authorization: str | None,
        requirement: Requirement = _NOTHING,
        *,
        api_key: str | None = None,
        request: bound.ProvenRequest | None = None,
    ) -> Claims:
        """The claims of the caller of a request with these headers, ``Authorization`` and ``X-API-Key``, and what a proof must be for. Raises
        AuthError."""
        return self._admit(self._credential_in(_Sent(authorization, api_key, request, {})), requirement)

    def close(self) -> None:
        """Ends the connection over which revocations come, if there is one."""
        if self._subscription is not None:
            self._subscription.close()

    def wsgi(self, app, **required):
        """Wraps a WSGI application: it is called only for callers who meet the requirement. ``environ["vestibule.claims"]`` is who calls."""
        requirement = Requirement(**required)

        def guarded(environ, start_response):
            try:
                environ["vestibule.claims"] = self._admit(self._credential_in(_sent_to_wsgi(environ)), requirement)
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
            try:
                claims = await self._authenticate_beside(_sent_to_asgi(scope), requirement)
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
                    g.claims = self._admit(self._credential_in(_sent_to_wsgi(request.environ)), requirement)
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

        def guard(*, connection=None, **required):
            requirement = Requirement(**required)
            if connection is not None:
                # FastAPI itself calls it, in a thread: `Depends(guard)` is `Depends(guard())`.
                return self._admit(self._credential_in(_sent_to_asgi(connection.scope)), requirement)

            async def claims(connection: HTTPConnection) -> Claims:
                return await self._authenticate_beside(_sent_to_asgi(connection.scope), requirement)

            return claims

        parameter = inspect.Parameter("connection", inspect.Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
        guard.__signature__ = inspect.Signature([parameter])
        return guard

    def _credential_in(self, sent):
        if self._api_keys is None or sent.api_key is None:
            token = self._proofs and bound.token_in(sent.authorization)
            return _Credential(token, sent) if token else _Credential(_token_in(sent.authorization))
        if sent.authorization is not None:
            return _Credential(_TWO)
        return _Credential(sent.api_key if sent.api_key.startswith(PREFIX) else PREFIX)

    def _admit(self, credential, requirement):
        """The claims of a credential that is live, and whose sender meets the requirement. Raises AuthError."""
        try:
            claims = self._claims_of(credential.text)
            self._require_proof(claims, *credential)
            requirement.check(claims, time.time(), self._issuer)
        except AuthError as error:
            self._on_refused(error)
            raise
        return claims

    def _require_proof(self, claims, token, sent):
        """Refuses a token that is bound to a key without the key's proof, and one with a proof that isn't bound."""
        if sent is None and "cnf" not in claims:
            return
        try:
            if sent is None or sent.request is None:
                raise bound.ProofError("proof_missing")
            if "cnf" not in claims:
                raise bound.ProofError("token_not_bound")
            if sent.notes.get(_PROVEN) != token:
                self._proofs.require(sent.request, token, claims["cnf"]["jkt"])
                sent.notes[_PROVEN] = token
        except bound.ProofError as error:
            challenge = f'DPoP error="invalid_dpop_proof", algs="{" ".join(bound.ALGORITHMS)}"'
            raise self._tokens.refusal(error.args[0], challenge) from error

    async def _authenticate_beside(self, sent, requirement):
        """Authenticates in a thread if the gateway may have to be asked: the event loop must not wait for it."""
        credential = self._credential_in(sent)
        if self._is_known(credential.text):
            return self._admit(credential, requirement)
        run = asyncio.get_running_loop().run_in_executor
        if not self._is_key(credential.text) or self._api_keys.find(credential.text) is not None:
            return await run(self._threads, self._admit, credential, requirement)
        if self._waiting_keys >= MOST_EXCHANGES + MOST_WAITING:
            error = AuthError("keys_unavailable", "exchanges_full")
            self._on_refused(error)
            raise error
        self._waiting_keys += 1
        try:
            return await run(self._key_threads, self._admit, credential, requirement)
        finally:
            self._waiting_keys -= 1

    def _is_key(self, credential):
        return self._api_keys is not None and credential.startswith(PREFIX)

    def _is_known(self, credential):
        """Whether a credential is decided on without waiting for the gateway."""
        if self._subscription is not None and not self._subscription.is_ready():
            return False
        if not self._is_key(credential):
            return self._tokens.recall(credential) is not None
        if not is_api_key(credential):
            return True
        claims = self._tokens.recall(self._api_keys.find(credential))
        return claims is not None and self._reason_against(claims) is None

    def _claims_of(self, credential):
        if self._is_key(credential):
            return self._claims_of_key(credential)
        if credential == _TWO:
            detail = "Send one credential: Authorization or X-API-Key."
            raise AuthError("malformed_request", "two_credentials", detail=detail)
        claims = self._tokens.recall(credential) or self._tokens.check(credential)
        self._refuse_ended(claims)
        return claims

    def _claims_of_key(self, key):
        """The claims of an API key that the gateway accepts. A token that ended before its time is exchanged for again, unless its key was
        revoked."""
        if not is_api_key(key):
            raise self._tokens.refusal("api_key_malformed")
        token = self._api_keys.find(key)
        # An exchange that other requests began may be older than the last change: then once more.
        for is_last in (False, False, True):
            if self._subscription is not None and self._subscription.revoked.has_ended(session_of(key)):
                raise self._tokens.refusal("session_ended")
            try:
                token = token or self._api_keys.exchange(key)
                claims = self._tokens.recall(token) or self._tokens.check(token)
                self._refuse_ended(claims)
                return claims
            except KeyRefused as refused:
                raise self._tokens.refusal(refused.args[0]) from refused
            except AuthError as error:
                if error.status != 401:
                    raise
                if is_last:
                    self._api_keys.refuse(key, error.reason)
                    raise
            token = None

    def _reason_against(self, claims):
        return self._subscription and self._subscription.revoked.reason_against(claims)

    def _refuse_ended(self, claims):
        """Refuses a token that has ended before its time, and every token while that isn't known, if so set."""
        if self._subscription is None:
            return
        self._subscription.wait()
        if self._subscription.settings.when_lost == "refuse" and self._subscription.is_lost():
            raise AuthError("revocations_unknown", "revocations_lost")
        reason = self._reason_against(claims)
        if reason is not None:
            raise self._tokens.refusal(reason)


def _sent_to_wsgi(environ):
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}".encode("latin-1").decode(errors="replace")
    request = bound.ProvenRequest(environ.get("HTTP_DPOP"), environ.get("REQUEST_METHOD", "GET"), path)
    return _Sent(environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_X_API_KEY"), request, environ)


def _sent_to_asgi(scope):
    authorization, api_key, proof = (
        ", ".join(value.decode("latin-1") for name, value in scope["headers"] if name == wanted) or None
        for wanted in (b"authorization", b"x-api-key", b"dpop")
    )
    mount, path = scope.get("root_path", ""), scope.get("path", "")
    # Older servers and routers take the mount's path away.
    whole = path if path.startswith(mount) else mount + path
    return _Sent(authorization, api_key, bound.ProvenRequest(proof, scope.get("method", "GET"), whole), scope)


def _token_in(authorization):
    """The token of an Authorization header: empty without one, a point for credentials of another form."""
    found = _BEARER.fullmatch(authorization or "")
    return found[1] if found else "." if authorization else ""


def _origin(issuer):
    """The origin of an issuer: a slash at its end is not an issuer of its own."""
    parts = urllib.parse.urlsplit(issuer if isinstance(issuer, str) else "")
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc or issuer.rstrip("/") != origin:
        raise ValueError("issuer: set the gateway's PUBLIC_URL, for example https://auth.example.org")
    return origin


def _answer(error, start_response):
    status = {400: "400 Bad Request", 401: "401 Unauthorized", 403: "403 Forbidden", 503: "503 Service Unavailable"}[error.status]
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
