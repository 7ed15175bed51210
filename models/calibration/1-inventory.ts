// Stock levels of a small warehouse: reservations are made against lots, oldest first.
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

export interface Lot {
  id: string;
  sku: string;
  quantity: number;
  receivedAt: Date;
  expiresAt?: Date;
}

export interface Reservation {
  id: string;
  orderId: string;
  lines: { lotId: string; quantity: number }[];
}

export class OutOfStockError extends Error {
  constructor(
    readonly sku: string,
    readonly missing: number,
  ) {
    super(`Not enough of ${sku}: ${missing} missing`);
    this.name = 'OutOfStockError';
  }
}

export class Inventory {
  private readonly lots = new Map<string, Lot>();
  private readonly reservations = new Map<string, Reservation>();

  receive(sku: string, quantity: number, expiresAt?: Date): Lot {
    if (!Number.isInteger(quantity) || quantity <= 0) {
      throw new RangeError(`quantity must be a positive integer, got ${quantity}`);
    }
    const lot: Lot = { id: randomUUID(), sku, quantity, receivedAt: new Date(), expiresAt };
    this.lots.set(lot.id, lot);
    return lot;
  }

  /** What is on the shelf and not promised to anybody. */
  available(sku: string, now = new Date()): number {
    let total = 0;
    for (const lot of this.lots.values()) {
      if (lot.sku !== sku) continue;
      if (lot.expiresAt && lot.expiresAt <= now) continue;
      total += lot.quantity;
    }
    return total;
  }

  reserve(orderId: string, wanted: Record<string, number>): Reservation {
    const reservation: Reservation = { id: randomUUID(), orderId, lines: [] };
    for (const [sku, quantity] of Object.entries(wanted)) {
      let missing = quantity;
      const candidates = [...this.lots.values()]
        .filter((lot) => lot.sku === sku && lot.quantity > 0)
        .sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime());
      for (const lot of candidates) {
        const taken = Math.min(lot.quantity, missing);
        reservation.lines.push({ lotId: lot.id, quantity: taken });
        missing -= taken;
        if (missing === 0) break;
      }
      if (missing > 0) throw new OutOfStockError(sku, missing);
    }
    for (const { lotId, quantity } of reservation.lines) {
      this.lots.get(lotId)!.quantity -= quantity;
    }
    this.reservations.set(reservation.id, reservation);
    return reservation;
  }

  cancel(id: string): boolean {
    const reservation = this.reservations.get(id);
    if (!reservation) return false;
    for (const { lotId, quantity } of reservation.lines) {
      const lot = this.lots.get(lotId);
      if (lot) lot.quantity += quantity;
    }
    return this.reservations.delete(id);
  }

  async save(path: string): Promise<void> {
    const state = { lots: [...this.lots.values()], reservations: [...this.reservations.values()] };
    await writeFile(path, JSON.stringify(state, null, 2), 'utf8');
  }

  static async load(path: string): Promise<Inventory> {
    const inventory = new Inventory();
    const state = JSON.parse(await readFile(path, 'utf8'));
    for (const lot of state.lots) {
      inventory.lots.set(lot.id, { ...lot, receivedAt: new Date(lot.receivedAt), expiresAt: lot.expiresAt && new Date(lot.expiresAt) });
    }
    for (const reservation of state.reservations) inventory.reservations.set(reservation.id, reservation);
    return inventory;
  }
}
