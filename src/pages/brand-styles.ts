import Color from 'colorjs.io';

/** Background colours behind text, as in vestibule.css, and the colour of text on buttons. `step` changes the lightness. */
const schemes = {
  light: { grounds: ['#f3f6f5', '#ffffff'], onButton: '#ffffff', step: -0.01 },
  dark: { grounds: ['#101617', '#182122'], onButton: '#0c1112', step: 0.01 },
} as const;

/** Minimum contrast of text (WCAG 2.2, 1.4.3). */
const leastContrast = 4.5;

/** A colour with its lightness changed by this amount (OKLCH, 0 to 1), as `#rrggbb`. */
function shifted(colour: Color, lightness: number): string {
  const changed = colour.to('oklch');
  changed.l = Math.min(1, Math.max(0, (changed.l ?? 0) + lightness));
  return changed.to('srgb').toGamut().toString({ format: 'hex', collapse: false });
}

/** The nearest colour of the same hue that is readable as text, and behind the text of a button. */
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
    // White letters in both schemes.
    'v-avatar': readable(hex, schemes.light),
  };
  return Object.entries(values)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

/**
 * CSS rules for a product's own colour, to be appended to the style sheets. The hue stays the same. The lightness changes
 * until text is readable in each scheme, so no colour that an operator configures makes a page unusable.
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

/** Vestibule's own logo in a product's colour. @param hex `#rrggbb` @param svg as it is in `assets` */
export function brandLogo(hex: string, svg: string): string {
  const primary = readable(hex, schemes.light);
  return svg
    .replaceAll('#16807a', primary)
    .replaceAll('#0a4744', shifted(new Color(primary), -0.2))
    .replaceAll('#e9f5f3', '#ffffff');
}
