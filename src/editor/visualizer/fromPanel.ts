// What the visualizer's page sends is checked before it is believed.
import type { FromPanel } from '../../shared/panelProtocol.ts';
import { among, checkedMessage, count, nameOrNull, type Check, type Shapes } from '../checkedMessage.ts';

/** A picture of 1600 × 900 points has hardly a tenth of that. */
const MOST_BYTES = 32e6;
const png: Check = (value) => value instanceof Uint8Array && value.length <= MOST_BYTES && [0x89, 0x50, 0x4e, 0x47].every((byte, i) => value[i] === byte);

const shapes: Shapes<FromPanel> = {
  hello: { protocol: count, epoch: nameOrNull, seq: count },
  measure: {},
  compare: {},
  cancel: {},
  useMode: { mode: among('exact', 'balanced', 'compact') },
  map: { layer: count, head: count },
  reveal: { of: among('measurement', 'suggestion'), line: count },
  copyMarkdown: {},
  saveJson: {},
  saveImage: { png },
  imageCopied: {},
};

/** A message with nothing in it but its own fields; null for what is none. */
export const fromPanel = (message: unknown): FromPanel | null => checkedMessage(shapes, message);
