import { describe, expect, it } from 'vitest';
import { type OrgAct, type OrgTarget, type Standing, higherRole, may } from './org.policy.js';

const standings = ['owner', 'admin', 'member', 'system', 'none'] as const;
const yes = 'allow';
const no = 'forbid';
const gone = 'hidden';

/** What each standing may do, in the order of `standings`. */
const table: readonly (readonly [OrgAct, OrgTarget, readonly string[]])[] = [
  ['org.read', {}, [yes, yes, yes, yes, gone]],
  ['org.update', {}, [yes, no, no, yes, gone]],
  ['org.delete', {}, [yes, no, no, yes, gone]],
  ['org.switch', {}, [yes, yes, yes, gone, gone]],
  ['members.read', {}, [yes, yes, yes, yes, gone]],
  ['requests.read', {}, [yes, yes, no, yes, gone]],
  ['requests.decide', {}, [yes, yes, no, yes, gone]],
  ['member.set_role', { role: 'member', newRole: 'member' }, [yes, yes, no, yes, gone]],
  ['member.set_role', { role: 'member', newRole: 'admin' }, [yes, yes, no, yes, gone]],
  ['member.set_role', { role: 'member', newRole: 'owner' }, [yes, no, no, yes, gone]],
  ['member.set_role', { role: 'admin', newRole: 'member' }, [yes, yes, no, yes, gone]],
  ['member.set_role', { role: 'admin', newRole: 'admin' }, [yes, yes, no, yes, gone]],
  ['member.set_role', { role: 'admin', newRole: 'owner' }, [yes, no, no, yes, gone]],
  ['member.set_role', { role: 'owner', newRole: 'member' }, [yes, no, no, yes, gone]],
  ['member.set_role', { role: 'owner', newRole: 'admin' }, [yes, no, no, yes, gone]],
  ['member.remove', { role: 'member' }, [yes, yes, no, yes, gone]],
  ['member.remove', { role: 'admin' }, [yes, yes, no, yes, gone]],
  ['member.remove', { role: 'owner' }, [yes, no, no, yes, gone]],
  ['member.leave', {}, [yes, yes, yes, gone, gone]],
  ['invites.read', {}, [yes, yes, no, yes, gone]],
  ['invite.create', { newRole: 'member' }, [yes, yes, no, yes, gone]],
  ['invite.create', { newRole: 'admin' }, [yes, yes, no, yes, gone]],
  ['invite.create', { newRole: 'owner' }, [yes, no, no, yes, gone]],
  ['invite.revoke', { role: 'member' }, [yes, yes, no, yes, gone]],
  ['invite.revoke', { role: 'owner' }, [yes, no, no, yes, gone]],
  ['keys.read', {}, [yes, yes, no, yes, gone]],
  ['key.create', { newRole: 'member' }, [yes, yes, no, yes, gone]],
  ['key.create', { newRole: 'admin' }, [yes, yes, no, yes, gone]],
  ['key.revoke', {}, [yes, yes, no, yes, gone]],
  ['keys.read', {}, [yes, yes, no, yes, gone]],
  ['key.create', { newRole: 'member' }, [yes, yes, no, yes, gone]],
  ['key.create', { newRole: 'admin' }, [yes, yes, no, yes, gone]],
  ['key.revoke', {}, [yes, yes, no, yes, gone]],
];

describe('org policy', () => {
  it.each(
    table.flatMap(([act, target, verdicts]) =>
      standings.map((standing, index): [Standing, OrgAct, OrgTarget, string] => [
        standing,
        act,
        target,
        verdicts[index] ?? '',
      ]),
    ),
  )('%s %s %o: %s', (standing, act, target, verdict) => {
    expect(may(standing, act, target)).toBe(verdict);
  });

  it('the higher of two roles is the higher one, in either order', () => {
    expect(higherRole('member', 'owner')).toBe('owner');
    expect(higherRole('owner', 'admin')).toBe('owner');
    expect(higherRole('member', 'member')).toBe('member');
  });
});
