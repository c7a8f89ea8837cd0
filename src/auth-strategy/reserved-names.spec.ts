import { describe, expect, it } from 'vitest';
import { isReservedName, isReservedSlug } from './reserved-names.js';

describe('a name', () => {
  it.each([
    'admin',
    'ADMIN',
    'Admins',
    'ad-min',
    'a d m i n',
    'аdmin',
    'adm1n',
    'admın',
    'ａｄｍｉｎ',
    'adm\u200Bin',
    'r00t',
    'Root',
    'super user',
    'Owners',
    'staff',
    'Sуstem',
    'security',
    'Acme',
    'Аcmе',
    'ac-me',
    'vestibule',
    'ADMIΝ',
    'ΗELPDESK',
    'SECURITΥ',
    'USΣR',
    'ΤΕΑΜ',
    'теам',
    'ꓮꓓꓟꓲꓠ',
    'ꓢꓴꓑꓑꓳꓣꓔ',
    'ᎪᎠᎷᎥN',
    'ᎡᎾᎾᎢ',
    'ꭺꭰꮇꭵn',
    'АԁМіո',
    '🇦🇩🇲🇮🇳',
    'adm⍳n',
    'r∘∘t',
    'root→',
    'ⲀⲆⲘⲒⲚ',
  ])('%j is reserved', (name) => {
    expect(isReservedName(name, 'Acme')).toBe(true);
    expect(isReservedSlug(name, 'Acme')).toBe(true);
  });

  it.each(['argocd-admins', 'admin-1', 'my-Admin', 'k8s-administrators', 'admin-team'])(
    '%j is reserved as a short name, which programs compare',
    (name) => {
      expect([isReservedSlug(name, 'Acme'), isReservedName(name, 'Acme')]).toEqual([true, false]);
    },
  );

  it.each([
    'administrate-it',
    'badminton',
    'root-vegetables',
    'Staffordshire',
    'system-7',
    'analytical-engines',
    'acmeist',
    'Support Vector',
    'grassroots',
    '日本',
    'Νίκη',
    'Ελένη Παπαδοπούλου',
    'ΑΝΝΑ',
    'Анна',
    'Сергей Попов',
    'Оксана',
    'Андрей',
    // With a Latin first letter, which is a usual slip.
    'Aнтон',
    'Mарина',
    'Ꭳꮟꮒꮘ',
    'Łódź',
    'Đặng Thị Hà',
    'Ελληνική Εταιρεία',
    'Газпром Нефть',
    'Երևան',
    'თბილისი',
    'תל אביב',
    'شركة أرامكو السعودية',
    'भारतीय स्टेट बैंक',
    'ธนาคารกรุงไทย',
    '株式会社メルカリ',
    'LINEヤフー',
    'Aチーム',
    '삼성전자',
    'S전자',
    'ⵜⴰⵎⴰⵣⵉⵖⵜ',
    'ᐃᓄᒃᑎᑐᑦ',
    '🚀 Raketen-Club',
    '👩🏽‍💻 Ada',
    '',
  ])('%j is not', (name) => {
    expect(isReservedSlug(name, 'Acme')).toBe(false);
  });
});
