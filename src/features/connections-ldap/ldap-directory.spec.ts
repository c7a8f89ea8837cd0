import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ldapEntry, ldapMessage, ldapResult, readLdapRequest } from '../../../test/support/ldap.messages.js';
import { type LocalAuthority, makeAuthority } from '../../../test/support/local.authority.js';
import { type SlapdServer, directoryNames, startSlapd } from '../../../test/support/slapd.server.js';
import { addPerson, ldapConnection } from '../../../test/support/source.driver.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ldapSchema, ldapSettingsOf } from './ldap-connection.parser.js';
import { LdapDirectory } from './ldap-directory.js';

const { groups } = directoryNames;
const password = 'a password that no log may hold';
/** The tag of a search (RFC 4511 section 4.5.1). */
const searchRequest = 0x63;

let authority: LocalAuthority;
let slapd: SlapdServer;
const servers: Server[] = [];

beforeAll(async () => {
  authority = await makeAuthority();
  slapd = await startSlapd({ authority });
});

afterAll(async () => {
  for (const server of servers) {
    server.close();
  }
  await slapd?.stop();
  await authority?.remove();
});

/** A directory by settings on top of those for the test's own server. */
function directory(settings: Readonly<Record<string, unknown>> = {}): LdapDirectory {
  const problems: string[] = [];
  const entry = ldapSchema.parse(ldapConnection(slapd, settings));
  const parsed = ldapSettingsOf(entry, (problem) => problems.push(problem));
  expect(problems).toEqual([]);
  return new LdapDirectory(parsed, new Clock());
}

const unreachable = expect.objectContaining({ code: 'provider_unavailable' });

/** Starts a server that does as told with each connection. @returns its port. */
async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('a password', () => {
  it.each(['mail', 'uid'] as const)('is checked by %s, in any case', async (attribute) => {
    const person = await addPerson(slapd);
    const login = attribute === 'mail' ? person.email : person.uid;
    for (const typed of [login, login.toUpperCase(), `  ${login} `]) {
      expect(await directory().checkPassword(typed, person.password)).toMatchObject({
        outcome: 'user',
        user: { email: person.email, name: person.name, state: 'active', groups: [] },
      });
    }
  });

  it('is checked by a name with its domain before it, where names are those of Active Directory', async () => {
    const { uid, password: right } = await addPerson(slapd);
    const active = directory({ login_attributes: ['uid', 'sAMAccountName'] });
    for (const typed of [`CORP\\${uid}`, `corp.example.org\\${uid.toUpperCase()}`, ` CORP\\${uid} `]) {
      expect(await active.checkPassword(typed, right)).toMatchObject({ outcome: 'user' });
      expect(active.nameOf(typed).toLowerCase()).toBe(uid.toLowerCase());
    }
    for (const typed of [`\\${uid}`, `CORP\\CORP\\${uid}`, `${uid}\\`, 'CORP\\']) {
      expect(await active.checkPassword(typed, right)).toEqual({ outcome: 'wrong' });
    }
    expect(await directory().checkPassword(`CORP\\${uid}`, right)).toEqual({ outcome: 'wrong' });
  });

  it('that is wrong, or of nobody, is answered alike', async () => {
    const { email } = await addPerson(slapd);
    for (const login of [email, 'nobody@example.org']) {
      expect(await directory().checkPassword(login, 'wrong')).toEqual({ outcome: 'wrong' });
    }
  });

  it('that is empty is never taken for an anonymous login', async () => {
    const { email } = await addPerson(slapd);
    expect(await directory().checkPassword(email, '')).toEqual({ outcome: 'wrong' });
  });

  it.each([
    '*',
    '*)(uid=*',
    'x)(|(uid=*)',
    '*)(userPassword=*',
    String.raw`\2a`,
    '(uid=*)',
    'x)(!(uid=none)',
    '\u0000',
    'x\u0000*',
    '*'.repeat(321),
    'cn=manager,dc=example,dc=org',
    directoryNames.reader,
    '=',
    '|',
  ])('for the login %j finds no user', async (login) => {
    const { password: own } = await addPerson(slapd);
    expect(await directory().checkPassword(login, own)).toEqual({ outcome: 'wrong' });
    expect(await directory().checkPassword(login, directoryNames.readerPassword)).toEqual({
      outcome: 'wrong',
    });
  });

  it('of an address that two entries have opens neither', async () => {
    const one = await addPerson(slapd, { userPassword: password });
    await addPerson(slapd, { mail: one.email, userPassword: password });
    expect(await directory().checkPassword(one.email, password)).toEqual({ outcome: 'wrong' });
    expect(await directory().checkPassword(one.uid, password)).toMatchObject({ outcome: 'user' });
  });

  it('of an entry outside of the filter opens nothing', async () => {
    const person = await addPerson(slapd, { employeeType: 'guest' });
    const staffOnly = directory({ user_filter: '(&(objectClass=person)(!(employeeType=guest)))' });
    expect(await staffOnly.checkPassword(person.email, person.password)).toEqual({ outcome: 'wrong' });
  });
});

