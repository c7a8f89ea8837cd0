"""A client made with the Python SDK of the Model Context Protocol. It knows only the server's URL.

Run as `mcp_client.py SERVER PORT`. It writes the address to open and waits for the browser on PORT. For each line that it is given, it calls the tool
of that name and writes the answer.
"""

import asyncio
import sys
import urllib.parse

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

server, port = sys.argv[1], int(sys.argv[2])
redirect_uri = f"http://127.0.0.1:{port}/callback"


class Memory:
    """What the client keeps, as long as it runs."""

    def __init__(self):
        self.tokens = self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Browser:
    """The user's browser: it opens an address, and comes back with a code."""

    async def open(self, url):
        self.coming = asyncio.get_running_loop().create_future()
        self.listener = await asyncio.start_server(self._answer, "127.0.0.1", port)
        print("OPEN", url, flush=True)

    async def _answer(self, reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        self.coming.set_result(AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss")))

    async def code(self):
        answer = await self.coming
        self.listener.close()
        return answer


async def main():
    browser = Browser()
    metadata = OAuthClientMetadata(client_name="Notes in Python", redirect_uris=[redirect_uri], token_endpoint_auth_method="none")
    provider = OAuthClientProvider(server, metadata, Memory(), browser.open, browser.code)
    async with httpx2.AsyncClient(auth=provider) as http, Client(streamable_http_client(server, http_client=http)) as client:
        print("CONNECTED", *[tool.name for tool in (await client.list_tools()).tools], flush=True)
        while tool := await asyncio.to_thread(sys.stdin.readline):
            result = await client.call_tool(tool.strip(), {})
            print(result.content[0].text, flush=True)


asyncio.run(main())
