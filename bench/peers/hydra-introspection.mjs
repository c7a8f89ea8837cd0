// A Fastify app that asks Hydra about each request's opaque access token (RFC 7662), by Ory's own client.
import { Configuration, OAuth2Api } from '@ory/client';
import createFastify from 'fastify';

const hydra = new OAuth2Api(new Configuration({ basePath: process.env.HYDRA_ADMIN_URL }));
const app = createFastify();
app.get('/me', async (request, reply) => {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) {
    return reply.code(401).send({ error: 'unauthenticated' });
  }
  const { data } = await hydra.introspectOAuth2Token({ token });
  if (!data.active) {
    return reply.code(401).send({ error: 'unauthenticated' });
  }
  return { sub: data.sub, email: data.ext.email };
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
