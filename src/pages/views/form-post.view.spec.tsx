import { parse } from 'node-html-parser';
import { expect, it } from 'vitest';
import { renderView } from '../../../test/support/page.frame.js';
import { FormPostView } from './form-post.view.js';

const hostile = '"><script>alert(1)</script>';

it('the page that posts an answer has one form with its fields, and everything in it is text', () => {
  const action = `https://app.example.org/?a=${hostile}`;
  const html = renderView(<FormPostView action={action} fields={[[hostile, hostile]]} />);
  expect(html).not.toContain('<script>');
  const form = parse(html).querySelector('form[data-submit]');
  expect(form?.attributes['action']).toBe(action);
  const [field] = form?.querySelectorAll('input') ?? [];
  expect([field?.attributes['name'], field?.attributes['value']]).toEqual([hostile, hostile]);
  expect(form?.querySelector('button')?.text).toBe('Continue');
});

it.each([
  ['https://app.example.org:8443/back', 'You go back to app.example.org:8443.'],
  ['com.example.app://app.example.org/back', 'You go back to a program on this device.'],
  ['http://127.0.0.1:8080/back', 'You go back to a program on this device.'],
])('%s: it says where the user goes', (action, words) => {
  expect(renderView(<FormPostView action={action} fields={[['code', 'x']]} />)).toContain(words);
});
