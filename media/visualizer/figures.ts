// Figures as a reader wants them: each with its unit, as many digits as it deserves, thousands apart by a thin space that never breaks.

const thin = '\u202f';

export interface Figures {
  /** 8 192 */
  whole(value: number): string;
  /** 61.2 %; – for null. */
  share(value: number | null): string;
  /** 61, for the inside of a cell. */
  hundredths(value: number | null): string;
  /** 0.0056 nats have three digits that count. */
  nats(value: number): string;
  bytes(value: number): string;
  milliseconds(value: number): string;
  when(milliseconds: number): string;
}

export function figuresIn(language: string): Figures {
  const known = (() => {
    try {
      return Intl.getCanonicalLocales(language)[0];
    } catch {
      return 'en';
    }
  })();
  const format = (options: Intl.NumberFormatOptions) => {
    const chosen = new Intl.NumberFormat(known, options);
    return (value: number) => chosen.formatToParts(value).map(({ type, value: part }) => (type === 'group' ? thin : part)).join('');
  };
  const whole = format({ maximumFractionDigits: 0 });
  const tenths = format({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const hundredth = format({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const three = format({ maximumSignificantDigits: 3 });
  const date = new Intl.DateTimeFormat(known, { dateStyle: 'medium', timeStyle: 'short' });
  const share = (value: number | null): string => {
    if (value === null) return '–';
    const percent = 100 * value;
    // A share that is not quite all, or not quite nothing, never looks as if it were.
    const digits = percent === 0 || percent === 100 ? whole : Math.abs(percent) < 1 ? hundredth : Math.abs(percent) > 99 && Math.abs(percent) < 100 ? hundredth : tenths;
    return `${digits(percent)}${thin}%`;
  };
  return {
    whole: (value) => whole(Math.round(value)),
    share,
    hundredths: (value) => (value === null ? '–' : Math.abs(value) < 0.0995 && value !== 0 ? tenths(100 * value) : whole(100 * value)),
    nats: (value) => `${three(value)} nats`,
    bytes: (value) => (value < 1e6 ? `${three(value / 1e3)} kB` : value < 1e9 ? `${three(value / 1e6)} MB` : `${three(value / 1e9)} GB`),
    milliseconds: (value) => (value < 10_000 ? `${whole(Math.round(value))} ms` : `${three(value / 1000)} s`),
    when: (milliseconds) => date.format(milliseconds),
  };
}
