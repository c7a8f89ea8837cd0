import Fastify from 'fastify';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearerOf } from './request-authenticator.js';
import { cpuTime } from '../../../test/support/timed.js';

const fastify = Fastify();

beforeAll(async () => {
  fastify.get('/', (request) => ({ token: bearerOf(request) ?? null }));
  await fastify.ready();
});

afterAll(() => fastify.close());

async function tokenIn(authorization: string): Promise<unknown> {
  return (await fastify.inject({ path: '/', headers: { authorization } })).json();
}

const token = fc.stringMatching(/^[\w.-]{1,80}$/);

describe('bearerOf', () => {
  it('finds the token behind the scheme in any case and any blanks (RFC 9110 section 11.4)', async () => {
    await fc.assert(
      fc.asyncProperty(
        token,
        fc.mixedCase(fc.constant('Bearer')),
        fc.nat(3),
        fc.nat(3),
        async (text, scheme, before, after) => {
          const header = `${scheme}${' '.repeat(before + 1)}${text}${' '.repeat(after)}`;
          expect(await tokenIn(header)).toEqual({ token: text });
        },
      ),
    );
  });

  it('finds in any other text nothing, or a token that stands in it alone behind the scheme', async () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.constantFrom('Bearer', 'Basic', 'DPoP', 'Bearer\t', 'Bearer,', 'bearer='), fc.string())
        .map((pair) => pair.join(' ')),
      token.map((text) => `Bearer ${text}, Bearer ${text}`),
      token.map((text) => `Bearer ${text} x`),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const alone = /^bearer +([A-Za-z0-9_.-]+) *$/i.exec(text)?.[1] ?? null;
        expect(await tokenIn(text)).toEqual({ token: alone });
      }),
      { numRuns: 500 },
    );
  });

  it('reads 64 kB of one kind in well under a second', async () => {
    const milliseconds = await cpuTime(async () => {
      for (const part of [' ', 'a', 'Bearer ', '.', ', ']) {
        await tokenIn(`Bearer ${part.repeat(65_536 / part.length)}!`);
      }
    });
    expect(milliseconds).toBeLessThan(2000);
  });
});
