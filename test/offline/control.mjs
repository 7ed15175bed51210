// What the offline check must catch: run as `node control.mjs WAY`, it does one forbidden thing and exits 0.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';

const [way, path] = process.argv.slice(2);

const listen = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => server.close(done));
});

switch (way) {
  case 'nothing':
    break;
  case 'socket':
    await listen();
    break;
  case 'threadSocket':
    await new Promise((done) => {
      const code = "require('node:net').createServer().listen(0, '127.0.0.1', function () { this.close(); })";
      new Worker(code, { eval: true }).on('exit', done);
    });
    break;
  case 'file':
    writeFileSync(path, '');
    break;
  case 'program':
    spawnSync('/bin/true');
    break;
  default:
    process.exit(2);
}
