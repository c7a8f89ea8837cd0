import type { VNode } from 'preact';
import type { Flow } from '../flow.parser.js';
import { FlowForm } from './flow-form.view.js';
import type { FormPlan } from './flow-plan.js';
import { sectionHeading } from './flow-wording.js';
import { useLanguage } from './page-props.js';
import { Scripted } from './scripted.view.js';
import { hasSecondFactor, type SettingsSection, sectionsOf, showsCodes } from './settings-sections.js';

export interface SettingsProps {
  readonly flow: Flow;
  readonly plans: readonly FormPlan[];
  /** Group of the section that has just been changed: it stays open. */
  readonly changed?: string | undefined;
}

/** The settings as a list of sections, each with its state; one is open at a time. */
export function Settings({ flow, plans, changed }: SettingsProps): VNode {
  const sections = sectionsOf(plans);
  const codes = sections.find(showsCodes);
  const first = codes === undefined ? sections[0]?.group : undefined;
  const open = sections.find(({ isWrong }) => isWrong)?.group ?? changed ?? first;
  return (
    <>
      {codes && <Codes flow={flow} section={codes} />}
      <div class="settings">
        {sections
          .filter((section) => section !== codes)
          .map((section) => (
            <Section
              key={section.group}
              flow={flow}
              section={section}
              isOpen={section.group === open}
              isNeedless={
                section.group === 'lookup_secret' && section.state === 'off' && !hasSecondFactor(sections)
              }
            />
          ))}
      </div>
    </>
  );
}

/** Backup codes, above everything else: they're shown only once, and people must not miss them. */
function Codes({ flow, section }: { readonly flow: Flow; readonly section: SettingsSection }): VNode {
  const { text } = useLanguage();
  return (
    <section class="notice info codes" aria-labelledby="codes-heading">
      <h2 id="codes-heading">{text('settings.codes.title')}</h2>
      {section.plans.map((plan, index) => (
        <FlowForm key={index} kind="settings" flow={flow} plan={plan} id={`codes-${index}`} primary />
      ))}
    </section>
  );
}

interface SectionProps {
  readonly flow: Flow;
  readonly section: SettingsSection;
  readonly isOpen: boolean;
  /** Whether it's of no use yet. It then states what to set up first. */
  readonly isNeedless: boolean;
}

function Section({ flow, section: { group, plans, state }, isOpen, isNeedless }: SectionProps): VNode {
  const language = useLanguage();
  const { text, find } = language;
  const scripted = plans.every((plan) => plan.scripted);
  const lead = find(`settings.lead.${group}`);
  return (
    <details
      name="settings"
      id={`settings-${group}`}
      open={isOpen}
      hidden={scripted}
      data-scripted={scripted ? '' : undefined}
    >
      <summary>
        <h2>{sectionHeading(group, language)}</h2>
        <State group={group} state={state} />
      </summary>
      {lead && <p class="lead">{lead}</p>}
      {isNeedless ? (
        <p>{text('settings.codes.needless')}</p>
      ) : (
        plans.map((plan, index) => (
          <Scripted key={index} when={plan.scripted && !scripted}>
            <FlowForm
              kind="settings"
              flow={flow}
              plan={plan}
              id={`${group.replaceAll(/\W/g, '-')}-${index}`}
              primary={state === 'off' || state === 'none'}
            />
          </Scripted>
        ))
      )}
    </details>
  );
}

function State({ group, state }: Pick<SettingsSection, 'group' | 'state'>): VNode | null {
  const { text } = useLanguage();
  if (state === 'none') return null;
  if (state === 'on' || state === 'off') {
    return <span class={state === 'on' ? 'badge success' : 'badge'}>{text(`settings.state.${state}`)}</span>;
  }
  const key = group === 'oidc' || group === 'saml' ? 'settings.state.linked' : 'settings.state.count';
  return <span class={state > 0 ? 'badge success' : 'badge'}>{text(key, { count: state })}</span>;
}
