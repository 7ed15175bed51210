// What JSON may hold where an object is expected: anything.

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object, an empty one in place of anything else. */
export const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {});
