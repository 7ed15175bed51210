// What every part of the page works with.
import type { FromPanel } from '../../src/shared/panelProtocol.ts';
import type { Frames } from '../chat/frames.ts';
import type { Figures } from './figures.ts';
import type { Ramp } from './ramp.ts';
import type { PanelText } from '../../src/shared/panelWords.ts';
import type { Say } from '../speak.ts';

export interface PanelContext {
  say: Say<PanelText>;
  figures: Figures;
  ramp: Ramp;
  frames: Frames;
  post(message: FromPanel): void;
  /** For screen readers. */
  tell(sentence: string): void;
  /** False in a file of its own, where nobody answers. */
  hasHost: boolean;
}
