// @fastify/secure-session as its README has it: the session is in an encrypted cookie (libsodium).
import createFastify from 'fastify';
import secureSession from '@fastify/secure-session';

const app = createFastify();
await app.register(secureSession, {
  key: Buffer.from(process.env.SECRET, 'hex'),
  cookie: { path: '/', httpOnly: true },
});
app.get('/login', async (request) => {
  request.session.set('user', {
    sub: '01980000-0000-7000-8000-000000000001',
    email: 'person-000000@example.org',
  });
  return 'welcome';
});
app.get('/me', async (request, reply) => {
  const user = request.session.get('user');
  if (user === undefined) {
    return reply.code(401).send({ error: 'unauthenticated' });
  }
  return { sub: user.sub, email: user.email };
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
