// iron-session on node:http, as its README has it for plain request and response objects.
import { createServer } from 'node:http';
import { getIronSession } from 'iron-session';

const options = {
  password: process.env.SECRET,
  cookieName: 'iron',
  cookieOptions: { secure: false },
};

createServer(async (request, response) => {
  const session = await getIronSession(request, response, options);
  if (request.url === '/login') {
    session.user = { sub: '01980000-0000-7000-8000-000000000001', email: 'person-000000@example.org' };
    await session.save();
  }
  const body =
    session.user === undefined
      ? '{"error":"unauthenticated"}'
      : JSON.stringify({ sub: session.user.sub, email: session.user.email });
  response.writeHead(session.user === undefined ? 401 : 200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}).listen(Number(process.env.PORT), '127.0.0.1');
