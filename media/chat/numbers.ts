// Numbers as a reader wants them: few digits, thousands apart by a thin space that never breaks.

const thin = '\u202f';

export interface Numbers {
  /** 8 192 */
  whole(value: number): string;
  /** 950, 2.1k, 8k: a round number of binary thousands is told as one. */
  short(value: number): string;
  /** 9.4, 25 */
  few(value: number): string;
  percent(share: number): string;
}

export function numbersIn(language: string): Numbers {
  const format = (options: Intl.NumberFormatOptions) => {
    const chosen = (() => {
      try {
        return new Intl.NumberFormat(language, options);
      } catch {
        return new Intl.NumberFormat('en', options);
      }
    })();
    return (value: number) => chosen.formatToParts(value).map(({ type, value: part }) => (type === 'group' ? thin : part)).join('');
  };
  const whole = format({ maximumFractionDigits: 0 });
  const tenths = format({ maximumFractionDigits: 1 });
  return {
    whole: (value) => whole(Math.round(value)),
    short: (value) => (value < 1000 ? whole(Math.round(value)) : value % 1024 === 0 ? `${whole(value / 1024)}k` : `${(value < 9950 ? tenths : whole)(value / 1000)}k`),
    few: (value) => (value < 9.95 ? tenths(value) : whole(value)),
    percent: (share) => whole(Math.floor(100 * Math.min(1, Math.max(0, share)))),
  };
}
