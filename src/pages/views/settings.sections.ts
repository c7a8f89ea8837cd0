import type { FlowNode } from '../flow.parser.js';
import type { FormPlan } from './flow.plan.js';

/** What a section of the settings is: its forms, and what is so now. */
export interface SettingsSection {
  /** Kratos' group, such as `totp`. */
  readonly group: string;
  readonly plans: readonly FormPlan[];
  /** `on` or `off` for a second factor, how many there are for what can be several, `none` where there is nothing to say. */
  readonly state: 'on' | 'off' | 'none' | number;
  /** Whether it has something to be mended. */
  readonly isWrong: boolean;
}

/** Buttons that are only there once something is set up. */
const removals: ReadonlySet<string> = new Set(['passkey_remove', 'webauthn_remove', 'unlink']);
const switches: Readonly<Record<string, readonly string[]>> = {
  totp: ['totp_unlink'],
  lookup_secret: ['lookup_secret_reveal', 'lookup_secret_disable'],
};

const nodesOf = (plans: readonly FormPlan[]): readonly FlowNode[] =>
  plans.flatMap(({ sections }) => sections.flat());

function countOf(nodes: readonly FlowNode[], names: (name: string) => boolean): number {
  return nodes.filter((node) => node.type === 'input' && names(node.attributes.name)).length;
}

function stateOf(group: string, nodes: readonly FlowNode[]): SettingsSection['state'] {
  const names = switches[group];
  if (names !== undefined) {
    return countOf(nodes, (name) => names.includes(name)) > 0 ? 'on' : 'off';
  }
  return group === 'profile' || group === 'password' || group === 'default'
    ? 'none'
    : countOf(nodes, (name) => removals.has(name));
}

/** Forms of one group, next to each other, are one section. */
export function sectionsOf(plans: readonly FormPlan[]): readonly SettingsSection[] {
  const groups: FormPlan[][] = [];
  for (const plan of plans) {
    const last = groups.at(-1);
    if (last?.[0]?.group === plan.group) last.push(plan);
    else groups.push([plan]);
  }
  return groups.map((members) => {
    const group = members[0]?.group ?? 'default';
    const nodes = nodesOf(members);
    const isWrong = nodes.some(({ messages }) => messages.some(({ type }) => type === 'error'));
    return { group, plans: members, state: stateOf(group, nodes), isWrong };
  });
}

/** Whether a section shows codes that have just been made, or that were asked for. */
export function showsCodes({ group, plans }: SettingsSection): boolean {
  return (
    group === 'lookup_secret' &&
    nodesOf(plans).some((node) => node.type === 'text' && node.attributes.text.context.secrets.length > 0)
  );
}

/** Whether a login asks for a second step now: backup codes are for the day on which that one can't be given. */
export function hasSecondFactor(sections: readonly SettingsSection[]): boolean {
  return sections.some(
    ({ group, state }) => (group === 'totp' && state === 'on') || (group === 'webauthn' && Number(state) > 0),
  );
}
