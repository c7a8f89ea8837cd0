import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ownFeatures } from '../../src/app/features.js';

const kinds = ownFeatures.flatMap(({ connectionKind }) => connectionKind ?? []);

const sections = [
  // The secret itself is told of beside the file.
  ['ldap', '### Settings of an LDAP directory', 'bind_password'],
  ['oidc', '### Settings of an OpenID provider', 'client_secret'],
  ['saml', '### Settings of a SAML provider', undefined],
] as const;

it.each(sections.filter(([kind]) => kinds.some(({ name }) => name === kind)))(
  'docs/connections.md names every setting of a connection by %s, and no other',
  (kind, title, secret) => {
    const page = readFileSync(new URL('../../docs/connections.md', import.meta.url), 'utf8');
    const tableOf = (heading: string): string => page.split(`\n${heading}\n`)[1]?.split('\n#')[0] ?? '';
    const tables = tableOf('### Settings of every kind') + tableOf(title);
    const cells = tables
      .split('\n')
      .flatMap((line) => /^- (`.+?)(?: \(required[^)]*\))?: /.exec(line)?.[1] ?? []);
    const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect([...named, ...(secret === undefined ? [] : [secret])].toSorted()).toEqual(
      kinds.find(({ name }) => name === kind)?.settings.toSorted(),
    );
  },
);
