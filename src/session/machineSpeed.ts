// How fast this machine is with matrices, measured in a moment, and what that means for a model that is not loaded yet.
import type { Addon } from '../binding/addon.ts';

export interface MachineSpeed {
  /** Bytes of weights a second where one row is multiplied: what writing a token asks for. */
  bytes: number;
  /** Multiply-adds a second where many are: what reading a prompt asks for. */
  multiplyAdds: number;
  /** The set of kernels that this CPU runs: "scalar" where it has none of the features that the others need. */
  kernels: string;
}

/** Q8_0: 32 elements in 34 bytes. Larger together than what a CPU keeps of its memory beside itself. */
const TYPE = 8;
const [ROWS, COLUMNS] = [16_384, 4096];
const ROW_BYTES = (COLUMNS / 32) * 34;
const MANY = 32;
const ROUNDS = 3;
/** Of a pass, what is products: the rest is attention, norms and the choice of a token. */
const SHARE_OF_PRODUCTS = 0.85;

export function machineSpeed(addon: Addon): MachineSpeed {
  const weights = addon.createWeights(TYPE, ROWS, COLUMNS, 1);
  try {
    const rows = new Uint8Array(ROW_BYTES * 1024);
    for (let row = 0; row < ROWS; row += 1024) addon.appendRows(weights, rows);
    const seconds = (count: number): number => {
      const [x, y] = [new Float32Array(count * COLUMNS).fill(0.5), new Float32Array(count * ROWS)];
      let best = Infinity;
      for (let round = 0; round < ROUNDS; round++) {
        const started = performance.now();
        addon.product(weights, x, count, y);
        best = Math.min(best, (performance.now() - started) / 1000);
      }
      return best;
    };
    return { bytes: (ROWS * ROW_BYTES) / seconds(1), multiplyAdds: (ROWS * COLUMNS * MANY) / seconds(MANY), kernels: addon.cpu().selected };
  } finally {
    addon.destroyWeights(weights);
  }
}

/** Tokens a second that a model will read and write: bytes of its weights, parameters that each token is multiplied with. */
export function predictedSpeed(machine: MachineSpeed, weights: number, parameters: number): { reads: number; writes: number } {
  return { reads: (SHARE_OF_PRODUCTS * machine.multiplyAdds) / parameters, writes: (SHARE_OF_PRODUCTS * machine.bytes) / weights };
}
