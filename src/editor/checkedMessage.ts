// What a page sends is checked before it is believed: the messages of its protocol with their own fields and of bounded size. Anything else is nothing.

export type Check = (value: unknown) => boolean;

/** The most characters of a name that a page sends. */
const MOST_IN_NAME = 200;
export const name: Check = (value) => typeof value === 'string' && value.length <= MOST_IN_NAME;
export const nameOrNull: Check = (value) => value === null || name(value);
export const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const among = (...values: readonly string[]): Check => (value) => values.includes(value as string);

/** By the type of the message, what each of its fields must be. */
export type Shapes<M extends { type: string }> = { readonly [T in M['type']]: Record<Exclude<keyof Extract<M, { type: T }>, 'type'>, Check> };

/** A message with nothing in it but its own fields; null for what is none. */
export function checkedMessage<M extends { type: string }>(shapes: Shapes<M>, message: unknown): M | null {
  if (typeof message !== 'object' || message === null) return null;
  const { type } = message as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return null;
  const fields = Object.entries<Check>(shapes[type as M['type']]);
  const given = message as Record<string, unknown>;
  if (!fields.every(([field, check]) => Object.hasOwn(given, field) && check(given[field]))) return null;
  return { type, ...Object.fromEntries(fields.map(([field]) => [field, given[field]])) } as unknown as M;
}
