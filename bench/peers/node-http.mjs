// The limit: what node:http alone does. The body is said anew for each request, as everywhere.
import { createServer } from 'node:http';

const user = { sub: '01980000-0000-7000-8000-000000000001', email: 'person-000000@example.org' };

createServer((_request, response) => {
  const body = JSON.stringify(user);
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}).listen(Number(process.env.PORT), '127.0.0.1');
