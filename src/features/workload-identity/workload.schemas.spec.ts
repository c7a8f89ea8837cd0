import { describe, expect, it } from 'vitest';
import { workloadBodySchema } from './workload.schemas.js';

const github = 'https://token.actions.githubusercontent.com';
const claims = { sub: 'repo:acme/shop:ref:refs/heads/main' };

describe('claims', () => {
  it.each<[Readonly<Record<string, unknown>>]>([
    [claims],
    [{ repository_id: '1', ref: 'refs/heads/main' }],
    [{ repository_id: '1', environment: 'production' }],
    [{ repository_owner_id: '1', ref: 'refs/heads/main' }],
    [{ project_id: '1', environment: 'production' }],
    [{ namespace_id: '1', ref: 'main', ref_type: 'branch' }],
    [{ 'kubernetes.io/namespace': 'shop', 'kubernetes.io/serviceaccount/name': 'robot' }],
    [{ sub: 'spiffe://example.org/shop', extra: 'x' }],
  ])('%j are those of one tenant', (given) => {
    expect(workloadBodySchema.parse({ issuer: github, claims: given }).claims).toEqual(given);
  });

  it.each<[string, unknown]>([
    ['none', {}],
    ['of any repository', { ref: 'refs/heads/main', environment: 'production' }],
    ['of any branch', { repository_id: '1' }],
    ['of any environment of an owner', { repository_owner_id: '1' }],
    ['by names that others can register', { repository: 'acme/shop', ref: 'refs/heads/main' }],
    ['of a tag with the name of a branch', { project_id: '1', ref: 'main' }],
    ['of any account of a namespace', { 'kubernetes.io/namespace': 'shop' }],
    ['of any namespace', { 'kubernetes.io/serviceaccount/name': 'robot' }],
    ['an audience', { aud: 'https://auth.example' }],
    ['a pattern', { sub: 'repo:acme/*' }],
    ['an empty subject', { sub: '' }],
    ['a subject with a line feed', { sub: 'a\nb' }],
    ['a number', { sub: 7 }],
    ['a list', { sub: ['a', 'b'] }],
    ['a name with a blank', { ...claims, 'a b': 'x' }],
    [
      'too many',
      { ...claims, ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`c${index}`, 'x'])) },
    ],
    ['a text', 'sub'],
  ])('%s are refused', (_what, given) => {
    expect(workloadBodySchema.safeParse({ issuer: github, claims: given }).success).toBe(false);
  });
});

describe('an issuer', () => {
  it.each([
    github,
    `${github}/`,
    'https://gitlab.example/gitlab',
    'http://127.0.0.1:8080',
    'https://[2001:db8::1]',
  ])('%s is kept as it is', (issuer) => {
    expect(workloadBodySchema.parse({ issuer, claims }).issuer).toBe(issuer);
  });

  it.each([
    'http://gitlab.example',
    'gitlab.example',
    'https://GitLab.example',
    'https://gitlab.example:443',
    'https://gitlab.example/a/../b',
    'https://gitlab.example/?a=b',
    'https://gitlab.example/#a',
    'https://user:password@gitlab.example',
    'https://gitlab.example ',
    'spiffe://example.org',
    `https://gitlab.example/${'x'.repeat(500)}`,
  ])('%s is refused', (issuer) => {
    expect(workloadBodySchema.safeParse({ issuer, claims }).success).toBe(false);
  });
});

it('an unknown member is refused', () => {
  expect(workloadBodySchema.safeParse({ issuer: github, claims, keys: [] }).success).toBe(false);
});
