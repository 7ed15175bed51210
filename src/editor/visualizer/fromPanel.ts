// What the page sends is checked before it is believed: the messages of the protocol with their own fields and of bounded size. Anything else is nothing.
import type { FromPanel } from '../../shared/panelProtocol.ts';

/** A picture of 1600 × 900 points has hardly a tenth of that. */
const MOST_BYTES = 32e6;
const MOST_IN_NAME = 200;

type Check = (value: unknown) => boolean;
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const nameOrNull: Check = (value) => value === null || (typeof value === 'string' && value.length <= MOST_IN_NAME);
const mode: Check = (value) => value === 'exact' || value === 'balanced' || value === 'compact';
const source: Check = (value) => value === 'measurement' || value === 'suggestion';
const png: Check = (value) => value instanceof Uint8Array && value.length <= MOST_BYTES && [0x89, 0x50, 0x4e, 0x47].every((byte, i) => value[i] === byte);

type Fields<T extends FromPanel['type']> = Record<Exclude<keyof Extract<FromPanel, { type: T }>, 'type'>, Check>;

const shapes: { readonly [T in FromPanel['type']]: Fields<T> } = {
  hello: { protocol: count, epoch: nameOrNull, seq: count },
  measure: {},
  compare: {},
  cancel: {},
  useMode: { mode },
  map: { layer: count, head: count },
  reveal: { of: source, line: count },
  copyMarkdown: {},
  saveJson: {},
  saveImage: { png },
  imageCopied: {},
};

/** A message with nothing in it but its own fields; null for what is none. */
export function fromPanel(message: unknown): FromPanel | null {
  if (typeof message !== 'object' || message === null) return null;
  const { type } = message as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return null;
  const fields = Object.entries<Check>(shapes[type as FromPanel['type']]);
  const given = message as Record<string, unknown>;
  if (!fields.every(([field, check]) => Object.hasOwn(given, field) && check(given[field]))) return null;
  return { type, ...Object.fromEntries(fields.map(([field]) => [field, given[field]])) } as unknown as FromPanel;
}
