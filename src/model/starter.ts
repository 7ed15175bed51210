// Where the embedded model lies in the package. The packaging scripts read it here too, so it imports nothing.

/** The file in the source tree and in the package. */
export const STARTER_GGUF = 'models/starter/starter-q8_0.gguf';
/** What was measured of it, beside it: `deltallm import` made it. */
export const STARTER_MEASURED = 'models/starter/measured';
