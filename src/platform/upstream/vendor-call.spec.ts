import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Configuration, OAuth2Api } from '@ory/client';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Problem } from '../errors/problem.error.js';
import {
  bodyOf,
  isTooLarge,
  isVendorAway,
  requireHealthy,
  statusOf,
  unavailable,
  vendorRequestDefaults,
} from './vendor-call.js';

const failure = Object.assign(new Error('Request failed'), {
  config: { headers: { authorization: 'Bearer secret' } },
  response: { status: 503, data: { error_description: 'not now' } },
});

/** The result of a health check against this status. */
async function healthAt(status: number, headers: Record<string, string> = {}): Promise<unknown> {
  const server = createServer((_request, answer) => {
    answer.writeHead(status, headers).end('{}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    return await requireHealthy(`http://127.0.0.1:${port}/health`, 'not_ready').then(
      () => 'healthy',
      (error: unknown) => (error instanceof Problem ? error.reason : error),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('vendor calls', () => {
  it('status and body come from the answer, and are undefined where there was none', () => {
    expect([statusOf(failure), bodyOf(failure)]).toEqual([503, { error_description: 'not now' }]);
    for (const other of [undefined, null, 'text', {}, new Error('refused'), { response: { status: 503 } }]) {
      expect([statusOf(other), bodyOf(other)]).toEqual([undefined, undefined]);
    }
  });

  it('what goes on of an error is its name and texts, never the request', () => {
    const { cause } = unavailable('reason', failure);
    expect(cause).toBeInstanceOf(Error);
    expect(String(cause)).toBe('Error: Request failed: not now');
    expect(JSON.stringify(Object.entries(Object(cause)))).not.toContain('secret');
    expect(unavailable('reason', 'thrown text').cause).toBeUndefined();
  });

  it('an answer that is too large to be read doesn’t mean that the vendor is away', async () => {
    const server = createServer((_request, answer) => void answer.end(JSON.stringify('x'.repeat(1_048_576))));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = z.object({ port: z.number() }).parse(server.address());
    const hydra = new OAuth2Api(
      new Configuration({ basePath: `http://127.0.0.1:${port}`, baseOptions: vendorRequestDefaults }),
    );
    const error: unknown = await hydra.listOAuth2Clients().catch((thrown: unknown) => thrown);
    expect([isTooLarge(error), isVendorAway(error)]).toEqual([true, false]);
    expect([isTooLarge(failure), isTooLarge(new Error('refused'))]).toEqual([false, false]);
    server.closeAllConnections();
    server.close();
  });

  it('200 is healthy; an error, a redirect, or nobody there is not', async () => {
    expect(await healthAt(200)).toBe('healthy');
    expect(await healthAt(503)).toBe('not_ready');
    expect(await healthAt(302, { location: 'http://169.254.169.254/' })).toBe('not_ready');
    await expect(requireHealthy('http://127.0.0.1:9/', 'not_ready')).rejects.toMatchObject({
      code: 'provider_unavailable',
      reason: 'not_ready',
    });
  });
});
