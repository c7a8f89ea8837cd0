const page = '/invitation';
/** Characters of a token, and a margin: what is longer can't be one, and would only make cookies larger. */
const maximumLength = 64;

/** Token of the invite that a path of this origin leads to; undefined when it leads elsewhere. */
export function inviteTokenOf(path: string | undefined): string | undefined {
  const [pathname, query] = (path ?? '').split('?', 2);
  return pathname === page ? inviteParameter(new URLSearchParams(query).get('invite')) : undefined;
}

/** The `invite` parameter of a query. A token that can't be right is kept, so that the page can report it. */
export function inviteParameter(given: unknown): string | undefined {
  return typeof given === 'string' && given !== '' ? given.slice(0, maximumLength) : undefined;
}
