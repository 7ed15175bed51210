// Where the embedded model lies in the package. The packaging scripts read it here too, so it imports nothing.

/** The file in the source tree. */
export const STARTER_GGUF = 'models/starter/starter-q8_0.gguf';
/** Its model folder, in the package only. */
export const STARTER_CONVERTED = 'models/starter/converted';
