import type { VNode } from 'preact';
import { useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import { ApplicationLayout, type ApplicationsPlace, Title } from './application-layout.view.js';

export interface SentAlreadyPageProps {
  readonly place: ApplicationsPlace;
  /** What the form did when it was sent first: it registered an application, or made a new secret. */
  readonly done: 'registered' | 'rotated';
  /** Where to see what came of it: the list, or the application's page. */
  readonly href: string;
}

/** The answer to a form that was sent before, such as by reloading the page with its result. Nothing has been done again. */
export function SentAlreadyPage({ place, done, href }: SentAlreadyPageProps): VNode {
  const { text } = useTexts(applicationTexts);
  const title = text(`applications.sent.${done}.title`);
  return (
    <ApplicationLayout place={place} title={title}>
      <article class="card form" aria-labelledby="sent-title">
        <Title place={place} id="sent-title">
          {title}
        </Title>
        <p class="notice info" role="status">
          {text(`applications.sent.${done}.lead`)}
        </p>
        <p>{text('applications.sent.secret')}</p>
        <div class="actions">
          <a class="button" href={href}>
            {text(`applications.sent.${done}.next`)}
          </a>
        </div>
      </article>
    </ApplicationLayout>
  );
}
