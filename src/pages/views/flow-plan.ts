import type { Flow, FlowNode, InputNode } from '../flow.parser.js';

/** The self-service flows that have a page. */
export const FLOW_KINDS = ['login', 'registration', 'recovery', 'verification', 'settings'] as const;
/** Which self-service flow a page renders. */
export type FlowKind = (typeof FLOW_KINDS)[number];

/** One `<form>` of a page, or only text if no node is a button. */
export interface FormPlan {
  /** Kratos' group of the form's first section; `default` when the fields belong to no method. */
  readonly group: string;
  /** True when the form only holds the buttons of other identity providers. */
  readonly social: boolean;
  /** True if it can't be submitted without Kratos' script: it's shown once that script can run. */
  readonly scripted: boolean;
  /** True if it returns to an earlier step, so that it isn't an alternative for completing this one. */
  readonly back: boolean;
  /** Hidden values of every submission of this form, most importantly the CSRF token. */
  readonly hidden: readonly InputNode[];
  /** The first section is the form's main method; the others are alternatives that share its fields. */
  readonly sections: readonly (readonly FlowNode[])[];
}

const SOCIAL_GROUPS: ReadonlySet<string> = new Set(['oidc', 'saml']);

/** Whether a node is a button that submits the form. */
export function isSubmit(node: FlowNode): node is InputNode {
  return node.type === 'input' && node.attributes.type === 'submit';
}

/** Whether a node is a button that calls Kratos' script, which asks for a passkey or a security key and then submits the form. */
export function isTrigger(node: FlowNode): boolean {
  return (
    node.type === 'input' && node.attributes.type === 'button' && node.attributes.onclickTrigger !== undefined
  );
}

/** Whether only Kratos' script can submit these nodes. */
export function isScripted(nodes: readonly FlowNode[]): boolean {
  return nodes.some(isTrigger) && !nodes.some((node) => isSubmit(node) || node.type === 'a');
}

/** Whether there is an error on the page. */
export function hasErrors({ ui }: Pick<Flow, 'ui'>): boolean {
  return [ui, ...ui.nodes].some(({ messages }) => messages.some(({ type }) => type === 'error'));
}

function isHidden(node: FlowNode): node is InputNode {
  return node.type === 'input' && node.attributes.type === 'hidden';
}

/** Whether a node is a field to fill in. */
export function isField(node: FlowNode): node is InputNode {
  return node.type === 'input' && !isSubmit(node) && !isTrigger(node) && !isHidden(node);
}

function isRendered(kind: FlowKind, node: FlowNode): boolean {
  const isUnknownButton = node.type === 'input' && node.attributes.type === 'button' && !isTrigger(node);
  const isLater = kind === 'registration' && canWait(node);
  return !isUnknownButton && !isLater;
}

/**
 * Whether a field can wait for the settings: an optional URL (a picture, a website), which few people know by heart at
 * registration. It's shown if it has a value or a message, so that nothing from Kratos is hidden.
 */
function canWait(node: FlowNode): boolean {
  if (node.type !== 'input' || node.attributes.type !== 'url') return false;
  const { required, value } = node.attributes;
  return !required && (value === undefined || value === '') && node.messages.length === 0;
}

/** The nodes with passwords after all other fields, where people expect them. Kratos puts some traits after the password. */
function passwordLast(nodes: readonly FlowNode[]): readonly FlowNode[] {
  const isPassword = (node: FlowNode) => node.type === 'input' && node.attributes.type === 'password';
  const last = nodes.findLastIndex((node) => isField(node) && !isPassword(node));
  const upToLast = nodes.slice(0, last + 1);
  return [
    ...upToLast.filter((node) => !isPassword(node)),
    ...upToLast.filter(isPassword),
    ...nodes.slice(last + 1),
  ];
}

/** Whether a group is part of every form: the default group, or inputs without a button of their own. */
function isShared(group: string, nodes: readonly FlowNode[]): boolean {
  const hasButton = nodes.some((node) => isSubmit(node) || isTrigger(node));
  return group === 'default' || (nodes.some((node) => node.type === 'input') && !hasButton);
}

/** Whether there is a hidden `method`, which would contradict the button of another method in the same form. */
function namesItsMethod(nodes: readonly FlowNode[]): boolean {
  return nodes.some((node) => isHidden(node) && node.attributes.name === 'method');
}

/** Whether there is a button that returns to an earlier step of the same flow. */
function leadsBack(nodes: readonly FlowNode[]): boolean {
  return nodes.some((node) => isSubmit(node) && node.attributes.name === 'screen');
}

