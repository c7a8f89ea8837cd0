/** What stands for a credential that only the browser has. */
export const secret = 'LIVE';

/** Names that browsers have a credential under, on plain http and under https. */
export const names = [
  'vestibule',
  'ory_kratos_session',
  'ory_hydra_session',
  'ory_hydra_session_dev',
].flatMap((name) => [name, `__Host-${name}`]);

/** Names that come with a login, and belong to no application either. */
export const loginNames = [
  'vestibule-login.x1',
  'vestibule-challenge',
  'csrf_token_0a1b',
  'ory_kratos_continuity',
  'ory_hydra_login_csrf_1',
  'ory_hydra_consent_csrf_1',
];

/** Cookie headers in which something stands before a live cookie that a script of the application may have planted. */
export const planted = (name: string): readonly (readonly string[])[] => [
  [`foo${name}=1; ${name}=${secret}`],
  [`a=${name}=1; ${name}=${secret}`],
  [`a=${name}; ${name}=${secret}`],
  [`${name}=x; ${name}=${secret}`],
  [`${name}=x; ${name}=y; ${name}=z; ${name}=${secret}`],
  [`__Host-${name}=x; ${name}=${secret}`],
  [`__Secure-${name}=x; ${name}=${secret}`],
  [`__Host-__Host-${name}=x; ${name}=${secret}`],
  [`vesti${name}=x; vestibule=x; ${name}=${secret}`],
  [`${name}; ${name}=${secret}`],
  [`${name}=; ${name}=${secret}`],
  [`${name}; =${name}; ${name}=${secret}`],
  [`${name.toUpperCase()}=x; ${name}=${secret}`],
  [`a="; ${name}=${secret}; b="`],
  [`a="${name}=x; ${name}=${secret}"`],
  [`a=1,${name}=x; ${name}=${secret}`],
  [`a=${name}=${name}=; b=${name}=; ${name}=${secret}; c=${name}=`],
  [`\u00C2\u00A0${name}=x; ${name}=${secret}`],
  [`${'a=1; '.repeat(300)}${name}=${secret}`],
  [`${`${name}=x; a=1; `.repeat(40)}${name}=${secret}`],
  [`a=${'vestibule='.repeat(300)}; ${name}=${secret}`],
];

/** The same in other spellings: other clients, and proxies that fold two headers into one. */
export const misspelt = (name: string): readonly (readonly string[])[] => [
  [`a=1;${name}=${secret}`],
  [`a=1;   ${name}=${secret}`],
  [`a=1;\t${name}=${secret}`],
  [`a=1; \t ${name}=${secret}`],
  [`a=1;;; ${name}=${secret}`],
  [`; ${name}=${secret}`],
  [`\t${name}=${secret}`],
  [`a=1; ${name} =${secret}`],
  [`a=1; ${name}\t= ${secret}`],
  [`a=1; ${name}="${secret}"`],
  [`a=1, ${name}=${secret}`],
  [`a=1,${name}=${secret}`],
  [`a=1,\t${name}=${secret}; b=2`],
  [`${name}=x,${name}=${secret}`],
  [`a=1; ${name.toUpperCase()}=${secret}`],
  [`a=1; __Secure-${name.replace('__Host-', '')}=${secret}`],
  [`a=1`, `${name}=${secret}`],
  [`${name}=${secret}`, `a=1`],
  [`${name}=x`, `foo${name}=1`, `${name}=${secret}`],
  [`${name}`, `=x; ${name}=${secret}`],
];

/** A Cookie header in which the application's own and live ones stand in turns. */
export const turns = (count: number): string =>
  Array.from({ length: count }, (_, index) => {
    const name = [...loginNames, ...names][index % (loginNames.length + names.length)];
    return `own${index}=1; ${name}=${secret}`;
  }).join('; ');

/** Cookie headers, and the application's own pairs in them. */
export const kept: readonly (readonly [header: string, own: readonly string[]])[] = [
  ['theme=dark', ['theme=dark']],
  [`theme=dark; vestibule=${secret}; lang=en`, ['theme=dark', 'lang=en']],
  [`vestibule=${secret}; theme=dark`, ['theme=dark']],
  [`foovestibule=1; vestibule=${secret}`, ['foovestibule=1']],
  [
    `my-ory_kratos_session=1; __Host-mine=2; vesti=3; ory_=4`,
    ['my-ory_kratos_session=1', '__Host-mine=2', 'vesti=3', 'ory_=4'],
  ],
  ['a=vestibule; b=x=y=; c="q,r"; d', ['a=vestibule', 'b=x=y=', 'c="q,r"', 'd']],
  // As browsers have them after many logins, in turns with an application's.
  [
    turns(12),
    turns(12)
      .split('; ')
      .filter((pair) => pair.startsWith('own')),
  ],
];
