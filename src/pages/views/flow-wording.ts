import type { PageLanguage } from '../../platform/i18n/page-language.js';
import type { Flow, FlowLabel, FlowMessage } from '../flow.parser.js';
import type { FlowKind } from './flow-plan.js';

/** Heading of one section of the settings page. Unknown groups, of a newer Kratos, are shown by their own name. */
export function sectionHeading(group: string, { find }: PageLanguage): string {
  return find(`settings.section.${group}`) ?? group.replaceAll('_', ' ');
}

/** The text of a message: the language's own for its id, else Kratos' text. */
export function wording(
  { id, text, context }: Pick<FlowMessage, 'id' | 'text' | 'context'>,
  { find }: PageLanguage,
): string {
  return find(`kratos.${id}`, context) ?? text;
}

/** The label of a field or a button in one group of a flow. */
export function labelWording(
  label: FlowLabel,
  kind: FlowKind,
  group: string,
  language: PageLanguage,
): string {
  // Labels of traits are the titles in the identity schema.
  const context = { ...label.context, ...addedIn(label, language) };
  const words =
    language.find(`kratos.${kind}.${group}.${label.id}`, context) ??
    language.find(`title.${label.context['title'] ?? ''}`);
  return words ?? wording({ ...label, context }, language);
}

/** The time when a key was added, in words, as `added`; empty if it isn't known. */
function addedIn({ context }: FlowLabel, { moment }: PageLanguage): { readonly added?: string } {
  const time = new Date(context['added_at'] ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? {} : { added: moment(time) };
}

/** True if the person is logged in already, and has to log in again or to give a second factor. */
export function isConfirmation(kind: FlowKind, flow: Pick<Flow, 'refresh' | 'requested_aal'>): boolean {
  return kind === 'login' && (flow.refresh || flow.requested_aal === 'aal2');
}

/** True if a second factor is required but the account has none: Kratos then sends a form with nothing to fill in. */
export function lacksSecondStep(
  kind: FlowKind,
  flow: Pick<Flow, 'requested_aal'>,
  isUsable: boolean,
): boolean {
  return kind === 'login' && flow.requested_aal === 'aal2' && !isUsable;
}

/** Id of Kratos' message after a successful recovery. */
export const recoveredMessage = 1_060_001;

/** True if the code from a mail is filled in already, because the person opened the mail's link. */
export function comesFromMail(kind: FlowKind, flow: Flow): boolean {
  return (
    kind === 'verification' &&
    flow.state === 'sent_email' &&
    flow.ui.nodes.some(
      (node) => node.type === 'input' && node.attributes.name === 'code' && Boolean(node.attributes.value),
    )
  );
}

/** Heading of a flow's page and the sentence under it (null if messages or the heading already explain the page). */
export function headline(
  kind: FlowKind,
  flow: Flow,
  isRecovered: boolean,
  { text }: PageLanguage,
): { readonly title: string; readonly lead: string | null } {
  if (isConfirmation(kind, flow)) return { title: text('flow.confirm'), lead: null };
  if (isRecovered) {
    return {
      title: text(flow.state === 'success' ? 'recovery.done' : 'recovery.newPassword'),
      lead: null,
    };
  }
  if (comesFromMail(kind, flow)) {
    return { title: text('verification.title'), lead: text('verification.fromMail') };
  }
  if (flow.state === 'sent_email') return { title: text('flow.checkMail'), lead: null };
  if (kind === 'verification' && flow.state === 'passed_challenge') {
    return { title: text('verification.passed'), lead: null };
  }
  const lead = kind === 'recovery' || kind === 'verification' ? text(`${kind}.lead`) : null;
  return { title: text(`${kind}.title`), lead };
}
