"""What is required of a caller, and the decision whether they meet it."""

import math
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from .errors import AuthError

_FULL_SCOPE = "api"
_RANKS = {"member": 1, "admin": 2, "owner": 3}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _is_text(value):
    return isinstance(value, str) and value != ""


def _is_seconds(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


_CHECKS = {
    "scope": lambda value: isinstance(value, str) and re.fullmatch(r"(\S+( \S+)*)?", value) is not None,
    "role": _is_text,
    "org": _is_text,
    "org_role": lambda value: isinstance(value, str) and value in _RANKS,
    "verified_email": lambda value: isinstance(value, bool),
    "max_age": _is_seconds,
    "acr": lambda value: value == "aal2",
}


class Requirement:
    """What is required of a caller. An argument that is left out requires nothing, except ``scope``.

    Raises TypeError or ValueError for what can't be required, such as None: it would require nothing.

    :param scope: scopes that the token must have, separated by spaces. ``api``, which sessions have, covers every scope, and is required
        unless another is named: a token that was narrowed opens only what names its scope. An empty text accepts any scope.
    :param role: role in the deployment, for example ``admin``
    :param org: slug or id of the organisation that the caller must act for
    :param org_role: lowest role in the active organisation that is enough: ``member``, ``admin`` or ``owner``
    :param verified_email: a verified e-mail address; service accounts, which have none, pass
    :param max_age: longest time since the user gave credentials, in seconds; API keys and service accounts, which never do, don't pass
    :param acr: ``aal2`` for a second factor
    """

    def __init__(self, **required):
        unknown = required.keys() - _CHECKS.keys()
        if unknown:
            raise TypeError(f"a requirement has no {', '.join(sorted(unknown))}; it has {', '.join(_CHECKS)}")
        for name, value in required.items():
            if not _CHECKS[name](value):
                raise ValueError(f"{name} has a value that can't be required")
        self.scope = required.get("scope", _FULL_SCOPE)
        self.role = required.get("role")
        self.org = required.get("org")
        self.org_role = required.get("org_role")
        self.verified_email = required.get("verified_email", False)
        self.max_age = required.get("max_age")
        self.acr = required.get("acr")

    def check(self, claims: Mapping[str, Any], now: float, issuer: str) -> None:
        """Decides, from the claims alone, whether a caller meets the requirement. Raises AuthError if not."""
        demand = claims.get("second_factor", {})
        missing = demand.get("missing", ())
        if "session" in missing:
            raise _factor_missing(issuer)
        if self.verified_email and claims["email_verified"] is not True and claims.get("sub_profile") != "service":
            detail = "Requires a verified e-mail address."
            raise AuthError("email_unverified", "email_unverified", detail=detail)
        if self.role is not None and self.role not in claims.get("roles", ()):
            if "role" in missing:
                raise _factor_missing(issuer)
            raise AuthError("forbidden", "role_missing", detail=f"Requires the role {self.role}.")
        if "org" not in claims and self._wants(demand.get("org")):
            raise _factor_missing(issuer)
        self._check_org(claims.get("org"))
        self._check_scope(claims["scope"].split(" "))
        self._check_login(claims, now, issuer)

    def _wants(self, withheld):
        """Whether an organisation is required, and the caller would act for it with a second factor."""
        if withheld is None or (self.org is None and self.org_role is None):
            return False
        return self.org is None or _is_named(withheld, self.org)

    def _check_org(self, active):
        if self.org is None and self.org_role is None:
            return
        if active is None:
            raise AuthError("forbidden", "org_missing", detail="Requires an active organisation.")
        if self.org is not None and not _is_named(active, self.org):
            detail = "Requires a session or token that acts for this organisation."
            raise AuthError("forbidden", "org_missing", detail=detail)
        if self.org_role is not None and _RANKS.get(active["role"], 0) < _RANKS[self.org_role]:
            detail = f"Requires the role {self.org_role} in the organisation."
            raise AuthError("forbidden", "org_role_missing", detail=detail)

    def _check_scope(self, held):
        missing = [] if _FULL_SCOPE in held else [token for token in self.scope.split(" ") if token and token not in held]
        if missing:
            names = " ".join(missing)
            challenge = f'Bearer error="insufficient_scope", scope="{names}"'
            detail = f"Requires the scope {names}."
            raise AuthError("insufficient_scope", "scope_missing", detail=detail, challenge=challenge)

    def _check_login(self, claims, now, issuer):
        lacks_factor = self.acr is not None and claims.get("acr") != self.acr
        if not lacks_factor and (self.max_age is None or now - claims["auth_time"] <= self.max_age):
            return
        # All that is required of a login, so that one login is enough (RFC 9470 section 3).
        wanted = {} if self.max_age is None else {"max_age": f"{self.max_age:g}"}
        if self.acr is not None:
            wanted["acr_values"] = self.acr
        parameters = "".join(f', {name}="{value}"' for name, value in wanted.items())
        raise AuthError(
            "reauthentication_required",
            "second_factor_missing" if lacks_factor else "login_too_old",
            challenge=f'Bearer error="insufficient_user_authentication"{parameters}',
            login_url=f"{issuer}/auth/login?{urllib.parse.urlencode(wanted)}",
        )


def _factor_missing(issuer):
    """The refusal of a caller of whom a policy requires a second factor."""
    return AuthError(
        "reauthentication_required",
        "second_factor_missing",
        challenge='Bearer error="insufficient_user_authentication", acr_values="aal2"',
        login_url=f"{issuer}/auth/login?acr_values=aal2",
    )


def _is_named(org, text):
    # A text in the form of an id is compared with ids alone: no slug can pass for another organisation's id.
    return org["id"] == text.lower() if _UUID.fullmatch(text) else org["slug"] == text
