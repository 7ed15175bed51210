// Whose row was sampled: the addon samples the next pass that writes, whoever makes it, and tells only where in its text that was.
import type { LiveLooked } from '../shared/liveFigures.ts';
import type { Counted } from './liveFigures.ts';
import type { LookedAt } from './lookedAt.ts';

/** A completion whose rows may be sampled: where they looked is worked out when the first one is. */
export interface Watched {
  looked: () => LookedAt;
  /** What was written so far. */
  written: () => string;
}

export class Onlooker {
  /** The next pass that writes is sampled. */
  private isAsked = false;
  private sampled: { of: Watched | null; position: number } | null = null;
  private last: { of: Watched; looked: LookedAt } | null = null;

  /** The next pass that writes is sampled. */
  ask(): void {
    this.isAsked = true;
  }

  /** A pass that writes begins; what is given back must be called once it is complete. Null: nobody's rows are looked at by lines. */
  writing(of: Watched | null, position: number): () => void {
    // Whoever asks within a pass gets the next one.
    const isAsked = this.isAsked;
    return () => {
      if (!isAsked) return;
      this.isAsked = false;
      this.sampled = { of, position };
    };
  }

  /** What the addon counted, with the rows of the completion that was sampled last. */
  looked({ sample, tokens, shape }: Counted, known: string | undefined): LiveLooked | null {
    const { sampled } = this;
    if (sampled && sample?.position === sampled.position) {
      this.sampled = null;
      const { of } = sampled;
      if (of) {
        if (this.last?.of !== of) this.last = { of, looked: of.looked() };
        this.last.looked.add(sample.position, tokens, sample.sinks.reduce((sum, share) => sum + share, 0) / (shape.layers * shape.heads));
      }
    }
    return this.last && this.last.looked.figures(this.last.of.written(), known);
  }
}
