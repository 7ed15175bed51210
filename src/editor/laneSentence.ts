// The prefill lane in the log and in "Copy Diagnostics": in English, as both are.
import type { LaneState } from '../session/protocol.ts';

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** Whether prompts are read by 8-bit arithmetic, and why not. */
export function laneSentence(lane: LaneState): string {
  switch (lane.state) {
    case 'used': return `used, ${megabytes(lane.bytes)}`;
    case 'off': return 'not used: not asked for, or the mode is exact, or safe mode';
    case 'absent': return 'not used: the model was converted without it';
    case 'dependent': return 'not used: on this CPU a row would depend on those beside it';
    case 'lossy': return 'not used: it costs this model too much';
    case 'memory': return `not used: it needs ${megabytes(lane.bytes)}, and ${megabytes(lane.most)} may be taken of the memory that is free`;
  }
}
