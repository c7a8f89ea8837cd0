"""Verifies the tokens of a Vestibule gateway, without a round trip, in WSGI and ASGI applications, Flask and FastAPI."""

from .dpop import ProvenRequest
from .errors import AuthError
from .requirement import Requirement
from .revocations import Revocations
from .verifier import Verifier

__all__ = ["AuthError", "ProvenRequest", "Requirement", "Revocations", "Verifier"]
