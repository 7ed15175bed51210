export interface Item {
  name: string;
  price: number;
  count: number;
}

/** The price of everything in a basket. */
export function total(items: Item[]): number {
  let sum = 0;
  for (const item of items) {
    sum += item.price * item.count;
  }
  return sum;
}

/** The items that cost more than a limit. */
export function expensive(items: Item[], limit: number): Item[] {
  return items.filter((item) => item.price > limit);
}

/** The names of all items, in the order of the alphabet. */
export function names(items: Item[]): string[] {
  return items.map((item) => item.name).sort();
}

/** The number of things in a basket. Type behind `return `. */
export function count(items: Item[]): number {
  return 
}
