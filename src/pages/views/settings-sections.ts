import type { FlowNode } from '../flow.parser.js';
import type { FormPlan } from './flow-plan.js';

/** A section of the settings: its forms and its current state. */
export interface SettingsSection {
  /** Kratos' group, such as `totp`. */
  readonly group: string;
  readonly plans: readonly FormPlan[];
  /** `on` or `off` for the app and backup codes, a number for keys and linked accounts, `none` for sections without a state. */
  readonly state: 'on' | 'off' | 'none' | number;
  /** Whether it has an error. */
  readonly isWrong: boolean;
}

/** Names of buttons that exist once for each key or account that is set up. */
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

/** The sections of the settings: adjacent forms of the same group are one section. */
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

/** Whether a section shows backup codes, because they were just created or requested. */
export function showsCodes({ group, plans }: SettingsSection): boolean {
  return (
    group === 'lookup_secret' &&
    nodesOf(plans).some((node) => node.type === 'text' && node.attributes.text.context.secrets.length > 0)
  );
}

/** Whether a login asks for a second factor. Only then are backup codes of use, which replace it if it's lost. */
export function hasSecondFactor(sections: readonly SettingsSection[]): boolean {
  return sections.some(
    ({ group, state }) => (group === 'totp' && state === 'on') || (group === 'webauthn' && Number(state) > 0),
  );
}
