// @fastify/jwt as its README has it: a secret, HS256, `request.jwtVerify()` before the handler.
import createFastify from 'fastify';
import jwt from '@fastify/jwt';

const app = createFastify();
await app.register(jwt, { secret: process.env.SECRET });
app.decorate('authenticate', async (request) => {
  await request.jwtVerify();
});
app.get('/login', async () =>
  app.jwt.sign(
    { sub: '01980000-0000-7000-8000-000000000001', email: 'person-000000@example.org' },
    { expiresIn: '1h' },
  ),
);
app.get('/me', { onRequest: [app.authenticate] }, async ({ user: { sub, email } }) => ({ sub, email }));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
