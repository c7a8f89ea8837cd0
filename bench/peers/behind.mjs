// The upstream behind every proxy (bench/servers/rivals.mjs): it says who the proxy says has come.
import { createServer } from 'node:http';

createServer(({ headers }, response) => {
  response.setHeader('content-type', 'application/json');
  const sub = headers['x-auth-user'] ?? headers['x-forwarded-user'];
  const email = headers['x-auth-email'] ?? headers['x-forwarded-email'];
  response.end(JSON.stringify({ sub, email }));
}).listen(Number(process.env.PORT), '127.0.0.1');
