/** The look of mails: the product's name, and the colour of the bar and button. */
export interface MailBrand {
  readonly name: string;
  /** `#rrggbb`. Default Vestibule's colour. */
  readonly color?: string | undefined;
}

/** The brand in docker/kratos/templates. */
export const ownBrand = { name: 'Vestibule', color: '#0d6861' } as const;
const ownButton = `background: ${ownBrand.color}; color: #ffffff;`;

/** The style of every mail. docker/kratos/templates have the same style, which a test enforces. */
export const mailStyle = [
  '<style>',
  ':root { color-scheme: light dark; }',
  'body { margin: 0; padding: 24px 16px; background: #f3f6f5; color: #24393a; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }',
  `main { display: block; max-width: 32em; margin: 0 auto; padding: 24px; border-top: 6px solid ${ownBrand.color}; border-radius: 8px; background: #ffffff; }`,
  '.brand { color: #526464; font-weight: 600; }',
  'h1 { margin: 8px 0 16px; font-size: 24px; line-height: 1.3; }',
  '.code { font: bold 30px/1.3 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 0.15em; }',
  `.button { display: inline-block; padding: 12px 24px; border-radius: 8px; ${ownButton} font-weight: 600; text-decoration: none; }`,
  '.small { color: #526464; font-size: 14px; }',
  '@media (prefers-color-scheme: dark) {',
  'body { background: #101617; color: #d3dddc; }',
  'main { background: #182122; }',
  '.brand, .small { color: #9fb0af; }',
  '}',
  '</style>',
].join('\n');

/** Replaces our colour in a mail with a brand's, and picks a readable text colour for the button. */
export function inBrandColor(text: string, color: string | undefined): string {
  return color === undefined
    ? text
    : text
        .replaceAll(ownButton, `background: ${color}; color: ${isDark(color) ? '#ffffff' : '#101617'};`)
        .replaceAll(ownBrand.color, color);
}

/**
 * Adapts one of Kratos' templates to a brand. The name is escaped, so that it can't become part of the template.
 * @param isHtml whether the template is HTML instead of plain text.
 */
export function brandedTemplate(template: string, { name, color }: MailBrand, isHtml: boolean): string {
  const words = isHtml ? escapeHtml(name) : name.replaceAll('{{', '{ {');
  return inBrandColor(template, color).replaceAll(ownBrand.name, words.replaceAll('$', '$$$$'));
}

/** Escapes text for HTML. Opening braces are escaped too, because they begin an action in a template. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
    '{': '&#123;',
  };
  return text.replaceAll(/[&<>"'{]/g, (character) => entities[character] ?? '');
}

/** Whether white text has more contrast on a colour than dark text, by WCAG 2.2's relative luminance. @param color `#rrggbb` */
function isDark(color: string): boolean {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(color.slice(start, start + 2), 16) / 255;
    return channel <= 0.040_45 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179;
}
