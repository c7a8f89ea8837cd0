"""An MCP server made with FastMCP. Vestibule logs its users in and issues the tokens; one is accepted until it expires."""

import os

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

gateway = os.environ.get("GATEWAY", "http://localhost:3000")
port = int(os.environ.get("PORT", "8090"))
own = f"http://localhost:{port}"

verifier = JWTVerifier(
    jwks_uri=f"{gateway}/.well-known/jwks.json",
    issuer=gateway,
    audience=f"{own}/mcp",
    algorithm="ES256",
    required_scopes=["notes:read"],
)
mcp = FastMCP("Notes", auth=RemoteAuthProvider(verifier, [gateway], own))


@mcp.tool
def whoami() -> str:
    """Tells whose notes these are."""
    return get_access_token().claims["sub"]


# The banner would look for a newer version on the internet.
mcp.run(transport="http", port=port, show_banner=False)
