import { expect, it } from 'vitest';
import { z } from 'zod';
import { requestIds } from './request-ids.js';

const uuid = z.uuidv4();

it('are UUIDs, none of which comes twice in a process', () => {
  const next = requestIds();
  const ids = Array.from({ length: 10_000 }, next);
  expect(ids.filter((id) => !uuid.safeParse(id).success)).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});

it('are others in another process', () => {
  const [one, other] = [requestIds(), requestIds()];
  expect(one()).not.toBe(other());
});
