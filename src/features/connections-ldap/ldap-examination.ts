import { ResultCodeError } from 'ldapts';
import type { ConnectionStep } from '../connections/connection-step.js';
import type { LdapConnectionSettings } from './ldap-connection.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { inTime } from '../../platform/time/deadline.js';
import { type ChosenHosts, ForbiddenHostError } from '../../platform/upstream/chosen-hosts.js';
import { StepError, TestReport, isOfTls } from '../connections/test-report.js';
import { subjectOf } from './ldap-entry.js';
import { LdapSession, anyOf } from './ldap-session.js';
import { LdapProtocolError, openLdapSocket } from './ldap-socket.js';
import type { LdapUsers } from './ldap-users.js';

/** Milliseconds that a test gives a server at least. */
const leastTime = 3000;

/** Faults of a user who was found, by the reasons for which they can't be read. */
const faultsOfUsers: ReadonlyMap<string | undefined, ConnectionStep['fault'] & string> = new Map([
  ['directory_without_subject', 'subject_absent'],
  ['directory_without_state', 'state_absent'],
  ['directory_without_groups', 'groups_absent'],
]);

/** What a test of a directory is about. */
export interface ExaminedDirectory {
  readonly settings: LdapConnectionSettings;
  readonly users: LdapUsers;
  /** Decides where the servers may be; undefined: anywhere. */
  readonly hosts: ChosenHosts | undefined;
  /** Of a user who should be found. */
  readonly address: string | undefined;
}

/** Tries a directory out, server by server: its certificate, the account that searches, whether there are users, and one of them. */
export async function testLdap(directory: ExaminedDirectory): Promise<readonly ConnectionStep[]> {
  const reports = await Promise.all(
    directory.settings.servers.map(async (url) => testServer(url, directory)),
  );
  return reports.flat();
}

/** All steps together have one limit: a user with many groups takes many searches, each of which could take long. */
async function testServer(url: string, directory: ExaminedDirectory): Promise<readonly ConnectionStep[]> {
  const report = new TestReport();
  let isLate = false;
  try {
    await inTime(Math.max(directory.settings.timeout, leastTime), async (signal) => {
      signal.addEventListener('abort', () => {
        isLate = true;
        report.abandon();
      });
      await runSteps(report, url, directory, signal);
    });
  } catch (error) {
    if (!isLate) {
      throw error;
    }
  }
  return report.steps;
}

async function runSteps(
  report: TestReport,
  url: string,
  { settings, users, hosts, address }: ExaminedDirectory,
  signal: AbortSignal,
): Promise<void> {
  const { authorities, baseDn, bindDn, bindPassword, loginAttributes } = settings;
  const socket = await report.run(
    'reach',
    url,
    async () => openLdapSocket({ url, authorities, lookup: hosts?.lookupFor(url) }, signal),
    faultOf,
  );
  if (socket === undefined) {
    return;
  }
  // Operations have no limit of their own: the end of the socket ends them.
  const session = new LdapSession(socket, 0);
  const end = (): void => void socket.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    await report.run('bind', bindDn, async () => {
      if ((await session.bind(bindDn, bindPassword)) !== true) {
        throw new StepError('bind_refused');
      }
    });
    await report.run(
      'base',
      baseDn,
      async () => {
        const entry = await users.any(session);
        if (entry === undefined || subjectOf(entry, settings) === null) {
          throw new StepError(entry === undefined ? 'base_absent' : 'subject_absent');
        }
        if (await users.hidesState(session, entry)) {
          throw new StepError('state_absent');
        }
      },
      (error) => (error instanceof ResultCodeError ? 'base_absent' : 'failed'),
    );
    if (address !== undefined) {
      await report.run(
        'user',
        address,
        async () => {
          const entry = await users.find(session, anyOf(loginAttributes, [address]));
          if (entry === undefined) {
            throw new StepError('user_absent');
          }
          if ((await users.read(session, entry)).state !== 'active') {
            throw new StepError('user_not_admitted');
          }
        },
        (error) => faultsOfUsers.get(error instanceof Problem ? error.reason : undefined) ?? 'failed',
      );
    }
  } finally {
    signal.removeEventListener('abort', end);
    await session.close();
    socket.destroy();
  }
}

/** What a failed connection to a server means. */
function faultOf(error: unknown): 'certificate' | 'not_public' | 'starttls_refused' | 'unreachable' {
  if (error instanceof ForbiddenHostError) {
    return 'not_public';
  }
  if (error instanceof LdapProtocolError) {
    return 'starttls_refused';
  }
  return isOfTls(error) ? 'certificate' : 'unreachable';
}
