/** Which part of the product's promises a case belongs to. */
export type CaseSection =
  | 'Tokens and cookies'
  | 'Login and logout'
  | 'The web around it'
  | "Another person's account"
  | 'Faults'
  | 'Handed-on credentials, and the host'
  | 'Claims and roles'
  | 'Second factors by policy'
  | 'SAML providers of companies'
  | 'Names and rules that others believe';

/** Something that is sent or happens, and what must come of it. */
export interface SecurityCase {
  /** As a title of a test carries it: `[T01]`. */
  readonly id: string;
  readonly sent: string;
  readonly outcome: string;
  /**
   * Sections of RFCs and of OpenID specifications. Requirements of OWASP ASVS: each was read in the text of its version 5.0.
   * Advisories: each was read in a public database; it may be about another product, and shows that the mistake gets made.
   */
  readonly sources: readonly string[];
}

const preHijacking = 'Sudhodanan and Paverd, Pre-hijacked Accounts, USENIX Security 2022';

const section = (
  letter: string,
  rows: readonly (readonly [sent: string, outcome: string, ...sources: string[]])[],
): readonly SecurityCase[] =>
  rows.map(([sent, outcome, ...sources], index) => ({
    id: `${letter}${String(index + 1).padStart(2, '0')}`,
    sent,
    outcome,
    sources,
  }));

