"""Proofs that whoever sends a token has the key that it is bound to (DPoP, RFC 9449)."""

import base64
import hashlib
import json
import re
import threading
import time
import urllib.parse
from typing import NamedTuple

import jwt

#: The algorithms of proofs.
ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256")
_LONGEST_PROOF = 8192
_LONGEST_ID = 200
#: Seconds by which the time of a proof may differ from this clock.
_TOLERANCE = 60
#: Proofs that are remembered: more than a service can be sent in two minutes by clients that have good tokens.
_MOST = 100_000
#: Members of a key that only its owner may know (RFC 7518 section 6).
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
#: Members of a key's thumbprint (RFC 7638 section 3.2).
_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_TOKEN = re.compile(r"dpop +(\S+) *", re.IGNORECASE | re.ASCII)
_PORTS = {"http": ":80", "https": ":443"}


class ProvenRequest(NamedTuple):
    """What a proof is for, and the proof: the header ``DPoP`` (None without one), the method, and the decoded path."""

    proof: str | None
    method: str
    path: str


class ProofError(Exception):
    """A proof that isn't accepted. Its argument is the reason, for the log."""


class Proofs:
    """Verifies the proofs for a service at a URL (RFC 9449 section 4.3). Threads may share it."""

    def __init__(self, url):
        address = _address(url)
        if address is None or "@" in address[1] or "?" in url or "#" in url:
            raise ValueError("dpop: set the URL under which clients reach this service, https://api.example.org")
        self._scheme, self._host, path = address
        self._prefix = path.removesuffix("/")
        self._used: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def require(self, request, token, thumbprint):
        """Requires a proof of the token's key that is for this request, and that hasn't been used here. Raises ProofError."""
        if request.proof is None:
            raise ProofError("proof_missing")
        key, claims = _read(request.proof)
        if key != thumbprint:
            raise ProofError("proof_of_other_key")
        if claims.get("ath") != _digest(token):
            raise ProofError("proof_of_other_token")
        wanted = (self._scheme, self._host, self._prefix + (request.path or "/"))
        if claims.get("htm") != request.method or _address(claims.get("htu")) != wanted:
            raise ProofError("proof_of_other_request")
        made_at = claims.get("iat")
        if type(made_at) not in (int, float) or not abs(time.time() - made_at) <= _TOLERANCE:
            raise ProofError("proof_too_old")
        identifier = claims.get("jti")
        if not isinstance(identifier, str) or not 0 < len(identifier) <= _LONGEST_ID:
            raise ProofError("proof_malformed")
        self._use((key, identifier))

    def _use(self, proof):
        with self._lock:
            if proof in self._used:
                raise ProofError("proof_used")
            if len(self._used) >= _MOST:
                # The oldest: a dictionary keeps the order in which its members came.
                del self._used[next(iter(self._used))]
            self._used[proof] = True


def token_in(authorization):
    """The token of an Authorization header with the scheme ``DPoP``; None for another."""
    found = _TOKEN.fullmatch(authorization or "")
    return found and found[1]


def _read(proof):
    """The thumbprint of a proof's key, and what it signs. Raises ProofError."""
    try:
        if len(proof) > _LONGEST_PROOF:
            raise ValueError("too long")
        header = jwt.get_unverified_header(proof)
        key, algorithm = header["jwk"], header["alg"]
        if header.get("typ") != "dpop+jwt" or "crit" in header or algorithm not in ALGORITHMS or _PRIVATE_MEMBERS & key.keys():
            raise ValueError("not the header of a proof")
        public = {name: key[name] for name in _MEMBERS[key["kty"]]}
        options = {"verify_aud": False, "verify_iat": False, "verify_sub": False, "verify_jti": False, "verify_iss": False}
        claims = jwt.decode(proof, jwt.PyJWK.from_dict(public, algorithm).key, algorithms=[algorithm], options=options)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ProofError("proof_malformed") from error
    return _digest(json.dumps(public, separators=(",", ":"), sort_keys=True)), claims


def _address(url):
    """Scheme, host and path of a URL in one spelling: the path is decoded, as servers hand it on. None for what is none."""
    try:
        parts = urllib.parse.urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.netloc:
        return None
    return parts.scheme, parts.netloc.lower().removesuffix(_PORTS[parts.scheme]), urllib.parse.unquote(parts.path or "/")


def _digest(text):
    """SHA-256 of a text, in base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
