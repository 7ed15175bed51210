// What the page of models sends is checked before it is believed.
import type { FromModels } from '../../shared/modelsProtocol.ts';
import { among, checkedMessage, count, name, type Check, type Shapes } from '../checkedMessage.ts';

const MOST_DROPPED = 20;
const MOST_IN_ADDRESS = 4096;
const uris: Check = (value) => Array.isArray(value) && value.length <= MOST_DROPPED && value.every((uri) => typeof uri === 'string' && uri.length <= MOST_IN_ADDRESS);

const shapes: Shapes<FromModels> = {
  hello: { protocol: count },
  find: {},
  chooseFile: {},
  drop: { uris },
  use: { role: among('completion', 'chat'), id: name },
  remove: { id: name },
  download: { id: name },
  cancel: { id: name },
  copyList: {},
  removeAll: {},
};

/** A message with nothing in it but its own fields; null for what is none. */
export const fromModels = (message: unknown): FromModels | null => checkedMessage(shapes, message);
