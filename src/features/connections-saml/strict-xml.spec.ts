import { expect, it } from 'vitest';
import { XmlError, allElements, attributeOf, childOf, childrenOf, parseXml, textOf } from './strict-xml.js';

it.each([
  '<a/>',
  '<?xml version="1.0" encoding="UTF-8"?>\n<a/>',
  '\uFEFF<?xml version="1.0"?><a/>',
  '<!-- before --><a><!-- in --></a>',
  '<a><![CDATA[text]]></a>',
  '<a>&lt;&amp;&#65;</a>',
])('reads %j', (text) => {
  expect(parseXml(text).localName).toBe('a');
});

it.each([
  '',
  'text',
  '<a>',
  '<a></b>',
  '<a/><b/>',
  '<a/>text',
  '<a b="1" b="2"/>',
  '<a>&unknown;</a>',
  '<a b=1/>',
  '<!DOCTYPE a><a/>',
  '<!doctype a><a/>',
  '<a><!ENTITY e "x"></a>',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
  '<a><?php x ?></a>',
  '<?xml-stylesheet href="x"?><a/>',
  '<a>\0</a>',
])('refuses %j', (text) => {
  expect(() => parseXml(text)).toThrow(XmlError);
});

it.each([
  ['elements', `<a>${'<b/>'.repeat(10_001)}</a>`],
  ['levels', `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`],
  ['names', `<a>${Array.from({ length: 201 }, (_none, index) => `<b${index}/>`).join('')}</a>`],
  ['attributes', `<a ${Array.from({ length: 101 }, (_none, index) => `b${index}="1"`).join(' ')}/>`],
  ['quotes that never end', `<a>${'<b c="'.repeat(10_000)}`],
])('refuses too many %s', (_what, text) => {
  expect(() => parseXml(text)).toThrow(XmlError);
});

it('counts no element in comments, character data and values', () => {
  const root = parseXml(
    `<a b="${'>'.repeat(300)}"><!--${'<x>'.repeat(200)}--><![CDATA[${'<y>'.repeat(200)}]]></a>`,
  );
  expect([...allElements(root)]).toHaveLength(1);
});

it('a refusal repeats nothing of the text', () => {
  expect(() => parseXml('<secret x="secret"')).toThrow(/^(?!.*secret)/);
});

it('finds elements by namespace, and only one where only one may be', () => {
  const root = parseXml('<r xmlns="urn:a"><x i="1">a<!-- b -->c</x><x xmlns="urn:b" i="">  </x></r>');
  const x = childOf(root, 'urn:a', 'x');
  expect([textOf(x), attributeOf(x, 'i'), attributeOf(x, 'j')]).toEqual(['ac', '1', undefined]);
  const other = childOf(root, 'urn:b', 'x');
  expect([textOf(other), attributeOf(other, 'i')]).toEqual([undefined, undefined]);
  expect(childrenOf(root, 'urn:c', 'x')).toEqual([]);
  expect([...allElements(root)].map(({ localName }) => localName)).toEqual(['r', 'x', 'x']);
  const twice = parseXml('<r xmlns="urn:a"><x/><x/></r>');
  expect(() => childOf(twice, 'urn:a', 'x')).toThrow('more than one x');
});
