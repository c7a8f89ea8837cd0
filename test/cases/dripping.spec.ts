import type { Socket } from 'node:net';
import { setInterval as every } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HeldSession } from '../support/gateway.js';
import { startWayIn, statusesOf, type WayIn, waysIn } from './way.in.js';

const sockets = 1000;
/** Seconds until the last one is cut. */
const timeout = 30;

/** Seconds in which this process, and the server in it, was on time: a machine that is busy with other tests lets it wait. */
let onTime = 0;
const clock = setInterval(() => (onTime += 0.1), 100);

let doors: readonly { readonly door: WayIn; readonly somebody: HeldSession }[];

beforeAll(async () => {
  doors = await Promise.all(
    waysIn.map(async (way) => {
      const door = await startWayIn(way);
      return { door, somebody: await door.gateway.session() };
    }),
  );
});

afterAll(async () => {
  clearInterval(clock);
  await Promise.all((doors ?? []).map(({ door }) => door.stop()));
});

/** A request that never ends: what comes first, and what comes each second, if anything does. */
interface EndlessRequest {
  readonly start: string;
  readonly drop?: string;
}

const endlessRequests = ({ host }: WayIn): readonly EndlessRequest[] => {
  const headers = `GET / HTTP/1.1\r\n${host}`;
  const body = `POST /auth/login HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n`;
  return [
    { start: headers, drop: 'X-Drop: a\r\n' },
    { start: body, drop: 'a' },
    { start: '' },
    { start: 'GET / HT' },
    { start: `${headers}X-Dr` },
    { start: `${body}a` },
  ];
};

/** Opens so many. @returns how long each of them lived, in seconds; one that isn't cut has no end to tell. */
async function dripAll(door: WayIn): Promise<readonly number[]> {
  const lives: number[] = [];
  const open = new Map<Socket, EndlessRequest>();
  const requests = endlessRequests(door);
  for (let count = 0; count < sockets; count += 50) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const request = requests[(count + index) % requests.length] ?? { start: '' };
        const born = onTime;
        const socket = await door.connect();
        socket.resume();
        socket.write(request.start);
        open.set(socket, request);
        socket.on('close', () => {
          lives.push(onTime - born);
          open.delete(socket);
        });
      }),
    );
  }
  const deadline = onTime + timeout;
  for await (const _ of every(1000)) {
    open.forEach(({ drop = '' }, socket) => socket.write(drop));
    if (open.size === 0 || onTime > deadline) {
      break;
    }
  }
  open.forEach((_request, socket) => socket.destroy());
  return [...lives];
}

it(`${sockets} sockets that drip, stop half-way or send nothing are cut within ${timeout} seconds, and everybody else is answered meanwhile [W08]`, async () => {
  await Promise.all(
    doors.map(async ({ door, somebody }) => {
      const dripped = dripAll(door);
      const request = `GET /api/v1/me HTTP/1.1\r\n${door.host}Connection: close\r\nCookie: ${somebody.cookie}\r\n\r\n`;
      for (let count = 0; count < 50; count += 1) {
        expect(statusesOf(await door.send(request))).toEqual([200]);
      }
      const lives = await dripped;
      expect(lives).toHaveLength(sockets);
      expect(Math.max(...lives)).toBeLessThan(timeout);
    }),
  );
});
