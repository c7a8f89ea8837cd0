import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withAddedState, withoutAddedState } from './added-state.js';

const stateIn = (query: string): string | null => new URLSearchParams(query).get('state');

/** What comes back of a state, through Hydra, which encodes what it gets anew. */
function returned(query: string): string {
  const kept = new URLSearchParams(withAddedState(query));
  return withoutAddedState(String(new URLSearchParams({ code: 'x', state: kept.get('state') ?? '' })));
}

describe('the state that Hydra gets', () => {
  it.each([
    ['', 'state=vestibule-added-state.none'],
    ['client_id=a', 'client_id=a&state=vestibule-added-state.none'],
    ['state=&client_id=a', 'client_id=a&state=vestibule-added-state.none'],
    ['state&client_id=a', 'client_id=a&state=vestibule-added-state.none'],
    ['state=abc&client_id=a', 'client_id=a&state=vestibule-added-state.to.abc'],
    ['st%61te=%20&client_id=a', 'client_id=a&state=vestibule-added-state.to.%20'],
    ['?state=abc', '?state=abc&state=vestibule-added-state.none'],
  ])('for "%s" has an addition', (query, expected) => {
    expect(withAddedState(query)).toBe(expected);
  });

  it.each(['state=12345678&a=%2f', 'a=b&state=%FF%FE345678&c'])(
    'for "%s" is the same, byte for byte',
    (query) => {
      expect(withAddedState(query)).toBe(query);
    },
  );
});

describe('the state that the client gets', () => {
  it('is the one that it sent, whatever that is, and whatever it looks like', () => {
    const odd = fc.constantFrom(
      'vestibule-added-state.none',
      'vestibule-added-state.to.abc',
      'vestibule-added-state.',
      'vestibule-added-state.to.vestibule-added-state.none',
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), odd), (state) => {
        expect(stateIn(returned(String(new URLSearchParams({ state }))))).toBe(state);
      }),
    );
  });

  it('is none if it sent none, or an empty one', () => {
    expect(['', 'a=b', 'state=', 'state'].map(returned)).toEqual(Array(4).fill('code=x'));
  });

  it('leaves the other parameters byte for byte', () => {
    expect(withoutAddedState('a=%2f&&state=vestibule-added-state.to.%ff+&b')).toBe('a=%2f&&state=%ff+&b');
  });
});
