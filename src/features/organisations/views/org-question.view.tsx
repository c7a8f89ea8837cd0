import type { VNode } from 'preact';
import type { TextKey } from '../../../platform/i18n/locales/en.js';
import type { OrgAnswer } from '../../../orgs/org.schemas.js';
import { Layout } from '../../../pages/views/layout.view.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { orgHref } from '../../../pages/views/orgs/org-layout.view.js';

export interface OrgQuestionPageProps {
  readonly org: OrgAnswer;
  readonly question: 'leave' | 'delete';
  /** Why it can't be done; nothing is asked then. */
  readonly problem?: TextKey | undefined;
}

/** Asks for confirmation before somebody leaves an organisation, or deletes it. */
export function OrgQuestionPage({ org, question, problem }: OrgQuestionPageProps): VNode {
  const { text } = useLanguage();
  const title = text(`orgs.${question}.question`, { name: org.name });
  return (
    <Layout title={problem === undefined ? title : text('common.errorTitle', { title })}>
      <article class="card">
        <h1>{title}</h1>
        {problem !== undefined && (
          <p class="notice error" role="alert">
            {text(problem)}
          </p>
        )}
        {problem === undefined && <p>{text(`orgs.${question}.lead`)}</p>}
        <form method="post" action={orgHref(org, `/${question}`)}>
          <div class="actions">
            {problem === undefined && (
              <button type="submit" class="danger">
                {text(`orgs.${question}.confirm`)}
              </button>
            )}
            <a class="button secondary" href={orgHref(org)}>
              {text('orgs.back')}
            </a>
          </div>
        </form>
      </article>
    </Layout>
  );
}
