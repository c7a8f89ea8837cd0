import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, inject } from 'vitest';
import { countRequestsOf } from './attack.counter.js';

const sent = countRequestsOf(() => expect.getState().currentTestName);

afterAll(() => {
  if (sent.size > 0) {
    writeFileSync(join(inject('attackFolder'), randomUUID()), JSON.stringify(Object.fromEntries(sent)));
  }
});
