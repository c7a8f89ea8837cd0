// The limit of what stands on Fastify: no session is looked for.
import createFastify from 'fastify';

const app = createFastify();
app.get('/bench/guest', async () => ({
  sub: '01980000-0000-7000-8000-000000000001',
  email: 'person-000000@example.org',
}));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
