import type { Flow, FlowLabel, FlowMessage } from '../flow.parser.js';
import type { FlowKind } from './flow.plan.js';

/** Our words for Kratos' message ids, where its own are stiff or speak of things this product doesn't have. */
const WORDING: ReadonlyMap<number, string> = new Map([
  [1010001, 'Log in'],
  [1010003, 'Please log in once more before you go on.'],
  [1010004, 'This account is protected by a second step.'],
  [1010022, 'Log in'],
  [1010015, 'E-mail me a login code'],
  [1010006, 'Code from the app'],
  [1010009, 'Use the authenticator app'],
  [1010010, 'Use the backup code'],
  [1010007, 'Backup code'],
  [
    1010014,
    "We've e-mailed you a login code. If it doesn't arrive within a few minutes, look in the spam folder.",
  ],
  [1040005, "We've e-mailed you a code. If it doesn't arrive within a few minutes, look in the spam folder."],
  [1040006, 'Sign up with an e-mailed code'],
  [1040009, 'Choose how you want to log in from now on.'],
  [1050004, 'Remove the authenticator app'],
  [1050005, 'QR code for an authenticator app'],
  [1050007, 'Show the backup codes'],
  [1050008, 'Make new backup codes'],
  [1050010, 'Your backup codes. Each works once; keep them in a safe place.'],
  [1050011, "I've saved them"],
  [1050016, 'Turn backup codes off'],
  [1050017, "If you can't scan the QR code, type this key into the app:"],
  [1060001, 'You are logged in again. Now choose a new password, so that you can log in the next time.'],
  [
    1060003,
    'If that address belongs to an account, a recovery code is on its way to it. It may land in the spam folder.',
  ],
  [
    1060002,
    'If that address belongs to an account, a recovery link is on its way to it. It may land in the spam folder.',
  ],
  [1070006, 'Code from the app'],
  [1070007, 'E-mail address'],
  [1070008, 'Send a new code'],
  [1080002, 'Thank you: your e-mail address is verified.'],
  [1080003, "We've sent a verification code to your e-mail address. It may land in the spam folder."],
  [4000006, "The e-mail address or the password isn't right. Check both and try again."],
  [
    4000007,
    'There is an account with this e-mail address already. Log in instead, or choose a new password if you forgot yours.',
  ],
]);

/** Labels that mean something more precise inside one group of the settings. */
const GROUP_WORDING: ReadonlyMap<string, string> = new Map([
  ['settings/password/1070001', 'New password'],
  ['settings/password/1070003', 'Change password'],
  ['settings/totp/1070003', 'Set up the app'],
]);

const SECTION_HEADINGS: ReadonlyMap<string, string> = new Map([
  ['profile', 'Profile'],
  ['password', 'Password'],
  ['oidc', 'Linked accounts'],
  ['saml', 'Linked accounts'],
  ['totp', 'Authenticator app'],
  ['lookup_secret', 'Backup codes'],
]);

/** Heading of one section of the settings page; groups of a newer Kratos go by their own name. */
export function sectionHeading(group: string): string {
  return SECTION_HEADINGS.get(group) ?? (group === 'default' ? 'General' : group.replaceAll('_', ' '));
}

/** What to show for a message: our words for its id, else Kratos' text. */
export function wording({ id, text }: Pick<FlowMessage, 'id' | 'text'>): string {
  return WORDING.get(id) ?? text;
}

/** What to call a field or a button of one group of a flow. */
export function labelWording(label: FlowLabel, kind: FlowKind, group: string): string {
  if (label.id === 1010002 && label.context.provider) return `Log in with ${label.context.provider}`;
  return GROUP_WORDING.get(`${kind}/${group}/${label.id}`) ?? wording(label);
}

/** True when the person is logged in already and proves it again, or adds the second factor. */
export function isConfirmation(kind: FlowKind, flow: Pick<Flow, 'refresh' | 'requested_aal'>): boolean {
  return kind === 'login' && (flow.refresh || flow.requested_aal === 'aal2');
}

/** True when a second step is asked of somebody whose account has none: Kratos then sends a form with nothing to fill in. */
export function lacksSecondStep(
  kind: FlowKind,
  flow: Pick<Flow, 'requested_aal'>,
  isUsable: boolean,
): boolean {
  return kind === 'login' && flow.requested_aal === 'aal2' && !isUsable;
}

/** Heading of a flow's page and the sentence under it (null where the messages say it already). */
export function headline(
  kind: FlowKind,
  flow: Flow,
): { readonly title: string; readonly lead: string | null } {
  if (isConfirmation(kind, flow)) return { title: "Confirm it's you", lead: null };
  if (flow.state === 'sent_email') return { title: 'Check your e-mail', lead: null };
  switch (kind) {
    case 'login':
      return { title: 'Log in', lead: null };
    case 'registration':
      return { title: 'Create your account', lead: null };
    case 'recovery':
      return {
        title: 'Recover your account',
        lead: "Tell us your e-mail address, and we'll send you a way back in.",
      };
    case 'verification':
      return flow.state === 'passed_challenge'
        ? { title: 'E-mail address verified', lead: null }
        : {
            title: 'Verify your address',
            lead: "We'll e-mail you a code to make sure the address is yours.",
          };
    case 'settings':
      return { title: 'Account settings', lead: null };
  }
}
