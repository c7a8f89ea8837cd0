import { rawRequest } from './raw.request.js';

/**
 * What `GET /health/ready` says, asked on a connection of its own: one kept from before a restart has no answer.
 * `status` is `down` while nobody listens.
 */
export async function readHealth(
  url: string,
): Promise<{ readonly status: unknown; readonly details: unknown }> {
  try {
    const answer = await rawRequest(url, { path: '/health/ready' });
    const body = Object(await answer.json());
    return { status: Reflect.get(body, 'status'), details: Reflect.get(body, 'details') };
  } catch (error) {
    // Reset is who was still waiting to be let in when the port closed.
    if (['ECONNREFUSED', 'ECONNRESET'].includes(Reflect.get(Object(error), 'code'))) {
      return { status: 'down', details: undefined };
    }
    throw error;
  }
}
