import { describe, expect, it } from 'vitest';
import { Problem } from '../platform/errors/problem.error.js';
import { type FormTexts, formErrorsOf } from './form-errors.js';

const values = { slug: 'engines' };
const texts: FormTexts = {
  fields: { slug: 'orgs.error.slug' },
  conflicts: {
    slug_taken: { text: 'orgs.error.slugTaken', field: 'slug' },
    too_many_invites: { text: 'invites.error.tooMany' },
  },
};

const conflict = (reason: string): Problem => new Problem('conflict', { reason, detail: 'As it is stated.' });

describe('a conflict', () => {
  it('with a text for its reason is shown at the field that it concerns', () => {
    expect(formErrorsOf(conflict('slug_taken'), values, texts)).toEqual({
      status: 409,
      form: { values, errors: { slug: 'orgs.error.slugTaken' } },
    });
  });

  it('with a text for its reason and no field is shown for the form', () => {
    expect(formErrorsOf(conflict('too_many_invites'), values, texts).form).toEqual({
      values,
      errors: {},
      problem: 'invites.error.tooMany',
    });
  });

  it('with any other reason is shown as the API states it', () => {
    expect(formErrorsOf(conflict('domain_taken'), values, texts).form).toEqual({
      values,
      errors: {},
      stated: 'As it is stated.',
    });
  });

  it('is none of a form that expects no conflict', () => {
    const error = conflict('slug_taken');
    expect(() => formErrorsOf(error, values, { fields: texts.fields })).toThrow(error);
  });
});
