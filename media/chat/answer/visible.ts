// Characters that nobody sees, made visible: what steers a terminal, turns the direction of text or hides between letters.

/** Marks over one letter beyond these are left away: a tower of them would be drawn over other lines. */
const MAX_MARKS = 4;

/** All controls but tab and line feed; marks of direction, invisible characters and tags. */
const hidden = /[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
/** Joiners belong to scripts and to emoji; in code they are only in the way. */
const joiners = /[\u200c\u200d]/gu;
const towers = new RegExp(`(\\p{M}{${MAX_MARKS}})\\p{M}+`, 'gu');

/** ␛ for a control of ASCII, ⟨U+202E⟩ for the others. */
function placeholder(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? '␡' : `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** Line ends become line feeds. The result has as many lines as the text. */
export function visible(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(hidden, placeholder).replace(towers, '$1');
}

export const visibleCode = (text: string): string => visible(text).replace(joiners, placeholder);
