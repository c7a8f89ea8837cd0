import { describe, expect, it } from 'vitest';
import { resembles } from './application-name.js';

describe('a name', () => {
  it.each([
    ['Vestıbule', 'Vestibule'],
    ['Ac\u3164me', 'Acme'],
    ['Ac\u200Bme', 'Acme'],
    ['\u202EAcme', 'Acme'],
    ['Α\u0301cΜe Support', 'Acme'],
    ['ΖULU', 'Zulu'],
    ['Аcmе', 'Acme'],
    ['Ɑcme', 'Acme'],
    ['My-Acme', 'Acme'],
    ['ᴠᴇꜱᴛɪʙᴜʟᴇ', 'Vestibule'],
    ['ʼVestibuleʼ', 'Vestibule'],
    ['VestiЬule', 'Vestibule'],
    ['Vestibuǀe', 'Vestibule'],
    ['🆅🅴🆂🆃🅸🅱🆄🅻🅴', 'Vestibule'],
    ['🄰🅒Ⓜ🅴', 'Acme'],
    ['Ꮩestibule', 'Vestibule'],
    ['ꓦestibule', 'Vestibule'],
    ['ⵠestibule', 'Vestibule'],
    ['Vestibսle', 'Vestibule'],
    ['Vestibuɩe', 'Vestibule'],
    ['Vestibulє', 'Vestibule'],
    ['Vestibul℮', 'Vestibule'],
    ['Vestibulҽ', 'Vestibule'],
    ['Vest!bule', 'Vestibule'],
    ['Vest¡bule', 'Vestibule'],
    ['Ve$tibule', 'Vestibule'],
    ['\\/estibule', 'Vestibule'],
    ['Vestib|_|le', 'Vestibule'],
    ['Official Vestibule Login', 'Vestibule'],
    ['The Vestibule team', 'Vestibule'],
    ['Мой Vestibule', 'Vestibule'],
    ['Νorthwind', 'Northwind'],
    ['ΝORTHWIND', 'Northwind'],
    ['νorthwind', 'Northwind'],
    ['Νοгтнwind support', 'Northwind'],
    ['ꓦꓰꓢꓔꓲꓐꓴꓡꓰ', 'Vestibule'],
    ['ꓮꓚꓟꓰ', 'Acme'],
    ['ᎪᏟᎷᎬ', 'Acme'],
    ['μTorrent', 'uTorrent'],
    ['uTorrent', 'μTorrent'],
    ['Νίκη', 'Νίκη'],
    ['Яндекс', 'яндекс'],
  ])('%j looks like %s', (given, trusted) => {
    expect(resembles(given, trusted)).toBe(true);
  });

  it.each([
    ['Wiki', 'Acme'],
    ['Ace', 'Acme'],
    ['\u3164', 'Acme'],
    ['Мой дом', 'Acme'],
    ['Trestle', 'Vestibule'],
    ['Macmembers', 'Acme'],
    ['Пить', 'Acme'],
    ['Νίκη', 'Nike'],
    ['Αθήνα', 'Acme'],
    ['Самара', 'Acme'],
    ['Mарина', 'Member'],
    ['Aнтон', 'Admin'],
  ])('%j doesn’t look like %s', (given, trusted) => {
    expect(resembles(given, trusted)).toBe(false);
  });
});
