import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type MailBrand, brandedTemplate } from '../platform/config/mail-brand.js';

/**
 * Writes Kratos' mail templates with a brand's name and colour, for which Kratos' templates have no variables.
 * @param from folder of the shipped templates. @param to folder to write to.
 */
export async function writeMailTemplates(from: string, to: string, brand: MailBrand): Promise<void> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length));
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const isHtml = entry.name === 'email.body.gotmpl';
    await writeFile(target, brandedTemplate(await readFile(source, 'utf8'), brand, isHtml), { mode: 0o600 });
  }
}
