const page = '/invitation';
/** Characters of a token, and a margin: a longer value can't be one, and would only make cookies larger. */
const maximumLength = 64;

/** The path of the page that names an invite and asks whether to accept it. @param returnTo path to go on to afterwards. */
export function invitationPath(token: string, returnTo = '/'): string {
  const query = new URLSearchParams({ invite: token, ...(returnTo === '/' ? {} : { return_to: returnTo }) });
  return `${page}?${query}`;
}

/** The token of the invite that a path of this origin leads to; undefined if it leads elsewhere. */
export function inviteTokenOf(path: string | undefined): string | undefined {
  const [pathname, query] = (path ?? '').split('?', 2);
  return pathname === page ? inviteTokenIn(new URLSearchParams(query).get('invite')) : undefined;
}

/** The `invite` parameter of a query. An invalid token is kept, so that the page can report it. */
export function inviteTokenIn(given: unknown): string | undefined {
  return typeof given === 'string' && given !== '' ? given.slice(0, maximumLength) : undefined;
}
