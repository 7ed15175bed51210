// The one sequential ramp of the page as colours that a canvas understands: the theme's hue mixed into the theme's ground, step by step.

const STEPS = 32;

export class Ramp {
  #colours: string[] = [];
  /** By step, what reads best on it. */
  #inks: string[] = [];
  #own = new Map<string, string>();
  /** Another one with every theme. */
  version = 0;

  constructor() {
    this.read();
  }

  /** The theme is another one. */
  read(): void {
    const probe = document.createElement('i');
    probe.className = 'probe';
    document.body.append(probe);
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const pixel = canvas.getContext('2d', { willReadFrequently: true })!;
    this.#colours = [];
    this.#inks = [];
    for (let step = 0; step <= STEPS; step++) {
      probe.style.setProperty('--step', String((100 * step) / STEPS));
      const colour = getComputedStyle(probe).backgroundColor;
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      this.#colours.push(colour);
      this.#inks.push(inkOn(pixel.getImageData(0, 0, 1, 1).data));
    }
    const { color, borderTopColor, outlineColor, caretColor } = getComputedStyle(probe);
    this.#own = new Map([['ink', color], ['line', borderTopColor], ['focus', outlineColor], ['quiet', caretColor]]);
    probe.remove();
    this.version++;
  }

  /** True in high contrast: values are printed. */
  get printing(): boolean {
    return document.body.matches('.vscode-high-contrast, .vscode-high-contrast-light') || matchMedia('(prefers-contrast: more)').matches;
  }

  /** @param share 0 … 1 */
  colour(share: number): string {
    return this.#colours[step(share)];
  }

  /** What is written on that colour. */
  ink(share: number): string {
    return this.#inks[step(share)];
  }

  own(name: 'ink' | 'line' | 'focus' | 'quiet'): string {
    return this.#own.get(name)!;
  }

  /** Red, green, blue and alpha of every step, for pictures of many points. */
  bytes(): Uint8ClampedArray {
    const canvas = document.createElement('canvas');
    canvas.width = STEPS + 1;
    canvas.height = 1;
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    this.#colours.forEach((colour, i) => {
      context.fillStyle = colour;
      context.fillRect(i, 0, 1, 1);
    });
    return context.getImageData(0, 0, STEPS + 1, 1).data;
  }
}

export const step = (share: number): number => Math.round(STEPS * Math.min(1, Math.max(0, share)));

/** The darkest or the lightest: one of the two is always readable. */
function inkOn([red, green, blue]: Uint8ClampedArray): string {
  const linear = (channel: number) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const channel = luminance > 0.179 ? 0 : 255;
  return `rgb(${channel} ${channel} ${channel})`;
}
