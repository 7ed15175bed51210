// A vitest reporter that writes what `npm test` sums up: counts, and each skipped test with the reason that the test gave.

import { writeFileSync } from 'node:fs';

export default class CountReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: /** @type {string[]} */ ([]) };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state, note } = /** @type {any} */ (test.result());
        if (state === 'passed') counts.passed++;
        else if (state === 'failed') counts.failed++;
        else counts.skipped.push(`${module.relativeModuleId}: ${test.fullName}${note ? ` (${note})` : ''}`);
      }
    }
    if (process.env.DELTALLM_TEST_COUNTS) writeFileSync(process.env.DELTALLM_TEST_COUNTS, JSON.stringify(counts));
  }
}