describe('an account', () => {
  const now = Date.now();
  const days = (offset: number): string => String(Math.floor(now / 86_400_000) + offset);
  const generalized = (offset: number): string =>
    new Date(now + offset * 86_400_000).toISOString().replaceAll(/[-:T]|\.\d+/g, '');

  it.each([
    [{ shadowExpire: days(-1) }, 'expired'],
    [{ shadowExpire: days(2) }, 'active'],
    [{ shadowExpire: '-1' }, 'active'],
    [{ pwdReset: 'TRUE' }, 'must_change_password'],
    [{ pwdReset: 'FALSE' }, 'active'],
    [{ pwdEndTime: generalized(2) }, 'active'],
    [{ pwdEndTime: generalized(-1) }, 'expired'],
    [{ pwdAccountLockedTime: '000001010000Z' }, 'disabled'],
  ])('with %j is %s', async (attributes, state) => {
    const person = await addPerson(slapd);
    await slapd.set(person.dn, attributes);
    const result = await directory().checkPassword(person.email, person.password);
    expect(result).toMatchObject({ outcome: 'user', user: { state } });
    const subject = result.outcome === 'user' ? result.user.subject : '';
    expect(await directory().findUser(subject)).toMatchObject({ state, email: person.email });
  });

  it('keeps its id when its name and address change, and is gone when it is removed', async () => {
    const person = await addPerson(slapd);
    const before = await directory().checkPassword(person.email, person.password);
    const subject = before.outcome === 'user' ? before.user.subject : '';
    await slapd.set(person.dn, { mail: `new-${person.email}`, cn: 'New Name' });
    expect(await directory().findUser(subject)).toMatchObject({ subject, name: 'New Name' });
    await slapd.remove(person.dn);
    expect(await directory().findUser(subject)).toBeUndefined();
    expect(await directory().findUser('*')).toBeUndefined();
  });
});

