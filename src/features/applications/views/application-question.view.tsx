import type { VNode } from 'preact';
import type { ApplicationItem } from '../application.schemas.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import {
  ApplicationLayout,
  type ApplicationsPlace,
  Title,
  applicationHref,
} from './application-layout.view.js';

export interface ApplicationQuestionPageProps {
  readonly place: ApplicationsPlace;
  readonly application: Pick<ApplicationItem, 'id' | 'kind' | 'name'>;
}

/** `GET …/applications/:id/remove`: asks for confirmation. */
export function ApplicationQuestionPage({
  place,
  application: { id, kind, name },
}: ApplicationQuestionPageProps): VNode {
  const { text } = useTexts(applicationTexts);
  const title = text('applications.remove.question', { name });
  return (
    <ApplicationLayout place={place} title={title}>
      <article class="card" aria-labelledby="remove-title">
        <Title place={place} id="remove-title">
          {title}
        </Title>
        <p class="lead">
          {text(kind === 'machine' ? 'applications.remove.leadMachine' : 'applications.remove.lead')}
        </p>
        <div class="actions">
          <form method="post" action={applicationHref(place, id, '/remove')}>
            <button type="submit" class="danger">
              {text('applications.remove.confirm')}
            </button>
          </form>
          <a class="button secondary" href={applicationHref(place, id)}>
            {text('admin.cancel')}
          </a>
        </div>
      </article>
    </ApplicationLayout>
  );
}
