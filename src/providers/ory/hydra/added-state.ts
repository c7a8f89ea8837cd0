/** Characters of the shortest state that Hydra accepts. */
const shortest = 8;
/** Stands before a state that Hydra wouldn't accept, and for one that is missing. Has only characters that no encoding changes. */
const addition = 'vestibule-added-state.';
const missing = `${addition}none`;
const short = `${addition}to.`;

/**
 * An authorization request as Hydra accepts it: a state that is missing or short, which only the client is to judge, gets an addition. The
 * rest, and what the client sent of it, stay byte for byte.
 * @param query as it is encoded.
 */
export function withAddedState(query: string): string {
  const pairs = query.split('&');
  const index = pairs.findIndex(isState);
  const state = stateIn(pairs[index] ?? '') ?? '';
  if (state.length >= shortest && !state.startsWith(addition)) {
    return query;
  }
  // An empty parameter is one that isn't there (RFC 6749 section 3.1).
  const added = state === '' ? missing : short + rawValueOf(pairs[index] ?? '');
  const others = pairs.filter((pair, position) => position !== index && pair !== '');
  return [...others, `state=${added}`].join('&');
}

/** A query or fragment with the state that the client sent, or without any. @param query as it is encoded. */
export function withoutAddedState(query: string): string {
  return query
    .split('&')
    .flatMap((pair) => {
      if (!isState(pair)) {
        return [pair];
      }
      const given = givenState(rawValueOf(pair));
      return given === undefined ? [] : [`state=${given}`];
    })
    .join('&');
}

/** The state that the client sent; undefined if it sent none. @param state that Hydra got. */
export function givenState(state: string): string | undefined {
  if (state === missing) {
    return undefined;
  }
  return state.startsWith(short) ? state.slice(short.length) : state;
}

function isState(pair: string): boolean {
  return stateIn(pair) !== null;
}

/** As Hydra reads it, which takes a question mark at the beginning for a part of the name. */
function stateIn(pair: string): string | null {
  return new URLSearchParams(`&${pair}`).get('state');
}

function rawValueOf(pair: string): string {
  return pair.slice(pair.indexOf('=') + 1);
}
