// A Fastify app that asks Kratos about each request's session, by Ory's own client as its documentation has it.
import { Configuration, FrontendApi } from '@ory/client';
import createFastify from 'fastify';

const kratos = new FrontendApi(new Configuration({ basePath: process.env.KRATOS_PUBLIC_URL }));
const app = createFastify();
app.get('/me', async (request, reply) => {
  try {
    const { data } = await kratos.toSession({ cookie: request.headers.cookie });
    return { sub: data.identity.id, email: data.identity.traits.email };
  } catch (error) {
    return reply.code(error.response?.status === 401 ? 401 : 502).send({ error: 'unauthenticated' });
  }
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
