import type { VNode } from 'preact';
import { FormField, FormProblem } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { Layout } from '../../../pages/views/layout.view.js';
import { useLanguage } from '../../../pages/views/page-props.js';

export interface NewOrgPageProps {
  /** The same each time this form is sent, so that it creates one organisation, however often the button is pressed. */
  readonly formId: string;
  /** The refused form, with its errors. */
  readonly form?: FormState | undefined;
}

/** A form for a new organisation. */
export function NewOrgPage({ formId, form }: NewOrgPageProps): VNode {
  const { text } = useLanguage();
  const title = text('orgs.new.title');
  return (
    <Layout title={form === undefined ? title : text('common.errorTitle', { title })}>
      <article class="card">
        <h1>{title}</h1>
        <p class="lead">{text('orgs.new.lead')}</p>
        <form method="post" action="/orgs">
          <FormProblem form={form} />
          <input type="hidden" name="formId" value={formId} />
          <FormField id="org-name" name="name" label={text('orgs.name')} maxLength={200} form={form} />
          <FormField
            id="org-slug"
            name="slug"
            label={text('orgs.slug')}
            maxLength={40}
            isOptional
            isVerbatim
            form={form}
            hint={text('orgs.slugHint')}
          />
          <div class="actions">
            <button type="submit">{text('orgs.new.create')}</button>
            <a class="button secondary" href="/">
              {text('common.backToAccount')}
            </a>
          </div>
        </form>
      </article>
    </Layout>
  );
}
