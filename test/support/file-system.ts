import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A file system of its own kind, mounted from a sparse file; it goes with the test. */
export function aFileSystem(t: Pick<TestContext, 'after'>, kind: 'xfs' | 'btrfs' | 'ext4', mebibytes = 512): string {
  const folder = mkdtempSync(join(tmpdir(), 'vd-'));
  const [image, mounted] = [join(folder, 'image'), join(folder, 'mounted')];
  writeFileSync(image, '');
  truncateSync(image, mebibytes * 2 ** 20);
  mkdirSync(mounted);
  execFileSync(`mkfs.${kind}`, ['-q', image], { stdio: ['ignore', 'ignore', 'inherit'], env: withSystemFolders() });
  execFileSync('mount', ['-o', 'loop', image, mounted], { stdio: 'inherit', env: withSystemFolders() });
  t.after(() => {
    // What the test closes only after this hook may be open still.
    execFileSync('umount', ['--lazy', mounted], { stdio: 'inherit', env: withSystemFolders() });
    rmSync(folder, { recursive: true });
  });
  return mounted;
}

/** Why no file system can be mounted here; undefined when it can. */
export function whyNoMount(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount a file system';
  try {
    execFileSync('losetup', ['-f'], { stdio: 'ignore', env: withSystemFolders() });
    return undefined;
  } catch {
    return 'this machine has no free loop device';
  }
}

function withSystemFolders(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
}