/** Second factors in order: the authenticator app first, and backup codes, for when it's lost, last. */
const SECOND_STEPS: readonly string[] = ['totp', 'webauthn', 'lookup_secret'];

/**
 * Position of a method's form. The password comes first, so that Enter submits it. Second factors follow, then what works
 * without a script, then what needs one, and the way back last.
 */
function rank(nodes: readonly FlowNode[]): number {
  const group = nodes[0]?.group ?? '';
  if (group === 'password') return 0;
  if (SECOND_STEPS.includes(group)) return 0.1 * SECOND_STEPS.indexOf(group) + 0.1;
  if (leadsBack(nodes)) return 3;
  return isScripted(nodes) ? 2 : 1;
}

/**
 * The order of the settings. Kratos moves a group to the end once it has something to show, but people must find it where it
 * was.
 */
const SETTINGS_ORDER: readonly string[] = [
  'profile',
  'password',
  'passkey',
  'totp',
  'webauthn',
  'lookup_secret',
];

function settingsRank(nodes: readonly FlowNode[]): number {
  const index = SETTINGS_ORDER.indexOf(nodes[0]?.group ?? '');
  return index === -1 ? SETTINGS_ORDER.length : index;
}

/** Splits removing a key and adding one into two forms: Enter in the name of a new key must not press "Remove". */
function apart(members: readonly FlowNode[]): readonly (readonly FlowNode[])[] {
  if (!members.some(isTrigger) || !members.some(isSubmit)) return [members];
  return [members.filter(isSubmit), members.filter((node) => !isSubmit(node))];
}

/** The nodes by group, in the order in which the groups first appear. */
function byGroup(nodes: readonly FlowNode[]): ReadonlyMap<string, FlowNode[]> {
  const groups = new Map<string, FlowNode[]>();
  for (const node of nodes) {
    const members = groups.get(node.group);
    if (members) members.push(node);
    else groups.set(node.group, [node]);
  }
  return groups;
}

/**
 * Arranges a flow's nodes in forms. Kratos assumes one big form. In a browser without scripts, Enter presses a form's first
 * button, so somebody who typed a password could request a code or another provider instead. Therefore every method gets its
 * own form, except methods that share a visible field (the identifier): those are sections of one form.
 */
export function planForms(kind: FlowKind, nodes: readonly FlowNode[]): readonly FormPlan[] {
  const groups = byGroup(nodes.filter((node) => isRendered(kind, node)));
  const shared: FlowNode[] = [];
  const social: FlowNode[] = [];
  const merged: FlowNode[][] = [];
  const alone: FlowNode[][] = [];

  for (const [group, members] of groups) if (isShared(group, members)) shared.push(...members);
  const hidden = shared.filter(isHidden);
  const visible = shared.filter((node) => !isHidden(node));
  const hasSharedFields = visible.some(isField);

  for (const [group, members] of groups) {
    if (isShared(group, members)) continue;
    if (SOCIAL_GROUPS.has(group) && !members.some(isField)) social.push(...members);
    else if (kind !== 'settings' && hasSharedFields && !namesItsMethod(members)) merged.push(members);
    else alone.push(members);
  }
  if (kind === 'settings') {
    alone.sort((a, b) => settingsRank(a) - settingsRank(b));
  } else {
    merged.sort((a, b) => rank(a) - rank(b));
    alone.sort((a, b) => rank(a) - rank(b));
  }

  const forms: FormPlan[] = [];
  const [main = [], ...alternatives] = merged;
  const first = passwordLast([...visible, ...main]);
  if (first.length > 0) {
    const group = main[0]?.group ?? 'default';
    const sections = [first, ...alternatives];
    forms.push({
      group,
      social: false,
      scripted: isScripted(sections.flat()),
      back: false,
      hidden,
      sections,
    });
  }
  for (const members of alone.flatMap(apart)) {
    const group = members[0]?.group ?? 'default';
    const [scripted, back] = [isScripted(members), leadsBack(members)];
    forms.push({ group, social: false, scripted, back, hidden, sections: [passwordLast(members)] });
  }
  if (social.length === 0) return forms;
  const group = social[0]?.group ?? 'oidc';
  const providers: FormPlan = {
    group,
    social: true,
    scripted: false,
    back: false,
    hidden,
    sections: [social],
  };
  // Other providers come first, as the quickest way to log in; in the settings they are one section among many.
  return kind === 'settings' ? [...forms, providers] : [providers, ...forms];
}