describe('groups', () => {
  const group = async (cn: string, member: readonly string[], place: string = groups): Promise<string> => {
    const dn = `cn=${cn},${place}`;
    await slapd.add(dn, { objectClass: 'groupOfNames', cn, member });
    return dn;
  };

  it('are followed upwards, through circles, to those that admit', async () => {
    const [member, outsider] = [await addPerson(slapd), await addPerson(slapd)];
    const team = await group('team', [member.dn]);
    const department = await group('department', [team]);
    await slapd.set(team, { member: [member.dn, department] });
    const company = await group('company', [department]);
    await group('others', [outsider.dn]);
    // Case and blanks of a distinguished name don't matter.
    const allowed = company.toUpperCase().replaceAll(',', ', ');
    const admitting = directory({ group_base_dn: groups, allowed_groups: [allowed] });
    expect(await admitting.checkPassword(member.email, member.password)).toMatchObject({
      user: { state: 'active', groups: ['company', 'department', 'team'] },
    });
    expect(await admitting.checkPassword(outsider.email, outsider.password)).toMatchObject({
      user: { state: 'not_admitted', groups: ['others'] },
    });
    await slapd.set(company, { member: [outsider.dn] });
    expect(await admitting.checkPassword(member.email, member.password)).toMatchObject({
      user: { state: 'not_admitted' },
    });
  });

  it('that can’t be seen, all of them, shut nobody out', async () => {
    const { email, password: typed } = await addPerson(slapd);
    const allowed_groups = [`cn=products,${groups}`];
    // There are no groups: the people have moved, or the gateway's account may not read groups any more.
    const blind = directory({ group_base_dn: directoryNames.people, allowed_groups });
    await expect(blind.checkPassword(email, typed)).rejects.toMatchObject({
      code: 'provider_misconfigured',
      reason: 'directory_without_groups',
    });
    expect((await blind.test(email)).at(-1)).toMatchObject({ step: 'user', fault: 'groups_absent' });
    await group('seen', [directoryNames.reader]);
    expect(
      await directory({ group_base_dn: groups, allowed_groups }).checkPassword(email, typed),
    ).toMatchObject({
      user: { state: 'not_admitted' },
    });
  });

  it('whose name another one has too, somewhere below the base, go by their distinguished names', async () => {
    const [member, stranger] = [await addPerson(slapd), await addPerson(slapd)];
    const projects = `ou=projects,${groups}`;
    await slapd.add(projects, { objectClass: 'organizationalUnit', ou: 'projects' });
    const original = await group('it', [member.dn]);
    await group('payroll', [member.dn]);
    const copy = await group('IT', [stranger.dn], projects);
    // A name that is the distinguished name of another group, and one that is the second of its group.
    const disguised = `uid=disguised,${projects}`;
    await slapd.add(disguised, {
      objectClass: ['groupOfNames', 'extensibleObject'],
      uid: 'disguised',
      cn: original,
      member: [stranger.dn],
    });
    await slapd.add(`cn=sales,${projects}`, {
      objectClass: 'groupOfNames',
      cn: ['sales', 'marketing'],
      member: [stranger.dn],
    });
    const marketing = await group('marketing', [member.dn]);
    const groupsOf = async ({ email, password: typed }: typeof member): Promise<readonly string[]> => {
      const result = await directory({ group_base_dn: groups }).checkPassword(email, typed);
      return result.outcome === 'user' ? result.user.groups : [];
    };
    expect(await groupsOf(member)).toEqual([original, marketing, 'payroll']);
    expect(await groupsOf(stranger)).toEqual([copy, expect.any(String), disguised]);
    await slapd.remove(copy);
    expect(await groupsOf(member)).toEqual(['it', marketing, 'payroll'].toSorted());
  });

  it('are read page by page, up to 500', async () => {
    const person = await addPerson(slapd);
    for (let index = 0; index < 520; index += 1) {
      await group(`many-${index}`, [person.dn]);
    }
    const result = await directory({ group_base_dn: groups, timeout: '30s' }).checkPassword(
      person.email,
      person.password,
    );
    expect(result.outcome === 'user' ? result.user.groups : []).toHaveLength(500);
  });
});

describe('a server', () => {
  it('is reached by StartTLS too', async () => {
    const person = await addPerson(slapd);
    expect(
      await directory({ servers: [slapd.plainUrl] }).checkPassword(person.email, person.password),
    ).toMatchObject({ outcome: 'user' });
  });

  it.each(['ldaps', 'ldap'] as const)(
    'by %s with a certificate of another name gets nothing',
    async (scheme) => {
      const other = await startSlapd({ authority, certifiedName: 'other.example.org' });
      try {
        const servers = [scheme === 'ldaps' ? other.url : other.plainUrl];
        await expect(directory({ servers }).checkPassword('ada', password)).rejects.toEqual(unreachable);
      } finally {
        await other.stop();
      }
    },
  );

  it('with a certificate of an unknown authority gets nothing', async () => {
    await expect(directory({ ca_file: undefined }).checkPassword('ada', password)).rejects.toEqual(
      unreachable,
    );
  });

  it('that refuses what the gateway logs in as is no wrong password of the user', async () => {
    const person = await addPerson(slapd);
    await expect(
      directory({ bind_password: 'wrong' }).checkPassword(person.email, person.password),
    ).rejects.toMatchObject({ code: 'provider_misconfigured', reason: 'directory_refuses_bind_dn' });
  });

  it('that refers elsewhere is not followed', async () => {
    const elsewhere: Socket[] = [];
    const port = await listen(createPlainServer((socket) => void elsewhere.push(socket)));
    const referring = await startSlapd({ authority, referral: `ldap://127.0.0.1:${port}/` });
    try {
      const abroad = directory({ servers: [referring.url], base_dn: 'dc=elsewhere,dc=org' });
      await expect(abroad.checkPassword('ada', password)).rejects.toEqual(unreachable);
      await referring.add(`cn=link,${directoryNames.people}`, {
        objectClass: ['referral', 'extensibleObject'],
        cn: 'link',
        ref: `ldap://127.0.0.1:${port}/dc=elsewhere,dc=org`,
      });
      const person = await addPerson(referring);
      expect(
        await directory({ servers: [referring.url] }).checkPassword(person.email, person.password),
      ).toMatchObject({ outcome: 'user' });
      expect(elsewhere).toEqual([]);
    } finally {
      await referring.stop();
    }
  });
});

