import type { VNode } from 'preact';
import { KeyList, type KeyListProps } from '../../../pages/views/api-keys.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { NewKey } from '../../../pages/views/key-form.view.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import {
  NextPage,
  OrgLayout,
  type OrgPageProps,
  orgHref,
} from '../../../pages/views/orgs/org-layout.view.js';

export interface OrgKeysPageProps extends OrgPageProps {
  /** One page, oldest first. */
  readonly keys: { readonly items: KeyListProps['keys']; readonly nextCursor: string | null };
  /** Whether it isn't the first page. */
  readonly isLater: boolean;
  /** The refused form for a new key, with its errors. */
  readonly form?: FormState | undefined;
}

/** `GET /orgs/:id/api-keys`: keys that act as service accounts of the organisation. */
export function OrgKeysPage({ keys, isLater, form, ...page }: OrgKeysPageProps): VNode {
  const { text } = useLanguage();
  const href = orgHref(page.org, '/api-keys');
  return (
    <OrgLayout {...page} section="keys" isWrong={form !== undefined}>
      <article class="card sessions" aria-labelledby="org-keys-title">
        <h2 id="org-keys-title">{text('orgs.section.keys')}</h2>
        <p class="lead">{text('orgs.keys.lead')}</p>
        <KeyList keys={keys.items} revokeAt={href} />
        <NextPage href={href} isLater={isLater} nextCursor={keys.nextCursor} />
        <NewKey action={href} form={form} hasRole />
      </article>
    </OrgLayout>
  );
}
