// The text that the tests type into.

/** Beginnings of small TypeScript functions, each closed again: `hole` stands where the cursor goes. */
export const hole = '/*here*/';

export const inventory = `export interface Item {
  name: string;
  price: number;
  count: number;
}

export function total(items: Item[]): number {
  let sum = 0;
  for (const item of items) {
    sum += item.price * item.count;
  }
  return sum;
}

export function cheapest(items: Item[]): Item | undefined {
  let best: Item | undefined;
  for (const item of items) {
    if (!best || item.price < best.price) {
      best = item;
    }
  }
  return best;
}

export function names(items: Item[]): string[] {
  const result: string[] = [];
  for (const item of items) {
    result.push(item.name);
  }
  return result;
}

export function counts(items: Item[]): number[] {
${hole}
}
`;

/** For pictures: the beginning of a function, and what is typed into its hole. */
export const pictured = {
  text: inventory.replace('counts(items: Item[]): number[]', 'labels(items: Item[]): string[]'),
  typed: '  const result: string[] = [];\n',
};

/** What is typed into the hole at VS Code's default settings, and shows something there: the embedded model is sure of it. */
export const sure = ['  const result:'];

/** Enough to read for a while; the cursor belongs at its end. */
export const longText = `${Array.from({ length: 8 }, () => inventory.replace(hole, '')).join('\n')}\nexport function last(items: Item[]): number[] {\n`;
