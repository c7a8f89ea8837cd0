import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { keepTickMap } from '../keep-tick-map.js';

it('what is kept is an entry of the queue, and survives every collection', async () => {
  const entries: WeakRef<object>[] = [];
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'TickObject') {
        entries.push(new WeakRef(resource));
      }
    },
  }).enable();
  keepTickMap();
  hook.disable();
  expect(entries).toHaveLength(1);
  await turn();
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  expect(collect).toBeTypeOf('function');
  Reflect.apply(Object(collect), undefined, []);
  expect(entries[0]?.deref()).toHaveProperty('callback');
});
