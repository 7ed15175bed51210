// The built file itself: what it needs from the system and what it may not import.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeUnless, unlessOn } from '../support/where.ts';

const FILE = 'native/build/Release/deltallm.node';
const FLOOR = [2, 28];

describeUnless(unlessOn('linux'), 'the binary', () => {
  const symbols = () => execFileSync('objdump', ['-T', FILE], { encoding: 'utf8' }).split('\n');
  const imports = () => symbols().filter((line) => line.includes('*UND*')).map((line) => line.trim().split(/\s+/).at(-1)!);

  it('needs no symbol above GLIBC 2.28', () => {
    const versions = symbols().join('\n').match(/GLIBC_[\d.]+/g)!.map((name) => name.slice(6).split('.').map(Number));
    const above = versions.filter(([major, minor]) => major > FLOOR[0] || (major === FLOOR[0] && minor > FLOOR[1]));
    expect(above).toEqual([]);
  });

  it('needs no C++ library', () => {
    expect(symbols().join('\n')).not.toMatch(/GLIBCXX|CXXABI/);
    const needed = execFileSync('objdump', ['-p', FILE], { encoding: 'utf8' }).match(/NEEDED\s+\S+/g)!.map((line) => line.split(/\s+/)[1]);
    for (const library of needed) expect(library).toMatch(/^(libc\.so\.6|libpthread\.so\.0|libm\.so\.6|ld-linux-[\w-]+\.so\.\d)$/);
  });

  it('makes no external array buffers', () => {
    for (const name of imports()) expect(name).not.toMatch(/napi_create_external/);
  });

  it('cannot print, abort, exit, install handlers, or open anything', () => {
    const forbidden = /^(_?_?printf.*|f?puts|fputc|fwrite|write|v?f?printf|stderr|stdout|perror|abort|_?_?exit|_Exit|quick_exit|atexit|signal|sigaction|napi_fatal_error|open(64)?|fopen(64)?|socket|connect|system|exec.*|fork|__cxa_throw)$/;
    expect(imports().filter((name) => forbidden.test(name))).toEqual([]);
  });

  it('exports nothing but the module', () => {
    const exported = symbols().filter((line) => / \.text\s/.test(line)).map((line) => line.trim().split(/\s+/).at(-1));
    expect(exported.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });

  it('uses wide registers nowhere outside the kernel files', () => {
    // Code that runs before the CPU is known must be plain: no zmm register in any object but the kernels'.
    for (const folder of ['attention', 'binding', 'dispatch', 'kv', 'products', 'segments']) {
      const objects = execFileSync('find', [`native/build/Release/obj.target/deltallm/${folder}`, '-name', '*.o'], { encoding: 'utf8' }).trim().split('\n');
      for (const object of objects) expect(execFileSync('objdump', ['-d', object], { encoding: 'utf8', maxBuffer: 2 ** 27 }), object).not.toMatch(/%[yz]mm/);
    }
  });
});
