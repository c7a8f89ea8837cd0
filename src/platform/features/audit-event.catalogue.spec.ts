import { expect, it } from 'vitest';
import {
  type AuditEventType,
  auditEventTypesWith,
  defineAuditEvents,
  releasedAuditEvents,
} from './audit-event.catalogue.js';

const shopEvents = defineAuditEvents('shop', { opened: { en: 'Shop opened', de: 'Laden geöffnet' } });
const typesOf = (...types: readonly AuditEventType[]): readonly string[] => types;

it('a feature’s event has a type of its own, and words', () => {
  expect(shopEvents.opened).toEqual({
    type: 'shop:opened',
    words: { en: 'Shop opened', de: 'Laden geöffnet' },
  });
  expect(typesOf('logout', shopEvents.opened.type)).toEqual(['logout', 'shop:opened']);
});

it('an undeclared type does not compile', () => {
  // @ts-expect-error: the core has no such type.
  expect(typesOf('made_up')).toEqual(['made_up']);
  // @ts-expect-error: only a declaration makes a feature's type.
  expect(typesOf('shop:opened')).toEqual(['shop:opened']);
  // @ts-expect-error: the feature declares no such event.
  expect(() => shopEvents.closed.type).toThrow(TypeError);
});

it('the types of a program are the core’s and then those of its features', () => {
  const types = auditEventTypesWith([{ auditEvents: shopEvents }]);
  expect([types[0], types.at(-1)]).toEqual(['login_succeeded', 'shop:opened']);
});

it.each(['logout', 'shop opened', ''])('%j can’t be the type of a feature’s event', (name) => {
  expect(() => releasedAuditEvents({ [name]: { en: 'Words' } })).toThrow(TypeError);
});
