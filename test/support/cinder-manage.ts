import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Has Cinder itself make its tables. */
export async function cinderManageSync(folder: string, url: string): Promise<void> {
  const file = join(folder, 'cinder.conf');
  writeFileSync(file, `[DEFAULT]\nstate_path = ${folder}\n[database]\nconnection = ${url.replaceAll('$', '$$$$')}\n`);
  await promisify(execFile)('cinder-manage', ['--config-file', file, 'db', 'sync'], { cwd: folder, timeout: 300_000 });
}
