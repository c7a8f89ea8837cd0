// What stands behind oauth2-proxy: it believes the headers that the proxy adds.
import createFastify from 'fastify';

const app = createFastify();
app.get('/me', async ({ headers }) => ({
  sub: headers['x-forwarded-user'],
  email: headers['x-forwarded-email'],
}));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