/** Every case, by section. An id never changes its meaning: new cases go to the end of their section. */
export const securityCases: Readonly<Record<CaseSection, readonly SecurityCase[]>> = {
  'Tokens and cookies': section('T', [
    ['`alg` none, noNE or empty', '401', 'RFC 8725 §3.1, §3.2', 'ASVS 9.1.2'],
    ['HS256 signed with our public JWK or PEM', '401', 'RFC 8725 §2.1, §3.1', 'ASVS 9.1.2'],
    ['a key in the header (`jwk`)', '401', 'RFC 7515 §4.1.3', 'ASVS 9.1.3'],
    [
      'an address of a key in the header (`jku`, `x5u`)',
      '401, nothing fetched',
      'RFC 8725 §3.10',
      'ASVS 9.1.3',
    ],
    ['`kid` as a path, SQL, `__proto__`, 10 kB', '401', 'RFC 8725 §3.10', 'ASVS 1.2.4'],
    [
      '10,000 unknown `kid`s',
      'one fetch of the key set in 5 s at most; a key that was rotated in is found',
      'ASVS 2.4.1',
    ],
    ['an unknown `crit`', '401', 'RFC 7515 §4.1.11'],
    ['a JSON-serialised JWS', '401', 'RFC 7519 §3'],
    [
      'a JWE with a huge `p2c`, or with `zip`',
      '401 in under 50 ms',
      'CVE-2022-36083',
      'CVE-2024-28176',
      'RFC 8725 §3.6',
    ],
    [
      'past or missing `exp`, future `nbf`; `iss` with a slash more or of a sibling; wrong, missing or mixed `aud`',
      '401; clocks may differ by 60 s',
      'RFC 7519 §4.1',
      'RFC 9068 §4',
      'ASVS 9.2.1, 9.2.3',
    ],
    [
      'an ID token, logout token or state token as a session',
      '401, by `typ`',
      'RFC 8725 §3.11, §3.12',
      'RFC 9068 §4',
      'ASVS 9.2.2',
    ],
    ['`sub` twice, `sub: {}`', '401', 'RFC 7519 §4, §4.1.2', 'ASVS 1.5.3'],
    [
      'an ended token in another encoding (last character, `==`, line feed)',
      '401',
      'RFC 7515 §2',
      'ASVS 7.4.1',
    ],
    ['every byte of the cookie flipped', '401, never 500', 'ASVS 9.1.1', 'ASVS 16.5.3'],
    ['a cookie cut off, parts swapped between people', '401', 'ASVS 9.1.1'],
    ['claims beyond 4,096 bytes', 'an error that says so, no cookie', 'RFC 6265 §6.1', 'ASVS 3.3.5'],
    ['two cookies of one name, in either order', 'never the planted one', 'RFC 6265 §8.6'],
    ['`=__Host-…`, and names with a Unicode prefix', 'ignored', 'RFC 6265bis §4.1.3', 'GHSA-r5rp-j6wh-rvv4'],
    [
      'a cookie that is set',
      '`__Host-`, Secure, HttpOnly, SameSite',
      'RFC 6265bis §4.1.3',
      'ASVS 3.3.1 to 3.3.4',
    ],
    ['a cookie after the session’s life', '401', 'ASVS 7.3.1, 7.3.2, 7.4.1'],
    ['every answer with Set-Cookie', '`no-store`', 'RFC 9111 §7.3', 'ASVS 14.3.2'],
    [
      'a cookie of Kratos or Hydra that another host or path has planted, or two of one name',
      'reaches neither; the browser’s own counts',
      'RFC 6265 §8.6',
      'RFC 6265bis §4.1.3',
      'ASVS 3.3.1',
    ],
  ]),
  'Login and logout': section('L', [
    [
      'a login POST of another site (text/plain, the attacker’s token)',
      '403 and no cookie',
      'RFC 9700 §4.7',
      'ASVS 3.5.1, 3.5.2',
    ],
    ['a logout by GET; by a POST of another site', '405; 403', 'ASVS 3.5.1, 3.5.3'],
    ['Origin `null`, a suffix, another port; Sec-Fetch-Site cross-site', '403', 'RFC 6454 §7', 'ASVS 3.5.1'],
    ['any Origin', 'never reflected by CORS', 'ASVS 3.4.2'],
    [
      '`state` left out, reused, of another browser, of another provider',
      '403',
      'RFC 6749 §10.12',
      'RFC 9700 §4.7.1',
      'ASVS 10.1.2, 10.2.1',
    ],
    ['wrong or missing `iss` in the answer', 'refused', 'RFC 9207 §2.4', 'RFC 9700 §4.4', 'ASVS 10.2.2'],
    ['a code of another client, or used twice', 'refused', 'RFC 6749 §4.1.2, §10.5', 'ASVS 10.4.2'],
    ['PKCE stripped, or `plain`', 'refused', 'RFC 7636 §7.2', 'RFC 9700 §4.8', 'ASVS 10.4.6'],
    ['a victim’s login challenge with the attacker’s Kratos cookie', 'refused', 'ASVS 10.1.2'],
    ['consent for an unlisted scope or client', 'denied', 'RFC 6749 §3.3', 'ASVS 10.4.11'],
    ['a live access token of another client', '401', 'RFC 9700 §4.10.2', 'ASVS 10.3.1'],
    [
      'a client-credentials token whose subject is a person',
      '401',
      'RFC 9068 §5',
      'RFC 9700 §4.15',
      'ASVS 10.3.3',
    ],
    ['an introspection that answers `active: "true"` or HTML', 'no session', 'RFC 7662 §2.2', 'ASVS 16.5.3'],
    [
      'a cache primed for provider A, or for scope foo',
      'never serves B, or bar',
      'RFC 7662 §4',
      'ASVS 10.3.2',
    ],
    ['200 logins in parallel', 'nobody gets another’s session', 'ASVS 7.2.4'],
    ['a cookie that was planted before the login', 'a new session id, the old one dead', 'ASVS 7.2.4'],
    [
      'the first factor only, where two are required',
      'no session; 403 at Kratos',
      'RFC 9470 §3',
      'ASVS 10.3.4',
    ],
    [
      'a logout token that is forged, replayed, or has a nonce',
      '400',
      'OpenID Back-Channel Logout 1.0 §2.6, §2.8',
      'ASVS 9.2.2',
    ],
    [
      'a disabled user’s cookie, API key and exchange',
      '401; the exchange 400 (RFC 8693)',
      'RFC 8693 §2.2.2',
      'ASVS 7.4.2',
    ],
    [
      'an e-mail address that is not verified',
      'never links to an account; an identity is issuer and subject',
      'OpenID Connect Core 1.0 §5.7',
      'ASVS 10.3.3, 10.5.2',
    ],
    ['50 redemptions of one invite in parallel', 'exactly one', 'ASVS 2.3.4'],
    [
      'a link with an invite, followed with any cookies, from any page, or as `return_to` of a flow',
      'a page that names the invite; no membership, and the active organisation stays',
      'RFC 9700 §4.11',
      'ASVS 3.5.3, 10.2.1',
    ],
    [
      'an invite for an address whose link the inviter has seen, accepted by who signed up with it',
      '403; only a mailed secret that no one else was shown verifies an address',
      'ASVS 6.6.2',
    ],
    [
      'a domain that one member has an address of, or that a rival’s DNS record is there for',
      'no one joins by it; its own DNS record or an administrator confirms it, and it is lost with the record',
      'RFC 8555 §8.4',
      'ASVS 8.2.2',
    ],
    [
      '60 invites in turn made and revoked, and 60 changes of address: a mail cannon',
      '429 by sender, by mailbox and by address; none for senders without a verified address',
      'ASVS 2.4.1, 6.3.1',
    ],
    [
      'a session token out of Kratos’ table, in any header',
      '401: nothing of it reaches Kratos',
      'ASVS 14.2.1',
    ],
    [
      'an authorization request of a public client with a loopback address or a scheme of its own',
      'no code without a page, whatever was agreed to before',
      'RFC 8252 §8.6',
      'ASVS 10.4.15',
    ],
    [
      'an unverified address at `verified=true` and `@RequireVerifiedEmail()`',
      '403, by query and by path',
      'OpenID Connect Core 1.0 §5.1',
      'ASVS 8.2.1',
    ],
    [
      'an unverified address under `REQUIRE_VERIFIED_EMAIL`, by cookie, bearer, key or exchange',
      '403; pages lead to the verification',
      'ASVS 8.2.1',
    ],
    [
      'a new account under `SIGNUP=closed`, or without an invite under `invite`: page, proxy, API, first login',
      '403; existing users log in',
      'ASVS 8.2.1',
    ],
    ['a new account, or a new address, of a domain that is not in `EMAIL_DOMAINS`', 'refused', 'ASVS 8.2.1'],
    [
      'a user who is disabled at the provider, which sends no logout',
      'out at the next renewal; where it can’t be asked, after `SESSION_UNCONFIRMED_TTL`',
      'ASVS 7.4.2',
    ],
    [
      'an identifier with a control, a blank, an invisible character or quotes, or in a spelling that Kratos folds to another',
      '400, or counted as the account that it reaches',
      'CWE-178',
      'ASVS 6.3.1',
    ],
    [
      'guesses of a second factor in sessions that other spellings or a recovery began',
      'counted together, by the identity of the session',
      'CWE-307',
      'ASVS 6.3.1',
    ],
    [
      'guesses of the second factor of an account without a password, over many sessions or networks',
      'counted together, by the identity of the session',
      'CWE-307',
      'ASVS 6.3.1',
    ],
    [
      'a login challenge for Kratos: a browser’s, or at the gateway a forged, expired or foreign one',
      'nothing of it reaches Kratos; 404',
      'CWE-345',
    ],
  ]),
  'The web around it': section('W', [
    [
      '`return_to` with `//`, `\\\\`, tabs, `user@`, other schemes, encoded forms',
      '`/`',
      'RFC 9700 §4.11',
      'ASVS 3.7.2',
    ],
    [
      'path tricks (`//`, `%61`, `%2F`, `..`, HEAD)',
      'never pass a guard or a limit',
      'CVE-2026-6414',
      'ASVS 1.1.1',
    ],
    [
      '`X-Forwarded-*` and `X-Auth-*` from an untrusted peer',
      'ignored',
      'CVE-2026-40575',
      'CVE-2025-64484',
      'RFC 9700 §4.13',
      'ASVS 4.1.3',
    ],
    ['a foreign Host', '400 or 421', 'RFC 9110 §7.2, §15.5.20'],
    ['`Bearer %`', '401', 'RFC 6750 §2.1'],
    ['`__proto__` in a header, or in JSON', '400 or ignored, and alive', 'ASVS 1.5.2'],
    [
      'a body of 10 MB; JSON 10,000 deep; a header of 64 kB',
      '413; 400; 431',
      'RFC 9110 §15.5.14',
      'RFC 6585 §5',
      'ASVS 4.2.5',
    ],
    ['1,000 dripping sockets', 'cut in 30 s', 'CVE-2018-12122', 'ASVS 2.4.1'],
    ['Content-Length with Transfer-Encoding', '400', 'RFC 9112 §6.1', 'ASVS 4.2.1'],
    ['CR, LF and ANSI for the log', 'one line', 'ASVS 16.4.1'],
    [
      'secrets, through logins, refusals and faults',
      'in no log, URL or Referer',
      'ASVS 14.2.1, 16.2.5, 3.4.5',
    ],
    ['`error=<script>`', 'escaped; no framing, a strict CSP', 'RFC 9700 §4.16', 'ASVS 1.2.1, 3.4.3, 3.4.6'],
    ['known and unknown accounts at the login', 'alike in body, not in time (R4)', 'ASVS 6.3.8'],
    ['guessing, per account and per address (IPv6 by /64)', '429', 'RFC 6585 §4', 'ASVS 6.3.1'],
    ['an API key in a query', '400', 'RFC 9700 §4.3.2', 'ASVS 14.2.1'],
    [
      'a configured URL that leads to a metadata address, also by a redirect',
      'no boot; not followed',
      'ASVS 1.3.6, 13.2.4',
    ],
    [
      'weak, short or placeholder secrets, a default admin password, debug in production',
      'no boot',
      'ASVS 13.2.3, 13.4.2',
    ],
    [
      'an upstream, mail server, database or Redis with a certificate that is untrusted, of another host, or expired',
      'nothing is sent to it',
      'CVE-2026-107318',
      'RFC 9525 §6',
      'ASVS 12.3.2',
    ],
    [
      'a common or guessable password, the product’s name, or the person’s own name or address as the password',
      'refused at registration, in the settings and after a recovery; nothing is asked over the network',
      'NIST SP 800-63B-4 §3.1.1.2',
      'ASVS 6.2.1, 6.2.4, 6.2.11',
    ],
    [
      'guesses at passwords from 64 networks at once (IPv4, IPv6 by /48, /56 and /64)',
      'a login from elsewhere is the next; beyond 512 in line 503 with `Retry-After`',
      'RFC 6585 §4',
      'ASVS 2.4.1',
    ],
    ['a query of 14 kB for Kratos or Hydra', '414, nothing stored', 'RFC 9110 §15.5.15', 'ASVS 4.2.5'],
    [
      'flows that are begun, and tokens that are refused, without an end',
      'removed; no database grows',
      'CWE-770',
      'ASVS 2.4.1',
    ],
    [
      'header fields that hold for one connection (`Expect`, `Keep-Alive`, `Upgrade`) on their way to Kratos or Hydra',
      'not passed on; the circuit stays closed for everyone',
      'RFC 9110 §7.6.1, §10.1.1',
    ],
    [
      'a form for Kratos in a query, and `traits` as text',
      '400, nothing changed',
      'RFC 9110 §9.2.1',
      'ASVS 1.5.3',
    ],
    ['bodies for Hydra that come slowly', 'they take no turn until they are there', 'CWE-400', 'ASVS 2.4.1'],
    [
      'requests to Kratos or Hydra whose callers leave before they are passed on',
      'they keep no turn, and are not passed on',
      'CWE-772',
      'ASVS 2.4.1',
    ],
    [
      'a password, or an answer of a SAML provider, made so that a pattern searches it for minutes',
      'judged in milliseconds, or refused',
      'ASVS 1.3.12',
    ],
    [
      'a refresh token twice at once, a third time, and after the grace of 10 s; an end of the access in between',
      'both get tokens, of a public client the same; refused; all tokens end',
      'RFC 9700 §4.14.2',
      'ASVS 10.4.5',
    ],
  ]),
  'Claims and roles': section('C', [
    [
      'switches, renewals, exchanges, logins and API keys under way while their user is demoted, removed or disabled, or their organisation renamed or deleted',
      'after the bound nothing says what was before',
      'CWE-367',
      'ASVS 8.3.2, 15.4.2',
    ],
    [
      'the token of a former administrator that does not know of the demotion',
      'changes nothing: roles are read from SQL',
      'ASVS 8.3.2',
    ],
    [
      'a first administrator who was demoted, deleted or has another address, after a restart and at a login',
      'is neither raised nor made again; log and audit trail say that it would have been',
      'ASVS 8.3.1',
    ],
  ]),
  "Another person's account": section('A', [
    [
      'an address that an outsider signed up with, recovered by its owner',
      'the outsider’s session, API key, passkey, second factor, password and invites are dead, and the owner needs no operator',
      preHijacking,
    ],
    [
      'a verification link in another browser or in the session of another account, and its code without a session',
      'verifies nothing until its own account is logged in',
      preHijacking,
    ],
    [
      'an API key, a passkey or a second factor for an address that isn’t verified',
      '403 `email_unverified`',
      preHijacking,
    ],
    ['the recovery of a verified account', 'its sessions end, its second factor stays', preHijacking],
    [
      'logins of an outsider, in loops and at each step, while the owner recovers the account',
      'every session and key that came of them is dead, here and at Kratos',
      preHijacking,
    ],
    [
      'a gateway that dies after Kratos has called the address verified, and before what an outsider set up is cleared',
      'the account stays unverified at the next login and renewal; the owner recovers it again',
      preHijacking,
    ],
    [
      'an import file with the id of one user and the address of another, a taken address, an administrator, or a role',
      'refused; nobody gets the account, and nobody becomes an administrator',
      preHijacking,
      'ASVS 8.2.2',
    ],
    [
      'a login by the provider of one organisation, of a person who has become a member of another one',
      'refused, and its sessions and keys end; by its login nobody joins another organisation',
      'ASVS 8.4.1',
    ],
  ]),
  Faults: section('F', [
    [
      'Kratos and Hydra both down',
      'no guarded request fails, login 503 within 1 s, well again within 10 s',
      'ASVS 16.5.2',
    ],
    ['either of them slow (30 s)', 'time-out in 2 s, guarded requests as fast as before', 'ASVS 16.5.2'],
    ['answers that are garbage', 'no session, no crash', 'ASVS 16.5.3'],
    ['a provider whose key set is out of reach', 'known keys hold for 24 h', 'ASVS 16.5.2'],
    ['Redis down', 'no guarded request fails, known ends hold, new ones come by SQL', 'ASVS 16.5.2'],
    ['the database down', 'guarded requests go on until renewal, well again within 10 s', 'ASVS 16.5.2'],
    ['a replica killed under load', 'only what it was answering fails, no session lost', 'ASVS 16.5.2'],
    ['SIGTERM', 'readiness 503 first, then drained, nothing fails', 'ASVS 16.5.2'],
    ['keys rotated under load on three replicas', 'nothing fails', 'ASVS 13.3.4'],
    ['an emergency kill of a key', 'dead everywhere in 60 s', 'ASVS 13.3.4'],
    [
      'clocks that differ by five minutes',
      'an end is an end, and logins say what is wrong',
      'RFC 7519 §4.1.4',
    ],
    ['a full disk', 'no crash', 'ASVS 16.5.3'],
    ['a secret or key file half-written', 'the last good one kept; cold, no boot', 'ASVS 16.5.3'],
    ['cookies of before an upgrade, and after a rollback', 'nobody logged out', 'ASVS 16.5.2'],
    ['an unhandled rejection', 'logged, and the process goes on', 'ASVS 16.5.4'],
    ['an embedded child killed', 'restarted with backoff, the gateway degraded meanwhile', 'ASVS 16.5.2'],
    [
      'callers who leave before Kratos or Hydra has answered, and answers of theirs that break off',
      'the process goes on',
      'ASVS 16.5.4',
    ],
  ]),
  'Handed-on credentials, and the host': section('H', [
    ['a logout with a narrowed bearer or API key', '403, the session goes on', 'RFC 6750 §3.1'],
    [
      "a login with one's own access token beside another person's bearer or API key",
      "the other person's session and key go on",
      'ASVS 7.4.1',
    ],
    [
      'a narrowed token that makes an API key',
      'the key ends with the token, and stays in its organisation',
      'RFC 8693 §1.1',
      'ASVS 8.2.1',
    ],
    [
      'paths that an application behind forward auth may read otherwise (`\\`, `..;`, `%252e`)',
      '400 from the examples',
      'RFC 3986 §5.2.4',
      'ASVS 1.1.1',
    ],
    [
      'an API key or a role, asked for with a session whose login is long ago, or with its bearer',
      '401 `reauthentication_required`',
      'RFC 9470 §3',
      'ASVS 7.5.1',
    ],
    [
      'another user of the machine, or a web page, at the admin APIs and the mailbox of `npm start`',
      'no port to reach; another host name is refused',
      'GHSA-524m-q5m7-79mm',
      'ASVS 13.2.2',
    ],
    ['a data folder that others may enter', 'every file in it is 0600', 'ASVS 13.2.2'],
    [
      'settings that open what they seem to close (halves of the Internet as proxies, plain http for pages that get tokens, a dot behind a metadata name)',
      'no boot',
      'ASVS 13.4.2',
    ],
    ['`/health/ready`, many times at once', 'one look at the dependencies for all', 'ASVS 2.4.1'],
    [
      'a mail with scripts, forms, pictures and frames of elsewhere, and a subject of markup, in the mailbox of `npm start`',
      'text, and a sandboxed frame that runs and loads nothing',
      'ASVS 1.2.1, 3.2.1',
    ],
    [
      'a cookie that a script puts before a live one (`foovestibule=1; vestibule=…`), for an application behind nginx, Caddy or Traefik',
      'nothing of the live one arrives, under any name',
      'RFC 6265 §8.6',
      'ASVS 3.3.4',
    ],
    [
      'a malicious import file: lines of 100 MB, broken JSON, prototypes, control characters, hashes that cost minutes or that any password matches',
      'each refused by its number, none of it printed; the other lines are imported',
      'ASVS 5.2.1',
    ],
  ]),
  'Second factors by policy': section('M', [
    [
      'everything, by a session or a bearer that runs when `REQUIRE_SECOND_FACTOR=everyone` falls due',
      '401 that leads to a second factor, at the API and in forward auth; no token outlives the deadline',
      'NIST SP 800-63B-4 §2.2',
      'ASVS 6.3.3',
    ],
    [
      'an API key made without a second factor, and tokens exchanged for it',
      'refused when it is due; a key made with one goes on',
      'ASVS 6.3.3',
    ],
    [
      'an administrator without a second factor under `REQUIRE_SECOND_FACTOR=admins`',
      'no role in the token; the rest of the account stays open',
      'ASVS 6.3.3, 8.4.2',
    ],
    [
      'the policy of an organisation, changed by an owner without a second factor, an admin, a member or a stranger',
      'refused, nothing changed',
      'ASVS 8.2.1',
    ],
    [
      'a member without a second factor when a policy of the organisation is turned on while they are logged in',
      'their session learns the deadline at once; after it nothing of the organisation opens, by path, claim or proxy',
      'ASVS 6.3.3',
      'ASVS 8.3.2',
    ],
    [
      'leaving and joining again, a new login, or a policy turned off and on, for another time to set one up',
      'no new time begins',
      'ASVS 2.3.1',
    ],
    [
      'keys of a member or of the organisation, made without a second factor, or exchanged for its organisation',
      'refused when it is due',
      'ASVS 6.3.3',
    ],
    [
      'a second factor that the user removes after the login',
      'from the next renewal on the session counts as one without',
      'ASVS 7.4.3',
    ],
    [
      'a login at another application without the second factor that is due',
      'it is asked for first; `prompt=none` is refused',
      'OpenID Connect Core 1.0 §3.1.2.1',
    ],
    [
      'a user of a company directory, who can’t give a second factor',
      'a page that says so, and no loop',
      'ASVS 6.3.3',
    ],
  ]),
  'SAML providers of companies': section('S', [
    [
      'a signed response or assertion that is wrapped (XSW1 to XSW8), or an assertion where none belongs',
      'refused before a signature is verified; only signed bytes are read',
      'Somorovsky et al., On Breaking SAML, USENIX Security 2012',
      'CVE-2025-54419',
      'ASVS 1.5.1',
    ],
    [
      'a document type, entities that lead elsewhere or grow, in plain or encrypted XML',
      'refused unread, nothing fetched',
      'SAML 2.0 Core §1.3',
      'ASVS 1.5.1',
    ],
    ['a comment in a NameID', 'the whole text is the subject', 'CVE-2017-11427', 'ASVS 1.5.1'],
    [
      'an answer without a signature, or changed after it',
      'refused',
      'SAML 2.0 Profiles §4.1.4.2',
      'ASVS 6.8.2',
    ],
    [
      'a signature by a foreign key or by our own, with its certificate in the signature',
      'refused',
      'SAML 2.0 Core §5.4.5',
      'ASVS 6.8.2',
    ],
    [
      'a signature without algorithm, by SHA-1, or keyed by the certificate (HMAC), also in an encrypted assertion',
      'refused',
      'NIST SP 800-131A §9',
      'ASVS 11.4.1',
    ],
    [
      'an answer that is brought again, also at another replica or at two at once; an id of an assertion again',
      'one session at most',
      'SAML 2.0 Profiles §4.1.4.5',
      'ASVS 6.8.3',
    ],
    [
      'an assertion for another audience, recipient or destination',
      'refused',
      'SAML 2.0 Profiles §4.1.4.3',
      'ASVS 6.8.3',
    ],
    ['an assertion for another request', 'refused', 'SAML 2.0 Profiles §4.1.4.3', 'ASVS 6.8.3'],
    ['an assertion that has expired, or isn’t valid yet', 'refused', 'SAML 2.0 Core §2.5.1.2', 'ASVS 6.8.3'],
    [
      'an assertion of another issuer, or the answer to a login at another connection',
      'refused',
      'SAML 2.0 Profiles §4.1.4.3',
      'ASVS 6.8.1',
    ],
    [
      'an address in `RelayState`, and an answer that no login asked for',
      'no redirect to it; refused or, where that is allowed, another login begins',
      'SAML 2.0 Bindings §3.4.3',
      'ASVS 3.7.2',
    ],
    [
      'metadata by a URL that redirects, is huge, is of another provider, has entities, or is a cloud’s own',
      'of no use, and nothing else is fetched',
      'ASVS 1.3.6',
    ],
    [
      'an encrypted assertion that can’t be decrypted, by RSA 1.5 or for another key',
      'one answer for all',
      'Jager et al., Bleichenbacher’s Attack Strikes Again, ESORICS 2012',
      'ASVS 11.3.1',
    ],
    [
      'the answer to an attacker’s login in a victim’s browser',
      'refused: it lacks the cookie of that login',
      'SAML 2.0 Profiles §4.1.5',
      'ASVS 3.5.1',
    ],
    [
      'a logout request that is unsigned, by a foreign key or SHA-1, for another address, old, used, or with a parameter twice',
      '400, and the session goes on',
      'SAML 2.0 Profiles §4.4.4.1',
      'ASVS 6.8.2',
    ],
    [
      'large answers that anyone may post, and that no provider has signed',
      'not kept, and the browser’s login is refused with the reason',
      'ASVS 2.4.1',
    ],
  ]),
  'Names and rules that others believe': section('B', [
    [
      'a stranger’s organisation with a name that programs or users know, or that looks like one: `admin`, the brand, a name in a rule',
      'refused; an administrator may give it',
      'Unicode UTS 39 §4',
      'ASVS 8.2.2',
    ],
    [
      'a slug that another organisation had, also one that is deleted, and while it is given up',
      'refused; the organisation itself may take it back',
      'ASVS 8.2.2',
    ],
    [
      'a membership of an organisation that an application hasn’t chosen, or with a reserved name',
      'not in its `groups`',
      'ASVS 8.2.2',
    ],
    [
      'a rule that names an organisation which does not exist',
      'a warning at the start, nobody gets in by it',
      'ASVS 13.1.1',
    ],
    [
      'a reserved name that users give themselves: at sign-up, by form or script, in the settings, by the API',
      'refused; as a part of a name it is fine, and one that an administrator gave stays',
      'Unicode UTS 39 §4',
      'ASVS 8.2.2',
    ],
    [
      'ten new users at once by one invite; an invite by an administrator who is none any more, or by who became one since',
      'one account; while sign-up is closed, none',
      'ASVS 2.3.4, 8.3.2',
    ],
  ]),
};

/** Cases that no test in `npm test` proves, by the reason. */
export const outsideEssential: Readonly<Record<string, readonly string[]>> = {
  'grants no access: what still works while processes, stores, disks or clocks fail, on machines of their own':
    ['F05', 'F06', 'F07', 'F08', 'F09', 'F11', 'F12', 'F14', 'F15', 'F16', 'W22'],
  'a race of 50 rounds on three replicas; `src/session` has each rule in small': ['C01', 'W28'],
  'an operator’s program, which takes minutes to import users; `src/features/user-import` judges each line': [
    'A07',
    'H12',
  ],
  'what an operator starts with, and not a request': ['B04', 'C03'],
  'programs of their own, which call a server with each certificate': ['W18'],
};
