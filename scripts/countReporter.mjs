// A vitest reporter that writes what `npm test` sums up: for each project how many passed, each test that failed with the first line of why, and each skipped one
// with the reason that the test gave. It prints the
// slowest files: that is where the time of a run goes.

import { writeFileSync } from 'node:fs';

const SLOWEST = 10;

/** @param {unknown} message */
const firstLine = (message) => String(message).split('\n')[0];

export default class CountReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {Record<string, { passed: number, failed: string[], skipped: string[], seconds: number }>} */
    const projects = {};
    const of = (/** @type {string} */ project) => (projects[project] ??= { passed: 0, failed: [], skipped: [], seconds: 0 });
    for (const module of modules) {
      const counts = of(module.project.name);
      for (const { message } of module.errors()) counts.failed.push(`${module.relativeModuleId}: ${firstLine(message)}`);
      counts.seconds += module.diagnostic().duration / 1000;
      for (const test of module.children.allTests()) {
        const { state, note, errors } = /** @type {any} */ (test.result());
        if (state === 'passed') counts.passed++;
        else if (state === 'failed') counts.failed.push(`${module.relativeModuleId}: ${test.fullName} (${firstLine(errors?.[0]?.message)})`);
        else counts.skipped.push(`${module.relativeModuleId}: ${test.fullName}${note ? ` (${note})` : ''}`);
      }
    }
    for (const error of unhandledErrors) of('errors outside the tests').failed.push(firstLine(/** @type {any} */ (error).message));

    const slowest = modules.map((module) => ({ path: module.relativeModuleId, seconds: module.diagnostic().duration / 1000 })).sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
    console.log(`The slowest files, in seconds: ${slowest.map(({ path, seconds }) => `${path} ${seconds.toFixed(0)}`).join(' · ')}`);
    if (process.env.DELTALLM_TEST_COUNTS) writeFileSync(process.env.DELTALLM_TEST_COUNTS, JSON.stringify(projects));
  }
}
