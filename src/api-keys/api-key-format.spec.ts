import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newId } from '../platform/core/identifier.js';
import { apiKeyPrefix, makeApiKey, parseApiKey } from './api-key-format.js';

describe('API keys', () => {
  it('a key names its row and its secret, and shows neither hash nor row id with dashes', () => {
    const id = newId();
    const { key, secretHash } = makeApiKey(id);
    expect(key.startsWith(`${apiKeyPrefix(id)}_`)).toBe(true);
    expect(key).toMatch(/^vst_[\w-]{84}$/);
    expect(parseApiKey(key)).toEqual({ id, secretHash });
    expect(makeApiKey(id).key).not.toBe(key);
  });

  it('a key with any character changed, cut off or added is none', () => {
    const { key } = makeApiKey(newId());
    for (let index = 0; index < key.length; index += 1) {
      const other = key[index] === 'a' ? 'b' : 'a';
      expect(parseApiKey(key.slice(0, index) + other + key.slice(index + 1))).toBeUndefined();
      expect(parseApiKey(key.slice(0, index))).toBeUndefined();
    }
    expect([`${key} `, ` ${key}`, `${key}\n`, key.toUpperCase()].map(parseApiKey)).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  it('nothing that somebody makes up is a key, and nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(parseApiKey(text)).toBeUndefined();
        expect(parseApiKey(`vst_${text}`)).toBeUndefined();
      }),
    );
  });
});