describe('several servers', () => {
  it('stand in for each other, also for one that answers nothing', async () => {
    const person = await addPerson(slapd);
    const [silent, closed] = [await listen(createPlainServer(() => undefined)), 1];
    const several = directory({
      servers: [`ldaps://localhost:${closed}`, `ldaps://localhost:${silent}`, slapd.url],
      timeout: '1s',
    });
    expect(await several.checkPassword(person.email, person.password)).toMatchObject({ outcome: 'user' });
  });

  it('that answer nothing are no longer waited for after four times', async () => {
    const sockets: Socket[] = [];
    const silent = await listen(createPlainServer((socket) => void sockets.push(socket)));
    const person = await addPerson(slapd);
    const several = directory({ servers: [`ldaps://localhost:${silent}`, slapd.url], timeout: '1s' });
    const subject = async (): Promise<string> => {
      const result = await several.checkPassword(person.email, person.password);
      return result.outcome;
    };
    for (let count = 0; count < 4; count += 1) {
      expect(await subject()).toBe('user');
    }
    const asked = sockets.length;
    expect([await subject(), await subject()]).toEqual(['user', 'user']);
    expect([asked, sockets.length - asked]).toEqual([4, 0]);
  });
});

describe('an attacker between the gateway and the directory', () => {
  /** A server of the plain protocol that answers the first message, and notes all that it is sent. */
  async function stripping(answer: (socket: Socket) => void): Promise<{ url: string; sent: Buffer[] }> {
    const sent: Buffer[] = [];
    const port = await listen(
      createPlainServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (chunk) => void sent.push(chunk));
        socket.once('data', () => answer(socket));
      }),
    );
    return { url: `ldap://localhost:${port}`, sent };
  }

  it.each<[string, (socket: Socket) => void]>([
    ['refuses StartTLS', (socket) => void socket.write(ldapMessage(1, ldapResult(0x78, 2)))],
    ['answers another message', (socket) => void socket.write(ldapMessage(2, ldapResult(0x78)))],
    ['answers with another operation', (socket) => void socket.write(ldapMessage(1, ldapResult(0x61)))],
    ['answers nothing like LDAP', (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\n')],
    ['ends the connection', (socket) => void socket.end()],
    ['answers half', (socket) => void socket.write(ldapMessage(1, ldapResult(0x78)).subarray(0, 5))],
    ['announces an endless answer', (socket) => void socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff]))],
    [
      'puts an answer to the bind before TLS',
      (socket) =>
        void socket.write(
          Buffer.concat([ldapMessage(1, ldapResult(0x78)), ldapMessage(2, ldapResult(0x61))]),
        ),
    ],
    [
      'puts the beginning of an answer before TLS',
      (socket) =>
        void socket.write(
          Buffer.concat([ldapMessage(1, ldapResult(0x78)), ldapMessage(2, ldapResult(0x61)).subarray(0, 9)]),
        ),
    ],
    ['agrees, and speaks no TLS', (socket) => void socket.write(ldapMessage(1, ldapResult(0x78)))],
  ])('who %s learns no password', async (_what, answer) => {
    const { url, sent } = await stripping(answer);
    await expect(directory({ servers: [url], timeout: '1s' }).checkPassword('ada', password)).rejects.toEqual(
      unreachable,
    );
    const all = Buffer.concat(sent).toString('latin1');
    expect(all).not.toContain(password);
    expect(all).not.toContain(directoryNames.readerPassword);
    expect(all).toContain('1.3.6.1.4.1.1466.20037');
  });
});

