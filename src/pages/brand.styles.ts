import Color from 'colorjs.io';

/** Grounds that text stands on, as in vestibule.css, and the text on buttons. */
const schemes = {
  light: { grounds: ['#f3f6f5', '#ffffff'], onButton: '#ffffff', step: -0.01 },
  dark: { grounds: ['#101617', '#182122'], onButton: '#0c1112', step: 0.01 },
} as const;

/** WCAG 2.2, 1.4.3: text. */
const leastContrast = 4.5;

/** A colour with this much more lightness (OKLCH, 0 to 1), as `#rrggbb`. */
function shifted(colour: Color, lightness: number): string {
  const changed = colour.to('oklch');
  changed.l = Math.min(1, Math.max(0, (changed.l ?? 0) + lightness));
  return changed.to('srgb').toGamut().toString({ format: 'hex', collapse: false });
}

/** The nearest colour of the same hue that text can have, and that a button's text can stand on. */
function readable(hex: string, { grounds, onButton, step }: (typeof schemes)['light' | 'dark']): string {
  const colour = new Color(hex);
  const against = [...grounds, onButton].map((other) => new Color(other));
  for (let shift = 0; Math.abs(shift) <= 1; shift += step) {
    const candidate = shifted(colour, shift);
    if (against.every((other) => new Color(candidate).contrast(other, 'WCAG21') >= leastContrast)) {
      return candidate;
    }
  }
  return step < 0 ? '#000000' : '#ffffff';
}

function rules(hex: string, scheme: (typeof schemes)['light' | 'dark']): string {
  const primary = readable(hex, scheme);
  const hover = shifted(new Color(primary), 8 * scheme.step);
  const values = {
    'pico-primary': primary,
    'pico-primary-background': primary,
    'pico-primary-border': primary,
    'pico-primary-underline': `${primary}80`,
    'pico-primary-hover': hover,
    'pico-primary-hover-background': hover,
    'pico-primary-hover-border': hover,
    'pico-primary-hover-underline': hover,
    'pico-primary-focus': `${primary}bf`,
    'pico-primary-inverse': scheme.onButton,
    'pico-text-selection-color': `${primary}40`,
    'pico-form-element-active-border-color': primary,
    'pico-form-element-focus-color': primary,
    'v-checked': primary,
    'v-primary': primary,
    'v-focus': primary,
  };
  return Object.entries(values)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

/**
 * The colours that follow from a product's own, for the end of the style sheets. Its hue stays; its lightness moves as far
 * as text needs to be read in each scheme, so that no choice of an operator makes a page that people can't use.
 * @param hex `#rrggbb`
 */
export function brandStyles(hex: string): string {
  const { light, dark } = schemes;
  return [
    `:root:not([data-theme='dark']){${rules(hex, light)}}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme]){${rules(hex, dark)}}}`,
    '',
  ].join('\n');
}
