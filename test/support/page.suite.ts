import type { VNode } from 'preact';
import { describe, expect, it } from 'vitest';
import type { OrgPageProps } from '../../src/pages/views/orgs/org-layout.view.js';
import { renderView } from './page.frame.js';

/** A text that would become markup if a page didn't escape it. */
export const hostile = '"><script>alert(1)</script>';

/** An organisation whose texts are all hostile, to a viewer who may do everything there. */
export const openOrg: OrgPageProps = {
  org: {
    id: hostile,
    slug: hostile,
    name: hostile,
    domain: hostile,
    domainState: 'unconfirmed',
    domainProof: null,
    domainRecord: { name: hostile, value: hostile },
    joinPolicy: 'domain',
    secondFactor: 'none',
    role: 'owner',
    createdAt: hostile,
    updatedAt: hostile,
  },
  can: () => true,
};
/** Organisations to choose from. */
export const orgsOfOneName = [
  { id: 'one', slug: 'acme', name: 'Acme' },
  { id: 'other', slug: 'acme-berlin', name: 'Acme' },
];

/** What holds of every page: it is given with hostile texts, by a name. */
export function describePages(pages: readonly (readonly [string, VNode])[]): void {
  describe.each(pages)('the %s page', (_name, page) => {
    const html = renderView(page, { user: { name: hostile, email: hostile, isAdmin: true } });

    it('has one main heading, a language, a title and the landmarks', () => {
      expect(html.match(/<h1\b/g)).toHaveLength(1);
      expect(html).toMatch(/<html lang="en">.*<title>[^<]+<\/title>/s);
      expect(html.match(/<main\b/g)).toHaveLength(1);
      expect(html).toContain('<header');
    });

    it('has nothing that a strict policy forbids, and no text that became markup', () => {
      expect(html).not.toMatch(/<script(?! src="\/assets\/)|<style|\sstyle=|\son[a-z]+="/);
      expect(html).not.toContain('<script>alert');
    });

    it('asks no other host for anything', () => {
      expect(html).not.toMatch(/\s(?:src|href|action)="(?!\/(?!\/)|#)/);
    });
  });
}

/** What holds of the administration's pages: they are given with hostile texts, by a name. */
export function describeAdminPages(pages: readonly (readonly [string, VNode])[]): void {
  describe.each(pages)('the page of the administration for %s', (_name, page) => {
    const html = renderView(page, { user: { name: hostile, email: hostile, isAdmin: true } });

    it('has one main heading, a title, the navigation, and says where in it one is', () => {
      expect(html.match(/<h1\b/g)).toHaveLength(1);
      expect(html).toMatch(/<title>[^<]+<\/title>/);
      expect(html.match(/<nav class="sections" aria-label="Administration">/g)).toHaveLength(1);
      expect(html.match(/aria-current="page"/g)).toHaveLength(1);
    });

    it('has nothing that a strict policy forbids, no text that became markup, and asks no other host', () => {
      expect(html).not.toMatch(
        /<script(?! src="\/assets\/page\.js" defer><\/script>)|<style|\sstyle=|\son[a-z]+="/,
      );
      expect(html).not.toMatch(/\s(?:src|href|action)="(?!\/(?!\/)|#)/);
    });

    it('gives every id once, and names only ids that there are', () => {
      const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, found]) => found);
      expect(ids).toEqual([...new Set(ids)]);
      const named = [...html.matchAll(/\s(?:for|aria-(?:describedby|labelledby))="([^"]+)"/g)];
      expect(named.map(([, found]) => found).filter((found) => !ids.includes(found))).toEqual([]);
    });

    it('is German where that is asked for', () => {
      const german = renderView(page, { user: { name: 'Ada', email: null, isAdmin: true } }, 'de');
      expect(german).toContain('<html lang="de">');
      expect(german).toContain('aria-label="Verwaltung"');
      expect(german).not.toContain('Audit events');
    });
  });
}
