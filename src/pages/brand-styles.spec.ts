import Color from 'colorjs.io';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brandStyles } from './brand-styles.js';

/** The custom properties that one scheme sets, by name. */
function valuesOf(styles: string, scheme: 'light' | 'dark'): ReadonlyMap<string, string> {
  const [light = '', dark = ''] = styles.split('\n');
  const rules = scheme === 'light' ? light : dark;
  return new Map([...rules.matchAll(/--([\w-]+):(#\w+)/g)].map(([, name = '', value = '']) => [name, value]));
}

const contrast = (one: string, other: string) => new Color(one).contrast(new Color(other), 'WCAG21');

describe('brandStyles', () => {
  it('gives every colour the contrast that text needs, on the grounds of both schemes', () => {
    const channel = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(channel, channel, channel, (...channels) => {
        const hex = `#${channels.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
        for (const [scheme, grounds] of [
          ['light', ['#f3f6f5', '#ffffff']],
          ['dark', ['#101617', '#182122']],
        ] as const) {
          const values = valuesOf(brandStyles(hex), scheme);
          const onButton = values.get('pico-primary-inverse') ?? '';
          for (const name of ['pico-primary', 'pico-primary-hover']) {
            const colour = values.get(name) ?? '';
            for (const ground of [...grounds, onButton]) {
              expect(contrast(colour, ground), `${hex} ${scheme} ${name}`).toBeGreaterThanOrEqual(4.5);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('leaves a colour alone that can be read', () => {
    expect(valuesOf(brandStyles('#0b5f59'), 'light').get('pico-primary')).toBe('#0b5f59');
    expect(valuesOf(brandStyles('#7ed0c6'), 'dark').get('pico-primary')).toBe('#7ed0c6');
  });

  it('keeps the hue of one that can not', () => {
    const yellow = new Color(valuesOf(brandStyles('#ffd500'), 'light').get('pico-primary') ?? '').to('oklch');
    expect(Math.abs((yellow.h ?? 0) - (new Color('#ffd500').to('oklch').h ?? 0))).toBeLessThan(15);
  });
});
