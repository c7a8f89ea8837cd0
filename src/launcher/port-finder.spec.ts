import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { assertPortIsFree, findFreePorts } from './port-finder.js';

test('ports are different, free and outside the ranges of outgoing connections', async () => {
  const ports = (await Promise.all(Array.from({ length: 20 }, () => findFreePorts(6)))).flat();
  expect(new Set(ports).size).toBe(120);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
  expect(Math.max(...ports)).toBeLessThan(32_000);
  await Promise.all(ports.slice(0, 6).map((port) => assertPortIsFree('127.0.0.1', port)));
});

test('a port in use is named, with the way out', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: AddressInfo = addressOf(server.address());
  await expect(assertPortIsFree('127.0.0.1', port)).rejects.toThrow(
    `Port ${port} on 127.0.0.1 is already in use. Stop what listens there, or choose another: PORT=`,
  );
  server.close();
});

test('an address of another machine is named', async () => {
  await expect(assertPortIsFree('192.0.2.1', 3000)).rejects.toThrow(
    'HOST 192.0.2.1 is not an address of this',
  );
});

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') {
    throw new Error('not listening on a port');
  }
  return address;
}
