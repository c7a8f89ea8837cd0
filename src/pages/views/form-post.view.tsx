import type { VNode } from 'preact';
import { redirectHostOf } from '../../platform/core/redirect-places.js';
import type { FormPost } from '../../providers/ory/proxy/form-post.page.js';
import { Layout } from './layout.view.js';
import { useLanguage } from './page-props.js';

/** The last page of a login for an application that asked for its answer in a form; `page.js` sends the form. */
export function FormPostView({ action, fields }: FormPost): VNode {
  const { text } = useLanguage();
  const host = redirectHostOf(action);
  return (
    <Layout title={text('formPost.title')} visitorLinks={null}>
      <article class="card">
        <header>
          <h1>{text('formPost.title')}</h1>
          <p class="lead">{host ? text('formPost.lead', { host }) : text('formPost.toDevice')}</p>
        </header>
        <form class="flow" method="post" action={action} data-submit>
          {fields.map(([name, value], index) => (
            <input key={index} type="hidden" name={name} value={value} />
          ))}
          <button type="submit">{text('flow.continue')}</button>
        </form>
      </article>
    </Layout>
  );
}
