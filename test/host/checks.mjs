// Counts checks and prints each as one sentence.

export const counts = { passed: 0, failed: /** @type {string[]} */ ([]), skipped: /** @type {string[]} */ ([]) };

/** Details that the summary repeats: what was printed here may be pages above it. */
const REPEATED = 4;

/** @param {boolean} ok @param {string} sentence @param {string[]} [details] printed below a sentence that does not hold */
export function check(ok, sentence, details = []) {
  if (ok) counts.passed++;
  else counts.failed.push([sentence, ...details.slice(0, REPEATED).map((detail) => detail.slice(0, 300))].join('\n      '));
  console.log(`${ok ? '✓' : '✗'} ${sentence}`);
  if (ok) return;
  for (const detail of details.slice(0, 20)) console.log(`    ${detail}`);
  if (details.length > 20) console.log(`    … and ${details.length - 20} more`);
}

/** @param {string} what @param {string} why */
export function skip(what, why) {
  counts.skipped.push(`${what}: ${why}`);
  console.log(`– ${what}: ${why}`);
}
