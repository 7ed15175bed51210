// The day as templates write it: in English whatever the machine speaks, and without a clock, so that a prompt is the same all day.

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** Python's `strftime`; the time of day is midnight. What it does not know stays as it is. */
export function formatDay(day: Date, format: string): string {
  return format.replace(/%(-?[a-zA-Z%])/g, (found, code: string) => {
    switch (code) {
      case 'Y': return String(day.getFullYear());
      case 'y': return twoDigits(day.getFullYear() % 100);
      case 'm': return twoDigits(day.getMonth() + 1);
      case '-m': return String(day.getMonth() + 1);
      case 'B': return months[day.getMonth()];
      case 'b': return months[day.getMonth()].slice(0, 3);
      case 'd': return twoDigits(day.getDate());
      case '-d': return String(day.getDate());
      case 'A': return weekdays[day.getDay()];
      case 'a': return weekdays[day.getDay()].slice(0, 3);
      case 'H': case 'M': case 'S': return '00';
      case '%': return '%';
      default: return found;
    }
  });
}