describe('a directory that lies', () => {
  /** How many searches each server was asked for. */
  const searches = new Map<string, number>();

  /** A TLS server that answers each message of a connection in turn. */
  async function lying(...answers: readonly (Buffer | undefined)[]): Promise<string> {
    const { cert, key } = await authority.issue('localhost', 1);
    const server = createTlsServer({ cert, key }, (socket) => {
      let count = 0;
      socket.on('error', () => undefined);
      socket.on('data', (message: Buffer) => {
        if (readLdapRequest(message).operation === searchRequest) {
          searches.set(url, (searches.get(url) ?? 0) + 1);
        }
        const answer = answers[count];
        count += 1;
        if (answer !== undefined) {
          socket.write(answer);
        }
      });
    });
    const url = `ldaps://localhost:${await listen(server)}`;
    return url;
  }
  const entry = (id: number, uid: string): Buffer =>
    ldapEntry(id, `uid=${uid},dc=example`, { uid, entryUUID: 'some-id' });
  const bound = (id: number): Buffer => ldapMessage(id, ldapResult(0x61));
  const done = (id: number): Buffer => ldapMessage(id, ldapResult(0x65));

  it('with another user’s entry logs nobody in', async () => {
    const url = await lying(bound(2), Buffer.concat([entry(3, 'eve'), done(3)]), bound(4));
    expect(await directory({ servers: [url] }).checkPassword('ada', password)).toEqual({ outcome: 'wrong' });
  });

  it('with a success for a user that it didn’t find logs nobody in', async () => {
    const url = await lying(bound(2), done(3), bound(4));
    expect(await directory({ servers: [url] }).checkPassword('ada', password)).toEqual({ outcome: 'wrong' });
  });

  it.each([
    ['a temporary lock (19), which is the answer to any password', 19, { outcome: 'wrong' }],
    ['an inactive account (53)', 53, { outcome: 'refused', state: 'disabled' }],
  ])('or tells of %s', async (_what, code, outcome) => {
    const refused = ldapMessage(4, ldapResult(0x61, code));
    const url = await lying(bound(2), Buffer.concat([entry(3, 'ada'), done(3)]), refused);
    expect(await directory({ servers: [url] }).checkPassword('ada', password)).toEqual(outcome);
  });

  it.each([
    ['none', done(4)],
    [
      'only users without an id',
      Buffer.concat([ldapEntry(4, 'uid=ada,dc=example', { uid: 'ada' }), done(4)]),
    ],
  ])('or hides a user, and of all others %s, doesn’t say that the user is gone', async (_what, others) => {
    const url = await lying(bound(2), done(3), others);
    await expect(directory({ servers: [url] }).findUser('some-id')).rejects.toMatchObject({
      code: 'provider_misconfigured',
      reason: 'directory_without_users',
    });
    const honest = await lying(bound(2), done(3), Buffer.concat([entry(4, 'eve'), done(4)]));
    expect(await directory({ servers: [honest] }).findUser('another-id')).toBeUndefined();
    // Of two servers, one that has no users yet leaves it to the other.
    expect(await directory({ servers: [url, honest] }).findUser('another-id')).toBeUndefined();
  });

  describe('or hides whether users of Active Directory are disabled', () => {
    const activeDirectory = '1.2.840.113556.1.4.800';
    const lightweight = '1.2.840.113556.1.4.1851';
    const found = (id: number, attributes: Readonly<Record<string, string>> = {}): Buffer =>
      Buffer.concat([
        ldapEntry(id, 'uid=ada,dc=example', { uid: 'ada', entryUUID: 'some-id', ...attributes }),
        done(id),
      ]);
    const capable = (id: number, oid: string): Buffer =>
      Buffer.concat([ldapEntry(id, '', { supportedCapabilities: oid }), done(id)]);
    const hidden = { code: 'provider_misconfigured', reason: 'directory_without_state' };
    const stated = {
      directory: 'active-directory',
      subject_attribute: 'entryUUID',
      login_attributes: ['uid'],
    };

    it('logs nobody in, and says nothing about a user', async () => {
      const logins = await lying(bound(2), found(3), bound(4), bound(5), capable(6, activeDirectory));
      await expect(directory({ servers: [logins] }).checkPassword('ada', password)).rejects.toMatchObject(
        hidden,
      );
      const facts = await lying(bound(2), found(3), capable(4, activeDirectory));
      await expect(directory({ servers: [facts] }).findUser('some-id')).rejects.toMatchObject(hidden);
    });

    it('is believed to be one by its settings, unless it says that it is another', async () => {
      const silent = await lying(bound(2), found(3), ldapMessage(4, ldapResult(0x65, 50)));
      await expect(directory({ servers: [silent], ...stated }).findUser('some-id')).rejects.toMatchObject(
        hidden,
      );
      expect(await directory({ servers: [silent] }).findUser('some-id')).toMatchObject({ state: 'active' });
      const other = await lying(bound(2), found(3), capable(4, lightweight));
      expect(await directory({ servers: [other], ...stated }).findUser('some-id')).toMatchObject({
        state: 'active',
      });
    });

    it('and shows it of a user is asked nothing more', async () => {
      const url = await lying(bound(2), found(3, { userAccountControl: '514' }));
      expect(await directory({ servers: [url], ...stated }).findUser('some-id')).toMatchObject({
        state: 'disabled',
      });
    });

    it('is asked what it is once in five minutes, not at each question', async () => {
      const url = await lying(bound(2), found(3), capable(4, lightweight));
      const one = directory({ servers: [url] });
      const searchesOfOne = async (): Promise<number> => {
        const before = searches.get(url) ?? 0;
        expect(await one.findUser('some-id')).toMatchObject({ state: 'active' });
        return (searches.get(url) ?? 0) - before;
      };
      expect([await searchesOfOne(), await searchesOfOne()]).toEqual([2, 1]);
      const now = performance.now.bind(performance);
      const later = vi.spyOn(performance, 'now').mockImplementation(() => now() + 300_000);
      try {
        expect([await searchesOfOne(), await searchesOfOne()]).toEqual([2, 1]);
      } finally {
        later.mockRestore();
      }
    });

    it('and refuses to say what it is is asked again', async () => {
      const url = await lying(bound(2), found(3), ldapMessage(4, ldapResult(0x65, 50)));
      const one = directory({ servers: [url] });
      await one.findUser('some-id');
      await one.findUser('some-id');
      expect(searches.get(url)).toBe(4);
    });

    it('is named by the test of the connection', async () => {
      const url = await lying(bound(2), found(3), capable(4, activeDirectory));
      expect((await directory({ servers: [url] }).test(undefined)).at(-1)).toMatchObject({
        step: 'base',
        fault: 'state_absent',
      });
      const someone = await lying(
        bound(2),
        found(3, { userAccountControl: '512' }),
        found(4),
        capable(5, activeDirectory),
      );
      expect((await directory({ servers: [someone] }).test('ada')).at(-1)).toMatchObject({
        step: 'user',
        fault: 'state_absent',
      });
    });
  });

  it('or hides the id of a user doesn’t say that the user is gone', async () => {
    const found = Buffer.concat([ldapEntry(3, 'uid=ada,dc=example', { uid: 'ada' }), done(3)]);
    await expect(
      directory({ servers: [await lying(bound(2), found)] }).findUser('some-id'),
    ).rejects.toMatchObject({ code: 'provider_misconfigured', reason: 'directory_without_subject' });
  });

  it.each<[string, Buffer | undefined]>([
    ['garbage', Buffer.from('garbage'.repeat(50))],
    ['an answer to another message', bound(99)],
    ['nothing', undefined],
  ])('with %s is unavailable', async (_what, answer) => {
    const url = await lying(answer);
    await expect(directory({ servers: [url], timeout: '1s' }).checkPassword('ada', password)).rejects.toEqual(
      unreachable,
    );
  });
});
